"""Lifting an internal practice to an external community, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions.domain.redaction import BLACK
from shared.contracts.members import CommunityCreated, MemberLeft
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, NOW, World, discussions, fresh

OUTSIDE = "permits-everywhere"
CONTEXT = {"size": "3 clerks", "constraints": "The law.", "culture": "Flat.", "tried": "Paper, by Bob."}
LIFT = {
    "community_id": OUTSIDE,
    "title": "Permits wait",
    "problem_body": "In the city of Cid, permits waited.",
    "body": "Bob signs; planning bobs along.",
    "context": CONTEXT,
    "redact": ["bob", "CID"],
    "note": "May we show it?",
}


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    """An internal community, and an external one to which ann, sue and a stranger belong."""
    world = await fresh(app)
    await world.feed(
        world.event(CommunityCreated, "asker", kind="internal", org_id="city"),
        world.event(CommunityCreated, "asker", kind="external", community_id=OUTSIDE),
    )
    await world.joins("sue", "sam", role="steward")
    await world.joins("ann", "sue", "stranger", role="steward", at=OUTSIDE)
    return world


async def practice(world: World, state: str = "best-practice") -> tuple[str, str]:
    problem = await world.posts()
    solution = await world.proposes(problem)
    recognition = {"revision": 1, "recognised_at": NOW, "review_at": NOW.replace(year=2027)}
    await world.database["solutions"].update_one(
        {"_id": solution}, {"$set": {"state": state, "recognition": recognition}}
    )
    return problem, solution


async def lifted(world: World, solution: str, by: str = "ann", expect: int = 201, **more: Any) -> Any:
    return await world.ask(by, "POST", f"/solutions/{solution}/lifts", LIFT | more, expect)


async def test_a_practice_appears_outside_without_names_once_a_steward_agrees(world: World) -> None:
    problem, solution = await practice(world)
    made = await lifted(world, solution)
    assert made["state"] == "proposed"
    assert (made["body"], made["context"]["tried"]) == (
        f"{BLACK} signs; planning bobs along.",
        f"Paper, by {BLACK}.",
    )
    assert (await world.ask("stranger", "GET", f"/communities/{OUTSIDE}/problems"))["items"] == []
    (said,) = (await world.ask("sam", "GET", f"/threads/{problem}/comments"))["items"]
    assert set(said["mentions"]) == {dev_member_id("sue"), dev_member_id("sam")}
    approved = await world.ask("sam", "POST", f"/lifts/{made['id']}/approve")
    assert (approved["state"], approved["decided_by"]["name"]) == ("published", "Sam")

    (shown,) = (await world.ask("stranger", "GET", f"/communities/{OUTSIDE}/problems"))["items"]
    assert (shown["id"], shown["body"]) == (
        approved["target_thread_id"], f"In the city of {BLACK}, permits waited.",
    )  # fmt: skip
    assert shown["context"] == CONTEXT | {"tried": f"Paper, by {BLACK}."}
    found = await world.ask("stranger", "GET", f"/solutions/{approved['target_solution_id']}")
    assert (found["state"], found["body"]) == ("proposed", f"{BLACK} signs; planning bobs along.")
    assert found["provenance"] == {"org_id": "city", "revision": 1, "lifted_at": "2026-03-02T09:30:00Z"}
    assert (await world.events(problem))[2:] == ["comment-added", "practice-lifted"]
    assert await world.events(approved["target_thread_id"]) == ["problem-posted", "solution-proposed"]
    await world.ask("stranger", "GET", f"/solutions/{solution}", expect=404)  # the original stays inside


async def test_names_of_the_organisations_people_must_not_be_left(world: World) -> None:
    _, solution = await practice(world)
    refused = await lifted(world, solution, expect=422, redact=["bob"])
    assert (refused["code"], refused["errors"][0]["field"]) == ("names-left", "/redact")
    assert "Cid" in refused["detail"]
    assert "Bob" not in refused["detail"]
    made = await lifted(world, solution, redact=["Cid", "bob"])
    assert made["suspects"] == []


async def test_who_lifts_what_and_where_to(world: World) -> None:
    _, solution = await practice(world)
    assert (await lifted(world, solution, "bob", 422))["code"] == "no-such-community"  # not outside
    assert (await lifted(world, solution, "stranger", 404))["code"] == "no-such-solution"  # not inside
    assert (await lifted(world, solution, "ann", 422, community_id=COMMUNITY))["code"] == "not-external"
    _, unproven = await practice(world, "lapsed")
    assert (await lifted(world, unproven, "ann", 409))["code"] == "not-a-practice"
    made = await lifted(world, solution, "sue")
    path = f"/lifts/{made['id']}"
    assert (await world.ask("sue", "POST", f"{path}/approve", expect=403))["code"] == "own-lift"
    assert (await world.ask("bob", "POST", f"{path}/approve", expect=403))["code"] == "steward-only"
    assert (await world.ask("ann", "POST", f"{path}/withdraw", expect=403))["code"] == "not-yours"
    hidden = await world.ask("stranger", "POST", f"{path}/approve", expect=404)
    assert hidden == await world.ask("stranger", "POST", "/lifts/none/approve", expect=404)
    await world.ask("sam", "POST", f"{path}/decline", {"reason": "Too early."})
    assert (await world.ask("sam", "POST", f"{path}/approve", expect=409))["code"] == "lift-closed"
    (listed,) = (await world.ask("bob", "GET", f"/solutions/{solution}/lifts"))["items"]
    assert (listed["state"], listed["reason"]) == ("declined", "Too early.")
    await world.ask("stranger", "GET", f"/solutions/{solution}/lifts", expect=404)


async def test_nothing_is_shown_for_somebody_who_left_or_twice(world: World) -> None:
    _, solution = await practice(world)
    first, second = await lifted(world, solution), await lifted(world, solution)
    async with world.by("sue") as sue, world.by("sam") as sam:
        path = f"/v1/lifts/{first['id']}/approve"
        answers = await asyncio.gather(sue.post(path), sam.post(path))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    await world.feed(world.event(MemberLeft, "ann", community_id=OUTSIDE))
    refused = await world.ask("sam", "POST", f"/lifts/{second['id']}/approve", expect=409)
    assert refused["code"] == "lifter-left"
    assert len((await world.ask("stranger", "GET", f"/communities/{OUTSIDE}/problems"))["items"]) == 1
