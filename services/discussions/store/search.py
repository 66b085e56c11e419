"""The collection that is searched: one document for each item that can be found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import DeleteOne, UpdateOne

from services.discussions.domain import searching
from services.discussions.domain.item import Item
from services.discussions.domain.searching import Candidate, Query
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import NOT_PERSONAL

SEARCH = "search"

INDEXES = {
    SEARCH: [
        Index([("community_id", 1), ("words", 1), ("at", -1), ("_id", -1)]),
        Index([("thread_id", 1)]),
    ],
}

PERSONAL = {SEARCH: NOT_PERSONAL}

Document = dict[str, Any]


def index(uow: UnitOfWork, item: Item, item_id: str) -> int:
    """Let search find what ``item`` says now, if that changed; answer what tells the two apart.

    Happens wherever an item is saved, in the same unit of work. What is hidden is marked when it is hidden.
    """
    said = item.said()
    digest = searching.digest(said)
    if digest == item.indexed:
        return digest
    if said is None:
        uow.write(SEARCH, DeleteOne({"_id": item_id}))
        return digest
    entry = searching.entry(said)
    fields = said._asdict() | entry._asdict()
    for not_kept in ("item_id", "author_id", "title"):
        del fields[not_kept]
    change = {"$set": fields, "$setOnInsert": {"hidden": item.hidden}}
    uow.write(SEARCH, UpdateOne({"_id": item_id}, change, upsert=True))
    return digest


async def often(database: Database, communities: Sequence[str], words: Sequence[str], most: int) -> list[int]:
    """In how many items each of the words is, counted up to ``most``."""

    async def count(word: str) -> int:
        query = {"community_id": {"$in": list(communities)}, "words": word}
        return int(await database[SEARCH].count_documents(query, limit=most))

    return list(await asyncio.gather(*map(count, words)))


async def find(
    database: Database,
    communities: Sequence[str],
    by: str,
    query: Query,
    *,
    before: tuple[datetime, str] | None,
    most: int,
) -> list[Candidate]:
    """Of the ``most`` newest items with the word ``by``, before (at, id): those that have all of ``query``,
    newest first."""
    fits: Document = {"hidden": []}
    if query.words:
        fits["words"] = {"$all": list(query.words)}
    if query.phrases:
        has = [{"$gte": [{"$indexOfCP": ["$text", phrase]}, 0]} for phrase in query.phrases]
        fits["$expr"] = {"$and": has}
    weights = [{"$arrayElemAt": ["$weights", {"$indexOfArray": ["$words", word]}]} for word in query.words]
    shown = dict.fromkeys(("thread_id", "community_id", "kind", "state", "tags", "at"), 1) | {
        "weights": [{"$ifNull": [weight, 0]} for weight in weights],
        "last_word": {"$arrayElemAt": ["$words", -1]},
    }
    pipeline: list[Document] = [
        {"$match": _with_word(communities, by, before)},
        {"$sort": {"at": -1, "_id": -1}},
        {"$limit": most},
        {"$match": fits},
        {"$project": shown},
    ]
    rows = await database[SEARCH].aggregate(pipeline, batchSize=most).to_list(length=None)
    return [
        Candidate(item_id=row.pop("_id"), author_id=searching.author_of(row.pop("last_word")), **row)
        for row in rows
    ]


async def last_looked_at(
    database: Database, communities: Sequence[str], by: str, before: tuple[datetime, str] | None, most: int
) -> tuple[datetime, str] | None:
    """(at, id) of the last of the ``most`` newest items with the word ``by``, if there are so many."""
    found = database[SEARCH].find(_with_word(communities, by, before), {"at": 1})
    rows = await found.sort([("at", -1), ("_id", -1)]).skip(most - 1).limit(1).to_list(length=None)
    return (rows[0]["at"], rows[0]["_id"]) if rows else None


def _with_word(communities: Sequence[str], word: str, before: tuple[datetime, str] | None) -> Document:
    query: Document = {"community_id": {"$in": list(communities)}, "words": word}
    if before is not None:
        at, item_id = before
        query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": item_id}}]
    return query
