"""Discussions on a real database: its API, its imports, and who may see what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from shared.contracts.members import (
    CommunityRules,
    CommunityUpdated,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    RoleChanged,
)
from shared.settings import LIMITS
from shared.testing.harness import client, recorded
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_member_id
from tests.component.world import COMMUNITY, DAY, NOW, TEXT, World, discussions, fresh


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    return await fresh(app)


# -- the journey ---------------------------------------------------------------------------------------


async def test_a_problems_journey(world: World) -> None:
    problem = await world.posts()
    solution = await world.proposes(problem)
    comment = await world.ask(
        "bob",
        "POST",
        f"/threads/{problem}/comments",
        {"item_kind": "solution", "item_id": solution, "body": "Ja!", "mentions": [dev_member_id("ann")]},
    )
    await world.ask(
        "ann",
        "POST",
        f"/threads/{problem}/comments",
        {"item_kind": "comment", "item_id": comment["id"], "body": "Danke"},
    )
    endorsed = await world.ask("bob", "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"})
    assert (endorsed["endorsements"], endorsed["tried"]) == (1, 1)
    await world.ask("asker", "POST", f"/problems/{problem}/accept", {"solution_id": solution})
    await world.ask("asker", "POST", f"/problems/{problem}/resolve")

    seen = await world.ask("cid", "GET", f"/problems/{problem}")
    assert seen["author"] == {
        "id": dev_member_id("asker"),
        "name": "Asker",
        "org_id": "city",
        "role": "member",
        "anonymous": False,
    }
    assert (seen["state"], seen["accepted_id"], seen["solutions"]) == ("resolved", solution, 1)
    listed = await world.ask("cid", "GET", f"/problems/{problem}/solutions")
    assert [(each["id"], each["accepted"], each["endorsements"]) for each in listed["items"]] == [
        (solution, True, 1)
    ]
    said = await world.ask("cid", "GET", f"/threads/{problem}/comments")
    assert [each["body"] for each in said["items"]] == ["Ja!", "Danke"]
    assert await world.events(problem) == [
        "problem-posted",
        "solution-proposed",
        "comment-added",
        "comment-added",
        "solution-endorsed",
        "solution-accepted",
        "problem-resolved",
    ]


async def test_problems_are_listed_newest_first_by_state_and_tag_without_repeating_any(world: World) -> None:
    posted = []
    for number in range(5):
        world.clock.advance(timedelta(seconds=number % 2))  # some at the same moment
        posted.append(await world.posts(tags=["odd" if number % 2 else "even"]))
    await world.proposes(posted[0])
    seen: list[str] = []
    query = "?limit=2"
    while True:
        page = await world.ask("bob", "GET", f"/communities/{COMMUNITY}/problems{query}")
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert seen == sorted(posted, reverse=True)  # the ids are of that order, too

    async def found(query: str) -> list[str]:
        page = await world.ask("bob", "GET", f"/communities/{COMMUNITY}/problems?{query}")
        return [each["id"] for each in page["items"]]

    assert await found("tag=ODD") == [posted[3], posted[1]]
    assert await found("state=answered") == [posted[0]]
    assert await found("state=answered&tag=odd") == []


# -- who may see ---------------------------------------------------------------------------------------


async def test_to_a_stranger_nothing_exists(world: World) -> None:
    await world.joins("stranger", at="elsewhere")
    problem = await world.posts()
    solution = await world.proposes(problem)
    elsewhere = await world.ask("stranger", "POST", "/communities/elsewhere/problems", TEXT)
    tries: list[tuple[str, str, Any]] = [
        ("POST", f"/communities/{COMMUNITY}/problems", TEXT),
        ("GET", f"/communities/{COMMUNITY}/problems", None),
        ("GET", f"/problems/{problem}", None),
        ("PUT", f"/problems/{problem}", TEXT),
        ("POST", f"/problems/{problem}/resolve", None),
        ("POST", f"/problems/{problem}/reopen", None),
        ("POST", f"/problems/{problem}/links", {"kind": "related", "target_id": elsewhere["id"]}),
        ("POST", f"/problems/{elsewhere['id']}/links", {"kind": "related", "target_id": problem}),
        ("POST", f"/problems/{problem}/solutions", {"body": "x"}),
        ("GET", f"/problems/{problem}/solutions", None),
        ("POST", f"/problems/{problem}/accept", {"solution_id": solution}),
        ("POST", f"/threads/{problem}/comments", {"item_kind": "problem", "item_id": problem, "body": "x"}),
        ("GET", f"/threads/{problem}/comments", None),
        ("GET", f"/solutions/{solution}", None),
        ("PUT", f"/solutions/{solution}", {"body": "x"}),
        ("GET", f"/solutions/{solution}/revisions", None),
        ("PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"}),
        ("DELETE", f"/solutions/{solution}/endorsement", None),
    ]
    for method, path, body in tries:
        hidden = await world.ask("stranger", method, path, body, 404, If_Match='"1"')
        nothing = path.replace(problem, "none").replace(solution, "none").replace(COMMUNITY, "none")
        missing = await world.ask("stranger", method, nothing, body, 404, If_Match='"1"')
        assert hidden == missing, path  # not even a hint that it is there
    assert await world.events(problem) == ["problem-posted", "solution-proposed"]


@pytest.mark.parametrize("gone", [MemberLeft, MemberRemoved])
async def test_who_left_sees_nothing_and_who_returns_sees_again(
    world: World, gone: type[MemberLeft | MemberRemoved]
) -> None:
    problem = await world.posts()
    await world.feed(world.event(gone, "bob"))
    await world.ask("bob", "GET", f"/problems/{problem}", expect=404)
    await world.ask("bob", "POST", f"/problems/{problem}/solutions", {"body": "x"}, 404)
    await world.joins("bob")
    await world.ask("bob", "GET", f"/problems/{problem}")


async def test_events_of_a_membership_that_are_replayed_late_still_count(world: World) -> None:
    """A role-changed came through while its member-joined was a dead letter, replayed afterwards."""
    problem = await world.posts()
    changed = world.event(RoleChanged, "late", version=1007, role="steward")
    await world.feed(changed)
    await world.ask("late", "GET", f"/problems/{problem}", expect=404)
    await world.feed(world.event(MemberJoined, "late", version=1005, role="member"))
    await world.ask("late", "POST", f"/problems/{problem}/resolve")  # a steward may
    await world.feed(world.event(MemberLeft, "late", version=1009))
    await world.feed(world.event(MemberJoined, "late", version=1005))
    await world.ask("late", "GET", f"/problems/{problem}", expect=404)


# -- editing -------------------------------------------------------------------------------------------


async def test_an_edit_of_a_stale_text_is_refused_and_one_of_the_present_text_counts(world: World) -> None:
    problem = await world.posts()
    path = f"/problems/{problem}"
    assert (await world.ask("asker", "PUT", path, TEXT, 428))["code"] == "if-match-missing"
    edited = await world.ask("asker", "PUT", path, TEXT | {"body": "Ten."}, If_Match='"1"')
    assert edited["revision"] == 2
    assert (await world.ask("asker", "PUT", path, TEXT, 412, If_Match='"1"'))["code"] == "stale-version"
    assert (await world.ask("bob", "PUT", path, TEXT, 403, If_Match='"2"'))["code"] == "not-yours"
    await world.joins("sue", role="steward")
    await world.ask("sue", "PUT", path, TEXT, If_Match='"2"')
    assert await world.events(problem) == ["problem-posted", "problem-updated", "problem-updated"]


async def test_of_two_revisions_at_once_one_is_stale_and_nothing_is_overwritten(world: World) -> None:
    solution = await world.proposes(await world.posts())
    async with world.by("ann") as http:
        answers = await asyncio.gather(
            *(
                http.put(
                    f"/v1/solutions/{solution}",
                    json={"body": f"Text {number}", "note": "n"},
                    headers={"If-Match": '"1"'},
                )
                for number in range(4)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    kept = (await world.ask("bob", "GET", f"/solutions/{solution}/revisions"))["items"]
    assert [each["number"] for each in kept] == [1, 2]
    assert kept[0]["body"] == "Do this."


async def test_unicode_and_length_of_texts(world: World) -> None:
    body = "🏛" * LIMITS.body
    problem = await world.posts(body=body, title="Ærø — 許可 🏛")
    assert (await world.ask("bob", "GET", f"/problems/{problem}"))["body"] == body
    for bad in ({"body": body + "x"}, {"body": " "}, {"title": "a\nb"}, {"body": "\x00"}, {"body": "\ud800"}):
        async with world.by("asker") as http:
            # Written by hand: a lone surrogate can only be sent as an escape.
            answer = await http.post(
                f"/v1/communities/{COMMUNITY}/problems",
                content=json.dumps(TEXT | bad),
                headers={"Content-Type": "application/json"},
            )
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WzEsMl0", "Wzk5OTk5OTk5OTk5OTk5OTk5LCAiYSJd"])
async def test_bad_cursors(world: World, cursor: str) -> None:
    problem = await world.posts()
    for path in (f"/communities/{COMMUNITY}/problems", f"/problems/{problem}/solutions"):
        refused = await world.ask("bob", "GET", f"{path}?cursor={cursor}", expect=400)
        assert refused["code"] == "bad-cursor"


async def test_a_repeated_request_is_carried_out_once(world: World) -> None:
    path = f"/communities/{COMMUNITY}/problems"
    first = await world.ask("asker", "POST", path, TEXT, 201, Idempotency_Key="k")
    again = await world.ask("asker", "POST", path, TEXT, 201, Idempotency_Key="k")
    assert first == again
    other = await world.ask("asker", "POST", path, TEXT | {"body": "x"}, 422, Idempotency_Key="k")
    assert other["code"] == "idempotency-key-reused"
    assert len((await world.ask("bob", "GET", path))["items"]) == 1
    await world.ask("bob", "POST", path, TEXT, 201, Idempotency_Key="k")  # another caller's key is another


# -- endorsing -----------------------------------------------------------------------------------------


async def contributed(world: World, *names: str) -> None:
    for name in names:
        await world.posts(name)


async def test_members_endorsing_at_once_all_count(world: World) -> None:
    names = [f"m{number}" for number in range(8)]
    await world.joins(*names)
    await contributed(world, *names)
    problem = await world.posts()
    solution = await world.proposes(problem)
    path, tried = f"/solutions/{solution}/endorsement", {"basis": "tried"}
    await asyncio.gather(*(world.ask(name, "PUT", path, tried) for name in names))
    seen = await world.ask("asker", "GET", f"/solutions/{solution}")
    assert (seen["endorsements"], seen["tried"]) == (8, 8)
    assert (await world.events(problem)).count("solution-endorsed") == 8


async def test_endorsing_the_same_thing_many_times_at_once_counts_once(world: World) -> None:
    await contributed(world, "bob")
    solution = await world.proposes(await world.posts())
    async with world.by("bob") as http:
        path = f"/v1/solutions/{solution}/endorsement"
        answers = await asyncio.gather(*(http.put(path, json={"basis": "tried"}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert (await world.ask("asker", "GET", f"/solutions/{solution}"))["endorsements"] == 1


async def test_the_daily_limit_holds_for_endorsements_at_once_in_different_threads(world: World) -> None:
    await world.joins("new", days=8)
    await contributed(world, "new")
    mine = [await world.proposes(await world.posts()) for _ in range(8)]
    async with world.by("new") as http:
        answers = await asyncio.gather(
            *(http.put(f"/v1/solutions/{each}/endorsement", json={"basis": "tried"}) for each in mine)
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [403] * 3
    world.clock.advance(DAY)
    refused = [each for each, answer in zip(mine, answers, strict=True) if answer.status_code == 403]
    await world.ask("new", "PUT", f"/solutions/{refused[0]}/endorsement", {"basis": "tried"})


async def test_withdrawing_does_not_give_an_endorsement_of_the_day_back(world: World) -> None:
    await world.joins("new", days=8)
    await contributed(world, "new")
    solution = await world.proposes(await world.posts())
    path = f"/solutions/{solution}/endorsement"
    for _ in range(5):
        await world.ask("new", "PUT", path, {"basis": "tried"})
        await world.ask("new", "DELETE", path)
    assert (await world.ask("new", "PUT", path, {"basis": "tried"}, 403))["code"] == "daily-limit"


async def test_who_may_not_endorse(world: World) -> None:
    solution = await world.proposes(await world.posts())
    path = f"/solutions/{solution}/endorsement"

    async def code(name: str) -> str:
        return str((await world.ask(name, "PUT", path, {"basis": "reviewed"}, 403))["code"])

    assert await code("ann") == "own-solution"
    assert await code("bob") == "no-contribution"
    await world.joins("new", days=6.9)
    await contributed(world, "new", "bob")
    assert await code("new") == "too-new"
    world.clock.advance(timedelta(days=0.1))
    await world.ask("new", "PUT", path, {"basis": "reviewed"})
    await world.ask("bob", "PUT", path, {"basis": "guessed"}, 422)


async def test_a_major_revision_makes_endorsements_stale_and_they_can_be_given_again(world: World) -> None:
    await contributed(world, "bob", "cid")
    problem = await world.posts()
    solution = await world.proposes(problem)
    path = f"/solutions/{solution}"
    for name in ("bob", "cid"):
        await world.ask(name, "PUT", f"{path}/endorsement", {"basis": "tried"})
    await world.ask("asker", "POST", f"/problems/{problem}/accept", {"solution_id": solution})
    minor = await world.ask("ann", "PUT", path, {"body": "x", "note": "typo"}, If_Match='"1"')
    assert (minor["endorsements"], minor["accepted"]) == (2, True)
    major = await world.ask("ann", "PUT", path, {"body": "y", "major": True}, If_Match='"2"')
    assert (major["endorsements"], major["tried"], major["accepted"]) == (0, 0, False)
    assert (await world.ask("bob", "GET", f"/problems/{problem}"))["accepted_id"] is None
    left = await world.ask("cid", "DELETE", f"{path}/endorsement")  # a stale one: it counted no more
    assert (left["endorsements"], left["tried"]) == (0, 0)
    again = await world.ask("bob", "PUT", f"{path}/endorsement", {"basis": "reviewed"})
    assert (again["endorsements"], again["tried"]) == (1, 0)


# -- acceptance, links, comments -----------------------------------------------------------------------


async def test_accepting(world: World) -> None:
    problem = await world.posts()
    first, second = await world.proposes(problem), await world.proposes(problem, "bob")
    foreign = await world.proposes(await world.posts("bob"))
    path = f"/problems/{problem}/accept"
    assert (await world.ask("bob", "POST", path, {"solution_id": first}, 403))["code"] == "not-the-asker"
    await world.ask("asker", "POST", path, {"solution_id": foreign}, 404)
    await world.ask("asker", "POST", path, {"solution_id": first})
    await world.ask("asker", "POST", path, {"solution_id": first}, 409)
    await world.ask("asker", "POST", path, {"solution_id": second})
    listed = (await world.ask("bob", "GET", f"/problems/{problem}/solutions"))["items"]
    assert {each["id"]: each["accepted"] for each in listed} == {first: False, second: True}


async def test_two_problems_do_not_become_each_others_duplicate_even_at_once(world: World) -> None:
    one, two = await world.posts(), await world.posts()
    async with world.by("asker") as http:
        answers = await asyncio.gather(
            http.post(f"/v1/problems/{one}/links", json={"kind": "duplicate", "target_id": two}),
            http.post(f"/v1/problems/{two}/links", json={"kind": "duplicate", "target_id": one}),
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (await world.ask("bob", "POST", f"/problems/{one}/reopen", expect=403))["code"] == "not-yours"


async def test_comments_stay_in_their_thread_and_mention_members_only(world: World) -> None:
    problem, other = await world.posts(), await world.posts()
    foreign = await world.proposes(other)
    path = f"/threads/{problem}/comments"
    on_it = {"item_kind": "problem", "item_id": problem, "body": "x"}
    for item in ({"item_id": other}, {"item_kind": "solution", "item_id": foreign}, {"item_kind": "comment"}):
        assert (await world.ask("bob", "POST", path, on_it | item, 404))["code"] == "no-such-item"
    await world.joins("stranger", at="elsewhere")
    for mentioned in ("stranger", "nobody"):
        body = on_it | {"mentions": [dev_member_id("ann"), dev_member_id(mentioned)]}
        refused = await world.ask("bob", "POST", path, body, 422)
        assert (refused["code"], refused["errors"][0]["field"]) == ("mention-unknown", "/mentions")
    twice = await world.ask("bob", "POST", path, on_it | {"mentions": [dev_member_id("ann")] * 2})
    assert twice["mentions"] == [dev_member_id("ann")]


# -- imports -------------------------------------------------------------------------------------------


def item(kind: str, number: str = "1", days: float = 50, **fields: Any) -> dict[str, Any]:
    at = {"at": (NOW - timedelta(days=days)).isoformat()}
    known: dict[str, dict[str, Any]] = {
        "problem": {
            "id": f"p{number}",
            "community_id": COMMUNITY,
            "author_id": dev_member_id("asker"),
            "title": "T",
            "body": "B",
            "score": 7,
        },
        "solution": {"id": f"s{number}", "problem_id": "p1", "author_id": dev_member_id("ann"), "body": "S"},
        "revision": {
            "id": f"r{number}",
            "solution_id": "s1",
            "editor_id": dev_member_id("bob"),
            "body": f"R{number}",
        },
        "problem-edit": {"id": f"e{number}", "problem_id": "p1", "editor_id": dev_member_id("bob")},
        "comment": {"id": f"c{number}", "item_id": "s1", "author_id": dev_member_id("cid"), "body": "C"},
        "link": {"problem_id": "p2", "target_problem_id": "p1", "type": "duplicate"},
        "accept": {"solution_id": "s1"},
        "endorsement": {"solution_id": "s1", "endorser_id": dev_member_id("cid"), "basis": "tried"},
    }
    return {"kind": kind} | at | known[kind] | fields


def whole() -> list[dict[str, Any]]:
    return [
        item("problem"),
        item("problem", "2", 49),
        item("problem-edit", "1", 48, title="T1"),
        item("problem-edit", "2", 48, body="B2"),  # at the same moment as the one before
        item("solution", days=47),
        item("revision", "1", 46),
        item("revision", "2", 46),
        item("comment", days=45),
        item("comment", "2", 44, item_id="c1"),
        item("endorsement", days=43),
        item("link", days=42),
        {"kind": "accept", "solution_id": "s1"},
    ]


async def test_an_import_keeps_authors_and_times_and_repeating_it_changes_nothing(world: World) -> None:
    items = whole()
    assert await world.imports(*items) == [("created", None)] * len(items)
    before = [await world.events("p1"), await world.events("p2")]
    world.clock.advance(DAY)
    assert await world.imports(*items) == [("existing", None)] * len(items)
    assert [await world.events("p1"), await world.events("p2")] == before

    problem = await world.ask("bob", "GET", "/problems/p1")
    assert (problem["title"], problem["body"], problem["imported_score"]) == ("T1", "B2", 7)
    assert datetime.fromisoformat(problem["posted_at"]) == NOW - 50 * DAY
    revisions = (await world.ask("bob", "GET", "/solutions/s1/revisions"))["items"]
    assert [each["body"] for each in revisions] == ["S", "R1", "R2"]
    assert [each["author"]["name"] for each in revisions] == ["Ann", "Bob", "Bob"]
    solution = await world.ask("bob", "GET", "/solutions/s1")
    assert (solution["accepted"], solution["endorsements"], solution["revision"]) == (True, 1, 3)
    assert (await world.ask("bob", "GET", "/problems/p2"))["state"] == "duplicate"
    (row,) = await recorded(world.database, type="guildhall.solution-accepted.v1")
    assert row["time"] == (NOW - 47 * DAY).isoformat()  # the solution's, as the source does not say when


async def test_the_editor_of_an_imported_revision_never_endorses_it(world: World) -> None:
    await world.imports(item("problem"), item("solution"), item("revision"))
    await contributed(world, "bob")
    refused = await world.ask("bob", "PUT", "/solutions/s1/endorsement", {"basis": "tried"}, 403)
    assert refused["code"] == "own-solution"


async def test_repeating_an_import_does_not_undo_what_people_did_since(world: World) -> None:
    await world.imports(*whole())
    await contributed(world, "cid")
    other = await world.proposes("p1", "bob")
    await world.ask("asker", "POST", "/problems/p1/accept", {"solution_id": other})
    await world.ask("cid", "DELETE", "/solutions/s1/endorsement")
    await world.ask("asker", "POST", "/problems/p2/reopen")
    assert {outcome for outcome, _ in await world.imports(*whole())} == {"existing"}
    assert (await world.ask("bob", "GET", "/problems/p1"))["accepted_id"] == other
    assert (await world.ask("bob", "GET", "/problems/p2"))["state"] == "reopened"
    assert (await world.ask("bob", "GET", "/solutions/s1"))["endorsements"] == 0


async def test_what_builds_on_somebody_not_known_yet_waits_and_the_rest_goes_on(world: World) -> None:
    late = dev_member_id("late")
    items = [item("problem", author_id=late), item("problem", "2"), item("solution"), item("comment")]
    first = await world.imports(*items)
    assert first == [
        ("later", "unknown-member"),
        ("created", None),
        ("later", "builds-on-what-waits"),
        ("later", "builds-on-what-waits"),
    ]
    await world.joins("late")
    assert await world.imports(*items) == [("created", None), ("existing", None)] + [("created", None)] * 2


async def test_a_later_text_does_not_overtake_an_earlier_one(world: World) -> None:
    await world.imports(item("problem"), item("solution"))
    texts = [item("revision", "1", editor_id=dev_member_id("late")), item("revision", "2")]
    assert [outcome for outcome, _ in await world.imports(*texts)] == ["later", "later"]
    await world.joins("late")
    await world.imports(*texts)
    assert (await world.ask("bob", "GET", "/solutions/s1"))["body"] == "R2"


async def test_refusals_of_an_import_name_their_reason(world: World) -> None:
    assert await world.imports(
        item("solution"),
        item("comment"),
        item("accept"),
        item("problem"),
        item("solution"),
        item("endorsement", endorser_id=dev_member_id("ann")),
        item("endorsement"),
        item("link", problem_id="p1", target_problem_id="p1"),
    ) == [
        ("refused", "no-such-problem"),
        ("refused", "no-such-item"),
        ("refused", "no-such-solution"),
        ("created", None),
        ("created", None),
        ("refused", "own-solution"),
        ("refused", "no-contribution"),
        ("refused", "link-to-itself"),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"at": "0001-01-01T00:00:00+14:00"},
        {"at": "9999-12-31T23:59:59-14:00"},
        {"at": "2026-01-01T00:00:00"},
        {"body": "x" * (LIMITS.body + 1)},
        {"kind": "vote"},
        {"score": 10**30},
        {"surprise": 1},
    ],
)
async def test_an_import_that_cannot_be_read_is_refused_whole(world: World, bad: dict[str, Any]) -> None:
    async with client(world.app, "importer", scopes=[IMPORT_SCOPE]) as http:
        answer = await http.post("/v1/imports", json={"items": [item("problem") | bad]})
        assert answer.status_code == 422, answer.text
    async with world.by("asker") as http:
        answer = await http.post("/v1/imports", json={"items": [item("problem")]})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")


# -- a community's own rules ---------------------------------------------------------------------------


async def test_a_community_that_sets_its_own_rules_is_held_to_them(world: World) -> None:
    await world.joins("new", days=1)
    problem = await world.posts()
    await world.ask(
        "new",
        "POST",
        f"/threads/{problem}/comments",
        {"item_kind": "problem", "item_id": problem, "body": "x"},
    )
    solution, other = await world.proposes(problem), await world.proposes(problem)
    path = f"/solutions/{solution}/endorsement"
    assert (await world.ask("new", "PUT", path, {"basis": "tried"}, 403))["code"] == "too-new"
    rules = CommunityRules(endorse_after_days=1, newcomer_endorsements_a_day=1)
    await world.feed(world.event(CommunityUpdated, "asker", rules=rules))
    await world.ask("new", "PUT", path, {"basis": "tried"})
    refused = await world.ask("new", "PUT", f"/solutions/{other}/endorsement", {"basis": "tried"}, 403)
    assert refused["code"] == "daily-limit"
