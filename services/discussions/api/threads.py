"""The HTTP API of discussions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.commands import threads as commands
from services.discussions.domain.solution import Revision, Solution
from services.discussions.domain.thread import Comment, Link, ProblemState, Thread
from services.discussions.queries import Names
from shared.contracts.discussions import Basis, ItemKind, LinkKind
from shared.errors import BadRequest
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Note, Tag, TagList, TitleText, View

router = APIRouter()

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]
ProblemPath = Annotated[str, Path(max_length=100, description="A problem's id.")]
SolutionPath = Annotated[str, Path(max_length=100, description="A solution's id.")]


class ProblemText(texts.Request):
    """A problem's text, whole."""

    title: TitleText = Field(examples=["Permits wait for a signature"])
    body: BodyText = Field(examples=["Every permit waits **nine days** on paper."])
    tags: TagList = Field(default_factory=list, examples=[["permits", "digital-signature"]])


class NewLink(texts.Request):
    """A link to another problem."""

    kind: LinkKind
    target_id: Identifier


class NewSolution(texts.Request):
    """A solution to propose."""

    body: BodyText = Field(examples=["Sign with the national eID, then archive the PDF."])


class NewRevision(texts.Request):
    """A new text for a solution."""

    body: BodyText
    note: Note = Field("", description="What changed and why.")
    major: bool = Field(False, description="Earlier endorsements become stale.")


class NewEndorsement(texts.Request):
    """On which basis one vouches for a solution."""

    basis: Basis = Field(examples=["tried"])


class Acceptance(texts.Request):
    """Which solution solved it."""

    solution_id: Identifier


class NewComment(texts.Request):
    """A perspective on the problem, one of its solutions, or one of its comments."""

    item_kind: ItemKind = Field(examples=["solution"])
    item_id: Identifier
    body: BodyText = Field(examples=["With us it took two weeks to get the eID contract."])
    mentions: list[Identifier] = Field(default_factory=list, max_length=20)


class Author(View):
    """Who wrote something."""

    id: str
    name: str | None = Field(description="Absent until this service has heard of them.")
    org_id: str | None

    @staticmethod
    def of(member_id: str, names: Names) -> Author:
        """The author, as far as known."""
        name, org_id = names.get(member_id, (None, None))
        return Author(id=member_id, name=name, org_id=org_id)


class LinkView(View):
    """A link to another problem."""

    kind: LinkKind
    target_id: str

    @staticmethod
    def of(link: Link) -> LinkView:
        """The view of ``link``."""
        return LinkView(kind=link.kind, target_id=link.target_id)


class ProblemView(View):
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
    posted_at: AwareDatetime
    updated_at: AwareDatetime
    revision: int

    @staticmethod
    def of(thread: Thread, names: Names) -> ProblemView:
        """The view of ``thread``'s problem."""
        return ProblemView(
            id=thread.thread_id,
            author=Author.of(thread.author_id, names),
            links=[LinkView.of(link) for link in thread.links],
            **thread.model_dump(exclude={"thread_id", "author_id", "links", "version"}),
        )


class SolutionView(View):
    """A solution with its latest text."""

    id: str
    problem_id: str
    community_id: str
    author: Author
    body: str
    revision: int
    endorsements: int = Field(description="Current ones.")
    tried: int = Field(description="Those among them who tried it.")
    accepted: bool
    imported_score: int | None
    proposed_at: AwareDatetime
    updated_at: AwareDatetime

    @staticmethod
    def of(solution: Solution, names: Names) -> SolutionView:
        """The view of ``solution``."""
        return SolutionView(
            id=solution.solution_id,
            problem_id=solution.thread_id,
            author=Author.of(solution.author_id, names),
            **solution.model_dump(exclude={"solution_id", "thread_id", "author_id", "authors"}),
        )


class RevisionView(View):
    """One text of a solution."""

    number: int
    author: Author
    body: str
    note: str
    major: bool
    at: AwareDatetime

    @staticmethod
    def of(revision: Revision, names: Names) -> RevisionView:
        """The view of ``revision``."""
        return RevisionView(
            author=Author.of(revision.author_id, names),
            **revision.model_dump(exclude={"solution_id", "author_id"}),
        )


class CommentView(View):
    """A comment."""

    id: str
    problem_id: str
    author: Author
    item_kind: ItemKind
    item_id: str
    body: str
    mentions: list[str]
    at: AwareDatetime

    @staticmethod
    def of(comment: Comment, names: Names) -> CommentView:
        """The view of ``comment``."""
        return CommentView(
            id=comment.comment_id,
            problem_id=comment.thread_id,
            author=Author.of(comment.author_id, names),
            **comment.model_dump(exclude={"comment_id", "thread_id", "community_id", "author_id"}),
        )


async def _names(database: Database, member_ids: Iterable[str]) -> Names:
    return await queries.names(database, member_ids)


def _moment(cursor: str) -> tuple[datetime, str]:
    milliseconds, item_id = read_cursor(cursor, int, str)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC), item_id
    except (OverflowError, OSError, ValueError):
        raise BadRequest(
            "bad-cursor", "The cursor is not one of this list.", field="cursor", fix="Start without a cursor."
        ) from None


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


# -- problems ------------------------------------------------------------------------------------------


@router.post(
    "/communities/{community_id}/problems",
    status_code=201,
    response_model=ProblemView,
    responses=WRITE_PROBLEMS,
    tags=["problems"],
)
async def post_problem(
    community_id: CommunityPath, body: ProblemText, mutate: Mutating, database: Db
) -> Response:
    """Post a problem."""
    thread_id = new_id()
    names = await _names(database, [mutate.caller.member_id])

    async def work(uow: UnitOfWork) -> Answer:
        thread = await commands.post_problem(
            uow, mutate.caller.member_id, thread_id, community_id, **body.model_dump()
        )
        return Answer(ProblemView.of(thread, names), 201, thread.revision, f"/v1/problems/{thread_id}")

    return await mutate(work)


@router.get(
    "/communities/{community_id}/problems",
    response_model=Page[ProblemView],
    responses=READ_PROBLEMS,
    tags=["problems"],
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
    before = _moment(cursor) if cursor else None
    rows = await queries.problems(
        database, caller, community_id, state=state, tag=tag, before=before, limit=limit + 1
    )
    shown, following = page(rows, limit, lambda row: _milliseconds(row.posted_at), lambda row: row.thread_id)
    names = await _names(database, (row.author_id for row in shown))
    return Page(items=[ProblemView.of(row, names) for row in shown], next=following)


@router.get("/problems/{problem_id}", response_model=ProblemView, responses=READ_PROBLEMS, tags=["problems"])
async def read_problem(
    problem_id: ProblemPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> ProblemView:
    """A problem."""
    thread = await queries.problem(database, caller, problem_id)
    response.headers["ETag"] = etag(thread.revision)
    return ProblemView.of(thread, await _names(database, [thread.author_id]))


@router.put("/problems/{problem_id}", response_model=ProblemView, responses=WRITE_PROBLEMS, tags=["problems"])
async def edit_problem(
    problem_id: ProblemPath, body: ProblemText, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit a problem. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        thread = await commands.edit_problem(
            uow, mutate.caller.member_id, problem_id, version, **body.model_dump()
        )
        return await _problem(database, thread)

    return await mutate(work)


@router.post(
    "/problems/{problem_id}/resolve", response_model=ProblemView, responses=WRITE_PROBLEMS, tags=["problems"]
)
async def resolve(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Say that a problem is resolved. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _problem(database, await commands.resolve(uow, mutate.caller.member_id, problem_id))

    return await mutate(work)


@router.post(
    "/problems/{problem_id}/reopen", response_model=ProblemView, responses=WRITE_PROBLEMS, tags=["problems"]
)
async def reopen(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Say that a resolved problem turned out not to be."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _problem(database, await commands.reopen(uow, mutate.caller.member_id, problem_id))

    return await mutate(work)


@router.post(
    "/problems/{problem_id}/links", response_model=ProblemView, responses=WRITE_PROBLEMS, tags=["problems"]
)
async def link(problem_id: ProblemPath, body: NewLink, mutate: Mutating, database: Db) -> Response:
    """Link a problem to another: as its duplicate, or as related."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _problem(
            database, await commands.link(uow, mutate.caller.member_id, problem_id, body.kind, body.target_id)
        )

    return await mutate(work)


async def _problem(database: Database, thread: Thread) -> Answer:
    view = ProblemView.of(thread, await _names(database, [thread.author_id]))
    return Answer(view, version=thread.revision)


# -- solutions -----------------------------------------------------------------------------------------


@router.post(
    "/problems/{problem_id}/solutions",
    status_code=201,
    response_model=SolutionView,
    responses=WRITE_PROBLEMS,
    tags=["solutions"],
)
async def propose(problem_id: ProblemPath, body: NewSolution, mutate: Mutating, database: Db) -> Response:
    """Propose a solution."""
    solution_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.propose(uow, mutate.caller.member_id, solution_id, problem_id, body.body)
        view = SolutionView.of(solution, await _names(database, [solution.author_id]))
        return Answer(view, 201, solution.revision, f"/v1/solutions/{solution_id}")

    return await mutate(work)


@router.get(
    "/problems/{problem_id}/solutions",
    response_model=Page[SolutionView],
    responses=READ_PROBLEMS,
    tags=["solutions"],
)
async def list_solutions(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[SolutionView]:
    """A problem's solutions, oldest first."""
    after = _moment(cursor) if cursor else None
    rows = await queries.solutions(database, caller, problem_id, after, limit + 1)
    shown, following = page(
        rows, limit, lambda row: _milliseconds(row.proposed_at), lambda row: row.solution_id
    )
    names = await _names(database, (row.author_id for row in shown))
    return Page(items=[SolutionView.of(row, names) for row in shown], next=following)


@router.get(
    "/solutions/{solution_id}", response_model=SolutionView, responses=READ_PROBLEMS, tags=["solutions"]
)
async def read_solution(
    solution_id: SolutionPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> SolutionView:
    """A solution with its latest text."""
    solution = await queries.solution(database, caller, solution_id)
    response.headers["ETag"] = etag(solution.revision)
    return SolutionView.of(solution, await _names(database, [solution.author_id]))


@router.put(
    "/solutions/{solution_id}", response_model=SolutionView, responses=WRITE_PROBLEMS, tags=["solutions"]
)
async def revise(
    solution_id: SolutionPath, body: NewRevision, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Give a solution a new revision; the ones before stay. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.revise(
            uow, mutate.caller.member_id, solution_id, version, **body.model_dump()
        )
        return await _solution(database, solution)

    return await mutate(work)


@router.get(
    "/solutions/{solution_id}/revisions",
    response_model=Page[RevisionView],
    responses=READ_PROBLEMS,
    tags=["solutions"],
)
async def list_revisions(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[RevisionView]:
    """A solution's revisions, oldest first."""
    after = read_cursor(cursor, int)[0] if cursor else 0
    rows = await queries.revisions(database, caller, solution_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.number)
    names = await _names(database, (row.author_id for row in shown))
    return Page(items=[RevisionView.of(row, names) for row in shown], next=following)


@router.put(
    "/solutions/{solution_id}/endorsement",
    response_model=SolutionView,
    responses=WRITE_PROBLEMS,
    tags=["solutions"],
)
async def endorse(
    solution_id: SolutionPath, body: NewEndorsement, mutate: Mutating, database: Db
) -> Response:
    """Vouch for a solution's present revision: you tried it, or reviewed it."""

    async def work(uow: UnitOfWork) -> Answer:
        solution, _ = await commands.endorse(uow, mutate.caller.member_id, solution_id, body.basis)
        return await _solution(database, solution)

    return await mutate(work)


@router.delete(
    "/solutions/{solution_id}/endorsement",
    response_model=SolutionView,
    responses=WRITE_PROBLEMS,
    tags=["solutions"],
)
async def withdraw(solution_id: SolutionPath, mutate: Mutating, database: Db) -> Response:
    """No longer vouch for a solution."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _solution(database, await commands.withdraw(uow, mutate.caller.member_id, solution_id))

    return await mutate(work)


@router.post(
    "/problems/{problem_id}/accept", response_model=SolutionView, responses=WRITE_PROBLEMS, tags=["solutions"]
)
async def accept(problem_id: ProblemPath, body: Acceptance, mutate: Mutating, database: Db) -> Response:
    """Say which solution solved your problem."""

    async def work(uow: UnitOfWork) -> Answer:
        _, solution = await commands.accept(uow, mutate.caller.member_id, problem_id, body.solution_id)
        return await _solution(database, solution)

    return await mutate(work)


async def _solution(database: Database, solution: Solution) -> Answer:
    view = SolutionView.of(solution, await _names(database, [solution.author_id]))
    return Answer(view, version=solution.revision)


# -- comments ------------------------------------------------------------------------------------------


@router.post(
    "/problems/{problem_id}/comments",
    status_code=201,
    response_model=CommentView,
    responses=WRITE_PROBLEMS,
    tags=["comments"],
)
async def comment(problem_id: ProblemPath, body: NewComment, mutate: Mutating, database: Db) -> Response:
    """Add a perspective to the problem, one of its solutions, or one of its comments."""
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        added = await commands.comment(
            uow, mutate.caller.member_id, comment_id, problem_id, **body.model_dump()
        )
        return Answer(CommentView.of(added, await _names(database, [added.author_id])), 201)

    return await mutate(work)


@router.get(
    "/problems/{problem_id}/comments",
    response_model=Page[CommentView],
    responses=READ_PROBLEMS,
    tags=["comments"],
)
async def list_comments(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[CommentView]:
    """All comments of a thread, oldest first."""
    after = _moment(cursor) if cursor else None
    rows = list(await queries.comments(database, caller, problem_id, after, limit + 1))
    shown, following = page(rows, limit, lambda row: _milliseconds(row.at), lambda row: row.comment_id)
    names = await _names(database, (row.author_id for row in shown))
    return Page(items=[CommentView.of(row, names) for row in shown], next=following)
