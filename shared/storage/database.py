"""A service's database: its client, its transactions and its indexes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from hashlib import blake2b
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import (
    AsyncIOMotorChangeStream,
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import IndexModel, ReadPreference, WriteConcern
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    NotPrimaryError,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)
from pymongo.read_concern import ReadConcern

from shared.clock import Clock, utc_now
from shared.errors import DependencyDown, Transient
from shared.storage.unit_of_work import UnitOfWork

T = TypeVar("T")

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]

_CODEC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
_RERUNS = 12
"""How often a transaction is rerun before the caller is told to try again. Losers of a write conflict are
rerun after a jittered pause, so a dozen lets about fifty writers pass through one hot document."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a collection needs; created at start, the same everywhere."""

    keys: Sequence[tuple[str, int]]
    unique: bool = False
    expire_after_seconds: int | None = None
    partial: Mapping[str, Any] | None = field(default=None)

    def model(self) -> IndexModel:
        """The driver's form of it."""
        options: dict[str, Any] = {"unique": self.unique}
        if self.expire_after_seconds is not None:
            options["expireAfterSeconds"] = self.expire_after_seconds
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        return IndexModel(list(self.keys), **options)


class Database:
    """One service's database.

    Writes are acknowledged by a majority and journaled: what was answered survives the loss of a node.
    """

    def __init__(
        self, uri: str, name: str, *, clock: Clock = utc_now, timeout: float = 5.0, erasure_key: bytes = b""
    ) -> None:
        """``uri`` must name a replica set (transactions need one); ``timeout`` seconds to find a primary;
        ``erasure_key`` keys the hashes by which erased members are known again."""
        self.name = name
        self._erasure_key = erasure_key
        self.clock = clock
        self.client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            uri,
            serverSelectionTimeoutMS=int(timeout * 1000),
            uuidRepresentation="standard",
            retryWrites=True,
            appname=f"guildhall-{name}",
        )
        self._db: AsyncIOMotorDatabase[Document] = self.client.get_database(
            name,
            codec_options=_CODEC,
            write_concern=WriteConcern(w="majority", j=True),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )

    def __getitem__(self, collection: str) -> Collection:
        return self._db[collection]

    def watch(
        self, pipeline: Sequence[Mapping[str, Any]], **options: Any
    ) -> AsyncIOMotorChangeStream[Document]:
        """The changes of the whole database as they are committed, through ``pipeline``."""
        return self._db.watch(list(pipeline), **options)

    async def ping(self) -> None:
        """Return if a primary answers; raise ``DependencyDown`` otherwise."""
        with translated():
            await self._db.command("ping")

    async def close(self) -> None:
        """Close the client's connections."""
        self.client.close()

    def tombstone(self, member_id: str) -> str:
        """What a member's tombstone is called: a keyed hash, from which nothing leads back to the id."""
        return blake2b(member_id.encode(), key=self._erasure_key[:64], digest_size=20).hexdigest()

    async def collections(self) -> list[str]:
        """The names of all collections, also of those that nobody declared."""
        with translated():
            names = await self._db.list_collection_names()
        return sorted(name for name in names if not name.startswith("system."))

    async def ensure_indexes(self, indexes: Mapping[str, Iterable[Index]]) -> None:
        """Create the collections and indexes that are missing; leave those that are there.

        Collections are created beforehand, because creating one inside a transaction conflicts with others
        that do the same.
        """
        existing = set(await self._db.list_collection_names())
        for collection, wanted in indexes.items():
            if collection not in existing:
                with suppress(PyMongoError):  # another replica of this service was faster
                    await self._db.create_collection(collection)
            if models := [index.model() for index in wanted]:
                await self[collection].create_indexes(models)

    async def transact(self, work: Callable[[UnitOfWork], Awaitable[T]], uow: UnitOfWork | None = None) -> T:
        """Run ``work`` and everything that it wrote and recorded in one transaction; return its result.

        ``work`` may be rerun after a conflict: it must have no side effect but through its unit of work.
        The ids of its events stay the same in every run. Raises ``Transient`` when conflicts do not end,
        ``DependencyDown`` when no primary answers, and whatever ``work`` raises.
        """
        uow = uow or UnitOfWork()
        for attempt in range(_RERUNS):
            try:
                with translated():
                    async with await self.client.start_session() as session:
                        async with session.start_transaction(
                            write_concern=WriteConcern(w="majority", j=True),
                            read_concern=ReadConcern("snapshot"),
                        ):
                            uow.begin(self, session)
                            result = await work(uow)
                            await uow.flush()
                        # Leaving the block committed; the driver retries an unknown commit result itself.
                        return result
            except Transient as conflict:
                if conflict.code != "write-conflict" or attempt == _RERUNS - 1:
                    raise
                await asyncio.sleep(random.uniform(0, 0.004 * 2 ** min(attempt, 6)))  # noqa: S311 jitter
        raise AssertionError("unreachable")


class translated:  # noqa: N801 a context manager reads as a verb
    """Translate the driver's errors into the taxonomy; everything else passes through."""

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, PyMongoError):
            raise translate(error) from error


def translate(error: PyMongoError) -> Exception:
    """The error of the taxonomy that a driver's error means; the error itself if it means none."""
    if isinstance(
        error,
        ServerSelectionTimeoutError
        | NotPrimaryError
        | AutoReconnect
        | ConnectionFailure
        | WaitQueueTimeoutError,
    ) and not isinstance(error, DuplicateKeyError):
        return DependencyDown("mongodb-unavailable", "MongoDB does not answer; nothing was changed.")
    if error.has_error_label("TransientTransactionError") or _is_conflict(error):
        return Transient("write-conflict", "Somebody changed the same thing at the same moment; try again.")
    if error.has_error_label("RetryableWriteError"):
        return DependencyDown("mongodb-unavailable", "MongoDB is changing its primary; nothing was changed.")
    return error


def _is_conflict(error: PyMongoError) -> bool:
    """A duplicate key inside a transaction is a conflict too: the rerun will see the other's document."""
    if isinstance(error, DuplicateKeyError):
        return True
    details = getattr(error, "details", None) or {}
    codes = {entry.get("code") for entry in details.get("writeErrors", ())}
    return bool(codes & {112, 11000})
