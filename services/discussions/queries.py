"""Reads for the API: what a member may see of threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.discussions import store
from services.discussions.domain.access import no_such_community, no_such_problem, no_such_solution
from services.discussions.domain.comment import Comment
from services.discussions.domain.problem import Problem
from services.discussions.domain.solution import Revision, Solution
from shared.storage import Database
from shared.web.auth import Caller

Names = dict[str, tuple[str, str | None]]


async def problem(database: Database, caller: Caller, thread_id: str) -> Problem:
    """A problem of a community that the caller belongs to."""
    found = await store.problems.find_problem(database, thread_id)
    if found is None or not await store.access.is_member(database, found.community_id, caller.member_id):
        raise no_such_problem()
    return found


async def problems(
    database: Database,
    caller: Caller,
    community_id: str,
    *,
    state: str | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Problem]:
    """The problems of a community that the caller belongs to, newest first."""
    if not await store.access.is_member(database, community_id, caller.member_id):
        raise no_such_community()
    return await store.problems.find_problems(
        database, community_id, state=state, tag=tag, before=before, limit=limit
    )


async def solution(database: Database, caller: Caller, solution_id: str) -> Solution:
    """A solution in a community that the caller belongs to."""
    found = await store.solutions.find_solution(database, solution_id)
    if found is None or not await store.access.is_member(database, found.community_id, caller.member_id):
        raise no_such_solution()
    return found


async def solutions(
    database: Database, caller: Caller, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[Solution]:
    """A problem's solutions, in the order in which they were proposed."""
    await problem(database, caller, thread_id)
    return await store.solutions.find_solutions(database, thread_id, after, limit)


async def revisions(
    database: Database, caller: Caller, solution_id: str, after: int, limit: int
) -> list[Revision]:
    """A solution's revisions, oldest first."""
    await solution(database, caller, solution_id)
    return await store.solutions.find_revisions(database, solution_id, after, limit)


async def comments(
    database: Database, caller: Caller, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Comment]:
    """All comments of a thread, oldest first."""
    await problem(database, caller, thread_id)
    return await store.comments.find_comments(database, thread_id, after, limit)


async def names(database: Database, member_ids: Iterable[str]) -> Names:
    """What members are called, and where they work, as far as known."""
    return await store.access.people(database, member_ids)
