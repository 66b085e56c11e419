"""A community's figures: how soon somebody answers, and how much is resolved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from services.discussions.domain.problem import ProblemState


class Asked(NamedTuple):
    """What the figures take of a problem."""

    posted_at: datetime
    answered_at: datetime | None
    state: ProblemState


class Figures(NamedTuple):
    """How a community does with its problems; what was withdrawn and what is a duplicate is none of them."""

    problems: int
    answered: int
    resolved: int
    median_seconds_to_answer: float | None
    """Of those that were answered; absent where none was."""
    share_resolved: float | None
    """Absent where there is no problem."""


def of(problems: Sequence[Asked]) -> Figures:
    """The figures of ``problems``."""
    counted = [each for each in problems if each.state not in ("withdrawn", "duplicate")]
    took = [
        max((each.answered_at - each.posted_at).total_seconds(), 0) for each in counted if each.answered_at
    ]
    resolved = sum(each.state == "resolved" for each in counted)
    return Figures(
        problems=len(counted),
        answered=len(took),
        resolved=resolved,
        median_seconds_to_answer=median(took) if took else None,
        share_resolved=resolved / len(counted) if counted else None,
    )
