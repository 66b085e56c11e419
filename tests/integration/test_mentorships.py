"""Mentoring through HTTP, on a real stack."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.members.app import service
from services.members.store.mentorships import MENTORS, MENTORSHIPS, WantedMentor
from services.members.store.mentorships import mentors as listed_mentors
from shared.clockwork import work_off
from shared.contracts import EVENTS
from shared.contracts.mentorships import MentorOffered, MentorshipEvent, MentorWithdrawn
from shared.contracts.topics import MENTORSHIPS as TOPIC
from shared.contracts.topics import PEOPLE
from shared.ids import new_id
from shared.testing.harness import Tap, client, recorded, running
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id

OFFER = {"skills": ["Permits"], "languages": ["en"]}


class Hands:
    """A clock that a test sets; tokens keep the real time."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def hands() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
async def app(topics: Stack, hands: Hands) -> AsyncIterator[FastAPI]:
    async with running(service, topics, clock=hands) as app:
        yield app


async def person(app: FastAPI, **claims: str) -> str:
    """The subject of somebody who has just registered."""
    subject = f"person-{new_id()}"
    async with client(app, subject, **claims) as http:
        assert (await http.post("/v1/members", json={"name": subject})).status_code == 201
    return subject


async def offer(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    version = (await http.get("/v1/members/me")).headers["ETag"]
    return await http.put("/v1/members/me/mentoring", json=OFFER | fields, headers={"If-Match": version})


async def mentor(app: FastAPI, **fields: Any) -> str:
    """The subject of a new mentor."""
    subject = await person(app)
    async with client(app, subject) as http:
        answer = await offer(http, **fields)
        assert answer.status_code == 200, answer.text
    return subject


async def ask(app: FastAPI, who: str, of: str, **claims: str) -> httpx.Response:
    async with client(app, who, **claims) as http:
        body = {"mentor_id": dev_member_id(of), "message": "Hello", "goals": ["Ship it"]}
        return await http.post("/v1/mentorships", json=body)


async def asked(app: FastAPI, who: str, of: str) -> str:
    """The address of a new request."""
    answer = await ask(app, who, of)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


async def do(app: FastAPI, who: str, address: str, what: str, **body: Any) -> httpx.Response:
    async with client(app, who) as http:
        return await http.post(f"{address}/{what}", json=body or None)


async def seen(app: FastAPI, who: str, address: str) -> dict[str, Any]:
    async with client(app, who) as http:
        answer = await http.get(address)
        assert answer.status_code == 200
        view: dict[str, Any] = answer.json()
        return view


async def listed(app: FastAPI, who: str, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    async with client(app, who) as http:
        while True:
            answer = (await http.get(path, params=query)).json()
            items += answer["items"]
            if not answer["next"]:
                return items
            query["cursor"] = answer["next"]


async def mine(app: FastAPI, who: str, side: str, state: str) -> list[dict[str, Any]]:
    return await listed(app, who, "/v1/members/me/mentorships", side=side, state=state)


async def history(app: FastAPI, mentor: str) -> list[Any]:
    """The events of a mentor's mentorships, by their version."""
    rows = await recorded(app.state.database, topic=TOPIC.name, key=dev_member_id(mentor))
    events = [EVENTS[row["type"]].read(row["data"]) for row in rows]
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    return events


def told(events: list[Any]) -> list[tuple[str, str]]:
    return [(event.event_name.removeprefix("mentorship-"), getattr(event, "why", "")) for event in events]


async def test_from_the_request_to_feedback_and_the_events_in_order(app: FastAPI, topics: Stack) -> None:
    mira, ben, eve = await person(app), await person(app), await person(app)
    async with Tap.open(topics, PEOPLE.name, TOPIC.name) as tap:
        async with client(app, mira) as http:
            answer = await offer(http)
            assert answer.json()["skills"] == ["permits"]
            assert (answer.json()["capacity"], answer.json()["open_places"]) == (2, 2)
            again = await http.put("/v1/members/me/mentoring", json=OFFER, headers={"If-Match": '"1"'})
            assert again.json()["code"] == "stale-version"
            assert (await http.get("/v1/members/me/mentoring")).headers["ETag"] == answer.headers["ETag"]
        address = await asked(app, ben, mira)
        for what in ("accept", "decline", "cancel", "complete", "extension", "check-ins", "end"):
            body = {"check-ins": {"going": "well"}, "end": {"reason": "r"}, "decline": {"reason": ""}}
            hidden = await do(app, eve, address, what, **body.get(what, {}))
            assert (hidden.status_code, hidden.json()["code"]) == (404, "no-such-mentorship")
        async with client(app, eve) as http:
            assert (await http.get(address)).status_code == 404
            assert (await http.put(f"{address}/feedback", json={"rating": 1})).status_code == 404
        assert (await do(app, ben, address, "accept")).json()["code"] == "not-the-mentor"
        assert (await do(app, mira, address, "cancel")).json()["code"] == "not-the-mentee"
        accepted = (await do(app, mira, address, "accept")).json()
        assert (accepted["state"], accepted["goals"]) == ("accepted", ["Ship it"])
        assert [each["id"] for each in await mine(app, ben, "mentee", "accepted")] == [accepted["id"]]
        checked = await do(app, ben, address, "check-ins", going="slowly", note="First forms.")
        assert (checked.status_code, checked.json()["state"]) == (201, "active")
        assert [each["note"] for each in (await seen(app, mira, address))["check_ins"]] == ["First forms."]
        assert (await do(app, mira, address, "complete")).json()["state"] == "completed"
        async with client(app, ben) as b, client(app, mira) as m:
            words = {"rating": 5, "text": "Patient."}
            assert (await b.put(f"{address}/feedback", json=words)).json()["feedback"]["text"] == "Patient."
            assert (await seen(app, mira, address))["others_feedback"] is None
            assert (await b.put(f"{address}/feedback", json=words | {"shared": True})).status_code == 200
            other = (await m.put(f"{address}/feedback", json={"rating": 4})).json()
            assert (other["others_feedback"]["rating"], other["feedback"]["rating"]) == (5, 4)
            assert (await seen(app, ben, address))["others_feedback"] is None
            assert (await m.delete("/v1/members/me/mentoring")).status_code == 204
            assert (await m.get("/v1/members/me/mentoring")).json()["code"] == "no-such-mentor"
        await tap.event(MentorWithdrawn, member_id=dev_member_id(mira))
        await tap.until(lambda _: any(type(e.event).__name__ == "MentorshipCompleted" for e in tap.events()))
    events = [each.event for each in tap.events() if each.event.key == dev_member_id(mira)]
    person_events = [each for each in events if not isinstance(each, MentorshipEvent)]
    assert [(each.event_name, each.version) for each in person_events] == [
        ("mentor-offered", 2), ("mentor-withdrawn", 3),
    ]  # fmt: skip
    assert isinstance(person_events[0], MentorOffered)
    about = [each for each in events if isinstance(each, MentorshipEvent)]
    assert [(each.event_name, each.version, each.places_taken) for each in about] == [
        ("mentorship-requested", 1, 0), ("mentorship-accepted", 2, 1),
        ("mentorship-checked-in", 3, 1), ("mentorship-completed", 4, 0),
    ]  # fmt: skip


# -- capacity ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mentors", "capacity"), [(1, 3), (5, 2)])
async def test_mentors_with_more_mentees_than_their_capacity(
    app: FastAPI, mentors: int, capacity: int
) -> None:
    """ReDI's tool lets mentors have more mentees than their capacity: two accepted at once both counted.

    Here a hundred requests are accepted at the same moment. Never more than the capacity are under way, who
    was told that it was accepted is, and the others are told that there was no place left.
    """
    names = [await mentor(app, capacity=capacity) for _ in range(mentors)]
    mentees = await asyncio.gather(*(person(app) for _ in range(100)))
    pairs = [(mentee, names[n % mentors]) for n, mentee in enumerate(mentees)]
    addresses = [await asked(app, *pair) for pair in pairs]

    async def accept(address: str, name: str) -> tuple[str, str, int]:
        return address, name, (await do(app, name, address, "accept")).status_code

    answers = await asyncio.gather(
        *(accept(address, name) for address, (_, name) in zip(addresses, pairs, strict=True))
    )
    assert {status for *_, status in answers} <= {200, 409, 503}
    won = [(address, name) for address, name, status in answers if status == 200]
    # Who was told to try again tries again.
    for address, name, status in answers:
        if status == 503 and (await do(app, name, address, "accept")).status_code == 200:
            won.append((address, name))
    assert Counter(name for _, name in won) == dict.fromkeys(names, capacity)
    for name in names:
        accepted = {f"/v1/mentorships/{each['id']}" for each in await mine(app, name, "mentor", "accepted")}
        assert accepted == {address for address, whose in won if whose == name}
        expired = await mine(app, name, "mentor", "expired")
        assert len(expired) == 100 // mentors - capacity
        assert {each["outcome"] for each in expired} == {"capacity-reached"}
        assert await mine(app, name, "mentor", "requested") == []
        events = await history(app, name)
        assert max(event.places_taken for event in events) == capacity
    assert (await ask(app, mentees[0], names[-1])).json()["code"] in ("no-open-place", "already-mentored")


async def test_a_place_given_back_is_open_again_and_less_than_taken_is_refused(app: FastAPI) -> None:
    mira, ben, cem = await mentor(app, capacity=1), await person(app), await person(app)
    address = await asked(app, ben, mira)
    await do(app, mira, address, "accept")
    assert (await ask(app, cem, mira)).json()["code"] == "no-open-place"
    ended = await do(app, ben, address, "end", reason="I change jobs.")
    assert (ended.json()["state"], ended.json()["reason"]) == ("ended", "I change jobs.")
    for each in (ben, cem):
        await do(app, mira, await asked(app, each, mira), "accept")
        async with client(app, mira) as http:
            assert (await offer(http, capacity=2)).status_code == 200
    async with client(app, mira) as http:
        refused = await offer(http, capacity=1)
        assert (refused.status_code, refused.json()["code"]) == (409, "capacity-in-use")
        assert refused.json()["errors"][0]["field"] == "/capacity"


async def test_withdrawing_ends_the_waiting_and_keeps_the_running(app: FastAPI) -> None:
    mira, ben, cem = await mentor(app), await person(app), await person(app)
    running_one, waiting = await asked(app, ben, mira), await asked(app, cem, mira)
    await do(app, mira, running_one, "accept")
    async with client(app, mira) as http:
        assert (await http.delete("/v1/members/me/mentoring")).status_code == 204
        assert (await http.delete("/v1/members/me/mentoring")).json()["code"] == "not-a-mentor"
    assert (await seen(app, cem, waiting))["outcome"] == "mentor-withdrawn"
    assert (await do(app, mira, waiting, "accept")).json()["code"] == "wrong-mentorship-state"
    assert (await do(app, ben, running_one, "check-ins", going="well")).status_code == 201
    assert (await ask(app, cem, mira)).json()["code"] == "no-such-mentor"


# -- requests ------------------------------------------------------------------------------------------


async def test_three_pending_also_when_many_are_asked_at_once(app: FastAPI) -> None:
    ben = await person(app)
    names = [await mentor(app) for _ in range(8)]
    answers = await asyncio.gather(*(ask(app, ben, name) for name in names))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert {answer.json().get("code") for answer in answers} == {None, "too-many-pending"}
    pending = await mine(app, ben, "mentee", "requested")
    assert len(pending) == 3
    assert (await do(app, ben, f"/v1/mentorships/{pending[1]['id']}", "cancel")).status_code == 200
    free = next(name for name, answer in zip(names, answers, strict=True) if answer.status_code == 409)
    assert (await ask(app, ben, free)).status_code == 201
    assert (await ask(app, ben, await mentor(app))).json()["code"] == "too-many-pending"


async def test_the_same_mentor_is_asked_once_also_at_once(app: FastAPI) -> None:
    mira, ben = await mentor(app), await person(app)
    answers = await asyncio.gather(*(ask(app, ben, mira) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    assert {answer.json().get("code") for answer in answers} == {None, "already-requested"}


async def test_accepted_and_cancelled_at_once_is_one_of_both(app: FastAPI) -> None:
    mira, ben = await mentor(app), await person(app)
    address = await asked(app, ben, mira)
    answers = await asyncio.gather(do(app, mira, address, "accept"), do(app, ben, address, "cancel"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    taken = (await history(app, mira))[-1].places_taken
    assert taken == len(await mine(app, mira, "mentor", "accepted"))


async def test_who_cannot_ask_or_be_asked(app: FastAPI) -> None:
    mira, paused, plain = await mentor(app), await mentor(app, paused=True), await person(app)
    for who, whom, status, code in (
        (plain, "nobody", 404, "no-such-mentor"),
        (mira, plain, 404, "no-such-mentor"),
        (mira, mira, 422, "mentoring-oneself"),
        (plain, paused, 409, "mentor-pauses"),
        (f"person-{new_id()}", mira, 404, "not-registered"),
    ):
        answer = await ask(app, who, whom)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    async with client(app, plain) as http:
        for body, field in (
            ({"mentor_id": dev_member_id(mira), "message": "  "}, "/message"),
            ({"mentor_id": dev_member_id(mira), "message": "x" * 2001}, "/message"),
            ({"mentor_id": dev_member_id(mira), "message": "x", "goals": ["g"] * 11}, "/goals"),
            ({"mentor_id": dev_member_id(mira), "message": "x", "state": "active"}, "/state"),
        ):
            answer = await http.post("/v1/mentorships", json=body)
            assert answer.json()["errors"][0]["field"] == field
        assert (await offer(http, capacity=11)).json()["errors"][0]["field"] == "/capacity"
        assert (await offer(http, skills=[])).json()["errors"][0]["field"] == "/skills"


# -- time ----------------------------------------------------------------------------------------------


async def test_time_expires_asks_and_closes(app: FastAPI, hands: Hands) -> None:
    mira = await mentor(app, capacity=10)
    silent, never, faded, steady = [await person(app) for _ in range(4)]
    addresses = {who: await asked(app, who, mira) for who in (silent, never, faded, steady)}
    for who in (never, faded, steady):
        assert (await do(app, mira, addresses[who], "accept")).status_code == 200

    async def later(days: float) -> None:
        hands.ahead += timedelta(days=days)
        await asyncio.gather(*(work_off(app.state.database, service.duties) for _ in range(2)))

    async def state(who: str) -> tuple[str, str | None]:
        view = await seen(app, who, addresses[who])
        return view["state"], view["outcome"]

    await later(6.9)
    assert await state(silent) == ("requested", None)
    await later(0.2)
    assert await state(silent) == ("expired", "unanswered")
    for who in (faded, steady):
        assert (await do(app, who, addresses[who], "check-ins", going="well")).status_code == 201
    for _ in range(6):
        await later(14)
        await do(app, mira, addresses[steady], "check-ins", going="well")
    assert await state(never) == ("ended", "never-started")
    assert await state(faded) == ("active", None)
    await later(14)
    assert await state(faded) == ("ended", "faded-out")
    assert await state(steady) == ("completed", None)
    events = [each for each in await history(app, mira) if each.mentee_id == dev_member_id(faded)]
    due = [each.number for each in events if getattr(each, "status", "") == "due"]
    assert due == [2, 3, 4, 5, 6]
    assert events[-1].ended_by is None
    await later(400)  # nothing more
    assert events == [each for each in await history(app, mira) if each.mentee_id == dev_member_id(faded)]


async def test_an_extension_by_both_at_once(app: FastAPI) -> None:
    mira, ben = await mentor(app), await person(app)
    address = await asked(app, ben, mira)
    await do(app, mira, address, "accept")
    before = (await do(app, ben, address, "check-ins", going="well")).json()["ends_at"]
    answers = await asyncio.gather(*(do(app, who, address, "extension") for who in (mira, ben)))
    assert [answer.status_code for answer in answers] == [200, 200]
    after = await seen(app, ben, address)
    assert datetime.fromisoformat(after["ends_at"]) - datetime.fromisoformat(before) == timedelta(weeks=12)
    assert (await do(app, ben, address, "extension")).json()["code"] == "already-extended"


# -- finding mentors -----------------------------------------------------------------------------------


async def test_mentors_are_found_by_those_who_may_ask_them(app: FastAPI) -> None:
    skill = f"skill-{new_id()}"
    own, other = {"org": "aarhus"}, {"org": "sydney"}
    everybodys = await mentor(app, skills=[skill, "permits"], languages=["en", "ar"])
    colleague, fellow = await person(app, **own), await person(app)
    stranger = await person(app, **other)
    async with client(app, fellow) as http:
        founded = await http.post(
            "/v1/communities", json={"name": "C", "kind": "external", "about": "a", "join_policy": "open"}
        )
        community = founded.json()["id"]
        to_it = {"scope": "communities", "community_ids": [community]}
        assert (await offer(http, skills=[skill], **to_it)).status_code == 200
    async with client(app, colleague, **own) as http:
        assert (await offer(http, skills=[skill], scope="organisation")).status_code == 200
        assert (await offer(http, skills=[skill], **to_it)).json()["code"] == "not-your-community"
        assert (await offer(http, skills=[skill], scope="organisation")).status_code == 200
    paused = await mentor(app, skills=[skill], paused=True)

    async def found(subject: str, claims: dict[str, str], **query: Any) -> set[str]:
        async with client(app, subject, **claims) as http:
            answer = (await http.get("/v1/mentors", params={"skill": skill, "limit": 1} | query)).json()
            items = answer["items"]
            while answer["next"]:
                more = {"skill": skill, "limit": 1, "cursor": answer["next"]} | query
                answer = (await http.get("/v1/mentors", params=more)).json()
                items += answer["items"]
            assert len({each["member_id"] for each in items}) == len(items)
            return {each["member_id"] for each in items}

    ids = {name: dev_member_id(name) for name in (everybodys, colleague, fellow, paused)}
    joined = await person(app, **own)
    assert await found(stranger, other) == {ids[everybodys]}
    assert await found(joined, own) == {ids[everybodys], ids[colleague]}
    async with client(app, joined, **own) as http:
        assert (await http.put(f"/v1/communities/{community}/members/me")).status_code == 201
    assert await found(joined, own) == {ids[everybodys], ids[colleague], ids[fellow]}
    assert await found(joined, own, language="ar") == {ids[everybodys]}
    assert await found(joined, own, org_id="aarhus") == {ids[colleague]}
    assert await found(everybodys, {}) == set()  # not oneself
    for subject, claims, whom, status in (
        (stranger, other, colleague, 404),
        (stranger, other, fellow, 404),
        (joined, own, colleague, 200),
        (joined, own, fellow, 200),
    ):
        async with client(app, subject, **claims) as http:
            assert (await http.get(f"/v1/mentors/{ids[whom]}")).status_code == status
        answer = await ask(app, subject, whom, **claims)
        assert answer.status_code == (201 if status == 200 else 404)
    # Who leaves the community is out of reach at once, though the offer still names it.
    async with client(app, fellow) as http, client(app, joined, **own) as other_one:
        member = f"/v1/communities/{community}/members/{dev_member_id(joined)}/role"
        assert (await http.put(member, json={"role": "steward"})).status_code == 200
        assert (await http.delete(f"/v1/communities/{community}/members/me")).status_code == 204
        assert (await other_one.get(f"/v1/mentors/{ids[fellow]}")).status_code == 404
    assert await found(joined, own) == {ids[everybodys], ids[colleague]}


async def test_a_full_mentor_is_shown_as_full(app: FastAPI) -> None:
    skill = f"skill-{new_id()}"
    mira, ben = await mentor(app, skills=[skill], capacity=1), await person(app)
    await do(app, mira, await asked(app, ben, mira), "accept")
    (shown,) = await listed(app, ben, "/v1/mentors", skill=skill)
    assert (shown["open_places"], shown["name"]) == (0, mira)
    assert await listed(app, ben, "/v1/mentors", skill=skill, open=True) == []


async def test_the_lists_are_on_indexes(app: FastAPI) -> None:
    database = app.state.database

    def check(plan: dict[str, Any]) -> None:
        text = str(plan["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in text
        assert "COLLSCAN" not in text
        assert "'SORT'" not in text

    for query, order in (
        ({"mentor_id": "x", "state": "active"}, ("_id", -1)),
        ({"mentee_id": "x", "state": "active"}, ("_id", -1)),
        ({"mentor_id": "x", "mentee_id": "y"}, ("_id", -1)),
        ({"due_at": {"$lte": datetime.now(UTC)}}, ("due_at", 1)),
        ({"mentee_id": "x", "slot": {"$type": "int"}}, ("slot", 1)),
    ):
        check(await database[MENTORSHIPS].find(query).sort(*order).explain())
    communities = [f"community:{n}" for n in range(95)]
    for wanted in (WantedMentor(), WantedMentor("a"), WantedMentor("a", "en", "o", open=True)):
        explaining = _Explaining(database)
        audiences = ["everybody", *communities, "org:x"]
        await listed_mentors(explaining, audiences, wanted, "0", 9)  # type: ignore[arg-type]
        check(explaining.plan)


class _Explaining:
    """Stands for the database, and has the plan of a query instead of its result."""

    def __init__(self, database: Any) -> None:
        self._mentors = database[MENTORS]
        self.plan: dict[str, Any] = {}

    def __getitem__(self, name: str) -> _Explaining:
        return self

    def find(self, query: Any) -> _Explaining:
        self._cursor = self._mentors.find(query)
        return self

    def sort(self, *order: Any) -> _Explaining:
        self._cursor = self._cursor.sort(*order)
        return self

    def limit(self, limit: int) -> _Explaining:
        self._cursor = self._cursor.limit(limit)
        return self

    async def to_list(self, length: int | None) -> list[Any]:
        self.plan = await self._cursor.explain()
        return []
