"""The collection of those who stand at a community's door."""

from __future__ import annotations

from typing import Any

from pymongo import DeleteOne, ReplaceOne

from services.members.domain.admission import Admission, Waiting
from services.members.store.people import membership_id
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

ADMISSIONS = "admissions"

INDEXES = {
    ADMISSIONS: [
        Index([("community_id", 1), ("state", 1), ("member_id", 1)]),
        Index([("member_id", 1), ("community_id", 1)]),
    ],
}

PERSONAL = {ADMISSIONS: Personal(about=["member_id"])}


async def load_admission(uow: UnitOfWork, community_id: str, member_id: str) -> Admission | None:
    """How the member stands at the door, if anything is kept of it."""
    document = await uow.find_one(ADMISSIONS, {"_id": membership_id(community_id, member_id)})
    return Admission.model_validate(document) if document else None


def save_admission(uow: UnitOfWork, admission: Admission) -> None:
    """Save a new or changed admission."""
    key = membership_id(admission.community_id, admission.member_id)
    uow.write(ADMISSIONS, ReplaceOne({"_id": key}, admission.model_dump(), upsert=True))


def delete_admission(uow: UnitOfWork, community_id: str, member_id: str) -> None:
    """Forget how the member stood at the door, if anything was kept of it."""
    uow.write(ADMISSIONS, DeleteOne({"_id": membership_id(community_id, member_id)}))


async def admissions_to(
    database: Database, community_id: str, state: Waiting, after: str | None, limit: int
) -> list[Admission]:
    """Who stands at a community's door in ``state``, by member id, after ``after``."""
    query: dict[str, Any] = {"community_id": community_id, "state": state}
    if after is not None:
        query["member_id"] = {"$gt": after}
    rows = await database[ADMISSIONS].find(query).sort("member_id", 1).limit(limit).to_list(length=None)
    return [Admission.model_validate(row) for row in rows]


async def admissions_of(database: Database, member_id: str, after: str | None, limit: int) -> list[Admission]:
    """At which doors a member stands, by community id, after ``after``."""
    query: dict[str, Any] = {"member_id": member_id}
    if after is not None:
        query["community_id"] = {"$gt": after}
    rows = await database[ADMISSIONS].find(query).sort("community_id", 1).limit(limit).to_list(length=None)
    return [Admission.model_validate(row) for row in rows]
