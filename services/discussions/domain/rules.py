"""The numbers of discussions, each a named setting with the default of DOMAIN.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.contracts.members import CommunityRules


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in a community; it may set its own."""

    endorse_after: timedelta = timedelta(days=7)
    """How long one must have been a member before endorsing."""
    newcomer_for: timedelta = timedelta(days=30)
    newcomer_endorsements_a_day: int = 5
    endorsements_a_day: int = 30

    @staticmethod
    def of(own: CommunityRules) -> Rules:
        """The rules of a community that set its own."""
        return Rules(
            endorse_after=timedelta(days=own.endorse_after_days),
            newcomer_for=timedelta(days=own.newcomer_days),
            newcomer_endorsements_a_day=own.newcomer_endorsements_a_day,
            endorsements_a_day=own.endorsements_a_day,
        )


RULES = Rules()
