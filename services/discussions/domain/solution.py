"""A solution: immutable revisions, and who vouches for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant
from services.discussions.domain.item import Item
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from shared.contracts.discussions import (
    Basis,
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.errors import Conflict, Forbidden

DAY = timedelta(days=1)


class Revision(BaseModel):
    """One immutable text of a solution."""

    model_config = ConfigDict(frozen=True)

    solution_id: str
    number: int
    author_id: str
    body: str
    note: str
    major: bool
    at: datetime


class Solution(Item):
    """A solution with its present text; ``revision`` is the latest's number."""

    solution_id: str
    thread_id: str
    community_id: str
    authors: list[str]
    """Everybody who wrote a revision."""
    revision: int
    body: str
    endorsements: int = 0
    """Current ones: neither stale nor withdrawn."""
    tried: int = 0
    accepted: bool = False
    reused: int = 0
    """How many members said that they used it."""
    imported_score: int | None = None
    proposed_at: datetime
    updated_at: datetime


class Endorsement(BaseModel):
    """A member vouches for one revision."""

    model_config = ConfigDict(frozen=True)

    solution_id: str
    endorser_id: str
    org_id: str | None
    revision: int
    basis: Basis
    state: Literal["active", "stale", "withdrawn"] = "active"
    at: datetime


def propose(
    problem: Problem,
    author: Participant,
    solution_id: str,
    body: str,
    now: datetime,
    imported_score: int | None = None,
) -> tuple[Problem, Solution, Revision, SolutionProposed]:
    """A member proposes a solution: its revision 1. The first one makes an open problem answered."""
    state = "answered" if problem.state == "open" else problem.state
    problem = problem.then(solutions=problem.solutions + 1, state=state)
    solution = Solution(
        solution_id=solution_id,
        thread_id=problem.thread_id,
        community_id=problem.community_id,
        author_id=author.member_id,
        authors=[author.member_id],
        revision=1,
        body=body,
        imported_score=imported_score,
        proposed_at=now,
        updated_at=now,
    )
    revision = Revision(
        solution_id=solution_id, number=1, author_id=author.member_id, body=body, note="", major=True, at=now
    )
    event = SolutionProposed(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        solution_id=solution_id,
        solution_author_id=author.member_id,
        revision=1,
        problem_author_id=problem.author_id,
        problem_title=problem.title,
        tags=problem.tags,
        body=body,
        imported_score=imported_score,
    )
    return problem, solution, revision, event


def revise(
    problem: Problem,
    solution: Solution,
    editor_id: str,
    body: str,
    note: str,
    *,
    major: bool,
    now: datetime,
) -> tuple[Problem, Solution, Revision, SolutionRevised]:
    """A new revision. After a major one the endorsements so far are stale and an acceptance is void: they
    were for what it said before. A minor one keeps them."""
    void = major and problem.accepted_id == solution.solution_id
    problem = problem.then(accepted_id=None) if void else problem.then()
    number = solution.revision + 1
    kept = {} if not major else {"endorsements": 0, "tried": 0, "accepted": False}
    solution = solution.model_copy(
        update={
            "revision": number,
            "body": body,
            "authors": sorted({*solution.authors, editor_id}),
            "updated_at": now,
            **kept,
        }
    )
    revision = Revision(
        solution_id=solution.solution_id,
        number=number,
        author_id=editor_id,
        body=body,
        note=note,
        major=major,
        at=now,
    )
    event = SolutionRevised(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        solution_id=solution.solution_id,
        solution_author_id=solution.author_id,
        revision=number,
        editor_id=editor_id,
        major=major,
        note=note,
        body=body,
        endorsements=solution.endorsements,
    )
    return problem, solution, revision, event


def endorse(
    problem: Problem,
    solution: Solution,
    endorser: Participant,
    present: Endorsement | None,
    basis: Basis,
    *,
    rules: Rules,
    now: datetime,
) -> tuple[Problem, Solution, Endorsement, SolutionEndorsed]:
    """Vouch for the present revision."""
    _may_endorse(solution, endorser, rules, now)
    if present is not None and present.state == "active":
        raise Conflict(
            "already-endorsed", "You endorse this solution already.", fix="Withdraw it to give another."
        )
    problem = problem.then()
    endorsement = Endorsement(
        solution_id=solution.solution_id,
        endorser_id=endorser.member_id,
        org_id=endorser.org_id,
        revision=solution.revision,
        basis=basis,
        at=now,
    )
    solution = solution.model_copy(
        update={
            "endorsements": solution.endorsements + 1,
            "tried": solution.tried + (basis == "tried"),
        }
    )
    event = SolutionEndorsed(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        solution_id=solution.solution_id,
        solution_author_id=solution.author_id,
        revision=solution.revision,
        endorser_id=endorser.member_id,
        endorser_org_id=endorser.org_id,
        basis=basis,
        problem_title=problem.title,
        tags=problem.tags,
        endorsements=solution.endorsements,
    )
    return problem, solution, endorsement, event


def _may_endorse(solution: Solution, endorser: Participant, rules: Rules, now: datetime) -> None:
    if endorser.member_id in solution.authors:
        raise Forbidden("own-solution", "Nobody endorses a solution that they wrote a revision of.")
    age = now - endorser.joined_at
    if age < rules.endorse_after:
        days = rules.endorse_after.days
        raise Forbidden(
            "too-new",
            f"Endorsing takes {days} days of membership.",
            fix="Comment on what you tried meanwhile.",
        )
    if not endorser.contributed:
        raise Forbidden(
            "no-contribution",
            "Endorsing takes a contribution to the community.",
            fix="Post, answer or comment first.",
        )
    limit = rules.newcomer_endorsements_a_day if age < rules.newcomer_for else rules.endorsements_a_day
    today = sum(now - DAY < at <= now for at in endorser.endorsed_at)
    if today >= limit:
        raise Forbidden(
            "daily-limit",
            f"You gave {today} endorsements in the last day; {limit} is the limit.",
            fix="Wait a day.",
        )


def withdraw(
    problem: Problem, solution: Solution, present: Endorsement | None
) -> tuple[Problem, Solution, Endorsement, EndorsementWithdrawn]:
    """No longer vouch for it; a stale endorsement can be withdrawn, too."""
    if present is None or present.state == "withdrawn":
        raise Conflict("not-endorsed", "You do not endorse this solution.")
    counted = present.state == "active"
    problem = problem.then()
    solution = solution.model_copy(
        update={
            "endorsements": solution.endorsements - counted,
            "tried": solution.tried - (counted and present.basis == "tried"),
        }
    )
    event = EndorsementWithdrawn(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        solution_id=solution.solution_id,
        solution_author_id=solution.author_id,
        revision=present.revision,
        endorser_id=present.endorser_id,
        tags=problem.tags,
        endorsements=solution.endorsements,
    )
    return problem, solution, present.model_copy(update={"state": "withdrawn"}), event


def accept(
    problem: Problem, solution: Solution, actor: Participant
) -> tuple[Problem, Solution, SolutionAccepted]:
    """The one who asked says that this solved it; a later acceptance takes the place of an earlier one."""
    if actor.member_id != problem.author_id:
        raise Forbidden("not-the-asker", "Only the one who asked accepts.", fix="Endorse it instead.")
    if problem.accepted_id == solution.solution_id:
        raise Conflict("already-accepted", "This solution is accepted already.")
    problem = problem.then(accepted_id=solution.solution_id)
    solution = solution.model_copy(update={"accepted": True})
    return (
        problem,
        solution,
        SolutionAccepted(
            thread_id=problem.thread_id,
            version=problem.version,
            community_id=problem.community_id,
            solution_id=solution.solution_id,
            solution_author_id=solution.author_id,
            revision=solution.revision,
            accepted_by=actor.member_id,
            problem_title=problem.title,
            tags=problem.tags,
        ),
    )
