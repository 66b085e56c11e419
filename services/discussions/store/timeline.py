"""The collection of timelines."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from services.discussions.domain.access import Reader
from services.discussions.domain.timeline import Entry
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

TIMELINE = "timeline"

INDEXES = {
    TIMELINE: [Index([("thread_id", 1), ("version", 1)], unique=True), Index([("actor_id", 1)])],
}

PERSONAL = {TIMELINE: Personal(by=["actor_id"])}


def add_entry(uow: UnitOfWork, entry: Entry) -> None:
    """Add what happened to a thread."""
    uow.insert(TIMELINE, [entry.model_dump()])


async def find_entries(
    database: Database, reader: Reader, thread_id: str, hidden: Collection[str], after: int, limit: int
) -> list[Entry]:
    """What the reader may see of a thread's timeline, where the items ``hidden`` are, oldest first, after a
    version."""
    query: dict[str, Any] = {"thread_id": thread_id, "version": {"$gt": after}}
    if not reader.curates:
        query |= {"curators": {"$ne": True}, "item_id": {"$nin": list(hidden)}}
    found = database[TIMELINE].find(query).sort("version", 1).limit(limit)
    return [Entry.model_validate(row) for row in await found.to_list(length=None)]
