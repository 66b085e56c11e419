"""The collections of solutions, their revisions and endorsements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateMany

from services.discussions.domain.access import Reader
from services.discussions.domain.solution import Endorsement, Revision, Solution
from services.discussions.store import search
from services.discussions.store.access import pair
from services.discussions.store.threads import visible_to
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

SOLUTIONS = "solutions"
REVISIONS = "revisions"
ENDORSEMENTS = "endorsements"

INDEXES = {
    SOLUTIONS: [
        Index([("thread_id", 1), ("proposed_at", 1), ("_id", 1)]),
        Index([("thread_id", 1)], partial={"hidden.0": {"$exists": True}}),
        Index([("due_at", 1)], partial={"due_at": {"$exists": True}}),
        Index([("authors", 1)]),
    ],
    REVISIONS: [Index([("solution_id", 1), ("number", 1)], unique=True), Index([("author_id", 1)])],
    ENDORSEMENTS: [
        Index([("solution_id", 1), ("state", 1), ("endorser_id", 1)]),
        Index([("endorser_id", 1)]),
    ],
}

PERSONAL = {
    SOLUTIONS: Personal(by=["authors"]),
    REVISIONS: Personal(by=["author_id"]),
    ENDORSEMENTS: Personal(by=["endorser_id"]),
}

Document = dict[str, Any]


def _solution(document: Document) -> Solution:
    return Solution.model_validate({**document, "solution_id": document["_id"]})


async def load_solution(uow: UnitOfWork, solution_id: str) -> Solution | None:
    """The solution, if there is one."""
    document = await uow.find_one(SOLUTIONS, {"_id": solution_id})
    return _solution(document) if document else None


def save_solution(uow: UnitOfWork, solution: Solution) -> None:
    """Save a new or changed solution."""
    nothing_due = {"due_at"} if solution.due_at is None else set()  # the index has only what is due some day
    fields = solution.model_dump(exclude={"solution_id"} | nothing_due)
    fields["indexed"] = search.index(uow, solution, solution.solution_id)
    uow.write(SOLUTIONS, ReplaceOne({"_id": solution.solution_id}, fields, upsert=True))


def save_revision(uow: UnitOfWork, revision: Revision) -> None:
    """Save a new revision."""
    key = pair(revision.solution_id, str(revision.number))
    uow.insert(REVISIONS, [{"_id": key, **revision.model_dump()}])


async def load_revision(uow: UnitOfWork, solution_id: str, number: int) -> Revision | None:
    """The solution's revision of that number, if there is one."""
    document = await uow.find_one(REVISIONS, {"_id": pair(solution_id, str(number))})
    return Revision.model_validate(document) if document else None


async def load_endorsement(uow: UnitOfWork, solution_id: str, endorser_id: str) -> Endorsement | None:
    """The member's endorsement of the solution, whatever its state."""
    document = await uow.find_one(ENDORSEMENTS, {"_id": pair(solution_id, endorser_id)})
    return Endorsement.model_validate(document) if document else None


def save_endorsement(uow: UnitOfWork, endorsement: Endorsement) -> None:
    """Save a new or changed endorsement."""
    key = pair(endorsement.solution_id, endorsement.endorser_id)
    uow.write(ENDORSEMENTS, ReplaceOne({"_id": key}, endorsement.model_dump(), upsert=True))


async def endorsers(uow: UnitOfWork, solution_id: str, limit: int) -> list[str]:
    """Whose endorsements of the solution are current."""
    query = {"solution_id": solution_id, "state": "active"}
    found = uow.collection(ENDORSEMENTS).find(query, {"endorser_id": 1}, session=uow.session)
    return sorted([row["endorser_id"] async for row in found.limit(limit)])


def make_stale(uow: UnitOfWork, solution_id: str) -> None:
    """The solution's endorsements were for what it said before."""
    active = {"solution_id": solution_id, "state": "active"}
    uow.write(ENDORSEMENTS, UpdateMany(active, {"$set": {"state": "stale"}}))


async def due(database: Database, now: datetime, limit: int) -> list[str]:
    """The solutions that time changes something about by now."""
    found = database[SOLUTIONS].find({"due_at": {"$lte": now}}, {"_id": 1}).sort("due_at", 1).limit(limit)
    return [row["_id"] async for row in found]


async def find_solution(database: Database, solution_id: str) -> Solution | None:
    """The solution, if there is one."""
    document = await database[SOLUTIONS].find_one({"_id": solution_id})
    return _solution(document) if document else None


async def find_solutions(
    database: Database, reader: Reader, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[Solution]:
    """A problem's solutions that the reader may see, oldest first, after (proposed_at, id)."""
    query: Document = {"thread_id": thread_id, "$and": visible_to(reader)}
    if after is not None:
        at, solution_id = after
        query["$or"] = [{"proposed_at": {"$gt": at}}, {"proposed_at": at, "_id": {"$gt": solution_id}}]
    found = database[SOLUTIONS].find(query).sort([("proposed_at", 1), ("_id", 1)]).limit(limit)
    return [_solution(row) for row in await found.to_list(length=None)]


async def find_revision(database: Database, solution_id: str, number: int) -> Revision | None:
    """The solution's revision of that number, if there is one."""
    document = await database[REVISIONS].find_one({"_id": pair(solution_id, str(number))})
    return Revision.model_validate(document) if document else None


async def find_revisions(database: Database, solution_id: str, after: int, limit: int) -> list[Revision]:
    """A solution's revisions, oldest first, after a number."""
    query = {"solution_id": solution_id, "number": {"$gt": after}}
    found = database[REVISIONS].find(query).sort("number", 1).limit(limit)
    return [Revision.model_validate(row) for row in await found.to_list(length=None)]


async def find_endorsements(
    database: Database, solution_id: str, after: str | None, limit: int
) -> list[Endorsement]:
    """The current endorsements of a solution, by their endorsers' ids, after ``after``."""
    query: Document = {"solution_id": solution_id, "state": "active"}
    if after is not None:
        query["endorser_id"] = {"$gt": after}
    found = database[ENDORSEMENTS].find(query).sort("endorser_id", 1).limit(limit)
    return [Endorsement.model_validate(row) for row in await found.to_list(length=None)]
