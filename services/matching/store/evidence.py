"""What the index in memory is made of, read in batches: all of it, or what changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import rules
from services.matching.domain.expertise import adapted, endorsed
from services.matching.domain.routing.events import Digests, Problems, Skills, Solutions
from services.matching.domain.routing.text import Digest
from services.matching.store import ACTIVITY, MEMBERSHIPS, PEOPLE, SOLUTIONS, THREADS
from services.matching.store.asking import ASKING, ASKS
from services.matching.store.rankers import RANKERS
from shared.storage import Database, UnitOfWork

BATCH: Final = 2_000
Document = dict[str, Any]
Activity = tuple[list[str], list[str], NDArray[np.float64]]
"""(communities, members, when something was last heard of each)"""
Asked = tuple[str, str, list[tuple[float, bool]]]
"""(community, member, what became of their asks of late: when each was taken up, or else not)"""
WATCHED: Final = (THREADS, SOLUTIONS, PEOPLE, MEMBERSHIPS, ACTIVITY, ASKS, ASKING, RANKERS)
"""The collections whose changes the index follows."""


def seconds(at: datetime) -> float:
    """A moment as the index counts it."""
    return at.timestamp()


async def problems(
    database: Database, ids: Collection[str] | None = None
) -> AsyncIterator[tuple[Problems, list[tuple[str, str]]]]:
    """These problems, or all: those that count, and (community, id) of those that were taken back."""
    async for rows in _batches(database, THREADS, ids):
        known = [row for row in rows if "author_id" in row]
        yield (
            await asyncio.to_thread(_problems, [row for row in known if not row.get("withdrawn")]),
            [(row["community_id"], row["_id"]) for row in known if row.get("withdrawn")],
        )


async def solutions(
    database: Database, ids: Collection[str] | None = None, gone: Collection[str] | None = None
) -> AsyncIterator[Solutions]:
    """These solutions, or all, in the order in which they became known; ``gone``: the problems that were
    taken back, if these are known already. Solutions of theirs count no more."""
    async for rows in _batches(database, SOLUTIONS, ids):
        without = gone
        if without is None:
            query = {"_id": {"$in": [row["thread_id"] for row in rows]}, "withdrawn": True}
            found = await database[THREADS].find(query, {"_id": 1}).to_list(length=None)
            without = {row["_id"] for row in found}
        known = [row for row in rows if row.get("proposed_at") is not None]
        yield await asyncio.to_thread(_solutions, known, without)


async def skills(database: Database, member_ids: Collection[str] | None = None) -> AsyncIterator[Skills]:
    """What these members, or all, state, in each community that they belong to; nothing where they left."""
    query: Document = {} if member_ids is None else {"member_id": {"$in": list(member_ids)}}
    fields = {"community_id": 1, "member_id": 1, "present": 1}
    async for places in _of(database, MEMBERSHIPS, query, fields):
        members = {"$in": list({row["member_id"] for row in places})}
        people = await database[PEOPLE].find({"_id": members}, {"skills": 1}).to_list(length=None)
        stated = {
            row["_id"]: {skill["name"]: rules.SKILL[skill["level"]] for skill in row.get("skills", ())}
            for row in people
        }
        yield Skills.of(
            (
                row["community_id"],
                row["member_id"],
                stated.get(row["member_id"], {}) if row.get("present") else {},
            )
            for row in places
            if "community_id" in row and (member_ids is not None or stated.get(row["member_id"]))
        )


async def activity(database: Database, ids: Collection[str] | None = None) -> AsyncIterator[Activity]:
    """When something was last heard of these places, or of all."""
    async for rows in _batches(database, ACTIVITY, ids):
        yield (
            [row["community_id"] for row in rows],
            [row["member_id"] for row in rows],
            _times(row["last_at"] for row in rows),
        )


async def asks(database: Database, ids: Collection[str] | None = None) -> AsyncIterator[list[Asked]]:
    """What became of all asks of those who were asked these, or of all; in each community."""
    heeded: Document = {
        "asked_as": "expert",
        "asked_at": {"$gte": database.clock() - rules.HEEDED},
        "$or": [{"state": {"$in": ["accepted", "answered", "declined"]}}, {"ignored": True}],
    }
    if ids is not None:
        of = await database[ASKS].distinct("expert_id", {"_id": {"$in": list(ids)}, **heeded})
        heeded["expert_id"] = {"$in": of}
    place = {"community": "$community_id", "member": "$expert_id"}
    became = {"at": "$answered_at", "state": "$state"}
    pipeline = [{"$match": heeded}, {"$group": {"_id": place, "asks": {"$push": became}}}]
    cursor = database[ASKS].aggregate(pipeline, batchSize=BATCH, allowDiskUse=True)
    while rows := await cursor.to_list(length=BATCH):
        yield [
            (
                row["_id"]["community"],
                row["_id"]["member"],
                [(seconds(each["at"]), each["state"] in ("accepted", "answered")) for each in row["asks"]],
            )
            for row in rows
        ]


async def askings_of(database: Database, instance: str, ids: Collection[str]) -> list[str]:
    """Those of these problems that this instance took in and about which there is something to do."""
    query = {"_id": {"$in": list(ids)}, "instance": instance, "next_at": {"$lte": database.clock()}}
    rows = await database[ASKING].find(query, {"_id": 1}).to_list(length=None)
    return [row["_id"] for row in rows]


async def load_words(uow: UnitOfWork, thread_ids: Collection[str]) -> dict[str, Digest]:
    """The digests of these problems' texts."""
    rows = await uow.find(THREADS, {"_id": {"$in": list(thread_ids)}}, {"words": 1})
    known = {row["_id"]: _words(row) for row in rows}
    return {thread_id: known.get(thread_id, _NOTHING) for thread_id in thread_ids}


_NEVER: Final = datetime.fromtimestamp(0, UTC)
_NOTHING: Final[Digest] = np.zeros(0, np.uint64)


def _problems(rows: Sequence[Document]) -> Problems:
    return Problems(
        [row["community_id"] for row in rows],
        [row["_id"] for row in rows],
        [row["author_id"] for row in rows],
        _times(row.get("posted_at", _NEVER) for row in rows),
        Digests.stored([row.get("words", b"") for row in rows]),
        Digests.of_labels("tag", [row["tags"] for row in rows]),
    )


def _times(found: Iterable[datetime]) -> NDArray[np.float64]:
    return np.fromiter(map(datetime.timestamp, found), np.float64)


def _words(row: Document) -> Digest:
    return np.frombuffer(row.get("words", b""), np.uint64)


def _solutions(rows: Sequence[Document], gone: Collection[str]) -> Solutions:
    return Solutions(
        [row["community_id"] for row in rows],
        [row["thread_id"] for row in rows],
        [row["_id"] for row in rows],
        [row["author_id"] for row in rows],
        _times(row["proposed_at"] for row in rows),
        np.minimum([row.get("imported_score", 0) for row in rows], rules.VOTES),
        np.array([row.get("accepted", False) for row in rows], np.bool_),
        np.array([endorsed(row.get("endorsements", ())) for row in rows], np.float64),
        np.array([adapted(row.get("adaptations", ())) for row in rows], np.int64),
        np.array([not row.get("hidden") and row["thread_id"] not in gone for row in rows], np.bool_),
    )


async def _batches(
    database: Database, collection: str, ids: Collection[str] | None
) -> AsyncIterator[Sequence[Document]]:
    query: Document = {} if ids is None else {"_id": {"$in": list(ids)}}
    async for rows in _of(database, collection, query, None):
        yield rows


async def _of(
    database: Database, collection: str, query: Document, fields: Document | None
) -> AsyncIterator[list[Document]]:
    cursor = database[collection].find(query, fields, batch_size=BATCH)
    # The next batch is read while the last is made use of.
    reading = asyncio.ensure_future(cursor.to_list(length=BATCH))
    try:
        while rows := await reading:
            reading = asyncio.ensure_future(cursor.to_list(length=BATCH))
            yield rows
    finally:
        reading.cancel()
