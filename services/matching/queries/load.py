"""Reads about how the asks of communities are spread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from services.matching import store
from services.matching.domain.load import Load, figures
from services.matching.store import load as store_of_load
from shared.errors import Forbidden, NotFound
from shared.storage import Database
from shared.web.auth import Caller


async def load_of(database: Database, caller: Caller, community_id: str, days: int) -> Load:
    """A community's load of these last days, for its facilitators and stewards and for operators."""
    role = await store.role_in(database, (community_id, caller.member_id))
    known = role is not None or (caller.operates and await store_of_load.is_known(database, community_id))
    if not known:
        raise NotFound("no-such-community", "There is no such community of yours.", fix="Check its id.")
    if role == "member" and not caller.operates:
        raise Forbidden("not-a-facilitator", "Only facilitators and stewards see how the asks are spread.")
    [load] = await loads(database, [community_id], days)
    return load


async def all_loads(database: Database, after: str, days: int, limit: int) -> list[Load]:
    """The load of the communities whose ids come after ``after``, in order; for operators."""
    return await loads(database, await store_of_load.community_ids_after(database, after, limit), days)


async def loads(database: Database, community_ids: Sequence[str], days: int) -> list[Load]:
    """The loads of these communities."""
    since = database.clock() - timedelta(days=days)
    counts = await store_of_load.counts(database, community_ids, since)
    suggested = await store_of_load.suggestions(database, community_ids, since)
    return [
        figures(
            community_id,
            await store_of_load.members(database, community_id),
            counts[community_id],
            await store_of_load.waited(database, community_id, since),
            suggested[community_id],
        )
        for community_id in community_ids
    ]
