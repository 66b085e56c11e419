"""Lifting a best practice of an internal community to an external one."""

from __future__ import annotations

from collections.abc import Sequence

from services.discussions import store
from services.discussions.commands import access, problems, proposals, settling, solutions
from services.discussions.domain import lift as lifts
from services.discussions.domain.access import Participant
from services.discussions.domain.lift import Lift, no_such_lift
from services.discussions.domain.redaction import words
from shared.contracts.discussions import Context
from shared.errors import BadInput, Conflict, NotFound
from shared.storage import UnitOfWork


async def propose(
    uow: UnitOfWork,
    actor_id: str,
    lift_id: str,
    comment_id: str,
    solution_id: str,
    *,
    community_id: str,
    title: str,
    problem_body: str,
    body: str,
    tags: Sequence[str],
    context: Context,
    redact: Sequence[str],
    note: str,
) -> Lift:
    """Propose to lift a practice to a community that the actor belongs to, too; stewards are told by a
    comment."""
    _, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    if await store.access.load_participant(uow, community_id, actor_id) is None:
        raise BadInput(
            "no-such-community",
            "You belong to no such community.",
            field="/community_id",
            fix="Join it first.",
        )
    target = await store.access.load_community(uow, community_id)
    texts = [title, problem_body, body, *context.model_dump().values()]
    names: list[str] = []
    if community.org_id is not None:
        used = {word for text in texts for word in words(text)}
        names = await store.access.names_with(uow, community.org_id, used)
    made = lifts.propose(
        lift_id,
        solution,
        actor,
        community,
        target,
        title=title,
        problem_body=problem_body,
        body=body,
        tags=tags,
        context=context,
        terms=redact,
        names=names,
        now=uow.now,
    )
    store.lifts.save_lift(uow, made)
    await proposals.say(
        uow, actor, comment_id, solution, note, await store.access.stewards(uow, solution.community_id)
    )
    return made


async def approve(
    uow: UnitOfWork, actor_id: str, lift_id: str, target_thread_id: str, target_solution_id: str
) -> Lift:
    """A steward agrees: the practice appears in the other community, as the lifter's problem and solution."""
    present, actor = await _load(uow, actor_id, lift_id)
    problem, solution, _, community = await settling.load(uow, actor_id, present.solution_id)
    problem, after, provenance, event = lifts.approve(
        problem,
        solution,
        present,
        actor,
        target_thread_id=target_thread_id,
        target_solution_id=target_solution_id,
        now=uow.now,
    )
    for place in (present.community_id, present.target_community_id):
        if await store.access.load_participant(uow, place, present.lifter_id) is None:
            raise Conflict(
                "lifter-left",
                "Whoever proposed this no longer belongs to both communities.",
                fix="Decline it; somebody else may propose it.",
            )
    store.lifts.save_lift(uow, after)
    await settling.conclude(uow, community, problem, solution, [event])
    await problems.post_problem(
        uow, present.lifter_id, target_thread_id, present.target_community_id, title=present.title,
        body=present.problem_body, tags=present.tags, context=present.context,
    )  # fmt: skip
    await uow.flush()  # the solution builds on the problem
    await solutions.propose(
        uow, present.lifter_id, target_solution_id, target_thread_id, present.body, provenance=provenance
    )
    return after


async def decline(uow: UnitOfWork, actor_id: str, comment_id: str, lift_id: str, reason: str) -> Lift:
    """A steward does not agree; the lifter finds the reason among the comments."""
    present, actor = await _load(uow, actor_id, lift_id)
    _, solution, _ = await access.solution(uow, actor_id, present.solution_id)
    after = lifts.decline(present, actor, reason, uow.now)
    store.lifts.save_lift(uow, after)
    await proposals.say(uow, actor, comment_id, solution, reason, [present.lifter_id])
    return after


async def withdraw(uow: UnitOfWork, actor_id: str, lift_id: str) -> Lift:
    """The lifter takes it back."""
    present, actor = await _load(uow, actor_id, lift_id)
    after = lifts.withdraw(present, actor, uow.now)
    store.lifts.save_lift(uow, after)
    return after


async def _load(uow: UnitOfWork, actor_id: str, lift_id: str) -> tuple[Lift, Participant]:
    found = await store.lifts.load_lift(uow, lift_id)
    if found is None:
        raise no_such_lift()
    try:
        _, _, actor = await access.solution(uow, actor_id, found.solution_id)
    except NotFound:
        raise no_such_lift() from None
    return found, actor
