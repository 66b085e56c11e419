"""The inbox: which events a service has handled, known in the same transaction as their effects.

A document holds the ids of all the events of one transaction: a fifth of the cost of a document for each.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from shared.storage import Database, Index, UnitOfWork

INBOX = "inbox"
INDEXES = {
    INBOX: [
        # Unique across documents: of two transactions that handle the same event at once, one is rerun.
        Index([("ids", 1)], unique=True),
        # Longer than any topic's retention: what can be delivered again is still known.
        Index([("at", 1)], expire_after_seconds=int(timedelta(days=30).total_seconds())),
    ]
}


async def handled(source: UnitOfWork | Database, ids: Collection[str]) -> set[str]:
    """Those of the event ``ids`` that were handled: as this unit of work sees it, or as it is now."""
    wanted = list(ids)
    query = {"ids": {"$in": wanted}}
    those = {"ids": {"$setIntersection": ["$ids", {"$literal": wanted}]}}
    if isinstance(source, UnitOfWork):
        rows = await source.find(INBOX, query, those)
    else:
        rows = await source[INBOX].find(query, those).to_list(length=None)
    return {event_id for row in rows for event_id in row["ids"]}


def note(uow: UnitOfWork, ids: Collection[str]) -> None:
    """Note that the events ``ids`` are handled once this unit commits."""
    uow.insert(INBOX, [{"ids": list(ids), "at": uow.now}])
