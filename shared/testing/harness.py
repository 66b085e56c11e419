"""Waiting for what happened instead of sleeping, and running a service inside a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError
from fastapi import FastAPI
from pydantic import SecretStr

from shared.clock import Clock, utc_now
from shared.contracts import EVENTS, Event, Topic
from shared.contracts.members import MemberRegistered, ProfileUpdated
from shared.contracts.topics import ALL_TOPICS
from shared.ids import new_id
from shared.messaging.broker import FETCH_WAIT_MS
from shared.messaging.envelope import Received, decode, type_of
from shared.service import Service, build_app
from shared.settings import ServiceSettings
from shared.storage import Database, Recorded
from shared.storage.unit_of_work import OUTBOX
from shared.testing.stack import Stack
from shared.web.auth import dev_token

T = TypeVar("T")

SECRET = "only-for-tests-only-for-tests-only-for-tests"  # noqa: S105


async def eventually(probe: Callable[[], Awaitable[T]], *, within: float = 20.0) -> T:
    """The first truthy answer of ``probe``; ``AssertionError`` with the last one after ``within`` seconds."""
    deadline = monotonic() + within
    while not (answer := await probe()):
        assert monotonic() < deadline, f"still {answer!r} after {within} s"
        await asyncio.sleep(0.02)
    return answer


async def create_topics(stack: Stack, topics: Sequence[Topic] = ALL_TOPICS) -> None:
    """Create ``topics`` where they do not exist."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        for topic in topics:
            with suppress(TopicAlreadyExistsError):
                await admin.create_topics(
                    [NewTopic(topic.name, topic.partitions, 1, topic_configs=topic.config)]
                )
    finally:
        await admin.close()


@dataclass(slots=True)
class Tap:
    """Everything that is published on some topics, from the moment the tap is opened."""

    consumer: AIOKafkaConsumer
    records: list[ConsumerRecord[Any, Any]]

    @classmethod
    @asynccontextmanager
    async def open(cls, stack: Stack, *topics: str) -> AsyncIterator[Tap]:
        """Open a tap on ``topics``; what was there before is not seen."""
        consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=stack.kafka,
            auto_offset_reset="latest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        await consumer.start()
        try:
            for partition in consumer.assignment():
                await consumer.position(partition)  # resolved now, not at the first poll
            # Tansu counts the last batch as one record: its latest offset is before the end of that batch.
            while await consumer.getmany(timeout_ms=4 * FETCH_WAIT_MS):
                pass
            yield cls(consumer, [])
        finally:
            await consumer.stop()

    async def until(
        self, condition: Callable[[list[ConsumerRecord[Any, Any]]], bool], *, quiet: float = 15.0
    ) -> list[ConsumerRecord[Any, Any]]:
        """All records seen so far, once ``condition`` holds of them.

        Fails when nothing at all was published for ``quiet`` seconds.
        """
        while not condition(self.records):
            fetched = await self.consumer.getmany(timeout_ms=int(quiet * 1000))
            assert fetched, f"nothing published for {quiet} s; seen: {[type_of(r) for r in self.records]}"
            for batch in fetched.values():
                self.records.extend(batch)
        return self.records

    async def event(self, event: type[Event], *, quiet: float = 15.0, **fields: Any) -> Received[Any]:
        """The first event of that type with those fields."""

        def fits(record: ConsumerRecord[Any, Any]) -> Received[Any] | None:
            if type_of(record) != event.type:
                return None
            received = decode(record, event)
            same = all(getattr(received.event, name) == value for name, value in fields.items())
            return received if same else None

        records = await self.until(lambda seen: any(fits(record) for record in seen), quiet=quiet)
        return next(found for record in records if (found := fits(record)))

    def events(self) -> list[Received[Any]]:
        """Every event of the published language among the records seen so far."""
        return [
            decode(record, EVENTS[name]) for record in self.records if (name := type_of(record)) in EVENTS
        ]


async def recorded(database: Database, **fields: Any) -> list[Recorded]:
    """The events with those fields in a service's outbox, published or not, by key and version."""
    rows = await database[OUTBOX].find({}).sort("place", 1).to_list(length=None)
    events = [event for row in rows for event in row["events"]]
    fitting = [each for each in events if all(each[name] == value for name, value in fields.items())]
    return sorted(fitting, key=lambda event: (event["key"], event["version"]))


def settings_for(stack: Stack, **more: Any) -> ServiceSettings:
    """Development settings on ``stack``, with a database of their own."""
    values: dict[str, Any] = {
        "environment": "development",
        "dev_issuer_secret": SecretStr(SECRET),
        "kafka_bootstrap_servers": stack.kafka,
        "mongodb_uri": SecretStr(stack.mongodb),
        "consumer_session_seconds": 2.0,
        "database_prefix": f"t{new_id().replace('-', '')[-12:]}-",
    }
    return ServiceSettings(**(values | more))


@asynccontextmanager
async def running(
    service: Service, stack: Stack, settings: ServiceSettings | None = None, clock: Clock = utc_now
) -> AsyncIterator[FastAPI]:
    """``service`` started in this process without a port; stopped afterwards, its database dropped."""
    settings = settings or settings_for(stack)
    app = build_app(service, settings, clock=clock)
    async with app.router.lifespan_context(app):
        try:
            yield app
        finally:
            await app.state.database.client.drop_database(app.state.database.name)


def organisations(events: Iterable[Event]) -> dict[str, str | None]:
    """Of which organisation those members are by now whom these events are about, by id."""
    profiles = [each for each in events if isinstance(each, MemberRegistered | ProfileUpdated)]
    return {each.member_id: each.org_id for each in profiles}


def client(app: FastAPI, subject: str = "", **claims: Any) -> httpx.AsyncClient:
    """A client of ``app`` in the name of ``subject`` (nobody if empty)."""
    headers = {"Authorization": f"Bearer {dev_token(SECRET, subject, **claims)}"} if subject else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="http://guildhall.test", headers=headers, timeout=30
    )
