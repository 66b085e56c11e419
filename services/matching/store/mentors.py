"""What mentors offer, which of their places are taken, and who has whom."""

from __future__ import annotations

from collections.abc import Collection

from services.matching.domain.mentors import Mentee, Mentor
from services.matching.store import MEMBERSHIPS, Document
from services.matching.store.tastes import PROFILES, Person, person_of
from shared.storage import Index, UnitOfWork, apply_version
from shared.storage.personal import Personal

MENTORING = "mentoring"

INDEXES = {
    MENTORING: [Index([("mentee_id", 1), ("mentor_id", 1)]), Index([("mentor_id", 1)])],
}

PERSONAL = {
    MENTORING: Personal(about=["mentee_id", "mentor_id"]),
}


def project_mentor(uow: UnitOfWork, member_id: str, version: int, offer: Document | None) -> None:
    """Keep what a mentor offers, or that they do no longer."""
    skills = offer["skills"] if offer else []
    fields = {"mentors": offer is not None, "mentor": offer, "skills_offered": skills}
    uow.write(PROFILES, apply_version(member_id, version, fields, named="mentor_version"))


def project_mentorship(
    uow: UnitOfWork, mentorship_id: str, sides: tuple[str, str], version: int, *, taken: int, live: bool
) -> None:
    """Keep how many places of a mentor are taken, and whether (mentor, mentee) have a mentorship."""
    uow.write(PROFILES, apply_version(sides[0], version, {"taken": taken}, named="taken_version"))
    fields = {"mentor_id": sides[0], "mentee_id": sides[1], "live": live}
    uow.write(MENTORING, apply_version(mentorship_id, version, fields))


def mentee_of(person: Person, sought: list[str], communities: list[str]) -> Mentee:
    """Somebody as a mentee."""
    return Mentee(
        member_id=person.member_id,
        org_id=person.org_id,
        sought=sought,
        languages=person.languages,
        time_zone=person.time_zone,
        communities=communities,
    )


def _mentor(row: Document) -> Mentor:
    person, offer = person_of(row), row["mentor"]
    return Mentor(
        member_id=person.member_id,
        name=person.name,
        org_id=offer["org_id"],
        capacity=offer["capacity"],
        taken=row.get("taken", 0),
        skills=offer["skills"],
        stated=person.skills,
        languages=offer["languages"] or person.languages,
        time_zone=person.time_zone,
        scope=offer["scope"],
        community_ids=offer["community_ids"],
        paused=offer["paused"],
        away_until=person.away_until,
    )


async def mentors_among(uow: UnitOfWork, member_ids: Collection[str]) -> list[Mentor]:
    """Those of these who offer to be mentors."""
    query = {"_id": {"$in": list(member_ids)}, "mentors": True, "name": {"$exists": True}}
    return [_mentor(row) for row in sorted(await uow.find(PROFILES, query), key=lambda row: row["_id"])]


async def mentors_in(uow: UnitOfWork, skills: Collection[str], limit: int) -> list[Mentor]:
    """Mentors who offer one of ``skills``."""
    query = {"mentors": True, "skills_offered": {"$in": list(skills)}, "name": {"$exists": True}}
    found = uow.collection(PROFILES).find(query, session=uow.session).limit(limit)
    return [_mentor(row) async for row in found]


async def mentors_of(uow: UnitOfWork, community_id: str, limit: int) -> list[str]:
    """Members of a community who offer to be mentors, as far as ``limit`` goes."""
    pipeline: list[Document] = [
        {"$match": {"mentors": True}},
        {
            "$lookup": {
                "from": MEMBERSHIPS,
                "let": {"key": {"$concat": [community_id, "|", "$_id"]}},
                "pipeline": [{"$match": {"$expr": {"$eq": ["$_id", "$$key"]}, "present": True}}],
                "as": "there",
            }
        },
        {"$match": {"there": {"$ne": []}}},
        {"$sort": {"_id": 1}},
        {"$limit": limit},
        {"$project": {"_id": 1}},
    ]
    rows = uow.collection(PROFILES).aggregate(pipeline, session=uow.session)
    return [row["_id"] async for row in rows]


async def mentored(uow: UnitOfWork, mentee_ids: Collection[str]) -> set[tuple[str, str]]:
    """Pairs (mentee, mentor) that have a mentorship, or a request for one."""
    query = {"mentee_id": {"$in": list(mentee_ids)}, "live": True}
    rows = await uow.find(MENTORING, query, {"mentee_id": 1, "mentor_id": 1})
    return {(row["mentee_id"], row["mentor_id"]) for row in rows}
