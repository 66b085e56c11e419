"""Connections through HTTP, on a real stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.members import queries
from services.members.app import service
from shared.contracts.members import ConnectionEnded, ConnectionRequested
from shared.contracts.topics import CONNECTIONS
from shared.ids import new_id
from shared.testing.harness import Tap, client, running
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id


class Hands:
    """A clock that a test sets forward; tokens keep the real time."""

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


async def person(app: FastAPI) -> str:
    """The subject of somebody who has just registered."""
    subject = f"person-{new_id()}"
    async with client(app, subject) as http:
        assert (await http.post("/v1/members", json={"name": subject})).status_code == 201
    return subject


async def ask(http: httpx.AsyncClient, of: str, **fields: Any) -> httpx.Response:
    return await http.post("/v1/connections", json={"member_id": dev_member_id(of), **fields})


async def connect(app: FastAPI, one: str, other: str) -> str:
    async with client(app, one) as a, client(app, other) as b:
        connection: str = (await ask(a, other)).json()["id"]
        assert (await b.post(f"/v1/connections/{connection}/accept")).json()["state"] == "connected"
    return connection


async def listed(http: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    while True:
        answer = (await http.get(path, params=query)).json()
        items += answer["items"]
        if not answer["next"]:
            return items
        query["cursor"] = answer["next"]


async def test_requested_made_and_ended_and_the_events_in_order(app: FastAPI, topics: Stack) -> None:
    ann, bob, eve = [await person(app) for _ in range(3)]
    async with Tap.open(topics, CONNECTIONS.name) as tap:
        async with client(app, ann) as a, client(app, bob) as b, client(app, eve) as e:
            asked = await ask(a, bob, note="Compare notes?", thread_id="t1")
            assert asked.status_code == 201
            address = asked.headers["Location"]
            assert (asked.json()["note"], asked.json()["thread_id"]) == ("Compare notes?", "t1")
            for method, end in (("GET", ""), ("POST", "/accept"), ("POST", "/decline"), ("DELETE", "")):
                hidden = await e.request(method, address + end)
                assert (hidden.status_code, hidden.json()["code"]) == (404, "no-such-connection")
            assert (await a.post(f"{address}/accept")).json()["code"] == "not-the-addressee"
            assert (await b.post(f"{address}/accept")).json()["state"] == "connected"
            assert (await b.post(f"{address}/accept")).json()["code"] == "wrong-connection-state"
            for side in (a, b):
                assert [each["id"] for each in await listed(side, "/v1/members/me/connections")] == [
                    asked.json()["id"]
                ]
            assert (await ask(b, ann)).json()["code"] == "already-connected"
            assert (await b.delete(address)).status_code == 204
            assert await listed(a, "/v1/members/me/connections") == []
            assert len(await listed(a, "/v1/members/me/connections", state="ended")) == 1
        await tap.event(ConnectionEnded, connection_id=asked.json()["id"], ended_by=dev_member_id(bob))
    seen = [each.event for each in tap.events() if each.event.key == asked.json()["id"]]
    assert [(event.event_name, event.version) for event in seen] == [
        ("connection-requested", 1), ("connection-made", 2), ("connection-ended", 3),
    ]  # fmt: skip
    assert isinstance(seen[0], ConnectionRequested)
    assert seen[0].note == "Compare notes?"


async def test_many_requests_at_once_from_both_sides_make_one_connection(app: FastAPI) -> None:
    ann, bob = await person(app), await person(app)
    async with client(app, ann) as a, client(app, bob) as b:
        answers = await asyncio.gather(*(ask(a, bob) if n % 2 else ask(b, ann) for n in range(10)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
        assert {answer.json().get("code") for answer in answers} == {None, "already-requested"}
        assert len(await listed(a, "/v1/members/me/connections", state="requested")) == 1


async def test_accepted_and_declined_at_once_is_one_of_both(app: FastAPI) -> None:
    ann, bob = await person(app), await person(app)
    async with client(app, ann) as a, client(app, bob) as b:
        address = (await ask(a, bob)).headers["Location"]
        accepted, declined = await asyncio.gather(b.post(f"{address}/accept"), b.post(f"{address}/decline"))
        assert sorted([accepted.status_code, declined.status_code]) == [200, 409]


async def test_who_was_declined_waits(app: FastAPI, hands: Hands) -> None:
    ann, bob = await person(app), await person(app)
    async with client(app, ann) as a, client(app, bob) as b:
        address = (await ask(a, bob)).headers["Location"]
        assert (await b.post(f"{address}/decline")).json()["state"] == "declined"
        early = await ask(a, bob)
        assert (early.status_code, early.json()["code"]) == (409, "declined-lately")
        hands.ahead += timedelta(days=31)
        assert (await ask(a, bob)).status_code == 201


async def test_asking_nobody_or_as_nobody(app: FastAPI) -> None:
    ann = await person(app)
    async with client(app, ann) as a, client(app, f"person-{new_id()}") as unregistered:
        for http, whom, status, code in (
            (a, "nobody", 404, "no-such-member"),
            (unregistered, ann, 404, "not-registered"),
            (a, ann, 422, "connection-with-oneself"),
        ):
            answer = await ask(http, whom)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert (await ask(a, "x", note="n" * 2001)).json()["errors"][0]["field"] == "/note"


async def test_mutual_ones_page_by_page(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MUTUAL_STEP", 2)
    ann, bob, *others = [await person(app) for _ in range(7)]
    mutual, only_ann, former = others[:3], others[3], others[4]
    for other in others:
        await connect(app, ann, other)
    for other in mutual:
        await connect(app, other, bob)
    async with client(app, bob) as b:
        await ask(b, only_ann)  # no more than asked
        assert (await b.delete(f"/v1/connections/{await connect(app, former, bob)}")).status_code == 204
    async with client(app, ann) as a:
        path = f"/v1/members/{dev_member_id(bob)}/mutual-connections"
        for limit in (1, 2, 50):
            items = await listed(a, path, limit=limit)
            assert [each["member_id"] for each in items] == [dev_member_id(who) for who in reversed(mutual)]
        assert (await a.get(f"/v1/members/{dev_member_id(ann)}/mutual-connections")).status_code == 422
        assert (await a.get("/v1/members/nobody/mutual-connections")).status_code == 404


async def test_the_lists_are_on_indexes(app: FastAPI) -> None:
    rows = app.state.database["connections"]
    for query, order in (
        ({"sides": "x", "state": "connected"}, [("_id", -1)]),
        ({"pair": "x:y"}, [("_id", -1)]),
        ({"pair": {"$in": ["x:y", "x:z"]}, "live": True}, None),
    ):
        found = rows.find(query).sort(order) if order else rows.find(query)
        plan = str((await found.explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan
        assert "'SORT'" not in plan
