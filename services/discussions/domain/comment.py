"""A comment: a perspective on a problem, a solution or another comment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import (
    CommentAdded,
    ItemKind,
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
