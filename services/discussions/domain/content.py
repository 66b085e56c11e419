"""What is written to be read and used: case studies and resources live the same life."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal, Self

from services.discussions.domain.access import Participant, require_author_or_curator
from services.discussions.domain.thread import Thread
from shared.contracts.content import ContentEvent
from shared.errors import BadInput, Conflict, NotFound

ContentState = Literal["draft", "published", "outdated", "archived"]
Command = Literal["edit", "publish", "outdate", "archive"]

TRANSITIONS: Mapping[ContentState, Mapping[Command, ContentState]] = {
    "draft": {"edit": "draft", "publish": "published"},
    "published": {"edit": "published", "outdate": "outdated", "archive": "archived"},
    "outdated": {"edit": "outdated", "publish": "published", "archive": "archived"},
    "archived": {},
}
"""What leads where. What is outdated is published again when it has been brought up to date."""


class Content(Thread):
    """A case study or a resource. A draft has no events: its version is 0."""

    called: ClassVar[str]
    """What people call one of this kind."""

    state: ContentState = "draft"
    draft: bool = True
    reason: str = ""
    """Why it is outdated, where it is."""
    reused: int = 0
    """How many members said that they used it."""

    @classmethod
    def none(cls) -> NotFound:
        """Also for one that exists, but not for the one who asks."""
        return NotFound(
            f"no-such-{cls.model_fields['kind'].default}",
            f"There is no such {cls.called}.",
            fix="Check its id.",
        )

    @abstractmethod
    def missing(self) -> str | None:
        """The field without which it cannot be published, where there is one."""

    @abstractmethod
    def told(self, editor_id: str) -> ContentEvent:
        """The event that tells what it is now."""

    def edit(self, actor: Participant, now: datetime, **fields: object) -> tuple[Self, ContentEvent | None]:
        """Edit its text, whole; a draft's goes untold."""
        changes = {**fields, "revision": self.revision + 1, "updated_at": now}
        return self._moved("edit", actor, "edit", changes)

    def publish(self, actor: Participant, now: datetime) -> tuple[Self, ContentEvent | None]:
        """Show a draft to the community, or say that what was outdated is up to date again."""
        first = {"posted_at": now, "updated_at": now, "draft": False} if self.draft else {}
        return self._moved("publish", actor, "publish", {**first, "reason": ""})

    def outdate(self, actor: Participant, reason: str) -> tuple[Self, ContentEvent | None]:
        """Say that it no longer holds, and why."""
        return self._moved("outdate", actor, "mark this as outdated", {"reason": reason})

    def archive(self, actor: Participant) -> tuple[Self, ContentEvent | None]:
        """Put it away: it can still be read, and is in no list but that of the archived ones."""
        return self._moved("archive", actor, "archive", {})

    def require_discardable(self) -> None:
        """Only a draft leaves nothing behind."""
        if self.state != "draft":
            raise Conflict("not-a-draft", "Only a draft can be thrown away.", fix="Archive it instead.")

    def _moved(
        self, command: Command, actor: Participant, what: str, changes: Mapping[str, object]
    ) -> tuple[Self, ContentEvent | None]:
        require_author_or_curator(actor, self.author_id, f"{what} this {self.called}")
        following = TRANSITIONS[self.state].get(command)
        if following is None:
            raise Conflict("wrong-content-state", f"What is {self.state} cannot be told to {command}.")
        if following == "draft":
            return self.model_copy(update=dict(changes)), None
        after = self.then(**changes, state=following)
        if field := after.missing():
            raise BadInput(
                "incomplete",
                f"Without its {field} this {self.called} cannot be published.",
                field=f"/{field}",
                fix="Write it first.",
            )
        return after, after.told(actor.member_id)
