"""Connecting: asking, answering, ending."""

from __future__ import annotations

from services.members.commands.people import registered
from services.members.domain import connection as connections
from services.members.domain.connection import Connection
from services.members.domain.rules import RULES
from services.members.store import connections as store
from services.members.store import people
from shared.errors import NotFound
from shared.storage import UnitOfWork
from shared.web.auth import Caller


async def request(
    uow: UnitOfWork,
    caller: Caller,
    connection_id: str,
    *,
    member_id: str,
    note: str,
    thread_id: str | None,
) -> Connection:
    """The caller asks another member to connect."""
    await registered(uow, caller)
    if await people.load_member(uow, member_id) is None:
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    connection, event = connections.request(
        connection_id,
        await store.load_latest(uow, caller.member_id, member_id),
        caller.member_id,
        member_id,
        note=note,
        thread_id=thread_id,
        rules=RULES,
        now=uow.now,
    )
    store.save_connection(uow, connection)
    uow.record(event)
    return connection


async def accept(uow: UnitOfWork, caller: Caller, connection_id: str) -> Connection:
    """The one who was asked agrees."""
    connection, event = connections.accept(await _connection(uow, connection_id), caller.member_id, uow.now)
    store.save_connection(uow, connection)
    uow.record(event)
    return connection


async def decline(uow: UnitOfWork, caller: Caller, connection_id: str) -> Connection:
    """The one who was asked declines."""
    connection, event = connections.decline(await _connection(uow, connection_id), caller.member_id, uow.now)
    store.save_connection(uow, connection)
    uow.record(event)
    return connection


async def end(uow: UnitOfWork, caller: Caller, connection_id: str) -> None:
    """Either side ends the connection, or the requester takes the request back."""
    connection, event = connections.end(await _connection(uow, connection_id), caller.member_id, uow.now)
    store.save_connection(uow, connection)
    uow.record(event)


async def _connection(uow: UnitOfWork, connection_id: str) -> Connection:
    connection = await store.load_connection(uow, connection_id)
    if connection is None:
        raise connections.no_such_connection()
    return connection
