"""Items, whatever their kind: the fields that all of them have, in whichever collection they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pymongo import UpdateOne

from services.discussions.domain.access import Reader
from services.discussions.domain.item import Target
from services.discussions.store.comments import COMMENTS
from services.discussions.store.solutions import SOLUTIONS
from services.discussions.store.threads import THREADS
from shared.contracts.discussions import ItemKind
from shared.storage import Database, UnitOfWork

Document = dict[str, Any]

EXCERPT = 300
"""Characters of a text that a list shows."""


class Shown(NamedTuple):
    """What a list shows of an item."""

    author_id: str
    title: str
    excerpt: str


_COLLECTIONS: Mapping[ItemKind, str] = {"solution": SOLUTIONS, "comment": COMMENTS}
"""Where items are that are no threads."""


def collection_of(kind: ItemKind) -> str:
    """The collection of the items of a kind."""
    return _COLLECTIONS.get(kind, THREADS)


async def load_target(
    uow: UnitOfWork, thread_id: str, kind: ItemKind, item_id: str, seen_by: Reader
) -> Target | None:
    """An item of the thread that the reader may see."""
    document = await uow.find_one(collection_of(kind), {"_id": item_id})
    if document is None:
        return None
    if collection_of(kind) == THREADS:
        fits = document["kind"] == kind and item_id == thread_id
    else:
        fits = document["thread_id"] == thread_id
    author_id = document["author_id"]
    if not fits or (document.get("hidden") and not seen_by.curates and author_id != seen_by.member_id):
        return None
    above = tuple(document.get("within", ()))
    return Target(
        kind,
        item_id,
        author_id,
        depth=document.get("depth", 1) if kind == "comment" else 0,
        within=() if item_id == thread_id else (*above, item_id),
        hidden=tuple(document.get("hidden", ())),
        gone=document.get("removed", False),
    )


def add_reaction(uow: UnitOfWork, target: Target, kind: str, by: int) -> None:
    """Count a reaction to an item, or count it no more."""
    count = {"$inc": {f"reactions.{kind}": by}}
    uow.write(collection_of(target.kind), UpdateOne({"_id": target.item_id}, count))


async def find_shown(database: Database, wanted: Iterable[tuple[ItemKind, str]]) -> dict[str, Shown]:
    """What a list shows of items, by their ids."""
    by_collection: defaultdict[str, list[str]] = defaultdict(list)
    for kind, item_id in wanted:
        by_collection[collection_of(kind)].append(item_id)
    shown: dict[str, Shown] = {}
    for collection, ids in by_collection.items():
        rows = database[collection].find({"_id": {"$in": ids}}, {"author_id": 1, "title": 1, "body": 1})
        async for row in rows:
            shown[row["_id"]] = Shown(row["author_id"], row.get("title", ""), row["body"][:EXCERPT])
    return shown
