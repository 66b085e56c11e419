"""What can be done with case studies and resources alike; ``at`` is when it was done, in an import."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from services.discussions import store
from services.discussions.commands import access, posting
from services.discussions.commands.recording import record
from services.discussions.domain.access import Participant
from services.discussions.domain.content import Content
from shared.contracts.content import ContentEvent
from shared.storage import UnitOfWork
from shared.web.mutations import require_version

C = TypeVar("C", bound=Content)


async def content(uow: UnitOfWork, member_id: str, of: type[C], thread_id: str) -> tuple[C, Participant]:
    """One that the member may see, and the member in its community."""
    found = await store.content.load_content(uow, of, thread_id)
    return await access.seen(uow, member_id, found, of.none())


async def edit(
    uow: UnitOfWork,
    actor_id: str,
    of: type[C],
    thread_id: str,
    version: int,
    fields: Mapping[str, object],
) -> C:
    """Edit its text, whole; ``version`` is the revision edited."""
    before, actor = await content(uow, actor_id, of, thread_id)
    after = before.edit(actor, uow.now, **fields)
    require_version(before.revision, version)
    return _save(uow, after)


async def publish(
    uow: UnitOfWork, actor_id: str, of: type[C], thread_id: str, at: datetime | None = None
) -> C:
    """Show it to the community, or say that it is up to date again."""
    before, actor = await content(uow, actor_id, of, thread_id)
    after = before.publish(actor, at or uow.now)
    if before.draft:
        await posting.admit(uow, actor, before.title, before.body, at=at)
    return _save(uow, after, at)


async def outdate(
    uow: UnitOfWork, actor_id: str, of: type[C], thread_id: str, reason: str, at: datetime | None = None
) -> C:
    """Say that it no longer holds."""
    before, actor = await content(uow, actor_id, of, thread_id)
    return _save(uow, before.outdate(actor, reason), at)


async def archive(
    uow: UnitOfWork, actor_id: str, of: type[C], thread_id: str, at: datetime | None = None
) -> C:
    """Put it away."""
    before, actor = await content(uow, actor_id, of, thread_id)
    return _save(uow, before.archive(actor), at)


async def discard(uow: UnitOfWork, actor_id: str, of: type[Content], thread_id: str) -> None:
    """Throw a draft away."""
    draft, _ = await content(uow, actor_id, of, thread_id)
    draft.require_discardable()
    store.content.discard_draft(uow, thread_id)


def _save(uow: UnitOfWork, moved: tuple[C, ContentEvent | None], at: datetime | None = None) -> C:
    after, event = moved
    store.threads.save_thread(uow, after)
    if event is not None:
        record(uow, event, at)
    return after
