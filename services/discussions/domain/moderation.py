"""Moderation: members flag, curators decide; everything that they do is in a log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Community, Participant, Reader
from services.discussions.domain.item import Target
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import ContentFlagged, ContentRedacted, FlagChange, ItemKind
from shared.errors import BadInput, Conflict, Forbidden

FlagReason = Literal["spam", "abusive", "personal-data", "off-topic", "wrong", "other"]
FlagState = Literal["open", "dismissed", "upheld"]
FlagCommand = Literal["dismiss", "uphold"]
Marking = Literal["dismiss", "hide", "show", "lock", "unlock"]
Action = Literal["dismiss", "hide", "show", "lock", "unlock", "redact"]

TRANSITIONS: Mapping[FlagState, Mapping[FlagCommand, FlagState]] = {
    "open": {"dismiss": "dismissed", "uphold": "upheld"},
    "dismissed": {},
    "upheld": {},
}
"""What becomes of a flag: a curator finds nothing wrong, or hides or redacts what was flagged."""

UPHOLDS: frozenset[Action] = frozenset({"hide", "redact"})
"""The actions that answer the flags on an item."""
REDACTED = "[redacted]"
_DAY = timedelta(days=1)
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)


class Flag(BaseModel):
    """A member says that something is wrong with an item. One of each member on an item."""

    model_config = ConfigDict(frozen=True)

    flag_id: str
    thread_id: str
    community_id: str
    item_kind: ItemKind
    item_id: str
    flagged_by: str
    reason: FlagReason
    note: str
    state: FlagState = "open"
    at: datetime


class Logged(BaseModel):
    """Something that a curator did."""

    model_config = ConfigDict(frozen=True)

    log_id: str
    thread_id: str
    community_id: str
    item_kind: ItemKind
    item_id: str
    action: Action
    reason: str
    by: str
    at: datetime


def require_curator(actor: Reader) -> None:
    """Raise ``Forbidden`` for whoever does not look after what others write."""
    if not actor.curates:
        raise Forbidden(
            "curators-only", "Only facilitators and stewards moderate.", fix="Flag it: they will look at it."
        )


def flag(
    thread: Thread,
    target: Target,
    member: Participant,
    flag_id: str,
    reason: FlagReason,
    note: str,
    now: datetime,
) -> tuple[Thread, Flag, ContentFlagged]:
    """A member flags an item."""
    if target.author_id == member.member_id:
        raise Forbidden("own-work", "Nobody flags what they wrote.", fix="Edit or remove it.")
    if target.gone:
        raise Conflict("comment-removed", "This comment was removed.")
    thread = thread.then()
    flagged = Flag(
        flag_id=flag_id,
        thread_id=thread.thread_id,
        community_id=thread.community_id,
        item_kind=target.kind,
        item_id=target.item_id,
        flagged_by=member.member_id,
        reason=reason,
        note=note,
        at=now,
    )
    return thread, flagged, _event(thread, target, "flagged", member, reason, hidden=bool(target.hidden))


_CHANGES: Mapping[Marking, FlagChange] = {
    "dismiss": "dismissed",
    "hide": "hidden",
    "show": "shown",
    "lock": "locked",
    "unlock": "unlocked",
}


def act(
    thread: Thread, target: Target, curator: Participant, action: Marking, reason: str, *, flags: int
) -> tuple[Thread, ContentFlagged]:
    """A curator acts on an item with so many open ``flags``; what changes of the item is its keeper's."""
    require_curator(curator)
    own = target.item_id in target.hidden
    if action in ("lock", "unlock"):
        if target.item_id != thread.thread_id:
            raise BadInput(
                "not-a-thread", "Only a whole thread is locked.", field="/item_id", fix="Name the thread."
            )
        if thread.locked == (action == "lock"):
            raise Conflict("locked-so-already", f"This thread is {action}ed already.")
        thread = thread.then(locked=action == "lock")
    else:
        if (action == "hide" and own) or (action == "show" and not own):
            raise Conflict("hidden-so-already", f"There is nothing to {action}: it is so already.")
        if action == "dismiss" and not flags:
            raise Conflict("nothing-flagged", "No open flag is on this.")
        thread = thread.then()
    hidden = action == "hide" or bool(set(target.hidden) - ({target.item_id} if action == "show" else set()))
    return thread, _event(thread, target, _CHANGES[action], curator, reason, hidden=hidden)


def redacted(
    thread: Thread, target: Target, curator: Participant, *, whole: bool
) -> tuple[Thread, ContentRedacted]:
    """A curator redacts a text, or a part of it."""
    require_curator(curator)
    thread = thread.then()
    return thread, ContentRedacted(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        item_kind=target.kind,
        item_id=target.item_id,
        item_author_id=target.author_id,
        redacted_by=curator.member_id,
        whole=whole,
    )


_TEXTS = frozenset(
    [
        *("title", "body", "note", "notes", "text", "reason", "context", "size", "constraints", "culture"),
        *("tried", "situation", "action", "outcome", "lessons", "organisation", "substance", "place"),
        *("reasons", "outcome_note"),
    ]
)
"""The fields that people write into."""


def without(fields: Mapping[str, Any], passage: str | None) -> dict[str, Any]:
    """The fields with ``passage`` (all of the text where it is None) taken out of what people wrote."""
    return {name: _without(value, passage) if name in _TEXTS else value for name, value in fields.items()}


def _without(value: Any, passage: str | None) -> Any:
    match value:
        case str():
            return (REDACTED if value else value) if passage is None else value.replace(passage, REDACTED)
        case dict():
            return without(value, passage)
        case _:
            return value


def no_such_passage() -> BadInput:
    """The passage is in none of the texts."""
    return BadInput(
        "passage-not-found",
        "The text does not have this passage.",
        field="/passage",
        fix="Copy it exactly.",
    )


def admit(author: Participant, community: Community, texts: Sequence[str], now: datetime) -> None:
    """Raise ``Forbidden`` where somebody new posts too much in a day, or too many links at once."""
    rules = community.rules
    if author.curates or now - author.joined_at >= timedelta(days=rules.newcomer_days):
        return
    if sum(len(_LINK.findall(text)) for text in texts) > rules.newcomer_links:
        raise Forbidden(
            "too-many-links",
            f"In the first {rules.newcomer_days} days a post has at most {rules.newcomer_links} links.",
            fix="Name the most important ones.",
        )
    if sum(now - _DAY < at <= now for at in author.posted_at) >= rules.newcomer_posts_a_day:
        raise Forbidden(
            "daily-limit",
            f"In the first {rules.newcomer_days} days one posts {rules.newcomer_posts_a_day} times a day.",
            fix="Wait a day.",
        )


def require_unlocked(thread: Thread, actor: Participant) -> None:
    """Raise ``Conflict`` where curators locked the thread, for everybody but them."""
    if thread.locked and not actor.curates:
        raise Conflict("thread-locked", "This thread is locked.", fix="Ask a facilitator.")


def _event(
    thread: Thread, target: Target, change: FlagChange, by: Participant, reason: str, *, hidden: bool
) -> ContentFlagged:
    return ContentFlagged(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        item_kind=target.kind,
        item_id=target.item_id,
        item_author_id=target.author_id,
        change=change,
        reason=reason,
        changed_by=by.member_id,
        hidden=hidden,
    )
