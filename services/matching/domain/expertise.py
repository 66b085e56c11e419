"""Who knows what: weights that fade, scores, and the reasons that are the score's own terms.

A contribution of weight w at time t counts w · 2^((t − now) / h) at ``now``, with the half-life h. What is
stored is the sum of w · 2^((t − EPOCH) / h): the decay to any moment is then one common factor, so nothing
is ever rewritten because time passes, a new contribution is one addition, taking it back one subtraction,
and an order by stored weight stays the order for ever. From 2008 to 2100 the exponents lie between −33 and
+155, far from the ±1022 at which doubles end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import exp2, log2
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from shared.contracts.discussions import (
    Basis,
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.members import Level

EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)

Kind = Literal["proposed", "endorsed", "accepted", "imported"]
"""How expertise is earned."""
Evidence = SolutionProposed | SolutionEndorsed | EndorsementWithdrawn | SolutionAccepted


def stored(weight: float, at: datetime) -> float:
    """The storable form of ``weight`` earned at ``at``; forms of one unit add up."""
    return weight * exp2((at - EPOCH) / rules.EXPERTISE_HALF_LIFE)


def faded(stored_weight: float, now: datetime) -> float:
    """What a stored weight counts at ``now``."""
    return stored_weight * exp2((EPOCH - now) / rules.EXPERTISE_HALF_LIFE)


class Amount(NamedTuple):
    """So many solutions, with so much weight (stored form)."""

    solutions: int = 0
    weight: float = 0.0


class Endorsement(BaseModel):
    """Somebody's endorsement, present or withdrawn; ``version`` is the thread's that said so last."""

    model_config = ConfigDict(frozen=True)

    endorser_id: str
    basis: Basis
    at: datetime
    active: bool
    version: int


class Solution(BaseModel):
    """What a solution is evidence of. ``version`` is the thread's version that gave the tags."""

    model_config = ConfigDict(frozen=True)

    solution_id: str
    community_id: str
    author_id: str
    tags: list[str]
    version: int
    proposed_at: datetime | None = None
    imported_score: int = 0
    accepted_at: datetime | None = None
    endorsements: list[Endorsement] = []


def with_evidence(solution: Solution | None, event: Evidence, at: datetime) -> Solution:
    """The solution after ``event``. An event that comes late (replayed) does not undo a later one."""
    if solution is None:
        solution = Solution(
            solution_id=event.solution_id,
            community_id=event.community_id,
            author_id=event.solution_author_id,
            tags=event.tags,
            version=event.version,
        )
    changes: dict[str, object] = {}
    if event.version > solution.version:
        changes |= {"tags": event.tags, "version": event.version}
    match event:
        case SolutionProposed():
            changes |= {"proposed_at": at, "imported_score": event.imported_score or 0}
        case SolutionAccepted():
            if event.accepted_by != solution.author_id:  # one's own word is no evidence
                changes["accepted_at"] = solution.accepted_at or at
        case SolutionEndorsed():
            changes["endorsements"] = _endorsed(
                solution, event.endorser_id, event.version, {"basis": event.basis, "at": at, "active": True}
            )
        case EndorsementWithdrawn():
            changes["endorsements"] = _endorsed(
                solution, event.endorser_id, event.version, {"at": at, "active": False}
            )
    return solution.model_copy(update=changes)


def _endorsed(
    solution: Solution, endorser_id: str, version: int, change: Mapping[str, object]
) -> list[Endorsement]:
    """The endorsements with one endorser's changed: nobody counts twice for one solution."""
    present = {each.endorser_id: each for each in solution.endorsements}
    before = present.get(endorser_id)
    if before is None or before.version < version:
        known = before.model_dump() if before else {"endorser_id": endorser_id, "basis": "reviewed"}
        present[endorser_id] = Endorsement.model_validate({**known, **change, "version": version})
    return list(present.values())


def earned(solution: Solution | None) -> dict[Kind, Amount]:
    """What a solution earns its author, on each of its tags."""
    if solution is None:
        return {}
    amounts: dict[Kind, Amount] = {}
    if solution.proposed_at is not None:
        amounts["proposed"] = Amount(solutions=1, weight=stored(rules.PROPOSED, solution.proposed_at))
        if (votes := min(solution.imported_score, rules.IMPORTED_CAP)) > 0:
            share = rules.IMPORTED_AT_CAP * votes / rules.IMPORTED_CAP
            amounts["imported"] = Amount(solutions=1, weight=stored(share, solution.proposed_at))
    if solution.accepted_at is not None:
        amounts["accepted"] = Amount(solutions=1, weight=stored(rules.ACCEPTED, solution.accepted_at))
    if active := [each for each in solution.endorsements if each.active]:
        weight = sum(stored(rules.ENDORSED[each.basis], each.at) for each in active)
        amounts["endorsed"] = Amount(solutions=1, weight=weight)
    return amounts


def difference(before: Solution | None, after: Solution) -> dict[tuple[str, Kind], Amount]:
    """By tag and kind, what to add to the author's expertise; changed tags move everything earned."""
    old, new = earned(before), earned(after)
    changes: dict[tuple[str, Kind], Amount] = {}
    for tag in dict.fromkeys([*(before.tags if before else ()), *after.tags]):
        was = old if before and tag in before.tags else {}
        becomes = new if tag in after.tags else {}
        for kind in {**was, **becomes}:
            minus, plus = was.get(kind, Amount()), becomes.get(kind, Amount())
            change = Amount(solutions=plus.solutions - minus.solutions, weight=plus.weight - minus.weight)
            if change != Amount():
                changes[tag, kind] = change
    return changes


class Expertise(NamedTuple):
    """What a member of a community is known to know of one tag: a stated skill, and what was earned."""

    community_id: str
    member_id: str
    tag: str
    level: Level | None
    earned: Mapping[Kind, Amount]


class Term(NamedTuple):
    """One addend of a score: so much for what, told in words only if it is told at all."""

    value: float
    kind: Kind | Literal["skill", "active"]
    tag: str = ""
    detail: int | str = ""
    """How many solutions, how far the skill goes, how long ago the activity was."""

    @property
    def words(self) -> str:
        """The same for people."""
        plural = "" if self.detail == 1 else "s"
        match self.kind:
            case "skill":
                return f"states the skill {self.tag} ({self.detail})"
            case "active":
                return f"active {self.detail}"
            case "proposed":
                return f"proposed {self.detail} solution{plural} on {self.tag}"
            case "imported":
                return f"votes from before the import for {self.detail} solution{plural} on {self.tag}"
            case "endorsed" | "accepted":
                return f"{self.detail} {self.kind} solution{plural} on {self.tag}"


def terms(expertise: Iterable[Expertise], last_active: datetime | None, now: datetime) -> list[Term]:
    """The terms of a member's score for a problem.

    ``expertise``: what is known of the member for the problem's tags. What was earned enters by its
    logarithm: the tenth endorsement says less than the first.
    """
    fade = faded(1.0, now)
    found: list[Term] = []
    for each in expertise:
        if each.level is not None:
            found.append(Term(rules.SKILL[each.level], "skill", each.tag, each.level))
        for kind, (count, weight) in each.earned.items():
            if count > 0 and weight > 0:
                found.append(Term(log2(1 + weight * fade), kind, each.tag, count))
    if last_active is not None and (age := now - last_active) <= rules.ACTIVITY_WINDOW:
        value = rules.ACTIVITY * min(1.0, exp2(-age / rules.ACTIVITY_HALF_LIFE))
        found.append(Term(value, "active", detail="this week" if age <= timedelta(days=7) else "this month"))
    return [term for term in found if term.value >= rules.NEGLIGIBLE]


def score(of: Sequence[Term]) -> float:
    """The sum of the terms; nothing without one about the problem's own tags: being active is not enough."""
    return sum(term.value for term in of) if any(term.tag for term in of) else 0.0


def reasons(of: Sequence[Term]) -> list[str]:
    """The largest terms in words."""
    return [term.words for term in sorted(of, key=lambda term: -term.value)[: rules.REASONS]]
