"""What the index answers: who could be asked about a problem, and what speaks for each of them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.arrays import F64, I64


class Found(NamedTuple):
    """What the index found for a problem: one row for each person who could be asked."""

    asker: int
    now: float
    similar: I64
    """Numbers of the most similar problems, best first."""
    similarity: F64
    """How similar, the best 1."""
    tags: I64
    """Lists of the problem's tags; ``NONE`` where nobody used one before."""
    places: NDArray[np.int32]
    gathered: F64
    """By place and column of ``kernels``: what speaks for each."""
    history: F64
    """By place and column of ``HISTORY``: what is known of each whatever the problem."""


HISTORY: Final = (
    "answers",
    "accepted",
    "endorsed",
    "asked",
    "first_gap",
    "last_gap",
    "heard_gap",
    "declined",
)
"""Counts; gaps in answers of the community, as a share of all; the asks declined or ignored lately. The gap
since somebody was heard of is told where it is among the newest answers; else it is that to their last."""


class Evidence(NamedTuple):
    """What somebody did that speaks for asking them."""

    similar: list[tuple[str, float, float]]
    """Problems they answered that are like this one, the most similar first: (id, similarity, when)."""
    tags: list[tuple[int, int, int]]
    """By tag of the problem: solutions of theirs, of these accepted, of these endorsed; lately, if many."""
    skills: list[float]
    """By tag of the problem: what their stated skill of that name is worth, 0 without one."""
    answers: int
    """Solutions of theirs in the community."""
    active_at: float | None
    """When something was last heard of them."""
    declined: float
    """Asks they declined or ignored lately, fading."""
