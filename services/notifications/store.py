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

from services.notifications.domain.inbox import REDACTED, Item, note
from services.notifications.domain.routing.draft import Draft, Named, Thread
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
"""What moderators hid (``hidden``), which problems were ``withdrawn``, and at which version of its thread
something was ``redacted`` last."""
COMMUNITIES = "communities"

INDEXES = {
    ITEMS: [
        Index([("unread", 1), ("_id", 1)], partial={"unread": True}),
        Index([("names.item_id", 1)], partial={"names": {"$exists": True}}),
    ],
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
        "subject_id": draft.subject_id,
        "at": at,
        "unread": True,
    }
    if draft.thread_id is None:  # else it is read with the title that the thread has by then
        document["title"] = draft.title
    if draft.names:
        document["names"] = [_named(each) for each in draft.names]
    if draft.note is not None:
        document["note"] = draft.note
    if draft.about is not None:
        document["about"] = draft.about
    if draft.org_id is not None:
        document["org_id"] = draft.org_id
    return document


def _named(named: Named) -> Document:
    """A title is not kept with it, but which words have one before them."""
    document = {"community_id": named.community_id, "words": named.words, "titled": named.title is not None}
    return {**document, "item_id": named.item_id} if named.item_id else document


def _item(document: Document, titles: Mapping[str, str]) -> Item:
    """An item that ``_shown`` found. One that was stored before titles were kept apart has its own."""
    member_id, _, seq = document["_id"].rpartition(":")
    names = [
        Named(each["community_id"], each["words"], each.get("item_id"), "" if each["titled"] else None)
        for each in document["shown"]
    ]
    read = {
        "notification_id": document["_id"],
        "member_id": member_id,
        "seq": int(seq),
        "title": titles.get(document["thread_id"], document.get("title", "")),
        "note": note(document.get("note"), names, titles),
    }
    return Item.model_validate({**document, **read})


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
    return {
        row["_id"]: Thread(row.get("author_id"), row.get("title", ""), row.get("anonymous", False))
        for row in rows
    }


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
    rows = await _shown(uow.database, member_id, {"_id": notification_id}, within=uow)
    return next(iter(await _items(uow.database, rows, uow)), None)


async def load_unread(uow: UnitOfWork, member_id: str, up_to: int) -> list[Item]:
    """The member's unread items up to and with seq ``up_to`` that they may see, oldest first."""
    query = {"unread": True, "_id": _between(member_id, 0, up_to + 1)}
    return await _items(uow.database, await _shown(uow.database, member_id, query, within=uow), uow)


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
    """Who posted a problem (that never changes), and what it is called."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$set": {"author_id": author_id}}, upsert=True))
    project_title(uow, thread_id, version, title)


def project_title(uow: UnitOfWork, thread_id: str, version: int, title: str) -> None:
    """What a thread is called at a version of it."""
    uow.write(THREADS, apply_version(thread_id, version, {"title": title}))


def add_title(uow: UnitOfWork, thread_id: str, title: str) -> None:
    """What a thread was called some time ago, as long as nothing else is known."""
    known_first = {"title": {"$ifNull": ["$title", {"$literal": title}]}}
    uow.write(THREADS, UpdateOne({"_id": thread_id}, [{"$set": known_first}], upsert=True))


def project_withdrawn(uow: UnitOfWork, thread_id: str) -> None:
    """A problem was taken back, for good."""
    uow.write(HIDDEN, UpdateOne({"_id": thread_id}, {"$set": {"withdrawn": True}}, upsert=True))


def redact(uow: UnitOfWork, versions: Mapping[str, int]) -> None:
    """Remove what is quoted of these items from every inbox, for good, and know that they were redacted, each
    at which version of its thread. A title is not kept in any inbox."""
    for item_id, version in versions.items():
        uow.write(HIDDEN, UpdateOne({"_id": item_id}, {"$max": {"redacted": version}}, upsert=True))
    query = {"names": {"$exists": True}, "names.item_id": {"$in": list(versions)}}
    quoting: list[Mapping[str, Any]] = [
        {"each.item_id": {"$in": list(versions)}, "each.titled": False, "each.words": {"$ne": ""}}
    ]
    uow.write(ITEMS, UpdateMany(query, {"$set": {"names.$[each].words": REDACTED}}, array_filters=quoting))


def project_anonymous(uow: UnitOfWork, thread_id: str) -> None:
    """The author of a problem is not named. That never changes, so it needs no version."""
    uow.write(THREADS, UpdateOne({"_id": thread_id}, {"$set": {"anonymous": True}}, upsert=True))


def project_hidden(uow: UnitOfWork, item_id: str, version: int, *, hidden: bool) -> None:
    """Moderators hid something, or showed it again."""
    uow.write(HIDDEN, apply_version(item_id, version, {"hidden": hidden}))


async def load_moderated(uow: UnitOfWork, item_ids: Iterable[str]) -> tuple[set[str], dict[str, int]]:
    """What is hidden of these; and of those that were redacted, at which version of their thread last."""
    rows = await uow.find(HIDDEN, {"_id": {"$in": list(item_ids)}})
    hidden = {row["_id"] for row in rows if row.get("hidden")}
    return hidden, {row["_id"]: row["redacted"] for row in rows if "redacted" in row}


def project_community(uow: UnitOfWork, community_id: str, version: int, name: str) -> None:
    """What a community is called."""
    uow.write(COMMUNITIES, apply_version(community_id, version, {"name": name}))


# -- reads ---------------------------------------------------------------------------------------------


async def _shown(
    database: Database,
    member_id: str,
    query: Document,
    *stages: Document,
    order: int = 1,
    within: UnitOfWork | None = None,
) -> list[Document]:
    """What ``stages`` make of those of a member's items that they may see now, in the ``order`` of their seq.

    They see what happened in the communities that they belong to, or in none, and what is the affair of their
    organisation, or of none; nothing about what is hidden. Of what an item names or quotes (``names``) they
    see, by the same rules, what is in ``shown``: an item that tells of nothing else is left out with it.
    """
    session = within.session if within else None
    active = [{"$match": {"active": True}}]
    reader = database[RECIPIENTS].aggregate(
        [
            {"$match": {"_id": member_id}},
            _along(MEMBERSHIPS, "_id", "memberships", active, foreign="member_id"),
            _along(PEOPLE, "_id", "people"),
        ],
        session=session,
    )
    communities: list[str] = []
    orgs: list[str | None] = [None]
    async for row in reader:
        communities = [each["community_id"] for each in row["memberships"]]
        orgs += [each["org_id"] for each in row["people"] if each.get("org_id")]
    visible = {"community_id": {"$in": [None, *communities]}, "org_id": {"$in": orgs}}
    found = [{"$match": {**query, **visible}}, {"$sort": {"_id": order}}]
    pipeline = [*found, *_looked_up(communities), *stages]
    shown: list[Document] = await database[ITEMS].aggregate(pipeline, session=session).to_list(length=None)
    return shown


def _looked_up(communities: Sequence[str]) -> list[Document]:
    """The stages that leave out what is hidden, and tell what of the names is to be ``shown``."""
    tells_of = {"$concatArrays": [["$thread_id", "$subject_id"], {"$ifNull": ["$names.item_id", []]}]}
    gone: list[Document] = [{"$match": {"$or": [{"hidden": True}, {"withdrawn": True}]}}]
    hidden = {"$filter": {"input": "$gone", "cond": {"$eq": ["$$this.hidden", True]}}}
    about = {"$setIntersection": [["$thread_id", "$subject_id"], "$hidden._id"]}
    seen = {"$and": [
        {"$in": ["$$this.community_id", communities]},
        {"$not": {"$in": ["$$this.item_id", {"$cond": ["$$this.titled", "$gone._id", "$hidden._id"]}]}},
    ]}  # fmt: skip
    return [
        {"$set": {"tells_of": tells_of}},
        _along(HIDDEN, "tells_of", "gone", gone),
        {"$set": {"hidden": hidden}},
        {"$match": {"$expr": {"$eq": [about, []]}}},
        {"$set": {"shown": {"$filter": {"input": {"$ifNull": ["$names", []]}, "cond": seen}}}},
        {"$match": {"$or": [{"names": None}, {"note": {"$ne": None}}, {"shown": {"$ne": []}}]}},
    ]


def _along(
    collection: str, field: str, name: str, pipeline: Sequence[Document] = (), foreign: str = "_id"
) -> Document:
    """The stage that reads along what has the ids in ``field``."""
    found = {"from": collection, "localField": field, "foreignField": foreign}
    return {"$lookup": {**found, "pipeline": list(pipeline), "as": name}}


async def _items(
    database: Database, rows: Sequence[Document], within: UnitOfWork | None = None
) -> list[Item]:
    """The items that ``_shown`` found, with the titles that hold now."""
    ids = {each for row in rows for each in row["tells_of"] if each}
    query = {"_id": {"$in": list(ids)}, "title": {"$exists": True}}
    session = within.session if within else None
    titles = {row["_id"]: row["title"] async for row in database[THREADS].find(query, session=session)}
    return [_item(row, titles) for row in rows]


async def _page(
    database: Database, member_id: str, query: Document, order: int, limit: int
) -> list[tuple[Item, str | None]]:
    """A page of a member's items, with the actors' names."""
    actor = _along(PEOPLE, "actor_id", "actor")
    rows = await _shown(database, member_id, query, {"$limit": limit}, actor, order=order)
    items = await _items(database, rows)
    return [(item, _name(row)) for item, row in zip(items, rows, strict=True)]


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
    place = _between(member_id, 0, _NO_SEQ if before is None else before)
    return await _page(database, member_id, {"_id": place, **_STATES[state]}, -1, limit)


async def since(database: Database, member_id: str, after: int, limit: int) -> list[tuple[Item, str | None]]:
    """A member's items that they may see, with the actors' names, oldest first, after the seq ``after``."""
    return await _page(database, member_id, {"_id": _between(member_id, after), **_STATES["all"]}, 1, limit)


async def count_unread(database: Database, member_id: str) -> int:
    """How many unread items a member may see."""
    query = {"_id": _between(member_id, 0), **_STATES["unread"]}
    return sum(row["unread"] for row in await _shown(database, member_id, query, {"$count": "unread"}))


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
