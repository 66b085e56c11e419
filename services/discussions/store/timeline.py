"""The collection of timelines."""

from __future__ import annotations

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


async def find_entries(database: Database, thread_id: str, after: int, limit: int) -> list[Entry]:
    """A thread's timeline, oldest first, after a version."""
    query = {"thread_id": thread_id, "version": {"$gt": after}}
    found = database[TIMELINE].find(query).sort("version", 1).limit(limit)
    return [Entry.model_validate(row) for row in await found.to_list(length=None)]
