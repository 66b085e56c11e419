"""The HTTP API of lifting: a best practice of an internal community is shown to an external one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, SolutionPath
from services.discussions.api.practices import Reason, Words
from services.discussions.api.problems import CONTEXT, ContextText
from services.discussions.commands import lifts as commands
from services.discussions.domain.lift import Lift, LiftState
from services.discussions.queries import Names
from shared.contracts.discussions import Context
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Name, TagList, TitleText

router = APIRouter(tags=["lifting"])

LiftPath = Annotated[str, Path(max_length=100, description="A lift's id.")]


class NewLift(texts.Request):
    """What is to be shown outside, and what of it is to be blacked out."""

    community_id: Identifier = Field(description="The external community; you belong to it.")
    title: TitleText = Field(examples=["Permits wait for a signature"])
    problem_body: BodyText = Field(
        description="The problem, for those who do not know the organisation.",
        examples=["Every permit waits **nine days** on paper."],
    )
    body: BodyText = Field(description="The practice, for those who do not know the organisation.")
    tags: TagList = Field(default_factory=list, examples=[["permits", "digital-signature"]])
    context: ContextText
    redact: list[Name] = Field(
        default_factory=list,
        max_length=100,
        description="Names and words to black out, wherever they stand in the texts.",
        examples=[["Amal Haddad", "Aarhus"]],
    )
    note: Words = Field(
        description="For the stewards, as a comment on the solution.",
        examples=["Others asked for this. May we show it?"],
    )


class LiftView(MarkdownView):
    """What is, or was to be, shown outside."""

    markdown = ("problem_body", "body", *CONTEXT)

    id: str
    solution_id: str
    revision: int = Field(description="The practice's revision when it was proposed.")
    lifter: Author
    target_community_id: str
    title: str
    problem_body: str = Field(examples=["Every permit waits **nine days** on paper."])
    body: str
    tags: list[str]
    context: Context
    suspects: list[str] = Field(
        description="Words left in it that are parts of members' names; they may be ordinary words.",
        examples=[["grant"]],
    )
    state: LiftState
    at: AwareDatetime
    decided_by: Author | None
    decided_at: AwareDatetime | None
    reason: str = Field(description="Why it was declined.")
    target_thread_id: str | None
    target_solution_id: str | None

    @staticmethod
    def of(lift: Lift, names: Names) -> LiftView:
        """The view of ``lift``."""
        return LiftView(
            id=lift.lift_id,
            lifter=Author.of(lift.lifter_id, lift, names),
            decided_by=Author.of(lift.decided_by, lift, names) if lift.decided_by else None,
            context=lift.context,
            **lift.model_dump(
                exclude={
                    "lift_id", "thread_id", "community_id", "org_id", "lifter_id", "decided_by", "context",
                }
            ),
        )  # fmt: skip


@router.post(
    "/solutions/{solution_id}/lifts", status_code=201, response_model=LiftView, responses=WRITE_PROBLEMS
)
async def propose_lift(solution_id: SolutionPath, body: NewLift, mutate: Mutating, database: Db) -> Response:
    """Propose to show a best practice of your internal community to an external one, without names.

    Whole names of the organisation's members must not be left in it.
    """
    lift_id, comment_id = new_id(), new_id()
    words = body.model_dump(exclude={"context"})

    async def work(uow: UnitOfWork) -> Answer:
        made = await commands.propose(
            uow,
            mutate.caller.member_id,
            lift_id,
            comment_id,
            solution_id,
            context=Context(**body.context.model_dump()),
            **words,
        )
        return await _answer(database, mutate.caller, made, 201)

    return await mutate(work)


@router.get("/solutions/{solution_id}/lifts", response_model=Page[LiftView], responses=READ_PROBLEMS)
async def list_lifts(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[LiftView]:
    """Where a practice was, or is to be, shown outside; newest first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    solution = await queries.solution(database, caller, solution_id)
    rows = await queries.lifts(database, solution, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.lift_id)
    names = await _names(database, caller, shown)
    return Page(items=await all_rendered([LiftView.of(row, names) for row in shown], html), next=following)


@router.post("/lifts/{lift_id}/approve", response_model=LiftView, responses=WRITE_PROBLEMS)
async def approve_lift(lift_id: LiftPath, mutate: Mutating, database: Db) -> Response:
    """Agree: the practice appears in the other community. For stewards other than the lifter."""
    thread_id, solution_id = new_id(), new_id()

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.approve(uow, mutate.caller.member_id, lift_id, thread_id, solution_id)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post("/lifts/{lift_id}/decline", response_model=LiftView, responses=WRITE_PROBLEMS)
async def decline_lift(lift_id: LiftPath, body: Reason, mutate: Mutating, database: Db) -> Response:
    """Do not agree; the reason is a comment that mentions the lifter. For stewards other than the lifter."""
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.decline(uow, mutate.caller.member_id, comment_id, lift_id, body.reason)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post("/lifts/{lift_id}/withdraw", response_model=LiftView, responses=WRITE_PROBLEMS)
async def withdraw_lift(lift_id: LiftPath, mutate: Mutating, database: Db) -> Response:
    """Take it back, as the one who proposed it."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.withdraw(uow, mutate.caller.member_id, lift_id)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


async def _answer(database: Database, caller: Caller, lift: Lift, status: int = 200) -> Answer:
    return Answer(LiftView.of(lift, await _names(database, caller, [lift])), status)


async def _names(database: Database, caller: Caller, lifts: list[Lift]) -> Names:
    people = [each.lifter_id for each in lifts] + [each.decided_by for each in lifts]
    return await queries.names(database, caller, lifts, people)
