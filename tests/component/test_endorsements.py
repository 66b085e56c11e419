"""Who vouches for a solution, as its community sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from services.discussions.store.solutions import ENDORSEMENTS
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import NOW, World, discussions, fresh


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    return await fresh(app)


async def test_the_current_endorsements_are_listed(world: World) -> None:
    solution = await world.proposes(await world.posts())
    for who in ("bob", "cid", "dan"):
        if who == "dan":
            await world.joins("dan")
        await world.posts(who)  # whoever contributed may endorse
        await world.ask(who, "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"})
    await world.ask("dan", "DELETE", f"/solutions/{solution}/endorsement")
    first = await world.ask("ann", "GET", f"/solutions/{solution}/endorsements?limit=1")
    second = await world.ask("ann", "GET", f"/solutions/{solution}/endorsements?cursor={first['next']}")
    listed = first["items"] + second["items"]
    assert second["next"] is None
    assert [each["endorser"]["id"] for each in listed] == sorted(map(dev_member_id, ("bob", "cid")))
    assert {each["endorser"]["name"] for each in listed} == {"Bob", "Cid"}
    assert listed[0] | {"endorser": None} == {
        "endorser": None, "basis": "tried", "revision": 1, "at": NOW.isoformat().replace("+00:00", "Z")
    }  # fmt: skip
    await world.ask("eve", "GET", f"/solutions/{solution}/endorsements", expect=404)


async def test_they_are_read_from_an_index(world: World) -> None:
    query = {"solution_id": "s", "state": "active", "endorser_id": {"$gt": "a"}}
    plan = await world.database[ENDORSEMENTS].find(query).sort("endorser_id", 1).explain()
    told = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in told
    assert "'stage': 'SORT'" not in told
