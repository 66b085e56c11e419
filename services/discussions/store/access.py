"""Who may see and do what: the projections of people, communities and memberships, and who was active."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from services.discussions.domain.access import Community, Participant, Reader
from services.discussions.domain.redaction import words
from shared.contracts.members import (
    CommunityCreated,
    CommunityStageChanged,
    CommunityUpdated,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MembershipDormant,
    Role,
    RoleChanged,
    TrialEnded,
)
from shared.storage import Database, Index, UnitOfWork, apply_version
from shared.storage.personal import NOT_PERSONAL, Personal

COMMUNITIES = "communities"
MEMBERSHIPS = "memberships"
PEOPLE = "people"
CONTRIBUTIONS = "contributions"

INDEXES: Mapping[str, Sequence[Index]] = {
    COMMUNITIES: [],
    MEMBERSHIPS: [
        Index([("community_id", 1), ("active", 1), ("standing", 1)]),
        Index([("community_id", 1), ("active", 1), ("role", 1)]),
        Index([("member_id", 1)]),
    ],
    PEOPLE: [Index([("org_id", 1), ("words", 1)])],
    CONTRIBUTIONS: [Index([("member_id", 1)])],
}

PERSONAL = {
    COMMUNITIES: NOT_PERSONAL,
    MEMBERSHIPS: Personal(about=["member_id"]),
    PEOPLE: Personal(about=["_id"]),
    CONTRIBUTIONS: Personal(about=["member_id"]),
}

_ENDORSEMENTS_KEPT = 200
"""Times of one's latest endorsements: well over any limit for a day."""
NAMES_COMPARED = 5_000
"""How many names of people who share a word with a text are looked for in it."""
STEWARDS_TOLD = 20
"""To how many stewards a decision is put."""
Document = dict[str, Any]
MembershipEvent = MemberJoined | MemberLeft | MemberRemoved | RoleChanged | TrialEnded | MembershipDormant


def pair(first: str, second: str) -> str:
    """The ``_id`` of what belongs to two things: a membership, an endorsement."""
    return f"{first}:{second}"


async def load_participant(uow: UnitOfWork, community_id: str, member_id: str) -> Participant | None:
    """The member of the community, if they belong to it."""
    along = {"activity": (CONTRIBUTIONS, "_id"), "community": (COMMUNITIES, "community_id")}
    lookups = [
        {"$lookup": {"from": collection, "localField": field, "foreignField": "_id", "as": name}}
        for name, (collection, field) in along.items()
    ]
    membership_of = {"_id": pair(community_id, member_id), "active": True}
    pipeline: list[Document] = [{"$match": membership_of}, *lookups]
    found = uow.collection(MEMBERSHIPS).aggregate(pipeline, session=uow.session)
    membership: Document | None = next(iter(await found.to_list(length=1)), None)
    if membership is None:
        return None
    for community in membership["community"]:  # nobody acts without its rules being looked at
        uow.remember(COMMUNITIES, community)
    activity: Document = next(iter(membership["activity"]), {})
    return Participant(
        member_id=member_id,
        community_id=community_id,
        role=membership["role"],
        org_id=membership.get("org_id"),
        joined_at=membership["joined_at"],
        contributed=activity.get("contributed", False),
        threads_read=len(activity.get("read", ())),
        endorsed_at=activity.get("endorsed_at", []),
        posted_at=activity.get("posted_at", []),
    )


async def names_with(uow: UnitOfWork, org_id: str, any_of: Iterable[str]) -> list[str]:
    """The names of the organisation's people that have any of these words."""
    query = {"org_id": org_id, "words": {"$in": sorted(any_of)}}
    found = uow.collection(PEOPLE).find(query, {"name": 1}, session=uow.session)
    return [row["name"] async for row in found.limit(NAMES_COMPARED)]


async def load_community(uow: UnitOfWork, community_id: str) -> Community:
    """The community, as far as its events have arrived here; until then with the rules of all."""
    document = await uow.find_one(COMMUNITIES, {"_id": community_id}) or {}
    return Community.model_validate({**document, "community_id": community_id})


async def count_active_members(uow: UnitOfWork, community_id: str, *, up_to: int) -> int:
    """How many members of the community are not dormant, counted no further than ``up_to``."""
    query = {"community_id": community_id, "active": True, "standing": {"$ne": "dormant"}}
    found = uow.collection(MEMBERSHIPS).count_documents(query, limit=up_to, session=uow.session)
    return int(await found)


async def member_ids(uow: UnitOfWork, community_id: str, wanted: Iterable[str]) -> set[str]:
    """Which of ``wanted`` belong to the community."""
    keys = [pair(community_id, member_id) for member_id in wanted]
    rows = await uow.find(MEMBERSHIPS, {"_id": {"$in": keys}, "active": True}, {"member_id": 1})
    return {row["member_id"] for row in rows}


async def count_active(uow: UnitOfWork, community_id: str, at_most: int) -> int:
    """How many members are active in the community, beyond their trial and not dormant; counted up to
    ``at_most``."""
    query = {"community_id": community_id, "active": True, "standing": "active"}
    memberships = uow.collection(MEMBERSHIPS)
    return int(await memberships.count_documents(query, limit=at_most, session=uow.session))


async def stewards(uow: UnitOfWork, community_id: str) -> list[str]:
    """The community's stewards; some of them, where there are very many."""
    query = {"community_id": community_id, "active": True, "role": "steward"}
    found = uow.collection(MEMBERSHIPS).find(query, {"member_id": 1}, session=uow.session)
    return sorted([row["member_id"] async for row in found.limit(STEWARDS_TOLD)])


def note_contribution(uow: UnitOfWork, member: Participant) -> None:
    """The member posted, answered or commented. Only the first time is written: one member's acts in
    different threads do not contend for this."""
    if not member.contributed:
        key = pair(member.community_id, member.member_id)
        change = {"$set": {"contributed": True, "member_id": member.member_id}}
        uow.write(CONTRIBUTIONS, UpdateOne({"_id": key}, change, upsert=True))


def note_post(uow: UnitOfWork, member: Participant, at: datetime, most: int) -> None:
    """Somebody new posted; the ``most`` latest are remembered. Two at once conflict, or both would find the
    limit unreached."""
    change = {
        "$push": {"posted_at": {"$each": [at], "$slice": -most}},
        "$set": {"member_id": member.member_id},
    }
    key = pair(member.community_id, member.member_id)
    uow.write(CONTRIBUTIONS, UpdateOne({"_id": key}, change, upsert=True))


async def note_read(uow: UnitOfWork, member: Participant, thread_id: str, most: int) -> None:
    """The member read a thread; up to ``most`` of them are remembered, each once. Two at once conflict."""
    key = pair(member.community_id, member.member_id)
    read = (await uow.find_one(CONTRIBUTIONS, {"_id": key}) or {}).get("read", [])
    if thread_id not in read and len(read) < most:
        change = {"$push": {"read": thread_id}, "$set": {"member_id": member.member_id}}
        uow.write(CONTRIBUTIONS, UpdateOne({"_id": key}, change, upsert=True))


def note_endorsement(uow: UnitOfWork, endorser: Participant, at: datetime) -> None:
    """The member endorsed something. Two at once conflict here, or both would find the limit unreached."""
    key = pair(endorser.community_id, endorser.member_id)
    times = {"endorsed_at": {"$each": [at], "$slice": -_ENDORSEMENTS_KEPT}}
    change = {"$push": times, "$set": {"member_id": endorser.member_id}}
    uow.write(CONTRIBUTIONS, UpdateOne({"_id": key}, change, upsert=True))


def project_community(
    uow: UnitOfWork, event: CommunityCreated | CommunityUpdated | CommunityStageChanged
) -> None:
    """Know a community, its rules, and the stage of its life, which has a version of its own."""
    if isinstance(event, CommunityStageChanged):
        stage = {"stage": event.stage}
        uow.write(COMMUNITIES, apply_version(event.community_id, event.version, stage, named="stage_version"))
        return
    fields = event.model_dump(include={"name", "kind", "org_id", "allow_anonymous", "rules"})
    uow.write(COMMUNITIES, apply_version(event.community_id, event.version, fields))


def project_membership(uow: UnitOfWork, event: MembershipEvent) -> None:
    """Know who belongs to a community, as what. What ended is kept, for its version.

    Roles and standings have versions of their own: a joining that is replayed after a change of one of them
    still counts.
    """
    key = pair(event.community_id, event.member_id)
    fields: Document = {"community_id": event.community_id, "member_id": event.member_id}
    match event:
        case MemberJoined():
            fields |= {"active": True, "org_id": event.org_id, "joined_at": event.joined_at}
            uow.write(MEMBERSHIPS, apply_version(key, event.version, fields))
        case MemberLeft() | MemberRemoved():
            uow.write(MEMBERSHIPS, apply_version(key, event.version, fields | {"active": False}))
    if isinstance(event, MemberJoined | RoleChanged):
        role = {"role": event.role}
        uow.write(MEMBERSHIPS, apply_version(key, event.version, role, named="role_version"))
    if isinstance(event, MemberJoined | MembershipDormant | TrialEnded):
        standing = {"standing": "active" if isinstance(event, TrialEnded) else event.standing}
        uow.write(MEMBERSHIPS, apply_version(key, event.version, standing, named="standing_version"))


def project_person(uow: UnitOfWork, member_id: str, version: int, name: str, org_id: str | None) -> None:
    """Know what a member is called, and where they work."""
    fields = {"name": name, "org_id": org_id, "words": sorted(words(name))}
    uow.write(PEOPLE, apply_version(member_id, version, fields))


async def find_reader(database: Database, community_id: str, member_id: str) -> Reader | None:
    """The member of the community, if they belong to it."""
    row = await database[MEMBERSHIPS].find_one({"_id": pair(community_id, member_id), "active": True})
    return Reader.model_validate(row) if row else None


async def organisation(database: Database, community_id: str, member_id: str) -> str | None:
    """The organisation with which the member belongs to the community, if to any."""
    row = await database[MEMBERSHIPS].find_one({"_id": pair(community_id, member_id)}, {"org_id": 1})
    return row.get("org_id") if row else None


async def roles(
    database: Database, communities: Iterable[str], member_ids: Iterable[str]
) -> dict[tuple[str, str], Role]:
    """The roles of those who belong to one of the communities, by (community, member)."""
    keys = [pair(community_id, member_id) for community_id in communities for member_id in member_ids]
    rows = database[MEMBERSHIPS].find({"_id": {"$in": keys}, "active": True})
    return {(row["community_id"], row["member_id"]): row["role"] async for row in rows}


async def memberships(database: Database, member_id: str, limit: int) -> list[Reader]:
    """The member in each of their communities, as many as ``limit``."""
    found = database[MEMBERSHIPS].find({"member_id": member_id, "active": True}).limit(limit)
    return [Reader.model_validate(row) for row in await found.to_list(length=None)]


async def community_names(database: Database, community_ids: Iterable[str]) -> dict[str, str]:
    """What communities are called, as far as known."""
    rows = database[COMMUNITIES].find({"_id": {"$in": list(community_ids)}}, {"name": 1})
    return {row["_id"]: row["name"] async for row in rows if "name" in row}
