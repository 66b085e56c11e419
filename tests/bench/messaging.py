"""Throughput and latency of the messaging core, as ratios against floors of the same run.

Each figure is the median of rounds in which floor and core take turns, so that whatever else the machine
does meets both.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from motor.motor_asyncio import AsyncIOMotorClient
from rich.progress import Progress

from shared import collector
from shared.contracts.discussions import SolutionEndorsed
from shared.contracts.topics import THREADS, Topic, dead_letters, replays
from shared.ids import new_id
from shared.messaging import inbox
from shared.messaging.broker import FETCH_WAIT_MS, make_broker, subscribe
from shared.messaging.envelope import headers_of
from shared.messaging.producer import Outgoing, Producer
from shared.messaging.reactions import Policy, Reactions
from shared.messaging.relay import INDEXES as RELAY_INDEXES
from shared.messaging.relay import Relay
from shared.messaging.runtime import Runtime
from shared.storage import Database, Recorded, UnitOfWork
from shared.storage.unit_of_work import OUTBOX, outbox_rows
from shared.testing.harness import create_topics, eventually, recorded
from shared.testing.stack import Stack

THREAD_COUNT = 500
"""Different keys among the events: some hot, most not, as in a live community."""


@dataclass
class Figures:
    """Rates (events a second) and their ratios."""

    raw: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        """Add a round's figure."""
        self.raw.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """The median over the rounds."""
        return statistics.median(self.raw[name])


def endorsements(count: int, members: Sequence[str], community: str) -> list[Recorded]:
    """``count`` solution-endorsed events over ``THREAD_COUNT`` threads."""
    uow = UnitOfWork()
    template = SolutionEndorsed.example()
    threads = [new_id() for _ in range(THREAD_COUNT)]
    for number in range(count):
        thread = threads[number * number % THREAD_COUNT]
        uow.record(
            template.model_copy(
                update={
                    "thread_id": thread,
                    "community_id": community,
                    "version": number + 1,
                    "solution_author_id": members[number % len(members)],
                    "endorser_id": members[(number + 1) % len(members)],
                }
            )
        )
    return list(uow.recorded)


async def relay_round(stack: Stack, count: int, figures: Figures) -> None:
    """One floor and one relay run over the same rows."""
    rows = endorsements(count, [new_id() for _ in range(100)], new_id())
    figures.note("relay_floor", await _raw_producer(stack, rows))
    database = Database(stack.mongodb, f"bench-{new_id()[-12:]}")
    producer = Producer(stack.kafka, client_id="bench")
    await producer.start()
    try:
        await database.ensure_indexes(RELAY_INDEXES)
        # A row each, as of as many commands: what one transaction records together costs less.
        await database[OUTBOX].insert_many([row for event in rows for row in outbox_rows([event])])
        relay = Relay(database, producer)
        await relay._declare_leases()
        await relay._hold_leases()
        started = perf_counter()
        assert await relay.drain() == count
        figures.note("relay", count / (perf_counter() - started))
    finally:
        await producer.stop()
        await database.client.drop_database(database.name)
        await database.close()


async def _raw_producer(stack: Stack, rows: Sequence[dict[str, Any]]) -> float:
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.kafka, acks="all", linger_ms=5, max_batch_size=512 * 1024
    )
    await producer.start()
    records = [(row["topic"], row["key"].encode(), row["data"], headers_of(row)) for row in rows]
    started = perf_counter()
    sent = [
        await producer.send(topic, value, key=key, headers=headers) for topic, key, value, headers in records
    ]
    await asyncio.gather(*sent)
    rate = len(rows) / (perf_counter() - started)
    await producer.stop()
    return rate


async def consumer_round(
    stack: Stack,
    count: int,
    figures: Figures,
    service: tuple[Reactions, dict[str, Any], Callable[[Database, Sequence[str], str], Awaitable[None]]],
) -> None:
    """One floor, one run of the real runtime with a real service's handlers, one hand-written consumer."""
    reactions, indexes, seed = service
    members = [new_id() for _ in range(1_000)]
    community = new_id()
    rows = endorsements(count, members, community)
    topic = Topic(f"bench.{new_id()[-12:]}", "bench", "thread_id", "A benchmark's own.")
    await create_topics(stack, [topic])
    producer = Producer(stack.kafka, client_id="bench")
    await producer.start()
    acknowledged = await producer.send(
        [Outgoing(topic.name, row["key"].encode(), row["data"], headers_of(row)) for row in rows]
    )
    assert all(acknowledged)
    figures.note("consumer_floor", await _raw_consumer(stack, topic, count))

    class Here(Reactions):
        @property
        def topics(self) -> list[Topic]:
            return [topic]

    here = Here(f"bench-{new_id()[-12:]}", reactions.policy, reactions.handlers)
    await create_topics(stack, [dead_letters(here.group), replays(here.group)])
    database = Database(stack.mongodb, f"bench-{new_id()[-12:]}")
    await database.ensure_indexes({**RELAY_INDEXES, **inbox.INDEXES, **indexes})
    await seed(database, members, community)
    runtime = Runtime(here, database, producer)
    spent: list[tuple[float, float]] = []
    settled = 0
    handle = runtime.handle

    async def timed(records: Any, consumer: Any) -> None:
        nonlocal settled
        begun = perf_counter()
        await handle(records, consumer)
        spent.append((begun, perf_counter()))
        settled += len(records)

    runtime.handle = timed  # type: ignore[method-assign]
    broker = make_broker(stack.kafka, client_id="bench")
    subscribe(broker, runtime)
    await broker.start()

    async def done() -> bool:
        return settled >= count

    await eventually(done, within=120)
    # From the first batch in hand to the last one committed: joining the group is not throughput.
    figures.note("consumer", count / (spent[-1][1] - spent[0][0]))
    await broker.stop()
    await producer.stop()
    assert len(await inbox.handled(database, [row["_id"] for row in rows])) == count
    assert len(await recorded(database)) == count
    await database.client.drop_database(database.name)
    await database.close()
    figures.note("handwritten", await _handwritten(stack, topic, min(count, 1_500)))


async def _raw_consumer(stack: Stack, topic: Topic, count: int) -> float:
    """aiokafka's ``getmany``, one ``insert_many`` and one commit of the offsets per batch: nothing validated,
    nothing deduplicated."""
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(stack.mongodb)
    collection = client[f"bench-{new_id()[-12:]}"]["raw"]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.kafka,
        group_id=f"raw-{new_id()[-12:]}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic.name, number) for number in range(topic.partitions)])
    seen, started = 0, 0.0
    while seen < count:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=Policy().max_records)
        started = started or perf_counter()
        records = [record for batch in fetched.values() for record in batch]
        if records:
            await collection.insert_many(
                [
                    {"key": record.key, "value": record.value, "headers": dict(record.headers)}
                    for record in records
                ]
            )
            await consumer.commit()
            seen += len(records)
    rate = count / (perf_counter() - started)
    await consumer.stop()
    await client.drop_database(collection.database.name)
    client.close()
    return rate


async def _handwritten(stack: Stack, topic: Topic, count: int) -> float:
    """What one would write by hand: a FastStream handler that validates and inserts each event."""
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(stack.mongodb, w="majority", journal=True)
    collection = client[f"bench-{new_id()[-12:]}"]["hand"]
    broker = KafkaBroker(stack.kafka, logger=None)
    seen, started = 0, 0.0
    finished = asyncio.Event()
    rate = 0.0

    @broker.subscriber(
        topic.name,
        group_id=f"hand-{new_id()[-12:]}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    async def handle(event: SolutionEndorsed) -> None:
        nonlocal seen, started, rate
        started = started or perf_counter()
        await collection.insert_one(event.model_dump(mode="json"))
        seen += 1
        if seen == count:
            rate = count / (perf_counter() - started)
            finished.set()

    await broker.start()
    await asyncio.wait_for(finished.wait(), 120)
    await broker.stop()
    await client.drop_database(collection.database.name)
    client.close()
    return rate


async def throughput(stack: Stack, count: int, rounds: int, progress: Progress) -> Figures:
    """Relay and consumer figures over ``rounds``."""
    from tests.bench.handlers import notifications

    figures = Figures()
    collector.settle()  # as in a service; for the floors and the hand-written one, too
    await create_topics(stack, [THREADS])
    task = progress.add_task("relay and consumer", total=rounds * 2)
    for _ in range(rounds):
        await relay_round(stack, count, figures)
        progress.advance(task)
        await consumer_round(stack, count, figures, notifications())
        progress.advance(task)
    return figures
