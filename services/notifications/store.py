"""The collections of notifications; the only module of this service that speaks to MongoDB.

An item's ``_id`` is its recipient and its ``seq``, so that the primary key itself is the inbox in order: no
second index is paid for at each delivery. Stored items are plain dictionaries on the way in, because a
thousand of them are written at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateMany, UpdateOne

from services.notifications.domain.inbox import Item
from services.notifications.domain.routing.draft import Draft, Thread
from shared.ids import FORMER_MEMBER, is_former_member
from shared.storage import Database, Index, UnitOfWork, apply_version
from shared.storage.personal import NOT_PERSONAL, Personal

ITEMS = "items"
RECIPIENTS = "recipients"
"""A member's counter ``seq`` and the threads that they muted."""
MEMBERSHIPS = "memberships"
PEOPLE = "people"
THREADS = "threads"
HIDDEN = "hidden"
COMMUNITIES = "communities"

INDEXES = {
    ITEMS: [Index([("unread", 1), ("_id", 1)], partial={"unread": True})],
    RECIPIENTS: [],
    MEMBERSHIPS: [Index([("member_id", 1), ("active", 1), ("community_id", 1)])],
    PEOPLE: [],
    THREADS: [Index([("author_id", 1)])],
    HIDDEN: [],
    COMMUNITIES: [],
}

PERSONAL = {
    ITEMS: Personal(about=["_id:"]),
    RECIPIENTS: Personal(about=["_id"]),
    MEMBERSHIPS: Personal(about=["member_id"]),
    PEOPLE: Personal(about=["_id"]),
    THREADS: Personal(by=["author_id"]),
    COMMUNITIES: NOT_PERSONAL,
    HIDDEN: NOT_PERSONAL,
}

Document = dict[str, Any]

_NO_SEQ = 10**12 - 1
"""Larger than any seq there will be, with as many digits as an ``_id`` has for it."""


def item_id(member_id: str, seq: int) -> str:
    """The ``_id`` of an item: sorts by ``seq`` within a recipient."""
    return f"{member_id}:{seq:012d}"


def membership_id(community_id: str, member_id: str) -> str:
    """The ``_id`` of a membership."""
    return f"{community_id}:{member_id}"


def new_item(draft: Draft, notification_id: str, at: datetime) -> Document:
    """The document of an item that was just delivered."""
    document: Document = {
        "_id": notification_id,
        "kind": draft.kind,
        "thread_id": draft.thread_id,
        "community_id": draft.community_id,
        "actor_id": draft.actor_id,
        "title": draft.title,
        "subject_id": draft.subject_id,
        "at": at,
        "unread": True,
    }
    if draft.note is not None:
        document["note"] = draft.note
    if draft.about is not None:
        document["about"] = draft.about
    if draft.org_id is not None:
        document["org_id"] = draft.org_id
    return document


def _item(document: Document) -> Item:
    member_id, _, seq = document["_id"].rpartition(":")
    return Item.model_validate(
        {**document, "notification_id": document["_id"], "member_id": member_id, "seq": int(seq)}
    )


def _between(member_id: str, after: int, before: int = _NO_SEQ) -> Document:
    """A range of ``_id``: a member's items with ``after`` < seq < ``before``."""
    return {"$gt": item_id(member_id, after), "$lt": item_id(member_id, min(before, _NO_SEQ))}


# -- within a unit of work -----------------------------------------------------------------------------


async def load_recipients(uow: UnitOfWork, member_ids: Iterable[str]) -> dict[str, Document]:
    """The counters and mutes of those among ``member_ids`` who have any."""
    rows = await uow.find(RECIPIENTS, {"_id": {"$in": list(member_ids)}})
    return {row["_id"]: row for row in rows}


def advance(uow: UnitOfWork, known: Mapping[str, Document], by: Mapping[str, int]) -> None:
    """Move the counters on: those in ``known``, as read in this unit, and new ones.

    Whoever else moves one of them at the same time conflicts with this, so that the numbers given out are
    each given once, and become visible in their order. Counters that move equally far share an operation.
    """
    steps: dict[int, list[str]] = defaultdict(list)
    for member_id, step in by.items():
        if member_id in known:
            steps[step].append(member_id)
    uow.write(
        RECIPIENTS,
        *(UpdateMany({"_id": {"$in": ids}}, {"$inc": {"seq": step}}) for step, ids in steps.items()),
    )
    uow.insert(
        RECIPIENTS,
        [{"_id": member_id, "seq": step} for member_id, step in by.items() if member_id not in known],
    )


async def load_memberships(uow: UnitOfWork, pairs: Iterable[str]) -> dict[str, bool]:
    """Whether each of the memberships is in force; those never heard of are missing."""
    rows = await uow.find(MEMBERSHIPS, {"_id": {"$in": list(pairs)}}, {"active": 1})
    return {row["_id"]: row["active"] for row in rows}


async def load_orgs(uow: UnitOfWork, member_ids: Iterable[str]) -> dict[str, str | None]:
    """Of which organisation each of these is; those never heard of are missing."""
    rows = await uow.find(PEOPLE, {"_id": {"$in": list(member_ids)}}, {"org_id": 1})
    return {row["_id"]: row.get("org_id") for row in rows}


async def load_threads(uow: UnitOfWork, thread_ids: Iterable[str]) -> dict[str, Thread]:
    """What is known of the threads."""
    rows = await uow.find(THREADS, {"_id": {"$in": list(thread_ids)}})
    return {row["_id"]: Thread(row["author_id"], row["title"], row.get("anonymous", False)) for row in rows}


async def load_names(uow: UnitOfWork, community_ids: Iterable[str]) -> dict[str, str]:
    """What the communities are called, as far as it is known."""
    rows = await uow.find(COMMUNITIES, {"_id": {"$in": list(community_ids)}}, {"name": 1})
    return {row["_id"]: row["name"] for row in rows}


def add_items(uow: UnitOfWork, items: Sequence[Document]) -> None:
    """Put new items into their inboxes."""
    uow.insert(ITEMS, items)


async def load_item(uow: UnitOfWork, member_id: str, notification_id: str) -> Item | None:
    """The item, if it is the member's and they may still see it."""
    if notification_id.rpartition(":")[0] != member_id:
        return None
    shown = await _shown(uow, member_id, await uow.find(ITEMS, {"_id": notification_id}))
    return shown[0] if shown else None


async def load_unread(uow: UnitOfWork, member_id: str, up_to: int) -> list[Item]:
    """The member's unread items up to and with seq ``up_to`` that they may see, oldest first."""
    rows = await uow.find(ITEMS, {"unread": True, "_id": _between(member_id, 0, up_to + 1)})
    return sorted(await _shown(uow, member_id, rows), key=lambda item: item.seq)


async def _shown(uow: UnitOfWork, member_id: str, rows: Sequence[Document]) -> list[Item]:
    """Those of a member's items that they may see now."""
    communities = {row["community_id"] for row in rows} - {None}
    active = await load_memberships(uow, {membership_id(each, member_id) for each in communities})
    hidden = await load_hidden(uow, {row[field] for row in rows for field in ("thread_id", "subject_id")})
    orgs = {row["org_id"] for row in rows if "org_id" in row}
    mine = (await load_orgs(uow, [member_id])).get(member_id) if orgs else None
    return [
        _item(row)
        for row in rows
        if (row["community_id"] is None or active.get(membership_id(row["community_id"], member_id)))
        and row.get("org_id") in (None, mine)
        and hidden.isdisjoint((row["thread_id"], row["subject_id"]))
    ]


def save_read(uow: UnitOfWork, items: Sequence[Item]) -> None:
    """Save that ``items`` are read."""
    ids = [item.notification_id for item in items]
    uow.write(ITEMS, UpdateMany({"_id": {"$in": ids}}, {"$unset": {"unread": True}}))


def save_archived(uow: UnitOfWork, notification_id: str) -> None:
    """Save that an item is put away."""
    uow.write(ITEMS, UpdateOne({"_id": notification_id}, {"$set": {"archived": True}}))


def save_mutes(uow: UnitOfWork, member_id: str, thread_ids: Sequence[str]) -> None:
    """Save all the threads that a member muted."""
    change = {"$set": {"muted": list(thread_ids)}, "$setOnInsert": {"seq": 0}}
    uow.write(RECIPIENTS, UpdateOne({"_id": member_id}, change, upsert=True))


# -- projections ---------------------------------------------------------------------------------------


def project_membership(
    uow: UnitOfWork, community_id: str, member_id: str, version: int, *, active: bool
) -> None:
    """Somebody belongs to a community, or no longer does. What ended is kept, to tell it from the unknown."""
    fields = {"community_id": community_id, "member_id": member_id, "active": active}
    uow.write(MEMBERSHIPS, apply_version(membership_id(community_id, member_id), version, fields))


def project_person(uow: UnitOfWork, member_id: str, version: int, name: str, org_id: str | None) -> None:
    """What a member is called, and of which organisation they are."""
    uow.write(PEOPLE, apply_version(member_id, version, {"name": name, "org_id": org_id}))


def project_thread(uow: UnitOfWork, thread_id: str, version: int, author_id: str, title: str) -> None:
    """Who posted a problem, and what it is called."""
    uow.write(THREADS, apply_version(thread_id, version, {"author_id": author_id, "title": title}))


def project_anonymous(uow: UnitOfWork, thread_id: str) -> None:
    """The author of a problem is not named. That never changes, so it needs no version."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$set": {"anonymous": True}}, upsert=True))


def project_hidden(uow: UnitOfWork, item_id: str, version: int, *, hidden: bool) -> None:
    """Moderators hid something, or showed it again."""
    uow.write(HIDDEN, apply_version(item_id, version, {"hidden": hidden}))


async def load_hidden(uow: UnitOfWork, item_ids: Iterable[str]) -> set[str]:
    """What is hidden of these."""
    rows = await uow.find(HIDDEN, {"_id": {"$in": list(item_ids)}, "hidden": True}, {"_id": 1})
    return {row["_id"] for row in rows}


def project_community(uow: UnitOfWork, community_id: str, version: int, name: str) -> None:
    """What a community is called."""
    uow.write(COMMUNITIES, apply_version(community_id, version, {"name": name}))


# -- reads ---------------------------------------------------------------------------------------------


async def _visible(database: Database, member_id: str) -> Document:
    """What a member may see now: what happened in the communities that they belong to, or in none, and what
    is the affair of their organisation, or of none."""
    person = [{"$match": {"_id": member_id}}, {"$project": {"_id": 0, "org_id": 1}}]
    found = database[MEMBERSHIPS].aggregate(
        [
            {"$match": {"member_id": member_id, "active": True}},
            {"$project": {"_id": 0, "community_id": 1}},
            {"$unionWith": {"coll": PEOPLE, "pipeline": person}},
        ]
    )  # fmt: skip
    rows = await found.to_list(length=None)
    return {
        "community_id": {"$in": [None, *(row["community_id"] for row in rows if "community_id" in row)]},
        "org_id": {"$in": [None, *(row["org_id"] for row in rows if row.get("org_id"))]},
    }


_NOT_HIDDEN: list[Document] = [
    *(
        {
            "$lookup": {
                "from": HIDDEN,
                "localField": field,
                "foreignField": "_id",
                "pipeline": [{"$match": {"hidden": True}}],
                "as": f"hidden_{field}",
            }
        }
        for field in ("thread_id", "subject_id")
    ),
    {"$match": {"hidden_thread_id": [], "hidden_subject_id": []}},
]
"""What is about something hidden is left out, as if it were not there."""


async def _named(
    database: Database, query: Document, order: int, limit: int
) -> list[tuple[Item, str | None]]:
    rows = await (
        database[ITEMS]
        .aggregate(
            [
                {"$match": query},
                {"$sort": {"_id": order}},
                *_NOT_HIDDEN,
                {"$limit": limit},
                {"$lookup": {"from": PEOPLE, "localField": "actor_id", "foreignField": "_id", "as": "actor"}},
            ]
        )
        .to_list(length=None)
    )
    return [(_item(row), _name(row)) for row in rows]


def _name(row: Document) -> str | None:
    if row["actor"]:
        name: str = row["actor"][0]["name"]
        return name
    return FORMER_MEMBER if is_former_member(row["actor_id"] or "") else None


_STATES: Mapping[str, Document] = {
    "all": {"archived": None},
    "unread": {"unread": True, "archived": None},
    "archived": {"archived": True},
}


async def inbox(
    database: Database, member_id: str, state: str, before: int | None, limit: int
) -> list[tuple[Item, str | None]]:
    """A member's items that they may see, with the actors' names, newest first, before the seq ``before``."""
    query = {
        "_id": _between(member_id, 0, _NO_SEQ if before is None else before),
        **_STATES[state],
        **await _visible(database, member_id),
    }
    return await _named(database, query, -1, limit)


async def since(database: Database, member_id: str, after: int, limit: int) -> list[tuple[Item, str | None]]:
    """A member's items that they may see, with the actors' names, oldest first, after the seq ``after``."""
    query = {
        "_id": _between(member_id, after),
        **_STATES["all"],
        **await _visible(database, member_id),
    }
    return await _named(database, query, 1, limit)


async def count_unread(database: Database, member_id: str) -> int:
    """How many unread items a member may see."""
    query = {
        "_id": _between(member_id, 0),
        **_STATES["unread"],
        **await _visible(database, member_id),
    }
    counted = database[ITEMS].aggregate([{"$match": query}, *_NOT_HIDDEN, {"$count": "unread"}])
    return sum([row["unread"] async for row in counted])


async def find_mutes(database: Database, member_id: str) -> list[str]:
    """All that a member muted; there is a most."""
    row = await database[RECIPIENTS].find_one({"_id": member_id}, {"muted": 1})
    return list(row.get("muted", ())) if row else []


async def last_seq(database: Database, member_id: str) -> int:
    """A member's counter."""
    row = await database[RECIPIENTS].find_one({"_id": member_id})
    return int(row["seq"]) if row else 0


def counter_changes(database: Database) -> Any:
    """The change stream of the counters: it names whoever something new was published about."""
    changed: list[Document] = [
        {"$match": {"operationType": {"$in": ["insert", "update", "replace"]}}},
        {"$project": {"documentKey": 1}},
    ]
    return database[RECIPIENTS].watch(changed, max_await_time_ms=250)
