"""Likeness by meaning: the cosine of sentence embeddings, kept in a byte for each dimension."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from services.matching.domain.similar.vectors import DIMENSIONS, F32

I64 = NDArray[np.int64]

REFERENCE: Final = 2_000
"""So many records stand for all of them where it is asked what a record is like in general."""
REFERENCE_AT_LEAST: Final = 100
"""Among fewer, nothing is said of that."""
NEAREST: Final = 10
"""By the likeness of so many of the nearest. This and its weight are those of the paper on it (CSLS)."""


@njit(cache=True, nogil=True, fastmath=True)
def _dots(codes: Any, numbers: Any, query: Any) -> Any:
    found = np.empty(numbers.size, np.float32)
    for at in range(numbers.size):
        row = codes[numbers[at]]
        total = np.float32(0)
        for dimension in range(query.size):
            total += query[dimension] * np.float32(row[dimension])
        found[at] = total
    return found


@njit(cache=True, nogil=True, fastmath=True)
def _products(rows: Any, columns: Any) -> Any:
    """The product of each row with each column. The threads of a BLAS would only wait for each other here."""
    found = np.empty((rows.shape[0], columns.shape[0]), np.float32)
    for column in range(columns.shape[0]):
        for row in range(rows.shape[0]):
            total = np.float32(0)
            for dimension in range(rows.shape[1]):
                total += rows[row, dimension] * columns[column, dimension]
            found[row, column] = total
    return found


class VectorIndex:
    """The vectors of records, by number. One thread at a time."""

    def __init__(self) -> None:
        self._codes = np.zeros((0, DIMENSIONS), np.int8)
        self._norms: F32 = np.zeros(0, np.float32)
        """The length of each record's codes; 0 for one without a vector."""

    def put(self, number: int, codes: bytes) -> None:
        """Set the vector of a record."""
        if number >= self._norms.size:
            more = max(64, number + number // 2) - self._norms.size
            self._codes = np.concatenate([self._codes, np.zeros((more, DIMENSIONS), np.int8)])
            self._norms = np.concatenate([self._norms, np.zeros(more, np.float32)])
        self._codes[number] = np.frombuffer(codes, np.int8)
        self._norms[number] = np.linalg.norm(self._codes[number].astype(np.float32))

    def remove(self, number: int) -> None:
        """A record has no vector any more."""
        if number < self._norms.size:
            self._norms[number] = 0

    def among(self, numbers: I64) -> I64:
        """Those of these records that have a vector."""
        known = numbers[numbers < self._norms.size]
        return known[self._norms[known] > 0]

    def cosines(self, query: F32, numbers: I64) -> F32:
        """How like a vector of length 1 each of these records is, which all have one: -1 to 1."""
        return np.asarray(_dots(self._codes, numbers, query) / self._norms[numbers], np.float32)

    def in_general(self, numbers: I64, among: I64) -> F32:
        """How like its nearest among some others each of these records is.

        What is like everything (a short or a general text) would be near to every query: by this it can be
        told from what is like the query alone. Nothing is said where there are few others.
        """
        reference = among[:: max(1, among.size // REFERENCE)]
        if reference.size < REFERENCE_AT_LEAST:
            return np.zeros(numbers.size, np.float32)
        cosines = _products(self._units(numbers), self._units(reference))
        cosines[numbers[:, None] == reference] = -1  # itself
        return np.asarray(np.partition(cosines, -NEAREST, axis=1)[:, -NEAREST:].mean(axis=1), np.float32)

    def _units(self, numbers: I64) -> F32:
        return np.asarray(self._codes[numbers] / self._norms[numbers, None], np.float32)
