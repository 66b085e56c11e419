"""The records of the index: everything it is fed with, as numbers in arrays, and what each number stands for.

Whatever is named for the first time gets the next number, and room in the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.matching.domain.routing import kernels
from services.matching.domain.routing.arrays import (
    I64,
    NONE,
    U32,
    Answers,
    Communities,
    Places,
    Postings,
    Problems,
    Skills,
    empty,
    grow,
)
from services.matching.domain.routing.names import Names


class Records:
    """See the module. Whoever has them sees to it that one thread at a time uses them."""

    def __init__(self) -> None:
        self._community_numbers: dict[str, int] = {}
        self._communities_known = 0
        self.communities = empty(Communities)
        self.problems = empty(Problems)
        self.problem_names = Names()
        self.answers = empty(Answers)
        self.answer_count = 0
        self.places = empty(Places)
        self.place_names = Names()
        self.skills = empty(Skills)
        self.skill_count = 0
        self.postings = _postings(1 << 12)
        # Kept between queries, and as each found it: zeros by problem, a list of problems, -1 by place.
        self.scores = np.zeros(0, np.float32)
        self.hits = np.zeros(0, np.int64)
        self.rows = np.zeros(0, np.int32)

    def find_community(self, community_id: str) -> int | None:
        """The number of a community, if it has one."""
        return self._community_numbers.get(community_id)

    def communities_of(self, community_ids: Sequence[str]) -> I64:
        """The numbers of communities; those that are not known yet get the next."""
        return np.array([self._community(each) for each in community_ids], np.int64)

    def _community(self, community_id: str) -> int:
        number = self._community_numbers.setdefault(community_id, len(self._community_numbers))
        if number >= self._communities_known:
            self._communities_known = number + 1
            grow(self.communities, number + 1)
            self.communities.newest[number] = NONE
        return number

    def problems_of(self, communities: I64, problem_ids: Sequence[str]) -> I64:
        """The numbers of problems; those that are not known yet get the next."""
        before = len(self.problem_names)
        numbers = self.problem_names.numbers(communities, problem_ids)
        self._make_room_for_problems()
        new = numbers >= before
        self.problems.community[numbers[new]] = communities[new]
        return numbers

    def renewed(self, number: int) -> int:
        """Another number for the problem that has this one, in the same community."""
        community = int(self.problems.community[number])
        again = self.problem_names.renewed(number, community)
        self._make_room_for_problems()
        self.problems.community[again] = community
        return again

    def places_of(self, communities: I64, member_ids: Sequence[str]) -> I64:
        """The places of members; those that are not known yet get the next."""
        before = len(self.place_names)
        numbers = self.place_names.numbers(communities, member_ids)
        known = self.rows.size
        grow(self.places, len(self.place_names))
        grow((self.rows,), len(self.place_names))
        self.rows[known:] = self.places.skill[known:] = NONE
        new = numbers >= before
        self.places.community[numbers[new]] = communities[new]
        return numbers

    @property
    def lists(self) -> tuple[U32, U32, U32]:
        """The lists of problems by term, as the kernels take them."""
        return self.postings.heads, self.postings.counts, self.postings.pool

    @property
    def nbytes(self) -> int:
        """Bytes held in all."""
        records = (
            *self.communities, *self.problems, *self.answers, *self.places, *self.skills,
            *self.postings, self.scores, self.hits, self.rows,
        )  # fmt: skip
        return sum(each.nbytes for each in records) + self.problem_names.nbytes + self.place_names.nbytes

    def _make_room_for_problems(self) -> None:
        known = self.scores.size
        grow(self.problems, len(self.problem_names))
        grow((self.scores, self.hits), len(self.problem_names))
        self.problems.asker[known:] = self.problems.newest[known:] = NONE

    def make_room_for_answers(self, answers: int) -> None:
        """Room for so many more."""
        grow(self.answers, self.answer_count + answers)

    def make_room_for_skills(self, skills: int) -> None:
        """Room for so many more."""
        grow(self.skills, self.skill_count + skills)

    def make_room_for_terms(self, terms: int) -> None:
        """Room for so many more: each the first of a new list, at worst."""
        used, keys = int(self.postings.top[0]), self.postings.keys
        grow((self.postings.pool,), used + terms * (kernels.BLOCK + 1))
        size = keys.size
        while (int(self.postings.top[1]) + terms) * 4 > size * 3:
            size *= 2
        if size > keys.size:
            larger = np.zeros(size, np.int64)
            moved = kernels.rehash(keys, larger)
            taken = keys != 0
            heads, counts = np.zeros(size, np.uint32), np.zeros(size, np.uint32)
            heads[moved[taken]] = self.postings.heads[taken]
            counts[moved[taken]] = self.postings.counts[taken]
            self.postings = self.postings._replace(keys=larger, heads=heads, counts=counts)


def _postings(size: int) -> Postings:
    # The word 0 of the pool is nobody's: a list without a head has its head there.
    return Postings(
        np.zeros(size, np.int64),
        np.zeros(size, np.uint32),
        np.zeros(size, np.uint32),
        np.zeros(1 << 12, np.uint32),
        np.array([1, 0]),
    )
