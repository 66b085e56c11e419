"""From what speaks for each candidate to a ranking: the sum with weights by hand, and a learned correction.

The sum by hand is the fallback and the base: a learned ranker adds to it. Everything it sees is relative (to
the best for the problem, to how much the community has seen), so that what was learned in some communities
holds in others. Every score is the sum of its terms, and the reasons are told from these.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing import kernels
from services.matching.domain.routing.arrays import F64, NONE


@dataclass(frozen=True, slots=True)
class Weights:
    """The sum by hand: each term but the last between 0 and its weight, for the best of all candidates."""

    similar: float = 0.2
    """Answers to similar problems, lately."""
    tags: float = 0.2
    """Answers on the problem's tags."""
    active: float = 0.3
    """Activity just now."""
    active_slow: float = 0.3
    """Activity lately."""
    skill: float = 0.1
    """For each unit of worth of a stated skill."""
    declined: float = -0.5
    """The share of all this that is taken off for asks declined or ignored lately: half of it for the first,
    never the whole of it for any number. To decline once is not to be forgotten."""


TERMS: Final = tuple(field.name for field in fields(Weights))
"""The terms of a score by hand, in order."""

_SUMS: Final = (kernels.SIMILAR, kernels.TAGS, kernels.ACTIVE, kernels.ACTIVE + 1)

SHARES: Final = (
    *range(kernels.SIMILAR, kernels.SIMILAR_GAP),
    *range(kernels.TAGS, kernels.TAGS_GAP),
    *range(kernels.ACTIVE, kernels.SKILL),
    kernels.MET,
)
"""Columns that are told to a learned ranker as a share of the largest, and by rank."""
GAPS: Final = (kernels.SIMILAR_GAP, kernels.TAGS_GAP)
"""Columns that are told as they are, by their logarithm."""


def _term_of(column: int) -> str:
    if column < kernels.TAGS or column == kernels.MET:
        return "similar"
    return "tags" if column < kernels.ACTIVE else "active"


_TERM_OF_FEATURE: Final = (
    *(_term_of(column) for column in SHARES for _ in range(2)),
    *(_term_of(column) for column in GAPS),
    *("active_slow",) * 7,
    *("active_slow",) * 2,
)
FEATURES: Final = len(_TERM_OF_FEATURE)
"""How many features there are."""
_TERM_NUMBERS: Final = np.array([TERMS.index(term) for term in _TERM_OF_FEATURE])
TOP: Final = 200
"""A learned ranker orders so many, the best by hand."""


def features(gathered: F64, history: F64, scores: F64) -> F64:
    """What a learned ranker sees of each candidate: a row for each. ``scores``: by hand."""
    answers, accepted, _, asked, first, last, heard, _ = history.T
    columns: list[F64] = []
    for column in SHARES:
        columns += [relative(gathered[:, column]), np.log1p(_ranks(gathered[:, column]))]
    columns += [_log_gap(gathered[:, column]) for column in GAPS]
    columns += [
        _log_gap(last),
        _log_gap(heard),
        relative(answers),
        np.log1p(_ranks(answers)),
        accepted / np.maximum(1, answers),
        relative(answers / np.maximum(first, 0.01)),
        asked / np.maximum(1, asked + answers),
        relative(np.maximum(0, scores)),
        np.log1p(_ranks(scores)),
    ]
    return np.column_stack(columns)


def _ranks(values: F64) -> F64:
    """How many are better."""
    return np.searchsorted(np.sort(-values), -values).astype(np.float64)


def _log_gap(gaps: F64) -> F64:
    return np.log(np.minimum(gaps, kernels.NEVER) + 1e-3)


def by_hand(gathered: F64, declined: F64, weights: Weights = Weights()) -> F64:
    """The terms of each candidate's score, a row for each and a column for each of ``TERMS``."""
    terms = np.empty((len(gathered), len(TERMS)))
    for at, column in enumerate(_SUMS):
        terms[:, at] = relative(gathered[:, column]) * getattr(weights, TERMS[at])
    terms[:, 4] = gathered[:, kernels.SKILL] * weights.skill
    terms[:, 5] = terms[:, :5].sum(axis=1) * weights.declined * declined / (1 + declined)
    return terms


@dataclass(frozen=True, slots=True)
class Forest:
    """A learned ranker: trees over ``FEATURES``, node by node. Its sum is added to the score by hand."""

    version: str
    """Which one it is; made anew, it is another."""
    feature: NDArray[np.int32]
    threshold: F64
    left: NDArray[np.int32]
    """The node to go to where the feature is at most the threshold; ``NONE`` at a leaf."""
    right: NDArray[np.int32]
    value: F64
    """What a leaf adds; elsewhere the mean of what the leaves below would."""
    roots: NDArray[np.int32]

    @property
    def text(self) -> str:
        """The forest as it is kept; who reads it again does without what grew it."""
        arrays = {field.name: getattr(self, field.name).tolist() for field in fields(self)[1:]}
        return json.dumps({"features": FEATURES, **arrays})

    @classmethod
    def read(cls, version: str, text: str) -> Self:
        """A forest that was kept. Raises ``ValueError`` for what is none, or one over other features."""
        try:
            kept = json.loads(text)
            forest = cls(
                version,
                np.array(kept["feature"], np.int32),
                np.array(kept["threshold"], np.float64),
                np.array(kept["left"], np.int32),
                np.array(kept["right"], np.int32),
                np.array(kept["value"], np.float64),
                np.array(kept["roots"], np.int32),
            )
            sound = kept["features"] == FEATURES and forest._is_sound()
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(f"no forest: {error!r}") from None
        if not sound:
            raise ValueError("no forest over these features")
        return forest

    def _is_sound(self) -> bool:
        """Whether every way down leads through features and nodes that there are, and to an end."""
        size = self.value.size
        numbers = np.arange(size)
        inner = self.left != NONE
        return (
            {array.shape for array in self.nodes[:-1]} == {(size,)}
            and self.roots.ndim == 1
            and bool(((self.roots >= 0) & (self.roots < size)).all())
            and bool(((self.feature >= 0) & (self.feature < FEATURES)).all())
            and all(
                bool(((child > numbers) & (child < size))[inner].all()) for child in (self.left, self.right)
            )
            and bool(np.isfinite(self.threshold).all() and np.isfinite(self.value).all())
        )

    @property
    def nodes(
        self,
    ) -> tuple[NDArray[np.int32], F64, NDArray[np.int32], NDArray[np.int32], F64, NDArray[np.int32]]:
        """The arrays in the order of the kernels."""
        return self.feature, self.threshold, self.left, self.right, self.value, self.roots

    def scores(self, features: F64) -> F64:
        """What it adds to the score of each row."""
        sums: F64 = kernels.predicted(*self.nodes, features)
        return sums - self._base

    def terms(self, features: F64) -> F64:
        """The same for one row, as a sum over ``TERMS``: what each kind of feature changed."""
        parts = np.zeros(FEATURES)
        kernels.attributed(*self.nodes, features, parts)
        sums = np.zeros(len(TERMS))
        np.add.at(sums, _TERM_NUMBERS, parts)
        return sums

    @property
    def _base(self) -> float:
        return float(self.value[self.roots].sum())


def relative(values: F64) -> F64:
    """Values as shares of the largest."""
    largest = values.max(initial=0.0)
    return values / largest if largest > 0 else np.zeros(len(values))


def order(scores: F64) -> NDArray[np.int64]:
    """Best first; of equals the one that was found first, which is the one more similar."""
    return np.argsort(-scores, kind="stable")
