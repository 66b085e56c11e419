"""The HTTP API of adaptations: what other teams made of a solution, and who adapted what from whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, CommunityPath, Hidden, Reactions, SolutionPath
from services.discussions.api.practices import Words
from services.discussions.commands import adaptations as commands
from services.discussions.domain.adaptation import Adaptation, Note
from services.discussions.queries import Names
from services.discussions.queries import adaptations as reads
from shared.contracts.practices import AdaptationOutcome, AdaptationState, Measure
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Line, TitleText, View
from shared.web.texts import Note as NoteText

router = APIRouter(tags=["adaptations"])

AdaptationPath = Annotated[str, Path(max_length=100, description="An adaptation's id.")]
Figure = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
WantedState = Annotated[AdaptationState | None, Query(description="Only those in this state.")]


class NewAdaptation(texts.Request):
    """What a team changes of a solution, and why."""

    title: TitleText = Field(description="Where, in a line.", examples=["Permit office, Parramatta"])
    changes: BodyText = Field(examples=["We sign with the state's ID."])
    reasons: BodyText = Field(examples=["There is no national eID here."])
    parent_id: Identifier | None = Field(
        None, description="The adaptation that it adapts; none where it adapts the solution itself."
    )
    in_use: bool = Field(False, description="Whether it is in use already, not only planned.")


class NewMeasure(texts.Request):
    """What was measured before and after."""

    name: TitleText = Field(examples=["Time to a permit"])
    unit: Annotated[Line, Field(max_length=50)] = Field(examples=["days"])
    before: Figure = Field(examples=[9.0])
    after: Figure = Field(examples=[2.5])


class Outcome(texts.Request):
    """What came of an adaptation."""

    outcome: AdaptationOutcome = Field(examples=["worked"])
    revision: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = Field(
        None,
        description="The solution's revision that it is told of; if absent, the one adapted.",
        examples=[2],
    )
    measures: list[NewMeasure] = Field(default_factory=list, max_length=10)
    note: NoteText = Field("", examples=["The queue is gone."])


class Progress(texts.Request):
    """How an adaptation goes."""

    body: Words = Field(examples=["The first week: two permits signed, nobody called."])


class MeasureView(View):
    """What was measured before and after."""

    name: str
    unit: str = Field(examples=["days"])
    before: float = Field(examples=[9.0])
    after: float = Field(examples=[2.5])


class AdaptationView(MarkdownView):
    """What a team changed of a solution, and what came of it."""

    markdown = ("changes", "reasons")

    id: str
    problem_id: str
    community_id: str
    solution_id: str
    parent_id: str | None
    adopter: Author
    org_id: str | None = Field(description="For which organisation they adapted it.")
    source: Author = Field(description="Whose work they adapted.")
    source_org_id: str | None
    revision: int = Field(description="The solution's revision that it, or its outcome, is about.")
    title: str
    changes: str = Field(examples=["We sign with the state's ID."])
    reasons: str = Field(examples=["There is no national eID here."])
    state: AdaptationState
    measures: list[MeasureView]
    outcome_note: str = Field(examples=["The queue is gone."])
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    outcome_at: AwareDatetime | None
    reactions: Reactions
    hidden: Hidden
    updated_at: AwareDatetime

    @staticmethod
    def of(adaptation: Adaptation, names: Names) -> AdaptationView:
        """The view of ``adaptation``."""
        return AdaptationView(
            id=adaptation.adaptation_id,
            problem_id=adaptation.thread_id,
            adopter=Author.of(adaptation.author_id, adaptation, names),
            source=Author.of(adaptation.source_id, adaptation, names),
            measures=[MeasureView(**each.model_dump()) for each in adaptation.measures],
            changes=adaptation.body,
            hidden=bool(adaptation.hidden),
            **adaptation.model_dump(
                include={
                    "community_id", "solution_id", "parent_id", "org_id", "source_org_id", "revision",
                    "title", "reasons", "state", "outcome_note", "created_at", "started_at",
                    "outcome_at", "reactions", "updated_at",
                }
            ),
        )  # fmt: skip


class NoteView(MarkdownView):
    """What an adopter told on the way."""

    id: str
    author: Author
    body: str
    at: AwareDatetime

    @staticmethod
    def of(note: Note, adaptation: Adaptation, names: Names) -> NoteView:
        """The view of ``note`` on ``adaptation``."""
        return NoteView(
            id=note.note_id,
            author=Author.of(note.author_id, adaptation, names),
            body=note.body,
            at=note.at,
        )


class NodeView(View):
    """A solution or an adaptation, with who made it and where."""

    id: str
    kind: str = Field(description="`solution` or `adaptation`.", examples=["adaptation"])
    by: Author
    org_id: str | None


class EdgeView(View):
    """An adaptation: somebody adapted something from somebody."""

    source: NodeView
    target: NodeView
    solution_id: str
    state: AdaptationState
    at: AwareDatetime

    @staticmethod
    def of(adaptation: Adaptation, names: Names) -> EdgeView:
        """The edge that ``adaptation`` is."""
        return EdgeView(
            source=NodeView(
                id=adaptation.parent_id or adaptation.solution_id,
                kind="adaptation" if adaptation.parent_id else "solution",
                by=Author.of(adaptation.source_id, adaptation, names),
                org_id=adaptation.source_org_id,
            ),
            target=NodeView(
                id=adaptation.adaptation_id,
                kind="adaptation",
                by=Author.of(adaptation.author_id, adaptation, names),
                org_id=adaptation.org_id,
            ),
            solution_id=adaptation.solution_id,
            state=adaptation.state,
            at=adaptation.created_at,
        )


@router.post(
    "/solutions/{solution_id}/adaptations",
    status_code=201,
    response_model=AdaptationView,
    responses=WRITE_PROBLEMS,
)
async def adapt(solution_id: SolutionPath, body: NewAdaptation, mutate: Mutating, database: Db) -> Response:
    """Record that your team adapts a solution, or another team's adaptation of it."""
    adaptation_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        made = await commands.begin(
            uow, mutate.caller.member_id, adaptation_id, solution_id, **body.model_dump()
        )
        return await _answer(database, mutate.caller, made, 201, f"/v1/adaptations/{adaptation_id}")

    return await mutate(work)


@router.get(
    "/solutions/{solution_id}/adaptations", response_model=Page[AdaptationView], responses=READ_PROBLEMS
)
async def list_adaptations(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: WantedState = None,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[AdaptationView]:
    """What others made of a solution, oldest first."""
    rows = await reads.of_solution(database, caller, solution_id, state, _after(cursor), limit + 1)
    shown, following = page(rows, limit, lambda row: row.adaptation_id)
    names = await _names(database, caller, shown)
    return Page(
        items=await all_rendered([AdaptationView.of(row, names) for row in shown], html), next=following
    )


@router.get(
    "/communities/{community_id}/adaptation-graph", response_model=Page[EdgeView], responses=READ_PROBLEMS
)
async def read_graph(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[EdgeView]:
    """Who adapted what from whom, across organisations: an edge for each adaptation, oldest first.

    A node that occurs in several edges has the same id in each.
    """
    rows = await reads.of_community(database, caller, community_id, _after(cursor), limit + 1)
    shown, following = page(rows, limit, lambda row: row.adaptation_id)
    names = await _names(database, caller, shown)
    return Page(items=[EdgeView.of(row, names) for row in shown], next=following)


@router.get("/adaptations/{adaptation_id}", response_model=AdaptationView, responses=READ_PROBLEMS)
async def read_adaptation(
    adaptation_id: AdaptationPath, caller: AuthenticatedCaller, database: Db, html: WantsHtml = False
) -> AdaptationView:
    """An adaptation."""
    found = await reads.adaptation(database, caller, adaptation_id)
    view = AdaptationView.of(found, await _names(database, caller, [found]))
    return await rendered(view, html)


@router.post("/adaptations/{adaptation_id}/start", response_model=AdaptationView, responses=WRITE_PROBLEMS)
async def start(adaptation_id: AdaptationPath, mutate: Mutating, database: Db) -> Response:
    """What you planned is in use. You are asked what came of it some weeks later."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.start(uow, mutate.caller.member_id, adaptation_id)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post(
    "/adaptations/{adaptation_id}/notes", status_code=201, response_model=NoteView, responses=WRITE_PROBLEMS
)
async def tell(adaptation_id: AdaptationPath, body: Progress, mutate: Mutating, database: Db) -> Response:
    """Tell how your adaptation goes."""
    note_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        adaptation, note = await commands.tell(
            uow, mutate.caller.member_id, note_id, adaptation_id, body.body
        )
        names = await _names(database, mutate.caller, [adaptation])
        return Answer(NoteView.of(note, adaptation, names), 201)

    return await mutate(work)


@router.get("/adaptations/{adaptation_id}/notes", response_model=Page[NoteView], responses=READ_PROBLEMS)
async def list_notes(
    adaptation_id: AdaptationPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[NoteView]:
    """What was told of an adaptation, oldest first."""
    found = await reads.adaptation(database, caller, adaptation_id)
    rows = await reads.notes(database, found, _after(cursor), limit + 1)
    shown, following = page(rows, limit, lambda row: row.note_id)
    names = await _names(database, caller, [found])
    return Page(
        items=await all_rendered([NoteView.of(row, found, names) for row in shown], html), next=following
    )


@router.put("/adaptations/{adaptation_id}/outcome", response_model=AdaptationView, responses=WRITE_PROBLEMS)
async def report(adaptation_id: AdaptationPath, body: Outcome, mutate: Mutating, database: Db) -> Response:
    """Tell what came of your adaptation; again, when that changed or the solution did."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.report(
            uow,
            mutate.caller.member_id,
            adaptation_id,
            outcome=body.outcome,
            revision=body.revision,
            measures=[Measure(**each.model_dump()) for each in body.measures],
            note=body.note,
        )
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


def _after(cursor: str | None) -> str:
    return str(read_cursor(cursor, str)[0]) if cursor else ""


async def _answer(
    database: Database, caller: Caller, adaptation: Adaptation, status: int = 200, location: str | None = None
) -> Answer:
    view = AdaptationView.of(adaptation, await _names(database, caller, [adaptation]))
    return Answer(view, status, location=location)


async def _names(database: Database, caller: Caller, adaptations: Iterable[Adaptation]) -> Names:
    adaptations = list(adaptations)
    people = [each.author_id for each in adaptations] + [each.source_id for each in adaptations]
    return await queries.names(database, caller, adaptations, people)
