"""What makes a solution a best practice and keeps it one: contests, stewards' decisions, reviews, time."""

from __future__ import annotations

from collections.abc import Callable

from services.discussions import store
from services.discussions.commands import settling
from services.discussions.domain import contest as contests
from services.discussions.domain import practice
from services.discussions.domain.access import no_such_solution
from services.discussions.domain.contest import Contest, no_such_contest
from services.discussions.domain.practice import Changed
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Solution
from shared.contracts.practices import ContestKind
from shared.errors import NotFound
from shared.storage import UnitOfWork


async def contest(
    uow: UnitOfWork, actor_id: str, contest_id: str, solution_id: str, *, kind: ContestKind, reason: str
) -> Contest:
    """Say what is wrong with a solution."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    problem, solution, made, event = contests.contest(
        problem,
        solution,
        actor,
        contest_id,
        open_one=await store.contests.load_open(uow, solution_id, actor_id),
        endorsement=await store.solutions.load_endorsement(uow, solution_id, actor_id),
        kind=kind,
        reason=reason,
        now=uow.now,
    )
    store.contests.save_contest(uow, made)
    await settling.conclude(uow, community, problem, solution, [event])
    return made


async def withdraw_contest(uow: UnitOfWork, actor_id: str, solution_id: str, contest_id: str) -> Contest:
    """No longer contest a solution."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    present = await _contest(uow, solution_id, contest_id)
    problem, solution, after, event = contests.withdraw(problem, solution, present, actor, uow.now)
    store.contests.save_contest(uow, after)
    await settling.conclude(uow, community, problem, solution, [event])
    return after


async def resolve_contest(
    uow: UnitOfWork, actor_id: str, solution_id: str, contest_id: str, word: str
) -> Contest:
    """An author who revised the solution, or a steward, says what became of a contest."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    present = await _contest(uow, solution_id, contest_id)
    problem, solution, after, event = contests.resolve(problem, solution, present, actor, word, uow.now)
    store.contests.save_contest(uow, after)
    await settling.conclude(uow, community, problem, solution, [event])
    return after


async def _contest(uow: UnitOfWork, solution_id: str, contest_id: str) -> Contest:
    found = await store.contests.load_contest(uow, contest_id)
    if found is None or found.solution_id != solution_id:
        raise no_such_contest()
    return found


async def approve(uow: UnitOfWork, actor_id: str, solution_id: str) -> Solution:
    """A steward is for a candidate."""
    return await _decide(uow, actor_id, solution_id, practice.approve)


async def object_to(uow: UnitOfWork, actor_id: str, solution_id: str, reason: str) -> Solution:
    """A steward is against a candidate."""
    return await _decide(uow, actor_id, solution_id, practice.object_to, reason=reason)


async def withdraw_objection(uow: UnitOfWork, actor_id: str, solution_id: str) -> Solution:
    """A steward takes an objection back."""
    return await _decide(uow, actor_id, solution_id, practice.withdraw_objection)


async def pause(uow: UnitOfWork, actor_id: str, solution_id: str, reason: str) -> Solution:
    """A steward stops a candidacy for a while."""
    return await _decide(uow, actor_id, solution_id, practice.pause, reason=reason)


async def resume(uow: UnitOfWork, actor_id: str, solution_id: str) -> Solution:
    """A steward lets a candidacy go on."""
    return await _decide(uow, actor_id, solution_id, practice.resume)


async def _decide(
    uow: UnitOfWork, actor_id: str, solution_id: str, decision: Callable[..., Changed], **words: str
) -> Solution:
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    rules = Rules.of(community.rules)
    problem, solution, events = decision(problem, solution, actor, rules=rules, now=uow.now, **words)
    _, solution = await settling.conclude(uow, community, problem, solution, events)
    return solution


async def reverify(uow: UnitOfWork, actor_id: str, solution_id: str, note: str) -> Solution:
    """Somebody reviewed a practice and found that it holds."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    problem, solution, events = practice.reverify(
        problem,
        solution,
        actor,
        await store.solutions.load_endorsement(uow, solution_id, actor_id),
        note,
        rules=Rules.of(community.rules),
        now=uow.now,
    )
    _, solution = await settling.conclude(uow, community, problem, solution, events)
    return solution


async def supersede(
    uow: UnitOfWork, actor_id: str, solution_id: str, successor_id: str, reason: str
) -> Solution:
    """A steward says that another solution of the community took this one's place."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    successor = await store.solutions.load_solution(uow, successor_id)
    if successor is None or successor.community_id != solution.community_id:
        raise NotFound(
            "no-such-solution",
            "There is no such solution in this community.",
            field="/solution_id",
            fix="Check its id.",
        )
    problem, solution, events = practice.supersede(problem, solution, actor, successor, reason)
    if successor.thread_id != problem.thread_id:  # two that would take each other's place at once conflict
        store.threads.hold_thread(uow, successor.thread_id)
    _, solution = await settling.conclude(uow, community, problem, solution, events)
    return solution


async def let_time_pass(uow: UnitOfWork, solution_id: str) -> None:
    """Do what is due about a solution by now, if anything is."""
    solution = await store.solutions.load_solution(uow, solution_id)
    if solution is None:
        raise no_such_solution()
    problem = await store.problems.load_problem(uow, solution.thread_id)
    if problem is None:
        raise no_such_solution()
    community = await store.access.load_community(uow, solution.community_id)
    problem, solution = await settling.catch_up(uow, community, problem, solution)
    settling.save(uow, community, problem, solution)
