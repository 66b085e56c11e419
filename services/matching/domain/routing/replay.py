"""The protocol by which rankings are judged: test, then train.

Everything that a community went through is replayed in time order, and for each problem it is asked whom a
ranking would have found with what was known just before it; then the problem is let in. To be found are those
who turned out to be of use, of everybody who had answered anything by then: gain 2 for the best, 1 for the
others. Of the same moment, problems come before solutions.

A solution is known from its own time on with all that was said of it until today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.arrays import F64
from services.matching.domain.routing.events import Problem, Solution
from services.matching.domain.routing.found import HISTORY, Found
from services.matching.domain.routing.index import Index
from services.matching.domain.routing.learning import Example
from services.matching.domain.routing.ranking import TOP, by_hand, features, order


class History(NamedTuple):
    """What a community went through: its problems and solutions as they are now, in any order."""

    problems: Sequence[Problem]
    solutions: Sequence[Solution]


class Moment(NamedTuple):
    """A problem, just before it is let in."""

    number: int
    """Which problem in time, from 0."""
    problem: Problem
    gains: Mapping[str, int]
    """Of those who are to be found; nobody, where nobody of use was known."""
    best: str
    """Which of them was of most use."""
    answered: Collection[str]
    """Everybody who had answered something by now. It grows as the replay goes on."""


def replay(history: History, index: Index, since: int) -> Iterator[Moment]:
    """Every problem from number ``since`` on, while ``index`` goes through ``history``."""
    problems = sorted(history.problems, key=lambda each: each.at)
    answers: dict[str, list[Solution]] = {}
    for solution in history.solutions:
        answers.setdefault(solution.problem_id, []).append(solution)
    events: list[tuple[float, int, Problem | Solution]] = [
        *((problem.at, number, problem) for number, problem in enumerate(problems)),
        *((each.at, len(problems), each) for each in history.solutions),
    ]
    answered: set[str] = set()
    for _, number, event in sorted(events, key=lambda each: each[:2]):
        if isinstance(event, Solution):
            index.put_solution(event)
            if event.counts:
                answered.add(event.author_id)
            continue
        if number >= since:
            gains, best = _gains(event, answers.get(event.problem_id, ()), answered)
            yield Moment(number, event, gains, best, answered)
        index.put_problem(event)


def _gains(
    problem: Problem, answers: Sequence[Solution], answered: Collection[str]
) -> tuple[dict[str, int], str]:
    useful = [
        each
        for each in answers
        if each.counts
        and each.author_id in answered
        and each.author_id != problem.asker_id
        and (each.accepted or each.votes > 0 or each.endorsed > 0 or each.adapted > 0)
    ]
    if not useful:
        return {}, ""
    best = max(useful, key=lambda each: (each.accepted, each.worth)).author_id
    return {each.author_id: 2 if each.author_id == best else 1 for each in useful}, best


class Trial(NamedTuple):
    """A problem that somebody of use could be found for: to learn from, or to be judged by."""

    example: Example
    """Of the candidates that a learned ranker orders."""
    scores: F64
    """Theirs, by hand."""
    able: NDArray[np.bool_]
    """Which of them had answered something before."""
    ideal: Sequence[int]
    """All the gains there are to get."""

    @classmethod
    def of(cls, index: Index, found: Found, gains: Mapping[str, int]) -> Trial:
        """The trial of a moment, from what the index found for its problem."""
        scores: F64 = by_hand(found.gathered, found.history[:, HISTORY.index("declined")]).sum(axis=1)
        top = order(scores)[:TOP]
        members = (index.member(int(place)) for place in found.places[top])
        return cls(
            Example(
                features(found.gathered, found.history, scores)[top],
                np.array([gains.get(member, 0) for member in members], np.int64),
            ),
            scores[top],
            found.history[top, HISTORY.index("answers")] > 0,
            list(gains.values()),
        )

    def ndcg(self, scores: F64) -> float:
        """nDCG@10 of the candidates by these scores."""
        ranked = order(scores)
        return ndcg(self.example.gains[ranked[self.able[ranked]]].tolist(), self.ideal)


def ndcg(gains: Sequence[int], ideal: Iterable[int]) -> float:
    """nDCG@10 of these gains in their order, beside all there are to get."""
    return _discounted(gains) / _discounted(sorted(ideal, reverse=True))


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(place + 2) for place, gain in enumerate(gains[:10]))
