"""Where learned rankers are kept, version by version, with how they did; and when the next is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.matching.domain import rules
from services.matching.domain.routing.training import Trained
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import NOT_PERSONAL

RANKERS: Final = "rankers"

TRAINING: Final = "training"
_NEXT: Final = "next"
LEASE: Final = timedelta(hours=6)
"""After which another instance trains, where one began and was not heard of again."""

INDEXES: dict[str, list[Index]] = {RANKERS: [], TRAINING: []}
PERSONAL = {RANKERS: NOT_PERSONAL, TRAINING: NOT_PERSONAL}


class Version(NamedTuple):
    """How a learned ranker did beside the sum by hand, in nDCG@10 on so many queries."""

    number: int
    trained_at: datetime
    queries: int
    by_hand: float
    learned: float
    won: bool


async def save(uow: UnitOfWork, trained: Trained) -> None:
    """Keep a ranker as the next version."""
    last = uow.collection(RANKERS).find({}, {"_id": 1}, session=uow.session).sort("_id", -1).limit(1)
    number = max([row["_id"] async for row in last], default=0) + 1
    fields = trained._asdict()
    text = fields.pop("forest").text
    uow.insert(RANKERS, [{"_id": number, "trained_at": uow.now, **fields, "text": text}])


async def in_use(database: Database) -> tuple[int, str] | None:
    """Number and text of the newest version, if it won: what lost today is not used for having won before."""
    newest = await database[RANKERS].find_one({}, {"won": 1, "text": 1}, sort=[("_id", -1)])
    return (newest["_id"], newest.get("text", "")) if newest and newest.get("won") else None


async def latest(database: Database, limit: int) -> list[Version]:
    """The newest versions, the newest first."""
    rows = database[RANKERS].find({}, {"text": 0}).sort("_id", -1).limit(limit)
    return [Version(row.pop("_id"), **row) async for row in rows]


async def claim(database: Database) -> bool:
    """Whether a training is due, for this instance alone. The first is due a while after the first look:
    before, there is little to learn from."""
    now = database.clock()
    first = {"$setOnInsert": {"due": now + rules.RETRAIN}}
    await database[TRAINING].update_one({"_id": _NEXT}, first, upsert=True)
    mine = await database[TRAINING].find_one_and_update(
        {"_id": _NEXT, "due": {"$lte": now}}, {"$set": {"due": now + LEASE}}
    )
    return mine is not None


async def settle(database: Database) -> None:
    """A training is done; the next is due in a while."""
    after = {"$set": {"due": database.clock() + rules.RETRAIN}}
    await database[TRAINING].update_one({"_id": _NEXT}, after, upsert=True)
