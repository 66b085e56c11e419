"""Waves, caps, rests and ends of asking, on a real database: what happens as time passes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.matching.domain import rules
from services.matching.gauges import measure
from shared.contracts import Event
from shared.contracts.discussions import (
    ContentFlagged,
    ContentRedacted,
    ProblemLinked,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionProposed,
)
from shared.contracts.matching import ExpertAsked, ExpertAskExpired, RoutingExhausted
from shared.contracts.members import AvailabilityChanged, CommunityCreated, MemberLeft, RoleChanged
from shared.contracts.topics import ASKS
from shared.telemetry.metrics import LoadMetrics
from shared.testing.harness import client, recorded
from shared.testing.stack import Stack
from shared.web.auth import OPERATE_SCOPE, dev_member_id
from tests.component.matching import COMMUNITY, NOW, World, fresh, matching

DAY = timedelta(days=1)
ids = dev_member_id


@pytest.fixture(scope="module")
async def service_app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with matching(stack) as app:
        yield app


@pytest.fixture
async def world(service_app: FastAPI) -> World:
    return await fresh(service_app)


async def community_of(world: World, experts: int, kind: str = "internal") -> list[str]:
    """``asker``, a facilitator ``host``, and so many experts on permits; their names, in the order in
    which they are asked: one knows as much as the other."""
    await world.community(kind)
    names = sorted((f"e{n:02}" for n in range(experts)), key=ids)
    await world.feed(*world.joins("asker"), *world.joins("host"))
    await world.feed(world.event(RoleChanged, member_id=ids("host"), role="facilitator"))
    for name in names:
        await world.feed(*world.joins(name, permits="expert"))
    return names


async def waves(world: World, thread: str = "t") -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for event in await world.published(ExpertAsked):
        if event.thread_id == thread:
            found.setdefault(event.wave, set()).add(event.expert_id)
    return found


async def gapless(world: World, thread: str = "t") -> list[str]:
    """The types of what was published about a thread; the versions must have no gap."""
    rows = await recorded(world.database, key=thread, topic=ASKS.name)
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["type"].removeprefix("guildhall.").removesuffix(".v1") for row in rows]


def settled(world: World, event: type[Event], thread: str = "t", **fields: Any) -> Event:
    made: Event = world.event(event, thread_id=thread, **fields)
    return made


def solved(world: World, author: str, thread: str = "t") -> Event:
    fields = {"solution_author_id": ids(author), "problem_author_id": ids("asker"), "tags": ["permits"]}
    return settled(world, SolutionProposed, thread, solution_id=f"s of {author}", **fields)


async def test_three_waves_a_day_apart_then_the_facilitators(world: World) -> None:
    names = await community_of(world, 12)
    await world.feed(world.posted("t"))
    for wave in (1, 2, 3):
        assert set(await waves(world)) == set(range(1, wave + 1))
        await world.pass_time(DAY - timedelta(seconds=1))
        assert set(await waves(world)) == set(range(1, wave + 1))
        await world.pass_time(timedelta(seconds=1))
    found = await waves(world)
    assert [len(found[wave]) for wave in (1, 2, 3)] == [3, 3, 3]
    assert len(found[1] | found[2] | found[3]) == 9
    assert found[1] | found[2] | found[3] <= {ids(name) for name in names}
    assert found[4] == {ids("host")}
    [exhausted] = await world.published(RoutingExhausted)
    assert (exhausted.waves, exhausted.experts) == (3, 9)
    assert exhausted.facilitator_ids == [ids("host")]
    await world.pass_time(30 * DAY)
    kinds = await gapless(world)
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "expert-asked": 10, "expert-ask-expired": 10, "routing-exhausted": 1,
    }  # fmt: skip


async def test_a_late_clockwork_does_each_step_once(world: World) -> None:
    await community_of(world, 12)
    await world.feed(world.posted("t"))
    await world.pass_time(5 * DAY)
    assert sorted(await waves(world)) == [1, 2]
    await world.pass_time()
    assert sorted(await waves(world)) == [1, 2]
    assert len(await world.published(ExpertAskExpired)) == 3
    await world.pass_time(DAY)
    assert sorted(await waves(world)) == [1, 2, 3]


async def test_a_clock_that_goes_back_sends_nothing_twice(world: World) -> None:
    await community_of(world, 12)
    await world.feed(world.posted("t"))
    await world.pass_time(DAY)
    await world.pass_time(-3 * DAY)
    assert sorted(await waves(world)) == [1, 2]
    await world.pass_time(3 * DAY)
    assert sorted(await waves(world)) == [1, 2]
    await world.pass_time(DAY)
    assert sorted(await waves(world)) == [1, 2, 3]


async def test_two_clockworks_at_once_send_a_wave_once(world: World) -> None:
    await community_of(world, 12)
    await world.feed(world.posted("t"), world.posted("u"))
    world.clock.advance(DAY)
    await asyncio.gather(*(world.pass_time() for _ in range(4)))
    assert sorted(await waves(world, "t")) == sorted(await waves(world, "u")) == [1, 2]
    for thread in "tu":
        assert (await gapless(world, thread)).count("expert-asked") == 6


async def test_who_accepts_stops_the_waves_for_a_while_and_who_answers_for_good(world: World) -> None:
    best, *_ = await community_of(world, 12)
    await world.feed(world.posted("t"))
    first = await world.published(ExpertAsked)
    async with world.as_(best) as expert:
        assert (await expert.post(f"/v1/asks/{first[0].ask_id}/accept")).status_code == 200
    await world.pass_time(rules.PATIENCE - timedelta(seconds=1))
    assert sorted(await waves(world)) == [1]
    assert {each.ignored for each in await world.published(ExpertAskExpired)} == {False}
    await world.pass_time(timedelta(seconds=1))
    assert sorted(await waves(world)) == [1, 2]
    await world.feed(solved(world, best))
    async with world.as_(best) as expert:
        assert (await expert.get(f"/v1/asks/{first[0].ask_id}")).json()["state"] == "answered"
        assert len((await expert.get("/v1/asks", params={"state": "answered"})).json()["items"]) == 1
    await world.pass_time(9 * DAY)
    assert sorted(await waves(world)) == [1, 2]
    assert await world.published(RoutingExhausted) == []


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (ProblemResolved, {}),
        (ProblemWithdrawn, {}),
        (ProblemLinked, {"kind": "duplicate"}),
    ],
)
async def test_what_is_settled_ends_the_waves_and_its_asks(
    world: World, event: type[Event], fields: dict[str, Any]
) -> None:
    await community_of(world, 12)
    await world.feed(world.posted("t"))
    end = settled(world, event, **fields)
    await world.feed(end)
    await world.feed(end)
    expired = await world.published(ExpertAskExpired)
    assert [each.ignored for each in expired] == [False] * 3
    await world.pass_time(9 * DAY)
    assert await gapless(world) == ["expert-asked"] * 3 + ["expert-ask-expired"] * 3
    await world.feed(world.posted("u"), world.posted("v"))
    await world.pass_time(DAY)  # nobody was rested for it
    assert sum(map(len, (await waves(world, "u")).values())) == 6


async def test_a_related_problem_changes_nothing_and_an_unknown_one_is_passed_over(world: World) -> None:
    await community_of(world, 12)
    await world.feed(world.posted("t"))
    await world.feed(
        settled(world, ProblemLinked, kind="related"), settled(world, ProblemResolved, "unknown")
    )
    await world.feed(settled(world, ProblemReopened, "unknown"), solved(world, "e00", "unknown"))
    await world.pass_time(DAY)
    assert sorted(await waves(world)) == [1, 2]


async def test_reopened_asks_others(world: World) -> None:
    await community_of(world, 12)
    await world.feed(world.posted("t"))
    await world.feed(settled(world, ProblemResolved))
    await world.pass_time(2 * DAY)
    await world.feed(settled(world, ProblemReopened))
    await world.pass_time()
    found = await waves(world)
    assert sorted(found) == [1, 2]
    assert not found[1] & found[2]


async def test_answered_in_the_batch_that_posted_it_asks_nobody(world: World) -> None:
    await community_of(world, 3)
    await world.feed(world.posted("t"), solved(world, "e00"))
    await world.pass_time(9 * DAY)
    assert await gapless(world) == []


async def test_two_ignored_asks_rest_and_a_reaction_does_not(world: World) -> None:
    await community_of(world, 1)
    for n in range(2):
        await world.feed(world.posted(f"t{n}"))
        await world.pass_time(DAY)
    assert {
        each.ignored for each in await world.published(ExpertAskExpired) if each.asked_as == "expert"
    } == {True}
    await world.feed(world.posted("resting"))
    assert (await waves(world, "resting")) == {1: {ids("host")}}
    world.clock.advance(rules.REST)
    await world.feed(world.posted("later"))
    assert (await waves(world, "later"))[1] == {ids("e00")}


async def test_what_is_declined_changes_whom_the_next_problem_goes_to(world: World) -> None:
    await community_of(world, 2)
    await world.feed(world.posted("t"))
    for name, because in {"e00": "not-my-field", "e01": "no-time"}.items():
        async with world.as_(name) as expert:
            [ask] = (await expert.get("/v1/asks")).json()["items"]
            said = await expert.post(f"/v1/asks/{ask['id']}/decline", json={"because": because})
            assert said.json()["declined_because"] == because
    await world.feed(world.posted("u"))
    assert set().union(*(await waves(world, "u")).values()) == {ids("host")}
    world.clock.advance(rules.SPARED)
    await world.feed(world.posted("v"))
    assert (await waves(world, "v"))[1] == {ids("e01")}


async def test_who_declined_lately_comes_after_those_who_know_as_much(world: World) -> None:
    first, *others = await community_of(world, 4)
    await world.feed(world.posted("t"))
    async with world.as_(first) as expert:
        [ask] = (await expert.get("/v1/asks")).json()["items"]
        await expert.post(f"/v1/asks/{ask['id']}/decline")
    await world.feed(world.posted("u"))
    assert (await waves(world, "u"))[1] == {ids(name) for name in others}


@pytest.mark.parametrize(
    "fields", [{"away_until": NOW + DAY}, {"hours_a_week": 0}], ids=["away", "without time"]
)
async def test_who_has_no_time_is_not_asked(world: World, fields: dict[str, Any]) -> None:
    await community_of(world, 1)
    values = {"hours_a_week": None, "away_until": None} | fields
    await world.feed(world.event(AvailabilityChanged, member_id=ids("e00"), **values))
    await world.feed(world.posted("t"))
    assert ids("e00") not in set().union(*(await waves(world)).values(), set())
    await world.pass_time(3 * DAY)
    assert [each.facilitator_ids for each in await world.published(RoutingExhausted)] == [[ids("host")]]


async def test_stewards_are_called_where_no_facilitator_can_be(world: World) -> None:
    await community_of(world, 0)
    await world.feed(*world.joins("sam"), world.event(RoleChanged, member_id=ids("sam"), role="steward"))
    await world.feed(world.posted("t"))
    away = {"hours_a_week": None, "away_until": NOW + DAY}
    await world.feed(world.event(AvailabilityChanged, member_id=ids("host"), **away))
    await world.feed(world.posted("u"), world.posted("v", "sam"))
    called = {each.thread_id: each.facilitator_ids for each in await world.published(RoutingExhausted)}
    assert called == {"t": [ids("host")], "u": [ids("sam")], "v": []}


async def test_nobody_to_ask_is_said_at_once_and_nobody_free_is_waited_for(world: World) -> None:
    await community_of(world, 1)
    await world.feed(world.posted("lonely", tags=["unheard-of"]))
    assert await gapless(world, "lonely") == ["expert-asked", "routing-exhausted"]
    await world.feed(*(world.posted(f"t{n}") for n in range(3)))
    assert (await waves(world, "t2")) == {}  # both asks of the day are spent
    async with world.as_("e00") as expert:
        for ask in (await expert.get("/v1/asks")).json()["items"]:
            await expert.post(f"/v1/asks/{ask['id']}/decline")
    await world.pass_time(DAY)
    assert (await waves(world, "t2")) == {2: {ids("e00")}}


async def test_a_community_of_one_a_problem_without_tags_and_an_asker_from_nowhere(world: World) -> None:
    await world.community("external")
    await world.feed(*world.joins("asker", org=None, permits="expert"))
    for thread, tags in {"alone": ["permits"], "bare": []}.items():
        await world.feed(world.posted(thread, tags=tags))
        assert await gapless(world, thread) == ["routing-exhausted"]


async def test_an_edit_changes_the_next_wave_and_its_author_is_not_asked(world: World) -> None:
    names = await community_of(world, 4)
    await world.feed(*world.joins("other", paper="expert"))
    await world.feed(world.posted("t"))
    edit = {
        "author_id": ids("asker"),
        "editor_id": ids(names[3]),
        "title": "Paper",
        "tags": ["paper", "permits"],
    }
    await world.feed(settled(world, ProblemUpdated, **edit))
    await world.pass_time(DAY)
    assert (await waves(world))[2] == {ids("other")}
    assert {each.problem_title for each in await world.published(ExpertAsked) if each.wave == 2} == {"Paper"}


async def test_about_what_moderators_hide_nobody_is_asked_until_they_show_it_again(world: World) -> None:
    await community_of(world, 9)
    await world.feed(world.posted("t"))

    async def moderated(*, hidden: bool, kind: str = "problem") -> None:
        event = settled(world, ContentFlagged, item_kind=kind, item_id="i", hidden=hidden)
        await world.feed(event)

    await moderated(hidden=True, kind="comment")
    await world.pass_time(DAY)
    assert set(await waves(world)) == {1, 2}
    for _ in range(2):
        await moderated(hidden=True)
    assert [each.ignored for each in await world.published(ExpertAskExpired)] == [True] * 3 + [False] * 3
    await world.pass_time(5 * DAY)
    assert set(await waves(world)) == {1, 2}
    for _ in range(2):
        await moderated(hidden=False)
        await world.pass_time()
    assert set(await waves(world)) == {1, 2, 3}
    assert len(set().union(*(await waves(world)).values())) == 9
    await gapless(world)


async def test_an_ask_names_the_problem_as_it_is_called_now_and_by_no_redacted_words(world: World) -> None:
    first, *_ = await community_of(world, 3)
    await world.feed(world.posted("t", title="Call Ann"))

    async def title() -> str:
        async with world.as_(first) as expert:
            [ask] = (await expert.get("/v1/asks")).json()["items"]
            return str(ask["problem_title"])

    assert await title() == "Call Ann"
    redacted = settled(world, ContentRedacted, item_kind="problem", item_id="t")
    await world.feed(settled(world, ContentRedacted, item_kind="comment", item_id="c"))
    assert await title() == "Call Ann"
    await world.feed(redacted)
    assert await title() == "[redacted]"
    assert "Ann" not in str([await world.database[name].find({}).to_list() for name in ("asking", "asks")])
    await world.feed(settled(world, ProblemUpdated, title="Call her", tags=["permits"]))
    assert await title() == "Call her"


# -- why -----------------------------------------------------------------------------------------------


async def test_the_community_sees_who_was_asked_and_strangers_do_not(world: World) -> None:
    one, two, three, four = await community_of(world, 4)
    await world.feed(*world.joins("steward"))
    await world.feed(world.event(RoleChanged, member_id=ids("steward"), role="steward"))
    await world.feed(world.posted("t"))
    async with world.as_(one) as expert:
        [ask] = (await expert.get("/v1/asks")).json()["items"]
        words = {"because": "other", "reason": "My father is ill."}
        await expert.post(f"/v1/asks/{ask['id']}/decline", json=words)
    for name, told in {four: None, "asker": words["reason"], "steward": words["reason"]}.items():
        async with world.as_(name) as someone:
            found = (await someone.get("/v1/problems/t/experts")).json()
            assert (found["state"], found["waves"]) == ("asking", 1)
            by_name = {each["expert_name"]: each for each in found["experts"]}
            assert by_name.keys() == {one, two, three}
            assert by_name[one]["decline_reason"] == told
            assert by_name[one]["state"] == "declined"
            assert by_name[two]["reasons"] == ["states the skill permits (expert)"]
    async with world.as_("stranger") as stranger:
        assert (await stranger.get("/v1/problems/t/experts")).status_code == 404
        assert (await stranger.get(f"/v1/problems/t/experts/{ids('e00')}")).status_code == 404
    await world.feed(settled(world, ProblemWithdrawn))
    for name, status in {four: 404, "asker": 200, "steward": 200}.items():
        async with world.as_(name) as someone:
            assert (await someone.get("/v1/problems/t/experts")).status_code == status


async def test_stewards_are_told_why_somebody_was_not_asked(world: World) -> None:
    one, *_, four, five = await community_of(world, 5)
    await world.feed(*world.joins("steward"), *world.joins("gone", permits="expert"))
    await world.feed(world.event(RoleChanged, member_id=ids("steward"), role="steward"))
    await world.feed(world.event(MemberLeft, member_id=ids("gone")))
    away = {"away_until": NOW + 9 * DAY, "hours_a_week": None}
    await world.feed(world.event(AvailabilityChanged, member_id=ids(five), **away))
    await world.feed(world.posted("t"))
    verdicts = {
        one: "asked", four: "others-first", five: "away", "asker": "asks", "host": "nothing-known",
        "stranger": "not-a-member", "gone": "not-a-member",
    }  # fmt: skip
    async with world.as_("steward") as steward:
        for name, verdict in verdicts.items():
            found = (await steward.get(f"/v1/problems/t/experts/{ids(name)}")).json()
            assert (name, found["verdict"]) == (name, verdict)
            assert found["words"]
        assert (await steward.get("/v1/problems/unknown/experts/x")).status_code == 404
        await world.feed(world.posted("old", author="asker"), at=NOW - 9 * DAY)
        assert (await steward.get("/v1/problems/old/experts/x")).json()["verdict"] == "nobody-asked"
    async with world.as_(one) as expert:
        refused = await expert.get(f"/v1/problems/t/experts/{ids('e01')}")
        assert (refused.status_code, refused.json()["code"]) == (403, "not-a-steward")


# -- load ----------------------------------------------------------------------------------------------


async def test_the_load_of_a_community(world: World) -> None:
    best, *_ = await community_of(world, 10)
    await world.feed(world.posted("t"))
    [ask] = [each for each in await world.published(ExpertAsked) if each.expert_id == ids(best)]
    async with world.as_(best) as expert:
        await expert.post(f"/v1/asks/{ask.ask_id}/accept")
    world.clock.advance(timedelta(hours=2))
    await world.feed(solved(world, best))
    await world.pass_time(DAY)
    async with world.as_("host") as host:
        load = (await host.get(f"/v1/communities/{COMMUNITY}/load")).json()
        assert load["asks"] == {
            "asks": 3, "experts": 3, "accepted": 1 / 3, "answered": 1 / 3, "declined": 0, "expired": 2 / 3,
        }  # fmt: skip
        assert load["members"] == 12
        assert load["deciles"] == pytest.approx([0.4, 0.4, 0.2, 0, 0, 0, 0, 0, 0, 0])
        assert (load["problems"], load["answered"], load["first_answer_seconds"]) == (1, 1, 7200)
        [city] = load["organisations"]
        assert city["org_id"] == "city"
        assert city["waits"] == {"problems": 1, "answered": 1, "first_answer_seconds": 7200}
        world.clock.advance(30 * DAY)
        assert (await host.get(f"/v1/communities/{COMMUNITY}/load")).json()["asks"]["asks"] == 0
        assert (await host.get("/v1/load")).status_code == 403
    for name, status in {best: 403, "stranger": 404}.items():
        async with world.as_(name) as someone:
            assert (await someone.get(f"/v1/communities/{COMMUNITY}/load")).status_code == status


async def test_a_problem_without_its_authors_name_counts_for_no_organisation(world: World) -> None:
    await community_of(world, 0)
    unnamed = world.posted("u").model_copy(update={"anonymous": True})
    await world.feed(world.posted("t"), unnamed)
    async with world.as_("host") as host:
        load = (await host.get(f"/v1/communities/{COMMUNITY}/load")).json()
    assert load["problems"] == 2
    assert [each["waits"]["problems"] for each in load["organisations"]] == [1]


async def test_operators_page_through_all_communities(world: World) -> None:
    for name in "abc":
        await world.feed(world.event(CommunityCreated, community_id=name))
    async with client(world.app, "operator", scopes=[OPERATE_SCOPE]) as operator:
        first = (await operator.get("/v1/load", params={"limit": 2})).json()
        rest = (await operator.get("/v1/load", params={"limit": 2, "cursor": first["next"]})).json()
        assert [each["community_id"] for each in first["items"] + rest["items"]] == ["a", "b", "c"]
        assert rest["next"] is None
        assert (await operator.get("/v1/load", params={"cursor": "x"})).status_code == 400
        assert (await operator.get("/v1/communities/a/load")).status_code == 200
        unknown = await operator.get("/v1/communities/d/load")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-community")


async def test_the_page_loads_nothing_from_elsewhere(world: World) -> None:
    async with client(world.app) as anybody:
        page = await anybody.get("/load.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=|https?://|@import", page.text)


async def test_the_figures_of_load_are_metrics_and_fall_when_they_are_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[tuple[str, tuple[str, ...]], float] = {}

    class Instrument:
        def __init__(self, name: str) -> None:
            self.name = name

        def set(self, amount: float, attributes: dict[str, str]) -> None:
            seen[self.name, tuple(attributes.values())] = amount

    metrics = LoadMetrics()
    for name, gauge in vars(metrics).items():
        monkeypatch.setattr(gauge, "_instrument", Instrument(name))
    await community_of(world, 4)
    await world.feed(world.posted("t"))
    await measure(world.database, metrics)
    assert seen["asks", (COMMUNITY, "city")] == 3
    assert seen["decile", (COMMUNITY, "1")] > 0
    world.clock.advance(40 * DAY)
    await measure(world.database, metrics)
    assert seen["asks", (COMMUNITY, "city")] == 0
