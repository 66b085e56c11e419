"""Late and replayed events about members who are erased: they bring nothing back."""

from __future__ import annotations

from collections.abc import Sequence

from shared.contracts import Event
from shared.contracts.members import MemberErased
from shared.ids import former_member
from shared.messaging.envelope import Received
from shared.storage import UnitOfWork
from shared.storage.personal import erased_among


async def without_erased(uow: UnitOfWork, batch: Sequence[Received[Event]]) -> list[Received[Event]]:
    """``batch`` without the events that are about somebody who is erased (their ``member_id``); in the
    others they are called by a new pseudonym: a problem is no less a problem without its author."""
    named = {
        member
        for received in batch
        if not isinstance(received.event, MemberErased)
        for member in received.event.members()
    }
    gone = await erased_among(uow, named) if named else set()
    if not gone:
        return list(batch)
    pseudonyms = {member: former_member() for member in gone}
    kept: list[Received[Event]] = []
    for received in batch:
        event = received.event
        if isinstance(event, MemberErased):
            kept.append(received)
        elif getattr(event, "member_id", None) not in gone:
            kept.append(received._replace(event=event.renamed(pseudonyms)))
    return kept
