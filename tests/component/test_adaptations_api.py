"""Adaptations on a real database: evidence, who adapted what from whom, and telling them of changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions.commands import adaptations as commands
from services.discussions.duties import DUTIES
from services.discussions.store.adaptations import ADAPTATIONS, TELLING
from shared.clockwork import work_off
from shared.contracts import EVENTS
from shared.contracts.members import CommunityCreated, CommunityUpdated, MemberJoined
from shared.contracts.practices import AdaptationUpdated
from shared.testing.harness import recorded
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, NOW, World, discussions, fresh

PLAN = {"title": "Parramatta", "changes": "We sign with the state's ID.", "reasons": "No eID here."}
ADOPTERS = ["x1", "y1", "z1"]


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    """An external community; x1, y1 and z1 are of three organisations."""
    world = await fresh(app)
    await world.feed(world.event(CommunityUpdated, "asker", kind="external"))
    await world.joins("sue", role="steward")
    for name in (*ADOPTERS, "x2"):
        joined_at = NOW - 60 * DAY
        await world.feed(world.event(MemberJoined, name, org_id=name[0], joined_at=joined_at))
    return world


async def proposed(world: World) -> tuple[str, str]:
    problem = await world.posts()
    return problem, await world.proposes(problem)


async def adapts(world: World, solution: str, by: str, **more: Any) -> str:
    made = await world.ask(by, "POST", f"/solutions/{solution}/adaptations", PLAN | more, 201)
    return str(made["id"])


async def reports(world: World, adaptation: str, by: str, outcome: str = "worked", **more: Any) -> Any:
    return await world.ask(by, "PUT", f"/adaptations/{adaptation}/outcome", {"outcome": outcome} | more)


async def worked(world: World, solution: str) -> int:
    return int((await world.ask("bob", "GET", f"/solutions/{solution}/practice"))["worked"])


async def updates(world: World, problem: str) -> list[AdaptationUpdated]:
    rows = await recorded(world.database, key=problem)
    read = [EVENTS[row["type"]].read(row["data"]) for row in rows]
    return [event for event in read if isinstance(event, AdaptationUpdated)]


async def test_an_adaptation_from_plan_to_outcome(world: World) -> None:
    problem, solution = await proposed(world)
    made = await adapts(world, solution, "x1")
    path = f"/adaptations/{made}"
    assert (await world.ask("y1", "POST", f"{path}/start", expect=403))["code"] == "not-yours"
    refused = await world.ask("x1", "PUT", f"{path}/outcome", {"outcome": "worked"}, 409)
    assert refused["code"] == "wrong-adaptation-state"
    assert (await world.ask("x1", "POST", f"{path}/start"))["state"] == "in-use"
    await world.ask("x1", "POST", f"{path}/notes", {"body": "Two signed."}, 201)
    measure = {"name": "Time to a permit", "unit": "days", "before": 9, "after": 2.5}
    done = await reports(world, made, "x1", measures=[measure], note="The queue is gone.")
    assert (done["state"], done["measures"], done["org_id"]) == ("worked", [measure], "x")
    (note,) = (await world.ask("bob", "GET", f"{path}/notes"))["items"]
    assert (note["body"], note["author"]["id"]) == ("Two signed.", dev_member_id("x1"))
    (listed,) = (await world.ask("bob", "GET", f"/solutions/{solution}/adaptations?state=worked"))["items"]
    assert listed == await world.ask("bob", "GET", path)
    assert (await world.ask("bob", "GET", f"/solutions/{solution}"))["adaptations"] == 1
    comment = {"item_kind": "adaptation", "item_id": made, "body": "How many clerks?"}
    await world.ask("bob", "POST", f"/threads/{problem}/comments", comment, 201)
    assert await world.events(problem) == [
        "problem-posted", "solution-proposed", "adaptation-started", "adaptation-updated",
        "adaptation-updated", "adaptation-outcome-reported", "comment-added",
    ]  # fmt: skip
    for bad in (
        {"measures": [measure | {"after": 1e300}]}, {"measures": [measure] * 11}, {"outcome": "planned"},
        {"revision": 2}, {"revision": 0},
    ):  # fmt: skip
        await world.ask("x1", "PUT", f"{path}/outcome", {"outcome": "worked"} | bad, 422)


async def test_what_worked_in_three_organisations_makes_a_candidate(world: World) -> None:
    problem, solution = await proposed(world)
    for name in (*ADOPTERS, "x2"):
        await world.posts(name)
        await world.ask(name, "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"})
    made = {name: await adapts(world, solution, name, in_use=True) for name in (*ADOPTERS, "x2", "ann")}
    for name, counts in (("ann", 0), ("x1", 1), ("x2", 1), ("y1", 2)):
        await reports(world, made[name], name)
        assert await worked(world, solution) == counts
    assert (await world.events(problem))[-1] == "adaptation-outcome-reported"
    await reports(world, made["z1"], "z1", "worked-with-changes")
    assert (await world.events(problem))[-2:] == ["adaptation-outcome-reported", "best-practice-proposed"]
    await reports(world, made["z1"], "z1", "failed")
    seen = await world.ask("bob", "GET", f"/solutions/{solution}/practice")
    assert (seen["worked"], seen["state"]) == (2, "recommended")


async def test_in_an_internal_community_people_count(world: World) -> None:
    await world.feed(world.event(CommunityCreated, "asker", version=10**6, kind="internal", org_id="x"))
    _, solution = await proposed(world)
    for name in ("x1", "x2", "x1"):
        await reports(world, await adapts(world, solution, name, in_use=True), name)
    assert await worked(world, solution) == 2


async def test_what_worked_is_of_the_text_since_the_last_major_revision(world: World) -> None:
    _, solution = await proposed(world)
    made = await adapts(world, solution, "x1", in_use=True)
    await reports(world, made, "x1")
    await world.ask("ann", "PUT", f"/solutions/{solution}", {"body": "typo"}, If_Match='"1"')
    assert await worked(world, solution) == 1
    await world.ask("ann", "PUT", f"/solutions/{solution}", {"body": "Else.", "major": True}, If_Match='"2"')
    assert await worked(world, solution) == 0
    await reports(world, made, "x1", revision=3)  # it works with the new text, too
    assert await worked(world, solution) == 1
    await world.ask("x1", "POST", f"/solutions/{solution}/proposals", {"base": 3, "body": "x", "note": "n"})
    (proposal,) = (await world.ask("ann", "GET", f"/solutions/{solution}/proposals"))["items"]
    await world.ask("ann", "POST", f"/solutions/{solution}/proposals/{proposal['id']}/merge", {})
    assert await worked(world, solution) == 0  # by an author now


async def test_adopters_are_asked_once_at_their_time_however_late_and_by_however_many(world: World) -> None:
    problem, solution = await proposed(world)
    await adapts(world, solution, "x1", in_use=True)
    told = await adapts(world, solution, "y1", in_use=True)
    await reports(world, told, "y1", "abandoned")
    world.clock.advance(29 * DAY)
    assert await work_off(world.database, DUTIES) == 0
    world.clock.advance(300 * DAY)
    await asyncio.gather(*(work_off(world.database, DUTIES) for _ in range(3)))
    asked = await updates(world, problem)
    assert [(event.adopter_id, event.asked) for event in asked] == [(dev_member_id("x1"), True)]
    (row,) = await recorded(world.database, key=problem, version=asked[0].version)
    assert row["time"] == (NOW + 30 * DAY).isoformat()


async def test_a_failure_pulls_the_review_of_a_practice_forward(world: World) -> None:
    _, solution = await proposed(world)
    made = await adapts(world, solution, "x1", in_use=True)
    review_at = NOW + 170 * DAY
    recognition = {"revision": 1, "recognised_at": NOW, "review_at": review_at, "overdue": False}
    await world.database["solutions"].update_one(
        {"_id": solution}, {"$set": {"state": "best-practice", "recognition": recognition}}
    )
    await reports(world, made, "x1", "failed")
    seen = await world.ask("bob", "GET", f"/solutions/{solution}/practice")
    assert seen["review_at"] == "2026-03-16T09:30:00Z"
    assert await work_off(world.database, DUTIES) == 1  # announced at once
    assert (await world.ask("bob", "GET", f"/solutions/{solution}/practice"))["state"] == "review-due"


async def test_every_adopter_is_told_once_of_each_change_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TOLD_AT_ONCE", 2)
    problem, solution = await proposed(world)
    made = {name: await adapts(world, solution, name, in_use=True) for name in (*ADOPTERS, "x2", "bob")}
    await reports(world, made["bob"], "bob", "abandoned")
    await world.ask("ann", "PUT", f"/solutions/{solution}", {"body": "Better."}, If_Match='"1"')
    assert await work_off(world.database, DUTIES) == 3  # two pages, and one that finds nobody left
    told = await updates(world, problem)
    assert Counter(event.adopter_id for event in told) == {
        dev_member_id(name): 1 for name in (*ADOPTERS, "x2")
    }
    assert {(event.parent_change, event.parent_revision) for event in told} == {("revised", 2)}
    for name in ("bob", "cid"):
        await world.ask(
            name, "POST", f"/solutions/{solution}/contests", {"kind": "dangerous", "reason": "No."}, 201
        )
    await asyncio.gather(*(work_off(world.database, DUTIES) for _ in range(2)))
    later = (await updates(world, problem))[len(told) :]
    assert Counter(event.adopter_id for event in later) == Counter(event.adopter_id for event in told)
    assert {event.parent_change for event in later} == {"contested"}
    assert await world.database[TELLING].count_documents({}) == 0
    assert await world.events(problem)  # without a gap


async def test_who_adapted_what_from_whom(world: World) -> None:
    _, solution = await proposed(world)
    first = await adapts(world, solution, "x1")
    second = await adapts(world, solution, "y1", parent_id=first)
    third = await adapts(world, solution, "z1", parent_id=second)
    other = (await proposed(world))[1]
    refused = await world.ask(
        "x1", "POST", f"/solutions/{other}/adaptations", PLAN | {"parent_id": first}, 404
    )
    assert refused["code"] == "no-such-adaptation"
    edges: list[Any] = []
    query = "?limit=2"
    while True:
        page = await world.ask("bob", "GET", f"/communities/{COMMUNITY}/adaptation-graph{query}")
        edges += page["items"]
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert [
        (edge["source"]["id"], edge["source"]["org_id"], edge["target"]["id"], edge["target"]["org_id"])
        for edge in edges
    ] == [
        (solution, "city-of-aarhus", first, "x"),
        (first, "x", second, "y"),
        (second, "y", third, "z"),
    ]
    assert [edge["source"]["kind"] for edge in edges] == ["solution", "adaptation", "adaptation"]


async def test_to_a_stranger_no_adaptation_exists(world: World) -> None:
    problem, solution = await proposed(world)
    made = await adapts(world, solution, "x1")
    await world.joins("stranger", at="elsewhere", role="steward")
    before = await world.events(problem)
    for method, path, body in (
        ("POST", f"/solutions/{solution}/adaptations", PLAN),
        ("GET", f"/solutions/{solution}/adaptations", None),
        ("GET", f"/communities/{COMMUNITY}/adaptation-graph", None),
        ("GET", f"/adaptations/{made}", None),
        ("POST", f"/adaptations/{made}/start", None),
        ("POST", f"/adaptations/{made}/notes", {"body": "x"}),
        ("GET", f"/adaptations/{made}/notes", None),
        ("PUT", f"/adaptations/{made}/outcome", {"outcome": "worked"}),
    ):
        hidden = await world.ask("stranger", method, path, body, 404)
        nothing = path.replace(solution, "none").replace(made, "none").replace(COMMUNITY, "none")
        assert hidden == await world.ask("stranger", method, nothing, body, 404), path
    assert await world.events(problem) == before


async def test_the_lists_are_on_indexes(world: World) -> None:
    await adapts(world, (await proposed(world))[1], "x1", in_use=True)
    for query, order in (
        ({"solution_id": "s", "_id": {"$gt": ""}}, "_id"),
        ({"community_id": "c", "_id": {"$gt": ""}}, "_id"),
        ({"ask_at": {"$lte": NOW}}, "ask_at"),
        ({"solution_id": "s", "state": {"$in": ["worked"]}, "revision": {"$gte": 1}}, None),
    ):
        found = world.database[ADAPTATIONS].find(query)
        plan = str(
            (await (found.sort(order, 1) if order else found).explain())["queryPlanner"]["winningPlan"]
        )
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan
        assert "'SORT'" not in plan


async def test_what_hangs_on_a_hidden_solution_is_hidden_and_what_an_adaptation_says_is_redacted(
    world: World,
) -> None:
    problem, solution = await proposed(world)
    made = await adapts(world, solution, "x1")
    redaction = {"item_kind": "adaptation", "item_id": made, "passage": "state's ID", "reason": "Secret."}
    await world.ask("sue", "POST", f"/threads/{problem}/redactions", redaction)
    seen = await world.ask("bob", "GET", f"/adaptations/{made}")
    assert seen["changes"] == "We sign with the [redacted]."
    hiding = {"item_kind": "solution", "item_id": solution, "action": "hide", "reason": "Not true."}
    await world.ask("sue", "POST", f"/threads/{problem}/moderation", hiding)
    await world.ask("bob", "GET", f"/adaptations/{made}", expect=404)
    page = await world.ask("bob", "GET", f"/communities/{COMMUNITY}/adaptation-graph")
    assert page["items"] == []
