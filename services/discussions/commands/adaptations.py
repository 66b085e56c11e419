"""Adapting solutions: what other teams change, how it goes, what came of it, and telling them of changes."""

from __future__ import annotations

from services.discussions import store
from services.discussions.commands import posting, settling
from services.discussions.commands.recording import record
from services.discussions.domain import adaptation as adaptations
from services.discussions.domain import practice
from services.discussions.domain.access import Community, Participant
from services.discussions.domain.adaptation import Adaptation, Note, no_such_adaptation
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Solution
from shared.contracts.practices import AdaptationOutcome, Measure
from shared.errors import NotFound
from shared.storage import UnitOfWork

TOLD_AT_ONCE = 100
"""How many adopters are told of a change in one transaction."""


async def begin(
    uow: UnitOfWork,
    actor_id: str,
    adaptation_id: str,
    solution_id: str,
    *,
    parent_id: str | None,
    title: str,
    changes: str,
    reasons: str,
    in_use: bool,
) -> Adaptation:
    """Adapt a solution, or another adaptation of it."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    parent = None
    if parent_id is not None:
        parent = await store.adaptations.load_adaptation(uow, parent_id)
        if parent is None or parent.solution_id != solution_id or not parent.visible_to(actor):
            raise no_such_adaptation()
    author = await store.access.load_participant(uow, solution.community_id, solution.author_id)
    problem, solution, made, event = adaptations.begin(
        problem,
        solution,
        parent,
        actor,
        adaptation_id,
        title=title,
        changes=changes,
        reasons=reasons,
        in_use=in_use,
        source_org_id=author.org_id if author else None,
        rules=Rules.of(community.rules),
        now=uow.now,
    )
    store.adaptations.save_adaptation(uow, made)
    await posting.admit(uow, actor, title, changes, reasons)
    await settling.conclude(uow, community, problem, solution, [event])
    return made


async def start(uow: UnitOfWork, actor_id: str, adaptation_id: str) -> Adaptation:
    """What was planned is in use."""
    problem, solution, present, actor, community = await _load(uow, actor_id, adaptation_id)
    rules = Rules.of(community.rules)
    problem, after, event = adaptations.start(problem, solution, present, actor, rules, uow.now)
    store.adaptations.save_adaptation(uow, after)
    await settling.conclude(uow, community, problem, solution, [event])
    return after


async def tell(
    uow: UnitOfWork, actor_id: str, note_id: str, adaptation_id: str, body: str
) -> tuple[Adaptation, Note]:
    """The adopter tells how it goes."""
    problem, solution, present, actor, community = await _load(uow, actor_id, adaptation_id)
    problem, after, note, event = adaptations.tell(problem, solution, present, actor, note_id, body, uow.now)
    store.adaptations.save_adaptation(uow, after)
    store.adaptations.save_note(uow, note)
    await settling.conclude(uow, community, problem, solution, [event])
    return after, note


async def report(
    uow: UnitOfWork,
    actor_id: str,
    adaptation_id: str,
    *,
    outcome: AdaptationOutcome,
    revision: int | None,
    measures: list[Measure],
    note: str,
) -> Adaptation:
    """The adopter tells what came of it; a failure pulls a practice's review forward."""
    problem, solution, present, actor, community = await _load(uow, actor_id, adaptation_id)
    problem, after, event = adaptations.report(
        problem,
        solution,
        present,
        actor,
        outcome=outcome,
        revision=revision,
        measures=measures,
        note=note,
        now=uow.now,
    )
    store.adaptations.save_adaptation(uow, after)
    if after.state == "failed":
        solution = practice.pull_review(solution, Rules.of(community.rules), uow.now)
    await settling.conclude(uow, community, problem, solution, [event])
    return after


async def _load(
    uow: UnitOfWork, actor_id: str, adaptation_id: str
) -> tuple[Problem, Solution, Adaptation, Participant, Community]:
    found = await store.adaptations.load_adaptation(uow, adaptation_id)
    if found is None:
        raise no_such_adaptation()
    try:
        problem, solution, actor, community = await settling.load(uow, actor_id, found.solution_id)
    except NotFound:
        raise no_such_adaptation() from None
    if not found.visible_to(actor):
        raise no_such_adaptation()
    return problem, solution, found, actor, community


async def ask(uow: UnitOfWork, adaptation_id: str) -> None:
    """Ask the adopter what came of it, if it is time and nobody did or told."""
    present = await store.adaptations.load_adaptation(uow, adaptation_id)
    if present is None or present.ask_at is None or present.ask_at > uow.now:
        return
    problem, solution = await _of(uow, present)
    at = present.ask_at
    problem, after, event = adaptations.ask(problem, solution, present, uow.now)
    store.adaptations.save_adaptation(uow, after)
    store.threads.save_thread(uow, problem)
    record(uow, event, at)


async def tell_adopters(uow: UnitOfWork, solution_id: str) -> None:
    """Tell the next adopters of a solution what happened to it."""
    telling = await store.adaptations.load_telling(uow, solution_id)
    if telling is None:
        return
    change, after = telling
    page = await store.adaptations.load_following(uow, solution_id, after, TOLD_AT_ONCE)
    if page:
        problem, solution = await _of(uow, page[0])
        for each in page:
            problem, _, event = adaptations.tell_of_change(problem, solution, each, change)
            record(uow, event)
        store.threads.save_thread(uow, problem)
    done = len(page) < TOLD_AT_ONCE
    store.adaptations.save_telling(uow, solution_id, None if done else page[-1].adaptation_id)


async def _of(uow: UnitOfWork, adaptation: Adaptation) -> tuple[Problem, Solution]:
    problem = await store.problems.load_problem(uow, adaptation.thread_id)
    solution = await store.solutions.load_solution(uow, adaptation.solution_id)
    if problem is None or solution is None:
        raise no_such_adaptation()
    return problem, solution
