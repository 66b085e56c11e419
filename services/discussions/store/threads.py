"""The collections of discussions; the only module of this service that speaks to MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateMany, UpdateOne

from services.discussions.domain.access import Community, Participant
from services.discussions.domain.solution import Endorsement, Revision, Solution
from services.discussions.domain.thread import Comment, Thread
from shared.contracts.members import (
    CommunityCreated,
    CommunityUpdated,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    RoleChanged,
)
from shared.storage import Database, Index, UnitOfWork, apply_version

THREADS = "threads"
SOLUTIONS = "solutions"
REVISIONS = "revisions"
ENDORSEMENTS = "endorsements"
COMMENTS = "comments"
COMMUNITIES = "communities"
MEMBERSHIPS = "memberships"
PEOPLE = "people"
CONTRIBUTIONS = "contributions"
IMPORTED = "imported"

INDEXES = {
    THREADS: [
        Index([("community_id", 1), ("posted_at", -1), ("_id", -1)]),
        Index([("community_id", 1), ("state", 1), ("posted_at", -1), ("_id", -1)]),
        Index([("community_id", 1), ("tags", 1), ("posted_at", -1), ("_id", -1)]),
    ],
    SOLUTIONS: [Index([("thread_id", 1), ("proposed_at", 1), ("_id", 1)])],
    REVISIONS: [Index([("solution_id", 1), ("number", 1)], unique=True)],
    ENDORSEMENTS: [Index([("solution_id", 1), ("state", 1)])],
    COMMENTS: [Index([("thread_id", 1), ("at", 1), ("_id", 1)])],
    COMMUNITIES: [],
    MEMBERSHIPS: [],
    PEOPLE: [],
    CONTRIBUTIONS: [],
    IMPORTED: [],
}

_ENDORSEMENTS_KEPT = 200
"""Times of one's latest endorsements: well over any limit for a day."""

Document = dict[str, Any]


def pair(first: str, second: str) -> str:
    """The ``_id`` of what belongs to two things: a membership, an endorsement."""
    return f"{first}:{second}"


def _thread(document: Document) -> Thread:
    return Thread.model_validate({**document, "thread_id": document["_id"]})


def _solution(document: Document) -> Solution:
    return Solution.model_validate({**document, "solution_id": document["_id"]})


def _comment(document: Document) -> Comment:
    return Comment.model_validate({**document, "comment_id": document["_id"]})


# -- within a unit of work -----------------------------------------------------------------------------


async def load_participant(uow: UnitOfWork, community_id: str, member_id: str) -> Participant | None:
    """The member of the community, if they belong to it."""
    key = pair(community_id, member_id)
    membership = await uow.find_one(MEMBERSHIPS, {"_id": key})
    if membership is None or not membership.get("active"):
        return None
    activity = await uow.find_one(CONTRIBUTIONS, {"_id": key})
    return Participant(
        member_id=member_id,
        community_id=community_id,
        role=membership["role"],
        org_id=membership.get("org_id"),
        joined_at=membership["joined_at"],
        contributed=activity is not None and activity.get("contributed", False),
        endorsed_at=activity.get("endorsed_at", []) if activity else [],
    )


async def load_community(uow: UnitOfWork, community_id: str) -> Community:
    """The community, as far as its events have arrived here; until then with the rules of all."""
    document = await uow.find_one(COMMUNITIES, {"_id": community_id}) or {}
    return Community.model_validate({**document, "community_id": community_id})


async def member_ids(uow: UnitOfWork, community_id: str, wanted: Iterable[str]) -> set[str]:
    """Which of ``wanted`` belong to the community."""
    keys = [pair(community_id, member_id) for member_id in wanted]
    rows = await uow.find(MEMBERSHIPS, {"_id": {"$in": keys}, "active": True}, {"member_id": 1})
    return {row["member_id"] for row in rows}


def note_contribution(uow: UnitOfWork, member: Participant) -> None:
    """The member posted, answered or commented. Only the first time is written: one member's acts in
    different threads do not contend for this."""
    if not member.contributed:
        key = pair(member.community_id, member.member_id)
        uow.write(CONTRIBUTIONS, UpdateOne({"_id": key}, {"$set": {"contributed": True}}, upsert=True))


def note_endorsement(uow: UnitOfWork, endorser: Participant, at: datetime) -> None:
    """The member endorsed something. Two at once conflict here, or both would find the limit unreached."""
    key = pair(endorser.community_id, endorser.member_id)
    times = {"endorsed_at": {"$each": [at], "$slice": -_ENDORSEMENTS_KEPT}}
    uow.write(CONTRIBUTIONS, UpdateOne({"_id": key}, {"$push": times}, upsert=True))


async def was_imported(uow: UnitOfWork, *name: str) -> bool:
    """Whether the import's item called ``name`` was carried out before."""
    return await uow.find_one(IMPORTED, {"_id": " ".join(name)}) is not None


def note_import(uow: UnitOfWork, *name: str) -> None:
    """Note that it was: for what leaves no document of its own to know it by."""
    uow.insert(IMPORTED, [{"_id": " ".join(name), "at": uow.now}])


async def load_thread(uow: UnitOfWork, thread_id: str) -> Thread | None:
    """The thread, if there is one."""
    document = await uow.find_one(THREADS, {"_id": thread_id})
    return _thread(document) if document else None


def save_thread(uow: UnitOfWork, thread: Thread) -> None:
    """Save a new or changed thread."""
    fields = thread.model_dump(exclude={"thread_id"})
    uow.write(THREADS, ReplaceOne({"_id": thread.thread_id}, fields, upsert=True))


def hold_thread(uow: UnitOfWork, thread_id: str) -> None:
    """Make whatever changes the thread at the same moment conflict with this."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$inc": {"held": 1}}))


async def load_solution(uow: UnitOfWork, solution_id: str) -> Solution | None:
    """The solution, if there is one."""
    document = await uow.find_one(SOLUTIONS, {"_id": solution_id})
    return _solution(document) if document else None


def save_solution(uow: UnitOfWork, solution: Solution) -> None:
    """Save a new or changed solution."""
    fields = solution.model_dump(exclude={"solution_id"})
    uow.write(SOLUTIONS, ReplaceOne({"_id": solution.solution_id}, fields, upsert=True))


def unaccept(uow: UnitOfWork, solution_id: str) -> None:
    """Another solution is accepted instead."""
    uow.write(SOLUTIONS, UpdateOne({"_id": solution_id}, {"$set": {"accepted": False}}))


def save_revision(uow: UnitOfWork, revision: Revision) -> None:
    """Save a new revision."""
    key = pair(revision.solution_id, str(revision.number))
    uow.insert(REVISIONS, [{"_id": key, **revision.model_dump()}])


async def load_endorsement(uow: UnitOfWork, solution_id: str, endorser_id: str) -> Endorsement | None:
    """The member's endorsement of the solution, whatever its state."""
    document = await uow.find_one(ENDORSEMENTS, {"_id": pair(solution_id, endorser_id)})
    return Endorsement.model_validate(document) if document else None


def save_endorsement(uow: UnitOfWork, endorsement: Endorsement) -> None:
    """Save a new or changed endorsement."""
    key = pair(endorsement.solution_id, endorsement.endorser_id)
    uow.write(ENDORSEMENTS, ReplaceOne({"_id": key}, endorsement.model_dump(), upsert=True))


def make_stale(uow: UnitOfWork, solution_id: str) -> None:
    """The solution's endorsements were for what it said before."""
    active = {"solution_id": solution_id, "state": "active"}
    uow.write(ENDORSEMENTS, UpdateMany(active, {"$set": {"state": "stale"}}))


async def load_comment(uow: UnitOfWork, comment_id: str) -> Comment | None:
    """The comment, if there is one."""
    document = await uow.find_one(COMMENTS, {"_id": comment_id})
    return _comment(document) if document else None


def save_comment(uow: UnitOfWork, comment: Comment) -> None:
    """Save a new comment."""
    uow.insert(COMMENTS, [{"_id": comment.comment_id, **comment.model_dump(exclude={"comment_id"})}])


# -- projections ---------------------------------------------------------------------------------------


def project_community(uow: UnitOfWork, event: CommunityCreated | CommunityUpdated) -> None:
    """Know a community and its rules."""
    fields = event.model_dump(include={"name", "kind", "org_id", "allow_anonymous", "rules"})
    uow.write(COMMUNITIES, apply_version(event.community_id, event.version, fields))


def project_membership(
    uow: UnitOfWork, event: MemberJoined | MemberLeft | MemberRemoved | RoleChanged
) -> None:
    """Know who belongs to a community, as what. What ended is kept, for its version.

    Roles have a version of their own: a joining that is replayed after a change of the role still counts.
    """
    key = pair(event.community_id, event.member_id)
    fields: Document = {"community_id": event.community_id, "member_id": event.member_id}
    match event:
        case MemberJoined():
            fields |= {"active": True, "org_id": event.org_id, "joined_at": event.joined_at}
            uow.write(MEMBERSHIPS, apply_version(key, event.version, fields))
        case MemberLeft() | MemberRemoved():
            uow.write(MEMBERSHIPS, apply_version(key, event.version, fields | {"active": False}))
    if not isinstance(event, MemberLeft | MemberRemoved):
        role = {"role": event.role}
        uow.write(MEMBERSHIPS, apply_version(key, event.version, role, named="role_version"))


def project_person(uow: UnitOfWork, member_id: str, version: int, name: str, org_id: str | None) -> None:
    """Know what a member is called, and where they work."""
    uow.write(PEOPLE, apply_version(member_id, version, {"name": name, "org_id": org_id}))


# -- reads ---------------------------------------------------------------------------------------------


async def is_member(database: Database, community_id: str, member_id: str) -> bool:
    """Whether the member belongs to the community."""
    query = {"_id": pair(community_id, member_id), "active": True}
    return await database[MEMBERSHIPS].find_one(query, {"_id": 1}) is not None


async def people(database: Database, member_ids: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Names and organisations of members, as far as known."""
    rows = database[PEOPLE].find({"_id": {"$in": list(set(member_ids))}})
    return {row["_id"]: (row["name"], row.get("org_id")) async for row in rows}


async def find_thread(database: Database, thread_id: str) -> Thread | None:
    """The thread, if there is one."""
    document = await database[THREADS].find_one({"_id": thread_id})
    return _thread(document) if document else None


async def find_threads(
    database: Database,
    community_id: str,
    *,
    state: str | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Thread]:
    """A community's problems, newest first, before (posted_at, id)."""
    query: Document = {"community_id": community_id}
    if state is not None:
        query["state"] = state
    if tag is not None:
        query["tags"] = tag
    if before is not None:
        at, thread_id = before
        query["$or"] = [{"posted_at": {"$lt": at}}, {"posted_at": at, "_id": {"$lt": thread_id}}]
    found = database[THREADS].find(query).sort([("posted_at", -1), ("_id", -1)]).limit(limit)
    return [_thread(row) for row in await found.to_list(length=None)]


async def find_solution(database: Database, solution_id: str) -> Solution | None:
    """The solution, if there is one."""
    document = await database[SOLUTIONS].find_one({"_id": solution_id})
    return _solution(document) if document else None


async def find_solutions(
    database: Database, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[Solution]:
    """A problem's solutions, oldest first, after (proposed_at, id)."""
    query: Document = {"thread_id": thread_id}
    if after is not None:
        at, solution_id = after
        query["$or"] = [{"proposed_at": {"$gt": at}}, {"proposed_at": at, "_id": {"$gt": solution_id}}]
    found = database[SOLUTIONS].find(query).sort([("proposed_at", 1), ("_id", 1)]).limit(limit)
    return [_solution(row) for row in await found.to_list(length=None)]


async def find_revisions(database: Database, solution_id: str, after: int, limit: int) -> list[Revision]:
    """A solution's revisions, oldest first, after a number."""
    query = {"solution_id": solution_id, "number": {"$gt": after}}
    found = database[REVISIONS].find(query).sort("number", 1).limit(limit)
    return [Revision.model_validate(row) for row in await found.to_list(length=None)]


async def find_comments(
    database: Database, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Comment]:
    """A thread's comments, oldest first, after (at, id)."""
    query: Document = {"thread_id": thread_id}
    if after is not None:
        at, comment_id = after
        query["$or"] = [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": comment_id}}]
    found = database[COMMENTS].find(query).sort([("at", 1), ("_id", 1)]).limit(limit)
    return [_comment(row) for row in await found.to_list(length=None)]
