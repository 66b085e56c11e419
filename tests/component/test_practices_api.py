"""Solutions that become best practices and stay such, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions.duties import DUTIES
from services.discussions.store.solutions import SOLUTIONS
from shared.clockwork import work_off
from shared.contracts.members import (
    CommunityCreated,
    CommunityRules,
    CommunityUpdated,
    MemberJoined,
    MembershipDormant,
    TrialEnded,
)
from shared.testing.harness import recorded
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, NOW, TEXT, World, discussions, fresh

PEERS = [f"p{number}" for number in range(6)]
STEWARDS = ["sue", "sam"]


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    """An internal community in which three endorsements make a candidate."""
    world = await fresh(app)
    await world.feed(
        world.event(
            CommunityCreated, "asker", kind="internal", org_id="city",
            rules=CommunityRules(candidate_adaptations=0),
        )
    )  # fmt: skip
    await world.joins(*PEERS)
    await world.joins(*STEWARDS, role="steward")
    return world


async def contributed(world: World, *names: str) -> None:
    thread = await world.posts()
    body = {"item_kind": "problem", "item_id": thread, "body": "I see."}
    for name in names:
        await world.ask(name, "POST", f"/threads/{thread}/comments", body)


async def candidate(world: World, endorsers: int = 3) -> tuple[str, str]:
    """A problem, and a solution to it that enough people vouch for."""
    await contributed(world, *PEERS[:endorsers])
    problem = await world.posts()
    solution = await world.proposes(problem)
    for name in PEERS[:endorsers]:
        await world.ask(name, "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"})
    return problem, solution


async def state(world: World, solution: str) -> str:
    return str((await world.ask("bob", "GET", f"/solutions/{solution}/practice"))["state"])


async def row(world: World, problem: str, event: str) -> dict[str, Any]:
    """The latest event of that name in the thread."""
    found = await recorded(world.database, key=problem, type=f"guildhall.{event}.v1")
    return dict(found[-1])


# -- the way there -------------------------------------------------------------------------------------


async def test_a_solution_becomes_a_best_practice_is_reviewed_and_lapses(world: World) -> None:
    problem, solution = await candidate(world)
    seen = await world.ask("bob", "GET", f"/solutions/{solution}/practice")
    assert (seen["state"], seen["endorsements"], seen["tried"]) == ("candidate", 3, 3)
    assert seen["closes_at"] == "2026-03-09T09:30:00Z"
    await world.ask("sue", "POST", f"/solutions/{solution}/approve")
    approved = await world.ask("sam", "POST", f"/solutions/{solution}/approve")
    assert (approved["state"], approved["recognised_revision"]) == ("best-practice", 1)
    world.clock.at = NOW + 166 * DAY
    assert await work_off(world.database, DUTIES) == 1
    assert await state(world, solution) == "review-due"
    reviewed = await world.ask("p0", "POST", f"/solutions/{solution}/review", {"note": "Still so."})
    assert reviewed["state"] == "re-verified"
    world.clock.advance(270 * DAY)
    await work_off(world.database, DUTIES)
    assert await state(world, solution) == "lapsed"
    assert await work_off(world.database, DUTIES) == 0
    assert (await world.events(problem))[4:] == [
        "solution-recommended",
        "solution-endorsed",
        "best-practice-proposed",
        "best-practice-proposed",
        "best-practice-proposed",
        "best-practice-recognised",
        "practice-review-due",
        "practice-reverified",
        "practice-review-due",
        "practice-review-due",
        "practice-lapsed",
    ]


async def test_all_steps_that_a_stopped_clockwork_missed_are_done_with_their_times(world: World) -> None:
    problem, solution = await candidate(world)
    world.clock.advance(300 * DAY)
    await asyncio.gather(*(work_off(world.database, DUTIES) for _ in range(3)))  # replicas
    assert await state(world, solution) == "lapsed"
    rows = await recorded(world.database, key=problem)
    missed = [
        (each["type"].split(".")[1], (datetime.fromisoformat(each["time"]) - NOW).days) for each in rows[-4:]
    ]
    assert missed == [
        ("best-practice-recognised", 7),
        ("practice-review-due", 173),
        ("practice-review-due", 217),
        ("practice-lapsed", 277),
    ]
    assert len(await world.events(problem)) == len(rows)


async def test_who_acts_before_the_clockwork_did_meets_what_time_made_of_it(world: World) -> None:
    problem, solution = await candidate(world)
    world.clock.advance(8 * DAY)
    refused = await world.ask("sue", "PUT", f"/solutions/{solution}/objection", {"reason": "Wait."}, 409)
    assert refused["code"] == "not-a-candidate"
    assert "best-practice-recognised" not in await world.events(problem)  # nothing of a refused request
    await world.ask("p0", "DELETE", f"/solutions/{solution}/endorsement")
    assert (await world.events(problem))[-2:] == ["best-practice-recognised", "endorsement-withdrawn"]
    assert await state(world, solution) == "best-practice"


async def test_an_objection_and_a_pause_stop_the_clock(world: World) -> None:
    problem, solution = await candidate(world)
    path = f"/solutions/{solution}"
    assert (await world.ask("bob", "PUT", f"{path}/pause", {"reason": "x"}, 403))["code"] == "steward-only"
    await world.ask("sue", "PUT", f"{path}/pause", {"reason": " "}, 422)
    world.clock.advance(DAY)
    paused = await world.ask("sue", "PUT", f"{path}/pause", {"reason": "Legal looks at it."})
    assert (paused["closes_at"], paused["pause"]["reason"]) == (None, "Legal looks at it.")
    objected = await world.ask("sam", "PUT", f"{path}/objection", {"reason": "Not everywhere."})
    assert objected["objections"][0]["steward_id"] == dev_member_id("sam")
    world.clock.advance(30 * DAY)
    assert await work_off(world.database, DUTIES) == 0
    await world.ask("sue", "DELETE", f"{path}/pause")
    resumed = await world.ask("sam", "DELETE", f"{path}/objection")
    assert resumed["closes_at"] == "2026-04-08T09:30:00Z"  # six days from now
    world.clock.advance(6 * DAY)
    assert await work_off(world.database, DUTIES) == 1
    assert await state(world, solution) == "best-practice"
    told = await row(world, problem, "best-practice-proposed")
    assert f'"{dev_member_id("sue")}"'.encode() in told["data"]


async def test_approvals_at_once_recognise_it_once(world: World) -> None:
    problem, solution = await candidate(world)
    async with world.by("sue") as sue, world.by("sam") as sam:
        path = f"/v1/solutions/{solution}/approve"
        answers = await asyncio.gather(*(each.post(path) for each in (sue, sam, sue, sam)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    assert (await world.events(problem)).count("best-practice-recognised") == 1


async def test_the_members_that_count_for_a_candidate_are_the_active_ones(world: World) -> None:
    crowd = [f"c{number}" for number in range(61)]
    for name in crowd:
        await world.feed(world.event(MemberJoined, name, standing="trial"))
    for name in crowd:
        await world.feed(world.event(TrialEnded, name))
    _, solution = await candidate(world)
    assert await state(world, solution) == "recommended"  # of 61 active members, it takes four
    await world.feed(world.event(MembershipDormant, crowd[0], standing="dormant"))
    await world.ask("p0", "DELETE", f"/solutions/{solution}/endorsement")
    await world.ask("p0", "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"})
    assert await state(world, solution) == "candidate"


async def test_in_an_external_community_no_organisation_makes_a_practice_alone(world: World) -> None:
    await world.feed(
        world.event(CommunityUpdated, "asker", kind="external", rules=CommunityRules(candidate_adaptations=0))
    )
    problem, solution = await candidate(world, endorsers=6)
    seen = await world.ask("bob", "GET", f"/solutions/{solution}")
    assert (seen["endorsements"], seen["counted"], seen["state"]) == (6, 0, "proposed")
    for name, org_id in (("x1", "x"), ("y1", "y"), ("z1", "z")):
        joined_at = NOW - 60 * DAY
        await world.feed(world.event(MemberJoined, name, org_id=org_id, joined_at=joined_at))
        await contributed(world, name)
        await world.ask(name, "PUT", f"/solutions/{solution}/endorsement", {"basis": "reviewed"})
    seen = await world.ask("bob", "GET", f"/solutions/{solution}")
    assert (seen["endorsements"], seen["counted"], seen["state"]) == (9, 5, "candidate")
    assert (await row(world, problem, "solution-endorsed"))["data"].count(b'"state":"candidate"') == 1


# -- endorsing -----------------------------------------------------------------------------------------


async def test_after_a_major_revision_each_endorser_is_asked_once_and_affirms_with_one_call(
    world: World,
) -> None:
    problem, solution = await candidate(world)
    path = f"/solutions/{solution}"
    revised = await world.ask("ann", "PUT", path, {"body": "Else.", "major": True}, If_Match='"1"')
    assert (revised["state"], revised["endorsements"]) == ("proposed", 0)
    event = await row(world, problem, "solution-revised")
    asked = sorted(dev_member_id(name) for name in PEERS[:3])
    assert f'"asked":["{asked[0]}","{asked[1]}","{asked[2]}"]'.encode() in event["data"]
    again = await world.ask("p0", "POST", f"{path}/endorsement/reaffirm")
    assert (again["endorsements"], again["tried"]) == (1, 1)
    assert (await world.ask("p0", "POST", f"{path}/endorsement/reaffirm", expect=409))["code"] == "not-stale"
    await world.ask("ann", "PUT", path, {"body": "Else again.", "major": True}, If_Match='"2"')
    asked_now = (await row(world, problem, "solution-revised"))["data"]
    assert f'"asked":["{dev_member_id("p0")}"]'.encode() in asked_now  # the others were asked before


async def test_a_curator_who_rewrites_what_they_endorsed_vouches_for_it_no_more(world: World) -> None:
    await contributed(world, "sue")
    problem, solution = await candidate(world, endorsers=1)
    path = f"/solutions/{solution}"
    await world.ask("sue", "PUT", f"{path}/endorsement", {"basis": "reviewed"})
    revised = await world.ask("sue", "PUT", path, {"body": "Clearer."}, If_Match='"1"')
    assert (revised["endorsements"], revised["state"]) == (1, "proposed")
    assert (await world.events(problem))[-2:] == ["solution-revised", "endorsement-withdrawn"]
    assert [each["name"] for each in revised["authors"]] == sorted(
        ["Ann", "Sue"], key=lambda name: dev_member_id(name.lower())
    )


# -- contests ------------------------------------------------------------------------------------------


async def test_a_contest_and_how_it_ends(world: World) -> None:
    problem, solution = await candidate(world, endorsers=5)
    path = f"/solutions/{solution}"
    wrong = {"kind": "dangerous", "reason": "It leaks names."}
    made = await world.ask("bob", "POST", f"{path}/contests", wrong, 201)
    assert await state(world, solution) == "recommended"  # no candidate while somebody says so
    assert (await world.ask("bob", "POST", f"{path}/contests", wrong, 409))["code"] == "already-contested"
    assert (await world.ask("p0", "POST", f"{path}/contests", wrong, 409))["code"] == "already-endorsed"
    refused = await world.ask("bob", "PUT", f"{path}/endorsement", {"basis": "tried"}, 409)
    assert refused["code"] == "you-contest-it"
    await world.ask("cid", "POST", f"{path}/contests", wrong, 201)
    assert await state(world, solution) == "contested"
    closing = f"{path}/contests/{made['id']}/resolve"
    assert (await world.ask("ann", "POST", closing, {"word": "x"}, 409))["code"] == "not-revised"
    assert (await world.ask("p0", "POST", closing, {"word": "x"}, 403))["code"] == "not-yours"
    closed = await world.ask("sue", "POST", closing, {"word": "They are redacted."})
    assert (closed["state"], closed["word"], closed["resolved_by"]["name"]) == (
        "answered", "They are redacted.", "Sue",
    )  # fmt: skip
    assert await state(world, solution) == "recommended"
    listed = await world.ask("p5", "GET", f"{path}/contests?limit=1")
    assert [each["contester"]["name"] for each in listed["items"]] == ["Cid"]
    rest = await world.ask("p5", "GET", f"{path}/contests?limit=1&cursor={listed['next']}")
    assert [each["contester"]["name"] for each in rest["items"]] == ["Bob"]
    await world.ask("cid", "POST", f"{path}/contests/{listed['items'][0]['id']}/withdraw")
    assert await state(world, solution) == "candidate"
    assert (await world.events(problem))[-4:] == [
        "contest-resolved", "solution-recommended", "contest-resolved", "best-practice-proposed",
    ]  # fmt: skip


async def test_many_contests_of_one_member_at_once_are_one(world: World) -> None:
    _, solution = await candidate(world)
    async with world.by("bob") as http:
        body = {"kind": "wrong", "reason": "No."}
        answers = await asyncio.gather(
            *(http.post(f"/v1/solutions/{solution}/contests", json=body) for _ in range(4))
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await world.ask("bob", "GET", f"/solutions/{solution}"))["contesting"] == 1


# -- superseding ---------------------------------------------------------------------------------------


async def test_two_solutions_do_not_take_each_others_place_even_at_once(world: World) -> None:
    _, one = await candidate(world)
    two = await world.proposes(await world.posts())
    async with world.by("sue") as sue, world.by("sam") as sam:
        answers = await asyncio.gather(
            sue.post(f"/v1/solutions/{one}/supersede", json={"solution_id": two, "reason": "Newer."}),
            sam.post(f"/v1/solutions/{two}/supersede", json={"solution_id": one, "reason": "Proven."}),
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    await world.joins("sue", role="steward", at="elsewhere")
    elsewhere = await world.ask("sue", "POST", "/communities/elsewhere/problems", TEXT)
    foreign = await world.ask("sue", "POST", f"/problems/{elsewhere['id']}/solutions", {"body": "B"})
    body = {"solution_id": foreign["id"], "reason": "r"}
    assert (await world.ask("sue", "POST", f"/solutions/{one}/supersede", body, 404))["code"] == (
        "no-such-solution"
    )


# -- who sees it, and on which index -------------------------------------------------------------------


async def test_to_a_stranger_nothing_of_it_exists(world: World) -> None:
    problem, solution = await candidate(world)
    contest = await world.ask(
        "bob", "POST", f"/solutions/{solution}/contests", {"kind": "wrong", "reason": "No."}
    )
    await world.joins("stranger", at="elsewhere", role="steward")
    before = await world.events(problem)
    for method, end, body in (
        ("GET", "practice", None),
        ("GET", "contests", None),
        ("POST", "contests", {"kind": "wrong", "reason": "No."}),
        ("POST", f"contests/{contest['id']}/withdraw", None),
        ("POST", f"contests/{contest['id']}/resolve", {"word": "x"}),
        ("POST", "approve", None),
        ("PUT", "objection", {"reason": "x"}),
        ("DELETE", "objection", None),
        ("PUT", "pause", {"reason": "x"}),
        ("DELETE", "pause", None),
        ("POST", "review", {"note": "x"}),
        ("POST", "supersede", {"solution_id": solution, "reason": "x"}),
        ("POST", "endorsement/reaffirm", None),
    ):
        hidden = await world.ask("stranger", method, f"/solutions/{solution}/{end}", body, 404)
        assert hidden == await world.ask("stranger", method, f"/solutions/none/{end}", body, 404)
    assert await world.events(problem) == before


async def test_what_is_due_and_who_counts_is_found_on_an_index(world: World) -> None:
    await candidate(world)
    for collection, query in (
        (SOLUTIONS, {"due_at": {"$lte": NOW + timedelta(days=9)}}),
        ("memberships", {"community_id": COMMUNITY, "active": True, "standing": "active"}),
        ("memberships", {"community_id": COMMUNITY, "active": True, "role": "steward"}),
        ("contests", {"solution_id": "s", "contester_id": "m", "state": "open"}),
        ("contests", {"solution_id": "s"}),
    ):
        plan = str((await world.database[collection].find(query).explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan
