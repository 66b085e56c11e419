"""The unit of work: what a command or a reaction changes and publishes, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from bson import Timestamp
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne

from shared.contracts.base import Event
from shared.errors import BadInput
from shared.ids import new_id

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorClientSession

    from shared.storage.database import Collection, Database

OUTBOX = "outbox"
SHARDS = 16
"""Into how many leasable shards the outbox is cut (by hash of the key)."""
ROW_EVENTS, ROW_BYTES = 500, 2_000_000
"""A row takes no more events, and no more bytes of data once it has any: MongoDB's limit for a document is
16 MiB."""
MAX_EVENT_BYTES = 900_000
"""An event larger than this could never pass Kafka's default limit of a megabyte, and would stop its key
for ever: its command is refused instead."""

Write = (
    InsertOne[dict[str, Any]] | UpdateOne | UpdateMany | ReplaceOne[dict[str, Any]] | DeleteOne | DeleteMany
)


class Cause(NamedTuple):
    """What an event came from: it carries the trace and the correlation on."""

    traceparent: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


Recorded = dict[str, Any]
"""An event that was recorded: ``_id``, ``topic``, ``key``, ``version``, ``type``, ``time`` (RFC 3339),
``data`` (JSON bytes), ``traceparent``, ``correlation``, ``causation``."""
OutboxRow = dict[str, Any]
"""What one transaction recorded for one shard, on its way: ``_id``, ``shard``, ``place``, ``events``, and
``pending`` until Kafka acknowledged them all; then ``published_at``, for some days.

``place`` is MongoDB's cluster time when the row was inserted (an empty timestamp is filled in by the server).
Two transactions that change the same aggregate conflict, so the later one began after the earlier one had
committed: in the order of their places the events of a key are in the order of their versions, whatever the
clocks of the processes say."""


class UnitOfWork:
    """Collects writes and events, and puts them into one transaction.

    Reads see the transaction's snapshot. Two units that change the same document conflict, and one of them
    is rerun: an aggregate that is read and written here needs no version check of its own.
    There is no other way to publish.
    """

    def __init__(self, cause: Cause | None = None) -> None:
        self.cause = cause or Cause()
        self._ids: list[str] = []
        self._writes: dict[str, list[Write]] = {}
        self._inserts: dict[str, list[dict[str, Any]]] = {}
        self._recorded: list[Recorded] = []
        self._flushed = 0
        self._read: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._now = datetime.now(UTC)
        self._database: Database | None = None
        self.session: AsyncIOMotorClientSession | None = None

    @property
    def now(self) -> datetime:
        """The present moment of this attempt, UTC."""
        return self._now

    def begin(self, database: Database, session: AsyncIOMotorClientSession) -> None:
        """Start (or start again) in ``session``, forgetting what an earlier attempt collected."""
        self._database, self.session, self._now = database, session, database.clock()
        self._writes, self._inserts = defaultdict(list), defaultdict(list)
        self._recorded, self._flushed, self._read = [], 0, {}

    @property
    def database(self) -> Database:
        """The database that it works on."""
        assert self._database is not None, "a unit of work begins in a transaction"
        return self._database

    def collection(self, name: str) -> Collection:
        """A collection to read from; pass ``session=uow.session`` with every call."""
        assert self._database is not None, "a unit of work reads inside a transaction"
        return self._database[name]

    def tombstone(self, member_id: str) -> str:
        """What the member's tombstone is called."""
        assert self._database is not None
        return self._database.tombstone(member_id)

    async def find_one(self, collection: str, query: dict[str, Any]) -> dict[str, Any] | None:
        """The one document that ``query`` finds, or nothing.

        What was read by its ``_id`` alone is not read again: the snapshot stays, and so does what it has.
        """
        key = (collection, query["_id"]) if query.keys() == {"_id"} else None
        if key is not None and key in self._read:
            return self._read[key]
        found: dict[str, Any] | None = await self.collection(collection).find_one(query, session=self.session)
        if key is not None:
            self._read[key] = found
        return found

    def remember(self, collection: str, document: dict[str, Any]) -> None:
        """Take ``document``, which was read along with another in this unit, for what its ``_id`` finds."""
        self._read[collection, document["_id"]] = document

    async def find(
        self, collection: str, query: dict[str, Any], projection: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """All documents that ``query`` finds; for queries that are bounded by their keys. One that asks for
        any of nothing is not sent."""
        if any(isinstance(value, dict) and value.get("$in") == [] for value in query.values()):
            return []
        cursor = self.collection(collection).find(query, projection, session=self.session)
        documents: list[dict[str, Any]] = await cursor.to_list(length=None)
        return documents

    def write(self, collection: str, *operations: Write) -> None:
        """Add writes; each collection's are sent as one ordered ``bulk_write`` at the end."""
        if operations:
            self._writes[collection].extend(operations)

    def insert(self, collection: str, documents: Sequence[dict[str, Any]]) -> None:
        """Add new documents; each collection's are sent as one ``insert_many`` at the end."""
        if documents:
            self._inserts[collection].extend(documents)

    def record(self, event: Event, at: datetime | None = None, cause: Cause | None = None) -> str:
        """Publish ``event`` when and only when this unit commits; answer its id.

        ``at`` is when it happened, where that is not now: in an import.
        ``cause`` is what brought it about where that is not the unit's own cause: a record in a batch.
        Raises ``BadInput`` for an event that Kafka would never take.
        """
        data = event.write()
        if len(data) > MAX_EVENT_BYTES:
            raise BadInput(
                "event-too-large",
                f"This makes an event of {len(data):,} bytes; at most {MAX_EVENT_BYTES:,} can be published.",
                fix="Shorten the text.",
            )
        if len(self._recorded) == len(self._ids):  # ids outlive a rerun
            self._ids.append(new_id())
        event_id = self._ids[len(self._recorded)]
        cause = cause or self.cause
        self._recorded.append(
            {
                "_id": event_id,
                "topic": event.topic.name,
                "key": event.key,
                "version": event.version,
                "type": event.type,
                "time": (at or self.now).isoformat(),
                "data": data,
                "traceparent": cause.traceparent,
                "correlation": cause.correlation_id or event_id,
                "causation": cause.causation_id,
            }
        )
        return event_id

    @property
    def recorded(self) -> Sequence[Recorded]:
        """The events recorded so far."""
        return self._recorded

    async def flush(self) -> None:
        """Send what was collected to the database, inside the transaction.

        Happens by itself at the end; call it between commands of one unit that read what the other wrote.
        """
        assert self._database is not None
        for name, operations in self._writes.items():
            await self._database[name].bulk_write(operations, ordered=True, session=self.session)
        fresh, self._flushed = self._recorded[self._flushed :], len(self._recorded)
        for name, documents in {**self._inserts, OUTBOX: outbox_rows(fresh)}.items():
            if documents:
                await self._database[name].insert_many(documents, ordered=True, session=self.session)
        self._writes, self._inserts, self._read = defaultdict(list), defaultdict(list), {}


def outbox_rows(events: Sequence[Recorded]) -> list[OutboxRow]:
    """``events``, which one transaction recorded in this order, as rows of the outbox."""
    rows: list[OutboxRow] = []
    filling: dict[int, tuple[list[Recorded], int]] = {}
    for event in events:
        shard = crc32(event["key"].encode()) % SHARDS
        parcel, size = filling.get(shard, ([], ROW_BYTES))
        if size >= ROW_BYTES or len(parcel) == ROW_EVENTS:
            parcel, size = [], 0
            rows.append(
                {
                    "_id": new_id(),
                    "shard": shard,
                    "place": Timestamp(0, 0),
                    "events": parcel,
                    "pending": True,
                }
            )
        parcel.append(event)
        filling[shard] = parcel, size + len(event["data"])
    return rows
