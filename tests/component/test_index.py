"""The index in memory: kept up by what was committed, by whichever instance, and the same when built anew."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.matching.app import service
from services.matching.domain import rules
from services.matching.domain.routing.found import HISTORY
from services.matching.domain.routing.router import Query
from services.matching.domain.routing.text import digest, labels
from services.matching.follower import running_index
from services.matching.index import live
from services.matching.reactions import reactions
from services.matching.store import evidence
from shared.clockwork import work_off
from shared.contracts import Event
from shared.contracts.discussions import (
    CommentAdded,
    EndorsementWithdrawn,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.members import CommunityCreated, MemberErased, MemberLeft, SkillsUpdated
from shared.contracts.topics import ASKS
from shared.service import build_app
from shared.storage.personal import sweep
from shared.testing.harness import eventually, organisations, recorded
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.matching import COMMUNITY, NOW, World, fresh, matching

ids = dev_member_id


@pytest.fixture
async def apps(stack: Stack) -> AsyncIterator[tuple[FastAPI, FastAPI]]:
    """Two instances of the service on one database, both following it."""
    async with matching(stack) as one:
        other = build_app(service, one.state.settings, clock=one.state.clock)
        async with running_index(one), running_index(other):
            yield one, other
        await other.state.database.close()


def ranked(app: FastAPI, tags: list[str], text: str = "permits wait") -> list[tuple[str, float]]:
    router = live.of(app.state.database).router
    query = Query(COMMUNITY, digest((text,)), tags, evidence.seconds(NOW))
    return [(each.member_id, round(each.score, 6)) for each in router.rank(query).ranked]


def known_of_all(app: FastAPI) -> dict[str, dict[str, float]]:
    """What is known of each who can be found, whatever the problem."""
    index = live.of(app.state.database).router.index
    tags = ["permits", "paper", "queues"]
    found = index.find(
        COMMUNITY, digest(("fax",)), labels("tag", tags), labels("skill", tags), now=evidence.seconds(NOW)
    )
    assert found is not None
    rows = (dict(zip(HISTORY, row, strict=True)) for row in found.history.tolist())
    return dict(zip(map(index.member, found.places.tolist()), rows, strict=True))


async def test_each_instance_knows_what_the_other_took_in(apps: tuple[FastAPI, FastAPI]) -> None:
    one, other = apps
    world, twin = await fresh(one), World(other, other.state.clock)
    await _take_in(world, *_community(world))
    await _take_in(twin, *world.joins("ana", permits="expert"))

    async def both_know() -> bool:
        return all([name for name, _ in ranked(app, ["permits"])] == [ids("ana")] for app in apps)

    await eventually(both_know)
    await _take_in(world, world.posted("t"))
    await _take_in(twin, world.posted("u"))

    async def asked() -> bool:
        rows = await recorded(world.database, topic=ASKS.name)
        return {row["key"] for row in rows} == {"t", "u"}

    await eventually(asked)
    assert (await world.asked("t")).keys() == (await world.asked("u")).keys() == {ids("ana")}


async def test_the_evidence_of_the_same_transaction_counts_for_its_problem(
    apps: tuple[FastAPI, FastAPI],
) -> None:
    world = await fresh(apps[0])
    await _take_in(world, world.posted("t"), *world.joins("ana", permits="expert"), *_community(world))

    async def asked() -> bool:
        return bool(await world.asked("t"))

    await eventually(asked)
    assert (await world.asked("t")).keys() == {ids("ana")}


async def test_what_an_instance_that_died_took_in_is_asked_by_the_clockwork(
    apps: tuple[FastAPI, FastAPI],
) -> None:
    one, _ = apps
    world = await fresh(one)
    dead = build_app(service, one.state.settings, clock=one.state.clock)
    await _take_in(world, *_community(world), *world.joins("ana", permits="expert"))
    await _take_in(World(dead, one.state.clock), world.posted("t"))
    await dead.state.database.close()

    async def known() -> bool:
        return bool(ranked(one, ["permits"]))

    await eventually(known)
    await work_off(world.database, service.duties)
    assert (await world.asked("t")).keys() == {ids("ana")}


@pytest.mark.parametrize("edits", [False, True])
async def test_built_anew_it_ranks_as_it_did(apps: tuple[FastAPI, FastAPI], edits: bool) -> None:
    """Exactly so; where texts were changed or taken back, their words still count a little as frequent."""
    one, _ = apps
    world = await fresh(one)
    chance = random.Random(7)
    names = [f"m{n}" for n in range(8)]
    tags = ["permits", "paper", "queues"]
    await _take_in(world, *_community(world))
    solutions: list[tuple[str, str, str]] = []
    threads: list[str] = []
    for step in range(60):
        name = chance.choice(names)
        event: Event | None = None
        world.clock.advance(timedelta(minutes=1))
        match chance.randrange(10):
            case 0:
                await _take_in(world, *world.joins(name, **{chance.choice(tags): "expert"}))
            case 1 | 2:
                threads.append(f"t{step}")
                text = " ".join(chance.choices(["fax", "form", "desk", "sign", "wait"], k=6))
                event = world.posted(threads[-1], name, chance.sample(tags, 2), title=text, body=text)
            case 3 | 4 | 5 if threads:
                solutions.append((f"s{step}", chance.choice(threads), name))
                event = _about(world, SolutionProposed, solutions[-1])
            case 6 if solutions:
                kind = chance.choice([SolutionEndorsed, SolutionAccepted, EndorsementWithdrawn])
                event = _about(world, kind, chance.choice(solutions))
            case 7 if threads and edits:
                kind = chance.choice([ProblemUpdated, ProblemWithdrawn])
                thread = chance.choice(threads)
                event = world.event(kind, thread_id=thread, tags=chance.sample(tags, 1), body="fax desk")
            case 8:
                kind = chance.choice([SkillsUpdated, MemberLeft])
                event = world.event(kind, member_id=ids(name), skills=[])
            case 9:
                event = world.event(CommentAdded, author_id=ids(name))
        if event is not None:
            await _take_in(world, event)
    await _take_in(world, *world.joins("last", unheard="expert"))

    async def all_known() -> bool:
        return all(ids("last") in dict(ranked(app, ["unheard"], "")) for app in apps)

    await eventually(all_known)
    kept = [[dict(ranked(app, [tag], "fax sign")) for tag in tags] for app in apps]
    figures = known_of_all(one)
    await live.of(one.state.database).rebuild()
    anew = [dict(ranked(one, [tag], "fax sign")) for tag in tags]
    assert any(anew)
    assert len({figure["heard_gap"] for figure in figures.values()}) > 2
    assert edits or known_of_all(one) == figures
    for found in kept:
        for was, becomes in zip(found, anew, strict=True):
            assert was == pytest.approx(becomes, abs=0.1 if edits else 1e-4)


async def test_what_became_of_asks_is_known_to_each_instance_and_to_one_built_anew(
    apps: tuple[FastAPI, FastAPI],
) -> None:
    one, other = apps
    world = await fresh(one)
    names = ["declines", "ignores", "accepts", "settles"]
    await _take_in(world, *_community(world))
    for name in names:
        await _take_in(world, *world.joins(name, **{name: "expert"}))
    await _take_in(world, *(world.posted(f"for {name}", tags=[name]) for name in names))

    async def asked() -> bool:
        return all([await world.asked(f"for {name}") for name in names])

    await eventually(asked)
    for name in ("declines", "accepts"):
        async with world.as_(name) as member:
            [ask] = (await member.get("/v1/asks")).json()["items"]
            assert (await member.post(f"/v1/asks/{ask['id']}/{name[:-1]}")).status_code == 200
    await _take_in(world, world.event(ProblemWithdrawn, thread_id="for settles"))
    world.clock.advance(rules.ASK_LIFETIME)
    await work_off(world.database, service.duties)

    def declined(app: FastAPI) -> dict[str, float]:
        router = live.of(app.state.database).router
        query = Query(COMMUNITY, digest(("",)), names, evidence.seconds(world.clock()))
        return {each.member_id: round(each.terms["declined"], 6) for each in router.rank(query).ranked}

    async def known() -> bool:
        found = declined(one)
        untouched = found[ids("accepts")] == found[ids("settles")] == 0
        return untouched and found[ids("ignores")] < found[ids("declines")] < 0

    await eventually(known)
    await eventually(lambda: _same(declined, one, other))
    kept = declined(one)
    await live.of(one.state.database).rebuild()
    assert declined(one) == kept


async def _same(declined: Callable[[FastAPI], dict[str, float]], one: FastAPI, other: FastAPI) -> bool:
    return declined(one) == declined(other)


async def test_who_is_erased_is_found_no_more(apps: tuple[FastAPI, FastAPI]) -> None:
    one, other = apps
    world = await fresh(one)
    await _take_in(world, *_community(world), *world.joins("ana", permits="expert"))

    async def known() -> bool:
        return bool(ranked(one, ["permits"])) and bool(ranked(other, ["permits"]))

    await eventually(known)
    await _take_in(world, world.event(MemberErased, member_id=ids("ana")))
    await sweep(one.state.database, service.all_personal)

    async def gone() -> bool:
        return not await known()

    await eventually(gone)


def _community(world: World) -> list[Event]:
    return [world.event(CommunityCreated, kind="internal")]


def _about(world: World, kind: type[Event], solution: tuple[str, str, str]) -> Event:
    name, thread, author = solution
    made: Event = world.event(kind, solution_id=name, thread_id=thread, solution_author_id=ids(author))
    return made


async def _take_in(world: World, *events: Event) -> None:
    """As the runtime does, and no more: the rest is for the service to do."""
    batch: list[Any] = [world.received(event) for event in events]
    await world.database.transact(lambda uow: reactions.apply(batch, uow))
    world.orgs |= organisations(events)
