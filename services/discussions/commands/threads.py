"""What can be done with threads of whatever kind."""

from __future__ import annotations

from services.discussions import store
from services.discussions.domain.access import no_such_thread
from services.discussions.domain.rules import RULES
from shared.storage import UnitOfWork


async def read(uow: UnitOfWork, member_id: str, thread_id: str) -> None:
    """The member has read a thread; in an archived community, too."""
    thread = await store.threads.load_thread(uow, thread_id)
    reader = await store.access.load_participant(uow, thread.community_id, member_id) if thread else None
    if thread is None or reader is None or not thread.visible_to(reader):
        raise no_such_thread()
    await store.access.note_read(uow, reader, thread_id, RULES.reads_for_endorsing)
