"""FastStream's broker, set up so that the runtime alone decides what becomes of a record.

Why not its defaults (FastStream 0.7.8, aiokafka 0.14): ``ACK_FIRST`` commits before handling and
``auto_offset_reset`` is ``latest``, so both lose messages; its parser dies on a null or non-UTF-8 header
before any middleware could catch it; ``ack()`` commits every consumed position. Here records come raw,
nothing is acknowledged but by ``Runtime._commit``, and topics are declared, never created on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.contracts.topics import replays
from shared.messaging.runtime import Runtime

IDLE_POLL_MS = 250
"""A poll that nothing arrives for ends after so long, and the next begins."""

FETCH_WAIT_MS = 25
"""How long the broker may hold an empty fetch. Kafka answers as soon as there is something; Tansu (embedded
stack) looks only every quarter of a second within a long fetch: measured 222 ms from send to receipt with
the default of 500 ms, 3 ms with this."""


def make_broker(
    bootstrap_servers: str, *, client_id: str, security: dict[str, Any] | None = None
) -> KafkaBroker:
    """A broker that consumes only; what is published goes through the outbox."""
    return KafkaBroker(
        bootstrap_servers,
        client_id=client_id,
        apply_types=False,
        allow_auto_create_topics=False,
        graceful_timeout=30.0,
        logger=None,
        **(security or {}),
    )


def subscribe(broker: KafkaBroker, runtime: Runtime, *, session: float = 10.0) -> BatchSubscriber:
    """Subscribe ``runtime`` to its group's topics and to what operators replay to it.

    ``session``: seconds of silence after which the group gives this member's partitions to others.
    """
    group, max_records = runtime.reactions.group, runtime.reactions.policy.max_records
    subscriber = broker.subscriber(
        *(topic.name for topic in runtime.reactions.topics),
        replays(group).name,
        group_id=group,
        batch=True,
        max_records=max_records,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        listener=runtime,
        parser=_parse_raw,
        decoder=_decode_raw,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        # A batch that fails record by record may take minutes before it is settled.
        max_poll_interval_ms=600_000,
        session_timeout_ms=int(session * 1000),
        heartbeat_interval_ms=int(session * 150),
    )
    assert isinstance(subscriber, BatchSubscriber)

    async def poll(consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord[Any, Any], ...]:
        fetched = await consumer.getmany(timeout_ms=IDLE_POLL_MS, max_records=max_records)
        return tuple(chain(*fetched.values()))

    # FastStream's own sleeps after each empty poll, deaf to what arrives meanwhile.
    subscriber.get_msg = poll  # type: ignore[method-assign]

    @subscriber
    async def consume(records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        consumer = subscriber.consumer
        assert consumer is not None
        await runtime.handle(records, consumer)

    return subscriber


async def _parse_raw(records: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaMessage:
    return KafkaMessage(
        body=records,
        headers={},
        raw_message=records,
        message_id=str(records[0].offset),
        consumer=FAKE_CONSUMER,
    )


async def _decode_raw(message: KafkaMessage) -> Any:
    return message.raw_message
