"""A solution: immutable revisions, and who vouches for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Participant, require_author_or_curator
from services.discussions.domain.item import Item, Said
from services.discussions.domain.ladder import TRANSITIONS, Candidacy, Recognition, score
from services.discussions.domain.moderation import require_unlocked
from services.discussions.domain.problem import Problem, after
from services.discussions.domain.rules import Rules
from shared.contracts.discussions import (
    Basis,
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
    SolutionState,
)
from shared.errors import Conflict, Forbidden

DAY = timedelta(days=1)
INVITATIONS = 20
"""How many may be asked to be co-authors of a solution, and not have agreed yet."""


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


class Provenance(BaseModel):
    """Where a solution comes from that was lifted out of an internal community."""

    model_config = ConfigDict(frozen=True)

    lift_id: str
    org_id: str
    revision: int
    """The practice's, there."""
    lifted_at: datetime


class Solution(Item):
    """A solution with its present text; ``revision`` is the latest's number."""

    solution_id: str
    thread_id: str
    community_id: str
    authors: list[str]
    """Everybody who wrote a revision, and who was asked to be a co-author and agreed."""
    invited: list[str] = Field(default_factory=list)
    """Who was asked and has not agreed yet."""
    revision: int
    body: str
    endorsements: int = 0
    """Current ones: neither stale nor withdrawn."""
    tried: int = 0
    by_organisation: dict[str, int] = Field(default_factory=dict)
    """Current endorsements of each organisation's members."""
    counted: int = 0
    """Current endorsements that count: all of them, but for an organisation's limited share."""
    contesting: int = 0
    """Members who contest it."""
    dangerous: int = 0
    """Those among them who say that it is dangerous."""
    adaptations: int = 0
    """How often it was adapted."""
    worked: int = 0
    """Adaptations that worked, by different organisations or people."""
    text_since: int = 1
    """The latest major revision: what was said about earlier ones was about another text."""
    state: SolutionState = "proposed"
    candidacy: Candidacy | None = None
    recognition: Recognition | None = None
    superseded_by: str | None = None
    provenance: Provenance | None = None
    due_at: datetime | None = None
    """When time alone changes something about it next."""
    accepted: bool = False
    reused: int = 0
    """How many members said that they used it."""
    imported_score: int | None = None
    proposed_at: datetime
    updated_at: datetime

    def said(self) -> Said | None:
        """What search is to find it by; ``accepted`` is a state to search for."""
        author_id = None if self.anonymous else self.author_id
        state = "accepted" if self.accepted and self.state == "proposed" else self.state
        return Said(
            "solution", self.solution_id, self.thread_id, self.community_id, author_id, self.proposed_at,
            "", self.body, (), state,
        )  # fmt: skip

    @property
    def score(self) -> float:
        """How far the community stands behind it, between 0 and 1."""
        return score(self.counted, self.contesting)


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
    provenance: Provenance | None = None,
) -> tuple[Problem, Solution, Revision, SolutionProposed]:
    """A member proposes a solution: its revision 1. The first one makes an open problem answered."""
    require_unlocked(problem, author)
    problem = problem.then(
        state=after(problem, "answer"),
        solutions=problem.solutions + 1,
        answered_at=problem.answered_at or now,
    )
    solution = Solution(
        solution_id=solution_id,
        thread_id=problem.thread_id,
        community_id=problem.community_id,
        author_id=author.member_id,
        authors=[author.member_id],
        anonymous=problem.anonymous and author.member_id == problem.author_id,
        hidden=problem.hidden,
        revision=1,
        body=body,
        imported_score=imported_score,
        provenance=provenance,
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
    merged_by: str | None = None,
) -> tuple[Problem, Solution, Revision, SolutionRevised]:
    """A new revision. After a major one the endorsements so far are stale, an acceptance and a recognition
    as a best practice are void, and adaptations count no more: they were of what it said before. A minor one
    keeps them. ``merged_by``: who made a revision of what the editor proposed."""
    void = major and problem.accepted_id == solution.solution_id
    problem = problem.then(accepted_id=None) if void else problem.then()
    number = solution.revision + 1
    kept: dict[str, object] = {}
    if major:
        kept = {
            "endorsements": 0,
            "tried": 0,
            "by_organisation": {},
            "worked": 0,
            "text_since": number,
            "accepted": False,
            "state": TRANSITIONS[solution.state].get("revise", solution.state),
            "recognition": None,
        }
    solution = solution.model_copy(
        update={
            "revision": number,
            "body": body,
            "updated_at": now,
            **kept,
        }
    )
    solution = with_author(solution, editor_id)
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
        merged_by=merged_by,
    )
    return problem, solution, revision, event


def with_author(solution: Solution, member_id: str) -> Solution:
    """The solution with one more author. They decide nothing about it any more: their approval of it as a
    candidate goes; their endorsement has to be withdrawn."""
    candidacy = solution.candidacy
    if candidacy is not None:
        others = [each for each in candidacy.approvals if each != member_id]
        candidacy = candidacy.model_copy(update={"approvals": others})
    authors = sorted({*solution.authors, member_id})
    invited = [each for each in solution.invited if each != member_id]
    return solution.model_copy(update={"authors": authors, "invited": invited, "candidacy": candidacy})


def require_author(solution: Solution, actor: Participant, what: str) -> None:
    """Its authors, facilitators and stewards may change a solution."""
    if actor.member_id not in solution.authors:
        require_author_or_curator(actor, solution.author_id, what)


def invite(solution: Solution, author: Participant, member_id: str) -> Solution:
    """An author asks somebody to be a co-author."""
    if author.member_id not in solution.authors:
        raise Forbidden("not-yours", "Only its authors ask for co-authors.")
    if member_id in solution.authors or member_id in solution.invited:
        raise Conflict("already-asked", "They are an author already, or have been asked.")
    if len(solution.invited) >= INVITATIONS:
        raise Conflict("too-many-asked", f"No more than {INVITATIONS} are asked at a time.")
    return solution.model_copy(update={"invited": [*solution.invited, member_id]})


def join(solution: Solution, member: Participant) -> Solution:
    """Whoever was asked agrees to be a co-author."""
    if member.member_id not in solution.invited:
        raise Conflict(
            "not-asked", "Nobody asked you to be an author of this solution.", fix="Propose a text."
        )
    return with_author(solution, member.member_id)


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
    return _endorsed(problem, solution, endorser, basis, now)


def reaffirm(
    problem: Problem, solution: Solution, endorser: Participant, present: Endorsement | None, now: datetime
) -> tuple[Problem, Solution, Endorsement, SolutionEndorsed]:
    """An endorsement that a major revision made stale still holds. Whoever is asked is not counted down."""
    if present is None or present.state != "stale":
        raise Conflict("not-stale", "You have no stale endorsement of this solution.", fix="Endorse it.")
    _not_an_author(solution, endorser)
    not_superseded(solution)
    return _endorsed(problem, solution, endorser, present.basis, now)


def _endorsed(
    problem: Problem, solution: Solution, endorser: Participant, basis: Basis, now: datetime
) -> tuple[Problem, Solution, Endorsement, SolutionEndorsed]:
    problem = problem.then()
    endorsement = Endorsement(
        solution_id=solution.solution_id,
        endorser_id=endorser.member_id,
        org_id=endorser.org_id,
        revision=solution.revision,
        basis=basis,
        at=now,
    )
    solution = _tallied(solution, endorsement, 1)
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


def _tallied(solution: Solution, endorsement: Endorsement, by: int) -> Solution:
    """With one endorsement more or less."""
    organisations = dict(solution.by_organisation)
    if endorsement.org_id is not None:
        organisations[endorsement.org_id] = organisations.get(endorsement.org_id, 0) + by
    return solution.model_copy(
        update={
            "endorsements": solution.endorsements + by,
            "tried": solution.tried + (by if endorsement.basis == "tried" else 0),
            "by_organisation": {org_id: n for org_id, n in organisations.items() if n},
        }
    )


def not_superseded(solution: Solution) -> None:
    """What another solution took the place of is history."""
    if solution.state == "superseded":
        raise Conflict(
            "superseded",
            "Another solution took the place of this one.",
            fix=f"See {solution.superseded_by}.",
        )


def _not_an_author(solution: Solution, endorser: Participant) -> None:
    if endorser.member_id in solution.authors:
        raise Forbidden("own-solution", "Nobody endorses a solution that they wrote a revision of.")


def _may_endorse(solution: Solution, endorser: Participant, rules: Rules, now: datetime) -> None:
    _not_an_author(solution, endorser)
    not_superseded(solution)
    age = now - endorser.joined_at
    if age < rules.endorse_after:
        days = rules.endorse_after.days
        raise Forbidden(
            "too-new",
            f"Endorsing takes {days} days of membership.",
            fix="Comment on what you tried meanwhile.",
        )
    if not endorser.contributed and endorser.threads_read < rules.reads_for_endorsing:
        raise Forbidden(
            "no-contribution",
            f"Endorsing takes a contribution to the community, or {rules.reads_for_endorsing} threads read.",
            fix="Post, answer, comment or read first.",
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
    problem = problem.then()
    if present.state == "active":
        solution = _tallied(solution, present, -1)
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
