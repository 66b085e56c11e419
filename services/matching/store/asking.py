"""Where asks are kept, the askings that they belong to, and the workloads of those who are asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateMany

from services.matching.domain.ask import Ask, State
from services.matching.domain.asking import Asking
from services.matching.domain.workload import Workload
from services.matching.store.precedents import PRECEDENTS
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

ASKING = "asking"
ASKS = "asks"
WORKLOADS = "workloads"

INDEXES = {
    ASKING: [
        Index([("asker_id", 1)]),
        Index([("next_at", 1)], partial={"next_at": {"$exists": True}}),
    ],
    ASKS: [
        Index([("expert_id", 1), ("asked_at", -1), ("_id", -1)]),
        Index([("thread_id", 1), ("wave", 1)]),
        Index([("expires_at", 1)], partial={"state": "sent"}),
        Index([("community_id", 1), ("asked_at", -1)]),
        Index([("asked_at", -1)]),
    ],
    WORKLOADS: [],
}

PERSONAL = {
    ASKING: Personal(by=["asker_id"]),
    ASKS: Personal(by=["expert_id"]),
    WORKLOADS: Personal(about=["_id"]),
}

Document = dict[str, Any]


async def load_workloads(uow: UnitOfWork, expert_ids: Collection[str]) -> dict[str, Workload]:
    """The workloads of these, where they were ever asked."""
    rows = await uow.find(WORKLOADS, {"_id": {"$in": list(expert_ids)}})
    return {row["_id"]: Workload.model_validate({**row, "expert_id": row["_id"]}) for row in rows}


def save_workload(uow: UnitOfWork, workload: Workload) -> None:
    """Save an expert's workload: two waves that ask the same expert at once conflict here."""
    fields = workload.model_dump(exclude={"expert_id"})
    uow.write(WORKLOADS, ReplaceOne({"_id": workload.expert_id}, fields, upsert=True))


async def load_askings(uow: UnitOfWork, thread_ids: Collection[str]) -> dict[str, Asking]:
    """The askings about these problems, where there are any."""
    rows = await uow.find(ASKING, {"_id": {"$in": list(thread_ids)}})
    return {row["_id"]: Asking.model_validate({**row, "thread_id": row["_id"]}) for row in rows}


async def load_asking(uow: UnitOfWork, thread_id: str) -> Asking | None:
    """The asking about a problem."""
    return (await load_askings(uow, [thread_id])).get(thread_id)


def save_asking(uow: UnitOfWork, asking: Asking) -> None:
    """Save a new or changed asking."""
    fields = asking.model_dump(exclude={"thread_id"}, exclude_none=True)
    uow.write(ASKING, ReplaceOne({"_id": asking.thread_id}, fields, upsert=True))


async def load_asks(uow: UnitOfWork, ask_ids: Collection[str]) -> dict[str, Ask]:
    """Those of these asks that there are."""
    rows = await uow.find(ASKS, {"_id": {"$in": list(ask_ids)}})
    return {row["_id"]: _ask(row) for row in rows}


async def load_open_asks(uow: UnitOfWork, thread_ids: Collection[str]) -> list[Ask]:
    """The asks about these problems to which nobody said anything."""
    rows = await uow.find(ASKS, {"thread_id": {"$in": list(thread_ids)}, "state": "sent"})
    return sorted((_ask(row) for row in rows), key=lambda ask: (ask.wave, ask.ask_id))


def save_ask(uow: UnitOfWork, ask: Ask) -> None:
    """Save a new or changed ask."""
    fields = ask.model_dump(exclude={"ask_id"})
    uow.write(ASKS, ReplaceOne({"_id": ask.ask_id}, fields, upsert=True))


def retitle(uow: UnitOfWork, thread_id: str, title: str) -> None:
    """All asks about a problem name it by its present title."""
    uow.write(ASKS, UpdateMany({"thread_id": thread_id}, {"$set": {"problem_title": title}}))


def _ask(row: Document) -> Ask:
    return Ask.model_validate({**row, "ask_id": row["_id"]})


# -- what is due ---------------------------------------------------------------------------------------


async def askings_due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """The problems about which there is something to do, the longest due first."""
    due = database[ASKING].find({"next_at": {"$lte": now}}, {"_id": 1}).sort("next_at", 1).limit(limit)
    return [row["_id"] async for row in due]


async def asks_due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """The asks whose time is over, the oldest first."""
    over = {"state": "sent", "expires_at": {"$lte": now}}
    due = database[ASKS].find(over, {"_id": 1}).sort("expires_at", 1).limit(limit)
    return [row["_id"] async for row in due]


# -- reads ---------------------------------------------------------------------------------------------


async def find_ask(database: Database, ask_id: str) -> Ask | None:
    """The ask, if there is one."""
    row = await database[ASKS].find_one({"_id": ask_id})
    return _ask(row) if row else None


async def find_asking(database: Database, thread_id: str) -> Asking | None:
    """The asking about a problem, if there is one."""
    row = await database[ASKING].find_one({"_id": thread_id})
    return Asking.model_validate({**row, "thread_id": row["_id"]}) if row else None


async def asks_of(
    database: Database,
    expert_id: str,
    communities: Collection[str],
    state: State | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Ask]:
    """An expert's asks in these communities, latest first, after that (moment, id)."""
    query: Document = {"expert_id": expert_id, "community_id": {"$in": list(communities)}}
    now = database.clock()
    either: list[list[Document]] = []
    match state:
        case None:
            pass
        case "sent":
            query |= {"state": "sent", "expires_at": {"$gt": now}}
        case "expired":
            either.append([{"state": "expired"}, {"state": "sent", "expires_at": {"$lte": now}}])
        case _:
            query["state"] = state
    if after is not None:
        at, ask_id = after
        either.append([{"asked_at": {"$lt": at}}, {"asked_at": at, "_id": {"$lt": ask_id}}])
    if either:
        query["$and"] = [{"$or": each} for each in either]
    found = database[ASKS].aggregate(
        [{"$match": query}, {"$sort": {"asked_at": -1, "_id": -1}}, *_NOT_HIDDEN, {"$limit": limit}]
    )
    return [_ask(row) async for row in found]


_NOT_HIDDEN: list[Document] = [
    {
        "$lookup": {
            "from": PRECEDENTS,
            "localField": "thread_id",
            "foreignField": "_id",
            "pipeline": [{"$match": {"hidden": True}}, {"$project": {"_id": 1}}],
            "as": "hidden",
        }
    },
    {"$match": {"$or": [{"hidden": []}, {"asked_as": "facilitator"}]}},
]
"""What moderators hid is left out, but for those who were asked because they look after the community."""


async def asks_about(database: Database, thread_id: str) -> list[Ask]:
    """Everybody asked about a problem, in order; waves are few and small."""
    found = database[ASKS].find({"thread_id": thread_id}).sort([("wave", 1), ("_id", 1)])
    return [_ask(row) async for row in found]
