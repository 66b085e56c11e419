"""The numbers of discussions, each a named setting with the default of DOMAIN.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from shared.contracts.members import DEFAULT_RULES, CommunityRules


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in a community; it may set its own."""

    endorse_after: timedelta
    """How long one must have been a member before endorsing."""
    newcomer_for: timedelta
    newcomer_endorsements_a_day: int
    endorsements_a_day: int
    organisation_share: Fraction
    """The most that one organisation has of the endorsements counted in an external community."""
    recommended_endorsements: int
    recommended_tried: int
    recommended_score: float
    candidate_share: Fraction
    """Of the active members: so many endorsements a candidate takes, within the two bounds."""
    candidate_at_least: int
    candidate_at_most: int
    candidate_tried: int
    candidate_score: float
    candidate_adaptations: int
    approvals: int
    objection_period: timedelta
    """How long stewards may object to a candidate."""
    contested_dangerous: int
    contested_score: float
    ask_adopters_after: timedelta
    review_every: timedelta
    review_notice: timedelta
    review_after_failure: timedelta
    """How far ahead the next review is, at most, after an adaptation failed."""
    overdue_after: timedelta
    lapse_after: timedelta
    """How long after the day of a missed review a practice is called overdue, and lapses."""

    reads_for_endorsing: int = 5
    """So many threads read stand for a contribution."""

    @staticmethod
    def of(own: CommunityRules) -> Rules:
        """The rules of a community that set its own."""
        return Rules(
            endorse_after=timedelta(days=own.endorse_after_days),
            newcomer_for=timedelta(days=own.newcomer_days),
            newcomer_endorsements_a_day=own.newcomer_endorsements_a_day,
            endorsements_a_day=own.endorsements_a_day,
            organisation_share=_exact(own.organisation_share),
            recommended_endorsements=own.recommended_endorsements,
            recommended_tried=own.recommended_tried,
            recommended_score=own.recommended_score,
            candidate_share=_exact(own.candidate_share),
            candidate_at_least=own.candidate_at_least,
            candidate_at_most=own.candidate_at_most,
            candidate_tried=own.candidate_tried,
            candidate_score=own.candidate_score,
            candidate_adaptations=own.candidate_adaptations,
            approvals=own.approvals,
            objection_period=timedelta(days=own.objection_days),
            contested_dangerous=own.contested_dangerous,
            contested_score=own.contested_score,
            ask_adopters_after=timedelta(days=own.ask_adopters_after_days),
            review_every=timedelta(days=own.review_days),
            review_notice=timedelta(days=own.review_notice_days),
            review_after_failure=timedelta(days=own.failed_adaptation_review_days),
            overdue_after=timedelta(days=own.overdue_days),
            lapse_after=timedelta(days=own.lapse_days),
        )


def _exact(share: float) -> Fraction:
    """0.29 as 29 of 100: as a binary fraction, 29 % of 100 would be 28."""
    return Fraction(str(share))


RULES = Rules.of(DEFAULT_RULES)
