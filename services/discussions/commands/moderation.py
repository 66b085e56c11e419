"""Flagging, and what curators do about it."""

from __future__ import annotations

from services.discussions import store
from services.discussions.commands import access
from services.discussions.commands.recording import record
from services.discussions.domain import moderation
from services.discussions.domain.item import Target
from services.discussions.domain.moderation import (
    TRANSITIONS,
    UPHOLDS,
    Action,
    FlagReason,
    Logged,
    Marking,
)
from services.discussions.domain.problem import tell_again
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import ItemKind
from shared.storage import UnitOfWork


async def flag(
    uow: UnitOfWork,
    member_id: str,
    flag_id: str,
    thread_id: str,
    *,
    item_kind: ItemKind,
    item_id: str,
    reason: FlagReason,
    note: str,
) -> None:
    """Flag an item for the curators. Flagging it again changes nothing."""
    thread, target, member = await access.item(uow, member_id, thread_id, item_kind, item_id)
    if any(each.flagged_by == member_id for each in await store.moderation.load_flags(uow, item_id)):
        return
    thread, flagged, event = moderation.flag(thread, target, member, flag_id, reason, note, uow.now)
    store.threads.save_thread(uow, thread)
    store.moderation.save_flag(uow, flagged)
    record(uow, event)


async def mark(
    uow: UnitOfWork,
    curator_id: str,
    log_id: str,
    thread_id: str,
    action: Marking,
    *,
    item_kind: ItemKind,
    item_id: str,
    reason: str,
) -> None:
    """Hide an item or show it again, lock a thread or unlock it, or dismiss the flags on an item."""
    thread, target, curator = await access.item(uow, curator_id, thread_id, item_kind, item_id)
    open_flags = [each for each in await store.moderation.load_flags(uow, item_id) if each.state == "open"]
    thread, event = moderation.act(thread, target, curator, action, reason, flags=len(open_flags))
    store.threads.save_thread(uow, thread)
    if action in ("hide", "show"):
        await store.items.hide(uow, thread_id, target, hidden=action == "hide")
    _settle(uow, target, action)
    _log(uow, log_id, thread, target, action, reason, curator_id)
    record(uow, event)


async def redact(
    uow: UnitOfWork,
    curator_id: str,
    log_id: str,
    thread_id: str,
    *,
    item_kind: ItemKind,
    item_id: str,
    passage: str | None,
    reason: str,
) -> None:
    """Take a passage (or all) out of an item's texts, for good."""
    thread, target, curator = await access.item(uow, curator_id, thread_id, item_kind, item_id)
    thread, event = moderation.redacted(thread, target, curator, whole=passage is None)
    store.threads.save_thread(uow, thread)
    await uow.flush()  # of a thread, the text is redacted in what was just saved
    if not await store.items.redact(uow, target, passage):
        raise moderation.no_such_passage()
    _settle(uow, target, "redact")
    _log(uow, log_id, thread, target, "redact", reason, curator_id)
    record(uow, event)
    if passage is not None and (problem := await store.problems.load_problem(uow, target.item_id)):
        problem, left = tell_again(problem, curator_id)
        store.threads.save_thread(uow, problem)
        record(uow, left)


def _settle(uow: UnitOfWork, target: Target, action: Action) -> None:
    if action == "dismiss":
        store.moderation.settle_flags(uow, target.item_id, TRANSITIONS["open"]["dismiss"])
    elif action in UPHOLDS:
        store.moderation.settle_flags(uow, target.item_id, TRANSITIONS["open"]["uphold"])


def _log(
    uow: UnitOfWork, log_id: str, thread: Thread, target: Target, action: Action, reason: str, by: str
) -> None:
    logged = Logged(
        log_id=log_id,
        thread_id=thread.thread_id,
        community_id=thread.community_id,
        item_kind=target.kind,
        item_id=target.item_id,
        action=action,
        reason=reason,
        by=by,
        at=uow.now,
    )
    store.moderation.add_log(uow, logged)
