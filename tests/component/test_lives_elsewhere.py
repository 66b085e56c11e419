"""What discussions makes of communities and memberships that fall silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions import store
from services.discussions.store.access import MEMBERSHIPS
from shared.contracts.members import (
    CommunityStageChanged,
    CommunityUpdated,
    MemberJoined,
    MemberLeft,
    MembershipDormant,
    TrialEnded,
)
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, NOW, TEXT, World, discussions, fresh


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    return await fresh(app)


def writes(problem: str, solution: str) -> list[tuple[str, str, str, Any]]:
    """Something of every kind that changes a thread: who, method, path and body."""
    comment = {"item_kind": "problem", "item_id": problem, "body": "Ja!"}
    study = {"title": "T", "situation": "S"}
    return [
        ("ann", "POST", f"/communities/{COMMUNITY}/problems", TEXT),
        ("ann", "POST", f"/communities/{COMMUNITY}/case-studies", study),
        ("asker", "POST", f"/problems/{problem}/resolve", None),
        ("bob", "POST", f"/problems/{problem}/solutions", {"body": "Do that."}),
        ("bob", "POST", f"/threads/{problem}/comments", comment),
        ("bob", "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"}),
        ("bob", "PUT", f"/solutions/{solution}/reuse", {}),
        ("asker", "POST", f"/problems/{problem}/accept", {"solution_id": solution}),
    ]


async def test_an_archived_community_can_be_read_and_not_changed(world: World) -> None:
    problem = await world.posts()
    solution = await world.proposes(problem)
    await world.feed(world.event(CommunityStageChanged, "", stage="archived"))
    before = await world.events(problem)
    for who, method, path, body in writes(problem, solution):
        answer = await world.ask(who, method, path, body, expect=409)
        assert answer["code"] == "archived", path
    seen = await world.ask("cid", "GET", f"/problems/{problem}", expect=200)
    edited = await world.ask(
        "asker", "PUT", f"/problems/{problem}", TEXT, expect=409, if_match=f'"{seen["revision"]}"'
    )
    assert edited["code"] == "archived"
    stranger = await world.ask("eve", "POST", f"/problems/{problem}/solutions", {"body": "B"}, expect=404)
    assert stranger["code"] == "no-such-problem"
    listed = await world.ask("cid", "GET", f"/communities/{COMMUNITY}/problems")
    assert [item["id"] for item in listed["items"]] == [problem]
    imported: dict[str, Any] = {"id": "old", "community_id": COMMUNITY, "author_id": dev_member_id("ann")}
    imported |= {"kind": "problem", "at": NOW.isoformat(), "title": "T", "body": "B"}
    assert await world.imports(imported) == [("refused", "archived")]
    assert await world.events(problem) == before


async def test_reopened_and_late_events(world: World) -> None:
    await world.feed(world.event(CommunityStageChanged, "", 70, stage="archived"))
    await world.feed(world.event(CommunityStageChanged, "", 60, stage="dormant"))  # a replayed dead letter
    await world.feed(world.event(CommunityUpdated, "", 80, name="New"))
    assert (await world.ask("ann", "POST", f"/communities/{COMMUNITY}/problems", TEXT, expect=409))[
        "code"
    ] == ("archived")
    await world.feed(world.event(CommunityStageChanged, "", 90, stage="active"))
    await world.posts()


async def test_the_dormant_do_not_count_as_active(world: World) -> None:
    async def active(up_to: int = 100) -> int:
        count = store.access.count_active_members
        found: int = await world.database.transact(lambda uow: count(uow, COMMUNITY, up_to=up_to))
        return found

    assert (await active(), await active(2)) == (4, 2)
    await world.feed(
        world.event(MembershipDormant, "ann", 50, standing="dormant"),
        world.event(MembershipDormant, "bob", 51, standing="dormant"),
        world.event(TrialEnded, "cid", 52),
    )
    assert await active() == 2
    await world.feed(world.event(MembershipDormant, "ann", 60, standing="active"))
    await world.feed(world.event(MembershipDormant, "ann", 55, standing="dormant"))  # late
    assert await active() == 3
    await world.feed(world.event(MemberLeft, "bob", 61), world.event(MemberJoined, "bob", 62))
    assert await active() == 4
    await world.feed(world.event(MemberLeft, "bob", 63))
    assert await active() == 3


async def test_the_active_are_counted_in_an_index(world: World) -> None:
    query = {"community_id": COMMUNITY, "active": True, "standing": {"$ne": "dormant"}}
    plan = await world.database[MEMBERSHIPS].find(query).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
