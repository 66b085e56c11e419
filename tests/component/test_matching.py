"""Matching on a real database: what it learns from events, whom it asks, what its API answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.matching.app import service
from services.matching.domain import rules
from services.matching.reactions import reactions
from shared.clock import FixedClock
from shared.contracts import Event
from shared.contracts.discussions import (
    ContentFlagged,
    EndorsementWithdrawn,
    ProblemPosted,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.matching import ExpertAskAccepted, ExpertAskDeclined, ExpertAsked
from shared.contracts.members import (
    CommunityCreated,
    MemberLeft,
    MemberRemoved,
    MembershipDormant,
    SkillsUpdated,
)
from shared.contracts.topics import ASKS
from shared.errors import OutOfOrder
from shared.ids import new_id
from shared.messaging import inbox
from shared.messaging.envelope import headers_of
from shared.messaging.producer import Outgoing, Producer
from shared.service import database_of
from shared.storage import UnitOfWork
from shared.testing.harness import Tap, client, create_topics, eventually, recorded, running
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.matching import NOW, SOLVED, World, first_waves, fresh, matching


@pytest.fixture(scope="module")
async def service_app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with matching(stack) as app:
        yield app


@pytest.fixture
async def world(service_app: FastAPI) -> World:
    return await fresh(service_app)


ids = dev_member_id


async def test_experts_are_asked_with_the_reasons(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("asker"), *world.joins("ana", permits="expert"), *world.joins("ben"))
    evidence = [world.about(SolutionProposed, "ben", f"s{n}") for n in range(3)]
    evidence += [world.about(SolutionEndorsed, "ben", f"s{n}", endorser_id="x") for n in range(3)]
    await world.feed(*evidence)
    [received] = await world.feed(world.posted("t"))

    asked = await world.asked("t")
    assert asked.keys() == {ids("ana"), ids("ben")}
    assert asked[ids("ana")] == ["states the skill permits (expert)"]
    assert asked[ids("ben")] == [
        "active this week",
        "3 endorsed solutions on permits",
    ]
    events = await world.published(ExpertAsked)
    assert [each.version for each in events] == [1, 2]
    assert {each.expires_at for each in events} == {NOW + timedelta(hours=24)}
    assert {each.wave for each in events} == {1}
    row = (await recorded(world.database, key="t"))[0]
    assert (row["causation"], row["correlation"]) == (received.id, "the-correlation")


async def test_a_batch_with_everything_at_once_is_enough(world: World) -> None:
    await world.feed(
        world.posted("t"),
        *world.joins("ana", permits="proficient"),
        world.event(CommunityCreated, kind="internal"),
    )
    assert (await world.asked("t")).keys() == {ids("ana")}


@pytest.mark.parametrize("skills_first", [True, False])
async def test_skills_become_expertise_whichever_comes_first(world: World, skills_first: bool) -> None:
    await world.community()
    _, skills, joined = world.joins("ana", permits="expert")
    for event in (skills, joined) if skills_first else (joined, skills):
        await world.feed(event)
    await world.feed(world.posted("t1"))
    await world.feed(world.event(SkillsUpdated, member_id=ids("ana"), skills=[]))
    await world.feed(world.posted("t2"))
    assert len(await world.asked("t1")) == 1
    assert await world.asked("t2") == {}


async def test_skills_and_memberships_handled_at_the_same_moment_miss_nothing(world: World) -> None:
    await world.community()
    names = [f"n{n}" for n in range(20)]
    arrivals = [world.joins(name, permits="expert") for name in names]
    await world.feed(*(registered for registered, *_ in arrivals))
    await asyncio.gather(*(world.feed(event) for _, *both in arrivals for event in both))
    await world.feed(*(world.posted(f"t{n}") for n in range(10)))
    asked = {each.expert_id for each in await world.published(ExpertAsked)}
    assert asked == {ids(name) for name in names}


async def test_a_problem_waits_for_its_community_unless_it_is_too_old_to_ask(world: World) -> None:
    with pytest.raises(OutOfOrder, match="community-unknown"):
        await world.feed(world.posted("t"))
    await world.feed(world.posted("t"), at=NOW - timedelta(days=900))


async def test_who_does_not_read_a_community_is_not_asked_until_they_do(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("asker"), *world.joins("ana", permits="expert"))
    await world.feed(world.event(MembershipDormant, member_id=ids("ana"), standing="dormant"))
    await world.feed(world.posted("t"))
    assert await world.asked("t") == {}
    await world.feed(world.event(MembershipDormant, member_id=ids("ana"), standing="active"))
    await world.feed(world.posted("u"))
    assert (await world.asked("u")).keys() == {ids("ana")}


@pytest.mark.parametrize("departure", [MemberLeft, MemberRemoved])
async def test_the_asker_strangers_and_former_members_are_never_asked(
    world: World, departure: type[Event]
) -> None:
    await world.community()
    await world.feed(*world.joins("asker", permits="expert"), *world.joins("gone", permits="expert"))
    await world.feed(world.about(SolutionProposed, "stranger", "s1"))
    await world.feed(world.event(departure, member_id=ids("gone")))
    await world.feed(world.posted("t"))
    assert await world.asked("t") == {}


async def test_what_is_withdrawn_no_longer_counts(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("ben"), world.about(SolutionProposed, "ben", "s"))
    endorsed = world.about(SolutionEndorsed, "ben", "s", endorser_id="x")
    again = world.about(SolutionEndorsed, "ben", "s", endorser_id="x", basis="reviewed")
    await world.feed(endorsed, again)
    await world.feed(world.posted("t1"))
    await world.feed(world.about(EndorsementWithdrawn, "ben", "s", endorser_id="x"))
    await world.feed(endorsed)  # a dead letter, replayed after what came later
    await world.feed(world.posted("t2"))
    assert "1 endorsed solution on permits" in (await world.asked("t1"))[ids("ben")]
    assert "1 solution on permits" in (await world.asked("t2"))[ids("ben")]


async def test_a_solution_that_moderators_hide_speaks_for_nobody_until_they_show_it(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("ben"), world.about(SolutionProposed, "ben", "s"))

    async def asked(thread: str, change: str, kind: str = "solution") -> bool:
        flag = world.event(ContentFlagged, thread_id=f"{SOLVED}s", item_kind=kind, item_id="s", change=change)
        await world.feed(flag, world.posted(thread))
        return ids("ben") in await world.asked(thread)

    assert await asked("t1", "flagged")
    assert not await asked("t2", "hidden")
    assert not await asked("t3", "shown", "comment")
    assert await asked("t4", "shown")


async def test_ones_own_acceptance_is_no_evidence(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("self"), *world.joins("accepted"))
    await world.feed(
        world.about(SolutionProposed, "self", "s1"),
        world.about(SolutionAccepted, "self", "s1", accepted_by=ids("self")),
        world.about(SolutionProposed, "accepted", "s3"),
        world.about(SolutionAccepted, "accepted", "s3", accepted_by="x"),
    )
    await world.feed(world.posted("t"))
    asked = await world.asked("t")
    assert "1 solution on permits" in asked[ids("self")]
    assert "1 accepted solution on permits" in asked[ids("accepted")]


async def test_expertise_fades(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("old"), *world.joins("new"))
    of_old = [world.about(SolutionProposed, "old", f"o{n}") for n in range(4)]
    await world.feed(*of_old, at=NOW - timedelta(days=900))
    await world.feed(world.about(SolutionProposed, "new", "n"), at=NOW - timedelta(days=1))
    await world.feed(world.posted("t"))
    assert list(await world.asked("t")) == [ids("new"), ids("old")]


async def test_an_old_problem_is_not_asked_about(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("ana", permits="expert"))
    await world.feed(world.posted("old"), at=NOW - timedelta(hours=24))
    await world.feed(world.posted("young"), at=NOW - timedelta(hours=23))
    assert await world.asked("old") == {}
    assert len(await world.asked("young")) == 1


async def test_fifty_problems_in_one_batch_keep_the_caps(world: World) -> None:
    await world.community()
    experts = [f"e{n}" for n in range(6)]
    await world.feed(*(event for name in experts for event in world.joins(name, permits="expert")))
    for day in range(7):
        world.clock.at = NOW + timedelta(days=day)
        await world.feed(*(world.posted(f"t{day}-{n}") for n in range(50)))
        per_expert: dict[str, int] = {}
        for event in await world.published(ExpertAsked):
            per_expert[event.expert_id] = per_expert.get(event.expert_id, 0) + 1
        assert per_expert == {ids(name): min(2 * (day + 1), rules.ASKS_A_WEEK) for name in experts}


async def test_two_instances_together_keep_the_caps(world: World, stack: Stack) -> None:
    await world.community()
    await world.feed(*(event for name in "abcd" for event in world.joins(name, permits="expert")))
    twin = database_of("matching", world.app.state.settings, world.clock)

    async def feed(database: Any, threads: Iterable[str]) -> None:
        for thread in threads:
            batch = [world.received(world.posted(thread))]
            await database.transact(lambda uow, batch=batch: reactions.apply(batch, uow))
            await first_waves(database, [thread])

    try:
        await asyncio.gather(
            feed(world.database, [f"a{n}" for n in range(10)]), feed(twin, [f"b{n}" for n in range(10)])
        )
    finally:
        await twin.close()
    asked = [event.expert_id for event in await world.published(ExpertAsked)]
    assert {each: asked.count(each) for each in asked} == {ids(name): rules.ASKS_A_DAY for name in "abcd"}


async def test_a_rerun_and_a_replay_ask_nobody_twice(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("ana", permits="expert"))
    posted = world.posted("t")
    await world.feed(posted)
    await world.feed(posted)
    assert len(await world.published(ExpertAsked)) == 1


async def test_the_number_of_queries_of_a_batch_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.community()
    await world.feed(*(event for n in range(5) for event in world.joins(f"e{n}", permits="expert")))
    finds = 0
    find = UnitOfWork.find

    async def counted(self: UnitOfWork, *args: Any) -> Any:
        nonlocal finds
        finds += 1
        return await find(self, *args)

    monkeypatch.setattr(UnitOfWork, "find", counted)
    await world.feed(world.posted("one"))
    one, finds = finds, 0
    await world.feed(*(world.posted(f"t{n}", tags=["permits", f"tag{n}"]) for n in range(50)))
    assert finds == one <= 12


# -- the API -------------------------------------------------------------------------------------------


@pytest.fixture
async def asked(world: World) -> dict[str, Any]:
    """``ana`` was asked about ``asker``'s problem ``t``; her ask."""
    await world.community()
    await world.feed(*world.joins("asker"), *world.joins("ana", permits="expert"), *world.joins("other"))
    await world.feed(world.posted("t"))
    async with world.as_("ana") as ana:
        page = (await ana.get("/v1/asks")).json()
    [ask] = page["items"]
    assert page["next"] is None
    return dict(ask)


async def test_only_the_expert_and_the_asker_see_an_ask(world: World, asked: dict[str, Any]) -> None:
    assert (asked["expert_name"], asked["asker_name"], asked["state"]) == ("ana", "asker", "sent")
    address = f"/v1/asks/{asked['id']}"
    for subject, status in {"ana": 200, "asker": 200, "other": 404}.items():
        async with world.as_(subject) as someone:
            assert (await someone.get(address)).status_code == status
            about = await someone.get("/v1/problems/t/asks")
            assert about.status_code == (200 if subject == "asker" else 404)
            if subject == "asker":
                assert about.json()["items"] == [asked]
    async with client(world.app) as nobody:
        assert (await nobody.get(address)).status_code == 401


async def test_accepting(world: World, asked: dict[str, Any]) -> None:
    address = f"/v1/asks/{asked['id']}"
    async with world.as_("other") as other, world.as_("asker") as asker, world.as_("ana") as ana:
        assert (await other.post(f"{address}/accept")).status_code == 404
        assert (await asker.post(f"{address}/accept")).json()["code"] == "not-the-expert"
        first = await ana.post(f"{address}/accept")
        assert (first.status_code, first.json()["state"]) == (200, "accepted")
        again = await ana.post(f"{address}/accept")
        assert (again.status_code, again.json()) == (200, first.json())
        other_answer = await ana.post(f"{address}/decline")
        assert (other_answer.status_code, other_answer.json()["code"]) == (409, "ask-answered")
        world.clock.advance(timedelta(days=2))
        assert (await ana.post(f"{address}/accept")).status_code == 200
    [event] = await world.published(ExpertAskAccepted)
    assert (event.version, event.ask_id, event.expert_id) == (2, asked["id"], ids("ana"))


async def test_declining_with_a_reason(world: World, asked: dict[str, Any]) -> None:
    address = f"/v1/asks/{asked['id']}/decline"
    async with world.as_("ana") as ana:
        for body, status in {'{"reason": 7}': 422, '{"why": "x"}': 422, "{": 400}.items():
            headers = {"Content-Type": "application/json"}
            assert (await ana.post(address, content=body, headers=headers)).status_code == status
        for _ in range(2):
            answer = await ana.post(address, json={"reason": "On leave."})
            assert (answer.status_code, answer.json()["decline_reason"]) == (200, "On leave.")
    [event] = await world.published(ExpertAskDeclined)
    assert (event.version, event.reason) == (2, "On leave.")


async def test_an_expired_ask_cannot_be_answered(world: World, asked: dict[str, Any]) -> None:
    world.clock.advance(rules.ASK_LIFETIME)
    async with world.as_("ana") as ana:
        for answer in ("accept", "decline"):
            refused = await ana.post(f"/v1/asks/{asked['id']}/{answer}")
            assert (refused.status_code, refused.json()["code"]) == (409, "ask-expired")
        assert (await ana.get(f"/v1/asks/{asked['id']}")).json()["state"] == "expired"
        await world.pass_time()
        noted = (await ana.get(f"/v1/asks/{asked['id']}")).json()
        assert (noted["state"], noted["answered_at"]) == ("expired", None)
        assert (await ana.get("/v1/asks", params={"state": "sent"})).json()["items"] == []
        assert len((await ana.get("/v1/asks", params={"state": "expired"})).json()["items"]) == 1
    assert await world.published(ExpertAskAccepted) == []


@pytest.mark.parametrize("departure", [MemberLeft, MemberRemoved])
async def test_who_left_the_community_no_longer_sees_the_ask(
    world: World, asked: dict[str, Any], departure: type[Event]
) -> None:
    await world.feed(*(world.event(departure, member_id=ids(name)) for name in ("ana", "asker")))
    for subject in ("ana", "asker"):
        async with world.as_(subject) as someone:
            assert (await someone.get(f"/v1/asks/{asked['id']}")).status_code == 404
            assert (await someone.post(f"/v1/asks/{asked['id']}/accept")).status_code == 404
            assert (await someone.get("/v1/asks")).json()["items"] == []
            assert (await someone.get("/v1/problems/t/asks")).status_code == 404


async def test_pages_and_bad_cursors(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("ana", permits="expert"))
    for day in range(3):
        world.clock.at = NOW + timedelta(days=day)
        await world.feed(world.posted(f"t{day}"), world.posted(f"u{day}"))
    async with world.as_("ana") as ana:
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await ana.get("/v1/asks", params={"limit": 2, **cursor})).json()
            seen += [each["id"] for each in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        every = (await ana.get("/v1/asks")).json()["items"]
        assert seen == [each["id"] for each in every]
        assert len(set(seen)) == rules.ASKS_A_WEEK
        assert [each["asked_at"] for each in every] == sorted((e["asked_at"] for e in every), reverse=True)
        far = "WzkyMjMzNzIwMzY4NTQ3NzU4MDcsICJ4Il0"  # [2**63 - 1, "x"]
        for bad in ("x", far):
            assert (await ana.get("/v1/asks", params={"cursor": bad})).status_code == 400
        assert (await ana.get("/v1/asks", params={"state": "lost"})).status_code == 422


# -- through Kafka -------------------------------------------------------------------------------------


async def test_from_a_posted_problem_to_an_ask_through_kafka(stack: Stack) -> None:
    await create_topics(stack)
    clock = FixedClock(NOW)
    async with running(service, stack, clock=clock) as app, Tap.open(stack, ASKS.name) as tap:
        world = World(app, clock)
        community, thread = new_id(), new_id()
        uow = UnitOfWork()
        registered, skills, joined = world.joins("ana", permits="expert")
        here = {"community_id": community}
        for event in (
            world.event(CommunityCreated, kind="external", **here),
            registered,
            skills,
            joined.model_copy(update=here),
            world.event(ProblemPosted, thread_id=thread, tags=["permits"], **here),
        ):
            uow.record(event, NOW)
        producer = Producer(stack.kafka, client_id="test")
        await producer.start()
        try:
            for batch in (uow.recorded[:-1], uow.recorded[-1:]):
                sent = [
                    Outgoing(row["topic"], row["key"].encode(), row["data"], headers_of(row)) for row in batch
                ]
                assert all(await producer.send(sent))
                if len(batch) > 1:
                    await _handled(world, [row["_id"] for row in batch])
            asked = await tap.event(ExpertAsked, thread_id=thread)
        finally:
            await producer.stop()
    assert asked.event.expert_id == ids("ana")
    assert asked.correlation_id == uow.recorded[-1]["_id"]


async def _handled(world: World, event_ids: list[str]) -> None:
    async def all_there() -> bool:
        return await inbox.handled(world.database, event_ids) == set(event_ids)

    await eventually(all_there)


# -- anonymous -----------------------------------------------------------------------------------------


async def test_an_expert_is_not_told_who_asks_anonymously(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("asker"), *world.joins("expert", permits="expert"))
    posted = world.posted("t")
    await world.feed(posted.model_copy(update={"anonymous": True}))
    (event,) = await world.published(ExpertAsked)
    assert event.anonymous
    path = f"/v1/asks/{event.ask_id}"
    async with world.as_("expert") as expert, world.as_("asker") as asker:
        answers = [
            await expert.get(path),
            await expert.get("/v1/asks"),
            await expert.post(f"{path}/accept"),
        ]
        for answer in answers:
            assert answer.status_code == 200
            assert dev_member_id("asker") not in answer.text
            assert '"asker_name":null' in answer.text
        assert (await asker.get(path)).json()["asker_id"] == dev_member_id("asker")
        (about,) = (await asker.get("/v1/problems/t/asks")).json()["items"]
        assert about["asker_name"] == "asker"


# -- bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["Help", "許可証が遅い", "تصاريح", "", "\N{ZERO WIDTH SPACE}" * 50, "word " * 160_000],
    ids=["one word", "Japanese", "Arabic", "empty", "invisible", "nearly a megabyte"],
)
async def test_whatever_a_problem_says_somebody_is_asked_by_its_tags(world: World, text: str) -> None:
    await world.community()
    await world.feed(*world.joins("ana", permits="expert"))
    await world.feed(world.posted("t", title=text[:100] or "x", body=text))
    assert (await world.asked("t")).keys() == {ids("ana")}


async def test_a_problem_without_tags_is_routed_by_its_words(world: World) -> None:
    await world.community()
    await world.feed(*world.joins("ben"))
    await world.feed(world.about(SolutionProposed, "ben", "s", tags=[]))
    await world.feed(world.posted("t", tags=[], title="thread of s", body="thread of s"))
    assert (await world.asked("t")).keys() == {ids("ben")}
