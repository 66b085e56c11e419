"""The collections of adaptations, of their notes, and of what adopters are still to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import DeleteOne, ReplaceOne, UpdateMany

from services.discussions.domain.access import Reader
from services.discussions.domain.adaptation import FOLLOWING, WORKED, Adaptation, Note
from services.discussions.store import search
from shared.contracts.practices import AdaptationState, ParentChange
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import NOT_PERSONAL, Personal

ADAPTATIONS = "adaptations"
NOTES = "adaptation_notes"
TELLING = "adaptation_telling"
"""By solution: which change its adopters are told of, and how far that has got."""

INDEXES = {
    ADAPTATIONS: [
        Index([("solution_id", 1), ("_id", 1)]),
        Index([("solution_id", 1), ("state", 1), ("revision", 1), ("org_id", 1), ("author_id", 1)]),
        Index([("thread_id", 1)]),
        Index([("community_id", 1), ("_id", 1)]),
        Index([("author_id", 1), ("_id", -1)]),
        Index([("ask_at", 1)], partial={"ask_at": {"$exists": True}}),
    ],
    NOTES: [Index([("adaptation_id", 1), ("_id", 1)]), Index([("author_id", 1)])],
    TELLING: [Index([("at", 1)])],
}
PERSONAL = {
    ADAPTATIONS: Personal(by=["author_id"]),
    NOTES: Personal(by=["author_id"]),
    TELLING: NOT_PERSONAL,
}

Document = dict[str, Any]


def _adaptation(document: Document) -> Adaptation:
    return Adaptation.model_validate({**document, "adaptation_id": document["_id"]})


async def load_adaptation(uow: UnitOfWork, adaptation_id: str) -> Adaptation | None:
    """The adaptation, if there is one."""
    document = await uow.find_one(ADAPTATIONS, {"_id": adaptation_id})
    return _adaptation(document) if document else None


def save_adaptation(uow: UnitOfWork, adaptation: Adaptation) -> None:
    """Save a new or changed adaptation."""
    nothing_due = {"ask_at"} if adaptation.ask_at is None else set()
    fields = adaptation.model_dump(exclude={"adaptation_id"} | nothing_due)
    fields["indexed"] = search.index(uow, adaptation, adaptation.adaptation_id)
    uow.write(ADAPTATIONS, ReplaceOne({"_id": adaptation.adaptation_id}, fields, upsert=True))


def save_note(uow: UnitOfWork, note: Note) -> None:
    """Save a new note."""
    uow.insert(NOTES, [{"_id": note.note_id, **note.model_dump(exclude={"note_id"})}])


async def count_worked(
    uow: UnitOfWork, solution_id: str, *, since: int, not_by: list[str], by_organisation: bool, at_most: int
) -> int:
    """By how many different organisations, or people, adaptations of revision ``since`` or later worked.

    Those of ``not_by`` aside, and counted up to ``at_most``.
    """
    told_by = "org_id" if by_organisation else "author_id"
    match = {
        "solution_id": solution_id,
        "state": {"$in": sorted(WORKED)},
        "revision": {"$gte": since},
        "author_id": {"$nin": not_by},
    }
    if by_organisation:
        match["org_id"] = {"$ne": None}
    stages: list[Document] = [{"$match": match}, {"$group": {"_id": f"${told_by}"}}, {"$limit": at_most}]
    found = uow.collection(ADAPTATIONS).aggregate(stages, session=uow.session)
    return len(await found.to_list(length=None))


async def due_to_ask(database: Database, now: datetime, limit: int) -> list[str]:
    """The adaptations whose adopters are to be asked by now."""
    found = database[ADAPTATIONS].find({"ask_at": {"$lte": now}}, {"_id": 1}).sort("ask_at", 1).limit(limit)
    return [row["_id"] async for row in found]


# -- telling adopters that what they adapted changed ---------------------------------------------------


def begin_telling(uow: UnitOfWork, solution_id: str, change: ParentChange) -> None:
    """From now on the solution's adopters are told of ``change``; who was not told of an earlier one yet, of
    this one alone."""
    fields = {"change": change, "at": uow.now, "after": ""}
    uow.write(TELLING, ReplaceOne({"_id": solution_id}, fields, upsert=True))


async def load_telling(uow: UnitOfWork, solution_id: str) -> tuple[ParentChange, str] | None:
    """What the solution's adopters are told of, and after which adaptation to go on."""
    row = await uow.find_one(TELLING, {"_id": solution_id})
    return (row["change"], row["after"]) if row else None


def save_telling(uow: UnitOfWork, solution_id: str, after: str | None) -> None:
    """How far telling has got; None: all are told."""
    step = UpdateMany({"_id": solution_id}, {"$set": {"after": after}})
    uow.write(TELLING, step if after is not None else DeleteOne({"_id": solution_id}))


async def load_following(uow: UnitOfWork, solution_id: str, after: str, limit: int) -> list[Adaptation]:
    """The adaptations whose adopters are to be told, after an id."""
    query = {"solution_id": solution_id, "_id": {"$gt": after}, "state": {"$in": sorted(FOLLOWING)}}
    found = uow.collection(ADAPTATIONS).find(query, session=uow.session).sort("_id", 1).limit(limit)
    return [_adaptation(row) for row in await found.to_list(length=None)]


async def due_to_tell(database: Database, now: datetime, limit: int) -> list[str]:
    """The solutions whose adopters are still to be told something."""
    found = database[TELLING].find({"at": {"$lte": now}}, {"_id": 1}).sort("at", 1).limit(limit)
    return [row["_id"] async for row in found]


# -- reads ---------------------------------------------------------------------------------------------


def _visible_to(reader: Reader) -> Document:
    """What is hidden, its author and curators alone see."""
    return {} if reader.curates else {"$or": [{"hidden": []}, {"author_id": reader.member_id}]}


async def find_adaptation(database: Database, adaptation_id: str) -> Adaptation | None:
    """The adaptation, if there is one."""
    document = await database[ADAPTATIONS].find_one({"_id": adaptation_id})
    return _adaptation(document) if document else None


async def find_adaptations(
    database: Database,
    reader: Reader,
    within: Document,
    state: AdaptationState | None,
    after: str,
    limit: int,
) -> list[Adaptation]:
    """The adaptations of a solution, or of a whole community, oldest first, after an id."""
    query: Document = {**within, "_id": {"$gt": after}, **_visible_to(reader)}
    if state is not None:
        query["state"] = state
    found = database[ADAPTATIONS].find(query).sort("_id", 1).limit(limit)
    return [_adaptation(row) for row in await found.to_list(length=None)]


async def find_notes(database: Database, adaptation_id: str, after: str, limit: int) -> list[Note]:
    """What was told of an adaptation, oldest first, after an id."""
    query = {"adaptation_id": adaptation_id, "_id": {"$gt": after}}
    found = database[NOTES].find(query).sort("_id", 1).limit(limit)
    return [Note.model_validate({**row, "note_id": row["_id"]}) for row in await found.to_list(length=None)]
