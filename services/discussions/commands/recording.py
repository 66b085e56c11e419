"""Everything that happens in discussions is recorded here: as an event, and in the thread's timeline."""

from __future__ import annotations

from datetime import datetime

from services.discussions import store
from services.discussions.domain import timeline
from shared.contracts.discussions import ThreadEvent
from shared.storage import UnitOfWork


def record(uow: UnitOfWork, event: ThreadEvent, at: datetime | None = None) -> None:
    """Publish ``event`` when this unit commits; ``at`` is when it happened, in an import."""
    uow.record(event, at)
    store.timeline.add_entry(uow, timeline.entry(event, at or uow.now))
