"""Likeness by words: the cosine of TF-IDF weights, over an inverted index that every problem changes at once.

Records are numbered; whoever holds the index gives the numbers. A number is free for another record once
``settle`` has answered it.
"""

from __future__ import annotations

from array import array
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.text import TIMES, Digest

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

TELLING: Final = 64
"""So many terms of a query are looked up, those that say most: a long text is no slower than a page of it."""
MANY: Final = 20_000
"""Records, of which settling takes a good part of a second."""
_LEAST: Final = 0.01
"""The weight of a term that all records have."""
_BITS: Final = TIMES.bit_length()
_DAMPED: Final = np.array([0.0, *(1 + log(times) for times in range(1, TIMES + 1))], np.float32)
"""What a term counts by how often it occurs: the second time says less than the first."""


def term_of(entry: int) -> int:
    """The term of an entry of a digest."""
    return entry >> _BITS


class WordIndex:
    """By term, in which records it occurs and how often. One thread at a time."""

    def __init__(self) -> None:
        self._postings: dict[int, array[int]] = {}
        self._norms: F32 = np.zeros(0, np.float32)
        """The length of each record's vector."""
        self._there = np.zeros(0, np.bool_)
        """By number, whether there is such a record."""
        self._removed: list[int] = []
        self._used: dict[int, int] = {}
        """By term, how many records had it when it was last settled: until the next time every record is
        weighed by these, so that of two with the same words neither is more like a text for being newer."""
        self._settled = 0
        """How many records there were then."""
        self._count = 0
        self._changes = 0

    def add(self, number: int, digest: Digest) -> None:
        """Add a record under a number that is free."""
        if number >= self._norms.size:
            more = max(64, number + number // 2) - self._norms.size
            self._norms = np.concatenate([self._norms, np.zeros(more, np.float32)])
            self._there = np.concatenate([self._there, np.zeros(more, np.bool_)])
        squares = 0.0
        for word in digest.tolist():
            term, times = word >> _BITS, word & TIMES
            postings = self._postings.get(term)
            if postings is None:
                postings = self._postings[term] = array("I")
            postings.append(number << _BITS | times)
            squares += (self.weight(term) * float(_DAMPED[times])) ** 2
        self._norms[number], self._there[number] = squares**0.5, True
        self._count += 1
        self._changes += 1

    def remove(self, number: int) -> None:
        """Remove a record. Its number is free only when ``settle`` says so."""
        self._there[number] = False
        self._removed.append(number)
        self._count -= 1
        self._changes += 1

    def weight(self, term: int) -> float:
        """How telling a term is: the fewer records had it when it was last settled, the more."""
        return max(_LEAST, log((self._settled + 2) / (self._used.get(term, 0) + 1)))

    def telling(self, term: int) -> float:
        """The weight as a share of that of a term that a single record has; 0 where most records have it."""
        used = len(self._postings.get(term, ()))
        if used > max(1, self._count / 2):
            return 0.0
        return min(1.0, self.weight(term) / max(_LEAST, log((self._settled + 2) / 2)))

    @property
    def is_stale(self) -> bool:
        """Whether so much has changed that weights from before are off, or that removed records, whose words
        still count as used, are in the way."""
        return self._changes > self._count // 2 or len(self._removed) > self._count // 8

    @property
    def is_off(self) -> bool:
        """Whether weights from before are off by more than an answer should be. Among many records some more
        hardly change how telling a word is; among few they do, and settling takes no time."""
        return self.is_stale or (self._count < MANY and self._changes > self._count // 16)

    def settle(self) -> list[int]:
        """Weigh all records by what is known now, and forget the removed ones: their numbers are free."""
        # As exact as in ``add``: the same words have the same length, added before or after.
        squares = np.zeros(self._norms.size, np.float64)
        self._used, self._settled = {}, self._count
        for term in list(self._postings):
            words = np.frombuffer(self._postings[term], np.uint32)
            if self._removed:
                words = words[self._there[words >> _BITS]]
                if not words.size:
                    del self._postings[term]
                    continue
                self._postings[term] = array("I", words.tobytes())
            self._used[term] = words.size
            squares[words >> _BITS] += (self.weight(term) * _DAMPED[words & TIMES].astype(np.float64)) ** 2
        self._norms = np.sqrt(squares).astype(np.float32)
        free, self._removed, self._changes = self._removed, [], 0
        return free

    def cosines(self, digest: Digest) -> F32:
        """How like a text each record is, by number: 0 to 1."""
        found = np.zeros(self._norms.size, np.float32)
        terms = [(self.weight(word >> _BITS), word >> _BITS, word & TIMES) for word in digest.tolist()]
        weighted = [(weight * float(_DAMPED[times]), term) for weight, term, times in terms]
        length = sum(value**2 for value, _ in weighted) ** 0.5
        for value, term in sorted(weighted, reverse=True)[:TELLING]:
            if (postings := self._postings.get(term)) is not None:
                words = np.frombuffer(postings, np.uint32)
                found[words >> _BITS] += value * self.weight(term) * _DAMPED[words & TIMES]
        found[~self._there] = 0
        np.divide(found, self._norms * length, out=found, where=found > 0)
        return np.minimum(found, 1.0)
