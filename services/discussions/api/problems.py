"""The HTTP API of problems."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import (
    Author,
    CommunityPath,
    Hidden,
    ProblemPath,
    Reactions,
    milliseconds,
    moment,
)
from services.discussions.commands import problems as commands
from services.discussions.domain.problem import Link, Problem, ProblemState
from services.discussions.queries import Names
from shared.contracts.discussions import LinkKind
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Tag, TagList, TitleText, View

router = APIRouter(tags=["problems"])


class ProblemText(texts.Request):
    """A problem's text, whole."""

    title: TitleText = Field(examples=["Permits wait for a signature"])
    body: BodyText = Field(examples=["Every permit waits **nine days** on paper."])
    tags: TagList = Field(default_factory=list, examples=[["permits", "digital-signature"]])


class NewLink(texts.Request):
    """A link to another problem."""

    kind: LinkKind
    target_id: Identifier


class LinkView(View):
    """A link to another problem."""

    kind: LinkKind
    target_id: str

    @staticmethod
    def of(link: Link) -> LinkView:
        """The view of ``link``."""
        return LinkView(kind=link.kind, target_id=link.target_id)


class ProblemView(MarkdownView):
    """A problem."""

    id: str
    community_id: str
    author: Author
    title: str
    body: str
    tags: list[str]
    state: ProblemState
    solutions: int
    accepted_id: str | None
    links: list[LinkView]
    imported_score: int | None
    reactions: Reactions
    hidden: Hidden
    posted_at: AwareDatetime
    updated_at: AwareDatetime
    revision: int

    @staticmethod
    def of(problem: Problem, names: Names) -> ProblemView:
        """The view of ``thread``'s problem."""
        return ProblemView(
            id=problem.thread_id,
            author=Author.of(problem.author_id, problem, names),
            hidden=bool(problem.hidden),
            links=[LinkView.of(link) for link in problem.links],
            **problem.model_dump(exclude={"thread_id", "author_id", "links", "version", "hidden"}),
        )


@router.post(
    "/communities/{community_id}/problems",
    status_code=201,
    response_model=ProblemView,
    responses=WRITE_PROBLEMS,
)
async def post_problem(
    community_id: CommunityPath, body: ProblemText, mutate: Mutating, database: Db
) -> Response:
    """Post a problem."""
    thread_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.post_problem(
            uow, mutate.caller.member_id, thread_id, community_id, **body.model_dump()
        )
        return await _answer(database, mutate.caller, problem, 201, f"/v1/problems/{thread_id}")

    return await mutate(work)


@router.get(
    "/communities/{community_id}/problems",
    response_model=Page[ProblemView],
    responses=READ_PROBLEMS,
)
async def list_problems(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: ProblemState | None = None,
    tag: Annotated[Tag | None, Query(description="Only those with this tag.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ProblemView]:
    """A community's problems, newest first."""
    before = moment(cursor) if cursor else None
    rows = await queries.problems(
        database, caller, community_id, state=state, tag=tag, before=before, limit=limit + 1
    )
    shown, following = page(rows, limit, lambda row: milliseconds(row.posted_at), lambda row: row.thread_id)
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return Page(items=[ProblemView.of(row, names) for row in shown], next=following)


@router.get("/problems/{problem_id}", response_model=ProblemView, responses=READ_PROBLEMS)
async def read_problem(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> ProblemView:
    """A problem."""
    problem, _ = await queries.problem(database, caller, problem_id)
    response.headers["ETag"] = etag(problem.revision)
    names = await queries.names(database, caller, [problem], [problem.author_id])
    return await ProblemView.of(problem, names).rendered(html)


@router.put("/problems/{problem_id}", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def edit_problem(
    problem_id: ProblemPath, body: ProblemText, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit a problem. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.edit_problem(
            uow, mutate.caller.member_id, problem_id, version, **body.model_dump()
        )
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.post("/problems/{problem_id}/resolve", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def resolve(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Say that a problem is resolved. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.resolve(uow, mutate.caller.member_id, problem_id)
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.post("/problems/{problem_id}/reopen", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def reopen(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Say that a resolved problem turned out not to be."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.reopen(uow, mutate.caller.member_id, problem_id)
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.post("/problems/{problem_id}/links", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def link(problem_id: ProblemPath, body: NewLink, mutate: Mutating, database: Db) -> Response:
    """Link a problem to another: as its duplicate, or as related."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _answer(
            database,
            mutate.caller,
            await commands.link(uow, mutate.caller.member_id, problem_id, body.kind, body.target_id),
        )

    return await mutate(work)


async def _answer(
    database: Database, caller: Caller, problem: Problem, status: int = 200, location: str | None = None
) -> Answer:
    names = await queries.names(database, caller, [problem], [problem.author_id])
    return Answer(ProblemView.of(problem, names), status, problem.revision, location)
