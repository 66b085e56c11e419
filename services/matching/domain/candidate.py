"""Somebody who could be asked about a problem, and what their place in its ranking is worth."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from math import inf
from typing import Literal, NamedTuple

from services.matching.domain import rules
from services.matching.domain.workload import Workload


class Candidate(NamedTuple):
    """Somebody who could be asked about a problem."""

    member_id: str
    score: float
    knows: bool
    """Whether anything speaks for them that has to do with the problem."""
    solutions: int
    """How many they proposed in the community."""
    org_id: str | None
    standing: Literal["active", "dormant", "none"]
    """In the problem's community, now."""
    away_until: datetime | None = None
    hours_a_week: int | None = None
    workload: Workload | None = None

    @property
    def perspective(self) -> str:
        """Their organisation; somebody without one speaks for themselves."""
        return self.org_id or f"member {self.member_id}"

    @property
    def has_little_history(self) -> bool:
        """Whether the seat for new faces is theirs to have."""
        return self.solutions < rules.LITTLE_HISTORY

    def weighed(self, tags: Collection[str], now: datetime) -> float:
        """The score, less what they were asked lately and what they said is not their field. A learned ranker
        takes scores below zero, too: there, less is further down."""
        share = self.share(tags, now)
        if self.score > 0:
            return self.score * share
        return self.score / share if share > 0 else -inf

    def share(self, tags: Collection[str], now: datetime) -> float:
        """What is left of the score for a problem with ``tags``, from 0 to 1."""
        return self.workload.share(tags, now) if self.workload else 1.0
