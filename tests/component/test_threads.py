"""What all threads have in common, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from shared.contracts.members import MemberLeft
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, NOW, World, discussions, fresh


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    return await fresh(app)


# -- the timeline --------------------------------------------------------------------------------------


async def test_the_timeline_has_everything_that_happened_in_order(world: World) -> None:
    problem = await world.posts()
    world.clock.advance(DAY)
    solution = await world.proposes(problem)
    await world.ask("ann", "PUT", f"/solutions/{solution}", {"body": "Better."}, If_Match='"1"')
    await world.ask("asker", "POST", f"/problems/{problem}/accept", {"solution_id": solution})
    first = await world.ask("bob", "GET", f"/threads/{problem}/timeline?limit=3")
    rest = await world.ask("bob", "GET", f"/threads/{problem}/timeline?limit=3&cursor={first['next']}")
    assert rest["next"] is None
    entries = first["items"] + rest["items"]
    assert [
        (each["version"], each["event"], each["actor"]["name"], each["item_id"], each["revision"])
        for each in entries
    ] == [
        (1, "problem-posted", "Asker", problem, None),
        (2, "solution-proposed", "Ann", solution, 1),
        (3, "solution-revised", "Ann", solution, 2),
        (4, "solution-accepted", "Asker", solution, 2),
    ]
    assert [each["at"] for each in entries[:2]] == ["2026-03-02T09:30:00Z", "2026-03-03T09:30:00Z"]
    assert [each["event"] for each in entries] == await world.events(problem)


async def test_an_imported_timeline_has_the_original_times(world: World) -> None:
    at = NOW - 50 * DAY
    await world.imports(
        {
            "kind": "problem", "id": "p1", "community_id": COMMUNITY, "author_id": dev_member_id("asker"),
            "at": at.isoformat(), "title": "T", "body": "B",
        }
    )  # fmt: skip
    (entry,) = (await world.ask("bob", "GET", "/threads/p1/timeline"))["items"]
    assert entry["at"] == "2026-01-11T09:30:00Z"


async def test_no_timeline_for_strangers_and_for_those_who_left(world: World) -> None:
    problem = await world.posts()
    await world.joins("stranger", at="elsewhere")
    await world.feed(world.event(MemberLeft, "bob"))
    for name in ("stranger", "bob"):
        hidden = await world.ask(name, "GET", f"/threads/{problem}/timeline", expect=404)
        assert hidden == await world.ask(name, "GET", "/threads/none/timeline", expect=404)
