"""Searching, on a real database: what is found, by whom, in which order and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions.store.search import SEARCH
from shared.contracts.members import CommunityUpdated, MemberLeft
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, World, discussions, fresh


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    return await fresh(app)


async def search(world: World, name: str = "bob", **query: Any) -> dict[str, Any]:
    async with world.by(name) as http:
        answer = await http.get("/v1/search", params=query)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def hits(world: World, name: str = "bob", **query: Any) -> list[str]:
    return [each["item_id"] for each in (await search(world, name, **query))["items"]]


async def test_everything_that_people_write_is_found(world: World) -> None:
    problem = await world.posts(title="Permits wait", body="The Électricité office.", tags=["power"])
    solution = await world.proposes(problem)
    comment = await world.ask(
        "cid", "POST", f"/threads/{problem}/comments",
        {"item_kind": "solution", "item_id": solution, "body": "Electricity is **not** the point."},
    )  # fmt: skip
    assert await hits(world, q="ELECTRICITE") == [problem]
    assert await hits(world, q="do this") == [solution]
    assert await hits(world, q="point") == [comment["id"]]
    assert await hits(world, q="clerks") == [problem]  # of the context
    assert await hits(world, q="power", kind="problem", state="answered", tag="Power") == [problem]
    assert await hits(world, q="power", state="open") == []
    assert await hits(world, author_id=dev_member_id("cid")) == [comment["id"]]
    assert await hits(world, q="electricite absent") == []
    (hit,) = (await search(world, q="point"))["items"]
    assert (hit["title"], hit["author"]["name"], hit["item_kind"]) == ("Permits wait", "Cid", "comment")
    assert hit["excerpt"] == "Electricity is **not** the point."


async def test_a_draft_is_found_when_it_is_published(world: World) -> None:
    text = {
        "title": "Zeppelins", "situation": "s", "action": "Fly them.", "outcome": "o", "lessons": "l",
    }  # fmt: skip
    study = await world.ask("ann", "POST", f"/communities/{COMMUNITY}/case-studies", text)
    assert await hits(world, "ann", q="zeppelins") == []
    await world.ask("ann", "POST", f"/case-studies/{study['id']}/publish")
    assert await hits(world, q="fly zeppelins", kind="case-study") == [study["id"]]


async def test_phrases_and_scripts_without_spaces(world: World) -> None:
    one = await world.posts(title="A digital signature", body="x")
    other = await world.posts(title="Signature, not digital", body="x")
    assert set(await hits(world, q="digital signature")) == {one, other}
    assert await hits(world, q='"digital signature"') == [one]
    assert await hits(world, q='"ital signature"') == []
    japanese = await world.posts(title="建築許可証の電子署名", body="x")
    apart = await world.posts(title="許可と可証", body="x")
    assert await hits(world, q="許可証") == [japanese]
    assert set(await hits(world, q="許可")) == {japanese, apart}


async def test_nobody_finds_what_they_may_not_see(world: World) -> None:
    problem = await world.posts(title="Hidden treasure")
    await world.joins("stranger", at="elsewhere")
    assert await hits(world, "stranger", q="treasure") == []
    assert (await search(world, "stranger", q="treasure"))["counts"]["kind"] == []
    refused = await world.ask("stranger", "GET", f"/search?q=x&community_id={COMMUNITY}", expect=404)
    assert refused["code"] == "no-such-community"
    assert await hits(world, "nobody at all", q="treasure") == []
    await world.feed(world.event(MemberLeft, "bob"))
    assert await hits(world, "bob", q="treasure") == []
    assert await hits(world, "ann", q="treasure") == [problem]


async def test_search_finds_what_things_say_now(world: World) -> None:
    problem = await world.posts(title="Aardvarks")
    first, second = await world.proposes(problem), await world.proposes(problem)
    await world.ask("asker", "PUT", f"/problems/{problem}", {**TEXT_NOW}, If_Match='"1"')
    assert await hits(world, q="aardvarks") == []
    assert await hits(world, q="badgers") == [problem]
    await world.ask("ann", "PUT", f"/solutions/{first}", {"body": "Use cheese."}, If_Match='"1"')
    assert await hits(world, q="cheese") == [first]
    accept = f"/problems/{problem}/accept"
    await world.ask("asker", "POST", accept, {"solution_id": first})
    assert await hits(world, state="accepted") == [first]
    await world.ask("asker", "POST", accept, {"solution_id": second})
    assert await hits(world, state="accepted") == [second]
    await world.ask("asker", "POST", f"/problems/{problem}/resolve")
    assert await hits(world, q="badgers", state="resolved") == [problem]
    comment = await world.ask(
        "bob", "POST", f"/threads/{problem}/comments",
        {"item_kind": "problem", "item_id": problem, "body": "Dragons."},
    )  # fmt: skip
    await world.ask("bob", "DELETE", f"/comments/{comment['id']}", If_Match='"1"')
    assert await hits(world, q="dragons") == []
    other = await world.posts(title="Elephants")
    await world.ask("asker", "POST", f"/problems/{other}/withdraw")
    assert await hits(world, q="elephants") == []


TEXT_NOW = {
    "title": "Badgers", "body": "b",
    "context": {"size": "1", "constraints": "-", "culture": "-", "tried": "-"},
}  # fmt: skip


async def test_who_asks_anonymously_is_not_found_as_author(world: World) -> None:
    await world.joins("sue", role="steward")
    await world.feed(world.event(CommunityUpdated, "sue", kind="external", allow_anonymous=True))
    problem = await world.posts(title="Nobody", anonymous=True)
    await world.proposes(problem, "asker")
    on = {"item_kind": "problem", "item_id": problem, "body": "Hm."}
    await world.ask("asker", "POST", f"/threads/{problem}/comments", on)
    await world.ask("bob", "POST", f"/threads/{problem}/comments", on)
    for name in ("bob", "sue"):
        assert await hits(world, name, author_id=dev_member_id("asker")) == []
        assert [each["name"] for each in (await search(world, name))["counts"]["author"]] == ["Bob"]
    (hit,) = (await search(world, q="nobody", kind="problem"))["items"]
    assert hit["author"]["id"] is None


async def test_pages_by_relevance_and_by_date_repeat_nothing_and_leave_nothing_out(world: World) -> None:
    posted = []
    for number in range(7):
        world.clock.advance(DAY * (number % 2))  # some at the same moment
        posted.append(await world.posts(title="Permits " * (7 - number), body="x"))
    for order in ("relevance", "date"):
        seen: list[str] = []
        query = {"q": "permits", "order": order, "limit": 3}
        page = await search(world, **query)
        while page["next"]:
            seen += [each["item_id"] for each in page["items"]]
            page = await search(world, **query, cursor=page["next"])
        seen += [each["item_id"] for each in page["items"]]
        assert sorted(seen) == sorted(posted)
        if order == "date":
            assert seen == sorted(posted, reverse=True)  # the ids are of that order, too
        else:
            assert seen != sorted(posted, reverse=True)
    await world.ask("bob", "GET", "/search?cursor=WzFd", expect=400)


async def test_counts_per_filter(world: World) -> None:
    await world.joins("bob", at="elsewhere")
    for number in range(3):
        await world.posts(title="Permits", tags=["even"] if number % 2 == 0 else ["odd"])
    await world.ask("bob", "POST", "/communities/elsewhere/problems", {**TEXT_NOW, "body": "permits"})
    counts = (await search(world, q="permits", limit=1))["counts"]
    told = {facet: {each["value"]: each["count"] for each in found} for facet, found in counts.items()}
    assert told == {
        "kind": {"problem": 4}, "state": {"open": 4}, "tag": {"even": 2, "odd": 1},
        "author": {dev_member_id("asker"): 3, dev_member_id("bob"): 1},
        "community": {COMMUNITY: 3, "elsewhere": 1},
    }  # fmt: skip
    assert [each["name"] for each in counts["author"]] == ["Asker", "Bob"]
    assert len(await hits(world, q="permits", community_id="elsewhere")) == 1


async def test_best_practices_and_what_solved_something_come_first(world: World) -> None:
    plain = await world.posts(title="Permits", body="x")
    solved = await world.posts(title="Permits", body="x")
    await world.ask("asker", "POST", f"/problems/{solved}/resolve")
    world.clock.advance(DAY)
    newest = await world.posts(title="Permits", body="x")
    assert await hits(world, q="permits") == [solved, newest, plain]


async def test_edits_at_once_leave_search_with_what_was_saved_last(world: World) -> None:
    comment = await world.ask(
        "bob", "POST", f"/threads/{(problem := await world.posts())}/comments",
        {"item_kind": "problem", "item_id": problem, "body": "Zero."},
    )  # fmt: skip
    async with world.by("bob") as http:
        await asyncio.gather(
            *(
                http.put(f"/v1/comments/{comment['id']}", json={"body": text}, headers={"If-Match": '"1"'})
                for text in ("One.", "Two.", "Three.")
            )
        )
    said = (await world.ask("bob", "GET", f"/comments/{comment['id']}"))["body"]
    document = await world.database[SEARCH].find_one({"_id": comment["id"]})
    assert document["text"] == f" {said.lower().rstrip('.')} "


async def test_what_is_common_is_looked_for_in_the_newest_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.discussions.queries.searching.SEARCH_CANDIDATES", 4)
    posted = []
    for number in range(9):
        world.clock.advance(DAY)
        posted.append(await world.posts(title="Permits", body="x", tags=["old"] if number < 2 else ["new"]))
    found = await search(world, q="permits")
    assert not found["complete"]
    assert {each["item_id"] for each in found["items"]} == set(posted[-4:])
    assert all(each["more"] for each in found["counts"]["kind"])
    assert set(await hits(world, q="permits", tag="old")) == set(posted[:2])  # the rarest word finds them
    seen: list[str] = []
    query = {"q": "permits", "order": "date", "limit": 3}
    page = await search(world, **query)
    while page["next"]:
        seen += [each["item_id"] for each in page["items"]]
        page = await search(world, **query, cursor=page["next"])
    assert seen + [each["item_id"] for each in page["items"]] == posted[::-1]
