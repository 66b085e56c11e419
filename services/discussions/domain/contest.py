"""A contest: a member says what is wrong with a solution, until that is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant
from services.discussions.domain.practice import named
from services.discussions.domain.problem import Problem
from services.discussions.domain.solution import Endorsement, Solution, not_superseded
from shared.contracts.practices import ContestKind, ContestResolved, Resolution, SolutionContested
from shared.errors import Conflict, Forbidden, NotFound

ContestState = Literal["open", "revised", "answered", "withdrawn"]
Command = Literal["revise", "answer", "withdraw"]

TRANSITIONS: Mapping[ContestState, Mapping[Command, ContestState]] = {
    "open": {"revise": "revised", "answer": "answered", "withdraw": "withdrawn"},
    "revised": {},
    "answered": {},
    "withdrawn": {},
}
"""What leads where; whoever still sees it so contests anew."""


class Contest(BaseModel):
    """What a member says against one revision of a solution."""

    model_config = ConfigDict(frozen=True)

    contest_id: str
    solution_id: str
    thread_id: str
    community_id: str
    contester_id: str
    kind: ContestKind
    reason: str
    revision: int
    state: ContestState = "open"
    at: datetime
    resolved_by: str | None = None
    word: str = ""
    resolved_at: datetime | None = None


def no_such_contest() -> NotFound:
    """Also for one of another solution."""
    return NotFound("no-such-contest", "There is no such contest.", fix="Check its id.")


def not_contesting(open_one: Contest | None) -> None:
    """Nobody vouches for what they contest."""
    if open_one is not None:
        raise Conflict("you-contest-it", "You contest this solution.", fix="Withdraw that first.")


def contest(
    problem: Problem,
    solution: Solution,
    contester: Participant,
    contest_id: str,
    *,
    open_one: Contest | None,
    endorsement: Endorsement | None,
    kind: ContestKind,
    reason: str,
    now: datetime,
) -> tuple[Problem, Solution, Contest, SolutionContested]:
    """Say what is wrong with it. ``open_one`` and ``endorsement``: what the member has there already."""
    not_superseded(solution)
    if contester.member_id in solution.authors:
        raise Forbidden("own-solution", "Authors do not contest their own solution.", fix="Revise it.")
    if open_one is not None:
        raise Conflict(
            "already-contested",
            "You contest this solution already.",
            fix="Withdraw that to say something else.",
        )
    if endorsement is not None and endorsement.state == "active":
        raise Conflict(
            "already-endorsed", "You vouch for this solution.", fix="Withdraw your endorsement first."
        )
    problem = problem.then()
    solution = solution.model_copy(
        update={
            "contesting": solution.contesting + 1,
            "dangerous": solution.dangerous + (kind == "dangerous"),
        }
    )
    made = Contest(
        contest_id=contest_id,
        solution_id=solution.solution_id,
        thread_id=problem.thread_id,
        community_id=problem.community_id,
        contester_id=contester.member_id,
        kind=kind,
        reason=reason,
        revision=solution.revision,
        at=now,
    )
    event = SolutionContested(
        **named(problem, solution),
        contest_id=contest_id,
        contester_id=contester.member_id,
        kind=kind,
        reason=reason,
        contesting=solution.contesting,
        state=solution.state,
    )
    return problem, solution, made, event


def withdraw(
    problem: Problem, solution: Solution, present: Contest, actor: Participant, now: datetime
) -> tuple[Problem, Solution, Contest, ContestResolved]:
    """The one who contests no longer does."""
    if actor.member_id != present.contester_id:
        raise Forbidden("not-yours", "Only the one who contests it takes that back.")
    return _resolved(problem, solution, present, "withdraw", actor, "", now)


def resolve(
    problem: Problem, solution: Solution, present: Contest, actor: Participant, word: str, now: datetime
) -> tuple[Problem, Solution, Contest, ContestResolved]:
    """An author, having revised the solution since, or a steward says what became of it.

    What is said to be dangerous takes a major revision. A steward who is an author counts as an author.
    """
    if actor.member_id in solution.authors:
        revised = solution.text_since if present.kind == "dangerous" else solution.revision
        if revised <= present.revision:
            kind = "major revision" if present.kind == "dangerous" else "revision"
            raise Conflict(
                "not-revised",
                f"An author resolves this with a {kind} after revision {present.revision}.",
                fix="Revise the solution first, or ask a steward.",
            )
        return _resolved(problem, solution, present, "revise", actor, word, now)
    if actor.role != "steward":
        raise Forbidden("not-yours", "Its authors and the stewards resolve what is said against a solution.")
    if actor.member_id == present.contester_id:
        raise Forbidden("own-contest", "Nobody answers themselves.", fix="Withdraw it instead.")
    return _resolved(problem, solution, present, "answer", actor, word, now)


def _resolved(
    problem: Problem,
    solution: Solution,
    present: Contest,
    command: Command,
    actor: Participant,
    word: str,
    now: datetime,
) -> tuple[Problem, Solution, Contest, ContestResolved]:
    following = TRANSITIONS[present.state].get(command)
    if following is None:
        raise Conflict("contest-closed", f"This contest is {present.state} already.")
    problem = problem.then()
    solution = solution.model_copy(
        update={
            "contesting": solution.contesting - 1,
            "dangerous": solution.dangerous - (present.kind == "dangerous"),
        }
    )
    how: Resolution = following  # type: ignore[assignment]  # of the states only "open" is no resolution
    after = present.model_copy(
        update={"state": following, "resolved_by": actor.member_id, "word": word, "resolved_at": now}
    )
    event = ContestResolved(
        **named(problem, solution),
        contest_id=present.contest_id,
        contester_id=present.contester_id,
        resolved_by=actor.member_id,
        how=how,
        word=word,
        contesting=solution.contesting,
        state=solution.state,
    )
    return problem, solution, after, event
