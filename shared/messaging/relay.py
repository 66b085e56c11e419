"""The relay: takes pending outbox rows to Kafka, in order per key, and marks them.

What holds, and where: pending rows are the truth and the change stream is only the wake-up; shards are
leased with a fence, so that two relays share the work and a paused one cannot mark what another owns; rows
are sent in the order of their places (see ``OutboxRow``), read from one snapshot, which has no event without
those of its key before it; a key stops at its first failure (``Producer.send``); rows leave the
pending index only after Kafka acknowledged.
A crash between sending and marking sends again: consumers drop the copy by its id.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern

from shared.clock import utc_now
from shared.errors import GuildhallError
from shared.ids import minted_at, new_id
from shared.messaging.envelope import headers_of
from shared.messaging.producer import Lane, Outgoing, Producer
from shared.storage import Database, Index, OutboxRow
from shared.storage.database import translated
from shared.storage.unit_of_work import OUTBOX, SHARDS
from shared.telemetry.metrics import RelayMetrics

log = logging.getLogger(__name__)

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

SWEEP_SECONDS = 60
"""A sweep ends after so long and the next begins, well before MongoDB gives its snapshot up (300 s)."""
READ_AT_ONCE = 1_000

LEASES = "relay_leases"
RELAYS = "relays"

INDEXES = {
    OUTBOX: [
        # The relay's page: only what is pending, in the order of sending.
        Index([("shard", 1), ("place", 1)], partial={"pending": True}),
        Index(
            [("published_at", 1)],
            expire_after_seconds=int(timedelta(days=7).total_seconds()),
            partial={"published_at": {"$exists": True}},  # nothing to pay when a row is inserted
        ),
    ],
    LEASES: [],
    RELAYS: [Index([("expires_at", 1)], expire_after_seconds=60)],
}


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay works; seconds where not said otherwise."""

    page: int = 4_000
    """Events sent and marked together, or a row's more."""
    poll: float = 1.0
    """At most so long after its commit a row is seen even without the change stream."""
    lease: float = 10.0
    """A relay that is silent for so long loses its shards to the others."""


class Relay:
    """One relay of one service. Run any number: they share the shards."""

    def __init__(
        self,
        database: Database,
        producer: Producer,
        *,
        settings: RelaySettings | None = None,
        metrics: RelayMetrics | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.owner = new_id()
        self._database = database
        self._producer = producer
        self._settings = settings or RelaySettings()
        self._metrics = metrics or RelayMetrics(database.name)
        self._clock = clock
        self._fences: dict[int, int] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def shards(self) -> Sequence[int]:
        """The shards leased by this relay."""
        return sorted(self._fences)

    async def start(self) -> None:
        """Start relaying in the background; the producer and the database must be up."""
        await self._declare_leases()
        self._tasks = [
            asyncio.create_task(
                self._forever(self._hold_leases, self._settings.lease / 3), name="relay-leases"
            ),
            asyncio.create_task(self._forever(self._listen, 1.0), name="relay-wake-up"),
            asyncio.create_task(self._forever(self._relay, 0), name="relay"),
        ]

    async def stop(self) -> None:
        """Finish the page in hand, give the shards back, stop."""
        self._stopping = True
        self._wake.set()
        leases, listener, relaying = self._tasks
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(relaying), self._settings.lease)
        for task in (leases, listener, relaying):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(PyMongoError):
            await self._database[LEASES].update_many(
                {"owner": self.owner}, {"$set": {"expires_at": _LONG_AGO}}
            )
            await self._database[RELAYS].delete_one({"_id": self.owner})
        self._fences.clear()

    async def drain(self) -> int:
        """Relay until nothing of this relay's shards is pending; answer how many events that were."""
        await self._declare_leases()
        await self._hold_leases()
        sent = 0
        while done := await self._sweep():
            sent += done
        return sent

    async def _forever(self, step: Callable[[], Any], pause: float) -> None:
        """Run ``step`` again and again; what it raises is logged and retried with backoff."""
        failures = 0
        while not self._stopping:
            try:
                await step()
                failures = 0
                await asyncio.sleep(pause)
            except (PyMongoError, GuildhallError) as error:
                failures += 1
                self._metrics.failures.add(1)
                log.warning("relay %s: %s failed: %s", self._database.name, step.__name__, error)
                await asyncio.sleep(random.uniform(0.5, 1) * min(0.1 * 2**failures, 10))  # noqa: S311 jitter
            except Exception:
                failures += 1
                log.exception("relay %s: %s failed", self._database.name, step.__name__)
                await asyncio.sleep(min(0.1 * 2**failures, 10))

    # -- leases ----------------------------------------------------------------------------------------

    async def _hold_leases(self) -> None:
        """Renew what is held, take what is free up to a fair share, give back what is above it.

        Expiry is reckoned by MongoDB's clock (``$$NOW``): the clocks of the relays do not matter.
        """
        lifetime_ms = int(self._settings.lease * 1000)
        expiry = {"$add": ["$$NOW", lifetime_ms]}
        leases = self._database[LEASES]
        with translated():
            await self._database[RELAYS].update_one(
                {"_id": self.owner}, [{"$set": {"expires_at": expiry}}], upsert=True
            )
            alive = await self._database[RELAYS].count_documents({"$expr": {"$gt": ["$expires_at", "$$NOW"]}})
            fair = -(-SHARDS // max(alive, 1))
            held: dict[int, int] = {}
            for shard, fence in sorted(self._fences.items()):
                if len(held) < fair:
                    renewed = await leases.update_one(
                        {"_id": shard, "owner": self.owner, "fence": fence},
                        [{"$set": {"expires_at": expiry}}],
                    )
                    if renewed.matched_count:
                        held[shard] = fence
                else:
                    await leases.update_one(
                        {"_id": shard, "owner": self.owner}, {"$set": {"expires_at": _LONG_AGO}}
                    )
            for shard in range(SHARDS):
                if len(held) >= fair:
                    break
                if shard not in held:
                    taken = await self._take(shard, expiry)
                    if taken is not None:
                        held[shard] = taken
        if held != self._fences:
            log.info("relay %s: holds shards %s", self._database.name, sorted(held))
            self._fences = held
            self._wake.set()

    async def _take(self, shard: int, expiry: dict[str, Any]) -> int | None:
        taken = {"owner": self.owner, "expires_at": expiry, "fence": {"$add": ["$fence", 1]}}
        lease = await self._database[LEASES].find_one_and_update(
            {"_id": shard, "$expr": {"$lte": ["$expires_at", "$$NOW"]}},
            [{"$set": taken}],
            return_document=ReturnDocument.AFTER,
        )
        return int(lease["fence"]) if lease else None

    async def _declare_leases(self) -> None:
        """Create the leases that do not exist yet (MongoDB knows no upsert by ``$$NOW``)."""
        free = {"$setOnInsert": {"fence": 0, "expires_at": _LONG_AGO}}
        with translated(), suppress(BulkWriteError):  # another relay declares them at the same moment
            await self._database[LEASES].bulk_write(
                [UpdateOne({"_id": shard}, free, upsert=True) for shard in range(SHARDS)], ordered=False
            )

    # -- wake-up ---------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Wake the relay at every insert. A lost stream costs at most ``poll`` seconds, never a row."""
        only_inserts: list[dict[str, Any]] = [
            {"$match": {"operationType": "insert"}},
            {"$project": {"_id": 1}},
        ]
        with translated():
            async with self._database[OUTBOX].watch(only_inserts, max_await_time_ms=1000) as stream:
                async for _ in stream:
                    self._wake.set()

    # -- relaying --------------------------------------------------------------------------------------

    async def _relay(self) -> None:
        self._wake.clear()
        if await self._sweep() == 0 and not self._stopping:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._settings.poll)

    async def _sweep(self) -> int:
        """Relay the pending rows of the leased shards once, page by page; answer how many events were sent.

        All pages are of one snapshot: a later one could hold an event of which an earlier version, committed
        meanwhile, has its place in a page before. While a page is sent, the next is read and the one before
        is marked. A partition that fails stops for the rest of the sweep, and holds up no other.
        """
        sent = 0
        oldest: str | None = None
        stopped: set[Lane] = set()
        fences, until = dict(self._fences), monotonic() + SWEEP_SECONDS
        outbox = self._database[OUTBOX].with_options(read_concern=ReadConcern("snapshot"))
        pending = outbox.find({"pending": True, "shard": {"$in": list(fences)}}, batch_size=READ_AT_ONCE)
        pending.sort("place", 1)
        page: asyncio.Task[list[OutboxRow]] | None = asyncio.create_task(self._page(pending))
        marking: asyncio.Task[None] | None = None
        try:
            while page is not None and (rows := await page):
                oldest = oldest or rows[0]["_id"]
                going_on = self._fences == fences and monotonic() < until
                page = asyncio.create_task(self._page(pending)) if going_on else None
                acknowledged = await self._send(rows, stopped)
                if marking is not None:
                    await marking
                marking = asyncio.create_task(self._mark(rows, acknowledged, fences))
                sent += sum(acknowledged)
        finally:
            try:
                await asyncio.gather(*(task for task in (page, marking) if task is not None))
            finally:
                await pending.close()
        # The rows' own age, from their UUIDv7: the event of an import may have happened years ago.
        age = (self._clock() - minted_at(oldest)).total_seconds() if oldest else 0.0
        self._metrics.oldest_pending.set(max(age, 0.0))
        if stopped:
            await asyncio.sleep(0.5)
        return sent

    async def _page(self, pending: Any) -> list[OutboxRow]:
        """The next rows of ``pending``, as many as hold a page's events."""
        rows: list[OutboxRow] = []
        events, at_once = 0, min(self._settings.page, READ_AT_ONCE)
        with translated():
            while events < self._settings.page and (more := await pending.to_list(length=at_once)):
                rows += more
                events += sum(len(row["events"]) for row in more)
        return rows

    async def _send(self, rows: Sequence[OutboxRow], stopped: set[Lane]) -> list[bool]:
        """Send the events of ``rows``; answer for each whether Kafka acknowledged it."""
        acknowledged = await self._producer.send(
            [
                Outgoing(event["topic"], event["key"].encode(), event["data"], headers_of(event))
                for row in rows
                for event in row["events"]
            ],
            stopped,
        )
        self._metrics.published.add(sum(acknowledged))
        if refused := len(acknowledged) - sum(acknowledged):
            self._metrics.failures.add(refused)
            log.warning(
                "relay %s: Kafka refused %d of %d events", self._database.name, refused, len(acknowledged)
            )
        return acknowledged

    async def _mark(
        self, rows: Sequence[OutboxRow], acknowledged: Sequence[bool], fences: dict[int, int]
    ) -> None:
        """Mark the rows whose events are all acknowledged as published; leave of others what is not.

        Not those whose shard was taken over meanwhile: the new owner sends those again. Should a shard be
        lost between the look and the mark, the mark is still true: Kafka has the row. So no transaction is
        needed (it would cost 60 % more).
        """
        shards = {row["shard"] for row in rows}
        ours = [{"_id": shard, "owner": self.owner, "fence": fences[shard]} for shard in shards]
        whole: list[str] = []
        rest: list[UpdateOne] = []
        each = iter(acknowledged)
        with translated():
            held = {lease["_id"] async for lease in self._database[LEASES].find({"$or": ours}, {"_id": 1})}
            for row in rows:
                left = [event for event in row["events"] if not next(each)]
                if row["shard"] not in held or len(left) == len(row["events"]):
                    continue
                if not left:
                    whole.append(row["_id"])
                else:
                    rest.append(UpdateOne({"_id": row["_id"], "pending": True}, {"$set": {"events": left}}))
            if whole:
                await self._database[OUTBOX].update_many(
                    {"_id": {"$in": whole}, "pending": True},
                    {"$set": {"published_at": self._clock()}, "$unset": {"pending": ""}},
                )
            if rest:
                await self._database[OUTBOX].bulk_write(rest, ordered=False)
        for shard in shards - held:
            self._fences.pop(shard, None)
