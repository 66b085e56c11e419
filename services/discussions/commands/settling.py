"""What every command on a solution begins and ends with: what time brought about, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.discussions import store
from services.discussions.commands import access
from services.discussions.commands.recording import record
from services.discussions.domain import ladder, practice
from services.discussions.domain.access import Community, Participant
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Solution
from shared.contracts.discussions import ThreadEvent
from shared.contracts.practices import BestPracticeProposed, ParentChange, PracticeReviewDue
from shared.storage import UnitOfWork

ADAPTATIONS_COUNTED = 100
"""Up to how many adaptations that worked are counted: well over what any community asks of a candidate."""


async def load(
    uow: UnitOfWork, member_id: str, solution_id: str
) -> tuple[Problem, Solution, Participant, Community]:
    """A solution as it is now, its problem, and the member in their community."""
    problem, solution, actor = await access.solution(uow, member_id, solution_id)
    community = await store.access.load_community(uow, solution.community_id)
    problem, solution = await catch_up(uow, community, problem, solution)
    return problem, solution, actor, community


async def catch_up(
    uow: UnitOfWork, community: Community, problem: Problem, solution: Solution
) -> tuple[Problem, Solution]:
    """Both after all that was due by now: whoever acts before the clockwork did meets the same state.

    The caller saves them.
    """
    problem, solution, happened = practice.let_time_pass(
        problem, solution, Rules.of(community.rules), uow.now
    )
    for event, at in happened:
        record(uow, await _addressed(uow, event), at)
    _tell_adopters(uow, solution, practice.changes([event for event, _ in happened]))
    return problem, solution


async def conclude(
    uow: UnitOfWork,
    community: Community,
    problem: Problem,
    solution: Solution,
    events: Sequence[ThreadEvent],
    at: datetime | None = None,
) -> tuple[Problem, Solution]:
    """Save both after ``events``, and what these make of the solution's state; ``at`` is when, in an
    import."""
    rules, now = Rules.of(community.rules), at or uow.now
    before = solution.state
    solution = practice.count(await _with_adaptations(uow, community, solution), community)
    active_members = 0
    if solution.counted >= rules.candidate_at_least:  # else however many make no difference
        most = ladder.members_that_matter(rules)
        active_members = await store.access.count_active(uow, community.community_id, most)
    problem, solution, following = practice.settle(
        problem, solution, rules=rules, active_members=active_members, now=now
    )
    save(uow, community, problem, solution)
    contested = before != "contested" == solution.state
    _tell_adopters(uow, solution, "contested" if contested else practice.changes(events))
    for event in events:
        if "state" in type(event).model_fields:
            event = event.model_copy(update={"state": solution.state})
        record(uow, await _addressed(uow, event), at)
    for following_event in following:
        record(uow, await _addressed(uow, following_event), at)
    return problem, solution


def save(uow: UnitOfWork, community: Community, problem: Problem, solution: Solution) -> None:
    """Save both."""
    store.threads.save_thread(uow, problem)
    due_at = practice.due_at(solution, Rules.of(community.rules))
    store.solutions.save_solution(uow, solution.model_copy(update={"due_at": due_at}))


async def _with_adaptations(uow: UnitOfWork, community: Community, solution: Solution) -> Solution:
    """With the adaptations that worked counted anew: which ones count depends on its authors and its text."""
    if not solution.adaptations:
        return solution
    await uow.flush()  # what this unit says of them counts
    worked = await store.adaptations.count_worked(
        uow,
        solution.solution_id,
        since=solution.text_since,
        not_by=solution.authors,
        by_organisation=community.kind == "external",
        at_most=ADAPTATIONS_COUNTED,
    )
    return solution.model_copy(update={"worked": worked})


def _tell_adopters(uow: UnitOfWork, solution: Solution, change: ParentChange | None) -> None:
    if change is not None and solution.adaptations:
        store.adaptations.begin_telling(uow, solution.solution_id, change)


async def _addressed(uow: UnitOfWork, event: ThreadEvent) -> ThreadEvent:
    """What stewards decide names them, so that they are told."""
    if isinstance(event, BestPracticeProposed | PracticeReviewDue):
        stewards = await store.access.stewards(uow, event.community_id)
        return event.model_copy(update={"steward_ids": stewards})
    return event
