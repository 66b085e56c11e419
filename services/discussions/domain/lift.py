"""Lifting: a best practice of an internal community is shown to an external one, without names and with what
sets the stage, once a steward agrees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Community, Participant
from services.discussions.domain.ladder import RECOGNISED
from services.discussions.domain.practice import named, require_steward
from services.discussions.domain.problem import Problem
from services.discussions.domain.redaction import names_left, redacted
from services.discussions.domain.solution import Provenance, Solution
from shared.contracts.discussions import Context
from shared.contracts.practices import PracticeLifted
from shared.errors import BadInput, Conflict, Forbidden, NotFound

LiftState = Literal["proposed", "published", "declined", "withdrawn"]
Command = Literal["approve", "decline", "withdraw"]

TRANSITIONS: Mapping[LiftState, Mapping[Command, LiftState]] = {
    "proposed": {"approve": "published", "decline": "declined", "withdraw": "withdrawn"},
    "published": {},
    "declined": {},
    "withdrawn": {},
}
"""What leads where; whoever wants it otherwise proposes another one."""


class Lift(BaseModel):
    """What is to be shown, as it is to be shown: redacted already."""

    model_config = ConfigDict(frozen=True)

    lift_id: str
    thread_id: str
    community_id: str
    solution_id: str
    revision: int
    org_id: str
    lifter_id: str
    target_community_id: str
    title: str
    problem_body: str
    body: str
    tags: list[str]
    context: Context
    suspects: list[str]
    """Words left in it that are parts of members' names, or ordinary words: for the steward to look at."""
    state: LiftState = "proposed"
    at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    target_thread_id: str | None = None
    target_solution_id: str | None = None


def no_such_lift() -> NotFound:
    """Also for one that exists, but not for the one who asks."""
    return NotFound("no-such-lift", "There is no such lift.", fix="Check its id.")


def propose(
    lift_id: str,
    solution: Solution,
    lifter: Participant,
    community: Community,
    target: Community,
    *,
    title: str,
    problem_body: str,
    body: str,
    tags: Sequence[str],
    context: Context,
    terms: Sequence[str],
    names: Iterable[str],
    now: datetime,
) -> Lift:
    """Propose to lift a practice: ``terms`` are redacted, and no whole one of ``names`` may be left."""
    if community.kind != "internal" or community.org_id is None:
        raise Conflict("not-internal", "What is lifted comes from an internal community.")
    if target.kind != "external":
        raise BadInput(
            "not-external",
            "A practice is lifted to an external community.",
            field="/community_id",
            fix="Name one of these.",
        )
    _practice(solution)
    texts = {"title": title, "problem_body": problem_body, "body": body, **context.model_dump()}
    black = {field: redacted(text, terms) for field, text in texts.items()}
    left, suspects = names_left(list(black.values()), names)
    if left:
        raise BadInput(
            "names-left",
            f"Members of the organisation are named: {', '.join(left)[:500]}.",
            field="/redact",
            fix="Have these redacted, or write it without them.",
        )
    return Lift(
        lift_id=lift_id,
        thread_id=solution.thread_id,
        community_id=solution.community_id,
        solution_id=solution.solution_id,
        revision=solution.revision,
        org_id=community.org_id,
        lifter_id=lifter.member_id,
        target_community_id=target.community_id,
        title=black["title"],
        problem_body=black["problem_body"],
        body=black["body"],
        tags=list(tags),
        context=Context(**{field: black[field] for field in Context.model_fields}),
        suspects=suspects,
        at=now,
    )


def approve(
    problem: Problem,
    solution: Solution,
    lift: Lift,
    steward: Participant,
    *,
    target_thread_id: str,
    target_solution_id: str,
    now: datetime,
) -> tuple[Problem, Lift, Provenance, PracticeLifted]:
    """A steward other than the lifter agrees that it is shown outside."""
    lift = _decided(lift, "approve", steward, now).model_copy(
        update={"target_thread_id": target_thread_id, "target_solution_id": target_solution_id}
    )
    _practice(solution)
    problem = problem.then()
    event = PracticeLifted(
        **{**named(problem, solution), "revision": lift.revision},
        lift_id=lift.lift_id,
        lifted_by=lift.lifter_id,
        approved_by=steward.member_id,
        org_id=lift.org_id,
        target_community_id=lift.target_community_id,
        target_thread_id=target_thread_id,
        target_solution_id=target_solution_id,
    )
    provenance = Provenance(lift_id=lift.lift_id, org_id=lift.org_id, revision=lift.revision, lifted_at=now)
    return problem, lift, provenance, event


def decline(lift: Lift, steward: Participant, reason: str, now: datetime) -> Lift:
    """A steward does not want it to be shown outside."""
    return _decided(lift, "decline", steward, now).model_copy(update={"reason": reason})


def withdraw(lift: Lift, lifter: Participant, now: datetime) -> Lift:
    """The lifter takes it back."""
    if lifter.member_id != lift.lifter_id:
        raise Forbidden("not-yours", "Only the one who proposed it takes it back.")
    return _moved(lift, "withdraw", lifter, now)


def _practice(solution: Solution) -> None:
    if solution.state not in RECOGNISED:
        raise Conflict(
            "not-a-practice", f"This solution is {solution.state}: only best practices are lifted."
        )


def _decided(lift: Lift, command: Command, steward: Participant, now: datetime) -> Lift:
    require_steward(steward)
    if steward.member_id == lift.lifter_id:
        raise Forbidden("own-lift", "Somebody else has to look at it.", fix="Ask another steward.")
    return _moved(lift, command, steward, now)


def _moved(lift: Lift, command: Command, actor: Participant, now: datetime) -> Lift:
    following = TRANSITIONS[lift.state].get(command)
    if following is None:
        raise Conflict("lift-closed", f"This lift is {lift.state} already.")
    return lift.model_copy(update={"state": following, "decided_by": actor.member_id, "decided_at": now})
