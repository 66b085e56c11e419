"""Issuing the secret addresses of calendars."""

from __future__ import annotations

from services.discussions import store
from services.discussions.domain.calendar import hash_of
from shared.storage import UnitOfWork


async def issue(uow: UnitOfWork, member_id: str, secret: str) -> None:
    """Give the member's calendar an address; the one before leads nowhere from now on."""
    store.calendars.save_calendar(uow, member_id, hash_of(secret), uow.now)


async def revoke(uow: UnitOfWork, member_id: str) -> None:
    """Take the address away."""
    store.calendars.delete_calendar(uow, member_id)
