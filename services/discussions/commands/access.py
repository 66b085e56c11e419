"""The one who acts, and what they act on: what they may not see does not exist."""

from __future__ import annotations

from typing import TypeVar

from services.discussions import store
from services.discussions.domain import access
from services.discussions.domain.access import (
    Participant,
    no_such_comment,
    no_such_community,
    no_such_problem,
    no_such_solution,
    no_such_thread,
)
from services.discussions.domain.comment import Comment
from services.discussions.domain.item import Target, no_such_item
from services.discussions.domain.problem import Problem
from services.discussions.domain.solution import Solution
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import ItemKind
from shared.errors import NotFound
from shared.storage import UnitOfWork

T = TypeVar("T", bound=Thread)


async def require_open(uow: UnitOfWork, community_id: str) -> None:
    """Raise ``Conflict`` (``archived``) where the community is read-only; last of all that is checked.

    What was done before the archiving was heard of here stays, and does not reopen the community.
    """
    access.require_open(await store.access.load_community(uow, community_id))


async def participant(uow: UnitOfWork, community_id: str, member_id: str) -> Participant:
    """The member of the community. Raises ``NotFound`` for everybody else."""
    found = await store.access.load_participant(uow, community_id, member_id)
    if found is None:
        raise no_such_community()
    await require_open(uow, community_id)
    return found


async def seen(uow: UnitOfWork, member_id: str, found: T | None, none: NotFound) -> tuple[T, Participant]:
    """``found``, and the member in its community. Raises ``none`` unless the member may see it."""
    actor = await store.access.load_participant(uow, found.community_id, member_id) if found else None
    if found is None or actor is None or not found.visible_to(actor):
        raise none
    await require_open(uow, found.community_id)
    return found, actor


async def thread(uow: UnitOfWork, member_id: str, thread_id: str) -> tuple[Thread, Participant]:
    """A thread of whatever kind, and the member in its community."""
    found = await store.threads.load_thread(uow, thread_id)
    return await seen(uow, member_id, found, no_such_thread())


async def problem(uow: UnitOfWork, member_id: str, thread_id: str) -> tuple[Problem, Participant]:
    """A problem, and the member in its community."""
    found = await store.problems.load_problem(uow, thread_id)
    return await seen(uow, member_id, found, no_such_problem())


async def solution(
    uow: UnitOfWork, member_id: str, solution_id: str
) -> tuple[Problem, Solution, Participant]:
    """A solution with its problem, and the member in their community."""
    found = await store.solutions.load_solution(uow, solution_id)
    if found is None:
        raise no_such_solution()
    of = await store.problems.load_problem(uow, found.thread_id)
    actor = await store.access.load_participant(uow, found.community_id, member_id)
    if of is None or actor is None or not (of.visible_to(actor) and found.visible_to(actor)):
        raise no_such_solution()
    await require_open(uow, found.community_id)
    return of, found, actor


async def comment(uow: UnitOfWork, member_id: str, comment_id: str) -> tuple[Thread, Comment, Participant]:
    """A comment with its thread, and the member in their community."""
    found = await store.comments.load_comment(uow, comment_id)
    if found is None:
        raise no_such_comment()
    of = await store.threads.load_thread(uow, found.thread_id)
    actor = await store.access.load_participant(uow, found.community_id, member_id)
    if of is None or actor is None or not (of.visible_to(actor) and found.visible_to(actor)):
        raise no_such_comment()
    await require_open(uow, found.community_id)
    return of, found, actor


async def item(
    uow: UnitOfWork, member_id: str, thread_id: str, kind: ItemKind, item_id: str
) -> tuple[Thread, Target, Participant]:
    """An item of a thread, the thread, and the member in its community."""
    of, actor = await thread(uow, member_id, thread_id)
    found = await store.items.load_target(uow, thread_id, kind, item_id, actor)
    if found is None:
        raise no_such_item(kind)
    return of, found, actor
