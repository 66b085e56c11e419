"""The collection of lifts."""

from __future__ import annotations

from typing import Any

from pymongo import ReplaceOne

from services.discussions.domain.lift import Lift
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

LIFTS = "lifts"

INDEXES = {LIFTS: [Index([("solution_id", 1), ("_id", -1)]), Index([("lifter_id", 1)])]}
PERSONAL = {LIFTS: Personal(by=["lifter_id"])}

Document = dict[str, Any]


def _lift(document: Document) -> Lift:
    return Lift.model_validate({**document, "lift_id": document["_id"]})


async def load_lift(uow: UnitOfWork, lift_id: str) -> Lift | None:
    """The lift, if there is one."""
    document = await uow.find_one(LIFTS, {"_id": lift_id})
    return _lift(document) if document else None


def save_lift(uow: UnitOfWork, lift: Lift) -> None:
    """Save a new or changed lift."""
    fields = lift.model_dump(exclude={"lift_id"})
    uow.write(LIFTS, ReplaceOne({"_id": lift.lift_id}, fields, upsert=True))


async def find_lifts(database: Database, solution_id: str, before: str | None, limit: int) -> list[Lift]:
    """The lifts of a solution, newest first, before an id."""
    query: Document = {"solution_id": solution_id}
    if before is not None:
        query["_id"] = {"$lt": before}
    found = database[LIFTS].find(query).sort("_id", -1).limit(limit)
    return [_lift(row) for row in await found.to_list(length=None)]
