"""What a member may see of adaptations."""

from __future__ import annotations

from services.discussions import queries, store
from services.discussions.domain.adaptation import Adaptation, Note, no_such_adaptation
from shared.contracts.practices import AdaptationState
from shared.errors import NotFound
from shared.storage import Database
from shared.web.auth import Caller


async def adaptation(database: Database, caller: Caller, adaptation_id: str) -> Adaptation:
    """An adaptation that the caller may see."""
    found = await store.adaptations.find_adaptation(database, adaptation_id)
    if found is None:
        raise no_such_adaptation()
    try:
        await queries.solution(database, caller, found.solution_id)
    except NotFound:
        raise no_such_adaptation() from None
    if not found.visible_to(await queries.reader(database, caller, found.community_id)):
        raise no_such_adaptation()
    return found


async def of_solution(
    database: Database,
    caller: Caller,
    solution_id: str,
    state: AdaptationState | None,
    after: str,
    limit: int,
) -> list[Adaptation]:
    """The adaptations of a solution that the caller may see, oldest first."""
    solution = await queries.solution(database, caller, solution_id)
    reader = await queries.reader(database, caller, solution.community_id)
    within = {"solution_id": solution_id}
    return await store.adaptations.find_adaptations(database, reader, within, state, after, limit)


async def of_community(
    database: Database, caller: Caller, community_id: str, after: str, limit: int
) -> list[Adaptation]:
    """The adaptations in a community that the caller belongs to, oldest first."""
    reader = await queries.reader(database, caller, community_id)
    within = {"community_id": community_id}
    return await store.adaptations.find_adaptations(database, reader, within, None, after, limit)


async def notes(database: Database, of: Adaptation, after: str, limit: int) -> list[Note]:
    """What was told of an adaptation that the caller may see, oldest first."""
    return await store.adaptations.find_notes(database, of.adaptation_id, after, limit)
