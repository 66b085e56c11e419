"""What a member may see of case studies and resources, and of who used what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar

from services.discussions import queries, store
from services.discussions.domain.content import Content, ContentState
from services.discussions.domain.reuse import Reuse
from shared.contracts.content import ResourceForm
from shared.storage import Database
from shared.web.auth import Caller

C = TypeVar("C", bound=Content)
Before = tuple[datetime, str] | None
Order = Literal["newest", "most-reused"]


async def content(database: Database, caller: Caller, of: type[C], thread_id: str) -> C:
    """One of a community that the caller belongs to, or a draft of theirs."""
    found = await store.content.find_content(database, of, thread_id)
    return (await queries.seen(database, caller, found, of.none()))[0]


async def contents(
    database: Database,
    caller: Caller,
    of: type[C],
    community_id: str,
    *,
    state: ContentState | None,
    tag: str | None,
    before: Before,
    limit: int,
    form: ResourceForm | None = None,
) -> list[C]:
    """Those of a community that the caller belongs to, newest first; of drafts, the caller's own."""
    by = await queries.reader(database, caller, community_id)
    if state == "draft":
        return await store.content.find_drafts(
            database, of, by, tag=tag, before=before, limit=limit, form=form
        )
    return await store.content.find_contents(
        database, of, by, state=state, tag=tag, before=before, limit=limit, form=form
    )


async def most_reused(
    database: Database,
    caller: Caller,
    of: type[C],
    community_id: str,
    *,
    tag: str | None,
    before: tuple[int, str] | None,
    limit: int,
    form: ResourceForm | None = None,
) -> list[C]:
    """Those of a community that the caller belongs to, what most members used first."""
    by = await queries.reader(database, caller, community_id)
    return await store.content.find_most_reused(
        database, of, by, tag=tag, before=before, limit=limit, form=form
    )


async def reuses(
    database: Database, caller: Caller, of: type[Content], thread_id: str, before: Before, limit: int
) -> list[Reuse]:
    """Who used a case study or a resource, the latest first."""
    await content(database, caller, of, thread_id)
    return await store.reuses.find_reuses(database, thread_id, before, limit)


async def solution_reuses(
    database: Database, caller: Caller, solution_id: str, before: Before, limit: int
) -> list[Reuse]:
    """Who used a solution, the latest first."""
    await queries.solution(database, caller, solution_id)
    return await store.reuses.find_reuses(database, solution_id, before, limit)
