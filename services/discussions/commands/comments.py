"""Commenting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.discussions import store
from services.discussions.commands import access, posting
from services.discussions.commands.recording import record
from services.discussions.domain import comment as comments
from services.discussions.domain.comment import Comment
from shared.contracts.discussions import ItemKind
from shared.errors import BadInput
from shared.storage import UnitOfWork
from shared.web.mutations import require_version


async def comment(
    uow: UnitOfWork,
    author_id: str,
    comment_id: str,
    thread_id: str,
    *,
    item_kind: ItemKind,
    item_id: str,
    body: str,
    mentions: Sequence[str],
    at: datetime | None = None,
) -> Comment:
    """Comment on a thread, or on anything in it."""
    thread, on, author = await access.item(uow, author_id, thread_id, item_kind, item_id)
    if strangers := sorted(set(mentions) - await store.access.member_ids(uow, thread.community_id, mentions)):
        raise BadInput(
            "mention-unknown",
            f"No member of this community: {', '.join(strangers)[:200]}.",
            field="/mentions",
            fix="Mention members of this community.",
        )
    thread, added, event = comments.comment(
        thread,
        author,
        comment_id,
        on,
        body=body,
        mentions=list(dict.fromkeys(mentions)),
        now=at or uow.now,
    )
    store.threads.save_thread(uow, thread)
    store.comments.save_comment(uow, added)
    await posting.admit(uow, author, body, at=at)
    record(uow, event, at)
    return added


async def edit(uow: UnitOfWork, editor_id: str, comment_id: str, version: int, body: str) -> Comment:
    """Say one's comment otherwise; ``version`` is the revision edited."""
    _, comment, editor = await access.comment(uow, editor_id, comment_id)
    edited = comments.edit(comment, editor, body, uow.now)
    require_version(comment.revision, version)
    store.comments.save_comment(uow, edited)
    return edited


async def remove(uow: UnitOfWork, author_id: str, comment_id: str, version: int) -> Comment:
    """Take one's comment back; ``version`` is its revision."""
    thread, comment, author = await access.comment(uow, author_id, comment_id)
    thread, removed, event = comments.remove(thread, comment, author, uow.now)
    require_version(comment.revision, version)
    store.threads.save_thread(uow, thread)
    store.comments.save_comment(uow, removed)
    record(uow, event)
    return removed
