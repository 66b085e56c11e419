"""Case studies and resources, in the collection of threads."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from pymongo import DeleteOne

from services.discussions.domain.access import Reader
from services.discussions.domain.content import Content, ContentState
from services.discussions.store.threads import THREADS, Document, in_community, newest
from shared.contracts.content import ResourceForm
from shared.storage import Database, Index, UnitOfWork

C = TypeVar("C", bound=Content)

INDEXES = {
    THREADS: [
        Index([("author_id", 1), ("kind", 1), ("posted_at", -1), ("_id", -1)], partial={"draft": True}),
        Index(
            [("community_id", 1), ("kind", 1), ("reused", -1), ("_id", -1)],
            partial={"reused": {"$exists": True}},
        ),
        Index(
            [("community_id", 1), ("substance.form", 1), ("posted_at", -1), ("_id", -1)],
            partial={"substance.form": {"$exists": True}},
        ),
    ],
}
SHOWN: tuple[ContentState, ...] = ("published", "outdated")
"""The states of what is listed unless another is asked for."""


def _kind(of: type[Content]) -> str:
    kind: str = of.model_fields["kind"].default
    return kind


def _content(of: type[C], document: Document) -> C:
    return of.model_validate({**document, "thread_id": document["_id"]})


async def load_content(uow: UnitOfWork, of: type[C], thread_id: str) -> C | None:
    """The one of that kind, if there is one."""
    document = await uow.find_one(THREADS, {"_id": thread_id, "kind": _kind(of)})
    return _content(of, document) if document else None


def discard_draft(uow: UnitOfWork, thread_id: str) -> None:
    """A draft that nobody but its author saw is gone."""
    uow.write(THREADS, DeleteOne({"_id": thread_id, "draft": True}))


async def find_content(database: Database, of: type[C], thread_id: str) -> C | None:
    """The one of that kind, if there is one."""
    document = await database[THREADS].find_one({"_id": thread_id, "kind": _kind(of)})
    return _content(of, document) if document else None


async def find_contents(
    database: Database,
    of: type[C],
    reader: Reader,
    *,
    state: ContentState | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
    form: ResourceForm | None = None,
) -> list[C]:
    """What the reader may see of a kind in their community, newest first, before (posted_at, id)."""
    rows = await newest(database, _wanted(of, reader, state, tag, form), before, limit)
    return [_content(of, row) for row in rows]


async def find_most_reused(
    database: Database,
    of: type[C],
    reader: Reader,
    *,
    tag: str | None,
    before: tuple[int, str] | None,
    limit: int,
    form: ResourceForm | None = None,
) -> list[C]:
    """What the reader may see of a kind, what most have used first, before (reused, id)."""
    query = _wanted(of, reader, None, tag, form) | {"reused": {"$gte": 0}}
    if before is not None:
        reused, thread_id = before
        query["$or"] = [{"reused": {"$lt": reused}}, {"reused": reused, "_id": {"$lt": thread_id}}]
    found = database[THREADS].find(query).sort([("reused", -1), ("_id", -1)]).limit(limit)
    return [_content(of, row) for row in await found.to_list(length=None)]


def _wanted(
    of: type[Content],
    reader: Reader,
    state: ContentState | None,
    tag: str | None,
    form: ResourceForm | None,
) -> Document:
    states = {"$in": list(SHOWN)} if state is None else state
    return in_community(reader, _kind(of), state=states, tags=tag, **{"substance.form": form})


async def find_drafts(
    database: Database,
    of: type[C],
    reader: Reader,
    *,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
    form: ResourceForm | None = None,
) -> list[C]:
    """The reader's own drafts, newest first, before (posted_at, id)."""
    query = _wanted(of, reader, "draft", tag, form) | {"author_id": reader.member_id, "draft": True}
    return [_content(of, row) for row in await newest(database, query, before, limit)]
