"""The index: what happened in the communities, ready to be asked who should see a problem.

It is fed with states and not with changes: whoever feeds it says what a problem or a solution *is* now, as
often and in whatever order it learns of it. A solution of a problem that is not known yet waits for it; the
same state again changes nothing. Every change counts for the next query.

Everything is scoped by community, in one set of arrays: a query reads its own community's lists alone, and
bounded parts of these, so that it costs the same in a community of thousands and of a million.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log1p
from threading import RLock
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing import kernels
from services.matching.domain.routing.arrays import (
    F64,
    I64,
    NONE,
    U32,
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

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How the index reads itself. Times are in seconds.

    Recency is counted in answers and not in days: an answer fades as the community goes on without it. The
    half-lives are shares of all answers that the community has seen. That suits a community of three answers
    a week and one of three a minute, and one that slept for a year. Time itself fades too, slowly.
    """

    similar: tuple[float, float, float] = (0.03, 0.1, 0.3)
    tags: tuple[float, float, float] = (0.3, 0.1, 0.03)
    active: tuple[float, float, float, float, float] = (0.01, 0.03, 0.003, 0.1, 0.3)
    """Half-lives, as shares. The first of each count in the sum by hand, of activity the first two; a learned
    ranker sees all."""
    least: float = 5.0
    """No half-life is shorter than so many answers, however young a community is."""
    expertise: float = 180 * DAY
    """Half-life of expertise in time."""
    activity: float = 30 * DAY
    """Half-life of activity in time."""
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
    problems_of_tag: int = 1024
    answers_of_community: int = 4096
    stated_of_skill: int = 1024
    candidates: int = 8192
    """So many people are considered."""


TIMELESS: Final = Settings(expertise=float("inf"), activity=float("inf"))
"""For histories whose unit of time is not known."""


TOGETHER: Final = 64
"""Problems that are listed together: for each of their words there must be room for a whole block."""


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
"""Counts; gaps in answers of the community, as a share of all; the asks declined or ignored lately."""


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
        self._communities_known = 0
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
        for start in range(0, len(problems), TOGETHER):
            self._put_problems(problems[start : start + TOGETHER])

    def _put_problems(self, problems: Sequence[Problem]) -> None:
        with self._lock:
            numbers: list[int] = []
            communities: list[int] = []
            ends: list[int] = []
            digests: list[Digest] = []
            size = 0
            for problem in problems:
                community = self._community(problem.community_id)
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
                    *self._postings,
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
            community = self._community(solution.community_id)
            problem = self._problem(packed(solution.problem_id), community)
            mark = zlib.crc32(solution.solution_id.encode()) >> 2
            answer = int(
                kernels.answer_of(
                    self._problems.newest, self._answers.mark, self._answers.of_problem, problem, mark
                )
            )
            place = self._place(solution.author_id, community)
            if answer == NONE:
                answer = self._answer_count
                self._answer_count += 1
                grow(self._answers, self._answer_count)
                self._answers.of_problem[answer] = self._problems.newest[problem]
                self._problems.newest[problem] = answer
                self._answers.position[answer] = self._position(community, solution.at)
                self._answers.of_community[answer] = self._communities.newest[community]
                self._communities.newest[community] = answer
                self._communities.answers[community] += 1
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

    def _position(self, community: int, at: float) -> int:
        """The position of a new answer: the last, or with its time's own if it comes late."""
        earlier = int(self._communities.newest[community])
        position = int(self._communities.answers[community])
        for _ in range(self.settings.answers_of_community):
            if earlier == NONE or self._answers.at[earlier] <= at:
                break
            position = int(self._answers.position[earlier])
            earlier = int(self._answers.of_community[earlier])
        return position

    def _count_answer(self, answer: int, times: int) -> None:
        place, mark = self._answers.place[answer], int(self._answers.mark[answer])
        places = self._places
        if times > 0:
            position = self._answers.position[answer]
            only = places.answers[place] == 0
            places.first[place] = position if only else min(position, places.first[place])
            places.last[place] = position if only else max(position, places.last[place])
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
            community = self._community(community_id)
            place = self._place(member_id, community)
            of_worth = {name: worth for name, worth in skills.items() if worth > 0}
            keys = labels("skill", of_worth)
            before: dict[int, float] = {}
            stated = int(self._places.skill[place])
            while stated != NONE:
                before[int(self._skills.key[stated])] = float(self._skills.worth[stated])
                stated = int(self._skills.of_place[stated])
            parts = ((int(key) >> 4) & 0xFFFFFFFF for key in keys)
            if before == dict(zip(parts, map(np.float32, of_worth.values()), strict=False)):
                return
            stated = int(self._places.skill[place])
            while stated != NONE:
                self._skills.worth[stated] = 0
                stated = int(self._skills.of_place[stated])
            self._places.skill[place] = NONE
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
                kernels.append(*self._postings, kernels.mixed(key, community), np.uint32(number << 4))

    def note_activity(self, community_id: str, member_id: str, at: float) -> None:
        """A member did something."""
        with self._lock:
            self._heard_of(self._place(member_id, self._community(community_id)), at)

    def put_asks(self, community_id: str, member_id: str, asks: Iterable[tuple[float, bool]]) -> None:
        """What became of a member's asks of late, the whole of it: when each was taken up, or else declined
        or ignored. One that is taken up makes good half of what was not."""
        with self._lock:
            place = self._place(member_id, self._community(community_id))
            self._places.declined[place] = self._places.declined_at[place] = 0.0
            for at, taken_up in sorted(asks):
                before = self._declined(place, at)
                self._places.declined[place] = before / 2 if taken_up else before + 1
                self._places.declined_at[place] = at

    def _declined(self, place: int, now: float) -> float:
        passed = max(0.0, now - float(self._places.declined_at[place]))
        return float(self._places.declined[place] * np.exp2(-passed / self.settings.declined))

    def forget(self, community_id: str, member_id: str) -> None:
        """Somebody who was erased: is found no more, by no name."""
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is None:
                return
            place = _get(self._place_table, _key(packed(member_id), community))
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
                asker = _get(self._place_table, _key(packed(asker_id), community))
            if problem_id:
                problem = _get(self._problem_table, _key(packed(problem_id), community))
            answers = max(1, int(self._communities.answers[community]))
            settings = self.settings
            shares = np.array(settings.similar + settings.tags + settings.active)
            similar, similarity = self._similar(community, words, problem)
            tag_lists = kernels.look_up(self._postings.keys, tags, community)
            known = tag_lists[tag_lists != NONE]
            skill_lists = kernels.look_up(self._postings.keys, skills, community)
            found = np.empty(min(settings.candidates, len(self._place_names)), np.int32)
            gathered = np.empty((found.size, kernels.COLUMNS), np.float64)
            size = kernels.gather(
                *self._lists,
                self._problems.length,
                self._problems.asker,
                self._problems.newest,
                self._answers.place,
                self._answers.at,
                self._answers.position,
                self._answers.worth,
                self._answers.of_problem,
                self._answers.of_community,
                self._places.community,
                self._skills.place,
                self._skills.worth,
                int(self._communities.newest[community]),
                float(answers),
                asker,
                problem,
                similar,
                similarity,
                known,
                self._telling(community, known),
                skill_lists[skill_lists != NONE],
                float(now),
                np.maximum(shares, settings.least / answers),
                np.array([settings.expertise, settings.activity]),
                np.array([settings.problems_of_tag, settings.answers_of_community, settings.stated_of_skill]),
                self._rows,
                found,
                gathered,
            )
            history = self._history(found[:size], answers, now)
            return Found(asker, now, similar, similarity, tag_lists, found[:size], gathered[:size], history)

    def _history(self, found: NDArray[np.int32], answers: int, now: float) -> F64:
        places = self._places
        answered = places.answers[found] > 0

        def gap(position: NDArray[np.int32], known: NDArray[np.bool_]) -> F64:
            return np.where(known, (answers - position[found]) / answers, kernels.NEVER)

        fading = np.maximum(0.0, now - places.declined_at[found]) / self.settings.declined
        return np.column_stack(
            [
                places.answers[found],
                places.accepted[found],
                places.endorsed[found],
                places.asked[found],
                gap(places.first, answered),
                gap(places.last, answered),
                gap(places.heard, places.active_at[found] > 0),
                places.declined[found] * np.exp2(-fading),
            ]
        )

    @property
    def _lists(self) -> tuple[U32, U32, U32]:
        return self._postings.heads, self._postings.counts, self._postings.pool

    def _solved(self, listed: I64, place: int) -> tuple[I64, I64]:
        found: tuple[I64, I64] = kernels.solved(
            self._problems.length,
            self._problems.newest,
            self._answers.place,
            self._answers.worth,
            self._answers.of_problem,
            listed,
            place,
        )
        return found

    def member(self, place: int) -> str:
        """Whose place it is."""
        return self._place_names[place]

    def place_of(self, community_id: str, member_id: str) -> int | None:
        """The place of a member, if anything is known of them there."""
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is None:
                return None
            place = _get(self._place_table, _key(packed(member_id), community))
            return None if place == NONE else place

    def evidence(self, found: Found, place: int, tags: Digest, skills: Digest) -> Evidence:
        """What speaks for the person at ``place``, for the problem that ``found`` is about."""
        with self._lock:
            ranks, answers = self._solved(found.similar, place)
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
                size = kernels.newest_of(*self._lists, slot, listed.size, listed)
                _, of_tag = self._solved(listed[:size], place)
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
        # Lists keep what was dismissed. A term always tells something: the kernels know by a score of 0 what
        # they have not met before.
        listed = np.minimum(self._postings.counts[lists].astype(np.float64), problems)
        return np.log1p((problems - listed + 0.5) / (listed + 0.5))

    def _similar(self, community: int, words: Digest, skip: int) -> tuple[I64, F64]:
        """The most similar problems, and how similar they are, the best 1."""
        settings = self.settings
        lists = kernels.look_up(self._postings.keys, words, community)
        lists = lists[lists != NONE]
        counts = np.minimum(self._postings.counts[lists].astype(np.int64), settings.postings)
        order = np.argsort(self._postings.counts[lists], kind="stable")
        affordable = int(np.searchsorted(np.cumsum(counts[order]), settings.postings_in_all, side="right"))
        lists = lists[order[: max(1, affordable)]]
        problems = max(1, int(self._communities.problems[community]))
        numbers, scores = kernels.bm25(
            *self._lists,
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

    @property
    def nbytes(self) -> int:
        """Bytes held in all."""
        records = (
            *self._communities, *self._problems, *self._problem_table, *self._answers, *self._places,
            *self._place_table, *self._skills, *self._postings, self._scores, self._hits, self._rows,
        )  # fmt: skip
        return sum(each.nbytes for each in records) + self._problem_names.nbytes + self._place_names.nbytes

    # -- records ---------------------------------------------------------------------------------------

    def _community(self, community_id: str) -> int:
        number = self._community_numbers.setdefault(community_id, len(self._community_numbers))
        if number >= self._communities_known:
            self._communities_known = number + 1
            grow(self._communities, number + 1)
            self._communities.newest[number] = NONE
        return number

    def _problem(self, packed_id: bytes, community: int) -> int:
        number = _get(self._problem_table, _key(packed_id, community))
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
        place = _get(self._place_table, key)
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
        self._places.heard[place] = self._communities.answers[self._places.community[place]]

    def _make_room_for_terms(self, terms: int) -> None:
        used, keys = int(self._postings.top[0]), self._postings.keys
        grow((self._postings.pool,), used + terms * (kernels.BLOCK + 1))
        size = keys.size
        while (int(self._postings.top[1]) + terms) * 4 > size * 3:
            size *= 2
        if size > keys.size:
            larger = np.zeros(size, np.int64)
            moved = kernels.rehash(keys, larger)
            taken = keys != 0
            heads, counts = np.zeros(size, np.uint32), np.zeros(size, np.uint32)
            heads[moved[taken]] = self._postings.heads[taken]
            counts[moved[taken]] = self._postings.counts[taken]
            self._postings = self._postings._replace(keys=larger, heads=heads, counts=counts)


def _key(packed_id: bytes, community: int) -> int:
    key: int = kernels.mixed(np.uint64(key_of(packed_id)), community)
    return key


def _postings(size: int) -> Postings:
    # The word 0 of the pool is nobody's: a list without a head has its head there.
    return Postings(
        np.zeros(size, np.int64),
        np.zeros(size, np.uint32),
        np.zeros(size, np.uint32),
        np.zeros(1 << 12, np.uint32),
        np.array([1, 0]),
    )


def _table(size: int = 1 << 10) -> Table:
    return Table(np.zeros(size, np.int64), np.zeros(size, np.int32), np.zeros(1, np.int64))


def _get(table: Table, key: int) -> int:
    return int(kernels.table_get(table.keys, table.values, key))


def _set(table: Table, key: int, value: int) -> Table:
    """Put a number into a table, or into a larger one in its place."""
    if (int(table.used[0]) + 1) * 4 > table.keys.size * 3:
        larger = _table(table.keys.size * 2)
        moved = kernels.rehash(table.keys, larger.keys)
        taken = table.keys != 0
        larger.values[moved[taken]] = table.values[taken]
        larger.used[0] = table.used[0]
        table = larger
    kernels.table_set(*table, key, value)
    return table
