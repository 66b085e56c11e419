"""Problems, in the collection of threads."""

from __future__ import annotations

from datetime import datetime

from services.discussions.domain.access import Reader
from services.discussions.domain.figures import Asked
from services.discussions.domain.problem import Problem, ProblemText
from services.discussions.store.threads import THREADS, Document, in_community, newest
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

TEXTS = "problem_texts"

INDEXES = {
    TEXTS: [Index([("thread_id", 1), ("number", 1)], unique=True), Index([("editor_id", 1)])],
}

PERSONAL = {TEXTS: Personal(by=["editor_id"])}


def _problem(document: Document) -> Problem:
    return Problem.model_validate({**document, "thread_id": document["_id"]})


async def load_problem(uow: UnitOfWork, thread_id: str) -> Problem | None:
    """The problem, if there is one."""
    document = await uow.find_one(THREADS, {"_id": thread_id, "kind": "problem"})
    return _problem(document) if document else None


async def find_problem(database: Database, thread_id: str) -> Problem | None:
    """The problem, if there is one."""
    document = await database[THREADS].find_one({"_id": thread_id, "kind": "problem"})
    return _problem(document) if document else None


async def find_problems(
    database: Database,
    reader: Reader,
    *,
    state: str | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Problem]:
    """The problems of the reader's community that they may see, newest first, before (posted_at, id)."""
    query = in_community(reader, "problem", state=state, tags=tag)
    return [_problem(row) for row in await newest(database, query, before, limit)]


def save_text(uow: UnitOfWork, text: ProblemText) -> None:
    """Keep what a problem says now, for the history of its edits."""
    uow.insert(TEXTS, [text.model_dump()])


async def find_texts(database: Database, thread_id: str, after: int, limit: int) -> list[ProblemText]:
    """The texts that a problem had and has, oldest first, after a number."""
    query = {"thread_id": thread_id, "number": {"$gt": after}}
    found = database[TEXTS].find(query).sort("number", 1).limit(limit)
    return [ProblemText.model_validate(row) for row in await found.to_list(length=None)]


async def latest_asked(database: Database, reader: Reader, limit: int) -> list[Asked]:
    """What the figures take of the latest problems in the reader's community that are not hidden."""
    query = {"community_id": reader.community_id, "kind": "problem", "hidden.0": {"$exists": False}}
    wanted = {"posted_at": 1, "answered_at": 1, "state": 1}
    found = database[THREADS].find(query, wanted).sort([("posted_at", -1), ("_id", -1)]).limit(limit)
    return [Asked(row["posted_at"], row.get("answered_at"), row["state"]) async for row in found]
