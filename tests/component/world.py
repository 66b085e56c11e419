"""One discussions service on a real database, fed with others' events, with a clock of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from fastapi import FastAPI

from services.discussions.app import service
from services.discussions.reactions import reactions
from shared.clock import FixedClock
from shared.contracts import Event
from shared.contracts.members import MemberJoined, MemberRegistered
from shared.ids import new_id
from shared.messaging.envelope import Received
from shared.testing.harness import client, create_topics, organisations, recorded, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_member_id

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
COMMUNITY = "permit-offices"
CONTEXT = {"size": "3 clerks", "constraints": "The law.", "culture": "Nobody decides alone.", "tried": "Fax."}
TEXT = {"title": "Permits wait", "body": "Nine **days**.", "tags": ["Permits"], "context": CONTEXT}


class World:
    """One discussions service with a clock of its own, fed with events as its runtime would feed it."""

    def __init__(self, app: FastAPI, clock: FixedClock) -> None:
        self.app, self.clock, self.database = app, clock, app.state.database
        self._versions = count(1)
        self.orgs: dict[str, str | None] = {}

    async def feed(self, *events: Event) -> None:
        batch = [Received(new_id(), event, self.clock(), None, None) for event in events]
        await self.database.transact(lambda uow: reactions.apply(batch, uow))
        self.orgs |= organisations(events)

    def event(self, event: type[Event], who: str, /, version: int | None = None, **fields: Any) -> Event:
        values = event.example().model_dump() | {"community_id": COMMUNITY, "member_id": dev_member_id(who)}
        values |= fields | {"version": version or next(self._versions)}
        return event.model_validate({key: values[key] for key in event.model_fields})

    async def joins(self, *names: str, role: str = "member", days: float = 60, at: str = COMMUNITY) -> None:
        for name in names:
            joined_at = self.clock() - timedelta(days=days)
            await self.feed(
                self.event(MemberRegistered, name, name=name.title(), org_id="city"),
                self.event(MemberJoined, name, role=role, joined_at=joined_at, community_id=at),
            )

    def by(self, name: str) -> httpx.AsyncClient:
        return client(self.app, name, org=self.orgs.get(dev_member_id(name)))

    async def ask(
        self, name: str, method: str, path: str, body: Any = None, expect: int | None = None, **headers: str
    ) -> Any:
        """The answer's body; ``expect``: its status, any of the good ones if not given."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        async with self.by(name) as http:
            answer = await http.request(method, f"/v1{path}", json=body, headers=named)
        assert answer.status_code == expect if expect else answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def posts(self, name: str = "asker", **text: Any) -> str:
        posted = await self.ask(name, "POST", f"/communities/{COMMUNITY}/problems", TEXT | text)
        return str(posted["id"])

    async def proposes(self, problem: str, name: str = "ann") -> str:
        solution = await self.ask(name, "POST", f"/problems/{problem}/solutions", {"body": "Do this."})
        return str(solution["id"])

    async def imports(self, *items: dict[str, Any]) -> list[tuple[str, str | None]]:
        async with client(self.app, "importer", scopes=[IMPORT_SCOPE]) as http:
            answer = await http.post("/v1/imports", json={"items": items})
        assert answer.status_code == 200, answer.text
        return [(item["outcome"], item["code"]) for item in answer.json()["items"]]

    async def events(self, thread: str) -> Sequence[str]:
        """The types of a thread's events; their versions must have no gap."""
        rows = await recorded(self.database, key=thread)
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
        return [row["type"].removeprefix("guildhall.").removesuffix(".v1") for row in rows]


@asynccontextmanager
async def discussions(stack: Stack) -> AsyncIterator[FastAPI]:
    """The service, running: one for the tests of a module."""
    await create_topics(stack)
    async with running(service, stack, settings_for(stack, relay_in_process=False), FixedClock(NOW)) as app:
        yield app


async def fresh(app: FastAPI) -> World:
    """The service with nothing in it but four members of ``COMMUNITY``, at ``NOW``."""
    clock: FixedClock = app.state.clock
    clock.at = NOW
    world = World(app, clock)
    for collection in service.all_indexes:
        await world.database[collection].delete_many({})
    await world.joins("asker", "ann", "bob", "cid")
    return world
