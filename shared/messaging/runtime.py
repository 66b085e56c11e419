"""The consumer runtime: one for all services, by the batch.

Raw records are decoded and validated each alone; copies within the batch are dropped; one transaction then
holds the look-up of what was handled before, the handlers' effects, their events and the inbox; and only
then the offsets are committed. When a batch fails it is bisected, so that only the poison record leaves.

What a failure leads to is the taxonomy's (``shared.errors.Failure``); how often and how long, the group's
``Policy``. Whatever happens, a record that was not settled is read again: its partition is rewound.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from opentelemetry.trace import Link, Span, SpanKind

from shared.clock import utc_now
from shared.contracts import Event
from shared.errors import DependencyDown, Failure, GuildhallError, InvalidMessage
from shared.messaging import inbox
from shared.messaging.dead_letters import Verdict, bury
from shared.messaging.envelope import Received, decode, type_of
from shared.messaging.producer import Producer
from shared.messaging.reactions import Reactions
from shared.storage import Database, UnitOfWork
from shared.telemetry.metrics import ConsumerMetrics
from shared.telemetry.tracing import parent, span_context, traceparent_of, tracer

log = logging.getLogger(__name__)

Record: TypeAlias = "ConsumerRecord[Any, Any]"


@dataclass(slots=True)
class _Item:
    """A record on its way through a batch."""

    record: Record
    partition: TopicPartition
    received: Received[Event] = field(init=False)
    """The event in it; there from when it was decoded."""
    settled: bool = False


class _RestError(Exception):
    """Stop this batch: a dependency is down, or the consumer halts."""


class Runtime(ConsumerRebalanceListener):  # type: ignore[misc]
    """Handles the records of one consumer group with the ``Reactions`` that a service declared."""

    def __init__(
        self,
        reactions: Reactions,
        database: Database,
        producer: Producer,
        *,
        clock: Callable[[], datetime] = utc_now,
        rebalance_timeout: float = 20.0,
    ) -> None:
        """``rebalance_timeout``: seconds a rebalance waits at most for the batch in flight."""
        self.reactions = reactions
        self.halted: str | None = None
        self._database = database
        self._producer = producer
        self._clock = clock
        self._rebalance_timeout = rebalance_timeout
        self._events = reactions.events
        self._policy = reactions.policy
        self._metrics = ConsumerMetrics(reactions.group)
        self._in_flight = asyncio.Lock()
        self._failures: dict[tuple[TopicPartition, int], tuple[int, datetime]] = {}
        self._recent: deque[bool] = deque(maxlen=self._policy.dead_letter_window)
        self._run = 0
        self._pause = self._policy.pause
        self._deferred: set[TopicPartition] = set()
        """Partitions of the batch in hand of which nothing more may be handled in it."""
        self._resting: dict[TopicPartition, asyncio.TimerHandle] = {}
        self._progress_at = time.monotonic()
        self._consumer: AIOKafkaConsumer | None = None

    # -- one batch -------------------------------------------------------------------------------------

    async def handle(self, records: Sequence[Record], consumer: AIOKafkaConsumer) -> None:
        """Settle ``records``: handle, refuse or bury each, then commit; rewind what could not be settled."""
        async with self._in_flight:
            self._consumer, self._deferred = consumer, set()
            started = time.monotonic()
            # A rebalance may have come between the fetch and this lock: its new owner reads those again.
            assigned: dict[tuple[str, int], TopicPartition] = {each: each for each in consumer.assignment()}
            mine = [
                _Item(record, partition)
                for record in records
                if (partition := assigned.get((record.topic, record.partition))) is not None
            ]
            rest = 0.0
            try:
                await self._settle_all(mine)
                self._pause = self._policy.pause
            except _RestError:
                rest, self._pause = self._pause, min(self._pause * 2, self._policy.max_pause)
            except Exception:
                log.exception("%s: the runtime itself failed", self.reactions.group)
                rest = self._policy.max_pause
            finally:
                await self._commit(mine, rest)
            self._metrics.batch_size.record(len(mine))
            self._metrics.batch_duration.record(time.monotonic() - started)

    async def _settle_all(self, batch: Sequence[_Item]) -> None:
        if self.halted:
            raise _RestError
        items: list[_Item] = []
        for item in batch:
            name = type_of(item.record)
            event = self._events.get(name)
            try:
                if event is not None:
                    item.received = decode(item.record, event)
                    items.append(item)
                    continue
                if not name.startswith("guildhall."):
                    raise InvalidMessage(
                        "missing-type", "The header ce_type must name an event of Guildhall."
                    )
                self._metrics.skipped.add(1)  # an event that this group does not react to
            except InvalidMessage as error:
                await self._settle(items)  # what came before it is settled before it
                items = []
                if item.partition in self._deferred:
                    continue
                await self._bury(item, error.code, error.detail, attempts=1)
            item.settled = True
        await self._settle(items)

    async def _settle(self, items: Sequence[_Item]) -> None:
        """Settle ``items`` together if that works, else by halves."""
        items = [item for item in items if item.partition not in self._deferred]
        if not items:
            return
        attempt = 0
        look = False
        while True:
            attempt += 1
            try:
                await self._transact(items, look)
                break
            except Exception as error:
                failure, code = classify(error)
                if failure is Failure.DEPENDENCY_DOWN:
                    self._metrics.pauses.add(1, code=code)
                    log.warning("%s: pausing: %s", self.reactions.group, error)
                    raise _RestError from error
                if not look:  # what was handled before may well fail now
                    look, attempt = True, 0
                    continue
                if failure is Failure.TRANSIENT and attempt < self._policy.attempts:
                    await self._back_off(attempt, code)
                    continue
                if len(items) > 1:
                    middle = len(items) // 2
                    await self._settle(items[:middle])
                    await self._settle(items[middle:])
                    return
                if failure is Failure.UNKNOWN and attempt < self._policy.unknown_attempts:
                    await self._back_off(attempt, code)
                    continue
                if not await self._give_up(items[0], failure, code, error, attempt):
                    return
                break
        for item in items:
            item.settled = True
            if self._failures:
                self._failures.pop((item.partition, item.record.offset), None)

    async def _give_up(
        self, item: _Item, failure: Failure, code: str, error: Exception, attempt: int
    ) -> bool:
        """Do with a single failing item what its failure asks for; answer whether it is settled."""
        place = (item.partition, item.record.offset)
        match failure:
            case Failure.REJECTED:
                self._metrics.rejected.add(1, code=code)
                log.info("%s: %s refused: %s", self.reactions.group, item.received.event.type, error)
                return True
            case Failure.DUPLICATE:
                self._metrics.duplicates.add(1)
                return True
            case Failure.OUT_OF_ORDER:
                deferred, first = self._failures.get(place, (0, self._clock()))
                if deferred < self._policy.deferrals:
                    self._failures[place] = (deferred + 1, first)
                    self._metrics.retries.add(1, code=code)
                    # To the end of this batch: a timer could fire within it and let a later record pass.
                    self._deferred.add(item.partition)
                    return False
                attempt = deferred + 1
        if failure is Failure.UNKNOWN:
            log.error("%s: %s", self.reactions.group, code, exc_info=error)
        await self._bury(item, code, str(error), attempt)
        return True

    async def _transact(self, items: Sequence[_Item], look: bool) -> None:
        """Inbox, effects and outbox of ``items`` in one transaction.

        Nearly always nothing was handled before: only what does not come through the inbox's unique index, or
        is to ``look``, pays for reading the inbox first.
        """
        by_id = {item.received.id: item.received for item in items}
        handled: set[str] = set()

        with _batch_span(self.reactions.group, by_id) as batch:

            async def work(uow: UnitOfWork) -> None:
                nonlocal handled, look
                handled = await inbox.handled(uow, by_id) if look else set()
                look = True
                fresh = [received for received in batch if received.id not in handled]
                if fresh:
                    await self.reactions.apply(fresh, uow)
                    inbox.note(uow, [received.id for received in fresh])

            await self._database.transact(work)
        fresh_count = len(by_id) - len(handled)
        self._metrics.handled.add(fresh_count)
        if fresh_count < len(items):
            self._metrics.duplicates.add(len(items) - fresh_count)
        self._note(False, fresh_count)

    async def _back_off(self, attempt: int, code: str) -> None:
        self._metrics.retries.add(1, code=code)
        ceiling = min(self._policy.first_backoff * 2**attempt, self._policy.max_backoff)
        await asyncio.sleep(random.uniform(ceiling / 2, ceiling))  # noqa: S311 jitter

    # -- dead letters ----------------------------------------------------------------------------------

    async def _bury(self, item: _Item, code: str, message: str, attempts: int) -> None:
        record, partition = item.record, item.partition
        _, first = self._failures.pop((partition, record.offset), (0, self._clock()))
        letter = bury(record, self.reactions.group, Verdict(code, message, attempts, first))
        try:
            sent = (await self._producer.send([letter]))[0]
        except DependencyDown:
            sent = False
        if not sent:  # without its dead letter the record must not be passed over
            self._metrics.pauses.add(1, code="dead-letter-unsent")
            raise _RestError
        log.error(
            "%s: dead letter from %s[%d]@%d: %s", self.reactions.group, *partition, record.offset, code
        )  # fmt: skip
        self._metrics.dead_letters.add(1, code=code)
        self._note(True, 1)

    def _note(self, dead: bool, count: int) -> None:
        """Keep the run and the ratio of dead letters; halt past the policy's limits."""
        self._recent.extend([dead] * min(count, self._policy.dead_letter_window))
        self._run = self._run + count if dead else 0
        full = len(self._recent) == self._policy.dead_letter_window
        if self._run >= self._policy.dead_letter_run:
            self.halted = f"{self._run} dead letters in a row"
        elif dead and full and sum(self._recent) > self._policy.dead_letter_ratio * len(self._recent):
            self.halted = f"{sum(self._recent)} dead letters among the last {len(self._recent)} records"
        if self.halted:
            log.critical(
                "%s: halted: %s. Mend the cause, restart, replay.", self.reactions.group, self.halted
            )
            raise _RestError

    # -- offsets and rests -----------------------------------------------------------------------------

    async def _commit(self, batch: Sequence[_Item], rest: float) -> None:
        """Commit each partition up to its first unsettled record; rewind and rest where there is one."""
        consumer = self._consumer
        assert consumer is not None
        commit: dict[TopicPartition, int] = {}
        unsettled: dict[TopicPartition, int] = {}
        for item in batch:
            if item.partition in unsettled:
                continue
            if item.settled:
                commit[item.partition] = item.record.offset + 1
            else:
                unsettled[item.partition] = item.record.offset
        if commit:
            self._progress_at = time.monotonic()
            try:
                await consumer.commit(commit)
            except KafkaError as error:  # the inbox drops what is delivered again
                log.warning("%s: offsets not committed: %r", self.reactions.group, error)
        for partition, offset in unsettled.items():
            with suppress(IllegalStateError):  # no longer ours
                consumer.seek(partition, offset)
            self._rest(partition, self._policy.defer if partition in self._deferred else rest)
        for partition, place in commit.items():
            if (end := consumer.highwater(partition)) is not None:
                self._metrics.lag.set(end - place, topic=partition.topic, partition=str(partition.partition))

    def _rest(self, partition: TopicPartition, seconds: float) -> None:
        """Stop fetching ``partition`` for ``seconds``; polling, and so membership, goes on."""
        consumer = self._consumer
        assert consumer is not None
        with suppress(IllegalStateError):  # no longer ours
            consumer.pause(partition)
            self._resting[partition] = asyncio.get_running_loop().call_later(
                seconds, self._resume, partition, consumer
            )

    def _resume(self, partition: TopicPartition, consumer: AIOKafkaConsumer) -> None:
        self._resting.pop(partition, None)
        with suppress(IllegalStateError):
            consumer.resume(partition)

    # -- rebalances and health -------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Wait, bounded, for the batch in flight: its offsets are committed before others take over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._rebalance_timeout), self._in_flight:
                pass
        for partition in revoked:
            if timer := self._resting.pop(partition, None):
                timer.cancel()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Nothing to do: each batch asks what is assigned."""

    async def stuck_for(self) -> float:
        """Seconds without progress although records are waiting; 0 when all is well."""
        consumer = self._consumer
        if consumer is None or not await self.behind():
            self._progress_at = time.monotonic()
        return time.monotonic() - self._progress_at

    async def behind(self) -> int:
        """How many records are waiting in the assigned partitions, as far as the last fetches told."""
        if (consumer := self._consumer) is None:
            return 0
        waiting = 0
        for partition in consumer.assignment():
            if (end := consumer.highwater(partition)) is not None:
                with suppress(KafkaError, IllegalStateError):
                    waiting += max(0, end - await consumer.position(partition))
        return waiting


def classify(error: Exception) -> tuple[Failure, str]:
    """What kind of failure ``error`` is, and its stable code."""
    if isinstance(error, GuildhallError):
        return error.failure, error.code
    return Failure.UNKNOWN, "unexpected"


class _batch_span:  # noqa: N801 a context manager reads as a verb
    """The batch's span, linked to every traced record; and a span for each record within its own trace.

    A record's events carry its span on: one trace so spans the whole journey, while the batch that happened
    to carry it is one link away. Without a recording tracer the records pass through as they are.
    """

    def __init__(self, group: str, by_id: dict[str, Received[Event]]) -> None:
        self._group, self._by_id = group, by_id
        self._spans: list[Span] = []

    def __enter__(self) -> list[Received[Event]]:
        received = list(self._by_id.values())
        contexts = [span_context(each.traceparent) for each in received]
        links = [Link(context) for context in contexts if context is not None]
        batch = tracer.start_span(f"process {self._group}", kind=SpanKind.CONSUMER, links=links)
        self._spans.append(batch)
        if not batch.is_recording():
            return received
        batch.set_attribute("messaging.batch.message_count", len(received))
        traced: list[Received[Event]] = []
        for each, context in zip(received, contexts, strict=True):
            if context is not None and context.trace_flags.sampled:
                span = tracer.start_span(
                    f"process {each.event.event_name}",
                    context=parent(context),
                    kind=SpanKind.CONSUMER,
                    links=[Link(batch.get_span_context())],
                    attributes={"guildhall.group": self._group, "cloudevents.event_id": each.id},
                )
                self._spans.append(span)
                each = each._replace(traceparent=traceparent_of(span))
            traced.append(each)
        return traced

    def __exit__(self, *_: object) -> None:
        for span in reversed(self._spans):
            span.end()
