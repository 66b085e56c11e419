"""Memberships and communities as time goes by: what is due, who is active, who looks after what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import UpdateOne

from services.members.domain.community import LEADING, Community, Membership
from services.members.domain.health import Figures
from services.members.domain.rules import Rules
from services.members.store.people import COMMUNITIES, MEMBERS, MEMBERSHIPS, community_in, membership_id
from shared.storage import Database, UnitOfWork

AWAKE = ["trial", "active"]
"""The standings of those who follow a community."""

# -- within a unit of work -----------------------------------------------------------------------------


async def load_membership(uow: UnitOfWork, key: str) -> Membership | None:
    """The membership with the ``_id`` that a duty found."""
    document = await uow.find_one(MEMBERSHIPS, {"_id": key})
    return Membership.model_validate(document) if document else None


async def load_memberships(
    uow: UnitOfWork, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Membership]:
    """The memberships that there are of ``pairs`` (community, member)."""
    rows = await uow.find(MEMBERSHIPS, {"_id": {"$in": [membership_id(*pair) for pair in pairs]}})
    found = [Membership.model_validate(row) for row in rows]
    return {(each.community_id, each.member_id): each for each in found}


async def load_communities(uow: UnitOfWork, community_ids: Iterable[str]) -> dict[str, Community]:
    """The communities that there are of ``community_ids``."""
    rows = await uow.find(COMMUNITIES, {"_id": {"$in": list(community_ids)}})
    return {row["_id"]: community_in(row) for row in rows}


async def is_led(uow: UnitOfWork, community_id: str, *, without: str) -> bool:
    """Whether anybody but the member ``without`` looks after the community."""
    query = {
        "community_id": community_id,
        "role": {"$in": list(LEADING)},
        "standing": {"$in": AWAKE},
        "member_id": {"$ne": without},
    }
    return await uow.find_one(MEMBERSHIPS, query) is not None


async def most_active(uow: UnitOfWork, community_id: str, limit: int) -> list[str]:
    """The members who contributed last, then those who read last; where all are dormant, the last active."""
    by_deeds = [("contributed_at", -1), ("active_at", -1)]
    awake = await _first(uow, community_id, AWAKE, by_deeds, limit)
    return awake or await _first(uow, community_id, ["dormant"], [("active_at", -1)], limit)


async def _first(
    uow: UnitOfWork, community_id: str, standings: Sequence[str], order: list[tuple[str, int]], limit: int
) -> list[str]:
    rows = uow.collection(MEMBERSHIPS).find(
        {"community_id": community_id, "standing": {"$in": standings}}, session=uow.session
    )
    return [row["member_id"] for row in await rows.sort(order).limit(limit).to_list(length=None)]


async def count_followed(uow: UnitOfWork, member_id: str) -> int:
    """How many communities the member follows: belongs to, and is not dormant in."""
    query = {"member_id": member_id, "standing": {"$in": AWAKE}}
    return int(await uow.collection(MEMBERSHIPS).count_documents(query, session=uow.session))


def hold_member(uow: UnitOfWork, member_id: str) -> None:
    """Make whatever else counts the member's communities at the same moment conflict with this."""
    uow.write(MEMBERS, UpdateOne({"_id": member_id}, {"$inc": {"held": 1}}))


# -- reads ---------------------------------------------------------------------------------------------


async def followed(database: Database, member_id: str) -> int:
    """How many communities the member follows: belongs to, and is not dormant in."""
    query = {"member_id": member_id, "standing": {"$in": AWAKE}}
    return int(await database[MEMBERSHIPS].count_documents(query))


async def figures(database: Database, community_id: str, rules: Rules, now: datetime) -> Figures:
    """How many members of a community contribute and read."""
    memberships = database[MEMBERSHIPS]

    async def count(**query: object) -> int:
        return int(await memberships.count_documents({"community_id": community_id, **query}))

    awake = {"standing": {"$in": AWAKE}}
    return Figures(
        members=await count(),
        dormant=await count(standing="dormant"),
        core=await count(**awake, contributed_at={"$gt": now - rules.core_within}),
        contributors=await count(**awake, contributed_at={"$gt": now - rules.active_within}),
        readers=await count(**awake, active_at={"$gt": now - rules.reader_within}),
    )


async def looking_for_steward(database: Database, limit: int) -> list[Community]:
    """Communities that asked for a steward and have none yet, the longest without one first."""
    query = {
        "stage": {"$in": ["forming", "active", "dormant"]},
        "asked_for_steward": {"$in": ["members", "operators"]},
    }
    rows = database[COMMUNITIES].find(query).sort("leaderless_since", 1).limit(limit)
    return [community_in(row) for row in await rows.to_list(length=None)]


async def with_members(database: Database, community_ids: Sequence[str]) -> set[str]:
    """Those of the communities that anybody belongs to."""
    query = {"community_id": {"$in": list(community_ids)}}
    return set(await database[MEMBERSHIPS].distinct("community_id", query))


async def memberships_due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """The ids of memberships that time has made something of by ``now``, the longest due first."""
    return await _due(database, MEMBERSHIPS, "due_at", now, limit)


async def stages_due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """The ids of communities whose silence changes their stage by ``now``, the longest due first."""
    return await _due(database, COMMUNITIES, "stage_due_at", now, limit)


async def stewards_due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """The ids of communities that look for a steward by ``now``, the longest due first."""
    return await _due(database, COMMUNITIES, "steward_due_at", now, limit)


async def _due(database: Database, collection: str, field: str, now: datetime, limit: int) -> Sequence[str]:
    rows = database[collection].find({field: {"$lte": now}}, {"_id": 1}).sort(field, 1).limit(limit)
    return [row["_id"] for row in await rows.to_list(length=None)]
