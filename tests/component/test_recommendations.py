"""Recommending on a real database: what is offered to whom, what they may see, programmes, events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from fastapi import FastAPI

from services.matching.app import service
from services.matching.duties import DUTIES
from services.matching.reactions import reactions
from shared.clock import FixedClock
from shared.clockwork import work_off
from shared.contracts import EVENTS, Event
from shared.contracts.discussions import CommentAdded, ProblemPosted, SolutionProposed
from shared.contracts.members import (
    AvailabilityChanged,
    CommunityCreated,
    CommunityStageChanged,
    ConnectionDeclined,
    ConnectionMade,
    ConnectionRequested,
    MemberErased,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MemberRemoved,
    ProfileUpdated,
)
from shared.contracts.mentorships import (
    MentorOffered,
    MentorshipAccepted,
    MentorshipRequested,
    MentorWithdrawn,
)
from shared.contracts.topics import RECOMMENDATIONS
from shared.ids import new_id
from shared.messaging.envelope import Received
from shared.storage.personal import ERASURES, mentions, sweep
from shared.testing.harness import client, create_topics, organisations, recorded, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import OPERATE_SCOPE
from shared.web.auth import dev_member_id as who

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class World:
    """One matching service with a clock of its own, fed with events as its runtime would feed it."""

    def __init__(self, app: FastAPI, clock: FixedClock) -> None:
        self.app, self.clock, self.database = app, clock, app.state.database
        self._versions = count(1)
        self.orgs: dict[str, str | None] = {}

    async def feed(self, event: type[Event], **fields: Any) -> None:
        values = event.example().model_dump() | {"version": next(self._versions)} | fields
        made = event.model_validate({name: values[name] for name in event.model_fields})
        received: list[Received[Any]] = [Received(new_id(), made, self.clock(), None, None)]
        await self.database.transact(lambda uow: reactions.apply(received, uow))
        self.orgs |= organisations([made])

    async def person(self, name: str, *communities: str, **fields: Any) -> None:
        values = {"org_id": "city", "interests": [], "seeks": [], "offers": [], "languages": ["en"]} | fields
        await self.feed(MemberRegistered, member_id=who(name), name=name.title(), **values)
        for each in communities:
            await self.joins(name, each)

    async def joins(self, name: str, community: str, role: str = "member") -> None:
        at = self.clock()
        await self.feed(
            MemberJoined, member_id=who(name), community_id=community, role=role, org_id="city", joined_at=at
        )

    async def community(self, name: str, *tags: str, **fields: Any) -> None:
        values = {"kind": "external", "org_id": None, "tags": list(tags), "join_policy": "open"} | fields
        await self.feed(CommunityCreated, community_id=name, name=name.title(), languages=[], **values)

    async def mentor(self, name: str, *skills: str, **fields: Any) -> None:
        values = {"skills": list(skills), "languages": ["en"], "scope": "everybody", "community_ids": []}
        values |= {"paused": False, "capacity": 1, "org_id": "city"} | fields
        await self.feed(MentorOffered, member_id=who(name), **values)

    async def passes(self, **time: float) -> None:
        self.clock.at += timedelta(**time)
        await work_off(self.database, DUTIES)

    async def ask(self, name: str, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        async with client(self.app, name, org=self.orgs.get(who(name))) as http:
            answer = await http.request(method, f"/v1{path}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def offered(self, name: str, kind: str = "community", **query: str) -> dict[str, dict[str, Any]]:
        path = f"/recommendations?kind={kind}" + "".join(f"&{key}={value}" for key, value in query.items())
        return {each["subject_id"]: each for each in (await self.ask(name, "GET", path))["items"]}

    async def published(self, name: str) -> list[Any]:
        rows = await recorded(self.database, topic=RECOMMENDATIONS.name, key=who(name))
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
        return [EVENTS[row["type"]].read(row["data"]) for row in rows]


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    await create_topics(stack)
    settings = settings_for(stack, relay_in_process=False, clockwork_seconds=3600.0)
    async with running(service, stack, settings, FixedClock(NOW)) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    clock: FixedClock = app.state.clock
    clock.at = NOW
    made = World(app, clock)
    for collection in service.all_indexes:
        await made.database[collection].delete_many({})
    return made


# -- communities ---------------------------------------------------------------------------------------


async def test_a_few_interests_are_enough_and_what_one_may_not_see_never_appears(world: World) -> None:
    await world.community("permits", "permits")
    await world.community("ours", "permits", kind="internal", org_id="city")
    await world.community("theirs", "permits", kind="internal", org_id="town")
    await world.community("closed", "permits", join_policy="by-invitation")
    await world.community("hiring", "hiring")
    await world.person("ann", interests=["permits"])
    await world.person("nomad", interests=["permits"], org_id=None)
    await world.person("blank")
    await world.passes(minutes=1)
    found = await world.offered("ann")
    assert found.keys() == {"permits", "ours"}
    assert found["permits"]["reasons"] == ["it is about permits"]
    assert (await world.offered("nomad")).keys() == {"permits"}
    assert await world.offered("blank") == {}
    events = await world.published("ann")
    assert {event.event_name for event in events} == {"community-recommended"}
    orgs = {event.community_id: event.org_id for event in events}
    assert orgs == {"permits": None, "ours": "city"}, "who is told of it is looked at again when it is sent"
    # What was visible when it was recommended may not be any more.
    await world.feed(ProfileUpdated, member_id=who("ann"), name="Ann", org_id="town")
    await world.feed(CommunityStageChanged, community_id="permits", stage="archived")
    assert await world.offered("ann") == {}
    await world.ask("ann", "GET", f"/recommendations/{found['ours']['id']}", expect=404)
    await world.ask("nomad", "POST", f"/recommendations/{found['ours']['id']}/accept", expect=404)


async def test_what_members_like_them_do_is_learned_in_the_background(world: World) -> None:
    for name in ("clerks", "signatures", "hiring"):
        await world.community(name)
    for number in range(8):
        await world.person(f"m{number}", "clerks", "signatures")
    await world.person("ann", "clerks")
    await world.passes(days=8)
    found = await world.offered("ann")
    assert "signatures" in found
    told = ["many take part in it", "members of Clerks take part in it"]
    assert found["signatures"]["reasons"] == told, "of so few members little is learned"


async def test_a_forecast_says_how_much_is_written(world: World) -> None:
    await world.community("permits", "permits")
    for week in range(30):
        world.clock.at = NOW + timedelta(weeks=week)
        for post in range(6):
            await world.feed(
                CommentAdded, community_id="permits", thread_id=f"t{post}", author_id=who(f"m{post}")
            )
    await world.person("ann", interests=["permits"])
    await world.passes(minutes=1)
    assert 5 <= (await world.offered("ann"))["permits"]["items_a_week"] <= 7


async def test_at_the_budget_only_a_swap_is_offered(world: World) -> None:
    for name in ("permits", "one", "two"):
        await world.community(name, name)
    await world.person("ann", "one", interests=["permits"])
    await world.joins("ann", "two", role="steward")
    await world.feed(AvailabilityChanged, member_id=who("ann"), community_budget=2, away_until=None)
    await world.passes(minutes=1)
    (found,) = (await world.offered("ann")).values()
    assert found["swap"]["community_id"] == "one", "not the one that they look after"
    (event,) = await world.published("ann")
    assert (event.leave_community_id, event.leave_community_name) == ("one", "One")
    await world.feed(MemberLeft, member_id=who("ann"), community_id="one")
    assert await world.offered("ann") == {}, "there is nothing to leave any more"


async def test_caps_expiry_dismissal_and_joining(world: World) -> None:
    for number in range(7):
        await world.community(f"c{number}", "permits")
    await world.person("ann", interests=["permits"])
    await world.passes(minutes=1)
    first = await world.offered("ann")
    assert len(first) == 3
    await world.passes(days=7)
    assert await world.offered("ann") == first, "three in two weeks, and no more"
    joined, dismissed, _ = sorted(first)
    await world.joins("ann", joined)
    path = f"/recommendations/{first[dismissed]['id']}/dismiss"
    answer = await world.ask("ann", "POST", path, {"reason": "known-already"})
    assert (answer["state"], answer["dismissed_because"]) == ("dismissed", "known-already")
    assert (await world.ask("ann", "POST", path, {"reason": "known-already"}))["state"] == "dismissed"
    await world.ask("ann", "POST", f"/recommendations/{first[dismissed]['id']}/accept", expect=409)
    await world.ask("ann", "POST", path, {"reason": "because"}, expect=422)
    await world.passes(days=8)
    second = await world.offered("ann")
    assert joined not in second
    assert dismissed not in second
    await world.passes(days=31)
    names = [event.event_name for event in await world.published("ann")]
    assert names.count("community-recommended") >= 5
    assert names.count("recommendation-accepted") == names.count("recommendation-dismissed") == 1
    assert "recommendation-expired" in names
    assert dismissed not in await world.offered("ann")
    await world.passes(days=180)
    await world.passes(days=8)
    offers = [e for e in await world.published("ann") if e.event_name == "community-recommended"]
    assert [e.community_id for e in offers].count(dismissed) > 1, "after half a year it may come again"


async def test_what_came_of_it_is_told_by_community_and_by_organisation(world: World) -> None:
    for number in range(3):
        await world.community(f"c{number}", "permits")
    await world.person("ann", interests=["permits"])
    await world.passes(minutes=1)
    offered = await world.offered("ann")
    await world.joins("ann", "c0")
    await world.ask("ann", "POST", f"/recommendations/{offered['c1']['id']}/dismiss", {"reason": "not-now"})

    async def told() -> dict[str, Any]:
        async with client(world.app, "operator", scopes=[OPERATE_SCOPE]) as operator:
            answer = await operator.get("/v1/load", params={"days": 60})
        loads = {each["community_id"]: each for each in answer.json()["items"]}
        for load in loads.values():
            [org] = load["organisations"]
            assert (org["org_id"], org["suggestions"]) == ("city", load["suggestions"]["community"])
        return {name: load["suggestions"]["community"] for name, load in loads.items()}

    nothing: dict[str, Any] = {"offered": 1, "accepted": 0.0, "dismissed": 0.0, "expired": 0.0}
    settled = {"c0": nothing | {"accepted": 1.0}, "c1": nothing | {"dismissed": 1.0}}
    on_offer = {"offered": 1, "accepted": None, "dismissed": None, "expired": None}
    assert await told() == settled | {"c2": on_offer}
    world.clock.at += timedelta(days=30)
    assert await told() == settled | {"c2": nothing | {"expired": 1.0}}
    assert await world.offered("ann") == {}


@pytest.mark.parametrize("gone", [MemberLeft, MemberRemoved])
async def test_what_one_left_or_was_sent_away_from_is_not_recommended(
    world: World, gone: type[Event]
) -> None:
    await world.community("permits", "permits")
    await world.person("ann", "permits", interests=["permits"])
    await world.feed(gone, member_id=who("ann"), community_id="permits")
    await world.passes(days=30)
    assert await world.offered("ann") == {}


async def test_who_is_away_is_left_alone(world: World) -> None:
    await world.community("permits", "permits")
    await world.person("ann", interests=["permits"])
    back = NOW + timedelta(days=3)
    await world.feed(AvailabilityChanged, member_id=who("ann"), away_until=back, community_budget=4)
    await world.passes(minutes=1)
    assert await world.offered("ann") == {}
    await world.passes(days=7)
    assert (await world.offered("ann")).keys() == {"permits"}


# -- people --------------------------------------------------------------------------------------------


async def test_people_met_complementing_and_known_to_the_same(world: World) -> None:
    await world.community("c")
    await world.community("elsewhere")
    await world.person("ann", "c", seeks=["reviewing-forms"])
    for name in ("met", "friend", "refused", "shy"):
        await world.person(name, "c")
    await world.person("helper", "c", offers=["reviewing-forms"])
    await world.person("stranger", "elsewhere", offers=["reviewing-forms"])
    await world.person("second", "c")
    await world.feed(
        ProblemPosted, thread_id="t", community_id="c", author_id=who("shy"), anonymous=True, tags=[]
    )
    for name in ("ann", "met", "refused", "shy"):
        await world.feed(CommentAdded, thread_id="t", community_id="c", author_id=who(name))
    for a, b, event in (("ann", "friend", ConnectionMade), ("friend", "second", ConnectionMade),
                        ("ann", "refused", ConnectionDeclined)):  # fmt: skip
        pair = {"requester_id": who(a), "addressee_id": who(b)}
        await world.feed(event, connection_id=f"{a}-{b}", **pair)
    await world.passes(days=8)
    found = await world.offered("ann", "connection")
    assert {each["name"]: each["reasons"] for each in found.values()} == {
        "Helper": ["offers reviewing-forms, which you seek"],
        "Met": ["met you in 1 thread"],
        "Second": ["1 mutual connection"],
    }
    await world.feed(MemberLeft, member_id=who("met"), community_id="c")
    assert who("met") not in await world.offered("ann", "connection"), "whom one may not see any more"
    pair = {"requester_id": who("ann"), "addressee_id": who("helper"), "connection_id": "new"}
    await world.feed(ConnectionRequested, **pair)
    await world.feed(ConnectionDeclined, **pair)
    assert who("helper") in await world.offered("ann", "connection", state="accepted")
    await world.passes(days=40)
    assert who("helper") not in await world.offered("ann", "connection")


async def test_who_is_erased_is_recommended_to_nobody_and_nothing_names_them(world: World) -> None:
    await world.community("c")
    await world.person("ann", "c", seeks=["reviewing-forms"])
    await world.person("gone", "c", offers=["reviewing-forms"])
    await world.mentor("gone", "reviewing-forms")
    await world.passes(days=8)
    assert who("gone") in await world.offered("ann", "connection")
    await world.feed(MemberErased, member_id=who("gone"))
    await world.database["outbox"].update_many({}, {"$set": {"pending": False}})
    await sweep(world.database, service.all_personal)
    assert await world.offered("ann", "connection") == {}
    assert (await world.ask("ann", "GET", "/recommendations/mentors"))["items"] == []
    assert (await mentions(world.database, who("gone"))).keys() <= {ERASURES}


async def test_a_community_of_one(world: World) -> None:
    await world.community("c")
    await world.person("ann", "c", seeks=["anything"])
    await world.feed(
        SolutionProposed, thread_id="t", community_id="c", solution_author_id=who("ann"), tags=["x"]
    )
    await world.passes(days=8)
    assert await world.offered("ann") == await world.offered("ann", "connection") == {}
    assert (await world.ask("ann", "GET", "/recommendations/mentors"))["items"] == []


# -- mentors -------------------------------------------------------------------------------------------


async def test_mentors_for_one_mentee_follow_offers_and_places(world: World) -> None:
    await world.person("ann", seeks=["permits"], time_zone="Europe/Copenhagen")
    await world.person("good", time_zone="Europe/Copenhagen")
    await world.person("far", time_zone="Pacific/Auckland")
    for name in ("good", "far"):
        await world.mentor(name, "permits")
    path = "/recommendations/mentors"
    first, second = (await world.ask("ann", "GET", path))["items"]
    assert (first["name"], first["reasons"][:2]) == (
        "Good", ["mentors in permits", "8 working hours in common"]
    )  # fmt: skip
    assert (second["name"], second["hours_in_common"]) == ("Far", 0)
    assert (await world.ask("ann", "GET", path + "?skill=hiring"))["items"] == []
    assert (await world.ask("unknown", "GET", path))["items"] == []
    sides = {"mentor_id": who("good"), "mentee_id": who("bob"), "mentorship_id": "m"}
    await world.feed(MentorshipAccepted, **sides, places_taken=1)
    await world.feed(MentorWithdrawn, member_id=who("far"))
    assert (await world.ask("ann", "GET", path))["items"] == []


async def test_a_programme_from_its_window_to_its_events(world: World) -> None:
    await world.community("c")
    await world.person("sue")
    await world.joins("sue", "c", role="steward")
    for name in ("ann", "bob", "mo", "meg"):
        await world.person(name, "c")
    await world.person("stranger")
    await world.mentor("mo", "permits")
    await world.mentor("meg", "hiring")
    window = {"opens_at": NOW.isoformat(), "closes_at": (NOW + timedelta(days=7)).isoformat()}
    new = {"name": "Spring", **window}
    await world.ask("stranger", "POST", "/communities/c/programmes", new, expect=404)
    await world.ask("ann", "POST", "/communities/c/programmes", new, expect=403)
    made = await world.ask("sue", "POST", "/communities/c/programmes", new, expect=201)
    path = f"/programmes/{made['id']}"
    assert made["state"] == "open"
    await world.ask("stranger", "GET", path, expect=404)
    await world.ask("stranger", "PUT", path + "/registration", {"skills": []}, expect=404)
    await world.ask("ann", "PUT", path + "/registration", {"skills": ["permits"], "wishes": [who("mo")]})
    await world.passes(minutes=1)  # of two who fit alike, who registered earlier is preferred
    only = {"skills": ["permits"], "wishes": [who("mo")], "only_wishes": True}
    await world.ask("bob", "PUT", path + "/registration", only)
    await world.ask("mo", "GET", path + "/registration", expect=404)
    await world.ask("ann", "GET", path + "/preview", expect=403)
    await world.passes(days=7)
    assert (await world.ask("ann", "GET", path))["state"] == "closed"
    await world.ask("ann", "DELETE", path + "/registration", expect=409)
    stable = await world.ask("sue", "GET", path + "/preview")
    assert (stable["figures"]["matched"], stable["other_figures"]["matched"]) == (1, 2)
    assert (stable["figures"]["blocking_pairs"], stable["unmatched"]) == (0, [who("bob")])
    preview = await world.ask("sue", "GET", path + "/preview?mode=maximal")
    body = {"mode": "maximal", "digest": preview["digest"]}
    await world.ask("ann", "POST", path + "/confirm", body, expect=403)
    await world.ask("sue", "POST", path + "/confirm", body | {"mode": "stable"}, expect=409)
    confirmed = await world.ask("sue", "POST", path + "/confirm", body)
    assert (confirmed["state"], confirmed["figures"]["matched"]) == ("confirmed", 2)
    (event,) = await world.published("bob")
    assert (event.mentor_id, event.programme_id, event.programme_name) == (who("mo"), made["id"], "Spring")
    assert event.reasons[0] == "number 1 of your wishes"
    assert (await world.ask("ann", "GET", path + "/registration"))["mentor_id"] == who("meg")
    assert (await world.offered("bob", "mentor")).keys() == {who("mo")}
    await world.ask("sue", "POST", path + "/cancel", expect=409)
    sides = {"mentor_id": who("mo"), "mentee_id": who("bob"), "mentorship_id": "m"}
    await world.feed(MentorshipRequested, **sides, places_taken=0)
    assert (await world.published("bob"))[-1].event_name == "recommendation-accepted"
    assert [each["id"] for each in (await world.ask("mo", "GET", "/communities/c/programmes"))["items"]] == [
        made["id"]
    ]


async def test_a_programme_that_nobody_confirms_lapses(world: World) -> None:
    await world.community("c")
    await world.person("sue")
    await world.joins("sue", "c", role="steward")
    window = {"opens_at": (NOW + timedelta(days=1)).isoformat()}
    window["closes_at"] = (NOW + timedelta(days=2)).isoformat()
    made = await world.ask(
        "sue", "POST", "/communities/c/programmes", {"name": "Spring", **window}, expect=201
    )
    for days, state in ((0.5, "scheduled"), (1, "open"), (1, "closed"), (30, "lapsed")):
        await world.passes(days=days)
        assert (await world.ask("sue", "GET", f"/programmes/{made['id']}"))["state"] == state
