"""Gatherings, in the collection of threads, and the collections of who comes and of what was noted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import ReplaceOne, UpdateMany

from services.discussions.domain.access import Reader
from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.gathering import Gathering, GatheringState, Notes
from services.discussions.store.access import pair
from services.discussions.store.threads import (
    THREADS,
    Document,
    in_community,
    newest,
    save_thread,
    visible_to,
)
from shared.contracts.content import Reply
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

RSVPS = "rsvps"
NOTES = "gathering_notes"

_COMING = {"next_at": {"$type": "date"}}

INDEXES = {
    THREADS: [
        Index([("community_id", 1), ("next_at", 1), ("_id", 1)], partial=_COMING),
        Index([("next_ends_at", 1)], partial={"next_ends_at": {"$type": "date"}}),
    ],
    RSVPS: [
        Index([("thread_id", 1), ("reply", 1), ("waiting", 1), ("at", 1), ("member_id", 1)]),
        Index([("member_id", 1), ("next_at", 1), ("thread_id", 1)], partial=_COMING),
        Index([("member_id", 1)]),
    ],
    NOTES: [Index([("thread_id", 1), ("occurrence", 1)], unique=True), Index([("author_id", 1)])],
}

PERSONAL = {RSVPS: Personal(about=["member_id"]), NOTES: Personal(by=["author_id"])}


def _gathering(document: Document) -> Gathering:
    return Gathering.model_validate({**document, "thread_id": document["_id"]})


async def load_gathering(uow: UnitOfWork, thread_id: str) -> Gathering | None:
    """The gathering, if there is one."""
    document = await uow.find_one(THREADS, {"_id": thread_id, "kind": "gathering"})
    return _gathering(document) if document else None


def save_gathering(uow: UnitOfWork, gathering: Gathering, before: Gathering | None = None) -> None:
    """Save a new or changed gathering; those who come find it when it takes place next."""
    save_thread(uow, gathering)
    if before is not None and before.next_at != gathering.next_at:
        coming = {"thread_id": gathering.thread_id, "reply": {"$in": ["yes", "maybe"]}}
        uow.write(RSVPS, UpdateMany(coming, {"$set": {"next_at": gathering.next_at}}))


async def load_rsvp(uow: UnitOfWork, thread_id: str, member_id: str) -> Rsvp | None:
    """What the member answered, if they did."""
    document = await uow.find_one(RSVPS, {"_id": pair(thread_id, member_id)})
    return Rsvp.model_validate(document) if document else None


async def load_waiting(uow: UnitOfWork, thread_id: str, but: str, limit: int) -> list[Rsvp]:
    """Those who have waited longest for a place, without the member ``but``."""
    query = {"thread_id": thread_id, "reply": "yes", "waiting": True, "member_id": {"$ne": but}}
    found = uow.collection(RSVPS).find(query, session=uow.session)
    rows = await found.sort([("at", 1), ("member_id", 1)]).limit(limit).to_list(length=None)
    return [Rsvp.model_validate(row) for row in rows]


async def load_concerned(uow: UnitOfWork, thread_id: str) -> list[str]:
    """Who comes, waits for a place, or might come; bounded by a rule."""
    query = {"thread_id": thread_id, "reply": {"$in": ["yes", "maybe"]}}
    return [row["member_id"] for row in await uow.find(RSVPS, query, {"member_id": 1})]


async def load_coming_rsvps(uow: UnitOfWork, member_ids: Iterable[str]) -> list[Rsvp]:
    """To which gatherings that are not over the members come, or might."""
    query = {"member_id": {"$in": list(member_ids)}, **_COMING}
    return [Rsvp.model_validate(row) for row in await uow.find(RSVPS, query)]


def save_rsvp(uow: UnitOfWork, rsvp: Rsvp) -> None:
    """Save a new or changed answer."""
    key = pair(rsvp.thread_id, rsvp.member_id)
    uow.write(RSVPS, ReplaceOne({"_id": key}, rsvp.model_dump(), upsert=True))


async def load_notes(uow: UnitOfWork, thread_id: str, occurrence: datetime) -> Notes | None:
    """What was noted of the occurrence, if anything."""
    document = await uow.find_one(NOTES, {"_id": _note(thread_id, occurrence)})
    return Notes.model_validate(document) if document else None


def save_notes(uow: UnitOfWork, notes: Notes) -> None:
    """Save new or changed notes."""
    key = _note(notes.thread_id, notes.occurrence)
    uow.write(NOTES, ReplaceOne({"_id": key}, notes.model_dump(), upsert=True))


def _note(thread_id: str, occurrence: datetime) -> str:
    return pair(thread_id, occurrence.isoformat(timespec="minutes"))


async def due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """Gatherings of which an occurrence is over by ``now``, the oldest first."""
    query = {"next_ends_at": {"$type": "date", "$lte": now}}
    rows = database[THREADS].find(query, {"_id": 1}).sort("next_ends_at", 1).limit(limit)
    return [row["_id"] async for row in rows]


async def find_gathering(database: Database, thread_id: str) -> Gathering | None:
    """The gathering, if there is one."""
    document = await database[THREADS].find_one({"_id": thread_id, "kind": "gathering"})
    return _gathering(document) if document else None


async def find_coming(
    database: Database, reader: Reader, after: tuple[datetime, str] | None, limit: int
) -> list[Gathering]:
    """The gatherings to come in the reader's community, the next first, after (next_at, id)."""
    query: Document = {"community_id": reader.community_id, **_COMING, "$and": visible_to(reader)}
    if after is not None:
        at, thread_id = after
        query["$or"] = [{"next_at": {"$gt": at}}, {"next_at": at, "_id": {"$gt": thread_id}}]
    found = database[THREADS].find(query).sort([("next_at", 1), ("_id", 1)]).limit(limit)
    return [_gathering(row) for row in await found.to_list(length=None)]


async def find_gatherings(
    database: Database,
    reader: Reader,
    state: GatheringState,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Gathering]:
    """The gatherings in a state in the reader's community, newest first, before (posted_at, id)."""
    query = in_community(reader, "gathering", state=state)
    return [_gathering(row) for row in await newest(database, query, before, limit)]


async def find_some(database: Database, thread_ids: Iterable[str]) -> dict[str, Gathering]:
    """Gatherings by their ids."""
    query = {"_id": {"$in": list(thread_ids)}, "kind": "gathering"}
    rows = await database[THREADS].find(query).to_list(length=None)
    return {row["_id"]: _gathering(row) for row in rows}


async def find_own_rsvps(
    database: Database, member_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[Rsvp]:
    """To what the member comes, or might, wherever; the next first, after (next_at, thread)."""
    query: Document = {"member_id": member_id, **_COMING}
    if after is not None:
        at, thread_id = after
        query["$or"] = [{"next_at": {"$gt": at}}, {"next_at": at, "thread_id": {"$gt": thread_id}}]
    found = database[RSVPS].find(query).sort([("next_at", 1), ("thread_id", 1)]).limit(limit)
    return [Rsvp.model_validate(row) for row in await found.to_list(length=None)]


async def find_rsvps_of(database: Database, member_id: str, thread_ids: Iterable[str]) -> dict[str, Rsvp]:
    """What the member answered to some gatherings, by their ids."""
    keys = [pair(thread_id, member_id) for thread_id in thread_ids]
    rows = await database[RSVPS].find({"_id": {"$in": keys}}).to_list(length=None)
    return {row["thread_id"]: Rsvp.model_validate(row) for row in rows}


async def find_attendees(
    database: Database,
    thread_id: str,
    reply: Reply,
    *,
    waiting: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Rsvp]:
    """Who answered so, the first to do so first, after (at, member)."""
    query: Document = {"thread_id": thread_id, "reply": reply, "waiting": waiting}
    if after is not None:
        at, member_id = after
        query["$or"] = [{"at": {"$gt": at}}, {"at": at, "member_id": {"$gt": member_id}}]
    found = database[RSVPS].find(query).sort([("at", 1), ("member_id", 1)]).limit(limit)
    return [Rsvp.model_validate(row) for row in await found.to_list(length=None)]


async def find_notes(database: Database, thread_id: str, before: str | None, limit: int) -> list[Notes]:
    """A gathering's notes, those of the latest occurrence first, before an occurrence."""
    query: Document = {"thread_id": thread_id}
    if before is not None:
        query["occurrence"] = {"$lt": before}
    found = database[NOTES].find(query).sort("occurrence", -1).limit(limit)
    return [Notes.model_validate(row) for row in await found.to_list(length=None)]
