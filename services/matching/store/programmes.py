"""The collections of programmes and of who takes part in them."""

from __future__ import annotations

from datetime import datetime

from pymongo import DeleteOne, ReplaceOne, UpdateOne

from services.matching.domain import rules
from services.matching.domain.programme import Programme, Registration
from services.matching.store import Document
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

PROGRAMMES = "programmes"
REGISTRATIONS = "registrations"

INDEXES = {
    PROGRAMMES: [
        Index([("community_id", 1), ("_id", -1)]),
        Index([("due_at", 1)], partial={"due_at": {"$type": "date"}}),
        Index([("created_by", 1)]),
    ],
    REGISTRATIONS: [
        Index([("programme_id", 1), ("_id", 1)]),
        Index([("mentee_id", 1)]),
    ],
}

PERSONAL = {
    PROGRAMMES: Personal(by=["created_by"]),
    REGISTRATIONS: Personal(about=["mentee_id"]),
}


def _programme(row: Document) -> Programme:
    return Programme.model_validate({**row, "programme_id": row["_id"]})


def _registration(row: Document) -> Registration:
    return Registration.model_validate(row)


async def load_programme(uow: UnitOfWork, programme_id: str) -> Programme | None:
    """The programme, if there is one."""
    row = await uow.find_one(PROGRAMMES, {"_id": programme_id})
    return _programme(row) if row else None


def save_programme(uow: UnitOfWork, programme: Programme) -> None:
    """Save a new or changed programme."""
    fields = programme.model_dump(exclude={"programme_id"}) | {"due_at": programme.due_at}
    uow.write(PROGRAMMES, ReplaceOne({"_id": programme.programme_id}, fields, upsert=True))


def touch_programme(uow: UnitOfWork, programme_id: str) -> None:
    """Conflict with whoever decides on the programme at the same moment."""
    uow.write(PROGRAMMES, UpdateOne({"_id": programme_id}, {"$inc": {"registered": 1}}))


async def load_registration(uow: UnitOfWork, programme_id: str, mentee_id: str) -> Registration | None:
    """A mentee's registration, if there is one."""
    row = await uow.find_one(REGISTRATIONS, {"_id": f"{programme_id}|{mentee_id}"})
    return _registration(row) if row else None


async def load_registrations(uow: UnitOfWork, programme_id: str) -> list[Registration]:
    """Everybody in a programme, no more than it takes."""
    query = {"programme_id": programme_id}
    found = uow.collection(REGISTRATIONS).find(query, session=uow.session).sort("_id", 1).limit(rules.MENTEES)
    return [_registration(row) async for row in found]


async def count_registrations(uow: UnitOfWork, programme_id: str) -> int:
    """How many there are in a programme."""
    query = {"programme_id": programme_id}
    return int(await uow.collection(REGISTRATIONS).count_documents(query, session=uow.session))


def save_registration(uow: UnitOfWork, registration: Registration) -> None:
    """Save a new or changed registration."""
    key = f"{registration.programme_id}|{registration.mentee_id}"
    uow.write(REGISTRATIONS, ReplaceOne({"_id": key}, registration.model_dump(), upsert=True))


def delete_registration(uow: UnitOfWork, programme_id: str, mentee_id: str) -> None:
    """Take a registration out."""
    uow.write(REGISTRATIONS, DeleteOne({"_id": f"{programme_id}|{mentee_id}"}))


async def due(database: Database, now: datetime, limit: int) -> list[str]:
    """The programmes to which time has something to do by now."""
    found = database[PROGRAMMES].find({"due_at": {"$lte": now}}, {"_id": 1}).sort("due_at", 1).limit(limit)
    return [row["_id"] async for row in found]


async def find_programme(database: Database, programme_id: str) -> Programme | None:
    """The programme, if there is one."""
    row = await database[PROGRAMMES].find_one({"_id": programme_id})
    return _programme(row) if row else None


async def programmes_of(
    database: Database, community_id: str, before: str | None, limit: int
) -> list[Programme]:
    """A community's programmes, the latest first, before the id ``before``."""
    query: Document = {"community_id": community_id}
    if before is not None:
        query["_id"] = {"$lt": before}
    rows = await database[PROGRAMMES].find(query).sort("_id", -1).limit(limit).to_list(length=None)
    return [_programme(row) for row in rows]


async def find_registration(database: Database, programme_id: str, mentee_id: str) -> Registration | None:
    """A mentee's registration, if there is one."""
    row = await database[REGISTRATIONS].find_one({"_id": f"{programme_id}|{mentee_id}"})
    return _registration(row) if row else None
