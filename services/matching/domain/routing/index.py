"""The index: what happened in the communities, ready to be asked who should see a problem.

It is fed with states and not with changes: whoever feeds it says what a problem or a solution *is* now, as
often and in whatever order it learns of it. A solution of a problem that is not known yet waits for it; the
same state again changes nothing. Every change counts for the next query.

Everything is scoped by community, in one set of arrays: a query reads its own community's lists alone, and
bounded parts of these, so that it costs the same in a community of thousands and of a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing import feeding, kernels
from services.matching.domain.routing.arrays import (
    F64,
    I64,
    NONE,
    U32,
    Answers,
    Communities,
    Places,
    Postings,
    empty,
    grow,
)
from services.matching.domain.routing.arrays import Problems as ProblemArrays
from services.matching.domain.routing.arrays import Skills as SkillArrays
from services.matching.domain.routing.events import Problem, Problems, Skills, Solution, Solutions
from services.matching.domain.routing.names import Names, hashes
from services.matching.domain.routing.text import Digest

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
    postings_in_all: int = 65_536
    """So many are read for a query, from its most telling word on."""
    problems_of_tag: int = 512
    answers_of_community: int = 4096
    stated_of_skill: int = 1024
    candidates: int = 8192
    """So many people are considered."""


TIMELESS: Final = Settings(expertise=float("inf"), activity=float("inf"))
"""For histories whose unit of time is not known."""


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


class Index:
    """See the module. One lock around every call: it may be fed and asked from several threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._lock = RLock()
        self._community_numbers: dict[str, int] = {}
        self._communities = empty(Communities)
        self._communities_known = 0
        self._problems = empty(ProblemArrays)
        self._problem_names = Names()
        self._answers = empty(Answers)
        self._answer_count = 0
        self._places = empty(Places)
        self._place_names = Names()
        self._skills = empty(SkillArrays)
        self._skill_count = 0
        self._postings = _postings(1 << 12)
        # Kept between queries, and as each found it: zeros by problem, a list of problems, -1 by place.
        self._scores = np.zeros(0, np.float32)
        self._hits = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.int32)

    # -- feeding ---------------------------------------------------------------------------------------

    def put_problem(self, problem: Problem) -> None:
        """A problem, new or changed."""
        self.put_problems(Problems.of([problem]))

    def put_problems(self, problems: Problems) -> None:
        """Many problems at once, in order."""
        with self._lock:
            communities = self._communities_of(problems.community_id)
            numbers = self._problems_of(communities, problems.problem_id)
            askers = self._places_of(communities, problems.asker_id)
            terms = (problems.words.terms, problems.words.ends, problems.tags.terms, problems.tags.ends)
            marks = feeding.marks(*terms)
            feeding.note_activity(self._places.active_at, askers, problems.at)
            row = 0
            while (row := self._list_terms(row, numbers, communities, askers, marks, terms)) < numbers.size:
                number = numbers[row]
                if self._problems.mark[number] not in (0, marks[row]):
                    numbers[numbers == number] = self._renewed(int(number))
                else:
                    sizes = (np.diff(part.ends, prepend=0) for part in (problems.words, problems.tags))
                    self._make_room_for_terms(sum(int(each[row]) for each in sizes))

    def _list_terms(
        self, row: int, numbers: I64, communities: I64, askers: I64, marks: U32, terms: tuple[Any, ...]
    ) -> int:
        listed: int = feeding.list_terms(
            *self._postings,
            self._communities.length,
            self._communities.problems,
            self._problems.length,
            self._problems.mark,
            self._problems.asker,
            self._places.asked,
            row,
            numbers,
            communities,
            askers,
            marks,
            *terms,
        )
        return listed

    def _renewed(self, number: int) -> int:
        """Another number for a problem whose text changed: under the old one, it is listed no more."""
        answers = self._problems.newest[number]
        self._dismiss(number)
        community = int(self._problems.community[number])
        again = self._problem_names.renewed(number, community)
        self._make_room_for_problems()
        self._problems.community[again] = community
        self._problems.newest[again] = answers
        return again

    def remove_problem(self, community_id: str, problem_id: str) -> None:
        """A problem that counts no more, with its answers: withdrawn, or taken down."""
        with self._lock:
            community = self._community_numbers.get(community_id)
            if community is not None:
                [number] = self._problems_of(np.array([community]), [problem_id])
                for answer in self._answers_of(number):
                    feeding.count_answer(
                        self._answers.place,
                        self._answers.position,
                        self._answers.mark,
                        self._places.answers,
                        self._places.accepted,
                        self._places.endorsed,
                        self._places.first,
                        self._places.last,
                        answer,
                        -1,
                    )
                    self._answers.worth[answer] = 0
                self._dismiss(number)

    def _dismiss(self, number: int) -> None:
        community = self._problems.community[number]
        if self._problems.length[number] > 0:
            self._communities.problems[community] -= 1
            self._communities.length[community] -= self._problems.length[number]
            self._places.asked[self._problems.asker[number]] -= 1
        self._problems.length[number] = -1
        self._problems.newest[number] = NONE

    def put_solution(self, solution: Solution) -> None:
        """A solution, new or changed: proposed, endorsed, accepted, adapted, withdrawn."""
        self.put_solutions(Solutions.of([solution]))

    def put_solutions(self, solutions: Solutions) -> None:
        """Many solutions at once, in order."""
        with self._lock:
            communities = self._communities_of(solutions.community_id)
            problems = self._problems_of(communities, solutions.problem_id)
            places = self._places_of(communities, solutions.author_id)
            praised = kernels.ACCEPTED * solutions.accepted | kernels.ENDORSED * (solutions.endorsed > 0)
            marks = (hashes(solutions.solution_id) << np.uint64(2)).astype(np.uint32) | praised.astype(
                np.uint32
            )
            grow(self._answers, self._answer_count + problems.size)
            self._answer_count = feeding.list_answers(
                self._problems.newest,
                self._communities.answers,
                self._communities.newest,
                self._answers.place,
                self._answers.at,
                self._answers.position,
                self._answers.worth,
                self._answers.mark,
                self._answers.of_problem,
                self._answers.of_community,
                self._places.answers,
                self._places.accepted,
                self._places.endorsed,
                self._places.first,
                self._places.last,
                self._places.active_at,
                self._answer_count,
                self.settings.answers_of_community,
                communities,
                problems,
                places,
                solutions.at,
                solutions.worth,
                marks,
            )

    def _answers_of(self, problem: int) -> list[int]:
        found: list[int] = []
        answer = int(self._problems.newest[problem])
        while answer != NONE:
            if self._answers.worth[answer] > 0:
                found.append(answer)
            answer = int(self._answers.of_problem[answer])
        return found

    def put_skills(self, skills: Skills) -> None:
        """The skills that members state, the whole of them."""
        with self._lock:
            communities = self._communities_of(skills.community_id)
            places = self._places_of(communities, skills.member_id)
            grow(self._skills, self._skill_count + skills.worth.size)
            self._make_room_for_terms(skills.worth.size)
            self._skill_count = feeding.list_skills(
                *self._postings,
                self._places.skill,
                self._skills.place,
                self._skills.key,
                self._skills.worth,
                self._skills.of_place,
                self._skill_count,
                communities,
                places,
                skills.names.terms,
                skills.names.ends,
                skills.worth,
            )

    def note_activity(self, community_ids: Sequence[str], member_ids: Sequence[str], at: F64) -> None:
        """Members did something, each in the community and at the time beside them."""
        with self._lock:
            places = self._places_of(self._communities_of(community_ids), member_ids)
            feeding.note_activity(self._places.active_at, places, at)

    def put_asks(self, community_id: str, member_id: str, asks: Iterable[tuple[float, bool]]) -> None:
        """What became of a member's asks of late, the whole of it: when each was taken up, or else declined
        or ignored. One that is taken up makes good half of what was not."""
        with self._lock:
            [place] = self._places_of(self._communities_of([community_id]), [member_id])
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
            place = self._place_names.find(community, member_id)
            if place != NONE:
                self.put_skills(Skills.of([(community_id, member_id, {})]))
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
                asker = self._place_names.find(community, asker_id)
            if problem_id:
                problem = self._problem_names.find(community, problem_id)
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
            history = self._history(found[:size], community, answers, now)
            return Found(asker, now, similar, similarity, tag_lists, found[:size], gathered[:size], history)

    def _history(self, found: NDArray[np.int32], community: int, answers: int, now: float) -> F64:
        history = np.empty((found.size, len(HISTORY)))
        kernels.history(
            self._places.answers,
            self._places.accepted,
            self._places.endorsed,
            self._places.asked,
            self._places.first,
            self._places.last,
            self._places.active_at,
            self._places.declined,
            self._places.declined_at,
            self._answers.at,
            self._answers.of_community,
            int(self._communities.newest[community]),
            self.settings.answers_of_community,
            float(answers),
            now,
            self.settings.declined,
            found,
            history,
        )
        return history

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
            place = self._place_names.find(community, member_id)
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
            *self._communities, *self._problems, *self._answers, *self._places, *self._skills,
            *self._postings, self._scores, self._hits, self._rows,
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

    def _communities_of(self, community_ids: Sequence[str]) -> I64:
        return np.array([self._community(each) for each in community_ids], np.int64)

    def _problems_of(self, communities: I64, problem_ids: Sequence[str]) -> I64:
        """The numbers of problems; those that are not known yet get the next."""
        before = len(self._problem_names)
        numbers = self._problem_names.numbers(communities, problem_ids)
        self._make_room_for_problems()
        new = numbers >= before
        self._problems.community[numbers[new]] = communities[new]
        return numbers

    def _places_of(self, communities: I64, member_ids: Sequence[str]) -> I64:
        """The places of members; those that are not known yet get the next."""
        before = len(self._place_names)
        numbers = self._place_names.numbers(communities, member_ids)
        known = self._rows.size
        grow(self._places, len(self._place_names))
        grow((self._rows,), len(self._place_names))
        self._rows[known:] = self._places.skill[known:] = NONE
        new = numbers >= before
        self._places.community[numbers[new]] = communities[new]
        return numbers

    def _make_room_for_problems(self) -> None:
        known = self._scores.size
        grow(self._problems, len(self._problem_names))
        grow((self._scores, self._hits), len(self._problem_names))
        self._problems.asker[known:] = self._problems.newest[known:] = NONE

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


def _postings(size: int) -> Postings:
    # The word 0 of the pool is nobody's: a list without a head has its head there.
    return Postings(
        np.zeros(size, np.int64),
        np.zeros(size, np.uint32),
        np.zeros(size, np.uint32),
        np.zeros(1 << 12, np.uint32),
        np.array([1, 0]),
    )
