"""The messaging core on a real stack: what is promised in its modules' docstrings, pinned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from pymongo import UpdateOne

from shared.contracts.discussions import CommentAdded, ProblemResolved
from shared.contracts.notifications import NotificationRead
from shared.contracts.topics import DELIVERIES, THREADS, dead_letters, replays
from shared.errors import DependencyDown, OutOfOrder, Rejected, Transient
from shared.ids import new_id
from shared.messaging import inbox
from shared.messaging.broker import make_broker, subscribe
from shared.messaging.dead_letters import exhume
from shared.messaging.envelope import Received, headers_of, text_headers
from shared.messaging.producer import Outgoing, Producer
from shared.messaging.reactions import Policy, Reactions
from shared.messaging.relay import INDEXES as RELAY_INDEXES
from shared.messaging.relay import LEASES, Relay, RelaySettings
from shared.messaging.runtime import Runtime
from shared.storage import Database, UnitOfWork
from shared.storage.unit_of_work import OUTBOX
from shared.testing.harness import Tap, create_topics, eventually, recorded
from shared.testing.stack import Stack

QUICK = Policy(
    first_backoff=0.001,
    max_backoff=0.01,
    defer=0.05,
    pause=0.05,
    max_pause=0.1,
    deferrals=40,
    dead_letter_run=5,
)


def resolved(thread: str, version: int) -> ProblemResolved:
    return ProblemResolved(
        thread_id=thread, community_id="c", version=version, author_id="a", resolved_by=f"v{version}"
    )


def row(thread: str, version: int, event_id: str | None = None) -> dict[str, Any]:
    uow = UnitOfWork()
    uow.record(resolved(thread, version))
    return {**uow.recorded[0], "_id": event_id or uow.recorded[0]["_id"]}


def outgoing(row: dict[str, Any], topic: str = THREADS.name) -> Outgoing:
    return Outgoing(topic, row["key"].encode(), row["data"], headers_of(row))


@pytest.fixture
async def database(topics: Stack) -> AsyncIterator[Database]:
    database = Database(topics.mongodb, f"core-{new_id()[-12:]}")
    await database.ensure_indexes({**RELAY_INDEXES, **inbox.INDEXES, "effects": []})
    yield database
    await database.client.drop_database(database.name)
    await database.close()


@pytest.fixture
async def producer(topics: Stack) -> AsyncIterator[Producer]:
    producer = Producer(topics.kafka, client_id="test")
    await producer.start()
    yield producer
    await producer.stop()


async def publish(database: Database, *events: Any) -> None:
    async def work(uow: UnitOfWork) -> None:
        for event in events:
            uow.record(event)

    await database.transact(work)


# -- unit of work --------------------------------------------------------------------------------------


async def test_state_and_event_come_together_or_not_at_all(database: Database) -> None:
    async def work(uow: UnitOfWork) -> None:
        uow.write("effects", UpdateOne({"_id": 1}, {"$set": {"x": 1}}, upsert=True))
        uow.record(resolved("t", 1))
        await uow.flush()
        raise Rejected("no", "changed its mind")

    with pytest.raises(Rejected):
        await database.transact(work)
    assert await database["effects"].count_documents({}) == 0
    assert await database[OUTBOX].count_documents({}) == 0


async def test_fifty_writers_of_one_aggregate_lose_nothing(database: Database) -> None:
    thread = new_id()

    async def work(uow: UnitOfWork) -> None:
        document = await uow.find_one("effects", {"_id": thread}) or {"version": 0}
        version = document["version"] + 1
        uow.write("effects", UpdateOne({"_id": thread}, {"$set": {"version": version}}, upsert=True))
        uow.record(resolved(thread, version))

    async def patient() -> None:
        while True:
            try:
                return await database.transact(work)
            except Transient:
                continue

    await asyncio.gather(*(patient() for _ in range(50)))
    versions = [each["version"] for each in await recorded(database, key=thread)]
    assert versions == list(range(1, 51))


# -- relay ---------------------------------------------------------------------------------------------


async def test_relay_keeps_order_per_key_and_marks(
    topics: Stack, database: Database, producer: Producer
) -> None:
    threads = [new_id() for _ in range(20)]
    async with Tap.open(topics, THREADS.name) as tap:
        for version in range(1, 6):
            await publish(database, *(resolved(thread, version) for thread in reversed(threads)))
        relay = Relay(database, producer, settings=RelaySettings(page=7))
        assert await relay.drain() == 100
        await tap.until(lambda seen: len(seen) >= 100)
        for thread in threads:
            assert [r.event.version for r in tap.events() if r.event.key == thread] == [1, 2, 3, 4, 5]
    assert await database[OUTBOX].count_documents({"pending": True}) == 0
    assert len(await recorded(database)) == 100


async def test_relay_never_sends_a_version_before_one_that_was_committed_late(
    topics: Stack, database: Database, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow transaction has its place before rows that are committed earlier, and so before the relay's
    page; a later version of its key, committed while that page is sent, must not be in the next one."""
    thread, first, second = new_id(), new_id(), new_id()
    committing, proceed = asyncio.Event(), asyncio.Event()

    async def slow(uow: UnitOfWork) -> None:
        uow.record(resolved(thread, 1))
        await uow.flush()
        committing.set()
        await proceed.wait()

    relay = Relay(database, producer, settings=RelaySettings(page=1))
    send, between = relay._send, iter([True])

    async def send_with_a_commit_in_between(*args: Any) -> list[bool]:
        if next(between, False):
            proceed.set()
            await writer
            await publish(database, resolved(thread, 2))
        return await send(*args)

    monkeypatch.setattr(relay, "_send", send_with_a_commit_in_between)
    async with Tap.open(topics, THREADS.name) as tap:
        writer = asyncio.create_task(database.transact(slow))
        await committing.wait()
        await publish(database, resolved(first, 1))
        await publish(database, resolved(second, 1))
        assert await relay.drain() == 4
        await tap.event(ProblemResolved, thread_id=thread, version=2)
        assert [r.event.version for r in tap.events() if r.event.key == thread] == [1, 2]


async def test_relay_holds_back_only_the_partition_that_fails(
    topics: Stack, database: Database, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row whose events are acknowledged in part keeps the others alone, in their order."""
    threads = [new_id() for _ in range(12)]
    await publish(database, *(resolved(thread, version) for version in (1, 2) for thread in threads))
    send, down = producer._send_lane, (THREADS.name, 3)

    async def one_is_down(lane: Any, records: Any) -> int:
        return 0 if lane == down else await send(lane, records)

    monkeypatch.setattr(producer, "_send_lane", one_is_down)
    relay = Relay(database, producer)
    async with Tap.open(topics, THREADS.name) as tap:
        sent = await relay.drain()
        rows = await database[OUTBOX].find({"pending": True}).to_list(None)
        left = [(event["key"], event["version"]) for row in rows for event in row["events"]]
        assert 0 < sent == 24 - len(left)
        monkeypatch.undo()
        assert await relay.drain() == len(left)
        for thread in threads:
            await tap.event(ProblemResolved, thread_id=thread, version=2)
            assert [r.event.version for r in tap.events() if r.event.key == thread] == [1, 2]


async def test_relay_wakes_up_by_the_change_stream_and_without_it(
    topics: Stack, database: Database, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Relay(database, producer, settings=RelaySettings(poll=0.2))

    async def deaf() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(relay, "_listen", deaf)  # the stream is lost for good
    async with Tap.open(topics, THREADS.name) as tap:
        await relay.start()
        thread = new_id()
        await publish(database, resolved(thread, 1))
        await tap.event(ProblemResolved, thread_id=thread)
        await relay.stop()


async def test_two_relays_share_the_shards_and_a_dead_ones_are_taken_over(
    database: Database, producer: Producer
) -> None:
    first = Relay(database, producer, settings=RelaySettings(lease=1.0))
    second = Relay(database, producer, settings=RelaySettings(lease=1.0))
    await first.start()
    await eventually(lambda: _that(len(first.shards) == 16))
    await second.start()
    await eventually(lambda: _that(len(first.shards) == 8 and len(second.shards) == 8))
    assert not set(first.shards) & set(second.shards)
    for task in first._tasks:  # it dies without a word
        task.cancel()
    await eventually(lambda: _that(len(second.shards) == 16))
    await second.stop()


async def test_a_relay_that_lost_its_lease_marks_nothing(database: Database, producer: Producer) -> None:
    zombie = Relay(database, producer)
    await zombie._declare_leases()
    await zombie._hold_leases()
    await publish(database, resolved(new_id(), 1))
    await database[LEASES].update_many({}, {"$inc": {"fence": 1}, "$set": {"owner": "another"}})
    await zombie._sweep()
    assert await database[OUTBOX].count_documents({"pending": True}) == 1
    assert len(zombie.shards) < 16


# -- consumer runtime ----------------------------------------------------------------------------------


class Alone(Reactions):
    """Reads its own topic alone: what one test publishes is not another's."""

    @property
    def topics(self) -> list[Any]:
        return []


@dataclass
class Group:
    """A consumer group that notes what it handles, and fails as told."""

    reactions: Reactions
    runtime: Runtime
    fail: dict[str, list[Exception | None]] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)

    def outgoing(self, row: dict[str, Any]) -> Outgoing:
        return outgoing(row, self.topic)

    @property
    def topic(self) -> str:
        return replays(self.reactions.group).name

    async def effects(self, database: Database, thread: str) -> list[int]:
        rows = database["effects"].find({"thread": thread}).sort("at", 1)
        return [each["version"] async for each in rows]


@asynccontextmanager
async def group(
    stack: Stack, database: Database, producer: Producer, policy: Policy = QUICK
) -> AsyncIterator[Group]:
    name = f"g-{new_id()[-12:]}"
    await create_topics(stack, [dead_letters(name), replays(name)])
    reactions = Alone(name, policy)
    runtime = Runtime(reactions, database, producer)
    made = Group(reactions, runtime)
    counter = 0

    @reactions.batch(ProblemResolved)
    async def note(batch: Sequence[Received[ProblemResolved]], uow: UnitOfWork) -> None:
        nonlocal counter
        for received in batch:
            made.attempts.append(received.id)
            failures = made.fail.get(received.id)
            if failures and (failure := failures.pop(0) if len(failures) > 1 else failures[0]):
                raise failure
            counter += 1
            event = received.event
            uow.insert("effects", [{"thread": event.thread_id, "version": event.version, "at": counter}])
            uow.record(
                NotificationRead(member_id=received.id, version=1, notification_id=received.id),
                cause=received.cause,
            )

    runtime._events = reactions.events
    broker = make_broker(stack.kafka, client_id=name)
    subscribe(broker, runtime, session=1.0)
    await broker.start()
    try:
        yield made
    finally:
        await broker.stop()


async def _that(value: Any) -> Any:
    return value


async def _handled(database: Database, ids: Sequence[str]) -> bool:
    return await inbox.handled(database, ids) == set(ids)


async def test_effect_inbox_and_outbox_once_however_often_it_comes(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 31)]
    async with group(topics, database, producer) as g:
        await producer.send([g.outgoing(r) for r in rows + rows[:10]])
        await eventually(lambda: _handled(database, [r["_id"] for r in rows]))
        await producer.send([g.outgoing(r) for r in rows])
        last = row(thread, 31)
        await producer.send([g.outgoing(last)])
        await eventually(lambda: _handled(database, [last["_id"]]))
        assert await g.effects(database, thread) == list(range(1, 32))
        assert len(await recorded(database, topic=DELIVERIES.name)) == 31


async def test_what_was_handled_may_fail_when_it_comes_again(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 6)]
    async with group(topics, database, producer) as g:
        await producer.send([g.outgoing(r) for r in rows])
        await eventually(lambda: _handled(database, [r["_id"] for r in rows]))
        g.fail = {each["_id"]: [OutOfOrder("early", "not yet")] for each in rows}
        g.fail[rows[2]["_id"]] = [RuntimeError("it is there already")]
        last = row(thread, 6)
        async with Tap.open(topics, dead_letters(g.reactions.group).name) as dead:
            await producer.send([g.outgoing(r) for r in [*rows, last]])
            await eventually(lambda: _handled(database, [last["_id"]]))
            assert await g.effects(database, thread) == [1, 2, 3, 4, 5, 6]
            assert not await dead.consumer.getmany(timeout_ms=200)


@pytest.mark.parametrize("poison_at", [0, 13, 49])
async def test_only_the_poison_leaves(
    topics: Stack, database: Database, producer: Producer, poison_at: int
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 51)]
    poison = rows[poison_at]["_id"]
    async with group(topics, database, producer) as g:
        g.fail[poison] = [RuntimeError("a bug; secret amal@example.org")]
        async with Tap.open(topics, dead_letters(g.reactions.group).name) as dead:
            await producer.send([g.outgoing(r) for r in rows])
            letter = (await dead.until(bool))[0]
        await eventually(lambda: _handled(database, [r["_id"] for r in rows if r["_id"] != poison]))
        versions = [v for v in range(1, 51) if v != poison_at + 1]
        assert await g.effects(database, thread) == versions
        assert letter.value == rows[poison_at]["data"]
        assert letter.key == thread.encode()
        headers = text_headers(letter.headers)
        assert headers["ce_id"] == poison
        assert headers["guildhall_dead_code"] == "unexpected"
        assert headers["guildhall_dead_group"] == g.reactions.group
        assert "amal@example.org" not in headers["guildhall_dead_message"]
        assert g.attempts.count(poison) >= QUICK.unknown_attempts
        # Mended and replayed: to this group alone, with the original headers.
        g.fail.clear()
        await producer.send([exhume(letter, replays(g.reactions.group).name)])
        await eventually(lambda: _handled(database, [poison]))


async def test_garbage_is_buried_and_the_rest_goes_on(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    good = row(thread, 1)
    fine = headers_of(good)
    without = [(name, value) for name, value in fine if name != "ce_type"]
    unknown = [*without, ("ce_type", b"guildhall.nobody-knows.v9")]
    other = row(thread, 2)
    garbage: list[tuple[bytes | None, list[tuple[str, bytes | None]]]] = [
        (None, fine),  # a null value
        (good["data"], [*without, ("ce_type", None)]),
        (good["data"], without),
        (good["data"], [*without, ("ce_type", b"\xff\xfe")]),
        (good["data"][:20], [(n, v if n != "ce_id" else b"x1") for n, v in fine]),  # truncated
        (b"\xff\xfe\x00", [(n, v if n != "ce_id" else b"x2") for n, v in fine]),
        (b'{"x": "' + b"y" * 1_048_000 + b'"}', [(n, v if n != "ce_id" else b"x3") for n, v in fine]),
        (good["data"], [(n, v) for n, v in fine if n != "ce_id"]),
        (good["data"], [(n, v if n != "ce_time" else b"yesterday") for n, v in fine]),
    ]
    policy = Policy(first_backoff=0.001, dead_letter_run=50)
    raw = AIOKafkaProducer(bootstrap_servers=topics.kafka, max_request_size=2_000_000)
    await raw.start()
    async with group(topics, database, producer, policy) as g:
        async with Tap.open(topics, dead_letters(g.reactions.group).name) as dead:
            for value, headers in garbage:
                await raw.send_and_wait(g.topic, value, key=thread.encode(), headers=headers)
            await raw.send_and_wait(
                g.topic, good["data"], key=thread.encode(), headers=[*unknown, ("odd", None)]
            )
            await raw.send_and_wait(
                g.topic,
                other["data"],
                key=thread.encode(),
                headers=[*headers_of(other), ("odd", b"\xff")],
            )
            await dead.until(lambda seen: len(seen) >= len(garbage))
            await eventually(lambda: _handled(database, [other["_id"]]))
            codes = [text_headers(letter.headers)["guildhall_dead_code"] for letter in dead.records]
        assert await g.effects(database, thread) == [2]
    await raw.stop()
    assert codes == [
        "empty-value", "missing-type", "missing-type", "missing-type", "invalid-data", "invalid-data",
        "invalid-data", "missing-id", "missing-time",
    ]  # fmt: skip


async def test_a_rejection_is_acknowledged_and_a_transient_failure_retried(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 5)]
    async with group(topics, database, producer) as g:
        g.fail[rows[0]["_id"]] = [Rejected("no", "a rule says no")]
        g.fail[rows[1]["_id"]] = [Transient("busy", "try again"), Transient("busy", "try again"), None]
        await producer.send([g.outgoing(r) for r in rows])
        await eventually(lambda: _handled(database, [r["_id"] for r in rows[1:]]))
        assert await g.effects(database, thread) == [2, 3, 4]


async def test_out_of_order_defers_its_partition_and_keeps_order(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 6)]
    async with group(topics, database, producer) as g:
        g.fail[rows[1]["_id"]] = [OutOfOrder("early", "not yet")] * 4 + [None]
        await producer.send([g.outgoing(r) for r in rows])
        await eventually(lambda: _handled(database, [r["_id"] for r in rows]))
        assert await g.effects(database, thread) == [1, 2, 3, 4, 5]


class TwoPartitions:
    """What the runtime asks of a consumer, for batches put together by hand."""

    def __init__(self) -> None:
        self.sought: dict[TopicPartition, int] = {}

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("t", 0), TopicPartition("t", 1)}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought[partition] = offset

    async def commit(self, offsets: dict[TopicPartition, int]) -> None: ...

    def pause(self, partition: TopicPartition) -> None: ...

    def resume(self, partition: TopicPartition) -> None: ...

    def highwater(self, partition: TopicPartition) -> None: ...


async def test_what_is_deferred_is_not_overtaken_while_its_batch_takes_long(
    topics: Stack, database: Database, producer: Producer
) -> None:
    early, slow = [row("early", 1), row("early", 2)], [row("slow", 1), row("slow", 2)]

    def record(row: dict[str, Any], partition: int, offset: int) -> ConsumerRecord[Any, Any]:
        headers = headers_of(row)
        return ConsumerRecord(
            "t", partition, offset, 0, 0, row["key"].encode(), row["data"], 0, 0, 0, headers
        )

    # The deferral is over long before the batch is, because the other partition backs off.
    policy = Policy(first_backoff=0.1, max_backoff=0.2, defer=0.001)
    async with group(topics, database, producer, policy) as g:
        g.fail[early[0]["_id"]] = [OutOfOrder("early", "not yet")]
        g.fail[slow[0]["_id"]] = [Transient("busy", "try again"), Transient("busy", "try again"), None]
        consumer = TwoPartitions()
        batch = [record(early[0], 0, 7), record(slow[0], 1, 3), record(slow[1], 1, 4), record(early[1], 0, 8)]
        await g.runtime.handle(batch, consumer)
        assert await g.effects(database, "early") == []
        assert await g.effects(database, "slow") == [1, 2]
        assert consumer.sought == {TopicPartition("t", 0): 7}


async def test_a_dependency_that_is_down_pauses_and_never_dead_letters(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 6)]
    async with (
        group(topics, database, producer) as g,
        Tap.open(topics, dead_letters(g.reactions.group).name) as dead,
    ):
        g.fail[rows[2]["_id"]] = [DependencyDown("down", "no answer")] * 6 + [None]
        await producer.send([g.outgoing(r) for r in rows])
        await eventually(lambda: _handled(database, [r["_id"] for r in rows]))
        assert await g.effects(database, thread) == [1, 2, 3, 4, 5]
        assert await dead.consumer.getmany(timeout_ms=100) == {}


async def test_a_bug_of_ours_halts_instead_of_draining_the_topic(
    topics: Stack, database: Database, producer: Producer
) -> None:
    thread = new_id()
    rows = [row(thread, version) for version in range(1, 41)]
    async with (
        group(topics, database, producer) as g,
        Tap.open(topics, dead_letters(g.reactions.group).name) as dead,
    ):
        for each in rows:
            g.fail[each["_id"]] = [RuntimeError("always")]
        await producer.send([g.outgoing(r) for r in rows])
        await eventually(lambda: _that(g.runtime.halted))
        await dead.until(lambda seen: len(seen) >= QUICK.dead_letter_run)
        assert await dead.consumer.getmany(timeout_ms=300) == {}
        assert "in a row" in (g.runtime.halted or "")


async def test_a_record_that_is_not_for_this_group_is_passed_over(
    topics: Stack, database: Database, producer: Producer
) -> None:
    uow = UnitOfWork()
    comment = CommentAdded.example()
    uow.record(comment, datetime(2020, 1, 1, tzinfo=UTC))
    mine = row(new_id(), 1)
    async with group(topics, database, producer) as g:
        await producer.send([g.outgoing(dict(uow.recorded[0])), g.outgoing(mine)])
        await eventually(lambda: _handled(database, [mine["_id"]]))
        assert not await inbox.handled(database, [uow.recorded[0]["_id"]])
