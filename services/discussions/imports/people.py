"""Whoever an import names must be known first."""

from __future__ import annotations

from services.discussions import store
from shared.errors import OutOfOrder
from shared.storage import UnitOfWork


async def require_member(uow: UnitOfWork, community_id: str, member_id: str) -> None:
    """An import sends people first: whoever is missing is still on the way from members."""
    if await store.access.load_participant(uow, community_id, member_id) is None:
        raise OutOfOrder("unknown-member", f"{member_id} is not known as a member of {community_id} yet.")
