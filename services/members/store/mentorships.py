"""The collections of mentors and of mentorships."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne

from services.members.domain.mentoring import Mentor
from services.members.domain.mentorship import Mentorship, MentorshipState, Side, next_due
from services.members.domain.rules import RULES
from services.members.store.people import MEMBERSHIPS, membership_id
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

MENTORS = "mentors"
MENTORSHIPS = "mentorships"

INDEXES = {
    MENTORS: [Index([("listed", 1), ("open", 1), ("_id", 1)])],
    MENTORSHIPS: [
        # Two requests of one mentee at once take different slots, or the index lets one of them through.
        Index([("mentee_id", 1), ("slot", 1)], unique=True, partial={"slot": {"$type": "int"}}),
        Index([("mentor_id", 1), ("mentee_id", 1)], unique=True, partial={"live": True}),
        Index([("mentor_id", 1), ("mentee_id", 1), ("_id", -1)]),
        Index([("mentor_id", 1), ("state", 1), ("_id", -1)]),
        Index([("mentee_id", 1), ("state", 1), ("_id", -1)]),
        Index([("due_at", 1)], partial={"due_at": {"$exists": True}}),
    ],
}

PERSONAL = {
    MENTORS: Personal(about=["_id"]),
    MENTORSHIPS: Personal(about=["mentor_id", "mentee_id"]),
}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WantedMentor:
    """What the mentors looked for have; what is absent may be anything."""

    skill: str | None = None
    language: str | None = None
    org_id: str | None = None
    open: bool = False
    """Only those who have a place."""


def _mentor(document: Document) -> Mentor:
    return Mentor.model_validate({**document, "mentor_id": document["_id"]})


def _mentorship(document: Document) -> Mentorship:
    return Mentorship.model_validate({**document, "mentorship_id": document["_id"]})


def _listed(mentor: Mentor) -> list[str]:
    """What a mentor is found by: each audience, alone and with each skill, language and organisation.

    One index has one array at most, so that audience and filter are one text.
    """
    offer = mentor.offer
    if offer is None or offer.paused:
        return []
    match offer.scope:
        case "everybody":
            audiences = ["everybody"]
        case "organisation":
            audiences = [f"org:{mentor.org_id}"]
        case "communities":
            audiences = [f"community:{each}" for each in offer.community_ids]
    filters = ["", *(f"|skill:{each}" for each in offer.skills)]
    filters += [f"|language:{each}" for each in offer.languages]
    if mentor.org_id is not None:
        filters.append(f"|org:{mentor.org_id}")
    return [f"{audience}{each}" for audience in audiences for each in filters]


# -- within a unit of work -----------------------------------------------------------------------------


async def load_mentor(uow: UnitOfWork, member_id: str) -> Mentor | None:
    """The member as a mentor, if they ever offered to be one."""
    document = await uow.find_one(MENTORS, {"_id": member_id})
    return _mentor(document) if document else None


def save_mentor(uow: UnitOfWork, mentor: Mentor, read: Mentor | None) -> None:
    """Replace the mentor if it still is as it was ``read``: the one conditional update behind the capacity.

    If it is not, the upsert meets the document that is there, and the unit of work is rerun.
    """
    fields = mentor.model_dump(exclude={"mentor_id"})
    fields |= {"listed": _listed(mentor), "open": mentor.open_places > 0}
    version, taken = (read.version, read.taken) if read else (-1, -1)
    as_read = {"_id": mentor.mentor_id, "version": version, "taken": taken}
    uow.write(MENTORS, ReplaceOne(as_read, fields, upsert=True))


async def load_mentorship(uow: UnitOfWork, mentorship_id: str) -> Mentorship | None:
    """The mentorship, if there is one."""
    document = await uow.find_one(MENTORSHIPS, {"_id": mentorship_id})
    return _mentorship(document) if document else None


async def load_latest(uow: UnitOfWork, mentor_id: str, mentee_id: str) -> Mentorship | None:
    """The latest mentorship of the two in these roles, whatever became of it."""
    query = {"mentor_id": mentor_id, "mentee_id": mentee_id}
    document = await uow.collection(MENTORSHIPS).find_one(query, sort=[("_id", -1)], session=uow.session)
    return _mentorship(document) if document else None


async def load_slots(uow: UnitOfWork, mentee_id: str) -> set[int]:
    """The slots of a mentee's pending requests."""
    query = {"mentee_id": mentee_id, "slot": {"$type": "int"}}
    return {row["slot"] for row in await uow.find(MENTORSHIPS, query, {"slot": 1})}


async def load_live(
    uow: UnitOfWork, side: Side, member_id: str, states: Iterable[MentorshipState]
) -> list[Mentorship]:
    """A member's mentorships of one side in ``states``, oldest first; for states that a rule bounds."""
    query = {f"{side}_id": member_id, "state": {"$in": list(states)}}
    rows = await uow.find(MENTORSHIPS, query)
    return sorted((_mentorship(row) for row in rows), key=lambda each: each.mentorship_id)


async def count_waiting(uow: UnitOfWork, mentor_id: str) -> int:
    """How many requests wait for the mentor."""
    query = {"mentor_id": mentor_id, "state": "requested"}
    return int(await uow.collection(MENTORSHIPS).count_documents(query, session=uow.session))


def save_mentorship(uow: UnitOfWork, mentorship: Mentorship) -> None:
    """Save a new or changed mentorship."""
    fields = mentorship.model_dump(exclude={"mentorship_id"}) | {"live": mentorship.live}
    if due := next_due(mentorship, RULES):
        fields["due_at"] = due.at
    uow.write(MENTORSHIPS, ReplaceOne({"_id": mentorship.mentorship_id}, fields, upsert=True))


async def load_shared(uow: UnitOfWork, community_ids: Collection[str], one: str, other: str) -> set[str]:
    """Those of the communities that both members belong to."""
    ids = [membership_id(each, who) for each in community_ids for who in (one, other)]
    found = {row["_id"] for row in await uow.find(MEMBERSHIPS, {"_id": {"$in": ids}}, {"_id": 1})}
    return {each for each in community_ids if {membership_id(each, one), membership_id(each, other)} <= found}


# -- reads ---------------------------------------------------------------------------------------------


async def due(database: Database, now: datetime, limit: int) -> list[str]:
    """The mentorships for which something is due by ``now``, the longest due first."""
    rows = database[MENTORSHIPS].find({"due_at": {"$lte": now}}, {"_id": 1}).sort("due_at", 1).limit(limit)
    return [row["_id"] async for row in rows]


async def find_mentor(database: Database, member_id: str) -> Mentor | None:
    """The member as a mentor, if they ever offered to be one."""
    document = await database[MENTORS].find_one({"_id": member_id})
    return _mentor(document) if document else None


async def mentors(
    database: Database, audiences: list[str], wanted: WantedMentor, after: str | None, limit: int
) -> list[Mentor]:
    """Mentors listed for one of ``audiences``, by id, after the id ``after``."""
    query: Document = {"open": {"$in": [True] if wanted.open else [True, False]}}
    filters = {"skill": wanted.skill, "language": wanted.language, "org": wanted.org_id}
    chosen = [f"|{name}:{value}" for name, value in filters.items() if value is not None]
    query["$and"] = [
        {"listed": {"$in": [f"{audience}{each}" for audience in audiences]}} for each in chosen or [""]
    ]
    if after is not None:
        query["_id"] = {"$gt": after}
    rows = await database[MENTORS].find(query).sort("_id", 1).limit(limit).to_list(length=None)
    return [_mentor(row) for row in rows]


async def belonging(database: Database, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the pairs of community and member where the member belongs to the community."""
    ids = [membership_id(*pair) for pair in pairs]
    rows = database[MEMBERSHIPS].find({"_id": {"$in": ids}}, {"_id": 0, "community_id": 1, "member_id": 1})
    return {(row["community_id"], row["member_id"]) async for row in rows}


async def find_mentorship(database: Database, mentorship_id: str) -> Mentorship | None:
    """The mentorship, if there is one."""
    document = await database[MENTORSHIPS].find_one({"_id": mentorship_id})
    return _mentorship(document) if document else None


async def mentorships_of(
    database: Database, side: Side, member_id: str, state: MentorshipState, before: str | None, limit: int
) -> list[Mentorship]:
    """A member's mentorships on one side in ``state``, the latest first, before the id ``before``."""
    query: Document = {f"{side}_id": member_id, "state": state}
    if before is not None:
        query["_id"] = {"$lt": before}
    rows = await database[MENTORSHIPS].find(query).sort("_id", -1).limit(limit).to_list(length=None)
    return [_mentorship(row) for row in rows]
