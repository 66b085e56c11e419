"""What a service holds about members: declared by collection, handed out, erased, and proven gone.

**How to declare.** Next to its ``INDEXES`` a store module says in ``PERSONAL`` of each of its collections in
which fields members' ids are::

    PERSONAL = {
        MEMBERSHIPS: Personal(about=["member_id"]),
        THREADS: Personal(by=["author_id"]),
        IMPORTED: NOT_PERSONAL,
    }

- ``about``: a document with the member's id in one of these is theirs alone. They can download it; erasing
  deletes it.
- ``by``: they wrote it, but others build on it. They can download it; erasing keeps it and puts the pseudonym
  of a former member in the place of the id. A document in which the field called ``unshared`` is true was for
  its writer's eyes alone: it is deleted.

The value may be the id or a list that has it in it; ``_id:`` means that the ``_id`` begins with the id and a
colon. Each of these fields is the first of some index (``tests/unit/test_personal.py`` says which is not, and
which collection is not declared). Ids elsewhere in a document (an editor's, a founder's, a key made of
several ids) need no declaration: where such a document is not theirs alone, erasing puts the pseudonym there,
too, in texts, lists and keys alike.

**Erasing** (``begin``) leaves a tombstone at once: a keyed hash of the id, by which late and replayed events
about the member are known and the member's own token is refused. What is held is then swept: a sweep reads
the whole database once, so that it does not depend on what was declared, and again ``SETTLE`` later, because
a transaction that began before the tombstone may have committed after the first sweep. Until then the
tombstone has the id; afterwards nothing has. The pseudonym is random and its link to the member is kept
nowhere: it is another one in each service.

**What stays.** Kafka keeps what was published until its topic's retention: 14 days for events, 90 for dead
letters. Backups are the operators' to expire. What members wrote into free text about one another by name is
not found by an id. With what a former member wrote or endorsed stays the organisation for which they did,
because it counts by organisations.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from logging import getLogger
from typing import Any

from bson import decode_all
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, ReplaceOne, ReturnDocument, UpdateOne

from shared.background import repeated
from shared.ids import former_member
from shared.storage.database import Database, Index, translated
from shared.storage.unit_of_work import UnitOfWork

log = getLogger(__name__)

ERASURES = "erasures"
INDEXES = {ERASURES: [Index([("sweep_at", 1)], partial={"sweep_at": {"$exists": True}})]}

SETTLE = timedelta(seconds=90)
"""After which whatever began before the tombstone has ended: MongoDB ends a transaction after 60 seconds."""
RETRY = timedelta(seconds=5)
"""After which a sweep that left something (an event that Kafka has not taken yet) is repeated."""
LEASE = timedelta(minutes=15)
"""After which another replica sweeps in the place of one that began and was not heard of again."""
CHUNK = 200
"""Documents changed in one transaction."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Personal:
    """How a collection holds members' ids: see above."""

    about: Sequence[str] = ()
    by: Sequence[str] = ()
    unshared: str = ""

    @property
    def fields(self) -> Sequence[str]:
        """The fields by which a member's own documents are found."""
        return [*self.about, *self.by]

    def deletes(self, document: Document, member_ids: Collection[str]) -> bool:
        """Whether ``document`` is one of these members' alone."""
        mine = [*self.about, *(self.by if document.get(self.unshared) else ())]
        return any(_holds(document, field, member_ids) for field in mine)


NOT_PERSONAL = Personal()
"""A collection in which no document is a member's, though some may name one."""


class _Passing(Personal):
    """Rows on their way: gone wherever they name somebody who is erased."""

    def deletes(self, document: Document, member_ids: Collection[str]) -> bool:
        return not document.get("pending")


PASSING = _Passing()
"""Published events and stored answers. What is still to be published is published first."""


def query_of(field: str, member_id: str) -> Document:
    """The query for the documents whose declared ``field`` has the member's id."""
    if field == "_id:":
        return {"_id": {"$gte": f"{member_id}:", "$lt": f"{member_id};"}}  # ';' comes right after ':'
    return {field: member_id}


def _holds(document: Document, field: str, member_ids: Collection[str]) -> bool:
    if field == "_id:":
        return str(document["_id"]).partition(":")[0] in member_ids
    value = document.get(field)
    return any(each in member_ids for each in (value if isinstance(value, list) else [value]))


# -- erasing -------------------------------------------------------------------------------------------


def begin(uow: UnitOfWork, member_id: str) -> None:
    """Leave a tombstone and have everything about the member swept. Beginning again changes nothing."""
    pending = {"at": uow.now, "member_id": member_id, "pseudonym": former_member(), "sweep_at": uow.now}
    uow.write(ERASURES, UpdateOne({"_id": uow.tombstone(member_id)}, {"$setOnInsert": pending}, upsert=True))


async def erased_among(uow: UnitOfWork, member_ids: Iterable[str]) -> set[str]:
    """Those of these members who are erased."""
    by_tombstone = {uow.tombstone(member_id): member_id for member_id in member_ids}
    rows = await uow.find(ERASURES, {"_id": {"$in": list(by_tombstone)}}, {"_id": 1})
    return {by_tombstone[row["_id"]] for row in rows}


async def is_erased(database: Database, member_id: str) -> bool:
    """Whether a member is erased. Raises ``DependencyDown`` when MongoDB does not answer."""
    with translated():
        found = await database[ERASURES].find_one({"_id": database.tombstone(member_id)}, {"_id": 1})
    return found is not None


async def sweep(database: Database, personal: Mapping[str, Personal]) -> int:
    """Sweep for every erasure that is due; answer how many that were.

    What was swept ``SETTLE`` after its tombstone, with nothing left, is over: the id is forgotten.
    """
    due: list[Document] = []
    while (erasure := await _claim(database)) is not None:
        due.append(erasure)
    if not due:
        return 0
    names = Names({erasure["member_id"]: erasure["pseudonym"] for erasure in due})
    left = set(names.ids)  # until it is known: a sweep that breaks off is repeated
    try:
        left = {
            member_id
            for collection in await database.collections()
            if collection != ERASURES
            for member_id in await _sweep_collection(
                database, collection, personal.get(collection, NOT_PERSONAL), names
            )
        }
    finally:
        for erasure in due:
            await _settle(database, erasure, over=erasure["member_id"] not in left)
    return len(due)


async def _settle(database: Database, erasure: Document, *, over: bool) -> None:
    settled = erasure["at"] + SETTLE
    if not over:
        change: Document = {"$set": {"sweep_at": database.clock() + RETRY}}
    elif erasure["claimed_at"] < settled:
        change = {"$set": {"sweep_at": settled}}
    else:
        change = {"$unset": {"member_id": "", "pseudonym": "", "sweep_at": "", "claimed_at": ""}}
    with translated():
        await database[ERASURES].update_one({"_id": erasure["_id"]}, change)


async def _claim(database: Database) -> Document | None:
    now = database.clock()
    with translated():
        claimed: Document | None = await database[ERASURES].find_one_and_update(
            {"sweep_at": {"$lte": now}},
            {"$set": {"sweep_at": now + LEASE, "claimed_at": now}},
            return_document=ReturnDocument.AFTER,
        )
    return claimed


class Names:
    """Replaces ids by pseudonyms wherever they stand as a whole word."""

    def __init__(self, pseudonyms: Mapping[str, str]) -> None:
        self.ids: Collection[str] = pseudonyms.keys()
        self._pseudonyms = pseudonyms
        self._text = re.compile(_pattern(pseudonyms))
        self._bytes = re.compile(_pattern(pseudonyms).encode())

    def replaced(self, value: Any) -> Any:
        match value:
            case str():
                return self._text.sub(lambda found: self._pseudonyms[found[0]], value)
            case bytes():
                return self._bytes.sub(lambda found: self._pseudonyms[found[0].decode()].encode(), value)
            case dict():
                return {self.replaced(key): self.replaced(each) for key, each in value.items()}
            case list():
                return [self.replaced(each) for each in value]
            case _:
                return value

    def named(self, raw: bytes | memoryview) -> set[str]:
        """Who is named in ``raw``."""
        return {found[0].decode() for found in self._bytes.finditer(raw)}


def _pattern(member_ids: Iterable[str]) -> str:
    """Finds the ids, in BSON, too; not as parts of longer ids: these have letters, digits and ``. _ -``."""
    anyone = "|".join(re.escape(each) for each in sorted(member_ids, key=len, reverse=True))
    return rf"(?<![A-Za-z0-9_-])(?<![A-Za-z0-9]\.)(?:{anyone})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"


async def _sweep_collection(
    database: Database, collection: str, personal: Personal, names: Names
) -> set[str]:
    """Delete or rewrite what names them; answer who is still named, because what does so may not go yet."""
    left: set[str] = set()
    found: list[Any] = []
    async for document in _naming(database, collection, names):
        found.append(document["_id"])
        if len(found) == CHUNK:
            left |= await database.transact(partial(_erase, collection, personal, names, found))
            found = []
    if found:
        left |= await database.transact(partial(_erase, collection, personal, names, found))
    return left


async def _naming(database: Database, collection: str, names: Names) -> AsyncIterator[RawBSONDocument]:
    """The documents of a collection that name one of these, by reading all of it as raw BSON."""
    raw = CodecOptions(document_class=RawBSONDocument)
    with translated():
        async for batch in database[collection].find_raw_batches({}):
            if names.named(batch):
                for document in decode_all(batch, raw):
                    if names.named(document.raw):
                        yield document
            await asyncio.sleep(0)  # requests go on in between


async def _erase(
    collection: str, personal: Personal, names: Names, ids: Sequence[Any], uow: UnitOfWork
) -> set[str]:
    left: set[str] = set()
    for document in await uow.find(collection, {"_id": {"$in": list(ids)}}):
        key = {"_id": document["_id"]}
        if personal.deletes(document, names.ids):
            uow.write(collection, DeleteOne(key))
        elif isinstance(personal, _Passing):
            left |= {each for each in names.ids if names.replaced(document) != document}
        elif (replaced := names.replaced(document)) != document:
            if replaced["_id"] == document["_id"]:
                uow.write(collection, ReplaceOne(key, replaced))
            else:
                uow.write(collection, DeleteOne(key))
                uow.insert(collection, [replaced])
    return left


@asynccontextmanager
async def sweeper(database: Database, personal: Mapping[str, Personal], every: float) -> AsyncIterator[None]:
    """Sweep every so many seconds while the context is open. No duty: a sweep is not one transaction."""

    name = f"{database.name}: an erasure's sweep"
    async with repeated(name, lambda: sweep(database, personal), every):
        yield


# -- proving -------------------------------------------------------------------------------------------


async def mentions(database: Database, member_id: str) -> dict[str, int]:
    """By collection, how many documents of the whole database name the member, by reading all of it."""
    names = Names({member_id: ""})
    counts: dict[str, int] = {}
    for collection in await database.collections():
        if count := sum([1 async for _ in _naming(database, collection, names)]):
            counts[collection] = count
    return counts


# -- handing out ---------------------------------------------------------------------------------------


async def held(
    database: Database, personal: Mapping[str, Personal], member_id: str
) -> AsyncIterator[tuple[str, Document]]:
    """Every document that is the member's, with its collection, one collection after the other."""
    for collection in sorted(personal):
        if fields := personal[collection].fields:
            query = {"$or": [query_of(field, member_id) for field in fields]}
            with translated():
                async for document in database[collection].find(query):
                    yield collection, document
