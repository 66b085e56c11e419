"""A thread's timeline: what happened to it, one entry for each of its events."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.discussions import ContentFlagged, ThreadEvent


class Entry(BaseModel):
    """Something that happened. ``version`` is its place in the thread, from 1 and without gaps."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    community_id: str
    version: int
    event: str
    at: datetime
    actor_id: str | None
    """Nobody where time did it, and in an import that does not know."""
    item_id: str
    """What it happened to: the thread, a solution, a comment ..."""
    revision: int | None
    """Which text of it is meant, where that matters."""
    curators: bool = False
    """For curators alone: who flagged what, and what was hidden."""


def entry(event: ThreadEvent, at: datetime) -> Entry:
    """The entry for ``event``, which happened at ``at``: who, when and to what, but no text."""
    return Entry(
        thread_id=event.thread_id,
        community_id=event.community_id,
        version=event.version,
        event=event.event_name,
        at=at,
        actor_id=None if event.actor is None else getattr(event, event.actor),
        item_id=getattr(event, event.item),
        revision=getattr(event, "revision", None),
        curators=isinstance(event, ContentFlagged) and event.change not in ("locked", "unlocked"),
    )
