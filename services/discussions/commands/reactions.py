"""Reacting."""

from __future__ import annotations

from services.discussions import store
from services.discussions.commands import access, comments
from services.discussions.domain import reaction as reactions
from services.discussions.domain.reaction import ReactionKind
from shared.contracts.discussions import ItemKind
from shared.storage import UnitOfWork


async def react(
    uow: UnitOfWork,
    member_id: str,
    thread_id: str,
    kind: ReactionKind,
    comment_id: str,
    *,
    item_kind: ItemKind,
    item_id: str,
    comment: str | None,
) -> None:
    """React to an item; ``comment_id`` is the id of the comment, if there is one. Twice is once."""
    _, target, member = await access.item(uow, member_id, thread_id, item_kind, item_id)
    if await store.reactions.load_reaction(uow, item_id, member_id, kind):
        return
    reaction = reactions.react(target, member, kind, comment_id if comment else None, uow.now)
    if comment:
        await comments.comment(
            uow, member_id, comment_id, thread_id, item_kind=item_kind, item_id=item_id, body=comment,
            mentions=[],
        )  # fmt: skip
    store.reactions.save_reaction(uow, reaction)
    store.items.add_reaction(uow, target, kind, 1)


async def unreact(
    uow: UnitOfWork, member_id: str, thread_id: str, kind: ReactionKind, item_kind: ItemKind, item_id: str
) -> None:
    """Take a reaction back; what was commented stays."""
    _, target, _ = await access.item(uow, member_id, thread_id, item_kind, item_id)
    present = await store.reactions.load_reaction(uow, item_id, member_id, kind)
    if present is not None:
        store.reactions.delete_reaction(uow, present)
        store.items.add_reaction(uow, target, kind, -1)
