"""Similar problems on a real database: what a draft finds, what a post is told, and what nobody may find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI

from services.matching.app import service
from services.matching.domain import rules
from services.matching.domain.similar.vectors import DIMENSIONS, NO_MEANING, packed
from services.matching.embedding import EmbeddingUnavailable, Passage
from services.matching.precedents import Library
from services.matching.store import precedents
from shared.contracts import Event
from shared.contracts.discussions import (
    ContentFlagged,
    ContentRedacted,
    ProblemLinked,
    ProblemPosted,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionAccepted,
    SolutionProposed,
)
from shared.contracts.matching import ExpertAsked, SimilarProblemsFound
from shared.contracts.members import CommunityCreated, MemberErased, MemberLeft
from shared.contracts.practices import BestPracticeRecognised, PracticeLapsed, SolutionContested
from shared.storage import personal
from shared.testing.harness import eventually
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.matching import COMMUNITY, NOW, World, caught_up, following, fresh, matching

ELSEWHERE = "breweries"
TOPICS = (("permit", "licence"), ("beer", "ale"), ("bridge", "crossing"))
"""What the embedder of these tests understands: words of one topic mean the same."""


class Topics:
    """An embedder that knows ``TOPICS``; ``busy``: it has no time."""

    def __init__(self) -> None:
        self.busy = False
        self.asked: list[Passage] = []

    async def embed(self, passages: Sequence[Passage], *, within: float, urgent: bool = True) -> list[bytes]:
        self.asked += passages
        if self.busy:
            raise EmbeddingUnavailable("busy")
        return [self._meaning(" ".join(passage).lower()) for passage in passages]

    @staticmethod
    def _meaning(text: str) -> bytes:
        vector = np.zeros(DIMENSIONS, np.float32)
        vector[: len(TOPICS)] = [any(word in text for word in topic) for topic in TOPICS]
        return packed(vector)


class Found(World):
    """Matching with a library whose due work is done when the test says so."""

    def __init__(self, app: FastAPI, library: Library, embedder: Topics) -> None:
        super().__init__(app, app.state.clock)
        self.library, self.embedder = library, embedder

    async def post(self, thread: str, title: str, author: str = "asker", **fields: Any) -> None:
        """A problem that everybody's index has, and its meaning too."""
        values = {"body": "", "tags": [], "author_id": dev_member_id(author), "title": title} | fields
        await self.feed(self.event(ProblemPosted, thread_id=thread, **values))
        await self.caught_up()

    async def caught_up(self) -> None:
        """Do what is due, and wait until the index has everything as the database has it."""
        await caught_up(self.library, self.database)
        while await self.library.look() or (not self.embedder.busy and await self.library.embed()):
            pass
        await caught_up(self.library, self.database)

    async def draft(self, subject: str = "asker", expect: int = 200, **fields: Any) -> Any:
        async with self.as_(subject) as http:
            answer = await http.post("/v1/similar", json=fields)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def finds(self, title: str, subject: str = "asker", **fields: Any) -> list[str]:
        return [each["thread_id"] for each in (await self.draft(subject, title=title, **fields))["items"]]

    async def similar(self, thread: str, subject: str = "asker", expect: int = 200, query: str = "") -> Any:
        async with self.as_(subject) as http:
            answer = await http.get(f"/v1/problems/{thread}/similar{query}")
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def told(self) -> list[Any]:
        return await self.published(SimilarProblemsFound)


@pytest.fixture(scope="module")
async def service_app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with matching(stack) as app:
        yield app


@pytest.fixture
async def world(service_app: FastAPI) -> AsyncIterator[Found]:
    embedder = Topics()
    await fresh(service_app)
    async with following(Library(service_app.state.database, embedder)) as library:  # type: ignore[arg-type]
        service_app.state.library = library
        world = Found(service_app, library, embedder)
        for community in (COMMUNITY, ELSEWHERE):
            await world.feed(world.event(CommunityCreated, community_id=community, kind="internal"))
        await world.feed(*world.joins("asker"), *world.joins("ana"))
        yield world


async def test_a_few_words_find_what_was_asked_before_by_words_and_by_meaning(world: Found) -> None:
    await world.post("p", "A permit waits for a signature")
    await world.post("q", "An ale stays a cloudy one")
    answer = await world.draft(title="licence")
    assert [each["thread_id"] for each in answer["items"]] == ["p"]
    assert answer["by"] == "meaning"
    assert answer["items"][0]["reasons"] == ["asks much the same"]
    assert answer["items"][0]["community_id"] == COMMUNITY
    world.embedder.busy = True
    assert await world.draft(title="licence") == {"items": [], "by": "words"}
    answer = await world.draft(body="who signs? a signature is missing", limit=1)
    assert (answer["by"], [each["thread_id"] for each in answer["items"]]) == ("words", ["p"])
    assert answer["items"][0]["reasons"] == ["words in common: signature"]


async def test_what_was_not_given_a_meaning_yet_is_found_by_its_words(world: Found) -> None:
    world.embedder.busy = True
    await world.feed(world.event(ProblemPosted, thread_id="p", title="A permit waits", tags=[]))
    await world.caught_up()
    world.embedder.busy = False
    assert await world.finds("permit") == ["p"]
    assert await world.finds("licence") == []


async def test_only_what_one_may_see_is_found(world: Found) -> None:
    await world.post("here", "A permit waits")
    await world.post("there", "A permit waits", community_id=ELSEWHERE)
    assert await world.finds("permit") == ["here"]
    assert await world.finds("permit", "stranger") == []
    both = [*world.joins("ana")]
    await world.feed(world.event(type(both[2]), **both[2].model_dump() | {"community_id": ELSEWHERE}))
    assert sorted(await world.finds("permit", "ana")) == ["here", "there"]
    assert await world.finds("permit", "ana", community_id=ELSEWHERE) == ["there"]
    await world.feed(world.event(MemberLeft, member_id=dev_member_id("ana")))
    assert await world.finds("permit", "ana") == ["there"]
    assert await world.finds("permit", "ana", community_id=COMMUNITY) == []


@pytest.mark.parametrize(
    ("event", "fields", "vanishes"),
    [
        (ProblemWithdrawn, {}, True),
        (ContentFlagged, {"item_kind": "problem", "hidden": True}, True),
        (ContentFlagged, {"item_kind": "problem", "hidden": False}, False),
        (ContentFlagged, {"item_kind": "solution", "hidden": True}, False),
        (ContentRedacted, {"item_kind": "problem", "whole": True}, True),
        (ContentRedacted, {"item_kind": "comment", "whole": True}, False),
    ],
)
async def test_what_is_taken_away_vanishes(
    world: Found, event: type[Event], fields: dict[str, Any], vanishes: bool
) -> None:
    await world.post("p", "A permit waits")
    change = world.event(event, thread_id="p", **fields)
    await world.feed(change)
    # At once, whatever the index knows by then; and the index forgets it, too.
    assert await world.finds("permit") == ([] if vanishes else ["p"])
    await world.caught_up()
    assert ("p" not in world.library.index.threads) is vanishes
    if event is ContentRedacted and vanishes:
        row = await world.database[precedents.PRECEDENTS].find_one({"_id": "p"})
        assert (row["title"], row["body"], row["digest"], row["meaning"]) == ("", "", b"", NO_MEANING)
        await world.feed(world.event(ProblemUpdated, thread_id="p", title="A permit waits", tags=[]))
        await world.caught_up()
        assert await world.finds("permit") == ["p"]
    elif event is ContentFlagged and vanishes:
        await world.feed(world.event(event, thread_id="p", **fields | {"hidden": False}))
        await world.caught_up()
        assert await world.finds("permit") == ["p"]


async def test_solved_ones_and_best_practices_come_first(world: Found) -> None:
    for thread in ("a", "b", "c", "d"):
        await world.post(thread, "A permit waits")
    solved = [
        world.event(SolutionProposed, thread_id="b", solution_id="s"),
        world.event(SolutionAccepted, thread_id="b", solution_id="s"),
        world.event(BestPracticeRecognised, thread_id="c", solution_id="t"),
        world.event(ProblemLinked, thread_id="d", kind="duplicate", target_thread_id="c"),
    ]
    await world.feed(*solved)
    items = (await world.draft(title="permit"))["items"]
    assert [each["thread_id"] for each in items] == ["c", "b", "a", "d"]
    assert "has a best practice" in items[0]["reasons"]
    assert items[0]["best_practice_ids"] == ["t"]
    assert (items[1]["state"], items[1]["solved"]) == ("answered", True)
    assert (items[3]["state"], items[3]["duplicate_of"]) == ("duplicate", "c")
    await world.feed(
        world.event(PracticeLapsed, thread_id="c", solution_id="t"),
        world.event(ProblemResolved, thread_id="a"),
        world.event(ProblemReopened, thread_id="b"),
        solved[2],  # a dead letter, replayed after what came later
    )
    items = (await world.draft(title="permit"))["items"]
    assert [each["thread_id"] for each in items] == ["a", "b", "c", "d"]
    assert [each["solved"] for each in items] == [True, False, False, False]
    await world.feed(world.event(SolutionContested, thread_id="c", solution_id="t", state="best-practice"))
    assert (await world.finds("permit"))[0] == "c"
    await world.feed(world.event(SolutionContested, thread_id="c", solution_id="t", state="contested"))
    assert (await world.finds("permit"))[0] == "a"


async def test_what_is_like_a_posted_problem_is_found_by_the_meaning_that_is_kept_of_it(world: Found) -> None:
    for thread in ("a", "b", "c"):
        await world.post(thread, "A permit waits", tags=["permits"])
    await world.post("beer", "The ale is cloudy")
    await world.post("asked", "Who hands out a licence?", body="Nobody does.", tags=["permits"])
    await world.feed(
        world.event(BestPracticeRecognised, thread_id="c", solution_id="s"),
        world.event(ProblemResolved, thread_id="b"),
    )
    world.embedder.busy, world.embedder.asked = True, []
    answer = await world.similar("asked")
    assert (answer["by"], world.embedder.asked) == ("meaning", [])
    assert [each["thread_id"] for each in answer["items"]] == ["c", "b", "a"]
    assert answer["items"][0]["reasons"] == [
        "asks much the same", "has a best practice", "same tags: permits"
    ]  # fmt: skip
    assert [each["thread_id"] for each in (await world.similar("asked", query="?limit=1"))["items"]] == ["c"]
    for query in ("limit=21", "limit=0", "community_id="):
        await world.similar("asked", expect=422, query=f"?{query}")
    await world.feed(
        world.event(ProblemWithdrawn, thread_id="a"),
        world.event(ContentFlagged, thread_id="b", item_kind="problem", hidden=True),
        world.event(ContentRedacted, thread_id="c", item_kind="problem", whole=True),
    )
    assert (await world.similar("asked"))["items"] == []


async def test_what_has_no_meaning_yet_is_like_others_by_its_words(world: Found) -> None:
    world.embedder.busy = True
    await world.post("p", "A permit waits for ages")
    await world.post("q", "Permits wait for ages")
    answer = await world.similar("p")
    assert (answer["by"], [each["thread_id"] for each in answer["items"]]) == ("words", ["q"])
    await world.feed(world.event(ContentRedacted, thread_id="p", item_kind="problem", whole=True))
    assert await world.similar("p") == {"items": [], "by": "words"}


async def test_what_is_like_a_problem_is_told_to_whoever_sees_it_by_their_communities(world: Found) -> None:
    both = [*world.joins("ana")]
    await world.feed(world.event(type(both[2]), **both[2].model_dump() | {"community_id": ELSEWHERE}))
    await world.post("here", "A permit waits")
    await world.post("asked", "A permit waits")
    await world.post("there", "A permit waits", community_id=ELSEWHERE)

    async def found(subject: str, query: str = "") -> list[str]:
        items = (await world.similar("asked", subject, query=query))["items"]
        return sorted(each["thread_id"] for each in items)

    assert await found("asker") == ["here"]
    assert await found("ana") == ["here", "there"]
    assert await found("ana", f"?community_id={ELSEWHERE}") == ["there"]
    assert await found("asker", f"?community_id={ELSEWHERE}") == []
    refused = await world.similar("asked", "stranger", expect=404)
    assert await world.similar("unheard-of", "asker", expect=404) == refused
    assert await world.similar("there", "asker", expect=404) == refused
    # An event about it was here before the problem itself.
    await world.feed(world.event(ProblemResolved, thread_id="early"))
    assert await world.similar("early", "asker", expect=404) == refused
    await world.feed(world.event(ContentFlagged, thread_id="asked", item_kind="problem", hidden=True))
    assert await world.similar("asked", "ana", expect=404) == refused
    assert await found("asker") == ["here"]
    await world.feed(world.event(MemberLeft, member_id=dev_member_id("asker")))
    assert await world.similar("asked", "asker", expect=404) == refused


async def test_whoever_posts_is_told_of_the_few_that_are_most_like_it_once(world: Found) -> None:
    for number in range(rules.TOLD + 2):
        await world.post(f"old{number}", "A licence is needed", author="ana")
    await world.post("hidden", "A licence is needed", community_id=ELSEWHERE)
    await world.feed(world.event(BestPracticeRecognised, thread_id="old4", solution_id="s"))
    await world.post("new", "Who signs the permit?")
    [event] = [each for each in await world.told() if each.thread_id == "new"]
    assert (event.asker_id, event.community_id) == (dev_member_id("asker"), COMMUNITY)
    assert [each.thread_id for each in event.similar] == ["old4", "old0", "old1"]
    assert event.similar[0].best_practice
    assert event.similar[0].reasons == ["asks much the same", "has a best practice"]
    await world.feed(world.event(ProblemUpdated, thread_id="new", title="Who signs a permit?", tags=[]))
    await world.caught_up()
    assert [each.thread_id for each in await world.told()].count("new") == 1


async def test_nobody_is_told_of_what_is_little_like_it_or_was_posted_long_ago(world: Found) -> None:
    await world.post("p", "A permit waits")
    await world.post("q", "The ale is cloudy")
    posted = world.event(ProblemPosted, thread_id="r", title="A permit waits", tags=[])
    await world.feed(posted, at=NOW - timedelta(days=400))
    await world.caught_up()
    assert await world.told() == []
    assert sorted(await world.finds("permit")) == ["p", "r"]


async def test_without_a_meaning_only_very_similar_words_are_told(world: Found) -> None:
    world.embedder.busy = True
    await world.post("p", "A permit waits for ages")
    await world.post("q", "Cloudy ale again")
    await world.post("r", "Bridge is shut")
    await world.post("s", "Permit waits ages")
    assert [[each.thread_id for each in event.similar] for event in await world.told()] == [["p"]]


async def test_events_about_one_thread_have_versions_without_a_gap(world: Found) -> None:
    await world.feed(*world.joins("bea", permits="expert"))
    await world.post("p", "A permit waits", tags=["permits"])
    await world.pass_time()
    await world.post("q", "A licence waits", tags=["permits"])
    await world.pass_time()
    asked = [each.version for each in await world.published(ExpertAsked) if each.thread_id == "q"]
    [told] = await world.told()
    assert asked
    assert sorted([*asked, told.version]) == list(range(1, len(asked) + 2))


async def test_what_an_instance_leaves_undone_another_does_once(world: Found) -> None:
    await world.feed(world.event(ProblemPosted, thread_id="p", title="A permit waits", tags=[]))
    assert len(await precedents.claim(world.database, "meaning_due", 8)) == 1  # and is not heard of again
    assert await world.library.embed() == 0
    world.clock.advance(precedents.LEASE)
    twice = await asyncio.gather(world.library.embed(), world.library.embed())
    assert sum(twice) == 1
    row = await world.database[precedents.PRECEDENTS].find_one({"_id": "p"})
    assert "meaning_due" not in row


async def test_the_meaning_of_a_text_that_was_changed_meanwhile_is_not_kept(world: Found) -> None:
    await world.feed(world.event(ProblemPosted, thread_id="p", title="A permit waits", tags=[]))
    [row] = await precedents.claim(world.database, "meaning_due", 8)
    await world.feed(world.event(ProblemUpdated, thread_id="p", title="The ale is cloudy", body="", tags=[]))
    await precedents.keep_meaning(world.database, row, packed(np.ones(DIMENSIONS, np.float32)))
    await world.caught_up()
    assert await world.finds("beer") == ["p"]
    assert await world.finds("licence") == []


async def test_every_instance_has_what_any_of_them_took_in(world: Found) -> None:
    await world.post("before", "A permit waits")
    async with following(Library(world.database, world.embedder)) as other:  # type: ignore[arg-type]
        assert other.index.threads == {"before"}
        await world.post("after", "A permit waits again")
        await world.feed(world.event(ProblemWithdrawn, thread_id="before"))

        async def followed() -> bool:
            return other.index.threads == {"after"}

        await eventually(followed)


async def test_a_collection_that_was_dropped_is_read_anew(
    world: Found, caplog: pytest.LogCaptureFixture
) -> None:
    await world.post("before", "A permit waits")
    await world.database[precedents.PRECEDENTS].drop()
    await world.database.ensure_indexes({precedents.PRECEDENTS: service.all_indexes[precedents.PRECEDENTS]})
    await world.post("after", "A permit waits again")

    async def followed() -> bool:
        return world.library.index.threads == {"after"}

    await eventually(followed)
    assert await world.finds("permit") == ["after"]
    told = [each.getMessage() for each in caplog.records if each.name == "services.matching.precedents"]
    assert told == ["matching: the collection of precedents went, reading all of them anew"]


async def test_a_former_members_problem_is_found_without_their_name(world: Found) -> None:
    await world.post("p", "A permit waits", author="ana")
    await world.feed(world.event(MemberErased, member_id=dev_member_id("ana")))
    await personal.sweep(world.database, service.all_personal)
    assert precedents.PRECEDENTS not in await personal.mentions(world.database, dev_member_id("ana"))
    assert await world.finds("permit") == ["p"]


@pytest.mark.parametrize(
    ("fields", "expect"),
    [
        ({}, 200),
        ({"title": "", "body": " ", "tags": ["permits"]}, 200),
        ({"title": "?!"}, 200),
        ({"title": "permit " * 40, "body": "許可証 " * 8_000, "tags": ["許可証"]}, 200),
        ({"title": "permit", "body": "x" * 40_001}, 422),
        ({"title": "permit", "body": "x" * 1_100_000}, 413),
        ({"title": "permit", "limit": 21}, 422),
        ({"title": "permit", "surprise": 1}, 422),
        ({"title": "two\nlines"}, 422),
    ],
)
async def test_odd_drafts_have_an_answer(world: Found, fields: dict[str, Any], expect: int) -> None:
    await world.draft(expect=expect, **fields)
