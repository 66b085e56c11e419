"""Notifications on a real database: what reaches whose inbox, what its API answers, the live stream."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pymongo.errors import OperationFailure

from services.notifications import store, stream
from services.notifications.app import service
from services.notifications.queries import NotificationView
from services.notifications.reactions import reactions
from shared.clock import utc_now
from shared.contracts import EVENTS, Event
from shared.contracts.content import GatheringCancelled
from shared.contracts.discussions import (
    CommentAdded,
    ContentFlagged,
    ContentRedacted,
    ProblemPosted,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.matching import ExpertAsked, SimilarProblemsFound
from shared.contracts.members import (
    CommunityCreated,
    ConnectionRequested,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MemberRemoved,
    ProfileUpdated,
)
from shared.contracts.mentorships import MentorshipCancelled, MentorshipRequested
from shared.contracts.notifications import (
    NotificationDelivered,
    NotificationDeliveredV2,
    NotificationRead,
    NotificationSuppressed,
    NotificationSuppressedV2,
)
from shared.contracts.practices import AdaptationOutcomeReported
from shared.contracts.recommendations import CommunityRecommended
from shared.ids import new_id
from shared.messaging import inbox
from shared.messaging.envelope import Received, headers_of
from shared.messaging.producer import Outgoing, Producer
from shared.storage import UnitOfWork
from shared.testing.harness import SECRET, client, create_topics, eventually, organisations, recorded, running
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id, dev_token
from tests.component.test_scans import profiled


class World:
    """One community with an asker, a solver and a peer, and the service that tells them."""

    def __init__(self, app: FastAPI) -> None:
        self.app, self.database = app, app.state.database
        self.id = new_id()
        self._versions = count(1)
        self.orgs: dict[str, str | None] = {}

    def name(self, who: str) -> str:
        """The token's subject of ``who`` in this world."""
        return f"{who} of {self.id}"

    def member(self, who: str) -> str:
        return dev_member_id(self.name(who))

    def org(self, who: str) -> str | None:
        """The organisation of ``who``."""
        return self.orgs.get(self.member(who))

    def event(self, event: type[Event], **fields: Any) -> Any:
        """An event as in the examples, but for ``fields``; people are named by what they are here."""
        values = event.example().model_dump() | {"community_id": self.id, "thread_id": self.id} | fields
        values["version"] = next(self._versions)
        for field in ("member_id", "author_id", "item_author_id", "asker_id", "expert_id", "endorser_id",
                      "solution_author_id", "problem_author_id", "accepted_by", "editor_id"):  # fmt: skip
            if field in fields:
                values[field] = self.member(fields[field])
        if "mentions" in fields:
            values["mentions"] = [self.member(each) for each in fields["mentions"]]
        return event.model_validate({name: values[name] for name in event.model_fields})

    def proposed(self, **fields: Any) -> Any:
        """The solver proposes a solution to the asker's problem."""
        return self.event(SolutionProposed, problem_author_id="asker", solution_author_id="solver", **fields)

    async def feed(self, *events: Event, at: datetime | None = None) -> None:
        """Handle ``events`` as one batch."""
        batch = [Received(new_id(), event, at or utc_now(), None, None) for event in events]
        await self.database.transact(lambda uow: reactions.apply(batch, uow))
        self.orgs |= organisations(events)

    async def people(self, *names: str) -> None:
        for who in names:
            await self.feed(
                self.event(MemberRegistered, member_id=who, name=who.title()),
                self.event(MemberJoined, member_id=who),
            )

    def client(self, who: str) -> httpx.AsyncClient:
        return client(self.app, self.name(who), org=self.org(who))

    async def inbox(self, who: str, **query: Any) -> list[dict[str, Any]]:
        async with self.client(who) as http:
            answer = await http.get("/v1/inbox", params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def unread(self, who: str) -> int:
        async with self.client(who) as http:
            return int((await http.get("/v1/inbox/count")).json()["unread"])

    async def published(self, event: type[Event], who: str) -> list[Any]:
        rows = await recorded(self.database, type=event.type, key=self.member(who))
        return [EVENTS[row["type"]].read(row["data"]) for row in rows]


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    await create_topics(stack)
    async with running(service, stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    world = World(app)
    await world.people("asker", "solver", "peer")
    return world


# -- delivery ------------------------------------------------------------------------------------------


async def test_an_answer_reaches_the_asker_with_its_reason(world: World) -> None:
    await world.feed(world.proposed(problem_title="Permits wait"))
    (item,) = await world.inbox("asker")
    assert item["kind"] == "reply"
    assert item["text"] == "Solver answered on “Permits wait”"
    assert item["reason"] == "because you wrote the problem that this answers"
    assert item["rule"] == "reply-to-own-work"
    assert item["mute"] == f"PUT /v1/inbox/mutes/{world.id}"
    assert (item["actor_id"], item["actor_name"]) == (world.member("solver"), "Solver")
    assert (item["read"], item["archived"]) == (False, False)
    (event,) = await world.published(NotificationDelivered, "asker")
    assert (event.notification_id, event.rule, event.version) == (item["id"], item["rule"], item["seq"])


async def test_nobody_is_told_of_their_own_act(world: World) -> None:
    await world.feed(
        world.event(CommentAdded, author_id="asker", item_author_id="asker", mentions=["asker"]),
        world.event(SolutionAccepted, solution_author_id="asker", accepted_by="asker"),
    )
    assert await world.inbox("asker") == []
    assert await world.published(NotificationDelivered, "asker") == []


async def test_a_mention_wins_over_a_comment_on_own_work(world: World) -> None:
    await world.feed(
        world.event(CommentAdded, author_id="peer", item_author_id="asker", mentions=["asker", "solver"])
    )
    assert [item["kind"] for item in await world.inbox("asker")] == ["mention"]
    assert [item["kind"] for item in await world.inbox("solver")] == ["mention"]


async def test_who_comes_to_a_gathering_learns_that_it_does_not_take_place(world: World) -> None:
    tell = [world.member(who) for who in ("asker", "peer", "stranger")]
    await world.feed(
        world.event(
            GatheringCancelled, title="Clinic", reason="Flu.", cancelled_by=world.member("peer"), tell=tell
        )
    )
    (item,) = await world.inbox("asker")
    assert (item["kind"], item["note"], item["thread_id"]) == ("gathering-cancelled", "Flu.", world.id)
    assert item["text"] == "Peer cancelled “Clinic”"
    assert await world.inbox("peer") == await world.inbox("stranger") == []


async def test_an_expert_learns_why(world: World) -> None:
    await world.feed(
        world.event(ExpertAsked, expert_id="peer", asker_id="asker", reasons=["states permits (expert)"])
    )
    (item,) = await world.inbox("peer")
    assert (item["kind"], item["rule"]) == ("expert-ask", "asked-as-expert")
    assert item["note"] == "states permits (expert)"


async def test_a_major_revision_reaches_whoever_posted_the_problem(world: World) -> None:
    posted = world.event(ProblemPosted, author_id="asker", title="Permits wait")
    await world.feed(posted, world.event(SolutionRevised, editor_id="solver", major=True, note="New form."))
    (item,) = await world.inbox("asker")
    assert (item["kind"], item["title"], item["note"]) == ("revision", "Permits wait", "New form.")


async def test_what_happened_long_ago_tells_nobody(world: World) -> None:
    old = utc_now() - timedelta(days=8)
    await world.feed(world.proposed(), at=old)
    assert await world.inbox("asker") == []
    assert await world.published(NotificationDelivered, "asker") == []
    assert await world.published(NotificationSuppressed, "asker") == []


@pytest.mark.parametrize("gone", [MemberLeft, MemberRemoved])
async def test_who_left_gets_nothing_and_sees_nothing(world: World, gone: type[Event]) -> None:
    await world.feed(world.proposed())
    (before,) = await world.inbox("asker")
    # In one batch: the departure counts for what follows it.
    await world.feed(world.event(gone, member_id="asker"), world.proposed())
    told = ["member-removed"] if gone is MemberRemoved else []  # of this alone
    assert [item["kind"] for item in await world.inbox("asker")] == told
    assert await world.unread("asker") == len(told)
    (event,) = await world.published(NotificationSuppressed, "asker")
    assert (event.rule, event.version) == ("no-longer-a-member", before["seq"] + len(told) + 1)
    async with world.client("asker") as http:
        assert (await http.post(f"/v1/inbox/{before['id']}/read")).status_code == 404
        everything = await http.post("/v1/inbox/read", json={"up_to_seq": 99})
        assert everything.json() == {"read": len(told)}
    await world.feed(world.event(MemberJoined, member_id="asker"))
    again = (await world.inbox("asker"))[len(told) :]
    assert [(item["id"], item["read"]) for item in again] == [(before["id"], False)]


async def test_a_mention_of_a_stranger_is_suppressed(world: World) -> None:
    await world.feed(
        world.event(CommentAdded, author_id="peer", item_author_id="peer", mentions=["stranger"])
    )
    (event,) = await world.published(NotificationSuppressed, "stranger")
    assert event.rule == "not-a-member"
    assert await world.inbox("stranger") == []


async def test_an_author_not_heard_of_yet_sees_it_once_we_know_them(world: World) -> None:
    await world.feed(world.event(SolutionProposed, problem_author_id="newcomer", solution_author_id="solver"))
    assert await world.inbox("newcomer") == []
    await world.people("newcomer")
    assert [item["kind"] for item in await world.inbox("newcomer")] == ["reply"]


async def test_an_old_membership_event_does_not_undo_a_later_one(world: World) -> None:
    joined = world.event(MemberJoined, member_id="asker")
    await world.feed(world.event(MemberLeft, member_id="asker"))
    await world.feed(joined)  # replayed late
    await world.feed(world.proposed())
    assert await world.inbox("asker") == []


async def test_the_same_event_twice_gives_one_item(world: World, stack: Stack) -> None:
    uow = UnitOfWork()
    for _ in range(2):
        uow.record(world.proposed(), at=utc_now())
    row, marker = uow.recorded
    producer = Producer(stack.kafka, client_id="test")
    await producer.start()
    try:
        for rows in ([row, row], [row], [row, marker]):
            sent = [
                Outgoing(each["topic"], each["key"].encode(), each["data"], headers_of(each)) for each in rows
            ]
            assert all(await producer.send(sent))
    finally:
        await producer.stop()

    async def handled() -> bool:
        return bool(await inbox.handled(world.database, [marker["_id"]]))

    await eventually(handled, within=30)  # behind all copies on the same partition: so they are handled, too
    assert len(await world.inbox("asker")) == 2


async def test_what_is_about_no_community_is_seen_whatever_one_belongs_to(world: World) -> None:
    asker, peer, stranger = world.member("asker"), world.member("peer"), world.member("stranger")
    await world.feed(
        world.event(CommunityCreated, name="Permit offices"),
        world.event(MemberRemoved, member_id="asker", removed_by=peer, reason="Ads."),
        world.event(ConnectionRequested, requester_id=peer, addressee_id=asker, note="Compare notes?",
                    connection_id=f"c-{world.id}"),
        world.event(MentorshipRequested, mentor_id=asker, mentee_id=stranger, message="Hello",
                    mentorship_id=f"m-{world.id}"),
    )  # fmt: skip
    mentorship, connection, removed = await world.inbox("asker")
    assert (removed["text"], removed["note"]) == ("Peer removed you from “Permit offices”", "Ads.")
    assert (connection["text"], connection["note"]) == ("Peer would like to connect", "Compare notes?")
    assert mentorship["text"] == "Somebody asks you to be their mentor"
    assert (mentorship["thread_id"], mentorship["community_id"]) == (None, None)
    assert mentorship["mute"] == f"PUT /v1/inbox/mutes/m-{world.id}"
    assert await world.unread("asker") == 3
    events = await world.published(NotificationDeliveredV2, "asker")
    assert [(event.kind, event.version) for event in events] == [
        ("member-removed", 1), ("connection-request", 2), ("mentorship-request", 3),
    ]  # fmt: skip
    async with world.client("asker") as http:
        assert (await http.post(f"/v1/inbox/{connection['id']}/read")).status_code == 204
        assert (await http.put(f"/v1/inbox/mutes/m-{world.id}")).status_code == 204
    assert await world.unread("asker") == 2
    cancelled = {"mentor_id": asker, "mentee_id": stranger, "mentorship_id": f"m-{world.id}"}
    await world.feed(world.event(MentorshipCancelled, **cancelled))
    (event,) = await world.published(NotificationSuppressedV2, "asker")
    assert (event.rule, event.subject_id) == ("muted-subject", f"m-{world.id}")
    async with world.client("stranger") as http:
        assert (await http.post(f"/v1/inbox/{mentorship['id']}/read")).status_code == 404


async def test_an_internal_community_is_recommended_only_to_who_is_still_of_the_organisation(
    world: World,
) -> None:
    for who in ("ann", "moved"):
        await world.feed(world.event(MemberRegistered, member_id=who, org_id="city"))

    def recommended(who: str) -> Event:
        made: Event = world.event(CommunityRecommended, member_id=who, community_name="Ours", org_id="city")
        return made

    async def moves(who: str, org_id: str | None) -> None:
        await world.feed(world.event(ProfileUpdated, member_id=who, org_id=org_id))

    # Before it is sent.
    await moves("moved", "town")
    await world.feed(recommended("ann"), recommended("moved"))
    assert [item["title"] for item in await world.inbox("ann")] == ["Ours"]
    assert (await world.inbox("moved"), await world.unread("moved")) == ([], 0)
    (event,) = await world.published(NotificationSuppressedV2, "moved")
    assert event.rule == "no-longer-a-member"
    # In one batch with it.
    await moves("moved", "city")
    await world.feed(world.event(ProfileUpdated, member_id="moved", org_id="town"), recommended("moved"))
    assert len(await world.published(NotificationSuppressedV2, "moved")) == 2
    # And after.
    (item,) = await world.inbox("ann")
    for org_id in ("town", None):
        await moves("ann", org_id)
        assert (await world.inbox("ann"), await world.unread("ann")) == ([], 0)
        async with world.client("ann") as http:
            assert (await http.post(f"/v1/inbox/{item['id']}/read")).status_code == 404
    await moves("ann", "city")
    assert await world.unread("ann") == 1
    # Of whom nothing was heard yet: it is there when it was.
    await world.feed(recommended("late"))
    assert await world.inbox("late") == []
    await world.feed(world.event(MemberRegistered, member_id="late", org_id="city"))
    assert len(await world.inbox("late")) == 1


async def test_many_at_once_number_every_recipient_without_gap_or_double(world: World) -> None:
    def endorsed() -> Any:
        return world.event(SolutionEndorsed, solution_author_id="solver", endorser_id="peer")

    await asyncio.gather(*(world.feed(world.proposed(), endorsed(), endorsed()) for _ in range(10)))
    for who, expected in (("asker", 10), ("solver", 20)):
        events = await world.published(NotificationDelivered, who)
        assert [event.version for event in events] == list(range(1, expected + 1))
        assert await store.last_seq(world.database, world.member(who)) == expected


# -- the inbox -----------------------------------------------------------------------------------------


async def test_pages_newest_first(world: World) -> None:
    await world.feed(*(world.proposed() for _ in range(5)))
    seen: list[int] = []
    async with world.client("asker") as http:
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            answer = (await http.get("/v1/inbox", params=query)).json()
            assert len(answer["items"]) <= 2
            seen += [item["seq"] for item in answer["items"]]
            cursor = answer["next"]
    assert seen == [5, 4, 3, 2, 1]


async def test_read_archive_count(world: World) -> None:
    await world.feed(*(world.proposed() for _ in range(4)))
    newest, *_, oldest = await world.inbox("asker")
    async with world.client("asker") as http:
        assert await world.unread("asker") == 4
        for _ in range(2):  # reading twice is reading once
            assert (await http.post(f"/v1/inbox/{newest['id']}/read")).status_code == 204
        assert await world.unread("asker") == 3
        assert (await http.post(f"/v1/inbox/{oldest['id']}/archive")).status_code == 204
        assert await world.unread("asker") == 2
        assert [item["seq"] for item in await world.inbox("asker")] == [4, 3, 2]
        assert [item["seq"] for item in await world.inbox("asker", state="unread")] == [3, 2]
        (archived,) = await world.inbox("asker", state="archived")
        assert (archived["id"], archived["read"]) == (oldest["id"], True)
        answer = await http.post("/v1/inbox/read", json={"up_to_seq": 2})
        assert answer.json() == {"read": 1}
        assert [item["seq"] for item in await world.inbox("asker", state="unread")] == [3]
    read = await world.published(NotificationRead, "asker")
    assert [event.version for event in read] == [5, 6, 7]
    assert read[0].notification_id == newest["id"]


async def test_others_items_do_not_exist(world: World) -> None:
    await world.feed(world.proposed())
    (item,) = await world.inbox("asker")
    async with world.client("solver") as http:
        for act in ("read", "archive"):
            answer = await http.post(f"/v1/inbox/{item['id']}/{act}")
            assert (answer.status_code, answer.json()["code"]) == (404, "no-such-notification")
    assert await world.unread("asker") == 1


async def test_a_muted_thread_is_suppressed_until_unmuted(world: World) -> None:
    async with world.client("asker") as http:
        for _ in range(2):
            assert (await http.put(f"/v1/inbox/mutes/{world.id}")).status_code == 204
        await world.feed(world.proposed())
        assert await world.inbox("asker") == []
        assert [e.rule for e in await world.published(NotificationSuppressed, "asker")] == ["muted-thread"]
        await http.put("/v1/inbox/mutes/another")
        first = (await http.get("/v1/inbox/mutes", params={"limit": 1})).json()
        rest = (await http.get("/v1/inbox/mutes", params={"cursor": first["next"]})).json()
        assert [each["thread_id"] for each in first["items"] + rest["items"]] == [world.id, "another"]
        assert (await http.delete(f"/v1/inbox/mutes/{world.id}")).status_code == 204
    await world.feed(world.proposed())
    assert len(await world.inbox("asker")) == 1


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status"),
    [
        ("GET", "/v1/inbox", {"params": {"cursor": "nonsense"}}, 400),
        ("GET", "/v1/inbox", {"params": {"state": "lost"}}, 422),
        ("GET", "/v1/inbox", {"params": {"limit": 0}}, 422),
        ("POST", "/v1/inbox/read", {"json": {"up_to_seq": -1}}, 422),
        ("POST", "/v1/inbox/read", {"json": {"up_to_seq": "3"}}, 422),
        ("POST", "/v1/inbox/read", {"json": {"up_to_seq": 3, "more": 1}}, 422),
        ("POST", "/v1/inbox/nothing/read", {}, 404),
        ("POST", "/v1/inbox/%00/archive", {}, 404),
        ("PUT", "/v1/inbox/mutes/a%20b", {}, 422),
        ("GET", "/v1/inbox/mutes", {"params": {"cursor": "nonsense"}}, 400),
        ("GET", "/v1/stream", {"headers": {"Last-Event-ID": "soon"}}, 400),
        ("GET", "/v1/stream", {"headers": {"Last-Event-ID": "-1"}}, 400),
        ("GET", "/v1/stream", {"headers": {"Last-Event-ID": "7"}}, 400),
        ("GET", "/v1/stream", {"headers": {"Last-Event-ID": "9" * 50}}, 400),
    ],
)
async def test_bad_input_is_a_problem(
    world: World, method: str, path: str, arguments: dict[str, Any], status: int
) -> None:
    async with world.client("asker") as http:
        answer = await http.request(method, path, **arguments)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


# -- the stream ----------------------------------------------------------------------------------------


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    """``app`` on a free port: httpx's ASGI transport cannot stream."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as (url, _):
        yield url


class Ear:
    """A client that listens to a stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def message(self) -> dict[str, str]:
        """The next message: its fields by name (a comment's is empty)."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(15):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
                elif fields:
                    return fields
        raise EOFError

    async def items(self, number: int) -> list[dict[str, Any]]:
        """The next ``number`` notifications."""
        found: list[dict[str, Any]] = []
        while len(found) < number:
            message = await self.message()
            if message.get("event") == "notification":
                found.append(json.loads(message["data"]))
                assert message["id"] == str(found[-1]["seq"])
        return found


@asynccontextmanager
async def listening(world: World, url: str, who: str, last: int | None = None) -> AsyncIterator[Ear]:
    headers = {"Authorization": f"Bearer {dev_token(SECRET, world.name(who), org=world.org(who))}"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http,
        http.stream("GET", "/v1/stream") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Ear(answer.aiter_lines())


async def test_what_happens_is_streamed(world: World, url: str) -> None:
    await world.feed(world.proposed())
    async with listening(world, url, "asker") as ear:
        hello = await ear.message()
        assert hello["id"] == "1"
        assert "data" not in hello
        await world.feed(world.proposed())
        (item,) = await ear.items(1)
        assert item["seq"] == 2
        assert item == (await world.inbox("asker"))[0]


async def test_catches_up_after_a_gap(world: World, url: str) -> None:
    async with listening(world, url, "asker") as ear:
        await ear.message()
        await world.feed(world.proposed())
        assert [item["seq"] for item in await ear.items(1)] == [1]
    await world.feed(*(world.proposed() for _ in range(150)))  # more than a page
    async with listening(world, url, "asker", last=1) as ear:
        assert [item["seq"] for item in await ear.items(150)] == list(range(2, 152))
        await world.feed(world.proposed())
        assert [item["seq"] for item in await ear.items(1)] == [152]


async def test_two_streams_of_one_member_and_one_of_another(world: World, url: str) -> None:
    async with (
        listening(world, url, "asker") as one,
        listening(world, url, "asker") as other,
        listening(world, url, "solver") as solver,
    ):
        for ear in (one, other, solver):
            await ear.message()
        endorsed = world.event(SolutionEndorsed, solution_author_id="solver", endorser_id="peer")
        await world.feed(world.proposed(), endorsed)
        assert [item["kind"] for item in await one.items(1)] == ["reply"]
        assert [item["kind"] for item in await other.items(1)] == ["reply"]
        assert [item["kind"] for item in await solver.items(1)] == ["endorsement"]


async def test_the_stream_is_exact_under_concurrency(world: World, url: str) -> None:
    async with listening(world, url, "asker") as ear:
        await ear.message()
        await asyncio.gather(*(world.feed(world.proposed(), world.proposed()) for _ in range(15)))
        assert [item["seq"] for item in await ear.items(30)] == list(range(1, 31))


async def test_who_left_hears_nothing_more(world: World, url: str) -> None:
    await world.feed(world.proposed())
    async with listening(world, url, "asker", last=0) as ear:
        assert len(await ear.items(1)) == 1
    await world.feed(world.proposed(), world.event(MemberLeft, member_id="asker"))
    elsewhere = World(world.app)
    elsewhere.name = world.name  # type: ignore[method-assign]  # the same people in another community
    await elsewhere.people("asker")
    await elsewhere.feed(elsewhere.proposed())
    async with listening(world, url, "asker", last=1) as ear:
        (item,) = await ear.items(1)
        assert item["community_id"] == elsewhere.id


async def test_a_lost_change_stream_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = asyncio.Event()
    original = store.counter_changes

    class Broken:
        async def __aenter__(self) -> Broken:
            return self

        async def __aexit__(self, *_: object) -> None:
            broken.set()

        async def try_next(self) -> None:
            raise OperationFailure("resume point lost", code=286)

    monkeypatch.setattr(store, "counter_changes", lambda _: Broken())
    monkeypatch.setattr(stream, "_RETRY_SECONDS", 0.05)
    hub = stream.Hub(world.database)
    listener = asyncio.create_task(hub.run())
    try:
        coming = asyncio.ensure_future(_first(world, hub))
        await asyncio.wait_for(broken.wait(), 10)  # so it is connected, and has read what there was: nothing
        await world.feed(world.proposed())  # while nobody hears of it
        assert not coming.done()
        monkeypatch.setattr(store, "counter_changes", original)
        assert (await asyncio.wait_for(coming, 10)).seq == 1
    finally:
        listener.cancel()


async def _first(world: World, hub: stream.Hub) -> NotificationView:
    return await anext(
        stream.follow(world.database, hub, stream.Connection(), world.member("asker"), 0, lifetime=3600)
    )


async def test_a_server_that_stops_ends_its_streams(world: World) -> None:
    async with served(world.app) as (url, server), listening(world, url, "asker") as ear:
        await ear.message()
        server.should_exit = True
        with pytest.raises(EOFError):  # in good order, not cut off
            await ear.message()


async def test_a_closed_hub_ends_its_streams(world: World) -> None:
    hub = stream.Hub(world.database)
    listener = asyncio.create_task(hub.run())
    try:
        views = stream.follow(
            world.database, hub, stream.Connection(), world.member("asker"), 0, lifetime=3600
        )
        waiting = asyncio.ensure_future(anext(views, None))
        await asyncio.sleep(0)  # it connects
        assert not waiting.done()
        hub.close()
        assert await asyncio.wait_for(waiting, 5) is None
    finally:
        listener.cancel()


async def test_a_stream_ends_after_its_lifetime(world: World) -> None:
    hub = stream.Hub(world.database)
    await world.feed(world.proposed())
    views = stream.follow(world.database, hub, stream.Connection(), world.member("asker"), 0, lifetime=0.2)
    assert [view.seq async for view in views] == [1]


# -- anonymous -----------------------------------------------------------------------------------------


async def test_who_asks_anonymously_is_named_in_no_notification(world: World) -> None:
    posted = world.event(ProblemPosted, author_id="asker", anonymous=True)
    asked = world.event(ExpertAsked, expert_id="solver", asker_id="asker", anonymous=True)
    said = world.event(
        CommentAdded, author_id="asker", item_author_id="solver", mentions=["peer"], item_kind="solution"
    )
    await world.feed(asked)  # from another topic: it may come first
    await world.feed(posted)
    accepted = world.event(SolutionAccepted, solution_author_id="solver", accepted_by="asker")
    await world.feed(said, accepted, world.proposed())
    for who, kinds in (("solver", ["acceptance", "comment", "expert-ask"]), ("peer", ["mention"])):
        items = await world.inbox(who)
        assert [each["kind"] for each in items] == kinds
        assert world.member("asker") not in json.dumps(items)
        assert "Asker" not in json.dumps(items)
        assert {(each["actor_id"], each["actor_name"]) for each in items} == {(None, None)}
        assert all("Somebody" in each["text"] for each in items)
    (reply,) = await world.inbox("asker")  # others are named
    assert reply["actor_name"] == "Solver"


# -- hidden --------------------------------------------------------------------------------------------


async def test_nobody_is_told_of_what_moderators_hid(world: World) -> None:
    before = world.event(
        CommentAdded, author_id="peer", item_author_id="solver", mentions=[], comment_id="c1"
    )
    hides = world.event(ContentFlagged, change="hidden", hidden=True, item_id="c1")
    await world.feed(before)
    assert (len(await world.inbox("solver")), await world.unread("solver")) == (1, 1)
    await world.feed(hides)
    assert (await world.inbox("solver"), await world.unread("solver")) == ([], 0)
    again = world.event(
        CommentAdded, author_id="peer", item_author_id="solver", mentions=["asker"], comment_id="c1"
    )
    await world.feed(again)
    assert await world.inbox("asker") == []
    assert (await world.published(NotificationSuppressed, "asker"))[-1].rule == "hidden-content"
    shows = world.event(ContentFlagged, change="shown", hidden=False, item_id="c1")
    await world.feed(shows, hides)  # a replay changes nothing
    assert [each["subject_id"] for each in await world.inbox("solver")] == ["c1"]
    await world.feed(world.event(ContentFlagged, change="hidden", hidden=True, item_id=world.id))
    assert await world.inbox("solver") == []  # the whole thread


# -- what is named beside ------------------------------------------------------------------------------


async def told_of(world: World, url: str, who: str) -> list[str | None]:
    """The notes that somebody sees: the same in the list and on a stream, and as many count."""
    items = await world.inbox(who)
    assert await world.unread(who) == len(items)
    await world.feed(world.event(ConnectionRequested, requester_id=new_id(), addressee_id=world.member(who)))
    async with listening(world, url, who, last=0) as ear:
        streamed = await ear.items(len(items) + 1)
    assert streamed[:-1] == items[::-1]
    async with world.client(who) as http:
        assert (await http.post(f"/v1/inbox/{streamed[-1]['id']}/archive")).status_code == 204
    return [item["note"] for item in items]


def similar(world: World, *problems: str, asker: str = "asker") -> Any:
    """The asker's problem is like ``problems``."""
    [one] = SimilarProblemsFound.example().similar
    found = [
        one.model_copy(update={"thread_id": f"{each} of {world.id}", "title": each.title(),
                               "reasons": ["old"], "community_id": world.id})
        for each in problems
    ]  # fmt: skip
    return world.event(SimilarProblemsFound, asker_id=asker, similar=found, problem_title="Permits wait")


def hides(world: World, item_id: str, *, hidden: bool = True) -> Any:
    change = "hidden" if hidden else "shown"
    return world.event(ContentFlagged, change=change, hidden=hidden, item_id=item_id, thread_id=item_id)


async def test_a_title_that_was_redacted_later_stands_nowhere(world: World, url: str) -> None:
    first = f"first of {world.id}"
    await world.feed(similar(world, "first", "second"), world.proposed(problem_title="Permits wait"))
    assert await told_of(world, url, "asker") == [None, "First (old); Second (old)"]
    redacted = world.event(ContentRedacted, item_kind="problem", item_id=first, thread_id=first)
    own = world.event(ContentRedacted, item_kind="problem", item_id=world.id)
    await world.feed(redacted, own)
    assert await told_of(world, url, "asker") == [None, "[redacted] (old); Second (old)"]
    reply, _ = await world.inbox("asker")
    assert (reply["title"], reply["text"]) == ("[redacted]", "Solver answered on “[redacted]”")
    await world.feed(similar(world, "first"))  # from another topic: it may come late
    assert (await told_of(world, url, "asker"))[0] == "[redacted] (old)"
    rows = await world.database["items"].find({"_id": {"$regex": world.member("asker")}}).to_list(length=None)
    threads = await world.database["threads"].find({"_id": first}).to_list(length=None)
    assert "First" not in repr(rows + threads)
    await world.feed(world.event(ProblemUpdated, author_id="peer", title="Seconds", thread_id=first))
    assert (await told_of(world, url, "asker"))[0] == "Seconds (old)"


async def test_a_problem_that_is_hidden_is_named_nowhere_until_it_is_shown_again(
    world: World, url: str
) -> None:
    first, second = f"first of {world.id}", f"second of {world.id}"
    await world.feed(similar(world, "first", "second"))
    await world.feed(hides(world, first))
    assert await told_of(world, url, "asker") == ["Second (old)"]
    await world.feed(hides(world, second))
    assert await told_of(world, url, "asker") == []  # it tells of nothing else
    item_id = f"{world.member('asker')}:{1:012d}"
    async with world.client("asker") as http:
        assert (await http.post(f"/v1/inbox/{item_id}/read")).status_code == 404
        assert (await http.post("/v1/inbox/read", json={"up_to_seq": 1})).json() == {"read": 0}
    await world.feed(similar(world, "first", "second", asker="peer"))
    assert await world.inbox("peer") == []
    suppressed = await world.published(NotificationSuppressedV2, "peer")
    assert [event.rule for event in suppressed] == ["hidden-content"]
    await world.feed(hides(world, first, hidden=False))
    assert await told_of(world, url, "asker") == ["First (old)"]


async def test_a_problem_that_was_taken_back_is_named_no_more(world: World, url: str) -> None:
    await world.feed(similar(world, "first", "second"))
    await world.feed(world.event(ProblemWithdrawn, thread_id=f"first of {world.id}"))
    assert await told_of(world, url, "asker") == ["Second (old)"]


async def test_a_community_that_the_reader_left_is_named_no_more(world: World, url: str) -> None:
    old = new_id()
    await world.feed(
        world.event(MemberJoined, member_id="asker", community_id=old),
        world.event(CommunityRecommended, member_id="asker", reasons=["it is about permits"], items_a_week=6,
                    leave_community_id=old, leave_community_name="Old", leave_reason="you are silent there"),
        world.event(CommunityRecommended, member_id="asker", reasons=["members of Old take part in it"],
                    items_a_week=1, named_community_id=old),
        similar(world, "first"),
    )  # fmt: skip
    swap = "in exchange for Old, as you are silent there; it is about permits; about 6 items a week"
    others = "members of Old take part in it; about 1 items a week"
    assert await told_of(world, url, "asker") == ["First (old)", others, swap]
    await world.feed(
        world.event(MemberLeft, member_id="asker", community_id=old),
        world.event(MemberLeft, member_id="asker"),
    )
    left = ["about 1 items a week", "it is about permits; about 6 items a week"]
    assert await told_of(world, url, "asker") == left


async def test_what_was_quoted_is_redacted_with_what_it_was_quoted_from(world: World, url: str) -> None:
    await world.feed(world.event(ProblemPosted, author_id="asker", title="Permits wait"))

    def revised(note: str) -> Any:
        return world.event(SolutionRevised, editor_id="solver", major=True, note=note, solution_id="s1")

    early = revised("Ann does it.")
    kept = revised("Ben does it.")
    redacted = world.event(ContentRedacted, item_kind="solution", item_id="s1")
    await world.feed(kept, redacted)  # in one batch
    await world.feed(early)  # replayed late
    await world.feed(revised("Somebody does it."))
    assert await told_of(world, url, "asker") == ["Somebody does it.", "[redacted]", "[redacted]"]
    outcome = {
        "author_ids": [world.member("solver")],
        "adopter_id": world.member("peer"),
        "adaptation_id": "a1",
    }
    await world.feed(world.event(AdaptationOutcomeReported, note="It works.", **outcome))
    assert await told_of(world, url, "solver") == ["It works."]
    await world.feed(hides(world, "a1"))
    assert await told_of(world, url, "solver") == []


async def test_what_was_stored_before_names_were_kept_is_read_as_it_is(world: World, url: str) -> None:
    await world.feed(world.proposed())
    kept = {"_id": f"{world.member('asker')}:{1:012d}"}
    thread_id = f"old {world.id}"
    old = {"title": "Permits wait", "note": "Signatures (old)", "thread_id": thread_id}
    await world.database["items"].update_one(kept, {"$set": old})
    [item] = await world.inbox("asker")
    assert (item["title"], item["note"]) == ("Permits wait", "Signatures (old)")
    assert await told_of(world, url, "asker") == ["Signatures (old)"]
    await world.feed(
        world.event(ContentRedacted, item_kind="problem", item_id=thread_id, thread_id=thread_id)
    )
    assert [each["title"] for each in await world.inbox("asker")] == ["[redacted]"]


async def test_nothing_of_it_scans_a_collection(world: World) -> None:
    quoting = world.event(SolutionRevised, editor_id="solver", major=True, note="New form.", solution_id="s2")
    async with profiled(world.database) as scans:
        await world.feed(world.event(ProblemPosted, author_id="asker"), quoting, similar(world, "first"))
        await world.feed(world.event(ContentRedacted, item_kind="solution", item_id="s2"))
        revision = (await world.inbox("asker"))[-1]
        assert (revision["note"], await world.unread("asker")) == ("[redacted]", 2)
        async with world.client("asker") as http:
            assert (await http.post("/v1/inbox/read", json={"up_to_seq": 2})).json() == {"read": 2}
    assert not scans, "\n".join(scans)
