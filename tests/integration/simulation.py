"""Services in one process with one clock between them, in which days pass as a test says."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from textwrap import wrap
from typing import Any, NamedTuple

from fastapi import FastAPI

from shared.clock import FixedClock, utc_now
from shared.clockwork import work_off
from shared.contracts import Event
from shared.contracts.topics import COMMUNITIES, MENTORSHIPS, PEOPLE, THREADS
from shared.ids import new_id
from shared.messaging import inbox
from shared.messaging.envelope import Received
from shared.service import Service
from shared.storage.unit_of_work import OUTBOX
from shared.testing.harness import Tap, client, eventually, recorded, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id

TOLD = (PEOPLE.name, COMMUNITIES.name, MENTORSHIPS.name, THREADS.name)
DAY = timedelta(days=1)


class Ran(NamedTuple):
    """A service that runs here."""

    service: Service
    app: FastAPI


@dataclass(frozen=True)
class Platform:
    """Services that hear each other through Kafka and have the same clock."""

    ran: Mapping[str, Ran]
    clock: FixedClock
    tap: Tap
    _rows: set[str] = field(default_factory=set)
    """The rows of the outboxes whose events have settled."""

    async def work_off(self, replicas: int = 1) -> int:
        """Do what is due by now in all services, as so many replicas of each at once; how much that was."""
        every = [each for each in self.ran.values() for _ in range(replicas)]
        done = [work_off(each.app.state.database, each.service.duties) for each in every]
        return sum(await asyncio.gather(*done))

    async def settle(self) -> None:
        """Return once every event has been handled by all that react to it, and what came of that, too."""
        while fresh := await self._fresh():
            for service, app in self.ran.values():
                wanted = {each["_id"] for each in fresh if each["type"] in service.reactions.events}

                async def handled(app: FastAPI = app, wanted: set[str] = wanted) -> bool:
                    return await inbox.handled(app.state.database, wanted) == wanted

                await eventually(handled)

    async def _fresh(self) -> list[dict[str, Any]]:
        events = []
        for each in self.ran.values():
            rows = each.app.state.database[OUTBOX].find({"_id": {"$nin": list(self._rows)}})
            for row in await rows.to_list(length=None):
                self._rows.add(row["_id"])
                events += row["events"]
        return events

    async def published(self) -> list[Received[Event]]:
        """All that members and discussions have published, in the order in which Kafka has each key.

        Fails where a key's versions have a gap or are not in order, and where an event is there twice.
        """
        told: set[str] = set()
        for each in self.ran.values():
            told |= {
                event["_id"] for event in await recorded(each.app.state.database) if event["topic"] in TOLD
            }

        def ours() -> list[Received[Event]]:
            return [each for each in self.tap.events() if each.id in told]  # other tests publish, too

        await self.tap.until(lambda _: len(ours()) >= len(told))
        events = ours()
        versions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for each in events:
            versions[each.event.topic.name, each.event.key].append(each.event.version)
        for key, seen in versions.items():
            assert seen == list(range(1, len(seen) + 1)), (key, seen)
        assert len({each.id for each in events}) == len(events) == len(told)
        return events


@asynccontextmanager
async def platform(stack: Stack, *services: Service) -> AsyncIterator[Platform]:
    """``services``, running; it is now."""
    clock = FixedClock(utc_now())
    settings = settings_for(stack, clockwork_seconds=3_600.0)  # a test works the duties off itself
    async with AsyncExitStack() as exits:
        tap = await exits.enter_async_context(Tap.open(stack, *TOLD))
        ran = {
            each.name: Ran(each, await exits.enter_async_context(running(each, stack, settings, clock)))
            for each in services
        }
        yield Platform(ran, clock, tap)


class Chronicle:
    """The days of a platform from ``start`` on, with people who act in it by their first names."""

    def __init__(self, platform: Platform, organisations: Mapping[str, Sequence[str]]) -> None:
        self.platform, self.clock = platform, platform.clock
        self.begin()
        self._salt = new_id()
        self._org = {who: org for org, people in organisations.items() for who in people}
        self.names = {self.id(who): who for who in self._org}
        """What each id is called in the chronicle; of those that are not here nothing is told."""

    def begin(self) -> None:
        """It is day 0 now."""
        self.start = self.clock.at

    @property
    def day(self) -> int:
        """Whole days since the start."""
        return self._day(self.clock.at)

    def _day(self, at: datetime) -> int:
        return (at - self.start).days

    def id(self, who: str) -> str:
        """The id of a member."""
        return dev_member_id(self._subject(who))

    def _subject(self, who: str) -> str:
        return f"{who}-{self._salt}"

    async def reach(self, day: int, *, at_once: bool = False, replicas: int = 1) -> None:
        """Let the days pass until ``day``, with the duties of each; or none of these, but that day's."""
        await self.platform.settle()
        while self.day < day:
            self.clock.at = self.start + (day if at_once else self.day + 1) * DAY
            while await self.platform.work_off(replicas):
                await self.platform.settle()

    async def ask(
        self, who: str, method: str, where: str, body: Any = None, status: int = 0, **headers: str
    ) -> Any:
        """The answer to a request; ``where``: service and path, ``status``: any good one if absent."""
        service, path = where.split("/", 1)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        app = self.platform.ran[service].app
        async with client(app, self._subject(who), org=self._org[who]) as http:
            answer = await http.request(method, f"/v1/{path}", json=body, headers=named)
        assert answer.status_code == status if status else answer.is_success, (who, where, answer.text)
        return answer.json() if answer.content else None

    async def told(self, *keys: str, since: int = 0) -> str:
        """What was published about ``keys``: a line for each day and kind of event, in the order of each."""
        lines = []
        events = await self.platform.published()
        for key in keys:
            about = [each for each in events if each.event.key == key and each.event.topic is not PEOPLE]
            later = [each for each in about if self._day(each.at) >= since]
            lines += [f"-- {self.names[key]}", *self._lines(later)]
        return "\n".join(lines) + "\n"

    def _lines(self, events: Sequence[Received[Event]]) -> list[str]:
        def place(received: Received[Event]) -> tuple[int, str]:
            return self._day(received.at), received.event.event_name

        lines = []
        for (day, name), those in groupby(events, place):
            words = f"{day} {name}: " + "; ".join(self._words(each.event) for each in those)
            lines += wrap(words, 100, initial_indent=" " * (3 - len(str(day))), subsequent_indent=" " * 6)
        return lines

    def _words(self, event: Event) -> str:
        """The names in the event, and what it says in words of the domain."""
        fields = event.model_dump(mode="json")
        said = []
        for name in _TELLING:
            value = fields.get(name)
            if isinstance(value, list):
                said += sorted(self.names[each] for each in value)
            elif isinstance(value, str):
                said.append(self.names.get(value, value))
            elif value is True:
                said.append(name)
        return " ".join(dict.fromkeys(said))


_TELLING = (
    "member_id", "mentee_id", "solution_id", "author_id", "endorser_id", "contester_id", "editor_id",
    "adopter_id", "lifted_by", "reviewed_by", "changed_by", "asked", "approved_by", "target_community_id",
    "role", "stage", "standing", "audience", "status", "basis", "kind", "change", "how", "adaptation_state",
    "state", "why", "overdue", "parent_change",
)  # fmt: skip
