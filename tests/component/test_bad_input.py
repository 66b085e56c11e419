"""What nobody should meet, and what comes of it for asking, similar problems, mentors, programmes and what is
recommended: each has an answer.

More of it is where it belongs: experts who are all busy, resting or away, and waves when the clock goes back,
in ``test_asking``; texts that say nothing to a model in ``test_embedding``; what comes in another order or
twice in ``test_matching`` and ``test_index``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.matching.precedents import Library
from shared.contracts import Event
from shared.contracts.discussions import (
    CommentAdded,
    ContentFlagged,
    EndorsementWithdrawn,
    ProblemLinked,
    ProblemPosted,
    ProblemResolved,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.matching import RoutingExhausted, SimilarProblemsFound
from shared.contracts.members import (
    AvailabilityChanged,
    CommunityCreated,
    CommunityStageChanged,
    ConnectionEnded,
    ConnectionMade,
    MemberErased,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MembershipDormant,
    RoleChanged,
    SkillsUpdated,
)
from shared.contracts.mentorships import MentorOffered, MentorshipAccepted, MentorshipEnded, MentorWithdrawn
from shared.contracts.practices import BestPracticeRecognised
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.matching import COMMUNITY, NOW, World, caught_up, following, fresh, matching

DAY = timedelta(days=1)
ids = dev_member_id

TEXTS = {
    "one word": "Scaffolding",
    "Thai": "ใบอนุญาตก่อสร้างต้องรอลายเซ็นนานเก้าวัน",
    "Chinese": "建筑许可证等待签字已经九天了",
    "Japanese": "許可証の署名を九日間待っています",
    "Arabic": "تصاريح البناء تنتظر التوقيع تسعة أيام",
    "Hindi": "निर्माण परमिट नौ दिन हस्ताक्षर की प्रतीक्षा करता है",
    "Cherokee": "ᎠᏂᏔᎵ ᏗᎪᏪᎵ ᎤᏩᎫᏘᎶᏛ",
    "a megabyte": "scaffolding permits wait " * 40_000,
    "one word of a megabyte": "x" * 1_000_000,
}
WORDLESS = {"signs": "?! …", "pictures": "🏗️ 🧾", "nothing": "", "invisible": "\N{ZERO WIDTH SPACE}" * 50}


class Odd(World):
    """Matching with a library that knows words alone, whose due work is done when the test says so."""

    library: Library

    async def say(self, thread: str, text: str, author: str = "asker", **fields: Any) -> None:
        """A problem without a tag that says nothing else."""
        values = {"author_id": ids(author), "title": text[:100] or "x", "body": text, "tags": []} | fields
        await self.feed(self.event(ProblemPosted, thread_id=thread, **values))
        await self.looked()

    async def looked(self) -> None:
        """Everything is in the library, and what was posted was compared with it."""
        await caught_up(self.library, self.database)
        while await self.library.look():
            pass

    async def told(self, thread: str) -> list[str]:
        found = [each for each in await self.published(SimilarProblemsFound) if each.thread_id == thread]
        return [each.thread_id for event in found for each in event.similar]

    async def ask(self, who: str, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        async with self.as_(who) as http:
            answer = await http.request(method, f"/v1{path}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def finds(self, text: str, who: str = "asker") -> list[str]:
        draft = {"title": text[:100], "body": text[:40_000]}
        return [each["thread_id"] for each in (await self.ask(who, "POST", "/similar", draft))["items"]]

    async def steward(self, name: str) -> None:
        await self.feed(*self.joins(name), self.event(RoleChanged, member_id=ids(name), role="steward"))

    async def mentor(self, name: str, **offer: Any) -> None:
        values = {
            "scope": "everybody",
            "community_ids": [],
            "skills": ["permits"],
            "paused": False,
            "org_id": "city",
        } | offer
        await self.feed(self.event(MentorOffered, member_id=ids(name), **values))

    async def programme(self, **fields: Any) -> str:
        """A programme of the steward ``sue`` that is open for a week."""
        window = {"opens_at": NOW.isoformat(), "closes_at": (NOW + 7 * DAY).isoformat()}
        at = f"/communities/{COMMUNITY}/programmes"
        made = await self.ask("sue", "POST", at, {"name": "Spring", **window, **fields}, expect=201)
        return f"/programmes/{made['id']}"


@pytest.fixture(scope="module")
async def service_app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with matching(stack) as app:
        yield app


@pytest.fixture
async def world(service_app: FastAPI) -> AsyncIterator[Odd]:
    await fresh(service_app)
    async with following(Library(service_app.state.database, None)) as library:
        service_app.state.library = library
        world = Odd(service_app, service_app.state.clock)
        world.library = library
        await world.community()
        yield world


# -- texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_whatever_it_is_written_in_its_like_is_found_and_who_solved_that_is_asked(
    world: Odd, text: str
) -> None:
    await world.feed(*world.joins("asker"), *world.joins("ben"))
    await world.say("other", "The ale stays cloudy")
    await world.say("before", text, "somebody")
    await world.feed(world.about(SolutionProposed, "ben", "s", tags=[], thread_id="before"))
    await world.say("t", text)
    assert (await world.asked("t")).keys() == {ids("ben")}
    assert await world.told("t") == ["before"]
    assert await world.finds(text) == ["before", "t"]


@pytest.mark.parametrize("text", WORDLESS.values(), ids=WORDLESS.keys())
async def test_a_text_without_a_word_goes_to_whoever_looks_after_the_community(world: Odd, text: str) -> None:
    await world.steward("sue")
    await world.feed(*world.joins("asker"), *world.joins("ben", permits="expert"))
    for thread in ("before", "t"):
        await world.say(thread, text, title=text[:100] or "-")
    assert (await world.asked("t")).keys() == {ids("sue")}
    assert await world.told("t") == []
    assert await world.finds(text) == []


# -- nobody there --------------------------------------------------------------------------------------


async def test_alone_in_a_community_one_is_told_so_and_finds_what_one_wrote(world: Odd) -> None:
    await world.steward("sue")
    await world.say("before", "Permits wait for a signature", "sue")
    await world.say("t", "Permits wait for a signature, too", "sue")
    assert await world.told("t") == ["before"]
    assert [each.facilitator_ids for each in await world.published(RoutingExhausted)] == [[], []]
    await world.pass_time()
    assert (await world.ask("sue", "GET", "/recommendations"))["items"] == []
    assert (await world.ask("sue", "GET", "/recommendations/mentors"))["items"] == []
    path = await world.programme()
    await world.pass_time(7 * DAY)
    preview = await world.ask("sue", "GET", f"{path}/preview")
    assert (preview["figures"]["matched"], preview["matched"], preview["unmatched"]) == (0, [], [])
    confirmed = {"mode": "stable", "digest": preview["digest"]}
    assert (await world.ask("sue", "POST", f"{path}/confirm", confirmed))["state"] == "confirmed"
    load = await world.ask("sue", "GET", f"/communities/{COMMUNITY}/load")
    assert (load["members"], load["asks"]["asks"], load["asks"]["answered"]) == (1, 0, None)


async def test_whoever_belongs_to_no_organisation_is_served_like_others(world: Odd) -> None:
    await world.steward("sue")
    await world.feed(*world.joins("nomad", org=None), *world.joins("max"), *world.joins("mia", org=None))
    await world.mentor("max")
    await world.mentor("mia", scope="organisation", org_id=None)
    found = (await world.ask("nomad", "GET", "/recommendations/mentors?skill=permits"))["items"]
    assert [each["member_id"] for each in found] == [ids("max")]  # no organisation is not the same one
    path = await world.programme(across_organisations=True)
    await world.ask("nomad", "PUT", f"{path}/registration", {"skills": ["permits"]})
    await world.pass_time(7 * DAY)
    preview = await world.ask("sue", "GET", f"{path}/preview")
    assert [(each["mentee_id"], each["mentor_id"]) for each in preview["matched"]] == [
        (ids("nomad"), ids("max"))
    ]
    await world.say("t", "Permits wait for a signature", "nomad")
    assert await world.finds("permits", "nomad") == ["t"]


async def test_when_all_mentors_are_taken_nobody_is_suggested_or_promised(world: Odd) -> None:
    await world.steward("sue")
    await world.feed(*world.joins("ann"), *world.joins("max"))
    await world.mentor("max", capacity=1)
    path = await world.programme()
    await world.ask("ann", "PUT", f"{path}/registration", {"skills": ["permits"], "wishes": [ids("max")]})
    sides = {"mentor_id": ids("max"), "mentee_id": ids("bob"), "mentorship_id": "m"}
    await world.feed(world.event(MentorshipAccepted, **sides, places_taken=1))
    assert (await world.ask("ann", "GET", "/recommendations/mentors?skill=permits"))["items"] == []
    preview = await world.ask("sue", "GET", f"{path}/preview?mode=maximal")
    assert (preview["matched"], preview["unmatched"]) == ([], [ids("ann")])
    assert preview["figures"]["places"] == 0


# -- time ----------------------------------------------------------------------------------------------


async def test_a_clock_that_goes_back_recommends_nothing_twice_and_undoes_nothing(world: Odd) -> None:
    for name in "abcdef":
        away = {"community_id": name, "kind": "external", "org_id": None, "tags": ["permits"]}
        await world.feed(world.event(CommunityCreated, join_policy="open", languages=[], **away))
    person = {"member_id": ids("ann"), "name": "Ann", "org_id": "city", "interests": ["permits"]}
    await world.feed(world.event(MemberRegistered, **person))
    await world.pass_time()

    async def offered() -> list[str]:
        return [each["id"] for each in (await world.ask("ann", "GET", "/recommendations"))["items"]]

    first = await offered()
    assert len(first) == 3
    for by in (-400 * DAY, 30 * DAY, 369 * DAY):  # as far as a day before the present
        await world.pass_time(by)
        assert await offered() == first
    await world.ask("ann", "POST", f"/recommendations/{first[0]}/accept")
    await world.pass_time(DAY)
    assert await offered() == first[1:]


async def test_a_clock_that_goes_back_closes_a_window_and_does_not_open_another(world: Odd) -> None:
    await world.steward("sue")
    await world.feed(*world.joins("ann"))
    path = await world.programme()
    await world.pass_time(-DAY)
    refused = await world.ask("ann", "PUT", f"{path}/registration", {"skills": ["permits"]}, expect=409)
    assert refused["code"] == "window-closed"
    await world.pass_time(9 * DAY)
    assert (await world.ask("sue", "GET", path))["state"] == "closed"
    await world.pass_time(-3 * DAY)
    assert (await world.ask("sue", "GET", path))["state"] == "closed"
    await world.ask("ann", "PUT", f"{path}/registration", {"skills": ["permits"]}, expect=409)


async def test_what_is_posted_by_a_clock_that_went_back_is_asked_and_told(world: Odd) -> None:
    await world.feed(*world.joins("asker"), *world.joins("ben"))
    await world.say("before", "Permits wait for a signature", "somebody")
    await world.feed(world.about(SolutionProposed, "ben", "s", tags=[], thread_id="before"))
    world.clock.advance(-40 * DAY)
    await world.say("t", "Permits wait for a signature")
    assert (await world.asked("t")).keys() == {ids("ben")}
    assert await world.told("t") == ["before"]
    world.clock.advance(40 * DAY)
    await world.looked()
    assert await world.told("t") == ["before"]


# -- what is unknown yet -------------------------------------------------------------------------------


UNHEARD_OF: list[tuple[type[Event], dict[str, Any]]] = [
    (ProblemUpdated, {"title": "Permits", "body": "Permits wait", "tags": ["permits"]}),
    (ProblemResolved, {}),
    (ProblemWithdrawn, {}),
    (ProblemLinked, {"kind": "duplicate", "target_thread_id": "unheard-of"}),
    (SolutionProposed, {}),
    (SolutionEndorsed, {}),
    (EndorsementWithdrawn, {}),
    (CommentAdded, {}),
    (ContentFlagged, {"item_kind": "problem", "hidden": True}),
    (BestPracticeRecognised, {}),
    (MemberJoined, {}),
    (MemberLeft, {}),
    (MembershipDormant, {"standing": "dormant"}),
    (RoleChanged, {"role": "steward"}),
    (SkillsUpdated, {"skills": []}),
    (AvailabilityChanged, {}),
    (MentorOffered, {"scope": "communities", "community_ids": ["unheard-of"]}),
    (MentorWithdrawn, {}),
    (MentorshipAccepted, {"places_taken": 1}),
    (MentorshipEnded, {"places_taken": 0}),
    (ConnectionMade, {}),
    (ConnectionEnded, {}),
    (CommunityStageChanged, {"stage": "active"}),
    (MemberErased, {}),
]


async def test_of_what_is_unknown_yet_nothing_is_made(world: Odd) -> None:
    for event, fields in UNHEARD_OF:
        unheard_of = {name: "unheard-of" for name in event.model_fields if name.endswith("_id")}
        await world.feed(world.event(event, **unheard_of | fields))
        await world.pass_time()
    await world.feed(*world.joins("asker"), *world.joins("ben", permits="expert"))
    await world.say("t", "Permits wait for a signature", tags=["permits"])
    assert (await world.asked("t")).keys() == {ids("ben")}
    assert await world.finds("Permits") == ["t"]
    for path in ("/asks", "/recommendations", "/recommendations/mentors?skill=permits"):
        assert (await world.ask("asker", "GET", path))["items"] == []
    await world.ask("asker", "GET", "/problems/unheard-of/experts", expect=404)


async def test_what_was_heard_of_a_problem_before_the_problem_counts_when_it_comes(world: Odd) -> None:
    await world.feed(*world.joins("asker"))
    here = {"title": "Permits wait for a signature", "body": "", "tags": [], "author_id": ids("asker")}
    posted = [
        world.event(ProblemPosted, thread_id=thread, **here) for thread in ("done", "hid", "gone", "best")
    ]
    await world.feed(
        world.event(ProblemResolved, thread_id="done"),
        world.event(ContentFlagged, thread_id="hid", item_kind="problem", item_id="hid", hidden=True),
        world.event(ProblemWithdrawn, thread_id="gone"),
        world.event(BestPracticeRecognised, thread_id="best", solution_id="s"),
    )
    assert await world.finds("permits") == []
    await world.feed(*posted)
    await world.looked()
    assert await world.finds("permits") == ["best", "done"]


# -- requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expect"),
    [
        ("/recommendations/mentors?on=0001-01-01", 422),
        ("/recommendations/mentors?on=9999-12-31", 422),
        ("/recommendations/mentors?on=2026-02-30", 422),
        ("/recommendations/mentors?on=2026-02-28", 200),
        ("/recommendations/mentors?skill=%E8%A8%B1%E5%8F%AF", 200),
        ("/recommendations/mentors?skill=", 422),
        ("/recommendations/mentors?" + "&".join(f"skill=s{n}" for n in range(21)), 422),
        ("/recommendations?cursor=nonsense", 400),
        ("/recommendations?state=lost", 422),
        (f"/recommendations/{'x' * 101}", 422),
        (f"/communities/{COMMUNITY}/load?days=0", 422),
        (f"/communities/{COMMUNITY}/load?days=366", 422),
        (f"/communities/{COMMUNITY}/programmes?cursor=nonsense", 400),
        ("/programmes/%00", 404),
        ("/problems/%F0%9F%8F%97/experts", 404),
    ],
)
async def test_odd_questions_have_an_answer(world: Odd, path: str, expect: int) -> None:
    await world.steward("sue")
    await world.mentor("max", skills=["permits", "許可"])
    await world.feed(*world.joins("max"))
    answer = await world.ask("sue", "GET", path, expect=expect)
    assert expect == 200 or answer["code"]


@pytest.mark.parametrize(
    ("fields", "expect"),
    [
        ({"opens_at": "0001-01-01T00:00:00+14:00"}, 422),
        ({"closes_at": "9999-12-31T23:59:59-12:00"}, 422),
        ({"opens_at": "2026-03-02T09:30:00"}, 422),
        ({"closes_at": NOW.isoformat()}, 422),
        ({"name": " "}, 422),
        ({"exclusions": [{"mentee_id": "a", "mentor_id": "a"}]}, 201),
        ({"name": "許可証の春"}, 201),
    ],
)
async def test_odd_programmes_have_an_answer(world: Odd, fields: dict[str, Any], expect: int) -> None:
    await world.steward("sue")
    window = {"opens_at": NOW.isoformat(), "closes_at": (NOW + DAY).isoformat()}
    body = {"name": "Spring", **window, **fields}
    made = await world.ask("sue", "POST", f"/communities/{COMMUNITY}/programmes", body, expect=expect)
    if expect == 201:
        await world.pass_time(2 * DAY)
        assert (await world.ask("sue", "GET", f"/programmes/{made['id']}"))["state"] == "closed"
