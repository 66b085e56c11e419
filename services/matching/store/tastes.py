"""What members and communities show of themselves, what members care about, and what is learned from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from math import log
from typing import NamedTuple

from pymongo import DeleteOne, ReplaceOne, UpdateOne

from services.matching.domain import rules
from services.matching.domain.suggesting import Place
from services.matching.domain.taste import COMMUNITY, TAG, Model, decayed, grown
from services.matching.store import MEMBERSHIPS, Document
from shared.contracts.members import Skill
from shared.storage import Database, Index, UnitOfWork, apply_version
from shared.storage.personal import NOT_PERSONAL, Personal

PROFILES = "profiles"
PLACES = "places"
TASTES = "tastes"
MODEL = "taste_model"

INDEXES = {
    PROFILES: [
        Index([("mentors", 1), ("skills_offered", 1)]),
        Index([("offers", 1)]),
        Index([("seeks", 1)]),
    ],
    PLACES: [Index([("stage", 1), ("tags", 1)])],
    TASTES: [
        Index([("member_id", 1), ("weight", -1)]),
        Index([("weight", -1)]),
        Index([("item", 1), ("recent", -1)]),
    ],
    MODEL: [],
}

PERSONAL = {
    PROFILES: Personal(about=["_id"]),
    PLACES: NOT_PERSONAL,
    TASTES: Personal(about=["member_id"]),
    MODEL: NOT_PERSONAL,
}


class Person(NamedTuple):
    """What is known of a member here, as far as they show it."""

    member_id: str
    name: str
    org_id: str | None
    languages: list[str]
    time_zone: str
    interests: list[str]
    seeks: list[str]
    offers: list[str]
    skills: list[Skill]
    budget: int
    away_until: datetime | None


# -- projections ---------------------------------------------------------------------------------------


def project_profile(uow: UnitOfWork, member_id: str, version: int, fields: Document) -> None:
    """Keep what a member shows of their profile."""
    uow.write(PROFILES, apply_version(member_id, version, fields, named="profile_version"))


def project_skills(uow: UnitOfWork, member_id: str, version: int, skills: Iterable[Skill]) -> None:
    """Keep what skills a member states."""
    fields = {"skills": [each.model_dump() for each in skills]}
    uow.write(PROFILES, apply_version(member_id, version, fields, named="skills_version"))


def project_availability(
    uow: UnitOfWork, member_id: str, version: int, away_until: datetime | None, budget: int
) -> None:
    """Keep how much a member takes on."""
    fields = {"away_until": away_until, "budget": budget}
    uow.write(PROFILES, apply_version(member_id, version, fields, named="availability_version"))


def project_place(uow: UnitOfWork, community_id: str, version: int, fields: Document) -> None:
    """Keep what a community is."""
    uow.write(PLACES, apply_version(community_id, version, fields, named="setup_version"))


def project_stage(uow: UnitOfWork, community_id: str, version: int, stage: str) -> None:
    """Keep how alive a community is."""
    uow.write(PLACES, apply_version(community_id, version, {"stage": stage}, named="stage_version"))


def add_tastes(
    uow: UnitOfWork, member_id: str, items: Mapping[str, float], at: datetime, *, wrote: bool
) -> None:
    """Add to what a member cares about; ``wrote``: it is something to read for the others."""
    growth = 2.0 ** ((at - _START) / rules.VOLUME_HALF_LIFE) if wrote else 0.0
    for item, weight in items.items():
        added = {"weight": grown(weight, at), "recent": growth}
        known = {"member_id": member_id, "item": item}
        update = {"$inc": added, "$setOnInsert": known}
        uow.write(TASTES, UpdateOne({"_id": f"{member_id}|{item}"}, update, upsert=True))


def drop_taste(uow: UnitOfWork, member_id: str, item: str) -> None:
    """Forget what a member's taste for one thing was: they left it."""
    uow.write(TASTES, DeleteOne({"_id": f"{member_id}|{item}"}))


# -- tastes --------------------------------------------------------------------------------------------

_START = datetime.fromisoformat("2024-01-01T00:00:00+00:00")


async def tastes_of(uow: UnitOfWork, member_id: str) -> dict[str, float]:
    """The strongest of what a member cares about, decayed to now."""
    found = (
        uow.collection(TASTES)
        .find({"member_id": member_id}, session=uow.session)
        .sort("weight", -1)
        .limit(rules.CONSIDERED)
    )
    return {row["item"]: decayed(row["weight"], uow.now) async for row in found}


async def all_tastes(uow: UnitOfWork) -> list[dict[str, float]]:
    """The strongest tastes of all, by member, decayed to now; the order of members is by chance."""
    found = uow.collection(TASTES).find({}, session=uow.session).sort("weight", -1).limit(rules.TASTES)
    by_member: dict[str, dict[str, float]] = {}
    async for row in found:
        by_member.setdefault(row["member_id"], {})[row["item"]] = decayed(row["weight"], uow.now)
    return list(by_member.values())


async def items_a_week(uow: UnitOfWork, community_id: str) -> int:
    """How much is written in a community in a week, of late."""
    pipeline: list[Document] = [
        {"$match": {"item": COMMUNITY + community_id, "recent": {"$gt": 0}}},
        {"$group": {"_id": None, "recent": {"$sum": "$recent"}}},
    ]
    rows = await uow.collection(TASTES).aggregate(pipeline, session=uow.session).to_list(length=1)
    if not rows:
        return 0
    now = rows[0]["recent"] * 2.0 ** ((_START - uow.now) / rules.VOLUME_HALF_LIFE)
    # A steady stream of n a week sums up to n times the weeks of the half-life divided by ln 2.
    return round(float(now) * log(2) * 7 / rules.VOLUME_HALF_LIFE.days)


def save_model(uow: UnitOfWork, model: Model, at: datetime) -> None:
    """Save a model: a document for each item."""
    items = model.popularity
    for item in items:
        fields = {"popularity": items[item], "leads_to": list(model.leads_to.get(item, {}).items()), "at": at}
        uow.write(MODEL, ReplaceOne({"_id": item}, fields, upsert=True))
    uow.write(MODEL, ReplaceOne({"_id": _FITTED}, {"at": at, "items": list(items)}, upsert=True))


_FITTED = "fitted"


async def fitted_at(database: Database) -> datetime | None:
    """When the model was learned last."""
    row = await database[MODEL].find_one({"_id": _FITTED}, {"at": 1})
    return row["at"] if row else None


async def load_fitted_at(uow: UnitOfWork) -> datetime | None:
    """When the model was learned last."""
    row = await uow.find_one(MODEL, {"_id": _FITTED})
    return row["at"] if row else None


async def model_for(uow: UnitOfWork, items: Collection[str], targets: Collection[str]) -> Model:
    """As much of the model as leads from ``items`` to ``targets``."""
    wanted = list({*items, *targets})
    rows = await uow.find(MODEL, {"_id": {"$in": wanted}})
    fitted = await load_fitted_at(uow)
    current = [row for row in rows if row["at"] == fitted]
    to = set(targets)
    return Model(
        {row["_id"]: {item: w for item, w in row["leads_to"] if item in to} for row in current},
        {row["_id"]: row["popularity"] for row in current if row["_id"] in to},
    )


# -- people --------------------------------------------------------------------------------------------


def person_of(row: Document) -> Person:
    """Somebody as their profile is kept."""
    return Person(
        row["_id"],
        row["name"],
        row.get("org_id"),
        row.get("languages", []),
        row.get("time_zone", ""),
        row.get("interests", []),
        row.get("seeks", []),
        row.get("offers", []),
        [Skill.model_validate(each) for each in row.get("skills", [])],
        row.get("budget", rules.COMMUNITY_BUDGET),
        row.get("away_until"),
    )


async def load_people(uow: UnitOfWork, member_ids: Collection[str]) -> dict[str, Person]:
    """Those of these who are registered."""
    rows = await uow.find(PROFILES, {"_id": {"$in": list(member_ids)}, "name": {"$exists": True}})
    return {row["_id"]: person_of(row) for row in rows}


async def communities_of_all(uow: UnitOfWork, member_ids: Collection[str]) -> dict[str, list[str]]:
    """The communities that each belongs to now."""
    query = {"member_id": {"$in": list(member_ids)}, "present": True}
    found: dict[str, list[str]] = {}
    for row in await uow.find(MEMBERSHIPS, query, {"member_id": 1, "community_id": 1}):
        found.setdefault(row["member_id"], []).append(row["community_id"])
    return found


async def left_by(uow: UnitOfWork, member_id: str) -> set[str]:
    """The communities that a member belonged to, and left or was sent away from."""
    query = {"member_id": member_id, "present": False}
    return {row["community_id"] for row in await uow.find(MEMBERSHIPS, query, {"community_id": 1})}


async def role_of(uow: UnitOfWork, community_id: str, member_id: str) -> str | None:
    """A member's role in a community that they belong to now."""
    row = await uow.find_one(MEMBERSHIPS, {"_id": f"{community_id}|{member_id}", "present": True})
    return row.get("role", "member") if row else None


async def load_places(uow: UnitOfWork, community_ids: Collection[str]) -> dict[str, Place]:
    """Those of these communities that are known."""
    rows = await uow.find(PLACES, {"_id": {"$in": list(community_ids)}, "name": {"$exists": True}})
    return {row["_id"]: _place(row) for row in rows}


async def places_about(uow: UnitOfWork, tags: Collection[str], limit: int) -> list[Place]:
    """Communities that live, with one of ``tags``."""
    query = {"stage": {"$in": ["forming", "active"]}, "tags": {"$in": list(tags)}, "name": {"$exists": True}}
    found = uow.collection(PLACES).find(query, session=uow.session).limit(limit)
    return [_place(row) async for row in found]


def _place(row: Document) -> Place:
    return Place(
        row["_id"], row["name"], row["kind"], row["org_id"], row["join_policy"], row["tags"],
        row["languages"], row.get("stage", "forming"),
    )  # fmt: skip


async def popular_places(uow: UnitOfWork, limit: int) -> list[str]:
    """The communities that the model knows, the most popular first."""
    fitted = await uow.find_one(MODEL, {"_id": _FITTED})
    items = fitted["items"] if fitted else []
    return [each.removeprefix(COMMUNITY) for each in items if each.startswith(COMMUNITY)][:limit]


async def complementing(uow: UnitOfWork, person: Person, limit: int) -> list[str]:
    """Who offers what the person seeks, or seeks what they offer."""
    queries = []
    if person.seeks:
        queries.append({"offers": {"$in": person.seeks}})
    if person.offers:
        queries.append({"seeks": {"$in": person.offers}})
    found: list[str] = []
    for query in queries:
        rows = uow.collection(PROFILES).find(query, {"_id": 1}, session=uow.session).limit(limit)
        found += [row["_id"] async for row in rows]
    return [each for each in found if each != person.member_id]


def interests_of(person: Person) -> dict[str, float]:
    """What a member says that they care about, as tastes."""
    return {TAG + tag: rules.INTEREST for tag in person.interests}


async def looked_after(uow: UnitOfWork, member_id: str) -> set[str]:
    """The communities in which a member has a role to fill."""
    query = {"member_id": member_id, "present": True, "role": {"$in": ["facilitator", "steward"]}}
    return {row["community_id"] for row in await uow.find(MEMBERSHIPS, query, {"community_id": 1})}
