"""The collections of flags and of what curators did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import UpdateMany

from services.discussions.domain.moderation import Flag, FlagState, Logged
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

FLAGS = "flags"
MODERATION = "moderation"

INDEXES = {
    FLAGS: [
        Index([("item_id", 1), ("flagged_by", 1)], unique=True),
        Index([("community_id", 1), ("state", 1), ("at", 1), ("_id", 1)]),
        Index([("flagged_by", 1)]),
    ],
    MODERATION: [Index([("community_id", 1), ("at", -1), ("_id", -1)]), Index([("by", 1)])],
}

PERSONAL = {FLAGS: Personal(by=["flagged_by"]), MODERATION: Personal(by=["by"])}

Document = dict[str, Any]


async def load_flags(uow: UnitOfWork, item_id: str) -> list[Flag]:
    """All flags on an item, whatever became of them; one of each member at most."""
    rows = await uow.find(FLAGS, {"item_id": item_id})
    return [Flag.model_validate({**row, "flag_id": row["_id"]}) for row in rows]


def save_flag(uow: UnitOfWork, flag: Flag) -> None:
    """Save a new flag."""
    uow.insert(FLAGS, [{"_id": flag.flag_id, **flag.model_dump(exclude={"flag_id"})}])


def settle_flags(uow: UnitOfWork, item_id: str, state: FlagState) -> None:
    """What became of an item's open flags."""
    uow.write(FLAGS, UpdateMany({"item_id": item_id, "state": "open"}, {"$set": {"state": state}}))


def add_log(uow: UnitOfWork, logged: Logged) -> None:
    """Add what a curator did."""
    uow.insert(MODERATION, [{"_id": logged.log_id, **logged.model_dump(exclude={"log_id"})}])


async def find_flags(
    database: Database,
    community_id: str,
    state: FlagState,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Flag]:
    """A community's flags in a state, oldest first, after (at, id)."""
    query: Document = {"community_id": community_id, "state": state}
    if after is not None:
        at, flag_id = after
        query["$or"] = [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": flag_id}}]
    found = database[FLAGS].find(query).sort([("at", 1), ("_id", 1)]).limit(limit)
    return [Flag.model_validate({**row, "flag_id": row["_id"]}) async for row in found]


async def find_log(
    database: Database, community_id: str, before: tuple[datetime, str] | None, limit: int
) -> list[Logged]:
    """What curators did in a community, the latest first, before (at, id)."""
    query: Document = {"community_id": community_id}
    if before is not None:
        at, log_id = before
        query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": log_id}}]
    found = database[MODERATION].find(query).sort([("at", -1), ("_id", -1)]).limit(limit)
    return [Logged.model_validate({**row, "log_id": row["_id"]}) async for row in found]
