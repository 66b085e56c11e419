"""The HTTP API of moderation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, CommunityPath, ThreadPath, milliseconds, moment
from services.discussions.commands import moderation as commands
from services.discussions.domain.moderation import Action, Flag, FlagReason, FlagState, Logged, Marking
from services.discussions.queries import Names
from services.discussions.queries import moderation as moderated
from shared.contracts.discussions import ItemKind
from shared.ids import new_id
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Note, View

router = APIRouter(tags=["moderation"])


class Concerning(texts.Request):
    """Which item of the thread is meant: the thread itself, or something in it."""

    item_kind: ItemKind = Field(examples=["comment"])
    item_id: Identifier


class NewFlag(Concerning):
    """What is wrong with it."""

    reason: FlagReason = Field(examples=["spam"])
    note: Note = Field("", description="In your words.", examples=["The third advertisement today."])


class Mark(Concerning):
    """What a curator does, and why."""

    action: Marking = Field(
        description="`hide` or `show` it, `lock` or `unlock` the thread, `dismiss` the flags on it.",
        examples=["hide"],
    )
    reason: Note = Field("", description="For the log.", examples=["Advertising."])


class Redaction(Concerning):
    """What is taken out of a text, for good and out of its earlier revisions, too."""

    passage: BodyText | None = Field(
        None, description="Exactly this, wherever it stands; all of it, if absent.", examples=["+45 12 34 56"]
    )
    reason: Note = Field("", description="For the log.", examples=["A private number."])


class FlagView(View):
    """A member says that something is wrong with an item."""

    id: str
    thread_id: str
    item_kind: ItemKind
    item_id: str
    flagged_by: Author
    reason: FlagReason
    note: str
    state: FlagState
    at: AwareDatetime

    @staticmethod
    def of(flag: Flag, names: Names) -> FlagView:
        """The view of ``flag``."""
        return FlagView(
            id=flag.flag_id,
            flagged_by=Author.of(flag.flagged_by, flag, names),
            **flag.model_dump(exclude={"flag_id", "community_id", "flagged_by"}),
        )


class LoggedView(View):
    """Something that a curator did."""

    id: str
    thread_id: str
    item_kind: ItemKind
    item_id: str
    action: Action = Field(examples=["hide"])
    reason: str
    by: Author
    at: AwareDatetime

    @staticmethod
    def of(logged: Logged, names: Names) -> LoggedView:
        """The view of ``logged``."""
        return LoggedView(
            id=logged.log_id,
            by=Author.of(logged.by, logged, names),
            **logged.model_dump(exclude={"log_id", "community_id", "by"}),
        )


@router.post("/threads/{thread_id}/flags", status_code=204, responses=WRITE_PROBLEMS)
async def flag(thread_id: ThreadPath, body: NewFlag, mutate: Mutating) -> Response:
    """Tell the curators that something is wrong. Others are not told who did; once for each item."""
    flag_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        await commands.flag(uow, mutate.caller.member_id, flag_id, thread_id, **body.model_dump())
        return Answer()

    return await mutate(work)


@router.post("/threads/{thread_id}/moderation", status_code=204, responses=WRITE_PROBLEMS)
async def mark(thread_id: ThreadPath, body: Mark, mutate: Mutating) -> Response:
    """Hide, show, lock, unlock, or dismiss flags. For facilitators and stewards."""
    log_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        await commands.mark(uow, mutate.caller.member_id, log_id, thread_id, **body.model_dump())
        return Answer()

    return await mutate(work)


@router.post("/threads/{thread_id}/redactions", status_code=204, responses=WRITE_PROBLEMS)
async def redact(thread_id: ThreadPath, body: Redaction, mutate: Mutating) -> Response:
    """Take a passage or a whole text out, irreversibly. For facilitators and stewards."""
    log_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        await commands.redact(uow, mutate.caller.member_id, log_id, thread_id, **body.model_dump())
        return Answer()

    return await mutate(work)


@router.get("/communities/{community_id}/flags", response_model=Page[FlagView], responses=READ_PROBLEMS)
async def list_flags(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: Annotated[FlagState, Query(description="The queue is what is `open`.")] = "open",
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[FlagView]:
    """What was flagged, oldest first. For facilitators and stewards."""
    after = moment(cursor) if cursor else None
    rows = await moderated.flags(database, caller, community_id, state, after, limit + 1)
    shown, following = page(rows, limit, lambda row: milliseconds(row.at), lambda row: row.flag_id)
    names = await queries.names(database, caller, shown, (row.flagged_by for row in shown))
    return Page(items=[FlagView.of(row, names) for row in shown], next=following)


@router.get(
    "/communities/{community_id}/moderation", response_model=Page[LoggedView], responses=READ_PROBLEMS
)
async def list_log(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[LoggedView]:
    """What facilitators and stewards did, the latest first. For facilitators and stewards."""
    before = moment(cursor) if cursor else None
    rows = await moderated.log(database, caller, community_id, before, limit + 1)
    shown, following = page(rows, limit, lambda row: milliseconds(row.at), lambda row: row.log_id)
    names = await queries.names(database, caller, shown, (row.by for row in shown))
    return Page(items=[LoggedView.of(row, names) for row in shown], next=following)
