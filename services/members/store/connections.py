"""The collection of connections."""

from __future__ import annotations

from typing import Any

from pymongo import ReplaceOne

from services.members.domain.connection import Connection, ConnectionState, pair
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

CONNECTIONS = "connections"

INDEXES = {
    CONNECTIONS: [
        # Two requests at once, in whichever direction: the index lets one of them through.
        Index([("pair", 1)], unique=True, partial={"live": True}),
        Index([("pair", 1), ("_id", -1)]),
        Index([("sides", 1), ("state", 1), ("_id", -1)]),
    ],
}

PERSONAL = {CONNECTIONS: Personal(about=["sides"])}

Document = dict[str, Any]


def _connection(document: Document) -> Connection:
    return Connection.model_validate({**document, "connection_id": document["_id"]})


async def load_connection(uow: UnitOfWork, connection_id: str) -> Connection | None:
    """The connection, if there is one."""
    document = await uow.find_one(CONNECTIONS, {"_id": connection_id})
    return _connection(document) if document else None


async def load_latest(uow: UnitOfWork, one: str, other: str) -> Connection | None:
    """The latest connection of two members, whoever asked and whatever became of it."""
    query = {"pair": pair(one, other)}
    document = await uow.collection(CONNECTIONS).find_one(query, sort=[("_id", -1)], session=uow.session)
    return _connection(document) if document else None


def save_connection(uow: UnitOfWork, connection: Connection) -> None:
    """Save a new or changed connection."""
    sides = [connection.requester_id, connection.addressee_id]
    derived = {"pair": pair(*sides), "sides": sides, "live": connection.live}
    fields = connection.model_dump(exclude={"connection_id"}) | derived
    uow.write(CONNECTIONS, ReplaceOne({"_id": connection.connection_id}, fields, upsert=True))


async def load_live(uow: UnitOfWork, member_id: str) -> list[Connection]:
    """All of a member's connections and requests."""
    query = {"sides": member_id, "state": {"$in": ["requested", "connected"]}}
    return [_connection(row) for row in await uow.find(CONNECTIONS, query)]


async def find_connection(database: Database, connection_id: str) -> Connection | None:
    """The connection, if there is one."""
    document = await database[CONNECTIONS].find_one({"_id": connection_id})
    return _connection(document) if document else None


async def connections_of(
    database: Database, member_id: str, state: ConnectionState, before: str | None, limit: int
) -> list[Connection]:
    """A member's connections in ``state``, the latest asked for first, before the id ``before``."""
    query: Document = {"sides": member_id, "state": state}
    if before is not None:
        query["_id"] = {"$lt": before}
    rows = await database[CONNECTIONS].find(query).sort("_id", -1).limit(limit).to_list(length=None)
    return [_connection(row) for row in rows]


async def connected_among(database: Database, member_id: str, others: list[str]) -> set[str]:
    """Those of ``others`` that the member is connected with."""
    query = {"pair": {"$in": [pair(member_id, other) for other in others]}, "live": True}
    rows = await database[CONNECTIONS].find(query).to_list(length=None)
    found = [_connection(row) for row in rows]
    return {each.other(member_id) for each in found if each.state == "connected"}
