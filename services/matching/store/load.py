"""What the figures of load are counted from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.matching.domain.load import Count, Suggested, Waited
from services.matching.store import COMMUNITIES, MEMBERSHIPS, PEOPLE, THREADS
from services.matching.store.asking import ASKS
from services.matching.store.recommendations import RECOMMENDATIONS
from shared.storage import Database

PROBLEMS = 5_000
"""The latest so many problems of a community are looked at."""


async def community_ids_after(database: Database, after: str, limit: int) -> list[str]:
    """The ids of communities that come after ``after``, in order."""
    found = database[COMMUNITIES].find({"_id": {"$gt": after}}, {"_id": 1}).sort("_id", 1).limit(limit)
    return [row["_id"] async for row in found]


async def is_known(database: Database, community_id: str) -> bool:
    """Whether there is such a community."""
    return await database[COMMUNITIES].find_one({"_id": community_id}, {"_id": 1}) is not None


async def busiest_communities(database: Database, since: datetime, limit: int) -> list[str]:
    """The communities with most asks since then."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"asked_at": {"$gte": since}}},
        {"$sortByCount": "$community_id"},
        {"$limit": limit},
    ]
    return [row["_id"] async for row in database[ASKS].aggregate(pipeline)]


async def counts(database: Database, community_ids: Sequence[str], since: datetime) -> dict[str, list[Count]]:
    """By community, how many asks each expert got since then, and what they came to. Facilitators who were
    asked as such are no load of the experts."""
    over = {"$and": [{"$eq": ["$state", "sent"]}, {"$lte": ["$expires_at", database.clock()]}]}
    pipeline: list[dict[str, Any]] = [
        {
            "$match": {
                "community_id": {"$in": list(community_ids)},
                "asked_at": {"$gte": since},
                "asked_as": {"$ne": "facilitator"},
            }
        },
        {
            "$group": {
                "_id": {
                    "community": "$community_id",
                    "expert": "$expert_id",
                    "org": "$expert_org_id",
                    "state": {"$cond": [over, "expired", "$state"]},
                },
                "asks": {"$sum": 1},
            }
        },
    ]
    found: dict[str, list[Count]] = {community_id: [] for community_id in community_ids}
    async for row in database[ASKS].aggregate(pipeline):
        of = row["_id"]
        found[of["community"]].append(Count(of["expert"], of.get("org"), of["state"], row["asks"]))
    return found


async def suggestions(
    database: Database, community_ids: Sequence[str], since: datetime
) -> dict[str, list[Suggested]]:
    """By community, what was recommended since then, to whom by where they work now, and what it came to."""
    over = {"$and": [{"$eq": ["$state", "offered"]}, {"$lte": ["$expires_at", database.clock()]}]}
    pipeline: list[dict[str, Any]] = [
        {"$match": {"community_id": {"$in": list(community_ids)}, "offered_at": {"$gte": since}}},
        {
            "$group": {
                "_id": {
                    "community": "$community_id",
                    "member": "$member_id",
                    "kind": "$kind",
                    "state": {"$cond": [over, "expired", "$state"]},
                },
                "count": {"$sum": 1},
            }
        },
    ]
    rows = [(row["_id"], row["count"]) async for row in database[RECOMMENDATIONS].aggregate(pipeline)]
    orgs = await _orgs(database, {of["member"] for of, _ in rows})
    found: dict[str, list[Suggested]] = {community_id: [] for community_id in community_ids}
    for of, count in rows:
        found[of["community"]].append(Suggested(orgs.get(of["member"]), of["kind"], of["state"], count))
    return found


async def waited(database: Database, community_id: str, since: datetime) -> list[Waited]:
    """The problems posted since then, with how long they waited."""
    query = {"community_id": community_id, "posted_at": {"$gte": since}}
    fields = {"posted_at": 1, "answered_at": 1, "author_id": 1, "anonymous": 1}
    found = database[THREADS].find(query, fields).sort("posted_at", -1).limit(PROBLEMS)
    rows = await found.to_list(length=None)
    orgs = await _orgs(database, {row["author_id"] for row in rows})
    return [
        Waited(
            orgs.get(row["author_id"]),
            max(timedelta(0), row["answered_at"] - row["posted_at"]) if "answered_at" in row else None,
            not row.get("anonymous", False),
        )
        for row in rows
    ]


async def _orgs(database: Database, member_ids: Collection[str]) -> dict[str, str | None]:
    """Where these members work now, of those who are known."""
    known = database[PEOPLE].find({"_id": {"$in": list(member_ids)}}, {"org_id": 1})
    return {row["_id"]: row.get("org_id") async for row in known}


async def members(database: Database, community_id: str) -> int:
    """How many could be asked in a community."""
    query = {"community_id": community_id, "present": True, "standing": {"$ne": "dormant"}}
    return int(await database[MEMBERSHIPS].count_documents(query))
