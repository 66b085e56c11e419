"""The collection of threads, whatever their kind: a document has the fields of its kind beside the common
ones, and is read by the module of the kind, or here for what all have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from services.discussions.domain.access import Reader
from services.discussions.domain.thread import Thread
from services.discussions.store import search
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

THREADS = "threads"

INDEXES = {
    THREADS: [
        Index([("community_id", 1), ("kind", 1), ("posted_at", -1), ("_id", -1)]),
        Index([("community_id", 1), ("kind", 1), ("state", 1), ("posted_at", -1), ("_id", -1)]),
        Index([("community_id", 1), ("kind", 1), ("tags", 1), ("posted_at", -1), ("_id", -1)]),
        Index([("author_id", 1)]),
    ],
}

PERSONAL = {THREADS: Personal(by=["author_id"], unshared="draft")}

Document = dict[str, Any]


def visible_to(reader: Reader) -> list[Document]:
    """What a query for items must hold, all of it, so that it finds what the reader may see."""
    if reader.curates:
        return [{}]
    return [{"$or": [{"hidden.0": {"$exists": False}}, {"author_id": reader.member_id}]}]


def in_community(reader: Reader, kind: str, **fields: Any) -> Document:
    """A query for what the reader may see of a kind in their community; what is None may be anything."""
    wanted = {field: value for field, value in fields.items() if value is not None}
    return {"community_id": reader.community_id, "kind": kind, "$and": visible_to(reader), **wanted}


async def newest(
    database: Database, query: Document, before: tuple[datetime, str] | None, limit: int
) -> Sequence[Document]:
    """The threads that ``query`` asks for, newest first, before (posted_at, id)."""
    if before is not None:
        at, thread_id = before
        query = {**query, "$or": [{"posted_at": {"$lt": at}}, {"posted_at": at, "_id": {"$lt": thread_id}}]}
    found = database[THREADS].find(query).sort([("posted_at", -1), ("_id", -1)]).limit(limit)
    return await found.to_list(length=None)


def _thread(document: Document) -> Thread:
    return Thread.model_validate({**document, "thread_id": document["_id"]})


async def load_thread(uow: UnitOfWork, thread_id: str) -> Thread | None:
    """What all kinds have of the thread, if there is one."""
    document = await uow.find_one(THREADS, {"_id": thread_id})
    return _thread(document) if document else None


def save_thread(uow: UnitOfWork, thread: Thread) -> None:
    """Save a new or changed thread; the fields of its kind that ``thread`` does not have stay."""
    fields = thread.model_dump(exclude={"thread_id"})
    if type(thread) is not Thread:  # else nothing is known of what its kind says
        fields["indexed"] = search.index(uow, thread, thread.thread_id)
    uow.write(THREADS, UpdateOne({"_id": thread.thread_id}, {"$set": fields}, upsert=True))


def hold_thread(uow: UnitOfWork, thread_id: str) -> None:
    """Make whatever changes the thread at the same moment conflict with this."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$inc": {"held": 1}}))


async def find_thread(database: Database, thread_id: str) -> Thread | None:
    """What all kinds have of the thread, if there is one."""
    document = await database[THREADS].find_one({"_id": thread_id})
    return _thread(document) if document else None


async def titles(database: Database, thread_ids: Iterable[str]) -> dict[str, str]:
    """The titles of threads."""
    rows = database[THREADS].find({"_id": {"$in": list(thread_ids)}}, {"title": 1})
    return {row["_id"]: row["title"] async for row in rows}
