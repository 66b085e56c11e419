"""Moderation on a real database: flags, what is hidden from whom, locks, redactions, limits for newcomers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from shared.contracts.discussions import ProblemUpdated
from shared.contracts.members import CommunityRules, CommunityUpdated
from shared.testing.harness import recorded
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, TEXT, World, discussions, fresh


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    world = await fresh(app)
    await world.joins("fay", role="facilitator")
    return world


def on(kind: str, item_id: str, **more: Any) -> dict[str, Any]:
    return {"item_kind": kind, "item_id": item_id} | more


async def comments_on(world: World, name: str, thread: str, **target: Any) -> str:
    body = on("problem", thread) | {"body": "Treasure."} | target
    return str((await world.ask(name, "POST", f"/threads/{thread}/comments", body))["id"])


async def moderates(world: World, thread: str, action: str, target: dict[str, Any], expect: int = 204) -> Any:
    body = target | {"action": action, "reason": "r"}
    return await world.ask("fay", "POST", f"/threads/{thread}/moderation", body, expect)


async def flags(world: World, state: str = "open") -> list[tuple[str, str]]:
    found = await world.ask("fay", "GET", f"/communities/{COMMUNITY}/flags?state={state}")
    return [(each["item_id"], each["flagged_by"]["name"]) for each in found["items"]]


async def sees(world: World, name: str, thread: str) -> set[str]:
    """Everything that somebody is shown of a thread, by all ways there are."""
    seen: set[str] = set()
    async with world.by(name) as http:
        for path in (
            f"/v1/communities/{COMMUNITY}/problems", f"/v1/problems/{thread}/solutions",
            f"/v1/threads/{thread}/comments", f"/v1/threads/{thread}/timeline", "/v1/search",
        ):  # fmt: skip
            answer = await http.get(path, params={"limit": 100})
            if answer.status_code == 200:
                seen |= {each.get("item_id") or each["id"] for each in answer.json()["items"]}
                if "comments" in path:
                    seen |= {each["id"] for each in answer.json()["items"]}
    return seen


async def test_a_flag_reaches_the_queue_once_and_is_dismissed_or_upheld(world: World) -> None:
    problem = await world.posts()
    comment = await comments_on(world, "ann", problem)
    path = f"/threads/{problem}/flags"
    spam = on("comment", comment, reason="spam", note="Again.")
    await asyncio.gather(*(world.ask("bob", "POST", path, spam, 204) for _ in range(3)))
    await world.ask("cid", "POST", path, spam, 204)
    assert await flags(world) == [(comment, "Bob"), (comment, "Cid")]
    assert (await world.ask("ann", "POST", path, spam, 403))["code"] == "own-work"
    for name in ("bob", "ann"):
        refused = await world.ask(name, "GET", f"/communities/{COMMUNITY}/flags", expect=403)
        assert refused["code"] == "curators-only"
        timeline = (await world.ask(name, "GET", f"/threads/{problem}/timeline"))["items"]
        assert [each["event"] for each in timeline] == ["problem-posted", "comment-added"]
    await moderates(world, problem, "dismiss", on("comment", comment))
    assert (await flags(world), len(await flags(world, "dismissed"))) == ([], 2)
    refused = await moderates(world, problem, "dismiss", on("comment", comment), 409)
    assert refused["code"] == "nothing-flagged"
    await world.ask("bob", "POST", path, on("problem", problem, reason="other"), 204)
    await moderates(world, problem, "hide", on("problem", problem))
    assert await flags(world, "upheld") == [(problem, "Bob")]
    assert (await world.events(problem)).count("content-flagged") == 5
    log = (await world.ask("fay", "GET", f"/communities/{COMMUNITY}/moderation"))["items"]
    assert [(each["action"], each["by"]["name"], each["reason"]) for each in log] == [
        ("hide", "Fay", "r"),
        ("dismiss", "Fay", "r"),
    ]
    await world.ask("bob", "GET", f"/communities/{COMMUNITY}/moderation", expect=403)


async def test_what_is_hidden_is_there_for_its_author_and_curators_alone(world: World) -> None:
    problem = await world.posts()
    solution = await world.proposes(problem)
    comment = await comments_on(world, "bob", problem, **on("solution", solution))
    reply = await comments_on(world, "cid", problem, **on("comment", comment))
    other = await comments_on(world, "cid", problem)
    everything = {problem, solution, comment, reply, other}
    assert await sees(world, "asker", problem) == everything
    refused = await world.ask("bob", "POST", f"/threads/{problem}/moderation",
                              on("solution", solution, action="hide"), 403)  # fmt: skip
    assert refused["code"] == "curators-only"
    await moderates(world, problem, "hide", on("comment", comment))
    await moderates(world, problem, "hide", on("comment", comment), 409)
    await moderates(world, problem, "hide", on("solution", solution))
    assert await sees(world, "asker", problem) == {problem, other}
    assert await sees(world, "fay", problem) == everything  # search has none of it, lists have
    assert solution in await sees(world, "ann", problem)
    assert (await world.ask("ann", "GET", f"/solutions/{solution}"))["hidden"]
    for path in (f"/solutions/{solution}", f"/comments/{comment}", f"/comments/{reply}"):
        missing = path.replace(solution, "none").replace(comment, "none").replace(reply, "none")
        assert await world.ask("asker", "GET", path, expect=404) == await world.ask(
            "asker", "GET", missing, expect=404
        )
    refused = await world.ask("asker", "POST", f"/threads/{problem}/comments",
                              on("solution", solution, body="x"), 404)  # fmt: skip
    assert refused["code"] == "no-such-item"
    late = await comments_on(world, "fay", problem, **on("solution", solution))
    assert late not in await sees(world, "asker", problem)
    await moderates(world, problem, "show", on("solution", solution))
    assert await sees(world, "asker", problem) == {problem, other, solution, late}
    await moderates(world, problem, "show", on("comment", comment))
    assert await sees(world, "asker", problem) == everything | {late}


async def test_a_hidden_thread_is_not_there_with_all_that_is_in_it(world: World) -> None:
    problem = await world.posts()
    solution = await world.proposes(problem)
    await comments_on(world, "bob", problem)
    await moderates(world, problem, "hide", on("problem", problem))
    assert await sees(world, "ann", problem) == set()
    await world.ask("ann", "GET", f"/solutions/{solution}", expect=404)
    await world.ask("ann", "GET", f"/problems/{problem}", expect=404)
    assert (await world.ask("asker", "GET", f"/problems/{problem}"))["hidden"]
    late = await world.proposes(problem, "fay")
    assert late not in await sees(world, "ann", problem)
    await moderates(world, problem, "show", on("problem", problem))
    assert {problem, solution, late} < await sees(world, "ann", problem)


async def test_to_a_locked_thread_only_curators_add(world: World) -> None:
    problem = await world.posts()
    solution = await world.proposes(problem)
    refused = await moderates(world, problem, "lock", on("solution", solution), 422)
    assert refused["code"] == "not-a-thread"
    await moderates(world, problem, "lock", on("problem", problem))
    await moderates(world, problem, "lock", on("problem", problem), 409)
    assert (await world.ask("bob", "GET", f"/problems/{problem}"))["locked"]
    for path, body in (
        (f"/threads/{problem}/comments", on("problem", problem, body="x")),
        (f"/problems/{problem}/solutions", {"body": "x"}),
    ):
        assert (await world.ask("bob", "POST", path, body, 409))["code"] == "thread-locked"
    await comments_on(world, "fay", problem)
    await moderates(world, problem, "unlock", on("problem", problem))
    await comments_on(world, "bob", problem)
    timeline = (await world.ask("bob", "GET", f"/threads/{problem}/timeline"))["items"]
    assert [each["event"] for each in timeline].count("content-flagged") == 2


async def kept(world: World, text: str) -> list[str]:
    """The collections that still have ``text`` somewhere, but for what was published or answered."""
    found = []
    for name in await world.database.collections():
        if name not in ("outbox", "idempotency"):
            rows = await world.database[name].find({}).to_list(length=None)
            found += [name] if text.casefold() in str(rows).casefold() else []
    return found


async def test_a_redaction_is_for_good_and_reaches_earlier_revisions(world: World) -> None:
    number = "+45 12 34 56"
    problem = await world.posts(title=f"Call {number}", body=f"Or **{number}** at night.")
    text = TEXT | {"title": "Call", "body": "Nobody."}
    await world.ask("asker", "PUT", f"/problems/{problem}", text, If_Match='"1"')
    solution = str(
        (await world.ask("ann", "POST", f"/problems/{problem}/solutions", {"body": f"Call {number}."}))["id"]
    )
    comment = await comments_on(world, "bob", problem, body=f"I called {number}.")
    path = f"/threads/{problem}/redactions"
    await world.ask("bob", "POST", path, on("problem", problem, passage=number), 403)
    for kind, item_id in (("problem", problem), ("solution", solution), ("comment", comment)):
        await world.ask("fay", "POST", path, on(kind, item_id, passage=number), 204)
    assert await kept(world, number) == []
    assert (await world.ask("bob", "GET", f"/solutions/{solution}"))["body"] == "Call [redacted]."
    first = await world.ask("bob", "GET", f"/problems/{problem}/revisions/1")
    assert (first["title"], first["body"]) == ("Call [redacted]", "Or **[redacted]** at night.")
    async with world.by("bob") as http:
        assert (await http.get("/v1/search", params={"q": "56"})).json()["items"] == []
        assert len((await http.get("/v1/search", params={"q": "redacted"})).json()["items"]) == 2
    refused = await world.ask("fay", "POST", path, on("comment", comment, passage=number), 422)
    assert refused["code"] == "passage-not-found"
    await world.ask("fay", "POST", path, on("comment", comment), 204)
    emptied = await world.ask("bob", "GET", f"/comments/{comment}")
    assert (emptied["body"], emptied["removed"]) == ("", True)
    await world.ask("fay", "POST", path, on("problem", problem), 204)
    assert await kept(world, "Nobody.") == []
    seen = await world.ask("bob", "GET", f"/problems/{problem}")
    assert (seen["title"], seen["body"], seen["context"]["size"]) == ("[redacted]",) * 3
    told = await world.events(problem)
    assert told.count("content-redacted") == 5
    at = told.index("content-redacted")
    assert told[at + 1] == "problem-updated", "what is left of a problem is told"
    assert told[at + 2 :].count("problem-updated") == 0, "of what is gone as a whole nothing is left"
    rows = await recorded(world.database, key=problem, type="guildhall.problem-updated.v1")
    left = ProblemUpdated.read(rows[-1]["data"])
    assert (left.title, left.body, left.editor_id) == ("Call", "Nobody.", dev_member_id("fay"))


@pytest.mark.parametrize("kind", ["case-study", "resource", "gathering", "benchmark"])
async def test_every_kind_of_thread_is_moderated(world: World, kind: str) -> None:
    texts: dict[str, tuple[str, dict[str, Any]]] = {
        "case-study": ("case-studies", {"situation": "s", "action": "a", "outcome": "o", "lessons": "l"}),
        "resource": ("resources", {"body": "b", "substance": {"form": "template", "text": "Secret."}}),
        "gathering": ("gatherings", {
            "body": "a", "start": "2026-04-01T10:00", "zone": "Europe/Paris", "minutes": 60,
            "place": "p",
        }),
        "benchmark": ("benchmarks", {
            "body": "b", "measures": [{"kind": "number", "name": "Days", "unit": "days"}],
        }),
    }  # fmt: skip
    plural, text = texts[kind]
    made = await world.ask(
        "ann", "POST", f"/communities/{COMMUNITY}/{plural}", {"title": "Secret plan"} | text
    )
    thread = made["id"]
    if kind in ("case-study", "resource"):
        await world.ask("ann", "POST", f"/{plural}/{thread}/publish")
    await world.ask("bob", "POST", f"/threads/{thread}/flags", on(kind, thread, reason="spam"), 204)
    await comments_on(world, "bob", thread, **on(kind, thread))
    await world.ask("fay", "POST", f"/threads/{thread}/redactions", on(kind, thread, passage="Secret"), 204)
    assert (await world.ask("bob", "GET", f"/{plural}/{thread}"))["title"] == "[redacted] plan"
    await moderates(world, thread, "hide", on(kind, thread))
    await world.ask("bob", "GET", f"/{plural}/{thread}", expect=404)
    async with world.by("bob") as http:
        listed = (await http.get(f"/v1/communities/{COMMUNITY}/{plural}")).json()["items"]
        assert [each["id"] for each in listed] == []
    await world.ask("ann", "GET", f"/{plural}/{thread}")


async def test_somebody_new_posts_so_much_and_so_many_links(world: World) -> None:
    await world.joins("new", days=1)
    rules = CommunityRules(newcomer_posts_a_day=3, newcomer_links=1)
    await world.feed(world.event(CommunityUpdated, "fay", rules=rules))
    problem = await world.posts()
    path = f"/threads/{problem}/comments"
    spam = on("problem", problem, body="https://a.example www.b.example")
    assert (await world.ask("new", "POST", path, spam, 403))["code"] == "too-many-links"
    async with world.by("new") as http:
        answers = await asyncio.gather(
            *(http.post(f"/v1{path}", json=on("problem", problem, body="x")) for _ in range(5))
        )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [403] * 2
    refused = await world.ask("new", "POST", f"/problems/{problem}/solutions", {"body": "x"}, 403)
    assert refused["code"] == "daily-limit"
    world.clock.advance(DAY)
    await comments_on(world, "new", problem)
    for _ in range(4):
        await comments_on(world, "bob", problem, body="https://a.example https://b.example")


async def test_strangers_flag_and_moderate_nothing(world: World) -> None:
    problem = await world.posts()
    await world.joins("stranger", at="elsewhere", role="steward")
    for path, body in (
        ("flags", on("problem", problem, reason="spam")),
        ("moderation", on("problem", problem, action="hide")),
        ("redactions", on("problem", problem)),
    ):
        hidden = await world.ask("stranger", "POST", f"/threads/{problem}/{path}", body, 404)
        assert hidden == await world.ask("stranger", "POST", f"/threads/none/{path}", body, 404)
    assert dev_member_id("stranger") not in str(await world.ask("fay", "GET", f"/threads/{problem}/timeline"))
