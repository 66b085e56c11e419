"""The collection of comments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne

from services.discussions.domain.access import Reader
from services.discussions.domain.comment import Comment
from services.discussions.store import search
from services.discussions.store.threads import visible_to
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

COMMENTS = "comments"

INDEXES = {
    COMMENTS: [
        Index([("thread_id", 1), ("at", 1), ("_id", 1)]),
        Index([("thread_id", 1)], partial={"hidden.0": {"$exists": True}}),
        Index([("author_id", 1)]),
    ]
}

PERSONAL = {COMMENTS: Personal(by=["author_id"])}

Document = dict[str, Any]


def _comment(document: Document) -> Comment:
    return Comment.model_validate({**document, "comment_id": document["_id"]})


async def load_comment(uow: UnitOfWork, comment_id: str) -> Comment | None:
    """The comment, if there is one."""
    document = await uow.find_one(COMMENTS, {"_id": comment_id})
    return _comment(document) if document else None


def save_comment(uow: UnitOfWork, comment: Comment) -> None:
    """Save a new or changed comment."""
    fields = comment.model_dump(exclude={"comment_id"})
    fields["indexed"] = search.index(uow, comment, comment.comment_id)
    uow.write(COMMENTS, ReplaceOne({"_id": comment.comment_id}, fields, upsert=True))


async def find_comments(
    database: Database, reader: Reader, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Comment]:
    """A thread's comments that the reader may see, oldest first, after (at, id)."""
    query: Document = {"thread_id": thread_id, "$and": visible_to(reader)}
    if after is not None:
        at, comment_id = after
        query["$or"] = [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": comment_id}}]
    found = database[COMMENTS].find(query).sort([("at", 1), ("_id", 1)]).limit(limit)
    return [_comment(row) for row in await found.to_list(length=None)]


async def find_comment(database: Database, comment_id: str) -> Comment | None:
    """The comment, if there is one."""
    document = await database[COMMENTS].find_one({"_id": comment_id})
    return _comment(document) if document else None
