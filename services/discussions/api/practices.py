"""The HTTP API of what makes a solution a best practice, and keeps it one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field, StringConstraints

from services.discussions import queries
from services.discussions.api.common import Author, SolutionPath
from services.discussions.commands import practices as commands
from services.discussions.domain.contest import Contest, ContestState
from services.discussions.domain.ladder import Word
from services.discussions.domain.solution import Solution
from services.discussions.queries import Names
from shared.contracts.discussions import SolutionState
from shared.contracts.practices import ContestKind
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, Note, View

router = APIRouter(tags=["practices"])

ContestPath = Annotated[str, Path(max_length=100, description="A contest's id.")]
Words = Annotated[Note, StringConstraints(min_length=1)]


class NewContest(texts.Request):
    """What is wrong with a solution."""

    kind: ContestKind = Field(examples=["outdated"])
    reason: Words = Field(examples=["The form was abolished in May."])


class Answered(texts.Request):
    """What became of a contest."""

    word: Words = Field(examples=["Revision 3 names the new form."])


class Reason(texts.Request):
    """Why a steward does something."""

    reason: Words = Field(examples=["The data protection officer looks at it until Friday."])


class Review(texts.Request):
    """What a review found."""

    note: Words = Field(examples=["Still the way to do it; the address of the register changed."])


class Successor(texts.Request):
    """What takes a solution's place, and why."""

    solution_id: Identifier
    reason: Words = Field(examples=["The new law made it simpler."])


class ContestView(View):
    """What a member says against a solution."""

    id: str
    solution_id: str
    contester: Author
    kind: ContestKind
    reason: str
    revision: int = Field(description="The revision that it is about.")
    state: ContestState
    at: AwareDatetime
    resolved_by: Author | None
    word: str = Field(description="Of whoever resolved it.")
    resolved_at: AwareDatetime | None

    @staticmethod
    def of(contest: Contest, names: Names) -> ContestView:
        """The view of ``contest``."""
        resolved_by = contest.resolved_by
        return ContestView(
            id=contest.contest_id,
            contester=Author.of(contest.contester_id, contest, names),
            resolved_by=Author.of(resolved_by, contest, names) if resolved_by else None,
            **contest.model_dump(
                include={"solution_id", "kind", "reason", "revision", "state", "at", "word", "resolved_at"}
            ),
        )


class WordView(View):
    """A steward's objection or pause."""

    steward_id: str
    reason: str
    at: AwareDatetime

    @staticmethod
    def of(word: Word) -> WordView:
        """The view of ``word``."""
        return WordView(**word.model_dump())


class PracticeView(View):
    """Where a solution is on its way to a best practice, or as one."""

    solution_id: str
    state: SolutionState
    endorsements: int = Field(description="Current ones that count.")
    tried: int = Field(description="Current ones whose endorser tried it.")
    contesting: int = Field(description="Members who contest it.")
    dangerous: int = Field(description="Those among them who say that it is dangerous.")
    worked: int = Field(description="Adaptations that worked, by different organisations or people.")
    score: float = Field(description="How far the community stands behind it, 0 to 1.", examples=[0.75])
    approvals: list[str] = Field(
        description="Stewards who approve of the candidate.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]],
    )
    objections: list[WordView] = Field(description="Stewards' objections to the candidate.")
    pause: WordView | None = Field(description="Why the candidacy is paused.")
    closes_at: AwareDatetime | None = Field(
        description="When silence makes it a best practice; absent while the clock stands."
    )
    recognised_at: AwareDatetime | None
    recognised_revision: int | None
    review_at: AwareDatetime | None = Field(description="When it is to be reviewed.")
    overdue: bool = Field(description="Whether the review is long overdue.")
    superseded_by: str | None

    @staticmethod
    def of(solution: Solution) -> PracticeView:
        """The view of ``solution``."""
        candidacy, recognition = solution.candidacy, solution.recognition
        return PracticeView(
            solution_id=solution.solution_id,
            state=solution.state,
            endorsements=solution.counted,
            tried=solution.tried,
            contesting=solution.contesting,
            dangerous=solution.dangerous,
            worked=solution.worked,
            score=solution.score,
            approvals=candidacy.approvals if candidacy else [],
            objections=[WordView.of(each) for each in candidacy.objections] if candidacy else [],
            pause=WordView.of(candidacy.pause) if candidacy and candidacy.pause else None,
            closes_at=candidacy.closes_at if candidacy and not candidacy.stopped else None,
            recognised_at=recognition.recognised_at if recognition else None,
            recognised_revision=recognition.revision if recognition else None,
            review_at=recognition.review_at if recognition else None,
            overdue=recognition is not None and recognition.overdue,
            superseded_by=solution.superseded_by,
        )


@router.get("/solutions/{solution_id}/practice", response_model=PracticeView, responses=READ_PROBLEMS)
async def read_practice(solution_id: SolutionPath, caller: AuthenticatedCaller, database: Db) -> PracticeView:
    """Where a solution is on its way to a best practice, or as one."""
    return PracticeView.of(await queries.solution(database, caller, solution_id))


@router.post(
    "/solutions/{solution_id}/contests", status_code=201, response_model=ContestView, responses=WRITE_PROBLEMS
)
async def contest(solution_id: SolutionPath, body: NewContest, mutate: Mutating, database: Db) -> Response:
    """Say what is wrong with a solution. For every member but its authors; one at a time."""
    contest_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        made = await commands.contest(
            uow, mutate.caller.member_id, contest_id, solution_id, kind=body.kind, reason=body.reason
        )
        return await _answer(database, mutate.caller, made, 201)

    return await mutate(work)


@router.get("/solutions/{solution_id}/contests", response_model=Page[ContestView], responses=READ_PROBLEMS)
async def list_contests(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ContestView]:
    """What is and was said against a solution, newest first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    solution = await queries.solution(database, caller, solution_id)
    rows = await queries.contests(database, solution, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.contest_id)
    names = await _names(database, caller, shown)
    return Page(items=[ContestView.of(row, names) for row in shown], next=following)


@router.post(
    "/solutions/{solution_id}/contests/{contest_id}/withdraw",
    response_model=ContestView,
    responses=WRITE_PROBLEMS,
)
async def withdraw_contest(
    solution_id: SolutionPath, contest_id: ContestPath, mutate: Mutating, database: Db
) -> Response:
    """You no longer contest it."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.withdraw_contest(uow, mutate.caller.member_id, solution_id, contest_id)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post(
    "/solutions/{solution_id}/contests/{contest_id}/resolve",
    response_model=ContestView,
    responses=WRITE_PROBLEMS,
)
async def resolve_contest(
    solution_id: SolutionPath, contest_id: ContestPath, body: Answered, mutate: Mutating, database: Db
) -> Response:
    """Say what became of it. For authors who revised the solution since, and for stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.resolve_contest(
            uow, mutate.caller.member_id, solution_id, contest_id, body.word
        )
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post("/solutions/{solution_id}/approve", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def approve(solution_id: SolutionPath, mutate: Mutating) -> Response:
    """Be for a candidate: two approvals make it a best practice. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.approve(uow, mutate.caller.member_id, solution_id)
        return Answer(PracticeView.of(after))

    return await mutate(work)


@router.put("/solutions/{solution_id}/objection", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def object_to(solution_id: SolutionPath, body: Reason, mutate: Mutating) -> Response:
    """Be against a candidate: its clock stops. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.object_to(uow, mutate.caller.member_id, solution_id, body.reason)
        return Answer(PracticeView.of(after))

    return await mutate(work)


@router.delete("/solutions/{solution_id}/objection", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def withdraw_objection(solution_id: SolutionPath, mutate: Mutating) -> Response:
    """Take your objection back: the clock goes on."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.withdraw_objection(uow, mutate.caller.member_id, solution_id)
        return Answer(PracticeView.of(after))

    return await mutate(work)


@router.put("/solutions/{solution_id}/pause", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def pause(solution_id: SolutionPath, body: Reason, mutate: Mutating) -> Response:
    """Stop a candidacy for a while: neither silence nor approvals decide. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.pause(uow, mutate.caller.member_id, solution_id, body.reason)
        return Answer(PracticeView.of(after))

    return await mutate(work)


@router.delete("/solutions/{solution_id}/pause", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def resume(solution_id: SolutionPath, mutate: Mutating) -> Response:
    """Let a paused candidacy go on. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.resume(uow, mutate.caller.member_id, solution_id)
        return Answer(PracticeView.of(after))

    return await mutate(work)


@router.post("/solutions/{solution_id}/review", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def review(solution_id: SolutionPath, body: Review, mutate: Mutating) -> Response:
    """You reviewed a best practice: it still holds. For stewards, facilitators, endorsers who tried it."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.reverify(uow, mutate.caller.member_id, solution_id, body.note)
        return Answer(PracticeView.of(after))

    return await mutate(work)


@router.post("/solutions/{solution_id}/supersede", response_model=PracticeView, responses=WRITE_PROBLEMS)
async def supersede(solution_id: SolutionPath, body: Successor, mutate: Mutating) -> Response:
    """Say that another solution of the community took this one's place. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.supersede(
            uow, mutate.caller.member_id, solution_id, body.solution_id, body.reason
        )
        return Answer(PracticeView.of(after))

    return await mutate(work)


async def _answer(database: Database, caller: Caller, contest: Contest, status: int = 200) -> Answer:
    return Answer(ContestView.of(contest, await _names(database, caller, [contest])), status)


async def _names(database: Database, caller: Caller, contests: list[Contest]) -> Names:
    people = [each.contester_id for each in contests] + [each.resolved_by for each in contests]
    return await queries.names(database, caller, contests, people)
