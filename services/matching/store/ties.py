"""The collections of who met whom in a thread, and of who is connected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pymongo import UpdateOne

from services.matching.domain import rules
from services.matching.store import Document
from shared.storage import Index, UnitOfWork, apply_version
from shared.storage.personal import Personal

MEETINGS = "meetings"
TIES = "ties"

INDEXES = {
    MEETINGS: [Index([("member_id", 1), ("at", -1)]), Index([("thread_id", 1), ("at", -1)])],
    TIES: [Index([("sides", 1), ("state", 1), ("_id", 1)])],
}

PERSONAL = {
    MEETINGS: Personal(about=["member_id"]),
    TIES: Personal(about=["sides"]),
}


def project_tie(uow: UnitOfWork, connection_id: str, version: int, sides: Iterable[str], state: str) -> None:
    """Keep what is between two members."""
    uow.write(TIES, apply_version(connection_id, version, {"sides": sorted(sides), "state": state}))


def note_meeting(
    uow: UnitOfWork, thread_id: str, member_id: str, community_id: str, at: datetime, *, named: bool = True
) -> None:
    """Keep that a member took part in a thread; who is not ``named`` in it never is there."""
    known = {"thread_id": thread_id, "member_id": member_id, "community_id": community_id}
    first = known if named else {**known, "unnamed": True}
    update: Document = {"$max": {"at": at}, "$setOnInsert": first}
    uow.write(MEETINGS, UpdateOne({"_id": f"{thread_id}|{member_id}"}, update, upsert=True))


async def threads_of(uow: UnitOfWork, member_id: str, since: datetime) -> list[str]:
    """The latest threads that a member took part in by name."""
    query = {"member_id": member_id, "at": {"$gt": since}, "unnamed": {"$exists": False}}
    found = (
        uow.collection(MEETINGS).find(query, session=uow.session).sort("at", -1).limit(rules.CONSIDERED // 4)
    )
    return [row["thread_id"] async for row in found]


async def met_in(uow: UnitOfWork, thread_ids: Collection[str], member_id: str) -> dict[str, int]:
    """With whom a member took part in how many of these threads; of each, the latest who did."""
    met: dict[str, int] = {}
    query = {"thread_id": {"$in": list(thread_ids)}, "unnamed": {"$exists": False}}
    found = (
        uow.collection(MEETINGS).find(query, session=uow.session).sort("at", -1).limit(rules.CONSIDERED * 10)
    )
    async for row in found:
        if row["member_id"] != member_id:
            met[row["member_id"]] = met.get(row["member_id"], 0) + 1
    return met


async def ties_of(uow: UnitOfWork, member_ids: Collection[str]) -> list[tuple[str, str, str]]:
    """What is and was between these and others: (one side, the other, state)."""
    query = {"sides": {"$in": list(member_ids)}}
    found = uow.collection(TIES).find(query, session=uow.session).limit(rules.CONSIDERED * 20)
    return [(*row["sides"], row["state"]) async for row in found]
