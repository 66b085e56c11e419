"""A real service's handlers, ready to be fed by the consumer benchmark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from services.notifications import store
from services.notifications.reactions import reactions
from shared.contracts.members import MemberJoined
from shared.ids import new_id
from shared.messaging.envelope import Received
from shared.messaging.reactions import Reactions
from shared.storage import Database, UnitOfWork

Seed = Callable[[Database, Sequence[str], str], Awaitable[None]]


async def _join(database: Database, members: Sequence[str], community: str) -> None:
    now = database.clock()
    joined = [
        Received(
            new_id(),
            MemberJoined(
                community_id=community, version=number + 1, member_id=member, org_id=None, role="member",
                standing="active", joined_at=now,
            ),
            now,
            None,
            None,
        )
        for number, member in enumerate(members)
    ]  # fmt: skip

    async def work(uow: UnitOfWork) -> None:
        await reactions.apply(joined, uow)

    await database.transact(work)


def notifications() -> tuple[Reactions, dict[str, Any], Seed]:
    """The handlers of notifications, their indexes, and how to make their recipients members."""
    return reactions, dict(store.INDEXES), _join
