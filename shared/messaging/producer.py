"""Sending rows to Kafka: keyed, in order, and by the batch.

aiokafka's ``send`` makes a future for every record. Here the rows of one partition become record batches
that aiokafka sends as they are, each only after the one before it was acknowledged: that is several times
cheaper, and a failure stops the partition before a later event of the same key could overtake it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from shared.errors import DependencyDown

_partitioner = DefaultPartitioner()


@lru_cache(maxsize=65_536)  # aiokafka hashes keys in Python, and hot keys come again and again
def _partition_of(key: bytes | None, partitions: tuple[int, ...]) -> int:
    partition: int = _partitioner(key, list(partitions), list(partitions))
    return partition


Lane = tuple[str, int]
"""A topic's partition."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send; ``key`` chooses its partition as every Kafka client would."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Producer:
    """An ``acks=all`` producer of ordered batches."""

    def __init__(
        self, bootstrap_servers: str, *, client_id: str, security: dict[str, Any] | None = None
    ) -> None:
        # Partitions of a declared topic do not change while a process runs (see contracts/topics.py).
        self._partitions: dict[str, tuple[int, ...]] = {}
        self._options: dict[str, Any] = {
            "bootstrap_servers": bootstrap_servers,
            "client_id": client_id,
            "acks": "all",
            "linger_ms": 0,
            "max_batch_size": 512 * 1024,
            "request_timeout_ms": 20_000,
            **(security or {}),
        }

    async def start(self) -> None:
        """Connect; raises ``DependencyDown`` if no broker answers."""
        self._kafka = AIOKafkaProducer(**self._options)  # here: it needs the loop that it will run on
        try:
            await self._kafka.start()
        except KafkaError as error:
            await self._kafka.stop()
            raise DependencyDown("kafka-unavailable", f"Kafka does not answer: {error!r}.") from error

    async def stop(self) -> None:
        """Flush and disconnect."""
        await self._kafka.stop()

    async def send(self, records: Sequence[Outgoing], stopped: set[Lane] | None = None) -> list[bool]:
        """Send ``records``; answer for each whether it was acknowledged by all in-sync replicas.

        Records of one key are sent in the order given; after the first that fails, none of its partition is.
        ``stopped``: partitions to which nothing is sent; those that fail are added.
        """
        stopped = set() if stopped is None else stopped
        acknowledged = [False] * len(records)
        lanes: dict[Lane, list[int]] = defaultdict(list)
        for position, record in enumerate(records):
            lanes[record.topic, await self._partition(record.topic, record.key)].append(position)
        going = [lane for lane in lanes if lane not in stopped]
        sent = await asyncio.gather(
            *(self._send_lane(lane, [records[position] for position in lanes[lane]]) for lane in going)
        )
        for lane, count in zip(going, sent, strict=True):
            for position in lanes[lane][:count]:
                acknowledged[position] = True
            if count < len(lanes[lane]):
                stopped.add(lane)
        return acknowledged

    async def _partition(self, topic: str, key: bytes | None) -> int:
        partitions = self._partitions.get(topic)
        if partitions is None:
            try:
                partitions = tuple(sorted(await self._kafka.partitions_for(topic)))
            except KafkaError as error:
                raise DependencyDown("kafka-unavailable", f"Kafka does not answer: {error!r}.") from error
            self._partitions[topic] = partitions
        return _partition_of(key, partitions)

    async def _send_lane(self, lane: Lane, records: Sequence[Outgoing]) -> int:
        """Send ``records`` to one partition, batch after batch; answer how many of them were acknowledged."""
        topic, partition = lane
        sent = at = 0
        while at < len(records):
            batch = self._kafka.create_batch()
            while at < len(records):
                record = records[at]
                if batch.append(
                    key=record.key, value=record.value, timestamp=None, headers=record.headers
                ) is None:  # fmt: skip
                    break  # full
                at += 1
            batch.close()
            try:
                delivered = await self._kafka.send_batch(batch, topic, partition=partition)
                await delivered
            except KafkaError:
                break
            sent = at
        return sent
