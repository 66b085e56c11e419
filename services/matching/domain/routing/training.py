"""Whether a learned ranker is worth using, found out from what the communities went through.

Test, then train: everything is replayed in time order, and for each problem everybody is ranked with what was
known just before it. A solution is known from then on with all that was said of it until today. Who turned
out to be of use is what a ranker learns from, and what it is judged by, beside the sum by hand: on
communities that it never saw, or where there are too few for that, on the time that it never saw. What is
then put to use has learned from all of them.

A member's activity apart from problems and solutions, stated skills and declined asks are not kept by when
they were known: they are left out of the replay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import log2
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.arrays import F64
from services.matching.domain.routing.index import HISTORY, Index, Problem, Solution
from services.matching.domain.routing.learning import Example, learn
from services.matching.domain.routing.ranking import TOP, Forest, by_hand, features, order
from services.matching.domain.routing.text import labels

COMMUNITIES: Final = 50
"""The largest so many are learned from."""
EXAMPLES: Final = 4_000
"""From so many problems is learned, the communities' newest in equal shares: each takes about 80 kB."""
WARMING: Final = 0.1
"""Before this share of its problems, a community is too young to be learned from."""
TESTED: Final = 0.8
"""From this share on of the problems that are learned from, they are judged on."""
ENOUGH: Final = 50
"""With so many problems to be judged on, a community is left out of the training and judged on."""
GROUPS: Final = 5
"""Communities are left out in so many groups, one after the other."""
QUERIES: Final = 200
"""On fewer problems nothing is proven."""
MARGIN: Final = 0.01
"""A learned ranker wins by so much of nDCG@10, and by twice the standard error of what it wins."""


class History(NamedTuple):
    """What a community went through: its problems and solutions as they are now, in any order."""

    problems: Sequence[Problem]
    solutions: Sequence[Solution]


class Trained(NamedTuple):
    """A ranker, and how it did beside the sum by hand."""

    forest: Forest
    queries: int
    """Problems that it was judged on."""
    by_hand: float
    learned: float
    """nDCG@10 of both."""
    won: bool
    """Whether it is to be used."""


class _Trial(NamedTuple):
    """A problem that somebody of use could be found for."""

    example: Example
    scores: F64
    """Of the same candidates, by hand."""
    able: NDArray[np.bool_]
    """Those of them who had answered something before."""
    ideal: float
    """The gain of the best order."""
    tested: bool


def train(histories: Mapping[str, History]) -> Trained | None:
    """A ranker learned from these communities and judged on them; ``None`` if they have too little to tell.

    Takes minutes where there is much.
    """
    largest = sorted(histories, key=lambda each: (-len(histories[each].problems), each))[:COMMUNITIES]
    share = EXAMPLES // max(1, len(largest))
    trials = {community: list(_replayed(histories[community], share)) for community in largest}
    forest = _learned(trials.values())
    figures = _judged(trials)
    if forest is None or not figures:
        return None
    before, learned = np.array(figures).T
    better = learned - before
    certain = 2 * float(better.std()) / len(figures) ** 0.5
    gain = float(better.mean())
    won = len(figures) >= QUERIES and gain >= max(MARGIN, certain)
    return Trained(forest, len(figures), float(before.mean()), float(learned.mean()), won)


def _replayed(history: History, newest: int) -> Iterator[_Trial]:
    problems = sorted(history.problems, key=lambda each: each.at)
    answers: dict[str, list[Solution]] = {}
    for solution in history.solutions:
        answers.setdefault(solution.problem_id, []).append(solution)
    events: list[tuple[float, int, Problem | Solution]] = [
        *((problem.at, number, problem) for number, problem in enumerate(problems)),
        *(
            (each.at, len(problems), each) for each in history.solutions
        ),  # of the same moment, they come later
    ]
    first = max(int(WARMING * len(problems)), len(problems) - newest)
    tested = first + int(TESTED * (len(problems) - first))
    index = Index()
    answered: set[str] = set()
    for _, number, event in sorted(events, key=lambda each: each[:2]):
        if isinstance(event, Solution):
            index.put_solution(event)
            if event.counts:
                answered.add(event.author_id)
            continue
        if number >= first and (gains := _gains(event, answers.get(event.problem_id, ()), answered)):
            yield _tried(index, event, gains, tested=number >= tested)
        index.put_problem(event)


def _gains(problem: Problem, answers: Sequence[Solution], answered: Collection[str]) -> dict[str, int]:
    """By who was of use and could have been found: 2 for the best, 1 for the others."""
    useful = [
        each
        for each in answers
        if each.counts
        and each.author_id in answered
        and each.author_id != problem.asker_id
        and (each.accepted or each.votes > 0 or each.endorsed > 0 or each.adapted > 0)
    ]
    best = max(useful, key=lambda each: (each.accepted, each.worth), default=None)
    return {each.author_id: 2 if best and each.author_id == best.author_id else 1 for each in useful}


def _tried(index: Index, problem: Problem, gains: Mapping[str, int], *, tested: bool) -> _Trial:
    found = index.find(
        problem.community_id, problem.words, problem.tags, labels("skill", ()),
        now=problem.at, asker_id=problem.asker_id,
    )  # fmt: skip
    assert found is not None, "somebody answered something before"
    scores: F64 = by_hand(found.gathered, found.history[:, HISTORY.index("declined")]).sum(axis=1)
    top = order(scores)[:TOP]
    members = [index.member(int(place)) for place in found.places[top]]
    return _Trial(
        Example(
            features(found.gathered, found.history, scores)[top],
            np.array([gains.get(member, 0) for member in members], np.int64),
        ),
        scores[top],
        found.history[top, HISTORY.index("answers")] > 0,
        _discounted(sorted(gains.values(), reverse=True)),
        tested,
    )


def _learned(trials: Collection[Sequence[_Trial]]) -> Forest | None:
    return learn([trial.example for each in trials for trial in each], "in training")


def _judged(trials: Mapping[str, Sequence[_Trial]]) -> list[tuple[float, float]]:
    """nDCG@10 by hand and learned, for each problem that was judged on."""
    tested = {community: [each for each in found if each.tested] for community, found in trials.items()}
    large = [community for community, found in tested.items() if len(found) >= ENOUGH]
    if len(large) < 2:
        earlier = [[each for each in found if not each.tested] for found in trials.values()]
        return _compared(_learned(earlier), tested.values())
    figures: list[tuple[float, float]] = []
    for number in range(GROUPS):
        left_out = large[number::GROUPS]
        others = [found for community, found in trials.items() if community not in left_out]
        if left_out:
            figures += _compared(_learned(others), [tested[community] for community in left_out])
    return figures


def _compared(forest: Forest | None, trials: Collection[Sequence[_Trial]]) -> list[tuple[float, float]]:
    if forest is None:
        return []
    return [
        (_ndcg(trial, trial.scores), _ndcg(trial, trial.scores + forest.scores(trial.example.features)))
        for found in trials
        for trial in found
    ]


def _ndcg(trial: _Trial, scores: F64) -> float:
    ranked = order(scores)
    gains = trial.example.gains[ranked[trial.able[ranked]]]
    return _discounted(gains.tolist()) / trial.ideal


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(place + 2) for place, gain in enumerate(gains[:10]))
