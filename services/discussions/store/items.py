"""Items, whatever their kind: the fields that all of them have, in whichever collection they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pymongo import UpdateMany, UpdateOne

from services.discussions.domain import moderation
from services.discussions.domain.access import Reader
from services.discussions.domain.adaptation import Adaptation
from services.discussions.domain.benchmark import Benchmark
from services.discussions.domain.case_study import CaseStudy
from services.discussions.domain.comment import Comment
from services.discussions.domain.gathering import Gathering
from services.discussions.domain.item import Item, Target
from services.discussions.domain.problem import Problem
from services.discussions.domain.resource import Resource
from services.discussions.domain.solution import Solution
from services.discussions.store import search
from services.discussions.store.adaptations import ADAPTATIONS
from services.discussions.store.comments import COMMENTS
from services.discussions.store.problems import TEXTS
from services.discussions.store.search import SEARCH
from services.discussions.store.solutions import REVISIONS, SOLUTIONS
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


_MODELS: Mapping[ItemKind, tuple[type[Item], str]] = {
    "problem": (Problem, "thread_id"),
    "case-study": (CaseStudy, "thread_id"),
    "resource": (Resource, "thread_id"),
    "benchmark": (Benchmark, "thread_id"),
    "gathering": (Gathering, "thread_id"),
    "solution": (Solution, "solution_id"),
    "adaptation": (Adaptation, "adaptation_id"),
    "comment": (Comment, "comment_id"),
}
_COLLECTIONS: Mapping[ItemKind, str] = {
    "solution": SOLUTIONS,
    "adaptation": ADAPTATIONS,
    "comment": COMMENTS,
}
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


async def hide(uow: UnitOfWork, thread_id: str, target: Target, *, hidden: bool) -> None:
    """Hide an item with all that hangs on it, or show it again; what is hidden besides, stays so."""
    change = {"$addToSet" if hidden else "$pull": {"hidden": target.item_id}}
    if target.item_id == thread_id:
        uow.write(THREADS, UpdateOne({"_id": thread_id}, change))
        for collection in (SOLUTIONS, ADAPTATIONS, COMMENTS, SEARCH):
            uow.write(collection, UpdateMany({"thread_id": thread_id}, change))
        return
    beneath = {"thread_id": thread_id, "within": target.item_id}
    ids = [target.item_id]
    for collection in (ADAPTATIONS, COMMENTS):
        ids += [row["_id"] for row in await uow.find(collection, beneath, {"_id": 1})]
        uow.write(collection, UpdateMany(beneath, change))
    uow.write(collection_of(target.kind), UpdateOne({"_id": target.item_id}, change))
    uow.write(SEARCH, UpdateMany({"_id": {"$in": ids}}, change))


async def redact(uow: UnitOfWork, target: Target, passage: str | None) -> bool:
    """Take ``passage`` (all where it is None) out of an item's texts, earlier ones too, for good; answer
    whether there was any."""
    collection = collection_of(target.kind)
    texts: list[tuple[str, Document]] = [(collection, {"_id": target.item_id})]
    if target.kind == "problem":
        texts.append((TEXTS, {"thread_id": target.item_id}))
    if target.kind == "solution":
        texts.append((REVISIONS, {"solution_id": target.item_id}))
    found = False
    for name, query in texts:
        for document in await uow.find(name, query):
            fields = moderation.without(document, passage)
            changed = {key: value for key, value in fields.items() if value != document[key]}
            if passage is None and target.kind == "comment":
                changed |= {"body": "", "mentions": [], "removed": True}
            if changed:
                found = True
                uow.write(name, UpdateOne({"_id": document["_id"]}, {"$set": changed}))
    if found:
        await uow.flush()
        model, named = _MODELS[target.kind]
        document = await uow.find_one(collection, {"_id": target.item_id}) or {}
        item = model.model_validate({**document, named: target.item_id})
        indexed = {"$set": {"indexed": search.index(uow, item, target.item_id)}}
        uow.write(collection, UpdateOne({"_id": target.item_id}, indexed))
    return found


async def hidden_in(database: Database, thread_id: str, but_of: str) -> list[str]:
    """The ids of what is hidden in a thread, but for what ``but_of`` wrote."""
    query = {"thread_id": thread_id, "hidden.0": {"$exists": True}, "author_id": {"$ne": but_of}}
    found: list[str] = []
    for collection in (SOLUTIONS, ADAPTATIONS, COMMENTS):
        found += [row["_id"] async for row in database[collection].find(query, {"_id": 1})]
    return found
