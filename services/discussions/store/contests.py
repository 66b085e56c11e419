"""The collection of contests."""

from __future__ import annotations

from typing import Any

from pymongo import ReplaceOne

from services.discussions.domain.contest import Contest
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

CONTESTS = "contests"

INDEXES = {
    CONTESTS: [
        # A member has one open contest of a solution at most, however many come at once.
        Index([("solution_id", 1), ("contester_id", 1)], unique=True, partial={"state": "open"}),
        Index([("solution_id", 1), ("_id", -1)]),
        Index([("contester_id", 1)]),
    ],
}

PERSONAL = {CONTESTS: Personal(by=["contester_id"])}

Document = dict[str, Any]


def _contest(document: Document) -> Contest:
    return Contest.model_validate({**document, "contest_id": document["_id"]})


async def load_contest(uow: UnitOfWork, contest_id: str) -> Contest | None:
    """The contest, if there is one."""
    document = await uow.find_one(CONTESTS, {"_id": contest_id})
    return _contest(document) if document else None


async def load_open(uow: UnitOfWork, solution_id: str, contester_id: str) -> Contest | None:
    """The member's open contest of the solution, if there is one."""
    query = {"solution_id": solution_id, "contester_id": contester_id, "state": "open"}
    document = await uow.find_one(CONTESTS, query)
    return _contest(document) if document else None


def save_contest(uow: UnitOfWork, contest: Contest) -> None:
    """Save a new or changed contest."""
    fields = contest.model_dump(exclude={"contest_id"})
    uow.write(CONTESTS, ReplaceOne({"_id": contest.contest_id}, fields, upsert=True))


async def find_contests(
    database: Database, solution_id: str, before: str | None, limit: int
) -> list[Contest]:
    """What is and was said against a solution, newest first, before an id."""
    query: Document = {"solution_id": solution_id}
    if before is not None:
        query["_id"] = {"$lt": before}
    found = database[CONTESTS].find(query).sort("_id", -1).limit(limit)
    return [_contest(row) for row in await found.to_list(length=None)]
