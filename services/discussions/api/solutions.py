"""The HTTP API of solutions."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import (
    Author,
    Hidden,
    ProblemPath,
    Reactions,
    SolutionPath,
    milliseconds,
    moment,
)
from services.discussions.commands import solutions as commands
from services.discussions.domain.solution import Provenance, Revision, Solution
from services.discussions.queries import Names
from shared.contracts.discussions import Basis, SolutionState
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Note, View

router = APIRouter(tags=["solutions"])


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


class ProvenanceView(View):
    """Where a practice comes from that was lifted out of an internal community."""

    org_id: str
    revision: int = Field(description="The practice's, there.")
    lifted_at: AwareDatetime

    @staticmethod
    def of(provenance: Provenance) -> ProvenanceView:
        """The view of ``provenance``."""
        return ProvenanceView(**provenance.model_dump(exclude={"lift_id"}))


class SolutionView(MarkdownView):
    """A solution with its latest text."""

    id: str
    problem_id: str
    community_id: str
    author: Author
    body: str
    revision: int
    endorsements: int = Field(description="Current ones.")
    tried: int = Field(description="Those among them who tried it.")
    counted: int = Field(description="Current ones that count: of an organisation's, only its share.")
    contesting: int = Field(description="Members who contest it.")
    adaptations: int = Field(description="How often it was adapted.")
    score: float = Field(description="How far the community stands behind it, 0 to 1.", examples=[0.75])
    state: SolutionState
    authors: list[Author] = Field(description="Everybody who wrote a revision.")
    superseded_by: str | None
    provenance: ProvenanceView | None = Field(
        description="Where it comes from, if it was lifted out of an internal community."
    )
    accepted: bool
    reused: int = Field(description="How many members used it.")
    imported_score: int | None
    reactions: Reactions
    hidden: Hidden
    proposed_at: AwareDatetime
    updated_at: AwareDatetime

    @staticmethod
    def of(solution: Solution, names: Names) -> SolutionView:
        """The view of ``solution``."""
        return SolutionView(
            id=solution.solution_id,
            problem_id=solution.thread_id,
            author=Author.of(solution.author_id, solution, names),
            hidden=bool(solution.hidden),
            authors=[Author.of(each, solution, names) for each in solution.authors],
            score=solution.score,
            provenance=ProvenanceView.of(solution.provenance) if solution.provenance else None,
            **solution.model_dump(include=_SHOWN),
        )


_SHOWN = {
    "community_id", "body", "revision", "endorsements", "tried", "counted", "contesting", "adaptations",
    "state", "superseded_by", "accepted", "reused", "reactions", "imported_score",
    "proposed_at", "updated_at",
}  # fmt: skip


class RevisionView(MarkdownView):
    """One text of a solution."""

    number: int
    author: Author
    body: str
    note: str
    major: bool
    at: AwareDatetime

    @staticmethod
    def of(revision: Revision, solution: Solution, names: Names) -> RevisionView:
        """The view of ``revision`` of ``solution``."""
        return RevisionView(
            author=Author.of(revision.author_id, solution, names),
            **revision.model_dump(exclude={"solution_id", "author_id"}),
        )


@router.post(
    "/problems/{problem_id}/solutions",
    status_code=201,
    response_model=SolutionView,
    responses=WRITE_PROBLEMS,
)
async def propose(problem_id: ProblemPath, body: NewSolution, mutate: Mutating, database: Db) -> Response:
    """Propose a solution."""
    solution_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.propose(uow, mutate.caller.member_id, solution_id, problem_id, body.body)
        return await _answer(database, mutate.caller, solution, 201, f"/v1/solutions/{solution_id}")

    return await mutate(work)


@router.get(
    "/problems/{problem_id}/solutions",
    response_model=Page[SolutionView],
    responses=READ_PROBLEMS,
)
async def list_solutions(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[SolutionView]:
    """A problem's solutions, oldest first."""
    after = moment(cursor) if cursor else None
    rows = await queries.solutions(database, caller, problem_id, after, limit + 1)
    shown, following = page(
        rows, limit, lambda row: milliseconds(row.proposed_at), lambda row: row.solution_id
    )
    names = await queries.names(database, caller, shown, (each for row in shown for each in row.authors))
    return Page(
        items=await all_rendered([SolutionView.of(row, names) for row in shown], html), next=following
    )


@router.get("/solutions/{solution_id}", response_model=SolutionView, responses=READ_PROBLEMS)
async def read_solution(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> SolutionView:
    """A solution with its latest text."""
    solution = await queries.solution(database, caller, solution_id)
    response.headers["ETag"] = etag(solution.revision)
    names = await queries.names(database, caller, [solution], solution.authors)
    return await rendered(SolutionView.of(solution, names), html)


@router.put("/solutions/{solution_id}", response_model=SolutionView, responses=WRITE_PROBLEMS)
async def revise(
    solution_id: SolutionPath, body: NewRevision, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Give a solution a new revision; the ones before stay. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.revise(
            uow, mutate.caller.member_id, solution_id, version, **body.model_dump()
        )
        return await _answer(database, mutate.caller, solution)

    return await mutate(work)


@router.get(
    "/solutions/{solution_id}/revisions",
    response_model=Page[RevisionView],
    responses=READ_PROBLEMS,
)
async def list_revisions(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[RevisionView]:
    """A solution's revisions, oldest first."""
    after = read_cursor(cursor, int)[0] if cursor else 0
    solution = await queries.solution(database, caller, solution_id)
    rows = await queries.revisions(database, solution, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.number)
    names = await queries.names(database, caller, [solution], (row.author_id for row in shown))
    return Page(
        items=await all_rendered([RevisionView.of(row, solution, names) for row in shown], html),
        next=following,
    )


@router.put(
    "/solutions/{solution_id}/endorsement",
    response_model=SolutionView,
    responses=WRITE_PROBLEMS,
)
async def endorse(
    solution_id: SolutionPath, body: NewEndorsement, mutate: Mutating, database: Db
) -> Response:
    """Vouch for a solution's present revision: you tried it, or reviewed it."""

    async def work(uow: UnitOfWork) -> Answer:
        solution, _ = await commands.endorse(uow, mutate.caller.member_id, solution_id, body.basis)
        return await _answer(database, mutate.caller, solution)

    return await mutate(work)


@router.delete(
    "/solutions/{solution_id}/endorsement",
    response_model=SolutionView,
    responses=WRITE_PROBLEMS,
)
async def withdraw(solution_id: SolutionPath, mutate: Mutating, database: Db) -> Response:
    """No longer vouch for a solution."""

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.withdraw(uow, mutate.caller.member_id, solution_id)
        return await _answer(database, mutate.caller, solution)

    return await mutate(work)


@router.post(
    "/solutions/{solution_id}/endorsement/reaffirm", response_model=SolutionView, responses=WRITE_PROBLEMS
)
async def reaffirm(solution_id: SolutionPath, mutate: Mutating, database: Db) -> Response:
    """Your endorsement, which a major revision made stale, still holds."""

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.reaffirm(uow, mutate.caller.member_id, solution_id)
        return await _answer(database, mutate.caller, solution)

    return await mutate(work)


@router.post("/problems/{problem_id}/accept", response_model=SolutionView, responses=WRITE_PROBLEMS)
async def accept(problem_id: ProblemPath, body: Acceptance, mutate: Mutating, database: Db) -> Response:
    """Say which solution solved your problem."""

    async def work(uow: UnitOfWork) -> Answer:
        _, solution = await commands.accept(uow, mutate.caller.member_id, problem_id, body.solution_id)
        return await _answer(database, mutate.caller, solution)

    return await mutate(work)


async def _answer(
    database: Database, caller: Caller, solution: Solution, status: int = 200, location: str | None = None
) -> Answer:
    names = await queries.names(database, caller, [solution], solution.authors)
    return Answer(SolutionView.of(solution, names), status, solution.revision, location)
