"""Where learned rankers are kept, version by version, with how they did."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from services.matching.domain.routing.training import Trained
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import NOT_PERSONAL

RANKERS: Final = "rankers"

INDEXES: dict[str, list[Index]] = {RANKERS: []}
PERSONAL = {RANKERS: NOT_PERSONAL}


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
