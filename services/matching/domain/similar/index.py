"""The index of precedents: problems go in and out, and those like another one come out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from threading import Lock
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from services.matching.domain.routing.text import Digest, digest, term_hash
from services.matching.domain.similar.meaning import I64, VectorIndex
from services.matching.domain.similar.vectors import F32, NO_MEANING
from services.matching.domain.similar.words import WordIndex, term_of

FIRST: Final = 50
"""Candidates by their words, and as many by their meaning: ranking looks at these alone."""


class Entry(NamedTuple):
    """A problem as the index has it."""

    thread_id: str
    community_id: str
    digest: Digest
    codes: bytes = NO_MEANING
    """Its meaning (``vectors.packed``)."""

    @property
    def mark(self) -> int:
        """Tells it from what it was before a change."""
        return crc32(self.codes, crc32(self.digest.tobytes(), crc32(self.community_id.encode())))


class Query(NamedTuple):
    """What is looked for."""

    digest: Digest
    vector: F32 | None = None
    """Its meaning, of length 1; nothing where it is not known."""


class Candidate(NamedTuple):
    """A problem that may be like the one asked about, and how."""

    thread_id: str
    words: float
    """The likeness of their words, 0 to 1."""
    meaning: float | None = None
    """The likeness of their meaning, up to 1; nothing where one of them has none."""
    general: float = 0.0
    """How like other problems it is in general."""


def digest_of(title: str, body: str) -> Digest:
    """What is kept of a problem's words: those of the title count twice."""
    return digest([title, title, body])


class Precedents:
    """The problems of all communities in memory. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._words, self._vectors = WordIndex(), VectorIndex()
        self._numbers: dict[str, int] = {}
        self._ids: list[str] = []
        self._marks: list[int] = []
        """What each record was made of: most changes of a problem are none of its text."""
        self._free: list[int] = []
        self._communities: dict[str, int] = {}
        self._community_of = np.zeros(64, np.int32)
        """The number of each record's community; 0 where there is no record."""

    @property
    def threads(self) -> set[str]:
        """The ids of all."""
        with self._lock:
            return set(self._numbers)

    def put(self, entries: Iterable[Entry]) -> None:
        """Add these problems, or exchange those that are known."""
        with self._lock:
            for entry in entries:
                if not self._has(entry):
                    self._remove(entry.thread_id)
                    self._add(entry)

    def has(self, entry: Entry) -> bool:
        """Whether the problem is known, and just so."""
        with self._lock:
            return self._has(entry)

    def remove(self, thread_ids: Iterable[str]) -> None:
        """Forget these problems, as far as they are known."""
        with self._lock:
            for thread_id in thread_ids:
                self._remove(thread_id)

    def telling(self, word: str) -> float:
        """How telling a word is: 1 for one that a single problem has, less the more have it, 0 where most
        do."""
        with self._lock:
            return self._words.telling(term_of(term_hash(word)))

    def settle(self) -> None:
        """Weigh every word by what is known now. Happens by itself, too, as problems come and go."""
        with self._lock:
            self._settle()

    def _settle(self) -> None:
        self._free += self._words.settle()

    def _has(self, entry: Entry) -> bool:
        number = self._numbers.get(entry.thread_id)
        return number is not None and self._marks[number] == entry.mark

    def _add(self, entry: Entry) -> None:
        if self._words.is_stale:
            self._settle()
        if self._free:
            number = self._free.pop()
            self._ids[number], self._marks[number] = entry.thread_id, entry.mark
        else:
            number = len(self._ids)
            self._ids.append(entry.thread_id)
            self._marks.append(entry.mark)
        if number >= self._community_of.size:
            self._community_of = np.concatenate([self._community_of, np.zeros(number, np.int32)])
        community = self._communities.setdefault(entry.community_id, len(self._communities) + 1)
        self._numbers[entry.thread_id], self._community_of[number] = number, community
        self._words.add(number, entry.digest)
        if entry.codes != NO_MEANING:
            self._vectors.put(number, entry.codes)

    def _remove(self, thread_id: str) -> None:
        if (number := self._numbers.pop(thread_id, None)) is not None:
            self._words.remove(number)
            self._vectors.remove(number)
            self._community_of[number] = 0

    def search(
        self, query: Query, communities: Collection[str], skip: str = "", first: int = FIRST
    ) -> list[Candidate]:
        """The ``first`` problems by words and as many by meaning, among those of ``communities``.

        ``skip``: the problem itself, where it is one of them.
        """
        with self._lock:
            allowed = np.zeros(len(self._communities) + 1, np.bool_)
            allowed[[self._communities[each] for each in communities if each in self._communities]] = True
            if (own := self._numbers.get(skip)) is not None:
                community, self._community_of[own] = int(self._community_of[own]), 0
            visible: I64 = np.flatnonzero(allowed[self._community_of])
            if own is not None:
                self._community_of[own] = community
            if not visible.size:
                return []
            if self._words.is_off:
                self._settle()
            words = self._words.cosines(query.digest)
            alike = visible[words[visible] > 0]
            found = best(alike, words[alike], first)
            if query.vector is None:
                return [Candidate(self._ids[number], float(words[number])) for number in found]
            embedded = self._vectors.among(visible)
            nearest = best(embedded, self._vectors.cosines(query.vector, embedded), first)
            found = np.union1d(found, nearest)
            known = self._vectors.among(found)
            cosines = self._vectors.cosines(query.vector, known)
            in_general = self._vectors.in_general(known, embedded)
            meant = {
                number: (float(cosine), float(general))
                for number, cosine, general in zip(known.tolist(), cosines, in_general, strict=True)
            }
            return [
                Candidate(self._ids[number], float(words[number]), *meant.get(number, ()))
                for number in found.tolist()
            ]


def best(numbers: I64, scores: F32, count: int) -> I64:
    """The ``count`` of these with the highest scores, best first; of equals the lower number."""
    if numbers.size > count:
        cut = np.argpartition(-scores, count)[:count]
        numbers, scores = numbers[cut], scores[cut]
    return numbers[np.lexsort((numbers, -scores))]
