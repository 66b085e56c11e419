"""The collections of what is recommended, to whom, and when to look again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pymongo import ReplaceOne, UpdateOne

from services.matching.domain.recommendation import Recipient, Recommendation, State
from services.matching.store import MEMBERSHIPS, Document
from shared.contracts.recommendations import RecommendationKind
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

RECIPIENTS = "recipients"
LOOKS = "looks"
RECOMMENDATIONS = "recommendations"

INDEXES = {
    RECIPIENTS: [],
    LOOKS: [Index([("at", 1)])],
    RECOMMENDATIONS: [
        Index([("member_id", 1), ("state", 1), ("kind", 1), ("_id", 1)]),
        Index([("member_id", 1), ("offered_at", -1), ("_id", -1)]),
        Index([("subject_id", 1)]),
        Index([("community_id", 1), ("offered_at", -1)]),
        Index([("expires_at", 1)], partial={"state": "offered"}),
    ],
}

PERSONAL = {
    RECIPIENTS: Personal(about=["_id"]),
    LOOKS: Personal(about=["_id"]),
    RECOMMENDATIONS: Personal(about=["member_id", "subject_id"]),
}


async def load_recipients(uow: UnitOfWork, member_ids: Collection[str]) -> dict[str, Recipient]:
    """These members as recipients; who was never recommended anything is a new one."""
    rows = await uow.find(RECIPIENTS, {"_id": {"$in": list(member_ids)}})
    found = {row["_id"]: Recipient.model_validate({**row, "member_id": row["_id"]}) for row in rows}
    return {each: found.get(each, Recipient(member_id=each)) for each in member_ids}


def save_recipient(uow: UnitOfWork, recipient: Recipient) -> None:
    """Save a new or changed recipient."""
    fields = recipient.model_dump(exclude={"member_id"})
    uow.write(RECIPIENTS, ReplaceOne({"_id": recipient.member_id}, fields, upsert=True))


def _recommendation(row: Document) -> Recommendation:
    return Recommendation.model_validate({**row, "recommendation_id": row["_id"]})


def save(uow: UnitOfWork, recommended: Recommendation) -> None:
    """Save a new or changed recommendation."""
    fields = recommended.model_dump(exclude={"recommendation_id"})
    uow.write(RECOMMENDATIONS, ReplaceOne({"_id": recommended.recommendation_id}, fields, upsert=True))


async def load(uow: UnitOfWork, recommendation_id: str) -> Recommendation | None:
    """The recommendation, if there is one."""
    row = await uow.find_one(RECOMMENDATIONS, {"_id": recommendation_id})
    return _recommendation(row) if row else None


async def load_all(
    uow: UnitOfWork, member_id: str, kind: RecommendationKind, states: Collection[State]
) -> list[Recommendation]:
    """A member's recommendations of one kind in these states; the caps keep them few."""
    query = {"member_id": member_id, "kind": kind, "state": {"$in": list(states)}}
    return [_recommendation(row) for row in await uow.find(RECOMMENDATIONS, query)]


async def load_open(
    uow: UnitOfWork, kind: RecommendationKind, pairs: Collection[tuple[str, str]]
) -> list[Recommendation]:
    """What is on offer of these (member, subject)."""
    members, subjects = [each[0] for each in pairs], [each[1] for each in pairs]
    query = {"member_id": {"$in": members}, "state": "offered", "kind": kind, "subject_id": {"$in": subjects}}
    rows = await uow.find(RECOMMENDATIONS, query)
    return [_recommendation(row) for row in rows if (row["member_id"], row["subject_id"]) in set(pairs)]


def look_at(uow: UnitOfWork, member_id: str, at: datetime, *, sooner: bool = False) -> None:
    """Look at a member at ``at``; ``sooner``: only if that is before the time that is set."""
    change = {"$min": {"at": at}} if sooner else {"$set": {"at": at}}
    uow.write(LOOKS, UpdateOne({"_id": member_id}, change, upsert=True))


async def to_look_at(database: Database, now: datetime, limit: int) -> list[str]:
    """The members to look at by now."""
    found = database[LOOKS].find({"at": {"$lte": now}}, {"_id": 1}).sort("at", 1).limit(limit)
    return [row["_id"] async for row in found]


async def is_due(uow: UnitOfWork, member_id: str) -> bool:
    """Whether a member is still to be looked at."""
    return await uow.find_one(LOOKS, {"_id": member_id, "at": {"$lte": uow.now}}) is not None


async def expiring(database: Database, now: datetime, limit: int) -> list[str]:
    """What is on offer and has expired by now."""
    query = {"state": "offered", "expires_at": {"$lte": now}}
    found = database[RECOMMENDATIONS].find(query, {"_id": 1}).sort("expires_at", 1).limit(limit)
    return [row["_id"] async for row in found]


async def find(database: Database, recommendation_id: str) -> Recommendation | None:
    """The recommendation, if there is one."""
    row = await database[RECOMMENDATIONS].find_one({"_id": recommendation_id})
    return _recommendation(row) if row else None


async def recommended_to(
    database: Database,
    member_id: str,
    kind: RecommendationKind | None,
    state: State,
    after: str | None,
    limit: int,
) -> list[Recommendation]:
    """A member's recommendations in ``state``, in the order of their ids, after the id ``after``."""
    query: Document = {"member_id": member_id, "state": state}
    match state:
        case "offered":
            query["expires_at"] = {"$gt": database.clock()}
        case "expired":
            query["state"] = {"$in": ["offered", "expired"]}
            query["expires_at"] = {"$lte": database.clock()}
    if kind is not None:
        query["kind"] = kind
    if after is not None:
        query["_id"] = {"$gt": after}
    rows = await database[RECOMMENDATIONS].find(query).sort("_id", 1).limit(limit).to_list(length=None)
    return [_recommendation(row) for row in rows]


async def present_in(database: Database, member_id: str, community_ids: Collection[str]) -> set[str]:
    """Those of these communities that a member belongs to now."""
    keys = [f"{each}|{member_id}" for each in community_ids]
    rows = database[MEMBERSHIPS].find({"_id": {"$in": keys}, "present": True}, {"community_id": 1})
    return {row["community_id"] async for row in rows}
