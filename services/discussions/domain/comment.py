"""A comment: a perspective on a thread, or on anything in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from services.discussions.domain.access import Participant
from services.discussions.domain.item import Item, Said, Target
from services.discussions.domain.limits import COMMENT_DEPTH
from services.discussions.domain.moderation import require_unlocked
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import CommentAdded, CommentedKind, ContentRedacted, ItemKind
from shared.errors import Conflict, Forbidden


class Comment(Item):
    """A perspective. ``revision`` counts its texts; a removed one has none, and keeps its place."""

    comment_id: str
    thread_id: str
    community_id: str
    item_kind: ItemKind
    item_id: str
    within: list[str] = Field(default_factory=list)
    """What it hangs on beside the thread, the outermost first: a solution, the comments above it."""
    depth: int = 1
    body: str
    mentions: list[str] = Field(default_factory=list)
    revision: int = 1
    removed: bool = False
    at: datetime
    edited_at: datetime | None = None

    def said(self) -> Said | None:
        """What search is to find it by; what was removed is not found."""
        if self.removed:
            return None
        author_id = None if self.anonymous else self.author_id
        return Said(
            "comment", self.comment_id, self.thread_id, self.community_id, author_id, self.at,
            "", self.body, (), "",
        )  # fmt: skip


_TOLD: dict[ItemKind, CommentedKind] = {
    "solution": "solution",
    "adaptation": "solution",
    "comment": "comment",
}
"""What item kinds are called in the event; the threads of every kind are `problem`."""


def comment(
    thread: Thread,
    author: Participant,
    comment_id: str,
    on: Target,
    *,
    body: str,
    mentions: Sequence[str],
    now: datetime,
) -> tuple[Thread, Comment, CommentAdded]:
    """A member adds a perspective."""
    require_unlocked(thread, author)
    if on.gone:
        raise Conflict("comment-removed", "This comment was removed.", fix="Comment on what it was about.")
    if on.depth >= COMMENT_DEPTH:
        raise Conflict(
            "too-deep",
            f"Replies go {COMMENT_DEPTH} deep, and no deeper.",
            fix="Reply to the comment above this one.",
        )
    thread = thread.then()
    added = Comment(
        comment_id=comment_id,
        thread_id=thread.thread_id,
        community_id=thread.community_id,
        item_kind=on.kind,
        item_id=on.item_id,
        within=list(on.within),
        depth=on.depth + 1,
        author_id=author.member_id,
        hidden=list(on.hidden),
        anonymous=thread.anonymous and author.member_id == thread.author_id,
        body=body,
        mentions=list(mentions),
        at=now,
    )
    event = CommentAdded(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        comment_id=comment_id,
        author_id=author.member_id,
        item_kind=_TOLD.get(on.kind, "problem"),
        item_id=on.item_id,
        about_kind=on.kind,
        item_author_id=on.author_id,
        mentions=list(mentions),
        problem_title=thread.title,
        body=body,
    )
    return thread, added, event


def edit(comment: Comment, editor: Participant, body: str, now: datetime) -> Comment:
    """Its author says it otherwise."""
    _require_own(comment, editor, "edit")
    return comment.model_copy(update={"body": body, "revision": comment.revision + 1, "edited_at": now})


def remove(
    thread: Thread, comment: Comment, author: Participant, now: datetime
) -> tuple[Thread, Comment, ContentRedacted]:
    """Its author takes it back. What was replied to it stays, and so does its place."""
    _require_own(comment, author, "remove")
    thread = thread.then()
    event = ContentRedacted(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        item_kind="comment",
        item_id=comment.comment_id,
        item_author_id=comment.author_id,
        redacted_by=author.member_id,
        whole=True,
    )
    return thread, _emptied(comment, now), event


def _emptied(comment: Comment, now: datetime) -> Comment:
    return comment.model_copy(
        update={
            "body": "",
            "mentions": [],
            "removed": True,
            "revision": comment.revision + 1,
            "edited_at": now,
        }
    )


def _require_own(comment: Comment, member: Participant, what: str) -> None:
    if comment.author_id != member.member_id:
        raise Forbidden("not-yours", f"Only its author may {what} a comment.", fix="Reply to it, or flag it.")
    if comment.removed:
        raise Conflict("comment-removed", "This comment was removed.")
