"""What can be done with solutions."""

from __future__ import annotations

from datetime import datetime

from services.discussions import store
from services.discussions.commands import access, posting, settling
from services.discussions.domain import solution as solutions
from services.discussions.domain.access import Community, no_such_solution
from services.discussions.domain.contest import not_contesting
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Endorsement, Provenance, Solution
from shared.contracts.discussions import Basis, EndorsementWithdrawn
from shared.storage import UnitOfWork
from shared.web.mutations import require_version

ENDORSERS_ASKED = 5_000
"""How many endorsers one event asks whether what they vouched for still holds; more have never endorsed one
solution, and more would not fit beside its text."""


async def propose(
    uow: UnitOfWork,
    author_id: str,
    solution_id: str,
    thread_id: str,
    body: str,
    *,
    imported_score: int | None = None,
    provenance: Provenance | None = None,
    at: datetime | None = None,
) -> Solution:
    """Propose a solution to a problem; ``provenance`` where it was lifted out of an internal community."""
    problem, author = await access.problem(uow, author_id, thread_id)
    problem, solution, revision, event = solutions.propose(
        problem, author, solution_id, body, at or uow.now, imported_score, provenance
    )
    store.solutions.save_revision(uow, revision)
    await posting.admit(uow, author, body, at=at)
    community = await store.access.load_community(uow, problem.community_id)
    _, solution = await settling.conclude(uow, community, problem, solution, [event], at)
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
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    if version is not None:
        solutions.require_author(solution, actor, "revise this solution")
        require_version(solution.revision, version)
    return await revise_loaded(
        uow, community, problem, solution, actor_id, body=body, note=note, major=major, at=at
    )


async def revise_loaded(
    uow: UnitOfWork,
    community: Community,
    problem: Problem,
    solution: Solution,
    editor_id: str,
    *,
    body: str,
    note: str,
    major: bool,
    at: datetime | None = None,
    merged_by: str | None = None,
) -> Solution:
    """Give a solution that this unit has loaded a new revision, on whoever's word."""
    problem, solution, revision, event = solutions.revise(
        problem, solution, editor_id, body, note, major=major, now=at or uow.now, merged_by=merged_by
    )
    store.solutions.save_revision(uow, revision)
    if major:
        endorsers = await store.solutions.endorsers(uow, solution.solution_id, ENDORSERS_ASKED)
        event = event.model_copy(update={"asked": [each for each in endorsers if each != editor_id]})
        store.solutions.make_stale(uow, solution.solution_id)
    problem, solution, withdrawn = await withdraw_authors_own(uow, problem, solution, editor_id, stale=major)
    _, solution = await settling.conclude(uow, community, problem, solution, [event, *withdrawn], at)
    return solution


async def withdraw_authors_own(
    uow: UnitOfWork, problem: Problem, solution: Solution, author_id: str, *, stale: bool = False
) -> tuple[Problem, Solution, list[EndorsementWithdrawn]]:
    """Whoever becomes an author of what they vouched for does so no longer; ``stale``: this unit makes
    endorsements stale."""
    present = await store.solutions.load_endorsement(uow, solution.solution_id, author_id)
    if present is None or present.state == "withdrawn":
        return problem, solution, []
    if stale:
        present = present.model_copy(update={"state": "stale"})
    problem, solution, endorsement, event = solutions.withdraw(problem, solution, present)
    store.solutions.save_endorsement(uow, endorsement)
    return problem, solution, [event]


async def endorse(
    uow: UnitOfWork, endorser_id: str, solution_id: str, basis: Basis, at: datetime | None = None
) -> tuple[Solution, Endorsement]:
    """Vouch for a solution's present revision."""
    problem, solution, endorser, community = await settling.load(uow, endorser_id, solution_id)
    not_contesting(await store.contests.load_open(uow, solution_id, endorser_id))
    now = at or uow.now
    problem, solution, endorsement, event = solutions.endorse(
        problem,
        solution,
        endorser,
        await store.solutions.load_endorsement(uow, solution_id, endorser_id),
        basis,
        rules=Rules.of(community.rules),
        now=now,
    )
    store.solutions.save_endorsement(uow, endorsement)
    store.access.note_endorsement(uow, endorser, now)
    _, solution = await settling.conclude(uow, community, problem, solution, [event], at)
    return solution, endorsement


async def reaffirm(uow: UnitOfWork, endorser_id: str, solution_id: str) -> Solution:
    """An endorsement that a major revision made stale still holds."""
    problem, solution, endorser, community = await settling.load(uow, endorser_id, solution_id)
    not_contesting(await store.contests.load_open(uow, solution_id, endorser_id))
    present = await store.solutions.load_endorsement(uow, solution_id, endorser_id)
    problem, solution, endorsement, event = solutions.reaffirm(problem, solution, endorser, present, uow.now)
    store.solutions.save_endorsement(uow, endorsement)
    _, solution = await settling.conclude(uow, community, problem, solution, [event])
    return solution


async def withdraw(uow: UnitOfWork, endorser_id: str, solution_id: str) -> Solution:
    """No longer vouch for a solution."""
    problem, solution, _, community = await settling.load(uow, endorser_id, solution_id)
    present = await store.solutions.load_endorsement(uow, solution_id, endorser_id)
    problem, solution, endorsement, event = solutions.withdraw(problem, solution, present)
    store.solutions.save_endorsement(uow, endorsement)
    _, solution = await settling.conclude(uow, community, problem, solution, [event])
    return solution


async def accept(
    uow: UnitOfWork, actor_id: str, thread_id: str, solution_id: str, at: datetime | None = None
) -> tuple[Problem, Solution]:
    """The one who asked accepts a solution."""
    problem, actor = await access.problem(uow, actor_id, thread_id)
    solution = await store.solutions.load_solution(uow, solution_id)
    if solution is None or solution.thread_id != thread_id:
        raise no_such_solution()
    community = await store.access.load_community(uow, solution.community_id)
    problem, solution = await settling.catch_up(uow, community, problem, solution)
    earlier = problem.accepted_id
    problem, solution, event = solutions.accept(problem, solution, actor)
    if earlier is not None and (other := await store.solutions.load_solution(uow, earlier)):
        store.solutions.save_solution(uow, other.model_copy(update={"accepted": False}))
    return await settling.conclude(uow, community, problem, solution, [event], at)
