"""Problems as precedents: their words, their meaning, and how they stand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from bson import Binary
from pymongo import UpdateOne

from services.matching.domain import rules
from services.matching.domain.routing.text import Digest
from services.matching.domain.similar.index import Entry, digest_of
from services.matching.domain.similar.ranking import Precedent, ProblemState, Text
from services.matching.domain.similar.vectors import NO_MEANING
from shared.ids import is_former_member
from shared.storage import Database, Index, UnitOfWork, apply_version
from shared.storage.personal import Personal

PRECEDENTS = "precedents"

INDEXES = {
    PRECEDENTS: [
        Index([("author_id", 1)]),
        Index([("meaning_due", 1)], partial={"meaning_due": {"$exists": True}}),
        Index([("look_due", 1)], partial={"look_due": {"$exists": True}}),
    ]
}
PERSONAL = {PRECEDENTS: Personal(by=["author_id"])}

LEASE = timedelta(minutes=2)
"""After which another instance does what one began and was not heard of again."""
_PAGE = 500
_INDEXED = {"community_id": 1, "digest": 1, "meaning": 1, "withdrawn": 1, "hidden": 1, "redacted": 1}
_SHOWN = {"digest": 0, "meaning": 0}
_CHANGES: list[dict[str, Any]] = [
    {"$match": {"operationType": {"$in": ["insert", "update", "replace", "delete"]}}},
    {"$project": {"documentKey": 1}},
]

Document = dict[str, Any]


# -- projecting ----------------------------------------------------------------------------------------


def project_text(
    uow: UnitOfWork,
    thread_id: str,
    version: int,
    *,
    community_id: str,
    author_id: str,
    title: str,
    body: str,
    tags: Sequence[str],
    look: bool = False,
) -> None:
    """Keep a problem's text. Its meaning is due now, and where ``look`` says so a look for others like it."""
    fields: Document = {
        "community_id": community_id,
        "author_id": author_id,
        "title": title,
        "body": body[: rules.PRECEDENT_BODY],
        "tags": list(tags),
        "digest": Binary(digest_of(title, body).tobytes()),
        "meaning": Binary(NO_MEANING),
        "meaning_due": uow.now,
        "redacted": False,
    }
    if look:
        fields["look_due"] = uow.now
    uow.write(PRECEDENTS, apply_version(thread_id, version, fields, named="text_version"))


def project_state(
    uow: UnitOfWork, thread_id: str, version: int, state: ProblemState, duplicate_of: str | None = None
) -> None:
    """Keep how a problem stands."""
    fields = {"state": state, "duplicate_of": duplicate_of, "withdrawn": state == "withdrawn"}
    uow.write(PRECEDENTS, apply_version(thread_id, version, fields, named="state_version"))


def project_accepted(uow: UnitOfWork, thread_id: str, version: int) -> None:
    """Keep that whoever asked accepted a solution."""
    uow.write(PRECEDENTS, apply_version(thread_id, version, {"accepted": True}, named="accepted_version"))


def project_answered(uow: UnitOfWork, thread_id: str) -> None:
    """Keep that an open problem has an answer."""
    still_open = {"_id": thread_id, "state": {"$in": [None, "open"]}}
    uow.write(PRECEDENTS, UpdateOne(still_open, {"$set": {"state": "answered"}}))


def project_practice(
    uow: UnitOfWork, thread_id: str, version: int, solution_id: str, *, is_practice: bool
) -> None:
    """Keep whether a solution is a best practice."""
    fields = {f"practices.{solution_id}.is": is_practice}
    uow.write(PRECEDENTS, apply_version(thread_id, version, fields, named=f"practices.{solution_id}.version"))


def project_hidden(uow: UnitOfWork, thread_id: str, version: int, *, hidden: bool) -> None:
    """Keep whether only its author and curators may be shown it."""
    uow.write(PRECEDENTS, apply_version(thread_id, version, {"hidden": hidden}, named="hidden_version"))


def project_redacted(uow: UnitOfWork, thread_id: str, version: int) -> None:
    """Forget a text of which something was removed for good, until the next one comes."""
    fields: Document = {
        "title": "",
        "body": "",
        "digest": Binary(b""),
        "meaning": Binary(NO_MEANING),
        "redacted": True,
    }
    uow.write(PRECEDENTS, apply_version(thread_id, version, fields, named="text_version"))


# -- the index -----------------------------------------------------------------------------------------


def changes(database: Database, resume_after: Any) -> Any:
    """The change stream of precedents, from ``resume_after`` (a resume token) on: it names which changed.

    Where the collection goes (dropped, renamed), no record is named any more and the stream ends.
    """
    return database[PRECEDENTS].watch(_CHANGES, resume_after=resume_after, max_await_time_ms=100)


async def entries(database: Database) -> AsyncIterator[list[tuple[str, Entry | None]]]:
    """Every problem as the index wants it, by the page; nothing for one that nobody is to find."""
    after = ""
    while True:
        found = database[PRECEDENTS].find({"_id": {"$gt": after}}, _INDEXED).sort("_id", 1).limit(_PAGE)
        rows = await found.to_list(length=None)
        if not rows:
            return
        yield [(row["_id"], _entry(row)) for row in rows]
        after = rows[-1]["_id"]


async def entries_of(database: Database, thread_ids: Collection[str]) -> dict[str, Entry | None]:
    """The same for some problems; nothing also for one that is not there any more."""
    rows = database[PRECEDENTS].find({"_id": {"$in": list(thread_ids)}}, _INDEXED)
    return dict.fromkeys(thread_ids) | {row["_id"]: _entry(row) async for row in rows}


def _entry(row: Document) -> Entry | None:
    if "digest" not in row or any(row.get(each) for each in ("withdrawn", "hidden", "redacted")):
        return None
    digest: Digest = np.frombuffer(row["digest"], np.uint64)
    return Entry(row["_id"], row["community_id"], digest, bytes(row["meaning"]))


async def find(
    database: Database, thread_ids: Collection[str], communities: Collection[str]
) -> list[Precedent]:
    """Those of these problems that members of ``communities`` may be shown now."""
    query = {
        "_id": {"$in": list(thread_ids)},
        "community_id": {"$in": list(communities)},
        "text_version": {"$exists": True},
        "withdrawn": {"$ne": True},
        "hidden": {"$ne": True},
        "redacted": {"$ne": True},
    }
    return [_precedent(row) async for row in database[PRECEDENTS].find(query, _SHOWN)]


class Posted(NamedTuple):
    """What a problem says."""

    text: Text
    """Its title, the beginning of its body, and its tags; without words once these were redacted."""
    digest: Digest
    """All of its words."""
    meaning: bytes
    """``NO_MEANING`` as long as it is not known."""


def posted(row: Document) -> Posted:
    """What the problem of a document says."""
    text = Text(row["title"], row["body"], row["tags"])
    return Posted(text, np.frombuffer(row["digest"], np.uint64), bytes(row["meaning"]))


async def find_posted(database: Database, thread_id: str) -> Posted | None:
    """What a problem says, whoever may see it; nothing if it is not known yet."""
    row = await database[PRECEDENTS].find_one({"_id": thread_id, "community_id": {"$exists": True}})
    return posted(row) if row else None


async def is_hidden(database: Database, thread_id: str) -> bool:
    """Whether only its author and curators may be shown a problem."""
    return await database[PRECEDENTS].find_one({"_id": thread_id, "hidden": True}, {"_id": 1}) is not None


def _precedent(row: Document) -> Precedent:
    practices = [key for key, value in row.get("practices", {}).items() if value.get("is")]
    return Precedent(
        thread_id=row["_id"],
        community_id=row["community_id"],
        title=row["title"],
        body=row["body"],
        tags=row["tags"],
        state=row.get("state") or "open",
        duplicate_of=row.get("duplicate_of"),
        accepted=row.get("accepted", False),
        practices=practices,
    )


# -- what is due ---------------------------------------------------------------------------------------


async def claim(database: Database, due: str, limit: int) -> list[Document]:
    """Up to ``limit`` problems whose ``due`` (a field) has come, oldest first, for this instance alone.

    Whoever does not finish them within ``LEASE`` leaves them to others.
    """
    now = database.clock()
    claimed: list[Document] = []
    async for row in database[PRECEDENTS].find({due: {"$lte": now}}, {"_id": 1}).sort(due, 1).limit(limit):
        mine = await database[PRECEDENTS].find_one_and_update(
            {"_id": row["_id"], due: {"$lte": now}}, {"$set": {due: now + LEASE}}
        )
        if mine is not None:
            claimed.append(mine)
    return claimed


async def keep_meaning(database: Database, row: Document, meaning: bytes) -> None:
    """Keep the meaning of a problem's text, if that is still its text."""
    await database[PRECEDENTS].update_one(
        {"_id": row["_id"], "text_version": row["text_version"]},
        {"$set": {"meaning": Binary(meaning)}, "$unset": {"meaning_due": ""}},
    )


async def load_looked_for(uow: UnitOfWork, thread_id: str) -> tuple[Precedent, str] | None:
    """A problem for which a look is due, and its author; nothing if it was done, or need not be."""
    row = await uow.find_one(PRECEDENTS, {"_id": thread_id, "look_due": {"$exists": True}})
    if row is None or _entry(row) is None or is_former_member(row["author_id"]):
        return None
    return _precedent(row), row["author_id"]


def settle_look(uow: UnitOfWork, thread_id: str) -> None:
    """The look is done."""
    uow.write(PRECEDENTS, UpdateOne({"_id": thread_id}, {"$unset": {"look_due": ""}}))
