"""The HTTP API of what all threads have in common, whatever their kind."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, ThreadPath
from services.discussions.commands import threads as commands
from services.discussions.domain.timeline import Entry
from services.discussions.queries import Names
from shared.storage import UnitOfWork
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["threads"])


class EntryView(View):
    """Something that happened to a thread."""

    version: int = Field(description="Its place in the thread: from 1, growing.", examples=[7])
    event: str = Field(description="The event's name.", examples=["solution-endorsed"])
    at: AwareDatetime
    actor: Author | None = Field(description="Absent where time did it, and where an import does not know.")
    item_id: str = Field(description="What it happened to: the thread, a solution, a comment.")
    revision: int | None = Field(description="Which text of it is meant, where that matters.")

    @staticmethod
    def of(entry: Entry, names: Names) -> EntryView:
        """The view of ``entry``."""
        return EntryView(
            actor=Author.of(entry.actor_id, entry, names) if entry.actor_id else None,
            **entry.model_dump(exclude={"thread_id", "community_id", "actor_id", "curators"}),
        )


@router.put("/threads/{thread_id}/read", status_code=204, responses=WRITE_PROBLEMS)
async def read(thread_id: ThreadPath, mutate: Mutating) -> Response:
    """Say that you have read a thread. Reading a few counts as taking part: one may endorse then."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.read(uow, mutate.caller.member_id, thread_id)
        return Answer()

    return await mutate(work)


@router.get("/threads/{thread_id}/timeline", response_model=Page[EntryView], responses=READ_PROBLEMS)
async def timeline(
    thread_id: ThreadPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[EntryView]:
    """Everything that happened to a thread, in order."""
    after = read_cursor(cursor, int)[0] if cursor else 0
    rows = await queries.timeline(database, caller, thread_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.version)
    names = await queries.names(database, caller, shown, (row.actor_id for row in shown))
    return Page(items=[EntryView.of(row, names) for row in shown], next=following)
