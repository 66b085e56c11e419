"""The index: what happened in the communities, ready to be asked who should see a problem.

It is fed with states and not with changes: whoever feeds it says what a problem or a solution *is* now, as
often and in whatever order it learns of it. A solution of a problem that is not known yet waits for it; the
same state again changes nothing. Every change counts for the next query.

Everything is scoped by community, in one set of arrays: a query reads its own community's lists alone, and
bounded parts of these, so that it costs the same in a community of thousands and of a million.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import log1p
from threading import RLock
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing import kernels
from services.matching.domain.routing.arrays import (
    F64,
    NONE,
    Answers,
    Communities,
    Places,
    Postings,
    Problems,
    Skills,
    Table,
    empty,
    grow,
)
from services.matching.domain.routing.names import Names, key_of, packed
from services.matching.domain.routing.text import TIMES, Digest, digest, labels

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """A half-life as a share of a community's age, within bounds in units of time."""

    share: float
    least: float = 0.0
    most: float = float("inf")

    def of(self, age: float) -> float:
        """The share of ``age`` that it is."""
        return min(max(self.share * age, self.least), self.most) / age


DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How the index reads itself. Times are in seconds, or in any other unit if all bounds are lifted."""

    similar: Span = Span(0.03, 14 * DAY, 180 * DAY)
    """How answers to similar problems fade."""
    similar_slow: Span = Span(0.3, 60 * DAY, 720 * DAY)
    tags: Span = Span(0.3, 30 * DAY, 180 * DAY)
    """How answers on a tag fade."""
    tags_fast: Span = Span(0.03, 14 * DAY, 180 * DAY)
    active: Span = Span(0.01, 7 * DAY, 30 * DAY)
    """How activity fades."""
    active_fast: Span = Span(0.003, 2 * DAY, 10 * DAY)
    active_slow: Span = Span(0.1, 30 * DAY, 180 * DAY)
    declined: float = 14 * DAY
    """Half-life of an ask that was declined or ignored."""
    saturation: float = 1.2
    by_length: float = 0.6
    """The two constants of BM25."""
    most_similar: int = 300
    """So many similar problems count."""
    postings: int = 8192
    """So many problems are read for each word, the newest."""
    postings_in_all: int = 131_072
    """So many are read for a query, from its most telling word on."""
    problems_of_tag: int = 2048
    answers_of_community: int = 4096
    stated_of_skill: int = 1024
    candidates: int = 8192
    """So many people are considered."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """The half-lives in the order of ``kernels.gather``."""
        return (
            self.similar,
            self.similar_slow,
            self.tags,
            self.tags_fast,
            self.active,
            self.active_fast,
            self.active_slow,
        )


def scale_free() -> Settings:
    """Half-lives that are shares alone: for histories whose unit of time is unknown."""
    unbounded = {
        field.name: Span(field.default.share) for field in fields(Settings) if isinstance(field.default, Span)
    }
    return Settings(**unbounded)  # type: ignore[arg-type]


class Problem(NamedTuple):
    """A problem as it is now. ``words`` and ``tags`` are digests (``text.digest``, ``text.labels``)."""

    community_id: str
    problem_id: str
    asker_id: str
    at: float
    words: Digest
    tags: Digest

    @classmethod
    def of(
        cls,
        community_id: str,
        problem_id: str,
        asker_id: str,
        at: float,
        *,
        title: str,
        body: str,
        tags: Sequence[str],
    ) -> Problem:
        """The same from its texts."""
        return cls(community_id, problem_id, asker_id, at, digest((title, body)), labels("tag", tags))


class Solution(NamedTuple):
    """A solution as it is now."""

    community_id: str
    problem_id: str
    solution_id: str
    author_id: str
    at: float
    """When it was proposed."""
    votes: int = 0
    """An imported score."""
    accepted: bool = False
    endorsed: float = 0.0
    """The weights of its active endorsements together."""
    adapted: int = 0
    """Teams for which an adaptation of it worked."""
    counts: bool = True
    """False once it is withdrawn or taken down."""

    @property
    def worth(self) -> float:
        """What it says of its author. Votes hardly matter for who answers next, and so they count little."""
        if not self.counts:
            return 0.0
        praise = log1p(max(0, self.votes)) + self.accepted + log1p(self.endorsed) + log1p(self.adapted)
        return 1.0 + 0.15 * praise


class Found(NamedTuple):
    """What the index found for a problem: one row for each person who could be asked."""

    asker: int
    now: float
    age: float
    """Of the community."""
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
    "answers", "accepted", "endorsed", "asked", "first_gap", "last_gap", "active_gap", "declined"
)  # fmt: skip
"""Counts; gaps from now in ages of the community; the asks declined or ignored lately."""


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


class Index:
    """See the module. One lock around every call: it may be fed and asked from several threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._lock = RLock()
        self._community_numbers: dict[str, int] = {}
        self._communities = empty(Communities)
        self._problems = empty(Problems)
        self._problem_names = Names()
        self._problem_table = _table()
        self._answers = empty(Answers)
        self._answer_count = 0
        self._places = empty(Places)
        self._place_names = Names()
        self._place_table = _table()
        self._skills = empty(Skills)
        self._skill_count = 0
        self._postings = _postings(1 << 12)
        # Kept between queries, and as each found it: zeros by problem, a list of problems, -1 by place.
        self._scores = np.zeros(0, np.float32)
        self._hits = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.int32)

    # -- feeding ---------------------------------------------------------------------------------------

    def put_problem(self, problem: Problem) -> None:
        """A problem, new or changed."""
        self.put_problems([problem])

    def put_problems(self, problems: Sequence[Problem]) -> None:
        """Many problems at once, in order."""
        with self._lock:
            numbers: list[int] = []
            communities: list[int] = []
            ends: list[int] = []
            digests: list[Digest] = []
            size = 0
            for problem in problems:
                community = self._community(problem.community_id, problem.at)
                number = self._problem_to_fill(problem, community)
                if number is None:
                    continue
                for part in (problem.words, problem.tags):
                    size += part.size
                    digests.append(part)
                    ends.append(size)
                    numbers.append(number)
                    communities.append(community)
            if numbers:
                self._make_room_for_terms(size)
                kernels.add_documents(
                    self._postings,
                    np.array(communities),
                    np.array(numbers),
                    np.array(ends),
                    np.concatenate(digests),
                )

    def _problem_to_fill(self, problem: Problem, community: int) -> int | None:
        """The number under which a problem's terms are to be listed, ``None`` if they are already."""
        mark = zlib.crc32(problem.words.tobytes(), zlib.crc32(problem.tags.tobytes())) | 1
        packed_id = packed(problem.problem_id)
        number = self._problem(packed_id, community)
        answers = NONE
        if self._problems.mark[number] == mark:
            return None
        if self._problems.mark[number] != 0:
            answers = int(self._problems.newest[number])
            self._dismiss(number)
            number = self._new_problem(packed_id, community)
            self._problems.newest[number] = answers
        length = max(1, int((problem.words & np.uint64(TIMES)).sum()))
        self._problems.mark[number] = mark
        self._problems.length[number] = length
        self._communities.problems[community] += 1
        self._communities.length[community] += length
        asker = self._place(problem.asker_id, community)
        self._problems.asker[number] = asker
        self._places.asked[asker] += 1
        self._heard_of(asker, problem.at)
        return number

    def remove_problem(self, community_id: str, problem_id: str) -> None:
        """A problem that counts no more, with its answers: withdrawn, or taken down."""
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is not None:
                number = self._problem(packed(problem_id), community)
                for answer in self._answers_of(number):
                    self._count_answer(answer, -1)
                    self._answers.worth[answer] = 0
                self._dismiss(number)

    def _dismiss(self, number: int) -> None:
        community = self._problems.community[number]
        if self._problems.length[number] > 0:
            self._communities.problems[community] -= 1
            self._communities.length[community] -= self._problems.length[number]
        self._problems.length[number] = -1
        self._problems.newest[number] = NONE

    def put_solution(self, solution: Solution) -> None:
        """A solution, new or changed: proposed, endorsed, accepted, adapted, withdrawn."""
        with self._lock:
            community = self._community(solution.community_id, solution.at)
            problem = self._problem(packed(solution.problem_id), community)
            mark = zlib.crc32(solution.solution_id.encode()) >> 2
            answer = int(kernels.answer_of(self._problems, self._answers, problem, mark))
            place = self._place(solution.author_id, community)
            if answer == NONE:
                answer = self._answer_count
                self._answer_count += 1
                grow(self._answers, self._answer_count)
                self._answers.of_problem[answer] = self._problems.newest[problem]
                self._problems.newest[problem] = answer
                self._answers.of_community[answer] = self._communities.newest[community]
                self._communities.newest[community] = answer
            elif self._answers.worth[answer] > 0:
                self._count_answer(answer, -1)
            flags = kernels.ACCEPTED * solution.accepted | kernels.ENDORSED * (solution.endorsed > 0)
            self._answers.place[answer] = place
            self._answers.at[answer] = solution.at
            self._answers.mark[answer] = mark << 2 | flags
            self._answers.worth[answer] = solution.worth
            if solution.counts:
                self._count_answer(answer, 1)
                self._heard_of(place, solution.at)

    def put_solutions(self, solutions: Sequence[Solution]) -> None:
        """Many solutions at once, in order."""
        with self._lock:
            for solution in solutions:
                self.put_solution(solution)

    def _count_answer(self, answer: int, times: int) -> None:
        place, mark = self._answers.place[answer], int(self._answers.mark[answer])
        places = self._places
        if times > 0:
            at = self._answers.at[answer]
            first = places.answers[place] == 0
            places.first_at[place] = at if first else min(at, places.first_at[place])
            places.last_at[place] = at if first else max(at, places.last_at[place])
        places.answers[place] += times
        places.accepted[place] += times * bool(mark & kernels.ACCEPTED)
        places.endorsed[place] += times * bool(mark & kernels.ENDORSED)

    def _answers_of(self, problem: int) -> list[int]:
        found: list[int] = []
        answer = int(self._problems.newest[problem])
        while answer != NONE:
            if self._answers.worth[answer] > 0:
                found.append(answer)
            answer = int(self._answers.of_problem[answer])
        return found

    def put_skills(self, community_id: str, member_id: str, skills: Mapping[str, float]) -> None:
        """The skills that a member of a community states, with what each is worth; the whole of them."""
        with self._lock:
            community = self._community(community_id, None)
            place = self._place(member_id, community)
            stated = int(self._places.skill[place])
            while stated != NONE:
                self._skills.worth[stated] = 0
                stated = int(self._skills.of_place[stated])
            self._places.skill[place] = NONE
            of_worth = {name: worth for name, worth in skills.items() if worth > 0}
            keys = labels("skill", of_worth)
            self._make_room_for_terms(keys.size)
            for key, worth in zip(keys, of_worth.values(), strict=False):
                number = self._skill_count
                self._skill_count += 1
                grow(self._skills, self._skill_count)
                self._skills.place[number] = place
                self._skills.key[number] = (int(key) >> 4) & 0xFFFFFFFF
                self._skills.worth[number] = worth
                self._skills.of_place[number] = self._places.skill[place]
                self._places.skill[place] = number
                kernels.append(self._postings, kernels.mixed(key, community), np.uint32(number << 4))

    def note_activity(self, community_id: str, member_id: str, at: float) -> None:
        """A member did something."""
        with self._lock:
            self._heard_of(self._place(member_id, self._community(community_id, at)), at)

    def note_ask(self, community_id: str, member_id: str, at: float, *, accepted: bool) -> None:
        """A member accepted an ask, or declined or ignored one."""
        with self._lock:
            place = self._place(member_id, self._community(community_id, at))
            before = self._declined(place, at)
            self._places.declined[place] = before / 2 if accepted else before + 1
            self._places.declined_at[place] = max(at, float(self._places.declined_at[place]))
            if accepted:
                self._heard_of(place, at)

    def _declined(self, place: int, now: float) -> float:
        passed = max(0.0, now - float(self._places.declined_at[place]))
        return float(self._places.declined[place] * np.exp2(-passed / self.settings.declined))

    def forget(self, community_id: str, member_id: str) -> None:
        """Somebody who was erased: is found no more, by no name."""
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is None:
                return
            place = kernels.table_get(self._place_table, _key(packed(member_id), community))
            if place != NONE:
                self.put_skills(community_id, member_id, {})
                self._places.community[place] = NONE
                self._place_names.blank(place)

    # -- asking ----------------------------------------------------------------------------------------

    def find(
        self,
        community_id: str,
        words: Digest,
        tags: Digest,
        skills: Digest,
        *,
        now: float,
        asker_id: str = "",
        problem_id: str = "",
    ) -> Found | None:
        """Who could be asked about a problem; ``None`` in a community of which nothing is known.

        ``skills``: the problem's tags as skills (``text.labels``). ``problem_id``: the problem itself, if it
        is in the index already. The asker is nobody to ask.
        """
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is None:
                return None
            asker = problem = NONE
            if asker_id:
                asker = int(kernels.table_get(self._place_table, _key(packed(asker_id), community)))
            if problem_id:
                problem = int(kernels.table_get(self._problem_table, _key(packed(problem_id), community)))
            age = max(now - float(self._communities.first_at[community]), 1e-9)
            similar, similarity = self._similar(community, words, problem)
            tag_lists = kernels.look_up(self._postings, tags, community)
            known = tag_lists[tag_lists != NONE]
            skill_lists = kernels.look_up(self._postings, skills, community)
            settings = self.settings
            found = np.empty(min(settings.candidates, len(self._place_names)), np.int32)
            gathered = np.empty((found.size, kernels.COLUMNS), np.float64)
            size = kernels.gather(
                self._postings,
                self._problems,
                self._answers,
                self._places,
                self._skills,
                int(self._communities.newest[community]),
                asker,
                problem,
                similar,
                similarity,
                known,
                self._telling(community, known),
                skill_lists[skill_lists != NONE],
                now,
                age,
                np.array([span.of(age) for span in settings.spans]),
                np.array([settings.problems_of_tag, settings.answers_of_community, settings.stated_of_skill]),
                self._rows,
                found,
                gathered,
            )
            history = self._history(found[:size], now, age)
            return Found(
                asker, now, age, similar, similarity, tag_lists, found[:size], gathered[:size], history
            )

    def _history(self, found: NDArray[np.int32], now: float, age: float) -> F64:
        places = self._places
        answered = places.answers[found] > 0

        def gap(at: F64, known: NDArray[np.bool_]) -> F64:
            return np.where(known, np.maximum(0.0, now - at[found]) / age, kernels.NEVER)

        fading = np.maximum(0.0, now - places.declined_at[found]) / self.settings.declined
        return np.column_stack(
            [
                places.answers[found],
                places.accepted[found],
                places.endorsed[found],
                places.asked[found],
                gap(places.first_at, answered),
                gap(places.last_at, answered),
                gap(places.active_at, places.active_at[found] > 0),
                places.declined[found] * np.exp2(-fading),
            ]
        )

    def member(self, place: int) -> str:
        """Whose place it is."""
        return self._place_names[place]

    def place_of(self, community_id: str, member_id: str) -> int | None:
        """The place of a member, if anything is known of them there."""
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is None:
                return None
            place = int(kernels.table_get(self._place_table, _key(packed(member_id), community)))
            return None if place == NONE else place

    def evidence(self, found: Found, place: int, tags: Digest, skills: Digest) -> Evidence:
        """What speaks for the person at ``place``, for the problem that ``found`` is about."""
        with self._lock:
            ranks, answers = kernels.solved(self._problems, self._answers, found.similar, place)
            similar = [
                (
                    self._problem_names[int(found.similar[rank])],
                    float(found.similarity[rank]),
                    float(self._answers.at[answer]),
                )
                for rank, answer in zip(ranks, answers, strict=True)
            ]
            listed = np.empty(self.settings.problems_of_tag, np.int64)
            by_tag: list[tuple[int, int, int]] = []
            for slot in found.tags:
                if slot == NONE:
                    by_tag.append((0, 0, 0))
                    continue
                size = kernels.newest_of(self._postings, slot, listed.size, listed)
                _, of_tag = kernels.solved(self._problems, self._answers, listed[:size], place)
                marks = self._answers.mark[of_tag]
                by_tag.append(
                    (
                        of_tag.size,
                        int(np.count_nonzero(marks & kernels.ACCEPTED)),
                        int(np.count_nonzero(marks & kernels.ENDORSED)),
                    )
                )
            worth: dict[int, float] = {}
            stated = int(self._places.skill[place])
            while stated != NONE:
                worth[int(self._skills.key[stated])] = float(self._skills.worth[stated])
                stated = int(self._skills.of_place[stated])
            active_at = float(self._places.active_at[place])
            return Evidence(
                similar,
                by_tag,
                [worth.get(int(skill) & 0xFFFFFFFF, 0.0) for skill in skills >> np.uint64(4)],
                int(self._places.answers[place]),
                active_at or None,
                self._declined(place, found.now),
            )

    def _telling(self, community: int, lists: I64) -> F64:
        """How much each of these terms tells: the rarer, the more."""
        problems = float(max(1, self._communities.problems[community]))
        listed = self._postings.counts[lists].astype(np.float64)
        return np.log1p(np.maximum(0.0, problems - listed + 0.5) / (listed + 0.5))

    def _similar(self, community: int, words: Digest, skip: int) -> tuple[I64, F64]:
        """The most similar problems, and how similar they are, the best 1."""
        settings = self.settings
        lists = kernels.look_up(self._postings, words, community)
        lists = lists[lists != NONE]
        counts = np.minimum(self._postings.counts[lists].astype(np.int64), settings.postings)
        order = np.argsort(self._postings.counts[lists], kind="stable")
        affordable = int(np.searchsorted(np.cumsum(counts[order]), settings.postings_in_all, side="right"))
        lists = lists[order[: max(1, affordable)]]
        problems = max(1, int(self._communities.problems[community]))
        numbers, scores = kernels.bm25(
            self._postings,
            self._problems.length,
            lists,
            self._telling(community, lists).astype(np.float32),
            settings.postings,
            settings.saturation,
            settings.by_length,
            max(1.0, float(self._communities.length[community]) / problems),
            self._scores,
            self._hits,
            skip,
            settings.most_similar,
        )
        return numbers, scores / scores[0] if scores.size else scores

    # -- records ---------------------------------------------------------------------------------------

    def _community(self, community_id: str, at: float | None) -> int:
        number = self._community_numbers.setdefault(community_id, len(self._community_numbers))
        communities = self._communities
        if number >= communities.newest.size or communities.problems.size <= number:
            grow(communities, number + 1)
        if number == len(self._community_numbers) - 1 and communities.first_at[number] == 0:
            communities.newest[number] = NONE
            communities.first_at[number] = np.inf
        if at is not None and at < communities.first_at[number]:
            communities.first_at[number] = at
        return number

    def _problem(self, packed_id: bytes, community: int) -> int:
        number = int(kernels.table_get(self._problem_table, _key(packed_id, community)))
        return self._new_problem(packed_id, community) if number == NONE else number

    def _new_problem(self, packed_id: bytes, community: int) -> int:
        number = self._problem_names.add(packed_id)
        grow(self._problems, number + 1)
        grow((self._scores, self._hits), number + 1)
        self._problems.community[number] = community
        self._problems.asker[number] = NONE
        self._problems.newest[number] = NONE
        self._problem_table = _set(self._problem_table, _key(packed_id, community), number)
        return number

    def _place(self, member_id: str, community: int) -> int:
        packed_id = packed(member_id)
        key = _key(packed_id, community)
        place = int(kernels.table_get(self._place_table, key))
        if place == NONE:
            place = self._place_names.add(packed_id)
            grow(self._places, place + 1)
            grow((self._rows,), place + 1)
            self._rows[place] = NONE
            self._places.community[place] = community
            self._places.skill[place] = NONE
            self._place_table = _set(self._place_table, key, place)
        return place

    def _heard_of(self, place: int, at: float) -> None:
        self._places.active_at[place] = max(at, float(self._places.active_at[place]))

    def _make_room_for_terms(self, terms: int) -> None:
        used, keys = int(self._postings.top[0]), self._postings.keys
        grow((self._postings.pool,), used + terms * (kernels.BLOCK + 1))
        size = keys.size
        while (int(self._postings.top[1]) + terms) * 4 > size * 3:
            size *= 2
        if size > keys.size:
            larger = np.zeros(size, np.uint64)
            moved = kernels.rehash(keys, larger)
            taken = keys != 0
            heads, counts = np.zeros(size, np.uint32), np.zeros(size, np.uint32)
            heads[moved[taken]] = self._postings.heads[taken]
            counts[moved[taken]] = self._postings.counts[taken]
            self._postings = self._postings._replace(keys=larger, heads=heads, counts=counts)


def _key(packed_id: bytes, community: int) -> np.uint64:
    key: np.uint64 = kernels.mixed(np.uint64(key_of(packed_id)), community)
    return key


def _postings(size: int) -> Postings:
    # The word 0 of the pool is nobody's: a list without a head has its head there.
    return Postings(
        np.zeros(size, np.uint64),
        np.zeros(size, np.uint32),
        np.zeros(size, np.uint32),
        np.zeros(1 << 12, np.uint32),
        np.array([1, 0]),
    )


def _table(size: int = 1 << 10) -> Table:
    return Table(np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(1, np.int64))


def _set(table: Table, key: np.uint64, value: int) -> Table:
    """Put a number into a table, or into a larger one in its place."""
    if (int(table.used[0]) + 1) * 4 > table.keys.size * 3:
        larger = _table(table.keys.size * 2)
        moved = kernels.rehash(table.keys, larger.keys)
        taken = table.keys != 0
        larger.values[moved[taken]] = table.values[taken]
        larger.used[0] = table.used[0]
        table = larger
    kernels.table_set(table, key, value)
    return table
