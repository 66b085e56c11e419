"""The index: what happened in the communities, ready to be asked who should see a problem.

It is fed with states and not with changes: whoever feeds it says what a problem or a solution *is* now, as
often and in whatever order it learns of it. A solution of a problem that is not known yet waits for it; the
same state again changes nothing. Every change counts for the next query.

Everything is scoped by community, in one set of arrays: a query reads its own community's lists alone, and
bounded parts of these, so that it costs the same in a community of thousands and of a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing import feeding, kernels
from services.matching.domain.routing.arrays import F64, I64, NONE, U32
from services.matching.domain.routing.events import Problem, Problems, Skills, Solution, Solutions
from services.matching.domain.routing.found import HISTORY, Evidence, Found
from services.matching.domain.routing.names import hashes
from services.matching.domain.routing.records import Records
from services.matching.domain.routing.settings import Settings
from services.matching.domain.routing.text import Digest


class Index:
    """See the module. One lock around every call: it may be fed and asked from several threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._lock = RLock()
        self._records = Records()

    # -- feeding ---------------------------------------------------------------------------------------

    def put_problem(self, problem: Problem) -> None:
        """A problem, new or changed."""
        self.put_problems(Problems.of([problem]))

    def put_problems(self, problems: Problems) -> None:
        """Many problems at once, in order."""
        records = self._records
        with self._lock:
            communities = records.communities_of(problems.community_id)
            numbers = records.problems_of(communities, problems.problem_id)
            askers = records.places_of(communities, problems.asker_id)
            terms = (problems.words.terms, problems.words.ends, problems.tags.terms, problems.tags.ends)
            marks = feeding.marks(*terms)
            feeding.note_activity(records.places.active_at, askers, problems.at)
            row = 0
            while (row := self._list_terms(row, numbers, communities, askers, marks, terms)) < numbers.size:
                number = numbers[row]
                if records.problems.mark[number] not in (0, marks[row]):
                    numbers[numbers == number] = self._renewed(int(number))
                else:
                    sizes = (np.diff(part.ends, prepend=0) for part in (problems.words, problems.tags))
                    records.make_room_for_terms(sum(int(each[row]) for each in sizes))

    def _list_terms(
        self, row: int, numbers: I64, communities: I64, askers: I64, marks: U32, terms: tuple[Any, ...]
    ) -> int:
        records = self._records
        listed: int = feeding.list_terms(
            *records.postings,
            records.communities.length,
            records.communities.problems,
            records.problems.length,
            records.problems.mark,
            records.problems.asker,
            records.places.asked,
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
        records = self._records
        answers = records.problems.newest[number]
        self._dismiss(number)
        again = records.renewed(number)
        records.problems.newest[again] = answers
        return again

    def remove_problem(self, community_id: str, problem_id: str) -> None:
        """A problem that counts no more, with its answers: withdrawn, or taken down."""
        records = self._records
        with self._lock:
            community = records.find_community(community_id)
            if community is not None:
                [number] = records.problems_of(np.array([community]), [problem_id])
                for answer in self._answers_of(number):
                    feeding.count_answer(
                        records.answers.place,
                        records.answers.position,
                        records.answers.mark,
                        records.places.answers,
                        records.places.accepted,
                        records.places.endorsed,
                        records.places.first,
                        records.places.last,
                        answer,
                        -1,
                    )
                    records.answers.worth[answer] = 0
                self._dismiss(number)

    def _dismiss(self, number: int) -> None:
        records = self._records
        community = records.problems.community[number]
        if records.problems.length[number] > 0:
            records.communities.problems[community] -= 1
            records.communities.length[community] -= records.problems.length[number]
            records.places.asked[records.problems.asker[number]] -= 1
        records.problems.length[number] = -1
        records.problems.newest[number] = NONE

    def put_solution(self, solution: Solution) -> None:
        """A solution, new or changed: proposed, endorsed, accepted, adapted, withdrawn."""
        self.put_solutions(Solutions.of([solution]))

    def put_solutions(self, solutions: Solutions) -> None:
        """Many solutions at once, in order."""
        records = self._records
        with self._lock:
            communities = records.communities_of(solutions.community_id)
            problems = records.problems_of(communities, solutions.problem_id)
            places = records.places_of(communities, solutions.author_id)
            praised = kernels.ACCEPTED * solutions.accepted | kernels.ENDORSED * (solutions.endorsed > 0)
            marks = (hashes(solutions.solution_id) << np.uint64(2)).astype(np.uint32) | praised.astype(
                np.uint32
            )
            records.make_room_for_answers(problems.size)
            records.answer_count = feeding.list_answers(
                records.problems.newest,
                records.communities.answers,
                records.communities.newest,
                records.answers.place,
                records.answers.at,
                records.answers.position,
                records.answers.worth,
                records.answers.mark,
                records.answers.of_problem,
                records.answers.of_community,
                records.places.answers,
                records.places.accepted,
                records.places.endorsed,
                records.places.first,
                records.places.last,
                records.places.active_at,
                records.answer_count,
                self.settings.answers_of_community,
                communities,
                problems,
                places,
                solutions.at,
                solutions.worth,
                marks,
            )

    def _answers_of(self, problem: int) -> list[int]:
        records = self._records
        found: list[int] = []
        answer = int(records.problems.newest[problem])
        while answer != NONE:
            if records.answers.worth[answer] > 0:
                found.append(answer)
            answer = int(records.answers.of_problem[answer])
        return found

    def put_skills(self, skills: Skills) -> None:
        """The skills that members state, the whole of them."""
        records = self._records
        with self._lock:
            communities = records.communities_of(skills.community_id)
            places = records.places_of(communities, skills.member_id)
            records.make_room_for_skills(skills.worth.size)
            records.make_room_for_terms(skills.worth.size)
            records.skill_count = feeding.list_skills(
                *records.postings,
                records.places.skill,
                records.skills.place,
                records.skills.key,
                records.skills.worth,
                records.skills.of_place,
                records.skill_count,
                communities,
                places,
                skills.names.terms,
                skills.names.ends,
                skills.worth,
            )

    def note_activity(self, community_ids: Sequence[str], member_ids: Sequence[str], at: F64) -> None:
        """Members did something, each in the community and at the time beside them."""
        records = self._records
        with self._lock:
            places = records.places_of(records.communities_of(community_ids), member_ids)
            feeding.note_activity(records.places.active_at, places, at)

    def put_asks(self, community_id: str, member_id: str, asks: Iterable[tuple[float, bool]]) -> None:
        """What became of a member's asks of late, the whole of it: when each was taken up, or else declined
        or ignored. One that is taken up makes good half of what was not."""
        records = self._records
        with self._lock:
            [place] = records.places_of(records.communities_of([community_id]), [member_id])
            records.places.declined[place] = records.places.declined_at[place] = 0.0
            for at, taken_up in sorted(asks):
                before = self._declined(place, at)
                records.places.declined[place] = before / 2 if taken_up else before + 1
                records.places.declined_at[place] = at

    def _declined(self, place: int, now: float) -> float:
        passed = max(0.0, now - float(self._records.places.declined_at[place]))
        return float(self._records.places.declined[place] * np.exp2(-passed / self.settings.declined))

    def forget(self, community_id: str, member_id: str) -> None:
        """Somebody who was erased: is found no more, by no name."""
        records = self._records
        with self._lock:
            community = records.find_community(community_id)
            if community is None:
                return
            place = records.place_names.find(community, member_id)
            if place != NONE:
                self.put_skills(Skills.of([(community_id, member_id, {})]))
                records.places.community[place] = NONE
                records.place_names.blank(place)

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
        records = self._records
        with self._lock:
            community = records.find_community(community_id)
            if community is None:
                return None
            asker = problem = NONE
            if asker_id:
                asker = records.place_names.find(community, asker_id)
            if problem_id:
                problem = records.problem_names.find(community, problem_id)
            answers = max(1, int(records.communities.answers[community]))
            settings = self.settings
            shares = np.array(settings.similar + settings.tags + settings.active)
            similar, similarity = self._similar(community, words, problem)
            tag_lists = kernels.look_up(records.postings.keys, tags, community)
            known = tag_lists[tag_lists != NONE]
            skill_lists = kernels.look_up(records.postings.keys, skills, community)
            found = np.empty(min(settings.candidates, len(records.place_names)), np.int32)
            gathered = np.empty((found.size, kernels.COLUMNS), np.float64)
            size = kernels.gather(
                *records.lists,
                records.problems.length,
                records.problems.asker,
                records.problems.newest,
                records.answers.place,
                records.answers.at,
                records.answers.position,
                records.answers.worth,
                records.answers.of_problem,
                records.answers.of_community,
                records.places.community,
                records.skills.place,
                records.skills.worth,
                int(records.communities.newest[community]),
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
                records.rows,
                found,
                gathered,
            )
            history = self._history(found[:size], community, answers, now)
            return Found(asker, now, similar, similarity, tag_lists, found[:size], gathered[:size], history)

    def _history(self, found: NDArray[np.int32], community: int, answers: int, now: float) -> F64:
        records = self._records
        history = np.empty((found.size, len(HISTORY)))
        kernels.history(
            records.places.answers,
            records.places.accepted,
            records.places.endorsed,
            records.places.asked,
            records.places.first,
            records.places.last,
            records.places.active_at,
            records.places.declined,
            records.places.declined_at,
            records.answers.at,
            records.answers.of_community,
            int(records.communities.newest[community]),
            self.settings.answers_of_community,
            float(answers),
            now,
            self.settings.declined,
            found,
            history,
        )
        return history

    def _solved(self, listed: I64, place: int) -> tuple[I64, I64]:
        records = self._records
        found: tuple[I64, I64] = kernels.solved(
            records.problems.length,
            records.problems.newest,
            records.answers.place,
            records.answers.worth,
            records.answers.of_problem,
            listed,
            place,
        )
        return found

    def member(self, place: int) -> str:
        """Whose place it is."""
        return self._records.place_names[place]

    def place_of(self, community_id: str, member_id: str) -> int | None:
        """The place of a member, if anything is known of them there."""
        with self._lock:
            community = self._records.find_community(community_id)
            if community is None:
                return None
            place = self._records.place_names.find(community, member_id)
            return None if place == NONE else place

    def evidence(self, found: Found, place: int, tags: Digest, skills: Digest) -> Evidence:
        """What speaks for the person at ``place``, for the problem that ``found`` is about."""
        records = self._records
        with self._lock:
            ranks, answers = self._solved(found.similar, place)
            similar = [
                (
                    records.problem_names[int(found.similar[rank])],
                    float(found.similarity[rank]),
                    float(records.answers.at[answer]),
                )
                for rank, answer in zip(ranks, answers, strict=True)
            ]
            listed = np.empty(self.settings.problems_of_tag, np.int64)
            by_tag: list[tuple[int, int, int]] = []
            for slot in found.tags:
                if slot == NONE:
                    by_tag.append((0, 0, 0))
                    continue
                size = kernels.newest_of(*records.lists, slot, listed.size, listed)
                _, of_tag = self._solved(listed[:size], place)
                marks = records.answers.mark[of_tag]
                by_tag.append(
                    (
                        of_tag.size,
                        int(np.count_nonzero(marks & kernels.ACCEPTED)),
                        int(np.count_nonzero(marks & kernels.ENDORSED)),
                    )
                )
            worth: dict[int, float] = {}
            stated = int(records.places.skill[place])
            while stated != NONE:
                worth[int(records.skills.key[stated])] = float(records.skills.worth[stated])
                stated = int(records.skills.of_place[stated])
            active_at = float(records.places.active_at[place])
            return Evidence(
                similar,
                by_tag,
                [worth.get(int(skill) & 0xFFFFFFFF, 0.0) for skill in skills >> np.uint64(4)],
                int(records.places.answers[place]),
                active_at or None,
                self._declined(place, found.now),
            )

    def _telling(self, community: int, lists: I64) -> F64:
        """How much each of these terms tells: the rarer, the more."""
        problems = float(max(1, self._records.communities.problems[community]))
        # Lists keep what was dismissed. A term always tells something: the kernels know by a score of 0 what
        # they have not met before.
        listed = np.minimum(self._records.postings.counts[lists].astype(np.float64), problems)
        return np.log1p((problems - listed + 0.5) / (listed + 0.5))

    def _similar(self, community: int, words: Digest, skip: int) -> tuple[I64, F64]:
        """The most similar problems, and how similar they are, the best 1."""
        records = self._records
        settings = self.settings
        lists = kernels.look_up(records.postings.keys, words, community)
        lists = lists[lists != NONE]
        counts = np.minimum(records.postings.counts[lists].astype(np.int64), settings.postings)
        order = np.argsort(records.postings.counts[lists], kind="stable")
        affordable = int(np.searchsorted(np.cumsum(counts[order]), settings.postings_in_all, side="right"))
        lists = lists[order[: max(1, affordable)]]
        problems = max(1, int(records.communities.problems[community]))
        numbers, scores = kernels.bm25(
            *records.lists,
            records.problems.length,
            lists,
            self._telling(community, lists).astype(np.float32),
            settings.postings,
            settings.saturation,
            settings.by_length,
            max(1.0, float(records.communities.length[community]) / problems),
            records.scores,
            records.hits,
            skip,
            settings.most_similar,
        )
        return numbers, scores / scores[0] if scores.size else scores

    @property
    def nbytes(self) -> int:
        """Bytes held in all."""
        return self._records.nbytes
