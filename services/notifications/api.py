"""The HTTP API of notifications."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.notifications import commands, queries, stream
from services.notifications.queries import NotificationView, State
from services.notifications.settings import SETTINGS
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, View

router = APIRouter()

NotificationPath = Annotated[str, Path(max_length=200, description="A notification's id.")]
ThreadPath = Annotated[
    Identifier,
    Path(description="The id of a thread, or of another subject: a mentorship, a connection, a community."),
]

_Command = Callable[[UnitOfWork, Caller, str], Awaitable[None]]


class ReadUpTo(texts.Request):
    """How far one has read."""

    up_to_seq: int = Field(
        ge=0, le=10**12, strict=True, description="The `seq` of the newest one that was read.", examples=[42]
    )


class UnreadCount(View):
    """How much waits."""

    unread: int


class ReadCount(View):
    """How many became read."""

    read: int


class MuteView(View):
    """Something muted."""

    thread_id: str = Field(description="A thread, or another subject: what it was muted by.")


async def _done(mutate: Mutating, command: _Command, on: str) -> Response:
    """Carry out ``command`` on what ``on`` is the id of; there is nothing to answer but that it is done."""

    async def work(uow: UnitOfWork) -> Answer:
        await command(uow, mutate.caller, on)
        return Answer()

    return await mutate(work)


@router.get("/inbox", response_model=Page[NotificationView], responses=READ_PROBLEMS, tags=["inbox"])
async def list_inbox(
    caller: AuthenticatedCaller,
    database: Db,
    state: Annotated[State, Query(description="`all` is what is not archived.")] = "all",
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[NotificationView]:
    """Your notifications, newest first."""
    before = read_cursor(cursor, int)[0] if cursor else None
    rows = await queries.inbox(database, caller.member_id, state, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.seq)
    return Page(items=shown, next=following)


@router.get("/inbox/count", response_model=UnreadCount, responses=READ_PROBLEMS, tags=["inbox"])
async def count_inbox(caller: AuthenticatedCaller, database: Db) -> UnreadCount:
    """How many of your notifications are unread."""
    return UnreadCount(unread=await queries.count_unread(database, caller.member_id))


@router.post("/inbox/read", response_model=ReadCount, responses=WRITE_PROBLEMS, tags=["inbox"])
async def read_up_to(body: ReadUpTo, mutate: Mutating) -> Response:
    """Mark everything up to a place as read."""

    async def work(uow: UnitOfWork) -> Answer:
        return Answer(ReadCount(read=await commands.read_up_to(uow, mutate.caller, body.up_to_seq)))

    return await mutate(work)


@router.post("/inbox/{notification_id}/read", status_code=204, responses=WRITE_PROBLEMS, tags=["inbox"])
async def read(notification_id: NotificationPath, mutate: Mutating) -> Response:
    """Mark a notification as read."""
    return await _done(mutate, commands.read, notification_id)


@router.post("/inbox/{notification_id}/archive", status_code=204, responses=WRITE_PROBLEMS, tags=["inbox"])
async def archive(notification_id: NotificationPath, mutate: Mutating) -> Response:
    """Put a notification away. It counts as read."""
    return await _done(mutate, commands.archive, notification_id)


@router.get("/inbox/mutes", response_model=Page[MuteView], responses=READ_PROBLEMS, tags=["inbox"])
async def list_mutes(
    caller: AuthenticatedCaller, database: Db, cursor: Cursor = None, limit: PageSize = 20
) -> Page[MuteView]:
    """What you hear no more of, by id."""
    after = read_cursor(cursor, str)[0] if cursor else ""
    rows = await queries.mutes(database, caller.member_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row)
    return Page(items=[MuteView(thread_id=row) for row in shown], next=following)


@router.put("/inbox/mutes/{thread_id}", status_code=204, responses=WRITE_PROBLEMS, tags=["inbox"])
async def mute(thread_id: ThreadPath, mutate: Mutating) -> Response:
    """Hear no more of a thread, a mentorship, a connection, or of your access to a community."""
    return await _done(mutate, commands.mute, thread_id)


@router.delete("/inbox/mutes/{thread_id}", status_code=204, responses=WRITE_PROBLEMS, tags=["inbox"])
async def unmute(thread_id: ThreadPath, mutate: Mutating) -> Response:
    """Hear of it again."""
    return await _done(mutate, commands.unmute, thread_id)


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={
        **READ_PROBLEMS,
        200: {
            "description": "Events named `notification`, each with its `seq` as id.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
    tags=["stream"],
)
async def follow(
    request: Request,
    caller: AuthenticatedCaller,
    database: Db,
    last_event_id: Annotated[
        str | None, Header(description="Continue after this event; 0 for everything that is in your inbox.")
    ] = None,
) -> EventSourceResponse:
    """Your notifications as they come, as server-sent events.

    Without `Last-Event-ID` the stream begins now. Its first message has an id and no data: your place, so
    that nothing is lost if the connection breaks before the first notification.
    """
    after = await queries.starting_point(database, caller.member_id, last_event_id)
    hub: stream.Hub = request.app.state.hub
    connection = stream.Connection()

    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(id=str(after), comment="connected", retry=1_000)
        async for view in stream.follow(
            database, hub, connection, caller.member_id, after, SETTINGS.stream_seconds
        ):
            yield ServerSentEvent(id=str(view.seq), event="notification", data=view.model_dump_json())

    return EventSourceResponse(
        events(),
        ping=SETTINGS.heartbeat_seconds,
        ping_message_factory=lambda: ServerSentEvent(comment="still here"),
        send_timeout=SETTINGS.send_seconds,
        shutdown_event=connection,  # type: ignore[arg-type]  # it is only ever set
        shutdown_grace_period=2,
        sep="\n",
    )
