"""A thread: what a community talks about, and the version that orders everything that descends from it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

ThreadKind = Literal["problem"]


class Thread(BaseModel):
    """What all kinds of threads have. ``version`` counts all events of the thread, ``revision`` the edits of
    its text."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    kind: ThreadKind
    version: int
    community_id: str
    author_id: str
    title: str
    body: str
    tags: list[str]
    revision: int = 1
    posted_at: datetime
    updated_at: datetime
    anonymous: bool = False
    """Only stewards see whose it is."""

    def then(self, **changes: object) -> Self:
        """The thread after one more event."""
        return self.model_copy(update={"version": self.version + 1, **changes})
