"""A member's whole life and its erasure, through all four services at once on a real stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pymongo import MongoClient
from typer.testing import CliRunner

from deploy.cli import erasing
from deploy.cli.main import app as command
from deploy.cli.serve import service_called
from shared.contracts import EVENTS
from shared.contracts.members import MemberErased
from shared.contracts.topics import EVENT_TOPICS, SERVICES
from shared.ids import is_former_member, new_id
from shared.messaging import inbox
from shared.messaging.envelope import type_of
from shared.messaging.producer import Outgoing, Producer
from shared.storage.personal import SETTLE
from shared.testing.harness import SECRET, Tap, client, eventually, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import OPERATE_SCOPE, dev_member_id, dev_token

ORG = "city-of-aarhus"
LATE = ("no-such-community", "no-such-problem")
"""What a service says that has not yet heard of what others did."""
URLS = {name: f"http://{name}.test" for name in SERVICES}


class Hands:
    """A clock that a test sets forward; tokens keep the real time."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Platform:
    """The four services in this process, and everything that they published."""

    def __init__(self, apps: dict[str, FastAPI], stack: Stack, hands: Hands, tap: Tap) -> None:
        self.apps, self.stack, self.hands, self.tap = apps, stack, hands, tap

    async def ask(
        self, who: str, service: str, method: str, path: str, body: Any = None, **claims: Any
    ) -> Any:
        """The answer's body; waits while the service has not heard of what this builds on."""

        async def attempt() -> httpx.Response | None:
            async with client(self.apps[service], who, org=ORG, **claims) as http:
                answer = await http.request(method, f"/v1{path}", json=body, headers=headers)
            return None if answer.status_code == 404 and answer.json()["code"] in LATE else answer

        headers: dict[str, str] = {}
        if method == "PUT" and path.startswith("/members/me"):
            async with client(self.apps[service], who, org=ORG) as http:
                headers["If-Match"] = (await http.get("/v1/members/me")).headers["ETag"]
        answer = await eventually(attempt)
        assert answer is not None
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def operator(self) -> httpx.AsyncClient:
        token = dev_token(SECRET, "operator", scopes=[OPERATE_SCOPE])
        mounts = {url: httpx.ASGITransport(self.apps[name]) for name, url in URLS.items()}
        return httpx.AsyncClient(mounts=mounts, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    async def nothing_left(self, member_id: str) -> None:
        """Wait until each service says that it has nothing, and see for ourselves."""
        async with self.operator() as http:

            async def gone() -> bool:
                left = await erasing.remaining(http, member_id, URLS)
                print(left)  # shown where it does not end
                return not left

            await eventually(gone)
        assert not await asyncio.to_thread(self._naming, member_id)

    def _naming(self, member_id: str) -> list[tuple[str, Any]]:
        with MongoClient[dict[str, Any]](self.stack.mongodb) as mongo:
            return [
                (f"{database.name}.{name}", document)
                for database in (mongo[app.state.database.name] for app in self.apps.values())
                for name in database.list_collection_names()
                for document in database[name].find({})
                if member_id in repr(document)
            ]

    async def replay_everything(self) -> int:
        """Publish again all that was published, as if nobody had seen it: with new ids."""
        again = [
            Outgoing(
                record.topic,
                record.key,
                record.value,
                [(key, new_id().encode() if key == "ce_id" else value) for key, value in record.headers],
            )
            for record in self.tap.records
        ]
        producer = Producer(self.stack.kafka, client_id="replay")
        await producer.start()
        assert all(await producer.send(again))
        await producer.stop()
        for app in self.apps.values():
            taken = app.state.runtime.reactions.events
            ids = [
                dict(each.headers or [])["ce_id"].decode()
                for each, record in zip(again, self.tap.records, strict=True)
                if type_of(record) in taken
            ]

            async def handled(database: Any = app.state.database, ids: list[str] = ids) -> bool:
                return len(await inbox.handled(database, ids)) == len(ids)

            await eventually(handled)
        return len(again)


@pytest.fixture
async def platform(topics: Stack) -> AsyncIterator[Platform]:
    hands = Hands()
    settings = settings_for(topics, clockwork_seconds=0.2)
    async with AsyncExitStack() as stack:
        tap = await stack.enter_async_context(Tap.open(topics, *(topic.name for topic in EVENT_TOPICS)))
        started = await asyncio.gather(
            *(
                stack.enter_async_context(running(service_called(name), topics, settings, hands))
                for name in SERVICES
            )
        )
        yield Platform(dict(zip(SERVICES, started, strict=True)), topics, hands, tap)


async def test_erased_everywhere_and_nothing_brings_them_back(platform: Platform) -> None:
    ask = platform.ask
    ann, bob, cyd = (f"{name}-{new_id()}" for name in ("ann", "bob", "cyd"))
    who = dev_member_id(ann)
    for person in (ann, bob, cyd):
        await ask(
            person,
            "members",
            "POST",
            "/members",
            {"name": person, "craft": "Permits", "time_zone": "Europe/Berlin"},
        )
    skills = {"skills": [{"name": "permits", "level": "expert", "evidence": {"text": "Forms"}}]}
    await ask(ann, "members", "PUT", "/members/me/skills", skills)
    await ask(ann, "members", "POST", "/organisations", {"name": "Aarhus"})
    rules = {"endorse_after_days": 0}
    new = {"name": "Permits", "kind": "external", "about": "…", "rules": rules}
    community = (await ask(bob, "members", "POST", "/communities", new))["id"]
    own = (await ask(ann, "members", "POST", "/communities", new | {"name": "Ann's"}))["id"]
    for person, place in ((ann, community), (cyd, community), (bob, own)):
        await ask(person, "members", "PUT", f"/communities/{place}/members/me")
    made = await ask(
        ann, "members", "POST", "/connections", {"member_id": dev_member_id(bob), "note": "Hello"}
    )
    await ask(bob, "members", "POST", f"/connections/{made['id']}/accept")
    asked = await ask(cyd, "members", "POST", "/connections", {"member_id": who})
    offer = {
        "capacity": 1, "skills": ["permits"], "languages": ["en"], "hours_per_month": 2, "scope": "everybody",
    }  # fmt: skip
    await _mentorship(platform, ann, cyd, offer)

    context = {"size": "4 people", "constraints": "Paper", "culture": "Careful", "tried": "Reminders"}
    text = {"title": "Permits wait", "body": "Nine days.", "tags": ["permits"], "context": context}
    theirs = (await ask(ann, "discussions", "POST", f"/communities/{community}/problems", text))["id"]
    other = (await ask(bob, "discussions", "POST", f"/communities/{community}/problems", text))["id"]
    await eventually(_listed(platform, ann, "matching", "/asks"))  # who is asked before it is answered
    solved = (await ask(ann, "discussions", "POST", f"/problems/{other}/solutions", {"body": "Sign."}))["id"]
    answer = (await ask(bob, "discussions", "POST", f"/problems/{theirs}/solutions", {"body": "Do."}))["id"]
    await ask(ann, "discussions", "PUT", f"/solutions/{answer}/endorsement", {"basis": "tried"})
    await ask(bob, "discussions", "PUT", f"/solutions/{solved}/endorsement", {"basis": "tried"})
    said = {"item_kind": "solution", "item_id": solved, "body": f"Thanks @{who}", "mentions": [who]}
    comment = (await ask(bob, "discussions", "POST", f"/threads/{other}/comments", said))["id"]
    reply = {"item_kind": "comment", "item_id": comment, "body": "Welcome"}
    await ask(ann, "discussions", "POST", f"/threads/{other}/comments", reply)

    async def told(subject: str, least: int) -> bool:
        return len((await ask(subject, "notifications", "GET", "/inbox"))["items"]) >= least

    await eventually(lambda: told(ann, 4))  # answered, endorsed, mentioned, asked as an expert
    await eventually(lambda: told(bob, 3))

    held = {name: (await ask(ann, name, "GET", "/members/me/data"))["held"] for name in SERVICES}
    assert held["members"].keys() >= {"members", "memberships", "connections", "mentors", "mentorships"}
    assert held["discussions"].keys() >= {
        "comments", "contributions", "endorsements", "memberships", "people", "revisions", "solutions",
        "threads",
    }  # fmt: skip
    assert held["matching"].keys() >= {"activity", "asks", "memberships", "people", "workloads"}
    assert held["notifications"].keys() >= {"items", "memberships", "people", "recipients"}
    assert [row["_id"] for row in held["discussions"]["threads"]] == [theirs]

    async with client(platform.apps["members"], ann, org=ORG) as http:
        unsure = await http.request("DELETE", "/v1/members/me", json={"confirmation": "yes"})
        assert (unsure.status_code, unsure.json()["code"]) == (422, "not-confirmed")
        erased = await http.request("DELETE", "/v1/members/me", json={"confirmation": who})
        assert erased.status_code == 204, erased.text
        for method, path, body in (
            ("GET", "/members/me", None), ("GET", f"/members/{who}", None), ("GET", "/members/me/data", None),
            ("POST", "/members", {"name": "Ann again"}), ("DELETE", "/members/me", {"confirmation": who}),
        ):  # fmt: skip
            refused = await http.request(method, f"/v1{path}", json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "erased"), path
    with pytest.raises(AssertionError, match="no-such-member"):
        await ask(bob, "members", "GET", f"/members/{who}")
    await platform.tap.event(MemberErased, member_id=who)
    for name in SERVICES:

        async def is_refused(name: str = name) -> bool:
            async with client(platform.apps[name], ann) as http:
                return (await http.get("/v1/members/me/data")).status_code == 403

        await eventually(is_refused)
    # At once: what they had to do with others is over.
    for place in (community, own):
        members = (await ask(bob, "members", "GET", f"/communities/{place}/members"))["items"]
        assert who not in {each["member_id"] for each in members}
    assert (await ask(bob, "members", "GET", "/members/me/connections"))["items"] == []

    async with platform.operator() as http:
        left = await erasing.remaining(http, who, URLS)
        assert any("in erasures" in line for line in left), (
            "too early: a transaction could still be under way"
        )
    platform.hands.ahead += SETTLE
    await platform.nothing_left(who)

    seen = await ask(bob, "discussions", "GET", f"/problems/{theirs}")
    assert (seen["title"], seen["author"]["name"], seen["author"]["org_id"]) == (
        "Permits wait",
        "A former member",
        None,
    )
    assert is_former_member(seen["author"]["id"])
    solution = await ask(bob, "discussions", "GET", f"/solutions/{solved}")
    assert (solution["author"]["name"], solution["endorsements"]) == ("A former member", 1)
    inbox = (await ask(bob, "notifications", "GET", "/inbox"))["items"]
    assert {each["actor_name"] for each in inbox} >= {"A former member"}
    assert not any(each["actor_id"] == who for each in inbox)
    ended = {type(each.event).__name__ for each in platform.tap.events() if who in each.event.members()}
    assert ended >= {"MemberLeft", "ConnectionEnded", "ConnectionDeclined", "MentorWithdrawn"}
    assert asked["id"] != made["id"]

    assert await platform.replay_everything() > 30
    await platform.nothing_left(who)
    assert (await ask(bob, "discussions", "GET", f"/problems/{theirs}"))["author"][
        "name"
    ] == "A former member"

    # What happens afterwards on what they wrote does not look for them.
    await ask(cyd, "discussions", "POST", f"/problems/{theirs}/solutions", {"body": "Or so."})
    await platform.nothing_left(who)
    async with platform.operator() as http:
        assert (await http.put(f"{URLS['members']}/v1/erasures/{who}")).status_code == 204
        assert (await http.put(f"{URLS['members']}/v1/erasures/nobody")).status_code == 404
    async with client(platform.apps["members"], bob) as http:
        assert (await http.get(f"/v1/erasures/{who}")).json()["code"] == "scope-missing"
        assert (await http.put(f"/v1/erasures/{who}")).json()["code"] == "scope-missing"


def _listed(platform: Platform, who: str, service: str, path: str) -> Callable[[], Awaitable[list[Any]]]:
    async def items() -> list[Any]:
        found: list[Any] = (await platform.ask(who, service, "GET", path))["items"]
        return found

    return items


async def _mentorship(platform: Platform, mentor: str, mentee: str, offer: dict[str, Any]) -> None:
    await platform.ask(mentor, "members", "PUT", "/members/me/mentoring", offer)
    wanted = {"mentor_id": dev_member_id(mentor), "message": "Please", "goals": []}
    mentorship = (await platform.ask(mentee, "members", "POST", "/mentorships", wanted))["id"]
    await platform.ask(mentor, "members", "POST", f"/mentorships/{mentorship}/accept")


def test_the_command_says_what_it_cannot_do() -> None:
    unreachable = [f"--{name}-url=http://127.0.0.1:9" for name in SERVICES]
    for more in ([], ["--verify"]):
        ran = CliRunner().invoke(command, ["erase", "ann", "--token", "t", *more, *unreachable])
        assert ran.exit_code == 1, ran.output
        assert "ConnectError" in ran.output


def test_every_event_is_of_a_topic_that_is_tapped() -> None:
    assert {event.topic for event in EVENTS.values()} <= set(EVENT_TOPICS)
