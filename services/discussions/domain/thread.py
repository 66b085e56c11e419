"""A thread: a problem, its state, and the version that orders everything that descends from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant, require_author_or_curator
from shared.contracts.discussions import (
    CommentAdded,
    ItemKind,
    LinkKind,
    ProblemLinked,
    ProblemPosted,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
)
from shared.errors import BadInput, Conflict

ProblemState = Literal["open", "answered", "resolved", "reopened", "duplicate"]


class Link(BaseModel):
    """This problem's relation to another."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    target_id: str


class Thread(BaseModel):
    """A problem. ``version`` counts all events of the thread, ``revision`` the edits of its text."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    version: int
    community_id: str
    author_id: str
    title: str
    body: str
    tags: list[str]
    revision: int = 1
    state: ProblemState = "open"
    solutions: int = 0
    accepted_id: str | None = None
    links: list[Link] = []
    imported_score: int | None = None
    posted_at: datetime
    updated_at: datetime

    def then(self, **changes: object) -> Thread:
        """The thread after one more event."""
        return self.model_copy(update={"version": self.version + 1, **changes})


def post(
    thread_id: str,
    author: Participant,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    now: datetime,
    imported_score: int | None = None,
) -> tuple[Thread, ProblemPosted]:
    """A member posts a problem."""
    thread = Thread(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        imported_score=imported_score,
        posted_at=now,
        updated_at=now,
    )
    return thread, ProblemPosted(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        imported_score=imported_score,
    )


def edit(
    thread: Thread, editor_id: str, *, title: str, body: str, tags: Sequence[str], now: datetime
) -> tuple[Thread, ProblemUpdated]:
    """Edit the problem's text and tags, whole."""
    thread = thread.then(
        title=title, body=body, tags=list(tags), revision=thread.revision + 1, updated_at=now
    )
    return thread, ProblemUpdated(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        author_id=thread.author_id,
        editor_id=editor_id,
        title=title,
        body=body,
        tags=list(tags),
    )


def resolve(thread: Thread, actor: Participant) -> tuple[Thread, ProblemResolved]:
    """The problem is resolved: open, answered and reopened ones can be."""
    require_author_or_curator(actor, thread.author_id, "resolve this problem")
    if thread.state in ("resolved", "duplicate"):
        raise Conflict("already-closed", f"This problem is {thread.state} already.")
    thread = thread.then(state="resolved")
    return thread, ProblemResolved(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        author_id=thread.author_id,
        resolved_by=actor.member_id,
    )


def reopen(thread: Thread, actor: Participant) -> tuple[Thread, ProblemReopened]:
    """A resolved problem turned out not to be."""
    require_author_or_curator(actor, thread.author_id, "reopen this problem")
    if thread.state not in ("resolved", "duplicate"):
        raise Conflict("not-resolved", f"Only a closed problem can be reopened; this one is {thread.state}.")
    related = [link for link in thread.links if link.kind != "duplicate"]
    thread = thread.then(state="reopened", links=related)
    return thread, ProblemReopened(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        author_id=thread.author_id,
        reopened_by=actor.member_id,
    )


def link(
    thread: Thread, linked_by: str | None, kind: LinkKind, target: Thread
) -> tuple[Thread, ProblemLinked]:
    """Say that another problem is related, or that this one is its duplicate.

    What is a duplicate has no duplicates itself: following them always ends.
    """
    target_id = target.thread_id
    if target_id == thread.thread_id:
        raise BadInput(
            "link-to-itself", "A problem cannot be linked to itself.", field="/target_id", fix="Name another."
        )
    new = Link(kind=kind, target_id=target_id)
    if new in thread.links:
        raise Conflict("already-linked", "These problems are linked so already.")
    if kind == "duplicate" and target.state == "duplicate":
        raise Conflict(
            "target-is-a-duplicate",
            "The other problem is a duplicate itself.",
            fix="Link to the one that it duplicates.",
        )
    state = "duplicate" if kind == "duplicate" else thread.state
    thread = thread.then(links=[*thread.links, new], state=state)
    return thread, ProblemLinked(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        kind=kind,
        target_thread_id=target_id,
        linked_by=linked_by,
    )


class Comment(BaseModel):
    """A perspective on a problem, a solution or another comment."""

    model_config = ConfigDict(frozen=True)

    comment_id: str
    thread_id: str
    community_id: str
    item_kind: ItemKind
    item_id: str
    author_id: str
    body: str
    mentions: list[str] = []
    at: datetime


def comment(
    thread: Thread,
    author: Participant,
    comment_id: str,
    *,
    item_kind: ItemKind,
    item_id: str,
    item_author_id: str,
    body: str,
    mentions: Sequence[str],
    now: datetime,
) -> tuple[Thread, Comment, CommentAdded]:
    """A member adds a perspective."""
    thread = thread.then()
    added = Comment(
        comment_id=comment_id,
        thread_id=thread.thread_id,
        community_id=thread.community_id,
        item_kind=item_kind,
        item_id=item_id,
        author_id=author.member_id,
        body=body,
        mentions=list(mentions),
        at=now,
    )
    return (
        thread,
        added,
        CommentAdded(
            thread_id=thread.thread_id,
            version=thread.version,
            community_id=thread.community_id,
            comment_id=comment_id,
            author_id=author.member_id,
            item_kind=item_kind,
            item_id=item_id,
            item_author_id=item_author_id,
            mentions=list(mentions),
            problem_title=thread.title,
            body=body,
        ),
    )
