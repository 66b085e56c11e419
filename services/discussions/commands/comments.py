"""Commenting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.discussions import store
from services.discussions.commands import access
from services.discussions.commands.recording import record
from services.discussions.domain import comment as comments
from services.discussions.domain.comment import Comment
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import ItemKind
from shared.errors import BadInput, NotFound
from shared.storage import UnitOfWork


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
    """Comment on the problem, one of its solutions, or one of its comments."""
    thread, author = await access.thread(uow, author_id, thread_id)
    item_author = await _author_of(uow, thread, item_kind, item_id)
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
        item_kind=item_kind,
        item_id=item_id,
        item_author_id=item_author,
        body=body,
        mentions=list(dict.fromkeys(mentions)),
        now=at or uow.now,
    )
    store.threads.save_thread(uow, thread)
    store.comments.save_comment(uow, added)
    store.access.note_contribution(uow, author)
    record(uow, event, at)
    return added


async def _author_of(uow: UnitOfWork, thread: Thread, kind: ItemKind, item_id: str) -> str:
    if kind == "problem" and item_id == thread.thread_id:
        return thread.author_id
    if kind == "solution":
        solution = await store.solutions.load_solution(uow, item_id)
        if solution is not None and solution.thread_id == thread.thread_id:
            return solution.author_id
    if kind == "comment":
        commented = await store.comments.load_comment(uow, item_id)
        if commented is not None and commented.thread_id == thread.thread_id:
            return commented.author_id
    raise NotFound(
        "no-such-item", f"There is no such {kind} in this thread.", field="/item_id", fix="Check its id."
    )
