"""The numbers of members, each a named setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for everybody on the platform."""

    ask_again_after: timedelta = timedelta(days=30)
    """How long somebody waits before asking again: who was declined by the same member or community, and who
    was removed from the community."""

    community_budget: int = 4
    """How many communities a member can take part in, unless they say otherwise."""

    domains: int = 20
    """Domains of one organisation, proven or not."""
    administrators: int = 50
    """Administrators of one organisation."""


RULES = Rules()
