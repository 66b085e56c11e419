"""A thread: what a community talks about, and the version that orders everything that descends from it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from services.discussions.domain.access import Reader
from services.discussions.domain.item import Item, Said

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
    locked: bool = False
    """Nobody but curators adds to it."""
    posted_at: datetime
    updated_at: datetime

    def visible_to(self, reader: Reader) -> bool:
        """Whether a member of its community may see it: a draft is its author's alone."""
        return super().visible_to(reader) and (not self.draft or reader.member_id == self.author_id)

    def said(self) -> Said | None:
        """What search is to find it by, if its kind is known here: only then is its state."""
        state = getattr(self, "state", None)
        if state is None or self.draft:
            return None
        author_id = None if self.anonymous else self.author_id
        return Said(
            self.kind, self.thread_id, self.thread_id, self.community_id, author_id, self.posted_at,
            self.title, self.body, self.tags, state,
        )  # fmt: skip

    def then(self, **changes: object) -> Self:
        """The thread after one more event."""
        return self.model_copy(update={"version": self.version + 1, **changes})
