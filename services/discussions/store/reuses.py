"""The collection of reuses: who used what."""

from __future__ import annotations

from datetime import datetime

from pymongo import ReplaceOne

from services.discussions.domain.reuse import Reuse
from services.discussions.store.access import Document, pair
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

REUSES = "reuses"

INDEXES = {
    REUSES: [Index([("item_id", 1), ("at", -1), ("member_id", -1)]), Index([("member_id", 1)])],
}

PERSONAL = {REUSES: Personal(by=["member_id"])}


async def load_reuse(uow: UnitOfWork, item_id: str, member_id: str) -> Reuse | None:
    """The member's reuse of the item, if they told of one."""
    document = await uow.find_one(REUSES, {"_id": pair(item_id, member_id)})
    return Reuse.model_validate(document) if document else None


def save_reuse(uow: UnitOfWork, reuse: Reuse) -> None:
    """Save a new or changed reuse."""
    key = pair(reuse.item_id, reuse.member_id)
    uow.write(REUSES, ReplaceOne({"_id": key}, reuse.model_dump(), upsert=True))


async def find_reuses(
    database: Database, item_id: str, before: tuple[datetime, str] | None, limit: int
) -> list[Reuse]:
    """Who used the item, the latest first, before (at, member)."""
    query: Document = {"item_id": item_id}
    if before is not None:
        at, member_id = before
        query["$or"] = [{"at": {"$lt": at}}, {"at": at, "member_id": {"$lt": member_id}}]
    found = database[REUSES].find(query).sort([("at", -1), ("member_id", -1)]).limit(limit)
    return [Reuse.model_validate(row) for row in await found.to_list(length=None)]
