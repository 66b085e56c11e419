"""Improving others' solutions, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from shared.contracts.members import MemberLeft
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import World, discussions, fresh

TEXT = "Fill in the form.\nSign it.\nArchive it."


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    return await fresh(app)


async def solution(world: World) -> tuple[str, str]:
    problem = await world.posts()
    made = await world.ask("ann", "POST", f"/problems/{problem}/solutions", {"body": TEXT})
    return problem, f"/solutions/{made['id']}"


async def proposes(
    world: World, path: str, old: str, new: str, by: str = "bob", base: int = 1
) -> dict[str, Any]:
    body = {"base": base, "body": TEXT.replace(old, new), "note": f"Not {old}."}
    made: dict[str, Any] = await world.ask(by, "POST", f"{path}/proposals", body, 201)
    return made


async def test_a_proposal_is_discussed_and_merged_and_its_proposer_is_an_author(world: World) -> None:
    problem, path = await solution(world)
    made = await proposes(world, path, "Sign it", "Sign it with the eID")
    seen = await world.ask("cid", "GET", f"{path}/proposals/{made['id']}/diff")
    assert "-Sign it.\n+Sign it with the eID.\n" in seen["diff"]
    (said,) = (await world.ask("ann", "GET", f"/threads/{problem}/comments"))["items"]
    assert (said["body"], said["mentions"]) == ("Not Sign it.", [dev_member_id("ann")])

    for name in ("bob", "asker"):
        await world.ask(name, "PUT", f"{path}/endorsement", {"basis": "tried"})
    assert (await world.ask("cid", "POST", f"{path}/proposals/{made['id']}/merge", {}, 403))["code"] == (
        "not-yours"
    )
    merged = await world.ask("ann", "POST", f"{path}/proposals/{made['id']}/merge", {})
    assert (merged["state"], merged["merged_as"], merged["decided_by"]["name"]) == ("merged", 2, "Ann")
    now = await world.ask("cid", "GET", path)
    assert (now["body"], now["revision"]) == (TEXT.replace("Sign it", "Sign it with the eID"), 2)
    assert {each["name"] for each in now["authors"]} == {"Ann", "Bob"}
    assert now["endorsements"] == 1
    await world.ask("bob", "PUT", path, {"body": "By an author."}, If_Match='"2"')
    diff = await world.ask("cid", "GET", f"{path}/diff?before=1&after=3")
    assert diff["diff"].startswith("--- 1\n+++ 3\n")
    await world.ask("cid", "GET", f"{path}/diff?before=1&after=9", expect=404)
    assert await world.events(problem) == [
        "problem-posted", "solution-proposed", "comment-added", "solution-endorsed", "solution-endorsed",
        "solution-revised", "endorsement-withdrawn", "solution-revised",
    ]  # fmt: skip


async def test_a_proposal_for_an_old_revision_is_merged_by_lines_or_put_anew(world: World) -> None:
    _, path = await solution(world)
    first = await proposes(world, path, "Fill in the form", "Fill in form 7")
    second = await proposes(world, path, "Archive it", "Archive the PDF", by="cid")
    clash = await proposes(world, path, "Fill in the form", "Let two fill it in", by="cid")
    for each in (first, second):
        await world.ask("ann", "POST", f"{path}/proposals/{each['id']}/merge", {})
    both = "Fill in form 7.\nSign it.\nArchive the PDF."
    assert (await world.ask("bob", "GET", path))["body"] == both
    refused = await world.ask("ann", "POST", f"{path}/proposals/{clash['id']}/merge", {}, 409)
    assert refused["code"] == "merge-conflict"
    assert "base" in refused["detail"]
    anew = {"base": 3, "body": both.replace("Fill in", "Let two fill in"), "note": "Four eyes."}
    await world.ask("cid", "PUT", f"{path}/proposals/{clash['id']}", anew, 412, If_Match='"7"')
    await world.ask("cid", "PUT", f"{path}/proposals/{clash['id']}", anew | {"base": 9}, 422, If_Match='"1"')
    await world.ask("cid", "PUT", f"{path}/proposals/{clash['id']}", anew, If_Match='"1"')
    await world.ask("ann", "POST", f"{path}/proposals/{clash['id']}/merge", {"major": True})
    assert (await world.ask("bob", "GET", path))["body"] == anew["body"]


async def test_proposals_merged_at_once_lose_nothing(world: World) -> None:
    _, path = await solution(world)
    made = [
        await proposes(world, path, "Fill in the form", "Fill in form 7"),
        await proposes(world, path, "Archive it", "Archive the PDF", by="cid"),
    ]
    async with world.by("ann") as http:
        answers = await asyncio.gather(
            *(http.post(f"/v1{path}/proposals/{each['id']}/merge", json={}) for each in made * 2)
        )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    now = await world.ask("bob", "GET", path)
    assert (now["body"], now["revision"]) == ("Fill in form 7.\nSign it.\nArchive the PDF.", 3)


async def test_a_declined_proposal_says_why_even_where_its_proposer_left(world: World) -> None:
    problem, path = await solution(world)
    one, two = await proposes(world, path, "Sign", "Stamp"), await proposes(world, path, "form", "sheet")
    await world.ask("ann", "POST", f"{path}/proposals/{one['id']}/decline", {"reason": ""}, 422)
    await world.ask("ann", "POST", f"{path}/proposals/{one['id']}/decline", {"reason": "Not legal."})
    await world.feed(world.event(MemberLeft, "bob"))
    await world.ask("ann", "POST", f"{path}/proposals/{two['id']}/decline", {"reason": "Neither."})
    said = (await world.ask("cid", "GET", f"/threads/{problem}/comments"))["items"]
    assert [(each["body"], each["mentions"]) for each in said[2:]] == [
        ("Not legal.", [dev_member_id("bob")]),
        ("Neither.", []),
    ]
    page = await world.ask("cid", "GET", f"{path}/proposals?state=declined&limit=1")
    assert [each["reason"] for each in page["items"]] == ["Neither."]
    rest = await world.ask("cid", "GET", f"{path}/proposals?state=declined&limit=1&cursor={page['next']}")
    assert [each["reason"] for each in rest["items"]] == ["Not legal."]


async def test_a_co_author_is_asked_and_agrees_and_no_longer_vouches(world: World) -> None:
    problem, path = await solution(world)
    await world.posts("bob")
    await world.ask("bob", "PUT", f"{path}/endorsement", {"basis": "tried"})
    await world.ask("bob", "POST", f"{path}/co-authors/join", expect=409)
    asking = {"member_id": dev_member_id("bob"), "note": "Will you?"}
    await world.ask("ann", "POST", f"{path}/co-authors", asking | {"member_id": "nobody"}, 422)
    await world.ask("ann", "POST", f"{path}/co-authors", asking)
    joined = await world.ask("bob", "POST", f"{path}/co-authors/join")
    assert {each["name"] for each in joined["authors"]} == {"Ann", "Bob"}
    assert joined["endorsements"] == 0
    await world.ask("bob", "PUT", path, {"body": "Together."}, If_Match='"1"')
    assert (await world.events(problem))[2:] == [
        "solution-endorsed", "comment-added", "endorsement-withdrawn", "solution-revised",
    ]  # fmt: skip


async def test_to_a_stranger_no_proposal_exists(world: World) -> None:
    _, path = await solution(world)
    made = await proposes(world, path, "Sign", "Stamp")
    await world.joins("stranger", at="elsewhere", role="steward")
    text = {"base": 1, "body": "x", "note": "n"}
    at = f"/proposals/{made['id']}"
    for method, end, body in (
        ("GET", "/diff?before=1&after=1", None),
        ("POST", "/proposals", text),
        ("GET", "/proposals", None),
        ("GET", at, None),
        ("GET", f"{at}/diff", None),
        ("PUT", at, text),
        ("POST", f"{at}/merge", {}),
        ("POST", f"{at}/decline", {"reason": "x"}),
        ("POST", f"{at}/withdraw", None),
        ("POST", "/co-authors", {"member_id": "x", "note": "n"}),
        ("POST", "/co-authors/join", None),
    ):
        hidden = await world.ask("stranger", method, path + end, body, 404, If_Match='"1"')
        assert hidden == await world.ask(
            "stranger", method, "/solutions/none" + end, body, 404, If_Match='"1"'
        )
    _, other = await solution(world)  # and a proposal belongs to its own solution alone
    assert (await world.ask("ann", "POST", f"{other}{at}/merge", {}, 404))["code"] == "no-such-proposal"
