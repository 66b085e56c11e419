"""What all threads have in common, on a real database."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions.domain.limits import COMMENT_DEPTH
from services.discussions.store.comments import COMMENTS
from shared.contracts.members import CommunityUpdated, MemberLeft
from shared.testing.harness import recorded
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, CONTEXT, DAY, NOW, TEXT, World, discussions, fresh


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


# -- comments ------------------------------------------------------------------------------------------


async def says(world: World, name: str, thread: str, body: str = "Hm.", expect: int = 201, **on: Any) -> Any:
    on = {"item_kind": "problem", "item_id": thread} | on
    return await world.ask(name, "POST", f"/threads/{thread}/comments", on | {"body": body}, expect)


async def test_a_comment_says_who_speaks_and_answers_to_what(world: World) -> None:
    problem = await world.posts()
    await world.joins("sue", role="steward")
    first = await says(world, "sue", problem, "From the front desk: no.")
    reply = await says(world, "bob", problem, "Why?", item_kind="comment", item_id=first["id"])
    assert (first["author"]["role"], first["author"]["org_id"], first["depth"]) == ("steward", "city", 1)
    assert (reply["item_id"], reply["depth"], reply["author"]["role"]) == (first["id"], 2, "member")
    listed = (await world.ask("cid", "GET", f"/threads/{problem}/comments"))["items"]
    assert listed == [first, reply]
    assert await world.ask("cid", "GET", f"/comments/{reply['id']}") == reply


async def test_replies_go_so_deep_and_no_deeper(world: World) -> None:
    problem = await world.posts()
    above = await says(world, "bob", problem)
    for depth in range(2, COMMENT_DEPTH + 1):
        above = await says(world, "bob", problem, item_kind="comment", item_id=above["id"])
        assert above["depth"] == depth
    refused = await says(world, "ann", problem, expect=409, item_kind="comment", item_id=above["id"])
    assert refused["code"] == "too-deep"


async def test_a_comment_is_edited_and_removed_by_its_author_alone(world: World) -> None:
    problem = await world.posts()
    comment = await says(world, "bob", problem, "Teh form.", mentions=[dev_member_id("ann")])
    path = f"/comments/{comment['id']}"
    text = {"body": "The form."}
    assert (await world.ask("bob", "PUT", path, text, 428))["code"] == "if-match-missing"
    assert (await world.ask("ann", "PUT", path, text, 403, If_Match='"1"'))["code"] == "not-yours"
    edited = await world.ask("bob", "PUT", path, text, If_Match='"1"')
    assert (edited["body"], edited["revision"], edited["edited_at"]) == (
        "The form.",
        2,
        "2026-03-02T09:30:00Z",
    )
    assert (await world.ask("bob", "PUT", path, text, 412, If_Match='"1"'))["code"] == "stale-version"
    reply = await says(world, "ann", problem, item_kind="comment", item_id=comment["id"])
    assert (await world.ask("ann", "DELETE", path, None, 403, If_Match='"2"'))["code"] == "not-yours"
    await world.ask("bob", "DELETE", path, None, 412, If_Match='"1"')
    removed = await world.ask("bob", "DELETE", path, None, If_Match='"2"')
    assert (removed["body"], removed["mentions"], removed["removed"]) == ("", [], True)
    listed = (await world.ask("cid", "GET", f"/threads/{problem}/comments"))["items"]
    assert [each["id"] for each in listed] == [comment["id"], reply["id"]]
    for method, body in (("PUT", text), ("DELETE", None)):
        assert (await world.ask("bob", method, path, body, 409, If_Match='"3"'))["code"] == "comment-removed"
    await says(world, "ann", problem, expect=409, item_kind="comment", item_id=comment["id"])
    assert (await world.events(problem))[-1] == "content-redacted"
    kept = await world.database[COMMENTS].find_one({"_id": comment["id"]})
    assert "form" not in str(kept)


async def test_of_two_edits_of_a_comment_at_once_one_is_stale(world: World) -> None:
    comment = await says(world, "bob", await world.posts())
    async with world.by("bob") as http:
        answers = await asyncio.gather(
            *(
                http.put(
                    f"/v1/comments/{comment['id']}", json={"body": f"{number}"}, headers={"If-Match": '"1"'}
                )
                for number in range(4)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


# -- reactions -----------------------------------------------------------------------------------------


async def test_members_reacting_at_once_all_count_and_each_once(world: World) -> None:
    problem = await world.posts()
    names = [f"m{number}" for number in range(6)]
    await world.joins(*names)
    on = {"item_kind": "problem", "item_id": problem}
    path = f"/threads/{problem}/reactions/works-for-me"
    await asyncio.gather(*(world.ask(name, "PUT", path, on, 204) for name in names * 2))
    assert (await world.ask("bob", "GET", f"/problems/{problem}"))["reactions"] == {"works-for-me": 6}
    gone = f"{path}?item_kind=problem&item_id={problem}"
    await asyncio.gather(*(world.ask("m1", "DELETE", gone, expect=204) for _ in range(3)))
    assert (await world.ask("bob", "GET", f"/problems/{problem}"))["reactions"] == {"works-for-me": 5}
    mine = f"/threads/{problem}/reactions?item_id={problem}"
    assert (await world.ask("m1", "GET", mine))["mine"] == []
    assert (await world.ask("m2", "GET", mine))["mine"] == ["works-for-me"]
    assert await world.events(problem) == ["problem-posted"]


async def test_what_is_dangerous_is_said_why(world: World) -> None:
    problem = await world.posts()
    comment = await says(world, "bob", problem, "Use acid.")
    solution = await world.proposes(problem)
    path = f"/threads/{problem}/reactions/dangerous"
    on = {"item_kind": "comment", "item_id": comment["id"]}
    assert (await world.ask("cid", "PUT", path, on, 422))["code"] == "comment-missing"
    for _ in range(2):
        await world.ask("cid", "PUT", path, on | {"comment": "Acid burns."}, 204)
    listed = (await world.ask("bob", "GET", f"/threads/{problem}/comments"))["items"]
    assert [(each["body"], each["reactions"]) for each in listed] == [
        ("Use acid.", {"dangerous": 1}),
        ("Acid burns.", {}),
    ]
    on_solution = {"item_kind": "solution", "item_id": solution, "comment": "It burns."}
    refused = await world.ask("cid", "PUT", path, on_solution, 409)
    assert (refused["code"], "/contests" in refused["detail"]) == ("contest-it", True)


async def test_nobody_reacts_to_what_is_elsewhere_and_works_for_me_is_for_others(world: World) -> None:
    problem, other = await world.posts(), await world.posts()
    solution = await world.proposes(problem)
    path = f"/threads/{problem}/reactions"
    for on in (
        {"item_kind": "problem", "item_id": other},
        {"item_kind": "solution", "item_id": await world.proposes(other)},
        {"item_kind": "case-study", "item_id": problem},
    ):
        assert (await world.ask("bob", "PUT", f"{path}/outdated", on, 404))["code"] == "no-such-item"
    own = {"item_kind": "solution", "item_id": solution}
    assert (await world.ask("ann", "PUT", f"{path}/works-for-me", own, 403))["code"] == "own-work"
    await world.ask("ann", "PUT", f"{path}/outdated", own, 204)
    assert (await world.ask("bob", "GET", f"/solutions/{solution}"))["reactions"] == {"outdated": 1}
    revised = await world.ask("ann", "PUT", f"/solutions/{solution}", {"body": "New."}, If_Match='"1"')
    assert revised["reactions"] == {"outdated": 1}


# -- Markdown ------------------------------------------------------------------------------------------


async def test_texts_are_answered_as_safe_html_where_asked_for(world: World) -> None:
    problem = await world.posts(body="Nine **days** <script>alert(1)</script>")
    solution = await world.proposes(problem)
    comment = await says(world, "bob", problem, "*Ja*")
    assert (await world.ask("bob", "GET", f"/problems/{problem}"))["html"] is None
    seen = await world.ask("bob", "GET", f"/problems/{problem}?html=true")
    assert seen["html"]["body"] == (
        "<p>Nine <strong>days</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n"
    )
    assert (await world.ask("bob", "GET", f"/solutions/{solution}?html=1"))["html"] == {
        "body": "<p>Do this.</p>\n"
    }
    said = await world.ask("bob", "GET", f"/comments/{comment['id']}?html=true")
    assert (said["body"], said["html"]) == ("*Ja*", {"body": "<p><em>Ja</em></p>\n"})


# -- problems: what sets the stage, taken back, edited, anonymous ---------------------------------------

BARE = {key: value for key, value in TEXT.items() if key != "context"}


async def is_external(world: World, **more: Any) -> None:
    await world.feed(world.event(CommunityUpdated, "asker", kind="external", **more))


async def test_in_an_external_community_a_problem_sets_the_stage(world: World) -> None:
    await is_external(world)
    path = f"/communities/{COMMUNITY}/problems"
    refused = await world.ask("asker", "POST", path, BARE, 422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("context-missing", "/context")
    for bad in ({"size": " "}, {"tried": None}):
        await world.ask("asker", "POST", path, TEXT | {"context": CONTEXT | bad}, 422)
    posted = await world.ask("asker", "POST", path, TEXT, 201)
    assert posted["context"] == CONTEXT
    (row,) = await recorded(world.database, key=posted["id"])
    assert json.loads(row["data"])["context"] == CONTEXT
    problem = f"/problems/{posted['id']}"
    refused = await world.ask("asker", "PUT", problem, BARE, 422, If_Match='"1"')
    assert refused["code"] == "context-missing"
    seen = await world.ask("bob", "GET", f"{problem}?html=true")
    assert seen["html"]["context.culture"] == "<p>Nobody decides alone.</p>\n"


async def test_what_was_imported_without_a_context_is_edited_without_one(world: World) -> None:
    await is_external(world)
    await world.imports(
        {
            "kind": "problem", "id": "p1", "community_id": COMMUNITY, "author_id": dev_member_id("asker"),
            "at": NOW.isoformat(), "title": "T", "body": "B",
        }
    )  # fmt: skip
    edited = await world.ask("asker", "PUT", "/problems/p1", BARE, If_Match='"1"')
    assert edited["context"] is None
    edited = await world.ask("asker", "PUT", "/problems/p1", TEXT, If_Match='"2"')
    assert edited["context"] == CONTEXT
    later = {"kind": "problem-edit", "id": "e1", "problem_id": "p1", "editor_id": dev_member_id("bob")}
    await world.imports(later | {"at": NOW.isoformat(), "title": "T2"})
    assert (await world.ask("bob", "GET", "/problems/p1"))["context"] == CONTEXT


async def test_a_withdrawn_problem_is_nobodys_work_any_more(world: World) -> None:
    problem = await world.posts()
    assert (await world.ask("bob", "POST", f"/problems/{problem}/withdraw", expect=403))[
        "code"
    ] == "not-yours"
    withdrawn = await world.ask("asker", "POST", f"/problems/{problem}/withdraw")
    assert withdrawn["state"] == "withdrawn"
    refused = await world.ask("ann", "POST", f"/problems/{problem}/solutions", {"body": "x"}, 409)
    assert refused["code"] == "problem-withdrawn"
    assert await world.events(problem) == ["problem-posted", "problem-withdrawn"]


async def test_of_an_answer_and_a_withdrawal_at_once_one_counts(world: World) -> None:
    problem = await world.posts()
    async with world.by("asker") as asker, world.by("ann") as ann:
        answers = await asyncio.gather(
            asker.post(f"/v1/problems/{problem}/withdraw"),
            ann.post(f"/v1/problems/{problem}/solutions", json={"body": "Do this."}),
        )
    assert sorted(answer.is_success for answer in answers) == [False, True]
    assert len(await world.events(problem)) == 2


async def test_who_edited_a_problem_when_and_what(world: World) -> None:
    problem = await world.posts(body="Nine days.\nStill.")
    await world.joins("fay", role="facilitator")
    world.clock.advance(DAY)
    await world.ask(
        "fay", "PUT", f"/problems/{problem}", TEXT | {"body": "Ten days.\nStill."}, If_Match='"1"'
    )
    path = f"/problems/{problem}/revisions"
    listed = (await world.ask("bob", "GET", path))["items"]
    assert [(each["number"], each["editor"]["name"], each["at"][:10]) for each in listed] == [
        (1, "Asker", "2026-03-02"),
        (2, "Fay", "2026-03-03"),
    ]
    second = await world.ask("bob", "GET", f"{path}/2")
    assert second["changes"] == {"body": ["@@ -1,2 +1,2 @@", "-Nine days.", "+Ten days.", " Still."]}
    assert (await world.ask("bob", "GET", f"{path}/1"))["body"] == "Nine days.\nStill."
    assert (await world.ask("bob", "GET", f"{path}/3", expect=404))["code"] == "no-such-revision"
    await world.joins("stranger", at="elsewhere")
    await world.ask("stranger", "GET", f"{path}/1", expect=404)


async def test_nobody_but_stewards_learns_who_asks_anonymously(world: World) -> None:
    """Every GET of the API, and what others' own acts answer, searched for the author's id and name."""
    await world.joins("Zebulon", days=30)
    await world.joins("fay", role="facilitator")
    await world.joins("sue", role="steward")
    path = f"/communities/{COMMUNITY}/problems"
    hidden = TEXT | {"anonymous": True}
    assert (await world.ask("Zebulon", "POST", path, hidden, 403))["code"] == "not-anonymous-here"
    await is_external(world, allow_anonymous=True)
    posted = await world.ask("Zebulon", "POST", path, hidden, 201)
    assert (posted["author"]["name"], posted["author"]["anonymous"]) == ("Zebulon", True)  # one sees oneself
    problem = posted["id"]
    solution = await world.proposes(problem, "Zebulon")
    comment = await says(world, "Zebulon", problem)
    await world.ask("Zebulon", "PUT", f"/solutions/{solution}", {"body": "Or this."}, If_Match='"1"')
    await world.ask("Zebulon", "PUT", f"/problems/{problem}", TEXT, If_Match='"1"')
    await world.ask("Zebulon", "POST", f"/problems/{problem}/resolve")
    named = await world.ask("Zebulon", "POST", path, TEXT | {"title": "Named"}, 201)
    assert named["author"]["anonymous"] is False
    # What a search counts for its author is that one alone.
    counted = {"value": named["author"]["id"], "name": "Zebulon", "count": 1, "more": False}

    ids = {
        "community_id": COMMUNITY, "problem_id": problem, "thread_id": problem, "solution_id": solution,
        "comment_id": comment["id"], "number": "1",
    }  # fmt: skip
    paths = world.app.openapi()["paths"]
    addresses = [each for each, methods in paths.items() if "get" in methods and each.startswith("/v1/")]
    found = 0
    for name in ("bob", "fay"):
        answers = [
            await world.ask(name, "PUT", f"/threads/{problem}/reactions/works-for-me",
                            {"item_kind": "problem", "item_id": problem}),
            await says(world, name, problem, item_kind="comment", item_id=comment["id"]),
        ]  # fmt: skip
        async with world.by(name) as http:
            for address in addresses:
                filled = re.sub(r"{(\w+)}", lambda match: ids.get(match[1], problem), address)
                got = await http.get(filled, params={"item_id": problem, "html": "true", "q": "permits"})
                found += got.status_code == 200
                text = got.text
                for each in (named["author"], counted):
                    text = text.replace(json.dumps(each, separators=(",", ":")), "")
                answers.append(text)
        if name == "fay":
            answers.append(await world.ask(name, "POST", f"/problems/{problem}/reopen"))
            answers.append(await world.ask(name, "PUT", f"/problems/{problem}", TEXT, If_Match='"2"'))
        for answer in answers:
            assert "Zebulon" not in str(answer), answer
            assert dev_member_id("Zebulon") not in str(answer), answer
    assert found >= 20
    for who in ("sue", "Zebulon"):
        seen = await world.ask(who, "GET", f"/problems/{problem}")
        assert (seen["author"]["name"], seen["author"]["anonymous"]) == ("Zebulon", True)
        actors = (await world.ask(who, "GET", f"/threads/{problem}/timeline"))["items"]
        assert actors[0]["actor"]["name"] == "Zebulon"
    seen = await world.ask("bob", "GET", f"/problems/{problem}")
    assert seen["author"] == {"id": None, "name": None, "org_id": None, "role": None, "anonymous": True}


# -- reading -------------------------------------------------------------------------------------------


async def test_who_has_read_five_threads_may_endorse(world: World) -> None:
    threads = [await world.posts() for _ in range(6)]
    solution = await world.proposes(threads[0])
    path, tried = f"/solutions/{solution}/endorsement", {"basis": "tried"}
    for thread in [*threads[:4], *threads[:4]]:  # the same again is no other
        await world.ask("bob", "PUT", f"/threads/{thread}/read", expect=204)
    assert (await world.ask("bob", "PUT", path, tried, 403))["code"] == "no-contribution"
    await asyncio.gather(
        *(world.ask("bob", "PUT", f"/threads/{thread}/read", expect=204) for thread in threads[4:])
    )
    await world.ask("bob", "PUT", path, tried)
    await world.joins("stranger", at="elsewhere")
    await world.ask("stranger", "PUT", f"/threads/{threads[0]}/read", expect=404)


# -- figures -------------------------------------------------------------------------------------------


async def test_a_communitys_figures(world: World) -> None:
    path = f"/communities/{COMMUNITY}/figures"
    assert await world.ask("bob", "GET", path) == {
        "problems": 0, "answered": 0, "resolved": 0, "median_seconds_to_answer": None, "share_resolved": None,
    }  # fmt: skip
    first, second = await world.posts(), await world.posts()
    await world.posts()
    world.clock.advance(DAY)
    await world.proposes(first)
    world.clock.advance(2 * DAY)
    await world.proposes(second)
    await world.proposes(first)  # the first one counts
    await world.ask("asker", "POST", f"/problems/{first}/resolve")
    figures = await world.ask("bob", "GET", path)
    assert (figures["problems"], figures["answered"], figures["resolved"]) == (3, 2, 1)
    assert figures["median_seconds_to_answer"] == 2 * 86_400
    assert round(figures["share_resolved"], 3) == 0.333
    await world.joins("stranger", at="elsewhere")
    await world.ask("stranger", "GET", path, expect=404)
