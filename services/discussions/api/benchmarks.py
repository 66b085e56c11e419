"""The HTTP API of benchmarks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, CommunityPath, Hidden, Reactions, milliseconds, moment
from services.discussions.api.content import WantedTag
from services.discussions.commands import benchmarks as commands
from services.discussions.domain.benchmark import Benchmark, BenchmarkAnswer, BenchmarkState, Column, Value
from services.discussions.queries import Names, benchmarks
from shared.contracts.content import Measure
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Moment, Name, Note, TagList, TitleText, View

router = APIRouter(tags=["benchmarks"])

BenchmarkPath = Annotated[str, Path(max_length=100, description="A benchmark's id.")]
Number = Annotated[float, Field(strict=True, ge=-1e15, le=1e15, allow_inf_nan=False)]


class NumberMeasure(texts.Request):
    """A number, in a unit that all answers have in common."""

    kind: Literal["number"]
    name: Name = Field(examples=["Days to a permit"])
    unit: Name = Field(examples=["days"])
    lowest: Number | None = Field(None, examples=[0])
    highest: Number | None = Field(None, examples=[365])


class ChoiceMeasure(texts.Request):
    """One of a few choices."""

    kind: Literal["choice"]
    name: Name = Field(examples=["Signed digitally"])
    choices: list[Name] = Field(min_length=2, max_length=20, examples=[["all", "some", "none"]])


class NewBenchmark(texts.Request):
    """A question, and the measures in which it is answered. None of it can be changed later."""

    title: TitleText = Field(examples=["How long does a permit take you?"])
    body: BodyText = Field(examples=["From the day it arrives to the day it is signed."])
    tags: TagList = Field(default_factory=list, examples=[["permits"]])
    measures: list[Annotated[NumberMeasure | ChoiceMeasure, Field(discriminator="kind")]] = Field(
        min_length=1, max_length=20
    )
    nameless: bool = Field(
        False, description="Nobody learns whose answer is whose, and none is shown before there are three."
    )
    closes_at: Moment | None = Field(
        None, description="When it closes by itself.", examples=["2026-06-30T16:00:00Z"]
    )


class NewValue(texts.Request):
    """What one answers to a measure. The unit is repeated: what is in another one is refused."""

    measure: Name = Field(examples=["Days to a permit"])
    value: Number | Name = Field(examples=[9])
    unit: Name | None = Field(None, examples=["days"])


class NewAnswer(texts.Request):
    """An organisation's answer; not every measure need be answered."""

    values: list[NewValue] = Field(min_length=1, max_length=20)
    note: Note = Field(
        "", description="What others should know to compare it.", examples=["Without appeals."]
    )

    def fields(self) -> dict[str, Any]:
        """The fields of an answer."""
        return {"values": [Value(**value.model_dump()) for value in self.values], "note": self.note}


class BenchmarkView(MarkdownView):
    """A benchmark."""

    id: str
    community_id: str
    author: Author
    title: str = Field(examples=["How long does a permit take you?"])
    body: str
    tags: list[str]
    state: BenchmarkState
    measures: list[Measure]
    nameless: bool
    closes_at: AwareDatetime | None
    answers: int
    reactions: Reactions
    hidden: Hidden
    posted_at: AwareDatetime

    @staticmethod
    def of(benchmark: Benchmark, names: Names) -> BenchmarkView:
        """The view of ``benchmark``."""
        return BenchmarkView(
            id=benchmark.thread_id,
            author=Author.of(benchmark.author_id, benchmark, names),
            hidden=bool(benchmark.hidden),
            **benchmark.model_dump(include=set(BenchmarkView.model_fields) - {"author", "hidden"}),
        )


class ValueView(View):
    """What was answered to a measure."""

    measure: str = Field(examples=["Days to a permit"])
    value: float | str = Field(examples=[9])
    unit: str | None = Field(examples=["days"])


class AnswerView(View):
    """The answer of your organisation, or yours where you have none."""

    org_id: str | None
    answered_by: Author | None = Field(description="Nobody where an import does not know.")
    values: list[ValueView]
    note: str
    at: AwareDatetime
    revision: int

    @staticmethod
    def of(answer: BenchmarkAnswer, names: Names) -> AnswerView:
        """The view of ``answer``."""
        return AnswerView(
            answered_by=Author.of(answer.answered_by, answer, names) if answer.answered_by else None,
            **answer.model_dump(include=set(AnswerView.model_fields) - {"answered_by"}),
        )


class ColumnView(View):
    """A measure, and what was answered to it."""

    measure: Measure
    answered: int = Field(description="How many answered it.")
    lowest: float | None = Field(description="Of numbers.", examples=[2])
    median: float | None = Field(description="Of numbers.", examples=[5.5])
    highest: float | None = Field(description="Of numbers.", examples=[31])
    chosen: dict[str, int] = Field(
        description="Of choices, how often each was made.", examples=[{"all": 1, "some": 4, "none": 2}]
    )

    @staticmethod
    def of(column: Column) -> ColumnView:
        """The view of ``column``."""
        return ColumnView(**column._asdict())


class RowView(View):
    """An answer. In a nameless benchmark it does not say whose, but for your own."""

    own: bool = Field(description="Whether it is your organisation's.")
    org_id: str | None
    member: Author | None = Field(description="Who answers for themselves, having no organisation.")
    cells: list[float | str | None] = Field(
        description="In the order of the columns; nothing where it was not answered.", examples=[[9, "some"]]
    )
    note: str


class TableView(View):
    """All answers side by side."""

    withheld: bool = Field(description="There are too few yet to be shown without names.")
    answers: int
    columns: list[ColumnView]
    rows: list[RowView]


@router.post(
    "/communities/{community_id}/benchmarks",
    status_code=201,
    response_model=BenchmarkView,
    responses=WRITE_PROBLEMS,
)
async def open_benchmark(
    community_id: CommunityPath, body: NewBenchmark, mutate: Mutating, database: Db
) -> Response:
    """Ask all organisations of a community the same question."""
    thread_id = new_id()
    measures = [Measure(**measure.model_dump()) for measure in body.measures]

    async def work(uow: UnitOfWork) -> Answer:
        benchmark = await commands.open_(
            uow, mutate.caller.member_id, thread_id, community_id, **{**dict(body), "measures": measures}
        )
        view = await _view(database, mutate.caller, benchmark)
        return Answer(view, 201, location=f"/v1/benchmarks/{thread_id}")

    return await mutate(work)


@router.get(
    "/communities/{community_id}/benchmarks",
    response_model=Page[BenchmarkView],
    responses=READ_PROBLEMS,
)
async def list_benchmarks(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: Annotated[BenchmarkState | None, Query(description="Only those in this state.")] = None,
    tag: WantedTag = None,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[BenchmarkView]:
    """A community's benchmarks, newest first."""
    before = moment(cursor) if cursor else None
    rows = await benchmarks.in_community(
        database, caller, community_id, state=state, tag=tag, before=before, limit=limit + 1
    )
    shown, following = page(rows, limit, lambda row: milliseconds(row.posted_at), lambda row: row.thread_id)
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return Page(
        items=await all_rendered([BenchmarkView.of(row, names) for row in shown], html), next=following
    )


@router.get("/benchmarks/{benchmark_id}", response_model=BenchmarkView, responses=READ_PROBLEMS)
async def read_benchmark(
    benchmark_id: BenchmarkPath, caller: AuthenticatedCaller, database: Db, html: WantsHtml = False
) -> BenchmarkView:
    """A benchmark."""
    view = await _view(database, caller, await benchmarks.benchmark(database, caller, benchmark_id))
    return await rendered(view, html)


@router.get("/benchmarks/{benchmark_id}/table", response_model=TableView, responses=READ_PROBLEMS)
async def read_table(benchmark_id: BenchmarkPath, caller: AuthenticatedCaller, database: Db) -> TableView:
    """All answers side by side, with the spread of each measure."""
    benchmark, table, own = await benchmarks.table(database, caller, benchmark_id)
    alone = [] if benchmark.nameless else [row.answered_by for row in table.rows if row.org_id is None]
    names = await queries.names(database, caller, [benchmark], alone)
    rows = []
    for row in table.rows:
        mine = row.respondent == own
        named = mine or not benchmark.nameless
        given = {value.measure: value.value for value in row.values}
        rows.append(
            RowView(
                own=mine,
                org_id=row.org_id if named else None,
                member=Author.of(row.answered_by, row, names)
                if named and row.org_id is None and row.answered_by
                else None,
                cells=[given.get(measure.name) for measure in benchmark.measures],
                note=row.note,
            )
        )
    columns = [ColumnView.of(column) for column in table.columns]
    return TableView(withheld=table.withheld, answers=benchmark.answers, columns=columns, rows=rows)


@router.get("/benchmarks/{benchmark_id}/answer", response_model=AnswerView, responses=READ_PROBLEMS)
async def read_answer(
    benchmark_id: BenchmarkPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> AnswerView:
    """Your organisation's answer."""
    answer = await benchmarks.own_answer(database, caller, benchmark_id)
    response.headers["ETag"] = etag(answer.revision)
    return await _answer_view(database, caller, answer)


@router.post(
    "/benchmarks/{benchmark_id}/answer", status_code=201, response_model=AnswerView, responses=WRITE_PROBLEMS
)
async def answer_benchmark(
    benchmark_id: BenchmarkPath, body: NewAnswer, mutate: Mutating, database: Db
) -> Response:
    """Answer for your organisation; for yourself if you have none."""
    answer_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        answer = await commands.answer(
            uow, mutate.caller.member_id, benchmark_id, answer_id, None, **body.fields()
        )
        return Answer(await _answer_view(database, mutate.caller, answer), 201, answer.revision)

    return await mutate(work)


@router.put("/benchmarks/{benchmark_id}/answer", response_model=AnswerView, responses=WRITE_PROBLEMS)
async def edit_answer(
    benchmark_id: BenchmarkPath, body: NewAnswer, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit your organisation's answer, whole, whoever of it gave it."""

    async def work(uow: UnitOfWork) -> Answer:
        answer = await commands.answer(
            uow, mutate.caller.member_id, benchmark_id, "", version, **body.fields()
        )
        return Answer(await _answer_view(database, mutate.caller, answer), version=answer.revision)

    return await mutate(work)


@router.post("/benchmarks/{benchmark_id}/close", response_model=BenchmarkView, responses=WRITE_PROBLEMS)
async def close_benchmark(benchmark_id: BenchmarkPath, mutate: Mutating, database: Db) -> Response:
    """Take no more answers. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        benchmark = await commands.close(uow, mutate.caller.member_id, benchmark_id)
        return Answer(await _view(database, mutate.caller, benchmark))

    return await mutate(work)


async def _view(database: Database, caller: Caller, benchmark: Benchmark) -> BenchmarkView:
    names = await queries.names(database, caller, [benchmark], [benchmark.author_id])
    return BenchmarkView.of(benchmark, names)


async def _answer_view(database: Database, caller: Caller, answer: BenchmarkAnswer) -> AnswerView:
    return AnswerView.of(answer, await queries.names(database, caller, [answer], [answer.answered_by]))
