"""Duties: what time brings about, done once, and looked for again when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from pymongo import UpdateOne

from shared.clockwork import Duty, work_off
from shared.errors import Conflict
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.testing.stack import Stack

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    database = Database(stack.mongodb, f"test-{new_id()[-12:]}", clock=lambda: MIDNIGHT)
    yield database
    await database.client.drop_database(database.name)
    await database.close()


async def due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    rows = database["chores"].find({"due_at": {"$lte": now}}).sort("due_at", 1).limit(limit)
    return [row["_id"] async for row in rows]


async def act(uow: UnitOfWork, chore: str) -> None:
    row = await uow.find_one("chores", {"_id": chore, "due_at": {"$lte": uow.now}})
    if row is None:
        return
    if row.get("broken"):
        raise Conflict("broken", "This cannot be done.")
    uow.write("chores", UpdateOne({"_id": chore}, {"$unset": {"due_at": True}, "$inc": {"done": 1}}))


async def test_what_is_due_is_done_once_however_many_look(database: Database) -> None:
    await database["chores"].insert_many([{"_id": str(n), "due_at": MIDNIGHT} for n in range(250)])
    await asyncio.gather(*(work_off(database, [Duty("chore", due, act)]) for _ in range(3)))
    done = [row["done"] async for row in database["chores"].find()]
    assert done == [1] * 250


async def test_what_is_not_due_waits_and_what_fails_stops_nobody(database: Database) -> None:
    await database["chores"].insert_many(
        [
            {"_id": "broken", "due_at": MIDNIGHT.replace(year=2020), "broken": True},
            {"_id": "due", "due_at": MIDNIGHT},
            {"_id": "later", "due_at": MIDNIGHT.replace(hour=1)},
        ]
    )
    assert await work_off(database, [Duty("chore", due, act)]) == 1
    left = {row["_id"] async for row in database["chores"].find({"due_at": {"$exists": True}})}
    assert left == {"broken", "later"}
