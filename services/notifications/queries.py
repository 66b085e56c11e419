"""Reads for the API: what is in one's inbox, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime, Field

from services.notifications import store
from services.notifications.domain.inbox import Item
from services.notifications.domain.routing.table import RULES
from shared.contracts.notifications import NotificationKind
from shared.errors import BadRequest
from shared.storage import Database
from shared.web.texts import View

State = Literal["all", "unread", "archived"]


class NotificationView(View):
    """A notification: what happened, why you are told, and how not to be."""

    id: str
    seq: int = Field(description="Its place in your inbox; also its id on the stream. There are gaps.")
    kind: NotificationKind
    text: str = Field(
        description="What happened, in a sentence.",
        examples=["Amal Haddad endorsed your solution to “Permits wait for a signature”"],
    )
    note: str | None = Field(
        description="Words that came with it: why you were asked, what changed. What they name that you may "
        "not see any more is left out."
    )
    reason: str = Field(
        description="Why you are told, in words.", examples=["because you asked this problem"]
    )
    rule: str = Field(description="The rule that chose you; for programs.", examples=["own-problem"])
    mute: str = Field(
        description="How to hear no more of this.", examples=["PUT /v1/inbox/mutes/0198c5a2-7b1e-7c3a-9a51"]
    )
    thread_id: str | None
    community_id: str | None = Field(
        description="The community that you must belong to, to see this; null where none."
    )
    subject_id: str = Field(
        description="What it is about: the ask, the solution, the mentorship, the connection, the community."
    )
    title: str = Field(
        description="The problem's title as it is now, or the community's name; empty where neither."
    )
    actor_id: str | None = Field(
        description="Who did it, or who is suggested; absent where they are not named, or nobody did it."
    )
    actor_name: str | None = Field(description="Where the name is known here, and may be.")
    created_at: AwareDatetime
    read: bool
    archived: bool

    @staticmethod
    def of(item: Item, actor_name: str | None) -> NotificationView:
        """The view of ``item``."""
        rule = RULES[item.kind]
        words = {"actor": actor_name or "Somebody", "title": item.title, "about": item.about}
        return NotificationView(
            id=item.notification_id,
            seq=item.seq,
            kind=item.kind,
            text=rule.text.format_map(words),
            note=item.note,
            reason=rule.reason.format_map(words),
            rule=rule.name,
            mute=f"PUT /v1/inbox/mutes/{item.thread_id or item.subject_id}",
            thread_id=item.thread_id,
            community_id=item.community_id,
            subject_id=item.subject_id,
            title=item.title,
            actor_id=item.actor_id,
            actor_name=actor_name,
            created_at=item.at,
            read=not item.unread,
            archived=item.archived,
        )


async def inbox(
    database: Database, member_id: str, state: State, before: int | None, limit: int
) -> list[NotificationView]:
    """A member's notifications that they may see, newest first, before the seq ``before``."""
    return _views(await store.inbox(database, member_id, state, before, limit))


async def since(database: Database, member_id: str, after: int, limit: int) -> list[NotificationView]:
    """A member's notifications that they may see, oldest first, after the seq ``after``."""
    return _views(await store.since(database, member_id, after, limit))


async def count_unread(database: Database, member_id: str) -> int:
    """How many unread notifications a member may see."""
    return await store.count_unread(database, member_id)


async def mutes(database: Database, member_id: str, after: str, limit: int) -> list[str]:
    """What a member muted: the ids after ``after``, in order."""
    muted = await store.find_mutes(database, member_id)
    return sorted(each for each in muted if each > after)[:limit]


async def starting_point(database: Database, member_id: str, last_event_id: str | None) -> int:
    """The seq after which a member's stream continues: what the client had last, else what is last now.

    Raises ``BadRequest`` for what is no id of this member's stream.
    """
    last = await store.last_seq(database, member_id)
    if last_event_id is None:
        return last
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 12):
        raise _bad_last_event_id("must be a number")
    if (after := int(last_event_id)) > last:
        raise _bad_last_event_id("is ahead of your stream")
    return after


def _bad_last_event_id(why: str) -> BadRequest:
    return BadRequest(
        "bad-last-event-id",
        f"The last event id {why}.",
        field="Last-Event-ID",
        fix="Send the id of the last event that you got, 0 for all there is, or leave it out.",
    )


def _views(rows: Sequence[tuple[Item, str | None]]) -> list[NotificationView]:
    return [NotificationView.of(item, actor_name) for item, actor_name in rows]
