"""One matching service on a real database, fed with others' events, with a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from fastapi import FastAPI

from services.matching.app import service
from services.matching.commands import asks as commands
from services.matching.index import live
from services.matching.precedents import Library
from services.matching.reactions import reactions
from services.matching.store import precedents
from shared.clock import FixedClock
from shared.clockwork import work_off
from shared.contracts import EVENTS, Event
from shared.contracts.discussions import ProblemPosted
from shared.contracts.matching import ExpertAsked
from shared.contracts.members import CommunityCreated, MemberJoined, MemberRegistered, Skill, SkillsUpdated
from shared.contracts.topics import ASKS
from shared.ids import new_id
from shared.messaging.envelope import Received
from shared.service import build_app
from shared.storage import Database
from shared.testing.harness import client, eventually, organisations, recorded, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
COMMUNITY = "permit-offices"
OLD = timedelta(days=1_000)
SOLVED = "thread of "


class World:
    """One matching service with a clock of its own, fed with events as its runtime would feed it."""

    def __init__(self, app: FastAPI, clock: FixedClock) -> None:
        self.app, self.clock, self.database = app, clock, app.state.database
        self._versions = count(1)
        self._posted: set[str] = set()
        self.orgs: dict[str, str | None] = {}

    def event(self, event: type[Event], **fields: Any) -> Any:
        """An event as in the examples, but for ``fields``, with the next version."""
        values = event.example().model_dump() | {"community_id": COMMUNITY} | fields
        values["version"] = next(self._versions)
        return event.model_validate({name: values[name] for name in event.model_fields})

    def received(self, event: Event, at: datetime | None = None) -> Received[Any]:
        return Received(new_id(), event, at or self.clock(), None, "the-correlation")

    async def feed(self, *events: Event, at: datetime | None = None) -> list[Received[Any]]:
        before = [self.received(event, NOW - OLD) for event in self._problems_of(events)]
        batch = [*before, *(self.received(event, at) for event in events)]
        await self.database.transact(lambda uow: reactions.apply(batch, uow))
        self.orgs |= organisations(events)
        if posted := [event.thread_id for event in events if isinstance(event, ProblemPosted)]:
            await first_waves(self.database, posted)
        return batch[len(before) :]

    def _problems_of(self, events: Iterable[Event]) -> Iterable[Event]:
        """The problems that solutions were for, too old for anybody to be asked about them."""
        for thread in {getattr(event, "thread_id", "") for event in events} - self._posted:
            if thread.startswith(SOLVED):
                self._posted.add(thread)
                yield self.posted(thread, "somebody", title=thread, body=thread)

    async def community(self, kind: str = "internal") -> None:
        await self.feed(self.event(CommunityCreated, kind=kind))

    def joins(self, name: str, org: str | None = "city", **skills: str) -> list[Event]:
        """A member named ``name`` (also the token's subject) with skills, in the community."""
        who = dev_member_id(name)
        stated = [Skill.model_validate({"name": tag, "level": level}) for tag, level in skills.items()]
        return [
            self.event(MemberRegistered, member_id=who, name=name, org_id=org),
            self.event(SkillsUpdated, member_id=who, skills=stated),
            self.event(MemberJoined, member_id=who, org_id=org),
        ]

    def posted(
        self, thread: str, author: str = "asker", tags: Iterable[str] = ("permits",), **text: str
    ) -> Event:
        fields = {"thread_id": thread, "author_id": dev_member_id(author), "tags": list(tags), **text}
        posted: Event = self.event(ProblemPosted, **fields)
        return posted

    def about(self, event: type[Event], author: str, solution: str, **fields: Any) -> Event:
        """Evidence for ``author``'s ``solution`` on permits."""
        fields = {"tags": ["permits"], "thread_id": f"{SOLVED}{solution}"} | fields
        made: Event = self.event(
            event, solution_id=solution, solution_author_id=dev_member_id(author), **fields
        )
        return made

    async def pass_time(self, by: timedelta = timedelta(0)) -> None:
        """Let time pass, and do what is due then."""
        self.clock.advance(by)
        await live.of(self.database).rebuild()
        await work_off(self.database, service.duties)

    async def published(self, event: type[Event]) -> list[Any]:
        rows = await recorded(self.database, type=event.type, topic=ASKS.name)
        return [EVENTS[row["type"]].read(row["data"]) for row in rows]

    async def asked(self, thread: str) -> dict[str, list[str]]:
        """Who was asked about a problem, by id, with the reasons."""
        return {
            each.expert_id: each.reasons
            for each in await self.published(ExpertAsked)
            if each.thread_id == thread
        }

    def as_(self, subject: str) -> httpx.AsyncClient:
        return client(self.app, subject, org=self.orgs.get(dev_member_id(subject)))


async def first_waves(database: Database, thread_ids: Iterable[str]) -> None:
    """What the service does when its index has seen that problems were posted."""
    await live.of(database).rebuild()
    await database.transact(lambda uow: commands.proceed(uow, list(thread_ids)))


@asynccontextmanager
async def matching(stack: Stack) -> AsyncIterator[FastAPI]:
    """The application on its database, consuming nothing by itself: one for the tests of a module."""
    app = build_app(service, settings_for(stack), clock=FixedClock(NOW))
    database = app.state.database
    await database.ensure_indexes(service.all_indexes)
    yield app
    await database.client.drop_database(database.name)
    await database.close()


async def caught_up(library: Library, database: Database) -> None:
    """Wait until the library has everything as the database has it."""
    written = [entry async for page in precedents.entries(database) for _, entry in page]
    wanted = {each.thread_id: each for each in written if each is not None}

    async def same() -> bool:
        index = library.index
        return index.threads == wanted.keys() and all(map(index.has, wanted.values()))

    await eventually(same)


@asynccontextmanager
async def following(library: Library) -> AsyncIterator[Library]:
    """The library, which has read everything, and reads what changes."""
    task = asyncio.create_task(library.follow())
    try:
        await asyncio.wait_for(library.ready.wait(), 20)
        yield library
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def fresh(app: FastAPI) -> World:
    """The service with nothing in it, at ``NOW``."""
    clock: FixedClock = app.state.clock
    clock.at = NOW
    for name in service.all_indexes:
        await app.state.database[name].delete_many({})
    return World(app, clock)
