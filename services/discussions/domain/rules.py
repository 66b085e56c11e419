"""The numbers of discussions, each a named setting with the default of DOMAIN.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """A community's own rules will override these."""

    endorse_after: timedelta = timedelta(days=7)
    """How long one must have been a member before endorsing."""
    newcomer_for: timedelta = timedelta(days=30)
    newcomer_endorsements_a_day: int = 5
    endorsements_a_day: int = 30


RULES = Rules()
