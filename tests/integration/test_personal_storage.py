"""Erasing and handing out what a database holds of a member, on a real MongoDB."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from shared.contracts.members import MemberErased
from shared.ids import new_id
from shared.messaging.relay import INDEXES as RELAY_INDEXES
from shared.storage import Database, UnitOfWork
from shared.storage.personal import (
    CHUNK,
    ERASURES,
    INDEXES,
    LEASE,
    NOT_PERSONAL,
    PASSING,
    RETRY,
    SETTLE,
    Personal,
    begin,
    erased_among,
    is_erased,
    mentions,
    sweep,
)
from shared.testing.stack import Stack
from shared.web.personal import document

PERSONAL = {
    "notes": Personal(about=["owner", "sides"]),
    "inboxes": Personal(about=["_id:"]),
    "texts": Personal(by=["authors"], unshared="draft"),
    "places": NOT_PERSONAL,
    "outbox": PASSING,
}
ANN, ANNA = "ann-1", "ann-12"


class World:
    """A database and the clock that it goes by."""

    def __init__(self, uri: str) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.database = Database(
            uri, f"personal-{new_id()[-12:]}", clock=lambda: self.now, erasure_key=b"a key"
        )

    async def put(self, collection: str, *documents: dict[str, Any]) -> None:
        await self.database[collection].insert_many(documents)

    async def all(self, collection: str) -> list[dict[str, Any]]:
        return await self.database[collection].find({}).sort("_id", 1).to_list(length=None)

    async def erase(self, member_id: str = ANN) -> None:
        async def work(uow: UnitOfWork) -> None:
            begin(uow, member_id)

        await self.database.transact(work)

    async def sweep(self) -> int:
        return await sweep(self.database, PERSONAL)


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    world = World(stack.mongodb)
    await world.database.ensure_indexes({**INDEXES, **RELAY_INDEXES, **{name: [] for name in PERSONAL}})
    yield world
    await world.database.client.drop_database(world.database.name)
    await world.database.close()


async def test_theirs_is_deleted_what_others_build_on_stays_and_others_are_left_alone(world: World) -> None:
    await world.put(
        "notes", {"_id": 1, "owner": ANN}, {"_id": 2, "owner": ANNA}, {"_id": 3, "sides": ["b", ANN]},
        {"_id": 4, "owner": "b", "text": f"ask @{ANN}."},
    )  # fmt: skip
    await world.put("inboxes", {"_id": f"{ANN}:01"}, {"_id": f"{ANNA}:01", "actor": ANN})
    await world.put(
        "texts",
        {"_id": f"t:{ANN}", "authors": [ANN, "b"], "by": {ANN: 1}},
        {"_id": 7, "authors": [ANN], "draft": True},
    )
    await world.put("places", {"_id": 1, "founder": ANN, "data": f'{{"x":"{ANN}"}}'.encode()})
    await world.put("undeclared", {"_id": 1, "who": ANN})
    await world.erase()
    await world.sweep()
    [erasure] = await world.all(ERASURES)
    former = erasure["pseudonym"]
    assert await world.all("notes") == [
        {"_id": 2, "owner": ANNA}, {"_id": 4, "owner": "b", "text": f"ask @{former}."},
    ]  # fmt: skip
    assert await world.all("inboxes") == [{"_id": f"{ANNA}:01", "actor": former}]
    assert await world.all("texts") == [{"_id": f"t:{former}", "authors": [former, "b"], "by": {former: 1}}]
    assert await world.all("places") == [
        {"_id": 1, "founder": former, "data": f'{{"x":"{former}"}}'.encode()}
    ]
    assert await world.all("undeclared") == [{"_id": 1, "who": former}]
    assert await mentions(world.database, ANN) == {ERASURES: 1}
    assert await mentions(world.database, ANNA) == {"notes": 1, "inboxes": 1}


async def test_what_was_written_late_is_swept_too_and_then_nothing_has_the_id(world: World) -> None:
    await world.erase()
    assert await world.sweep() == 1
    assert await world.sweep() == 0
    await world.put("notes", {"_id": 1, "owner": ANN})  # by a transaction that began before the tombstone
    world.now += SETTLE - timedelta(seconds=1)
    assert await world.sweep() == 0
    world.now += timedelta(seconds=1)
    assert await world.sweep() == 1
    assert await mentions(world.database, ANN) == {}
    [tombstone] = await world.all(ERASURES)
    assert tombstone.keys() == {"_id", "at"}
    assert ANN not in str(tombstone)
    assert await is_erased(world.database, ANN)
    assert not await is_erased(world.database, ANNA)
    await world.erase()  # again: an event that is replayed
    assert await world.all(ERASURES) == [tombstone]
    world.now += LEASE
    assert await world.sweep() == 0


async def test_an_event_is_published_before_it_goes(world: World) -> None:
    async def work(uow: UnitOfWork) -> None:
        begin(uow, ANN)
        uow.record(MemberErased(member_id=ANN, version=2))

    await world.database.transact(work)
    world.now += SETTLE
    assert await world.sweep() == 1
    assert await mentions(world.database, ANN) == {"outbox": 1, ERASURES: 1}
    await world.database["outbox"].update_many(
        {}, {"$set": {"published_at": world.now}, "$unset": {"pending": ""}}
    )
    assert await world.sweep() == 0
    world.now += RETRY
    assert await world.sweep() == 1
    assert await mentions(world.database, ANN) == {}


async def test_whoever_died_while_sweeping_is_followed_by_another(world: World) -> None:
    await world.put("notes", {"_id": 1, "owner": ANN})
    await world.erase()
    await world.database[ERASURES].update_one({}, {"$set": {"sweep_at": world.now + LEASE}})  # it claimed it
    assert await world.sweep() == 0
    world.now += LEASE
    assert await world.sweep() == 1
    assert await mentions(world.database, ANN) == {}


async def test_many_at_once_and_many_documents(world: World) -> None:
    each = 3 * CHUNK + 7
    members = [f"m{number}" for number in range(5)]
    await world.put(
        "texts", *({"_id": f"{who}|{n}", "authors": [who]} for who in members for n in range(each))
    )
    for who in members[1:]:
        await world.erase(who)
    world.now += SETTLE
    assert await world.sweep() == 4
    assert await world.database["texts"].count_documents({}) == 5 * each
    for who in members:
        assert await mentions(world.database, who) == ({"texts": each} if who == "m0" else {})
    authors = await world.database["texts"].distinct("authors")
    assert len(authors) == 5

    async def known(wanted: list[str], uow: UnitOfWork) -> set[str]:
        return await erased_among(uow, wanted)

    assert await world.database.transact(partial(known, ["m0", "m1", "x"])) == {"m1"}


async def test_a_download_is_whole_and_theirs(world: World) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    await world.put("notes", *({"owner": ANN, "n": n, "at": moment, "text": "“ü”\n"} for n in range(1_500)))
    await world.put("notes", {"owner": ANNA}, {"sides": [ANN, ANN]})
    await world.put("inboxes", {"_id": f"{ANN}:1", "data": b"x"}, {"_id": f"{ANNA}:1"})
    await world.put("texts", {"authors": ["b", ANN]}, {"authors": ["b"]})
    await world.put("places", {"founder": ANN})

    async def download(member_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            "".join([part async for part in document("s", world.database, PERSONAL, member_id)])
        )
        return found

    whole = await download(ANN)
    assert {name: len(rows) for name, rows in whole["held"].items()} == {
        "inboxes": 1, "notes": 1_501, "texts": 1,
    }  # fmt: skip
    assert whole["held"]["notes"][0]["at"] == "2026-03-01T00:00:00+00:00"
    assert whole["held"]["notes"][0]["text"] == "“ü”\n"
    assert (whole["service"], whole["member_id"]) == ("s", ANN)
    assert (await download("nobody"))["held"] == {}
