"""Everything that happens in discussions is recorded here."""

from __future__ import annotations

from datetime import datetime

from shared.contracts.discussions import ThreadEvent
from shared.storage import UnitOfWork


def record(uow: UnitOfWork, event: ThreadEvent, at: datetime | None = None) -> None:
    """Publish ``event`` when this unit commits; ``at`` is when it happened, in an import."""
    uow.record(event, at)
