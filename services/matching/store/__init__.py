"""The collections of matching; the only modules of this service that speak to MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pymongo import ReplaceOne, UpdateOne

from services.matching.domain.expertise import Solution
from services.matching.store import asking, precedents, rankers
from shared.contracts.members import MembershipStanding, Role, Skill
from shared.ids import FORMER_MEMBER, is_former_member
from shared.storage import Database, Index, UnitOfWork, apply_version
from shared.storage.personal import NOT_PERSONAL, Personal

PEOPLE = "people"
COMMUNITIES = "communities"
MEMBERSHIPS = "memberships"
THREADS = "threads"
SOLUTIONS = "solutions"
ACTIVITY = "activity"

INDEXES = {
    PEOPLE: [],
    COMMUNITIES: [],
    MEMBERSHIPS: [
        Index([("member_id", 1), ("present", 1), ("community_id", 1)]),
        Index([("community_id", 1), ("present", 1), ("role", 1)]),
    ],
    THREADS: [Index([("author_id", 1)]), Index([("community_id", 1), ("posted_at", 1)])],
    SOLUTIONS: [Index([("author_id", 1)])],
    ACTIVITY: [Index([("member_id", 1)])],
    **asking.INDEXES,
    **precedents.INDEXES,
    **rankers.INDEXES,
}

PERSONAL = {
    PEOPLE: Personal(about=["_id"]),
    COMMUNITIES: NOT_PERSONAL,
    MEMBERSHIPS: Personal(about=["member_id"]),
    THREADS: Personal(by=["author_id"]),
    SOLUTIONS: Personal(by=["author_id"]),
    ACTIVITY: Personal(about=["member_id"]),
    **asking.PERSONAL,
    **precedents.PERSONAL,
    **rankers.PERSONAL,
}

Document = dict[str, Any]
Place = tuple[str, str]
"""A member in a community: (community id, member id)."""


def _key(*parts: str) -> str:
    """An ``_id`` of several ids; none of them contains the separator, only a tag at the end may."""
    return "|".join(parts)


# -- projections ---------------------------------------------------------------------------------------


def project_profile(uow: UnitOfWork, member_id: str, version: int, *, name: str, org_id: str | None) -> None:
    """Keep a member's name and organisation."""
    fields = {"name": name, "org_id": org_id}
    uow.write(PEOPLE, apply_version(member_id, version, fields, named="profile_version"))


def project_skills(uow: UnitOfWork, member_id: str, version: int, skills: Iterable[Skill]) -> None:
    """Keep a member's stated skills."""
    fields = {"skills": [skill.model_dump() for skill in skills]}
    uow.write(PEOPLE, apply_version(member_id, version, fields, named="skills_version"))


def project_availability(
    uow: UnitOfWork, member_id: str, version: int, *, hours_a_week: int | None, away_until: datetime | None
) -> None:
    """Keep how much time a member has, and until when they have none."""
    fields = {"hours_a_week": hours_a_week, "away_until": away_until}
    uow.write(PEOPLE, apply_version(member_id, version, fields, named="availability_version"))


def project_community(uow: UnitOfWork, community_id: str, version: int, *, external: bool) -> None:
    """Keep of what kind a community is."""
    uow.write(COMMUNITIES, apply_version(community_id, version, {"external": external}))


def project_joined(
    uow: UnitOfWork, place: Place, version: int, *, org_id: str | None, role: Role, joined_at: datetime
) -> None:
    """Keep a membership."""
    fields = {"org_id": org_id, "role": role, "joined_at": joined_at, "present": True}
    uow.write(MEMBERSHIPS, _membership(place, version, fields))


def project_left(uow: UnitOfWork, place: Place, version: int) -> None:
    """Keep that a membership ended."""
    uow.write(MEMBERSHIPS, _membership(place, version, {"present": False}))


def project_role(uow: UnitOfWork, place: Place, version: int, role: Role) -> None:
    """Keep a member's role."""
    uow.write(MEMBERSHIPS, _membership(place, version, {"role": role}))


def project_standing(uow: UnitOfWork, place: Place, version: int, standing: MembershipStanding) -> None:
    """Keep whether a member follows a community; the dormant are not asked."""
    fields = {"community_id": place[0], "member_id": place[1], "standing": standing}
    uow.write(MEMBERSHIPS, apply_version(_key(*place), version, fields, named="standing_version"))


def _membership(place: Place, version: int, fields: Document) -> UpdateOne:
    community_id, member_id = place
    whole = {"community_id": community_id, "member_id": member_id, **fields}
    return apply_version(_key(*place), version, whole)


def project_thread(
    uow: UnitOfWork,
    thread_id: str,
    version: int,
    *,
    community_id: str,
    author_id: str,
    tags: list[str],
    words: bytes,
) -> None:
    """Keep whose problem it is and what it is about: of its text, the digest."""
    fields = {"community_id": community_id, "author_id": author_id, "tags": tags, "words": words}
    uow.write(THREADS, apply_version(thread_id, version, fields))


def note_posted(uow: UnitOfWork, thread_id: str, at: datetime, *, anonymous: bool) -> None:
    """Keep when a problem was posted, and where its author is not named."""
    update: Document = {"$min": {"posted_at": at}}
    if anonymous:
        update["$set"] = {"anonymous": True}
    uow.write(THREADS, UpdateOne({"_id": thread_id}, update, upsert=True))


def note_answered(uow: UnitOfWork, thread_id: str, at: datetime) -> None:
    """Keep when a problem got its first answer."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$min": {"answered_at": at}}, upsert=True))


def project_redacted(uow: UnitOfWork, thread_id: str) -> None:
    """Forget what a problem says: its text was removed for good."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$set": {"words": b""}}))


def project_withdrawn(uow: UnitOfWork, thread_id: str) -> None:
    """Keep that a problem was taken back: what is known of it is its author's alone from now on."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$set": {"withdrawn": True}}, upsert=True))


# -- expertise -----------------------------------------------------------------------------------------


async def load_solutions(uow: UnitOfWork, solution_ids: Iterable[str]) -> dict[str, Solution]:
    """The solutions known of these, by id."""
    rows = await uow.find(SOLUTIONS, {"_id": {"$in": list(solution_ids)}})
    return {row["_id"]: Solution.model_validate({**row, "solution_id": row["_id"]}) for row in rows}


def save_solution(uow: UnitOfWork, solution: Solution) -> None:
    """Save a new or changed solution."""
    fields = solution.model_dump(exclude={"solution_id"})
    uow.write(SOLUTIONS, ReplaceOne({"_id": solution.solution_id}, fields, upsert=True))


def note_activity(uow: UnitOfWork, place: Place, last_at: datetime) -> None:
    """Keep when a member was last active in a community."""
    known = {"community_id": place[0], "member_id": place[1]}
    update = {"$max": {"last_at": last_at}, "$setOnInsert": known}
    uow.write(ACTIVITY, UpdateOne({"_id": _key(*place)}, update, upsert=True))


# -- who and where -------------------------------------------------------------------------------------


async def are_external(uow: UnitOfWork, community_ids: Collection[str]) -> dict[str, bool]:
    """Of each known community, whether it is external."""
    rows = await uow.find(COMMUNITIES, {"_id": {"$in": list(community_ids)}})
    return {row["_id"]: row["external"] for row in rows}


class Person(NamedTuple):
    """What is known of a member of a community when somebody is sought."""

    org_id: str | None
    dormant: bool
    away_until: datetime | None
    hours_a_week: int | None


async def load_people(uow: UnitOfWork, places: Collection[Place]) -> dict[Place, Person]:
    """Of those who belong to the community now, what is known of them."""
    rows = await uow.find(MEMBERSHIPS, {"_id": {"$in": [_key(*place) for place in places]}, "present": True})
    return await _people(uow, rows)


async def load_in_role(uow: UnitOfWork, community_id: str, role: Role, limit: int) -> dict[Place, Person]:
    """Those who have a role in a community; at most ``limit``, by their ids."""
    query = {"community_id": community_id, "role": role, "present": True}
    found = uow.collection(MEMBERSHIPS).find(query, session=uow.session).sort("_id", 1).limit(limit)
    return await _people(uow, [row async for row in found])


async def _people(uow: UnitOfWork, memberships: Collection[Document]) -> dict[Place, Person]:
    members = list({row["member_id"] for row in memberships})
    known = {"org_id": 1, "name": 1, "away_until": 1, "hours_a_week": 1}
    people = {row["_id"]: row for row in await uow.find(PEOPLE, {"_id": {"$in": members}}, known)}
    found: dict[Place, Person] = {}
    for row in memberships:
        person = people.get(row["member_id"], {})
        found[row["community_id"], row["member_id"]] = Person(
            org_id=person["org_id"] if "name" in person else row.get("org_id"),
            dormant=row.get("standing") == "dormant",
            away_until=person.get("away_until"),
            hours_a_week=person.get("hours_a_week"),
        )
    return found


async def sees(uow: UnitOfWork, place: Place, thread_id: str, author_id: str) -> bool:
    """Whether a member belongs to a community now, and may see that problem there: what moderators hid, its
    author and those who look after the community alone."""
    row = await uow.find_one(MEMBERSHIPS, {"_id": _key(*place), "present": True})
    if row is None or place[1] == author_id or row.get("role", "member") != "member":
        return row is not None
    return await uow.find_one(precedents.PRECEDENTS, {"_id": thread_id, "hidden": True}) is None


# -- reads ---------------------------------------------------------------------------------------------


async def communities_of(database: Database, member_id: str) -> list[str]:
    """The communities that a member belongs to now."""
    query = {"member_id": member_id, "present": True}
    return [row["community_id"] async for row in database[MEMBERSHIPS].find(query, {"community_id": 1})]


async def role_in(database: Database, place: Place) -> Role | None:
    """What a member is in a community now; nothing where they do not belong."""
    row = await database[MEMBERSHIPS].find_one({"_id": _key(*place), "present": True})
    return row.get("role", "member") if row else None


class Thread(NamedTuple):
    """Whose problem it is."""

    community_id: str
    author_id: str
    concealed: bool
    """It was taken back, or moderators hid it: it is its author's and the curators' alone."""


async def find_thread(database: Database, thread_id: str) -> Thread | None:
    """Whose problem it is, if it is known."""
    row = await database[THREADS].find_one({"_id": thread_id, "author_id": {"$exists": True}})
    if row is None:
        return None
    concealed = row.get("withdrawn", False) or await precedents.is_hidden(database, thread_id)
    return Thread(row["community_id"], row["author_id"], concealed)


async def names_of(database: Database, member_ids: Collection[str]) -> dict[str, str]:
    """The names of those who are known; who was erased is a former member."""
    query = {"_id": {"$in": list(member_ids)}, "name": {"$exists": True}}
    former = {each: FORMER_MEMBER for each in member_ids if is_former_member(each)}
    return former | {row["_id"]: row["name"] async for row in database[PEOPLE].find(query, {"name": 1})}
