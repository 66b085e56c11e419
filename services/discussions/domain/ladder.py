"""The ladder that a solution climbs: from proposed to best practice, and how it stays one.

Everything here is decided from counts and the community's rules; `practice` applies it to a solution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.rules import Rules
from shared.contracts.discussions import SolutionState

Step = Literal[
    "recommend", "nominate", "demote", "recognise", "announce", "reverify", "lapse", "revise", "contest",
    "settle", "uphold", "supersede",
]  # fmt: skip

TRANSITIONS: Mapping[SolutionState, Mapping[Step, SolutionState]] = {
    "proposed": {"recommend": "recommended", "contest": "contested", "supersede": "superseded"},
    "recommended": {
        "nominate": "candidate", "demote": "proposed", "contest": "contested", "supersede": "superseded",
    },
    "candidate": {
        "recognise": "best-practice", "demote": "recommended", "contest": "contested",
        "supersede": "superseded",
    },
    "best-practice": {
        "announce": "review-due", "reverify": "re-verified", "revise": "proposed", "contest": "contested",
        "supersede": "superseded",
    },
    "review-due": {
        "reverify": "re-verified", "lapse": "lapsed", "revise": "proposed", "contest": "contested",
        "supersede": "superseded",
    },
    "re-verified": {
        "announce": "review-due", "reverify": "re-verified", "revise": "proposed", "contest": "contested",
        "supersede": "superseded",
    },
    "lapsed": {"reverify": "re-verified", "revise": "proposed", "supersede": "superseded"},
    "contested": {"settle": "proposed", "uphold": "best-practice", "supersede": "superseded"},
    "superseded": {},
}  # fmt: skip
"""What leads where.

One rung at a time: what meets the conditions of a candidate at once is recommended first, and what no longer
meets them falls step by step to where the counts put it. A recognised practice does not fall because
endorsements are withdrawn: that is what its reviews are for. It stops being one when it is contested, lapses,
is superseded, or is revised in substance: what was recognised is then no longer what it says, so it has to
climb again ("revise"). What was contested goes back to being recognised where it was ("uphold") if it still
says what was recognised.
"""

RECOGNISED: frozenset[SolutionState] = frozenset({"best-practice", "review-due", "re-verified"})


class Word(BaseModel):
    """A steward's objection or pause, with its reason."""

    model_config = ConfigDict(frozen=True)

    steward_id: str
    reason: str
    at: datetime


class Candidacy(BaseModel):
    """A candidate before the stewards. The clock stands while there is an objection or a pause."""

    model_config = ConfigDict(frozen=True)

    approvals: list[str] = []
    """Stewards who approve."""
    objections: list[Word] = []
    """One for each steward who objects."""
    pause: Word | None = None
    closes_at: datetime
    """When silence makes it a best practice; later by as long as the clock stands."""
    stopped_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether the clock has to stand."""
        return bool(self.objections) or self.pause is not None


class Recognition(BaseModel):
    """What was recognised, and when it has to be looked at again."""

    model_config = ConfigDict(frozen=True)

    revision: int
    recognised_at: datetime
    review_at: datetime
    overdue: bool = False
    """The review is so late that it is said."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The counts that decide."""

    endorsements: int
    """Current ones that count: see `counted`."""
    tried: int
    """Current ones whose endorser tried it."""
    contesting: int
    """Members who contest it."""
    dangerous: int
    """Those among them who say that it is dangerous."""
    worked: int
    """Adaptations that worked, by different organisations or people."""
    active_members: int = 0
    """Of the community."""

    @property
    def score(self) -> float:
        """Between 0 and 1; a half where nobody said anything yet."""
        return score(self.endorsements, self.contesting)


def score(endorsements: int, contesting: int) -> float:
    """How far the community stands behind it: (E + 2) / (E + C + 4)."""
    return (endorsements + 2) / (endorsements + contesting + 4)


def counted(by_organisation: Iterable[int], unaffiliated: int, share: Fraction) -> int:
    """How many endorsements count so that no organisation has more than ``share`` of those that do.

    The largest T with T = unaffiliated + sum of min(n, floor(share * T)) over the organisations' n: each
    organisation's endorsements count up to its share of the total that results, and no further. Those
    without an organisation all count.
    """
    organisations = list(by_organisation)
    total = sum(organisations) + unaffiliated
    while True:
        most = floor(share * total)
        fitting = unaffiliated + sum(min(each, most) for each in organisations)
        if fitting == total:
            return total
        total = fitting


def candidate_endorsements(active_members: int, rules: Rules) -> int:
    """The endorsements that a candidate takes in a community with so many active members."""
    wanted = ceil(rules.candidate_share * active_members)
    return min(max(wanted, rules.candidate_at_least), rules.candidate_at_most)


def members_that_matter(rules: Rules) -> int:
    """More active members than this make no difference to `candidate_endorsements`."""
    return ceil(rules.candidate_at_most / rules.candidate_share)


def contested(evidence: Evidence, rules: Rules) -> bool:
    """Whether members' doubts outweigh. What nobody contests is not contested, however few endorse it."""
    return evidence.contesting > 0 and (
        evidence.dangerous >= rules.contested_dangerous or evidence.score < rules.contested_score
    )


def recommended(evidence: Evidence, rules: Rules) -> bool:
    """Whether the counts suffice for being recommended."""
    return (
        evidence.endorsements >= rules.recommended_endorsements
        and evidence.tried >= rules.recommended_tried
        and evidence.score >= rules.recommended_score
    )


def candidate(evidence: Evidence, rules: Rules) -> bool:
    """Whether the counts suffice for being a candidate; it then is recommended, too."""
    return (
        recommended(evidence, rules)
        and evidence.endorsements >= candidate_endorsements(evidence.active_members, rules)
        and evidence.tried >= rules.candidate_tried
        and evidence.score >= rules.candidate_score
        and evidence.worked >= rules.candidate_adaptations
        and evidence.dangerous == 0
    )


def next_step(state: SolutionState, evidence: Evidence, rules: Rules, *, recognised: bool) -> Step | None:
    """The step that the counts call for; none where it is where it belongs.

    ``recognised``: it says what was recognised once, and was neither superseded nor lapsed since.
    """
    doubted = contested(evidence, rules)
    match state:
        case "contested":
            return None if doubted else "uphold" if recognised else "settle"
        case "superseded" | "lapsed":
            return None
        case _ if doubted:
            return "contest"
        case "proposed":
            return "recommend" if recommended(evidence, rules) else None
        case "recommended" if candidate(evidence, rules):
            return "nominate"
        case "recommended":
            return None if recommended(evidence, rules) else "demote"
        case "candidate":
            return None if candidate(evidence, rules) else "demote"
        case _:
            return None


def due_at(
    state: SolutionState, candidacy: Candidacy | None, recognition: Recognition | None, rules: Rules
) -> datetime | None:
    """When time alone changes something next."""
    if state == "candidate" and candidacy is not None and not candidacy.stopped:
        return candidacy.closes_at
    if recognition is None:
        return None
    match state:
        case "best-practice" | "re-verified":
            return recognition.review_at - rules.review_notice
        case "review-due" if not recognition.overdue:
            return recognition.review_at + rules.overdue_after
        case "review-due":
            return recognition.review_at + rules.lapse_after
        case _:
            return None
