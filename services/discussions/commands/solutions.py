"""What can be done with solutions."""

from __future__ import annotations

from datetime import datetime

from services.discussions import store
from services.discussions.commands import access
from services.discussions.commands.recording import record
from services.discussions.domain import solution as solutions
from services.discussions.domain.access import (
    no_such_solution,
    require_author_or_curator,
)
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Endorsement, Solution
from shared.contracts.discussions import Basis
from shared.storage import UnitOfWork
from shared.web.mutations import require_version


async def propose(
    uow: UnitOfWork,
    author_id: str,
    solution_id: str,
    thread_id: str,
    body: str,
    *,
    imported_score: int | None = None,
    at: datetime | None = None,
) -> Solution:
    """Propose a solution to a problem."""
    problem, author = await access.problem(uow, author_id, thread_id)
    problem, solution, revision, event = solutions.propose(
        problem, author, solution_id, body, at or uow.now, imported_score
    )
    store.threads.save_thread(uow, problem)
    store.solutions.save_solution(uow, solution)
    store.solutions.save_revision(uow, revision)
    store.access.note_contribution(uow, author)
    record(uow, event, at)
    return solution


async def revise(
    uow: UnitOfWork,
    actor_id: str,
    solution_id: str,
    version: int | None,
    *,
    body: str,
    note: str,
    major: bool,
    at: datetime | None = None,
) -> Solution:
    """Give a solution a new revision. ``version`` is the revision that it builds on.

    An import knows none: it repeats what was allowed where it comes from, so nobody's role is asked for.
    """
    problem, solution, actor = await access.solution(uow, actor_id, solution_id)
    if version is not None:
        require_author_or_curator(actor, solution.author_id, "revise this solution")
        require_version(solution.revision, version)
    problem, solution, revision, event = solutions.revise(
        problem, solution, actor_id, body, note, major=major, now=at or uow.now
    )
    store.threads.save_thread(uow, problem)
    store.solutions.save_solution(uow, solution)
    store.solutions.save_revision(uow, revision)
    if major:
        store.solutions.make_stale(uow, solution_id)
    record(uow, event, at)
    return solution


async def endorse(
    uow: UnitOfWork, endorser_id: str, solution_id: str, basis: Basis, at: datetime | None = None
) -> tuple[Solution, Endorsement]:
    """Vouch for a solution's present revision."""
    problem, solution, endorser = await access.solution(uow, endorser_id, solution_id)
    now = at or uow.now
    problem, solution, endorsement, event = solutions.endorse(
        problem,
        solution,
        endorser,
        await store.solutions.load_endorsement(uow, solution_id, endorser_id),
        basis,
        rules=Rules.of((await store.access.load_community(uow, solution.community_id)).rules),
        now=now,
    )
    store.threads.save_thread(uow, problem)
    store.solutions.save_solution(uow, solution)
    store.solutions.save_endorsement(uow, endorsement)
    store.access.note_endorsement(uow, endorser, now)
    record(uow, event, at)
    return solution, endorsement


async def withdraw(uow: UnitOfWork, endorser_id: str, solution_id: str) -> Solution:
    """No longer vouch for a solution."""
    problem, solution, _ = await access.solution(uow, endorser_id, solution_id)
    present = await store.solutions.load_endorsement(uow, solution_id, endorser_id)
    problem, solution, endorsement, event = solutions.withdraw(problem, solution, present)
    store.threads.save_thread(uow, problem)
    store.solutions.save_solution(uow, solution)
    store.solutions.save_endorsement(uow, endorsement)
    record(uow, event)
    return solution


async def accept(
    uow: UnitOfWork, actor_id: str, thread_id: str, solution_id: str, at: datetime | None = None
) -> tuple[Problem, Solution]:
    """The one who asked accepts a solution."""
    problem, actor = await access.problem(uow, actor_id, thread_id)
    solution = await store.solutions.load_solution(uow, solution_id)
    if solution is None or solution.thread_id != thread_id:
        raise no_such_solution()
    earlier = problem.accepted_id
    problem, solution, event = solutions.accept(problem, solution, actor)
    store.threads.save_thread(uow, problem)
    store.solutions.save_solution(uow, solution)
    if earlier is not None:
        store.solutions.unaccept(uow, earlier)
    record(uow, event, at)
    return problem, solution
