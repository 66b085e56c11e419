"""From what speaks for each candidate to a ranking: the sum with weights by hand, and a learned correction.

The sum by hand is the fallback and the base: a learned ranker adds to it. Everything it sees is relative (to
the best for the problem, to the age of the community), so that what was learned in some communities holds in
others. Every score is the sum of its terms, and the reasons are told from these.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing import kernels
from services.matching.domain.routing.arrays import F64


@dataclass(frozen=True, slots=True)
class Weights:
    """The sum by hand: each term between 0 and its weight, for the best of all candidates."""

    similar: float = 0.1
    """Answers to similar problems, lately."""
    tags: float = 0.1
    """Answers on the problem's tags."""
    active: float = 0.3
    """Activity these days."""
    active_slow: float = 0.3
    """Activity these months. Some communities live by the day and some by the season: either counts."""
    skill: float = 0.1
    """For each unit of worth of a stated skill."""
    declined: float = -0.1
    """For each ask declined or ignored lately."""


TERMS: Final = tuple(field.name for field in fields(Weights))
"""The terms of a score by hand, in order."""

_SUMS: Final = (kernels.SIMILAR, kernels.TAGS, kernels.ACTIVE, kernels.ACTIVE_SLOW)


def by_hand(gathered: F64, declined: F64, weights: Weights = Weights()) -> F64:
    """The terms of each candidate's score, a row for each and a column for each of ``TERMS``."""
    terms = np.empty((len(gathered), len(TERMS)))
    for at, column in enumerate(_SUMS):
        terms[:, at] = relative(gathered[:, column]) * getattr(weights, TERMS[at])
    terms[:, 4] = gathered[:, kernels.SKILL] * weights.skill
    terms[:, 5] = declined * weights.declined
    return terms


def relative(values: F64) -> F64:
    """Values as shares of the largest."""
    largest = values.max(initial=0.0)
    return values / largest if largest > 0 else np.zeros(len(values))


def order(scores: F64) -> NDArray[np.int64]:
    """Best first; of equals the one that was found first, which is the one more similar."""
    return np.argsort(-scores, kind="stable")
