"""What notifications can be told to do: load, decide, save the state and its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.notifications import store
from services.notifications.domain import inbox
from services.notifications.domain.inbox import Item
from services.notifications.domain.routing.draft import Draft
from services.notifications.domain.routing.table import RULES
from services.notifications.settings import SETTINGS
from shared.errors import Conflict, NotFound
from shared.storage import Cause, UnitOfWork
from shared.web.auth import Caller


async def deliver(uow: UnitOfWork, drafts: Sequence[tuple[Draft, Cause]]) -> None:
    """Put every draft into its recipient's inbox, unless a rule holds it back; either is published.

    However many they are, this reads each collection at most once, and writes once into each.
    """
    if not drafts:
        return
    asked = Counter(draft.recipient_id for draft, _ in drafts)
    known = await store.load_recipients(uow, asked)
    memberships = await store.load_memberships(
        uow,
        {
            store.membership_id(draft.community_id, draft.recipient_id)
            for draft, _ in drafts
            if draft.community_id is not None
        },
    )
    orgs = await store.load_orgs(uow, {draft.recipient_id for draft, _ in drafts if draft.org_id})
    places = {member_id: known[member_id]["seq"] if member_id in known else 0 for member_id in asked}
    mutes = {member_id: frozenset(row["muted"]) for member_id, row in known.items() if row.get("muted")}
    nothing: frozenset[str] = frozenset()
    told_of = {each for draft, _ in drafts for each in draft.tells_of}
    hidden, redacted = await store.load_moderated(uow, told_of)
    items = []
    for draft, cause in drafts:
        recipient = draft.recipient_id
        places[recipient] = seq = places[recipient] + 1
        notification_id = store.item_id(recipient, seq)
        community_id = draft.community_id
        member = memberships.get(store.membership_id(community_id, recipient)) if community_id else None
        if draft.org_id and recipient in orgs:
            member = orgs[recipient] == draft.org_id
        if rule := inbox.held_back(draft, member, mutes.get(recipient, nothing), hidden):
            uow.record(inbox.suppressed(draft, notification_id, seq, rule), cause=cause)
        else:
            draft = inbox.without_redacted(draft, redacted)
            items.append(store.new_item(draft, notification_id, uow.now))
            uow.record(inbox.delivered(draft, notification_id, seq, RULES[draft.kind].name), cause=cause)
    store.add_items(uow, items)
    store.advance(uow, known, asked)


async def read(uow: UnitOfWork, caller: Caller, notification_id: str) -> None:
    """The caller has read an item; reading it again changes nothing."""
    item = await _own(uow, caller, notification_id)
    if item.unread:
        await _read(uow, caller.member_id, [item])


async def read_up_to(uow: UnitOfWork, caller: Caller, seq: int) -> int:
    """The caller has read everything up to and with ``seq``; answers how many items that were."""
    items = await store.load_unread(uow, caller.member_id, seq)
    await _read(uow, caller.member_id, items)
    return len(items)


async def archive(uow: UnitOfWork, caller: Caller, notification_id: str) -> None:
    """The caller puts an item away; it then counts as read."""
    item = await _own(uow, caller, notification_id)
    if item.unread:
        await _read(uow, caller.member_id, [item])
    store.save_archived(uow, item.notification_id)


async def mute(uow: UnitOfWork, caller: Caller, thread_id: str) -> None:
    """From now on the caller gets nothing about a thread, or about another subject of notifications."""
    muted = await _mutes(uow, caller)
    if thread_id in muted:
        return
    if len(muted) >= SETTINGS.muted_threads:
        raise Conflict(
            "too-many-mutes",
            f"You have muted {len(muted):,} subjects; that is the most there can be.",
            fix="Unmute one first.",
        )
    store.save_mutes(uow, caller.member_id, [*muted, thread_id])


async def unmute(uow: UnitOfWork, caller: Caller, thread_id: str) -> None:
    """The caller wants to hear of a thread again."""
    muted = await _mutes(uow, caller)
    if thread_id in muted:
        store.save_mutes(uow, caller.member_id, [each for each in muted if each != thread_id])


async def _mutes(uow: UnitOfWork, caller: Caller) -> list[str]:
    known = await store.load_recipients(uow, [caller.member_id])
    return list(known.get(caller.member_id, {}).get("muted", ()))


async def _own(uow: UnitOfWork, caller: Caller, notification_id: str) -> Item:
    item = await store.load_item(uow, caller.member_id, notification_id)
    if item is None:
        raise NotFound(
            "no-such-notification", "There is no such notification in your inbox.", fix="Check its id."
        )
    return item


async def _read(uow: UnitOfWork, member_id: str, items: Sequence[Item]) -> None:
    if not items:
        return
    known = await store.load_recipients(uow, [member_id])
    first = known[member_id]["seq"] + 1
    for seq, item in enumerate(items, first):
        uow.record(inbox.read(item, seq))
    store.save_read(uow, items)
    store.advance(uow, known, {member_id: len(items)})
