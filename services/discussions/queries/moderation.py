"""What curators see of flags, and of what they did."""

from __future__ import annotations

from datetime import datetime

from services.discussions import queries, store
from services.discussions.domain.moderation import Flag, FlagState, Logged, require_curator
from shared.storage import Database
from shared.web.auth import Caller


async def flags(
    database: Database,
    caller: Caller,
    community_id: str,
    state: FlagState,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Flag]:
    """A community's flags in a state, oldest first; for its curators."""
    require_curator(await queries.reader(database, caller, community_id))
    return await store.moderation.find_flags(database, community_id, state, after, limit)


async def log(
    database: Database, caller: Caller, community_id: str, before: tuple[datetime, str] | None, limit: int
) -> list[Logged]:
    """What curators did in a community, the latest first; for its curators."""
    require_curator(await queries.reader(database, caller, community_id))
    return await store.moderation.find_log(database, community_id, before, limit)
