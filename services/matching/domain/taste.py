"""What members like: communities and tags, learned from what all of them did, explained for each of them.

EASE (Steck 2019) on decayed weights: the weight of one item for another that explains best, over all
members, who takes part in what. A score is what a member's own tastes lead to, plus how popular the item is
now. The first is on the scale of the tastes, so whoever has few of them gets mostly what is popular: where
little is known of many members, tastes alone do worse than popularity.

The half-life, the root, the regularisation and what popularity is worth were chosen together, by the mean
gain over popularity on three communities, with tags as items, at many moments of their first four fifths.
The optimum is flat. Rows for the tags of each problem, a faster popularity, a smoothed co-occurrence, a low
rank and a ranker learned on all of these were tried: none was better in the mean, some were in one community.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import exp2, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import rules
from services.matching.domain.expertise import EPOCH

COMMUNITY, TAG = "community:", "tag:"
"""What an item's name begins with."""

Tastes = Mapping[str, float]
"""By item, how much somebody cares now."""


def grown(weight: float, at: datetime) -> float:
    """A weight as it is stored: its decay to any later moment is one common factor (see ``expertise``)."""
    return weight * exp2((at - EPOCH) / rules.EXPERTISE_HALF_LIFE)


def decayed(stored: float, now: datetime) -> float:
    """What is left of a stored weight at ``now``."""
    return stored * exp2((EPOCH - now) / rules.EXPERTISE_HALF_LIFE)


def strength(weight: float) -> float:
    """How much a taste counts: the tenth time says less than the first."""
    return sqrt(weight)


class Model(NamedTuple):
    """From each item to those that it leads to, and how popular each is, from 0 to 1."""

    leads_to: Mapping[str, Mapping[str, float]]
    popularity: Mapping[str, float]


def learn(members: Iterable[Tastes]) -> Model:
    """Learn from members' tastes.

    Only the strongest ``rules.ITEMS`` are learned. Takes seconds with these, most of them in NumPy.
    """
    rows = [{item: strength(weight) for item, weight in each.items() if weight > 0} for each in members]
    total: dict[str, float] = {}
    for row in rows:
        for item, weight in row.items():
            total[item] = total.get(item, 0.0) + weight
    items = sorted(total, key=lambda item: (-total[item], item))[: rules.ITEMS]
    if not items:
        return Model({}, {})
    number = {item: at for at, item in enumerate(items)}
    gram = np.zeros((len(items), len(items)))
    for row in rows:
        known = [(number[item], weight) for item, weight in row.items() if item in number]
        places = np.array([each[0] for each in known], int)
        values = np.array([each[1] for each in known])
        gram[np.ix_(places, places)] += np.outer(values, values)
    weights = ease(gram)
    leads_to = {}
    for at, item in enumerate(items):
        best = np.argsort(-np.abs(weights[at]), kind="stable")[: rules.NEIGHBOURS]
        leads_to[item] = {items[to]: float(weights[at, to]) for to in best if weights[at, to]}
    most = max(total.values())
    return Model(leads_to, {item: total[item] / most for item in items})


def scores(model: Model, tastes: Tastes) -> dict[str, float]:
    """How well each item of the model suits somebody: by what their tastes lead to, and by its popularity.
    For who has no tastes yet it is the popularity alone."""
    found = {item: rules.POPULARITY * popularity for item, popularity in model.popularity.items()}
    for item, weight in tastes.items():
        for to, worth in model.leads_to.get(item, {}).items():
            if to in found:
                found[to] += strength(weight) * worth
    return found


def because(model: Model, tastes: Tastes, item: str) -> list[str]:
    """The items among somebody's tastes that lead to ``item``, the one that counts most first."""
    terms = {
        each: strength(weight) * model.leads_to.get(each, {}).get(item, 0.0)
        for each, weight in tastes.items()
    }
    return sorted((each for each in terms if terms[each] > 0), key=lambda each: (-terms[each], each))


def ease(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each item (row) is worth for each other, from how strongly members have both; changes ``gram``."""
    gram[np.diag_indices_from(gram)] += rules.RIDGE
    inverse = np.linalg.inv(gram)
    weights: NDArray[np.float64] = -inverse / np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0
    return weights
