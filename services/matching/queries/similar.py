"""Reads about problems that are like another one."""

from __future__ import annotations

from services.matching.queries.experts import no_such_problem, seen
from services.matching.store import precedents
from services.matching.store.precedents import Posted
from shared.storage import Database
from shared.web.auth import Caller


async def posted(database: Database, caller: Caller, thread_id: str) -> Posted:
    """What a problem says that the caller may see. Raises ``NotFound`` for any other."""
    await seen(database, caller, thread_id)
    found = await precedents.find_posted(database, thread_id)
    if found is None:
        raise no_such_problem()
    return found
