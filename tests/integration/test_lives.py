"""Memberships and communities as time goes by, on a real stack with a clock that is set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from services.members import gauges
from services.members.app import service
from services.members.commands.lives import Deed, note_deeds
from services.members.duties import DUTIES
from services.members.reactions import CONTRIBUTIONS, POSTS
from services.members.store import lives
from services.members.store.people import COMMUNITIES, MEMBERSHIPS
from shared.clockwork import work_off
from shared.contracts import Event
from shared.contracts.discussions import ProblemPosted, SolutionEndorsed, ThreadEvent
from shared.contracts.notifications import NotificationRead
from shared.ids import new_id
from shared.messaging import inbox
from shared.storage import Cause
from shared.telemetry.metrics import SuccessionMetrics
from shared.testing.harness import SECRET, client, eventually, recorded, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, OPERATE_SCOPE, dev_member_id, dev_token

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = {"name": "Permit offices", "about": "Faster, fairer permits.", "kind": "external"}


class Time:
    """A clock that stands still until it is moved."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def time() -> Time:
    return Time()


@pytest.fixture(scope="module")
async def app(topics: Stack, time: Time) -> AsyncIterator[FastAPI]:
    settings = settings_for(topics, clockwork_seconds=3_600.0)
    async with running(service, topics, settings, clock=time) as app:
        yield app


async def passes(app: FastAPI, time: Time, days: float) -> None:
    """Days pass, and the duties are done."""
    time.now += days * DAY
    await work_off(app.state.database, DUTIES)


class Person(NamedTuple):
    """Who a token names, and as which member."""

    subject: str
    id: str


def of(app: FastAPI, person: Person) -> httpx.AsyncClient:
    """A client in the name of ``person``."""
    return client(app, person.subject)


async def people(app: FastAPI, count: int) -> list[Person]:
    found = []
    for _ in range(count):
        subject = f"person-{new_id()}"
        async with client(app, subject) as http:
            answer = await http.post("/v1/members", json={"name": subject})
            assert answer.status_code == 201
        found.append(Person(subject, answer.json()["id"]))
    return found


async def founded(app: FastAPI, steward: Person, *members: Person, **text: Any) -> str:
    """A community of a steward and its members; its id."""
    async with of(app, steward) as http:
        answer = await http.post("/v1/communities", json=TEXT | text)
        assert answer.status_code == 201, answer.text
    community_id = str(answer.json()["id"])
    for member in members:
        async with of(app, member) as http:
            joined = await http.put(f"/v1/communities/{community_id}/members/me")
            assert joined.status_code == 201, joined.text
    return community_id


async def own(app: FastAPI, member: Person, community_id: str) -> dict[str, Any]:
    """Somebody's membership, as they see it."""
    async with of(app, member) as http:
        listed = (await http.get("/v1/members/me/memberships", params={"limit": 100})).json()
    found: dict[str, Any] = next(item for item in listed["items"] if item["community_id"] == community_id)
    return found


async def told(app: FastAPI, community_id: str, *kinds: str) -> list[Any]:
    """The events of some kinds that were recorded about a community, in their order."""
    types = [f"guildhall.{kind}.v1" for kind in kinds]
    events = await recorded(app.state.database, key=community_id)
    return [json.loads(event["data"]) for event in events if event["type"] in types]


async def happens(app: FastAPI, *events: Event, at: datetime | None = None) -> None:
    """Let members consume ``events``, published as by another service."""
    database = app.state.database
    rows: list[dict[str, Any]] = []

    async def publish(uow: Any) -> None:
        rows.clear()
        for event in events:
            uow.record(event, at)
        rows.extend(uow.recorded)

    await database.transact(publish)
    wanted = [row["_id"] for row in rows]

    async def handled() -> bool:
        return await inbox.handled(database, wanted) == set(wanted)

    await eventually(handled)


def post(community_id: str, author: Person) -> ProblemPosted:
    return ProblemPosted(
        thread_id=new_id(),
        version=1,
        community_id=community_id,
        author_id=author.id,
        title="T",
        body="B",
        tags=[],
    )


def endorsement(community_id: str, endorser: Person) -> SolutionEndorsed:
    return SolutionEndorsed(
        thread_id=new_id(), version=3, community_id=community_id, solution_id="s", solution_author_id="x",
        revision=1, endorser_id=endorser.id, endorser_org_id=None, basis="tried", problem_title="T", tags=[],
        endorsements=1,
    )  # fmt: skip


async def visit(app: FastAPI, member: Person, community_id: str) -> None:
    async with of(app, member) as http:
        answer = await http.post(f"/v1/communities/{community_id}/visits")
        assert answer.status_code == 204, answer.text


async def test_a_trial_is_asked_about_once_and_kept(app: FastAPI, time: Time) -> None:
    stew, ann, bob = await people(app, 3)
    c = await founded(app, stew, ann, bob)
    await passes(app, time, 30)
    await passes(app, time, 0)
    ended = await told(app, c, "trial-ended")
    assert sorted(each["member_id"] for each in ended) == sorted([ann.id, bob.id])  # a founder is on no trial
    assert (await own(app, ann, c))["answer_by"] is not None
    async with of(app, ann) as a, of(app, bob) as b:
        kept = await a.post(f"/v1/communities/{c}/membership/keep")
        assert (kept.status_code, kept.json()["standing"], kept.json()["answer_by"]) == (200, "active", None)
        again = await a.post(f"/v1/communities/{c}/membership/keep")
        assert (again.status_code, again.json()["code"]) == (409, "wrong-standing")
        assert (await b.delete(f"/v1/communities/{c}/members/me")).status_code == 204
        gone = await b.post(f"/v1/communities/{c}/membership/keep")
        assert (gone.status_code, gone.json()["code"]) == (403, "not-a-member")
    await passes(app, time, 14)
    assert await told(app, c, "membership-dormant") == []


async def test_dormant_and_awake_again(app: FastAPI, time: Time) -> None:
    stew, ann, bob, cid, dan = await people(app, 5)
    c = await founded(app, stew, ann, bob, cid, dan)
    await passes(app, time, 30)
    await passes(app, time, 14)
    dormant = await told(app, c, "membership-dormant")
    assert sorted(each["member_id"] for each in dormant) == sorted([ann.id, bob.id, cid.id, dan.id])
    await visit(app, stew, c)
    await visit(app, ann, c)
    assert (await own(app, ann, c))["standing"] == "active"
    read = NotificationRead(member_id=cid.id, version=1, notification_id="n", community_id=c)
    await happens(app, post(c, bob), read, endorsement(c, dan), at=time.now)
    for member in (bob, cid, dan):
        assert (await own(app, member, c))["standing"] == "active"
    woken = [each for each in await told(app, c, "membership-dormant") if each["standing"] == "active"]
    assert sorted(each["member_id"] for each in woken) == sorted([ann.id, bob.id, cid.id, dan.id])
    versions = [each["version"] for each in await told(app, c, "membership-dormant")]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("kind", CONTRIBUTIONS)
async def test_every_contribution_is_noted_for_whoever_made_it(
    app: FastAPI, time: Time, kind: type[ThreadEvent]
) -> None:
    stew, ann = await people(app, 2)
    c = await founded(app, stew, ann)
    event = kind.example()
    assert kind.actor is not None
    changed = {"community_id": c, "thread_id": new_id(), kind.actor: ann.id}
    time.now += timedelta(hours=1)
    await happens(app, kind.model_validate(event.model_dump() | changed), at=time.now)
    assert (await own(app, ann, c))["active_at"] is not None
    community = await app.state.database[COMMUNITIES].find_one({"_id": c})
    assert (community["posted_at"] is not None) == (kind in POSTS)


async def test_a_late_event_moves_nothing_backwards(app: FastAPI, time: Time) -> None:
    stew, ann = await people(app, 2)
    c = await founded(app, stew, ann)
    await passes(app, time, 20)
    await happens(app, post(c, ann), at=time.now)
    before = await own(app, ann, c)
    community = await app.state.database[COMMUNITIES].find_one({"_id": c})
    await happens(app, post(c, ann), endorsement(c, ann), at=time.now - 10 * DAY)
    await happens(app, post(c, Person("", "stranger")), post(new_id(), ann), at=time.now)
    assert await own(app, ann, c) == before
    assert await app.state.database[COMMUNITIES].find_one({"_id": c}) == community


async def test_visits_are_written_once_an_hour(app: FastAPI, time: Time) -> None:
    stew, stranger = await people(app, 2)
    c = await founded(app, stew)
    await visit(app, stew, c)
    first = (await own(app, stew, c))["active_at"]
    time.now += timedelta(minutes=59)
    await asyncio.gather(*(visit(app, stew, c) for _ in range(5)))
    assert (await own(app, stew, c))["active_at"] == first
    time.now += timedelta(minutes=1)
    await asyncio.gather(*(visit(app, stew, c) for _ in range(5)))
    assert (await own(app, stew, c))["active_at"] > first
    async with of(app, stranger) as http:
        answer = await http.post(f"/v1/communities/{c}/visits")
        assert (answer.status_code, answer.json()["code"]) == (403, "not-a-member")
        answer = await http.post(f"/v1/communities/{new_id()}/visits")
        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-community")


# -- the budget ----------------------------------------------------------------------------------------


async def join(http: httpx.AsyncClient, community_id: str, **body: Any) -> httpx.Response:
    return await http.put(f"/v1/communities/{community_id}/members/me", json=body or None)


async def test_the_budget_of_communities(app: FastAPI, time: Time) -> None:
    stew, ann = await people(app, 2)
    places = [await founded(app, stew) for _ in range(7)]
    async with of(app, ann) as http:
        for place in places[:4]:
            assert (await join(http, place)).status_code == 201
        listed = (await http.get("/v1/members/me/memberships")).json()
        assert listed["budget"] == {"limit": 4, "used": 4}
        full = await join(http, places[4])
        assert (full.status_code, full.json()["code"]) == (409, "over-budget")
        wrong = await join(http, places[4], instead_of=places[5])
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "/instead_of")
        assert (await join(http, places[4], instead_of=places[0])).status_code == 201
        listed = (await http.get("/v1/members/me/memberships")).json()
        assert {item["community_id"] for item in listed["items"]} == set(places[1:5])
        assert [each["member_id"] for each in await told(app, places[0], "member-left")] == [ann.id]
        assert (await join(http, places[5], beyond_budget=True)).status_code == 201
        assert (await http.get("/v1/members/me/memberships")).json()["budget"]["used"] == 5
        await passes(app, time, 30)
        await passes(app, time, 14)
        assert (await http.get("/v1/members/me/memberships")).json()["budget"]["used"] == 0
        assert (await join(http, places[6])).status_code == 201  # the dormant do not count
        profile = await http.get("/v1/members/me")
        wants = {"community_budget": 1}
        headers = {"If-Match": profile.headers["etag"]}
        changed = await http.put("/v1/members/me/availability", json=wants, headers=headers)
        assert changed.status_code == 200, changed.text
        assert (await http.get("/v1/members/me/memberships")).json()["budget"] == {"limit": 1, "used": 1}
        assert (await join(http, places[0])).json()["code"] == "over-budget"


async def test_a_swap_that_cannot_be_leaves_everything_as_it_was(app: FastAPI) -> None:
    stew, ann = await people(app, 2)
    led, other = await founded(app, stew, ann), await founded(app, ann)
    async with of(app, stew) as http:
        refused = await join(http, other, instead_of=led)
        assert (refused.status_code, refused.json()["code"]) == (409, "last-steward")
        listed = (await http.get("/v1/members/me/memberships")).json()
        assert [item["community_id"] for item in listed["items"]] == [led]


async def test_two_joins_at_once_do_not_pass_the_budget_together(app: FastAPI) -> None:
    stew, ann = await people(app, 2)
    places = [await founded(app, stew) for _ in range(8)]
    async with of(app, ann) as http:
        answers = await asyncio.gather(*(join(http, place) for place in places))
        assert sorted(answer.status_code for answer in answers) == [201] * 4 + [409] * 4


async def test_asking_to_be_let_in_counts_too(app: FastAPI) -> None:
    stew, ann = await people(app, 2)
    closed = await founded(app, stew, join_policy="by-request")
    for _ in range(4):
        await founded(app, ann)  # whoever founds has decided
    async with of(app, ann) as http:
        address = f"/v1/communities/{closed}/requests"
        assert (await http.post(address, json={})).json()["code"] == "over-budget"
        assert (await http.post(address, json={"beyond_budget": True})).status_code == 201
    async with of(app, stew) as http:
        assert (await http.post(f"{address}/{ann.id}/approve")).status_code == 200


async def test_an_import_is_bound_by_no_budget_and_begins_no_trial(app: FastAPI, time: Time) -> None:
    stew, ann = await people(app, 2)
    long_ago = (NOW - 4_000 * DAY).isoformat()
    items: list[dict[str, Any]] = []
    places = [new_id() for _ in range(6)]
    for place in places:
        text = {"name": "Old", "about": "…", "founder_id": stew.id}
        items.append({"kind": "community", "id": place, "at": long_ago} | text)
        items.append({"kind": "membership", "community_id": place, "member_id": ann.id, "at": long_ago})
    headers = {"Authorization": f"Bearer {dev_token(SECRET, 'importer', scopes=[IMPORT_SCOPE])}"}
    async with client(app) as http:
        report = (await http.post("/v1/imports", json={"items": items}, headers=headers)).json()
    assert {item["outcome"] for item in report["items"]} == {"created"}
    await passes(app, time, 59)
    assert await told(app, places[0], "trial-ended", "membership-dormant", "community-stage-changed") == []
    await passes(app, time, 1)
    assert len(await told(app, places[0], "membership-dormant")) == 2


# -- stages --------------------------------------------------------------------------------------------


async def stages(app: FastAPI, community_id: str) -> list[str]:
    return [each["stage"] for each in await told(app, community_id, "community-stage-changed")]


async def test_a_community_from_its_forming_to_its_archive(app: FastAPI, time: Time) -> None:
    stew, ann, bob, cid = await people(app, 4)
    c = await founded(app, stew, ann)
    await happens(app, post(c, ann), at=time.now)
    assert await stages(app, c) == []
    async with of(app, bob) as http:
        assert (await join(http, c)).status_code == 201
    assert await stages(app, c) == ["active"]
    await passes(app, time, 90)
    assert await stages(app, c) == ["active", "dormant"]
    await happens(app, *(post(c, ann) for _ in range(20)), at=time.now)
    assert await stages(app, c) == ["active", "dormant", "active"]
    await passes(app, time, 400)  # the duty comes late
    assert await stages(app, c) == ["active", "dormant", "active", "dormant", "archived"]
    async with of(app, cid) as http:
        refused = await join(http, c)
        assert (refused.status_code, refused.json()["code"]) == (409, "archived")
        found = (await http.get("/v1/communities", params={"stage": "archived", "limit": 100})).json()
        assert c in [item["id"] for item in found["items"]]
    await happens(app, post(c, ann), at=time.now)  # discussions had not heard of it
    assert (await stages(app, c))[-1] == "archived"
    async with of(app, stew) as s, of(app, bob) as b:
        address = f"/v1/communities/{c}"
        text = {key: TEXT[key] for key in ("name", "about")}
        edit = await s.put(address, json=text, headers={"If-Match": '"1"'})
        assert (edit.status_code, edit.json()["code"]) == (409, "archived")
        invited = await s.post(f"{address}/invitations", json={"member_id": cid.id})
        assert (invited.status_code, invited.json()["code"]) == (409, "archived")
        assert (await b.post(f"{address}/reopen")).json()["code"] == "not-a-steward"
        assert (await s.post(f"{address}/reopen")).json()["stage"] == "active"
        assert (await s.put(address, json=text, headers={"If-Match": '"1"'})).status_code == 200
        assert (await s.post(f"{address}/archive")).json()["stage"] == "archived"
        assert (await b.delete(f"{address}/members/me")).status_code == 204


# -- succession ----------------------------------------------------------------------------------------


async def test_silent_stewards_are_succeeded(app: FastAPI, time: Time) -> None:
    stew, *others = await people(app, 8)
    c = await founded(app, stew, *others)
    await passes(app, time, 29)
    await happens(app, post(c, others[3]), endorsement(c, others[5]), at=time.now)
    await passes(app, time, 1)
    for member in others:
        async with of(app, member) as http:
            assert (await http.post(f"/v1/communities/{c}/membership/keep")).status_code == 200
    await passes(app, time, 29)
    for member in others[:6]:
        time.now += timedelta(minutes=1)
        await visit(app, member, c)
    await passes(app, time, 1)
    assert [each["member_id"] for each in await told(app, c, "membership-dormant")] == [stew.id]
    assert await told(app, c, "steward-needed") == []
    await passes(app, time, 29.9)
    assert await told(app, c, "steward-needed") == []
    await passes(app, time, 0.1)
    await passes(app, time, 0)
    (needed,) = await told(app, c, "steward-needed")
    assert needed["audience"] == "members"
    assert set(needed["asked"][:2]) == {others[3].id, others[5].id}  # they contributed
    assert needed["asked"][2:] == [others[4].id, others[2].id, others[1].id]  # they read last
    assert needed["name"] == TEXT["name"]
    async with of(app, others[6]) as http:
        refused = await http.post(f"/v1/communities/{c}/steward/volunteer")
        assert (refused.status_code, refused.json()["code"]) == (403, "not-asked")
    async with of(app, others[3]) as http, of(app, others[5]) as other:
        address = f"/v1/communities/{c}/steward/volunteer"
        answers = await asyncio.gather(http.post(address), other.post(address))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
    await passes(app, time, 30)
    assert len(await told(app, c, "steward-needed")) == 1


async def test_after_sixty_days_the_operators_are_told_once(app: FastAPI, time: Time) -> None:
    stew, ann = await people(app, 2)
    c = await founded(app, stew, ann)
    for days in (60, 30, 29, 1, 30, 30):
        await visit(app, ann, c)
        await passes(app, time, days)
    needed = await told(app, c, "steward-needed")
    assert [each["audience"] for each in needed] == ["members", "operators"]
    await visit(app, stew, c)  # the steward is back
    async with of(app, ann) as http:
        late = await http.post(f"/v1/communities/{c}/steward/volunteer")
        assert (late.status_code, late.json()["code"]) == (409, "no-steward-needed")


async def test_where_all_are_dormant_those_who_were_active_last_are_asked(app: FastAPI, time: Time) -> None:
    stew, *others = await people(app, 7)
    c = await founded(app, stew, *others)
    for member in (others[2], stew, others[0]):
        time.now += 2 * timedelta(hours=1)
        await visit(app, member, c)
    await passes(app, time, 30)
    await passes(app, time, 31)  # everybody is dormant
    await passes(app, time, 30)
    (needed,) = await told(app, c, "steward-needed")
    assert (needed["audience"], needed["asked"][:3]) == ("members", [others[0].id, stew.id, others[2].id])
    assert len(needed["asked"]) == 5
    address = f"/v1/communities/{c}/steward/volunteer"
    async with of(app, stew) as back, of(app, others[0]) as late:
        answer = await back.post(address)
        assert (answer.json()["role"], answer.json()["standing"]) == ("steward", "active")
        assert (await late.post(address)).json()["code"] == "no-steward-needed"
    assert await told(app, c, "role-changed") == []  # they were a steward all the time


async def test_one_of_the_dormant_takes_over(app: FastAPI, time: Time) -> None:
    stew, ann = await people(app, 2)
    c = await founded(app, stew, ann)
    for days in (30, 31, 30):
        await passes(app, time, days)
    async with of(app, ann) as http:
        answer = await http.post(f"/v1/communities/{c}/steward/volunteer")
    assert (answer.json()["role"], answer.json()["standing"]) == ("steward", "active")
    assert [each["member_id"] for each in await told(app, c, "role-changed")] == [ann.id]


async def test_operators_see_who_is_without_a_steward_and_who_has_nobody_to_ask(
    app: FastAPI, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[tuple[str, ...], float] = {}

    class Instrument:
        def set(self, amount: float, attributes: dict[str, str]) -> None:
            seen[tuple(attributes.values())] = amount

    metrics = SuccessionMetrics()
    monkeypatch.setattr(metrics.leaderless, "_instrument", Instrument())
    monkeypatch.setattr(gauges, "COMMUNITIES", 1_000)  # beside those of the other tests
    stew, alone = await people(app, 2)
    silent, empty, led = await founded(app, stew), await founded(app, alone), await founded(app, stew)
    async with of(app, alone) as http:
        assert (await http.delete(f"/v1/communities/{empty}/members/me")).status_code == 204
    for _ in range(3):
        await passes(app, time, 30)
        await visit(app, stew, led)
    await gauges.measure(app.state.database, metrics)
    assert seen[silent, "members"] == 30 * 86_400.0
    assert seen[empty, "nobody"] == 90 * 86_400.0
    assert not [names for names in seen if names[0] == led]
    await visit(app, stew, silent)
    await gauges.measure(app.state.database, metrics)
    assert seen[silent, "members"] == 0


async def test_an_operator_appoints_a_steward(app: FastAPI, time: Time) -> None:
    stew, ann, stranger = await people(app, 3)
    c, closed = await founded(app, stew, ann), await founded(app, stew, ann)
    async with of(app, stew) as http:
        assert (await http.post(f"/v1/communities/{closed}/archive")).status_code == 200
    await passes(app, time, 30)
    await passes(app, time, 60)  # everybody is dormant, and the community looks for somebody
    why = {"reason": "Nobody was left."}

    async def appoint(http: httpx.AsyncClient, community_id: str, member_id: str) -> tuple[int, str]:
        answer = await http.put(f"/v1/communities/{community_id}/stewards/{member_id}", json=why)
        return answer.status_code, answer.json().get("code", answer.json().get("standing"))

    async with of(app, stew) as http:
        assert await appoint(http, c, ann.id) == (403, "scope-missing")
    async with client(app, "operator", scopes=[OPERATE_SCOPE]) as http:
        assert await appoint(http, "nowhere", ann.id) == (404, "no-such-community")
        assert await appoint(http, c, "nobody") == (404, "no-such-member")
        assert await appoint(http, c, stranger.id) == (404, "no-such-membership")
        assert await appoint(http, closed, ann.id) == (409, "archived")
        at_once = await asyncio.gather(*(appoint(http, c, ann.id) for _ in range(4)))
        assert set(at_once) == {(200, "dormant")}
    (changed,) = await told(app, c, "role-changed")
    assert (changed["member_id"], changed["role"], changed["reason"]) == (ann.id, "steward", why["reason"])
    assert changed["changed_by"] == dev_member_id("operator")
    stored = await app.state.database[COMMUNITIES].find_one({"_id": c})
    assert stored["leaderless_since"] is not None  # until they come back
    await visit(app, ann, c)
    stored = await app.state.database[COMMUNITIES].find_one({"_id": c})
    assert (stored["leaderless_since"], stored["candidates"]) == (None, [])


# -- health --------------------------------------------------------------------------------------------


async def test_the_health_of_a_community(app: FastAPI, time: Time) -> None:
    stew, ann, bob, cid, stranger = await people(app, 5)
    c = await founded(app, stew, ann, bob, cid)
    await happens(app, endorsement(c, ann), at=time.now)
    await passes(app, time, 29)
    await happens(app, post(c, bob), at=time.now)
    await passes(app, time, 5)
    await visit(app, stew, c)
    async with of(app, cid) as http:
        health = (await http.get(f"/v1/communities/{c}/health")).json()
    assert health == {
        "community_id": c, "stage": "active", "members": 4, "core": 1, "active": 1, "peripheral": 2,
        "dormant": 0, "readers": 2, "share_of_readers": 0.5, "days_without_post": 5,
    }  # fmt: skip
    async with of(app, stranger) as http:
        assert (await http.get(f"/v1/communities/{c}/health")).status_code == 403


async def test_a_batch_writes_each_community_once(app: FastAPI, time: Time) -> None:
    stew, ann, bob = await people(app, 3)
    c = await founded(app, stew, ann, bob)
    deeds = [Deed(c, member.id, time.now, True, Cause()) for member in (ann, bob, stew) for _ in range(100)]
    written: list[Any] = []

    async def work(uow: Any) -> None:
        write = uow.write
        uow.write = lambda collection, *operations: (
            written.append(collection),
            write(collection, *operations),
        )
        await note_deeds(uow, deeds, {c: (time.now, Cause())})

    await app.state.database.transact(work)
    assert sorted(written) == sorted([COMMUNITIES, MEMBERSHIPS, MEMBERSHIPS, MEMBERSHIPS])
    assert await stages(app, c) == ["active"]


QUERIES: Sequence[tuple[str, dict[str, Any], list[tuple[str, int]]]] = [
    (MEMBERSHIPS, {"due_at": {"$lte": NOW}}, [("due_at", 1)]),
    (COMMUNITIES, {"stage_due_at": {"$lte": NOW}}, [("stage_due_at", 1)]),
    (COMMUNITIES, {"steward_due_at": {"$lte": NOW}}, [("steward_due_at", 1)]),
    (
        MEMBERSHIPS,
        {"community_id": "c", "standing": {"$in": lives.AWAKE}},
        [("contributed_at", -1), ("active_at", -1)],
    ),
    (MEMBERSHIPS, {"community_id": "c", "standing": {"$in": ["dormant"]}}, [("active_at", -1)]),
    (
        COMMUNITIES,
        {"stage": {"$in": ["forming", "active"]}, "asked_for_steward": {"$in": ["members", "operators"]}},
        [("leaderless_since", 1)],
    ),
    (MEMBERSHIPS, {"member_id": "m", "standing": {"$in": lives.AWAKE}}, [("_id", 1)][:0]),
    (COMMUNITIES, {"audience": {"$in": ["everybody"]}, "stage": "archived"}, [("_id", 1)]),
]


@pytest.mark.parametrize(("collection", "query", "order"), QUERIES)
async def test_what_is_due_and_who_is_active_is_read_from_an_index(
    app: FastAPI, collection: str, query: dict[str, Any], order: list[tuple[str, int]]
) -> None:
    found = app.state.database[collection].find(query)
    plan = await (found.sort(order) if order else found).limit(20).explain()
    names = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in names
    assert "COLLSCAN" not in names
    assert "'stage': 'SORT'," not in names
