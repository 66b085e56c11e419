"""Telling that something was of use."""

from __future__ import annotations

from services.discussions import store
from services.discussions.commands import access, content
from services.discussions.commands.recording import record
from services.discussions.domain import reuse as reuses
from services.discussions.domain.content import Content
from services.discussions.domain.reuse import Reuse
from shared.storage import UnitOfWork


async def reuse_content(
    uow: UnitOfWork, member_id: str, of: type[Content], thread_id: str, note: str
) -> Reuse:
    """The member used a case study or a resource; or has another word on how it went."""
    used, member = await content.content(uow, member_id, of, thread_id)
    if earlier := await store.reuses.load_reuse(uow, thread_id, member_id):
        return _again(uow, earlier, note)
    used, reuse, event = reuses.reuse_content(used, member, note, uow.now)
    store.threads.save_thread(uow, used)
    store.reuses.save_reuse(uow, reuse)
    record(uow, event)
    return reuse


async def reuse_solution(uow: UnitOfWork, member_id: str, solution_id: str, note: str) -> Reuse:
    """The member used a solution; or has another word on how it went."""
    problem, solution, member = await access.solution(uow, member_id, solution_id)
    if earlier := await store.reuses.load_reuse(uow, solution_id, member_id):
        return _again(uow, earlier, note)
    problem, solution, reuse, event = reuses.reuse_solution(problem, solution, member, note, uow.now)
    store.threads.save_thread(uow, problem)
    store.solutions.save_solution(uow, solution)
    store.reuses.save_reuse(uow, reuse)
    record(uow, event)
    return reuse


def _again(uow: UnitOfWork, earlier: Reuse, note: str) -> Reuse:
    again = reuses.again(earlier, note)
    store.reuses.save_reuse(uow, again)
    return again
