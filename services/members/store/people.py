"""The collections of members; the only module of this service that speaks to MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo import DeleteOne, ReplaceOne, UpdateOne

from services.members.domain import stage, succession
from services.members.domain.community import Community, Membership
from services.members.domain.directory import audience, words
from services.members.domain.member import Member
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

MEMBERS = "members"
COMMUNITIES = "communities"
MEMBERSHIPS = "memberships"

INDEXES = {
    MEMBERS: [Index([("org_id", 1), ("_id", 1)])],
    MEMBERSHIPS: [
        Index([("community_id", 1), ("member_id", 1)], unique=True),
        Index([("member_id", 1), ("community_id", 1)]),
        Index([("community_id", 1), ("role", 1)]),
        Index([("community_id", 1), ("standing", 1), ("contributed_at", -1), ("active_at", -1)]),
        Index([("community_id", 1), ("standing", 1), ("active_at", -1)]),
        Index([("member_id", 1), ("standing", 1)]),
        Index([("due_at", 1)]),
    ],
}

PERSONAL = {
    MEMBERS: Personal(about=["_id"]),
    MEMBERSHIPS: Personal(about=["member_id"]),
    COMMUNITIES: Personal(by=["founder_id"]),
}

SHARED_STEP = 200
"""How many of one's communities are compared at once when shared ones are looked for."""

Document = dict[str, Any]


def membership_id(community_id: str, member_id: str) -> str:
    """The ``_id`` of a membership."""
    return f"{community_id}:{member_id}"


def member_in(document: Document) -> Member:
    """The member in a document."""
    return Member.model_validate({**document, "member_id": document["_id"]})


def community_in(document: Document) -> Community:
    """The community in a document."""
    return Community.model_validate({**document, "community_id": document["_id"]})


# -- within a unit of work -----------------------------------------------------------------------------


async def load_member(uow: UnitOfWork, member_id: str) -> Member | None:
    """The member, if registered."""
    document = await uow.find_one(MEMBERS, {"_id": member_id})
    return member_in(document) if document else None


def save_member(uow: UnitOfWork, member: Member) -> None:
    """Save a new or changed member."""
    fields = member.model_dump(exclude={"member_id"})
    uow.write(MEMBERS, ReplaceOne({"_id": member.member_id}, fields, upsert=True))


def delete_member(uow: UnitOfWork, member: Member) -> None:
    """Forget a member. Whoever holds them at the same moment conflicts with this."""
    uow.write(MEMBERS, DeleteOne({"_id": member.member_id}))


async def load_memberships_of(uow: UnitOfWork, member_id: str) -> list[Membership]:
    """All of a member's memberships."""
    rows = await uow.find(MEMBERSHIPS, {"member_id": member_id})
    return [Membership.model_validate(row) for row in rows]


async def load_community(uow: UnitOfWork, community_id: str) -> Community | None:
    """The community, if there is one."""
    document = await uow.find_one(COMMUNITIES, {"_id": community_id})
    return community_in(document) if document else None


def save_community(uow: UnitOfWork, community: Community) -> None:
    """Save a new or changed community, with what the directory and the duties find it by."""
    fields = community.model_dump(exclude={"community_id"})
    fields |= {"audience": audience(community), "words": words(community)}
    fields |= {"stage_due_at": stage.due(community), "steward_due_at": succession.due(community)}
    uow.write(COMMUNITIES, ReplaceOne({"_id": community.community_id}, fields, upsert=True))


async def load_membership(uow: UnitOfWork, community_id: str, member_id: str) -> Membership | None:
    """The membership, if there is one."""
    document = await uow.find_one(MEMBERSHIPS, {"_id": membership_id(community_id, member_id)})
    return Membership.model_validate(document) if document else None


def save_membership(uow: UnitOfWork, membership: Membership) -> None:
    """Save a new or changed membership."""
    key = membership_id(membership.community_id, membership.member_id)
    uow.write(MEMBERSHIPS, UpdateOne({"_id": key}, {"$set": membership.model_dump()}, upsert=True))


def delete_membership(uow: UnitOfWork, membership: Membership) -> None:
    """Forget a membership."""
    key = membership_id(membership.community_id, membership.member_id)
    uow.write(MEMBERSHIPS, DeleteOne({"_id": key}))


async def count_stewards(uow: UnitOfWork, community_id: str) -> int:
    """How many stewards the community has."""
    query = {"community_id": community_id, "role": "steward"}
    return int(await uow.collection(MEMBERSHIPS).count_documents(query, session=uow.session))


async def count_members(uow: UnitOfWork, community_id: str, *, up_to: int = 2) -> int:
    """How many members the community has, counted no further than ``up_to``."""
    query = {"community_id": community_id}
    found = uow.collection(MEMBERSHIPS).count_documents(query, limit=up_to, session=uow.session)
    return int(await found)


# -- reads ---------------------------------------------------------------------------------------------


async def find_member(database: Database, member_id: str) -> Member | None:
    """The member, if registered."""
    document = await database[MEMBERS].find_one({"_id": member_id})
    return member_in(document) if document else None


async def find_members(database: Database, member_ids: Sequence[str]) -> dict[str, Member]:
    """Those of the members who are registered, by id."""
    rows = await database[MEMBERS].find({"_id": {"$in": list(member_ids)}}).to_list(length=None)
    return {row["_id"]: member_in(row) for row in rows}


async def find_community(database: Database, community_id: str) -> Community | None:
    """The community, if there is one."""
    document = await database[COMMUNITIES].find_one({"_id": community_id})
    return community_in(document) if document else None


async def find_membership(database: Database, community_id: str, member_id: str) -> Membership | None:
    """The membership, if there is one."""
    document = await database[MEMBERSHIPS].find_one({"_id": membership_id(community_id, member_id)})
    return Membership.model_validate(document) if document else None


async def share_community(database: Database, one: str, other: str) -> bool:
    """Whether two members belong to a community together."""
    after: str | None = None
    while True:
        mine = await memberships_of(database, one, after, SHARED_STEP)
        ids = [membership_id(each.community_id, other) for each in mine]
        if await database[MEMBERSHIPS].find_one({"_id": {"$in": ids}}, {"_id": 1}) is not None:
            return True
        if len(mine) < SHARED_STEP:
            return False
        after = mine[-1].community_id


async def memberships_of(
    database: Database, member_id: str, after: str | None, limit: int
) -> list[Membership]:
    """A member's memberships, by community id, after ``after``."""
    query: Document = {"member_id": member_id}
    if after is not None:
        query["community_id"] = {"$gt": after}
    rows = await database[MEMBERSHIPS].find(query).sort("community_id", 1).limit(limit).to_list(length=None)
    return [Membership.model_validate(row) for row in rows]


async def members_of(
    database: Database, community_id: str, after: str | None, limit: int
) -> list[Membership]:
    """A community's memberships, by member id, after ``after``."""
    query: Document = {"community_id": community_id}
    if after is not None:
        query["member_id"] = {"$gt": after}
    rows = await database[MEMBERSHIPS].find(query).sort("member_id", 1).limit(limit).to_list(length=None)
    return [Membership.model_validate(row) for row in rows]
