"""A thread: what a community talks about, and the version that orders everything that descends from it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from services.discussions.domain.access import Reader
from services.discussions.domain.item import Item

ThreadKind = Literal["problem", "case-study", "resource", "benchmark", "gathering"]


class Thread(Item):
    """What all kinds of threads have. ``version`` counts all events of the thread, ``revision`` the edits of
    its text."""

    thread_id: str
    kind: ThreadKind
    version: int
    community_id: str
    title: str
    body: str
    tags: list[str]
    revision: int = 1
    draft: bool = False
    """Not shown to anybody but its author yet, and nothing of it published."""
    posted_at: datetime
    updated_at: datetime
    anonymous: bool = False
    """Only stewards see whose it is."""

    def visible_to(self, reader: Reader) -> bool:
        """Whether a member of its community may see it: a draft is its author's alone."""
        return super().visible_to(reader) and (not self.draft or reader.member_id == self.author_id)

    def then(self, **changes: object) -> Self:
        """The thread after one more event."""
        return self.model_copy(update={"version": self.version + 1, **changes})
