"""The HTTP API of connections."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.members import queries
from services.members.commands import connections as commands
from services.members.domain.connection import Connection, ConnectionState
from shared.ids import new_id
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, Note, View

router = APIRouter(tags=["connections"])

ConnectionPath = Annotated[str, Path(max_length=100, description="A connection's id.")]
MemberPath = Annotated[str, Path(max_length=100, description="A member's id.")]
WantedState = Annotated[ConnectionState, Query(description="The state of those to list.")]


class NewConnection(texts.Request):
    """Whom to ask to connect, and why."""

    member_id: Identifier = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"])
    note: Note = Field("", examples=["Your answer about counter signatures helped us. Let us compare notes."])
    thread_id: Identifier | None = Field(
        None,
        description="The thread that prompted it.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"],
    )


class ConnectionView(View):
    """A connection, or the request for one."""

    id: str
    requester_id: str
    addressee_id: str
    note: str
    thread_id: str | None
    state: ConnectionState
    requested_at: AwareDatetime
    changed_at: AwareDatetime

    @staticmethod
    def of(connection: Connection) -> ConnectionView:
        """The view of ``connection``."""
        return ConnectionView(
            id=connection.connection_id, **connection.model_dump(exclude={"connection_id", "version"})
        )


class MutualView(View):
    """Somebody whom you and the other member are both connected with."""

    member_id: str


@router.post("/connections", status_code=201, response_model=ConnectionView, responses=WRITE_PROBLEMS)
async def request_connection(body: NewConnection, mutate: Mutating) -> Response:
    """Ask a member to connect. Who was declined can ask the same member again after 30 days."""
    connection_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        connection = await commands.request(uow, mutate.caller, connection_id, **body.model_dump())
        return Answer(ConnectionView.of(connection), 201, location=f"/v1/connections/{connection_id}")

    return await mutate(work)


@router.get("/connections/{connection_id}", response_model=ConnectionView, responses=READ_PROBLEMS)
async def read_connection(
    connection_id: ConnectionPath, caller: AuthenticatedCaller, database: Db
) -> ConnectionView:
    """A connection of yours, or a request that you made or got."""
    return ConnectionView.of(await queries.connection(database, caller, connection_id))


@router.post("/connections/{connection_id}/accept", response_model=ConnectionView, responses=WRITE_PROBLEMS)
async def accept_connection(connection_id: ConnectionPath, mutate: Mutating) -> Response:
    """Agree to connect. For the one who was asked."""

    async def work(uow: UnitOfWork) -> Answer:
        return Answer(ConnectionView.of(await commands.accept(uow, mutate.caller, connection_id)))

    return await mutate(work)


@router.post("/connections/{connection_id}/decline", response_model=ConnectionView, responses=WRITE_PROBLEMS)
async def decline_connection(connection_id: ConnectionPath, mutate: Mutating) -> Response:
    """Decline to connect. For the one who was asked."""

    async def work(uow: UnitOfWork) -> Answer:
        return Answer(ConnectionView.of(await commands.decline(uow, mutate.caller, connection_id)))

    return await mutate(work)


@router.delete("/connections/{connection_id}", status_code=204, responses=WRITE_PROBLEMS)
async def end_connection(connection_id: ConnectionPath, mutate: Mutating) -> Response:
    """End a connection, from either side, or take your request back."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.end(uow, mutate.caller, connection_id)
        return Answer()

    return await mutate(work)


@router.get("/members/me/connections", response_model=Page[ConnectionView], responses=READ_PROBLEMS)
async def list_connections(
    caller: AuthenticatedCaller,
    database: Db,
    state: WantedState = "connected",
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ConnectionView]:
    """Your connections, or requests made and got; the latest asked for first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.connections_of(database, caller, state, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.connection_id)
    return Page(items=[ConnectionView.of(row) for row in shown], next=following)


@router.get(
    "/members/{member_id}/mutual-connections", response_model=Page[MutualView], responses=READ_PROBLEMS
)
async def list_mutual_connections(
    member_id: MemberPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[MutualView]:
    """Whom you and another member are both connected with; your latest connections first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.mutual(database, caller, member_id, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.connection_id)
    return Page(items=[MutualView(member_id=row.other(caller.member_id)) for row in shown], next=following)
