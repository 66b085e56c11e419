"""A member's inbox: what may enter it, and what becomes of an item in it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict

from services.notifications.domain.routing.draft import Draft, Named
from shared.contracts.notifications import (
    NotificationDelivered,
    NotificationDeliveredV2,
    NotificationKind,
    NotificationRead,
    NotificationSuppressed,
    NotificationSuppressedV2,
    ThreadKind,
)

REDACTED = "[redacted]"
"""What stands in the place of a title, or of words, that were removed for good."""


class Item(BaseModel):
    """A notification in somebody's inbox.

    ``seq`` is its place among everything published about its recipient: it grows with each, and with gaps.
    """

    model_config = ConfigDict(frozen=True)

    notification_id: str
    member_id: str
    seq: int
    kind: NotificationKind
    thread_id: str | None
    community_id: str | None
    actor_id: str | None = None
    """Nobody where they are not to be named, or where nobody did it."""
    title: str
    subject_id: str
    note: str | None = None
    """All the words that came with it, but for those that name what the member may not see now."""
    about: str | None = None
    at: datetime
    unread: bool = False
    archived: bool = False


def note(words: str | None, names: Iterable[Named], titles: Mapping[str, str]) -> str | None:
    """A notification's note as it reads now: the ``names`` that may be seen, then its own ``words``.

    ``titles`` has what the threads are called now.
    """
    named = [
        each.words if each.title is None else titles.get(each.item_id or "", each.title) + each.words
        for each in names
    ]
    return "; ".join(part for part in (*named, words) if part) or None


def without_redacted(draft: Draft, redacted: Mapping[str, int]) -> Draft:
    """``draft`` without what it quotes of texts that were redacted since: it may come late.

    ``redacted`` has by item the thread's version at which something was removed from it last.
    """
    if not draft.names or not redacted:
        return draft
    names = [
        each._replace(words=REDACTED)
        if each.title is None and each.words and redacted.get(each.item_id or "", 0) > each.version
        else each
        for each in draft.names
    ]
    return draft._replace(names=tuple(names))


def held_back(
    draft: Draft, member: bool | None, muted: Container[str], hidden: Container[str] = ()
) -> str | None:
    """The rule that keeps ``draft`` from its recipient; nothing if none does.

    ``member`` says whether they belong to the community, or are of the organisation; None where it is about
    neither, and where this service has not heard of them in it. Somebody whose work it is about was a member
    when they wrote it, so we only have not caught up: the item is delivered, and hidden until we have. A
    mention may name anybody.
    ``hidden`` has what moderators hid.
    """
    if member is False:
        return "no-longer-a-member"
    if member is None and draft.kind == "mention":
        return "not-a-member"
    if draft.subject_id in hidden or draft.thread_id in hidden:
        return "hidden-content"
    if draft.names and draft.note is None and all(each.item_id in hidden for each in draft.names):
        return "hidden-content"  # there is nothing else that it tells
    if (draft.thread_id or draft.subject_id) in muted:
        return "muted-thread" if draft.thread_id else "muted-subject"
    return None


_FIRST_VERSION = frozenset(get_args(ThreadKind))
"""The kinds that the first version of the events is about; it is closed, and consumers rely on that."""


def delivered(
    draft: Draft, notification_id: str, seq: int, rule: str
) -> NotificationDelivered | NotificationDeliveredV2:
    """The event that says that ``draft`` is in its recipient's inbox."""
    about = _about(draft, notification_id, seq, rule)
    if draft.kind in _FIRST_VERSION:
        return NotificationDelivered(**about)
    return NotificationDeliveredV2(**about, subject_id=draft.subject_id)


def suppressed(
    draft: Draft, notification_id: str, seq: int, rule: str
) -> NotificationSuppressed | NotificationSuppressedV2:
    """The event that says that ``rule`` held ``draft`` back."""
    about = _about(draft, notification_id, seq, rule)
    if draft.kind in _FIRST_VERSION:
        return NotificationSuppressed(**about)
    return NotificationSuppressedV2(**about, subject_id=draft.subject_id)


def _about(draft: Draft, notification_id: str, seq: int, rule: str) -> dict[str, Any]:
    return {
        "member_id": draft.recipient_id,
        "version": seq,
        "notification_id": notification_id,
        "kind": draft.kind,
        "thread_id": draft.thread_id,
        "community_id": draft.community_id,
        "rule": rule,
    }


def read(item: Item, seq: int) -> NotificationRead:
    """The event that says that the recipient has read ``item``; ``seq`` is their next place."""
    return NotificationRead(
        member_id=item.member_id,
        version=seq,
        notification_id=item.notification_id,
        community_id=item.community_id,
    )
