"""Whether a learned ranker is worth using, found out from what the communities went through.

Everything is replayed (``replay``). Who turned out to be of use is what a ranker learns from, and what it is
judged by, beside the sum by hand: on communities that it never saw, or where there are too few for that, on
the time that it never saw. What is then put to use has learned from all of them.

A member's activity apart from problems and solutions, stated skills and declined asks are not kept by when
they were known: they are left out of the replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from services.matching.domain.routing.index import Index
from services.matching.domain.routing.learning import learn
from services.matching.domain.routing.ranking import Forest
from services.matching.domain.routing.replay import History, Trial, replay
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


def train(histories: Mapping[str, History]) -> Trained | None:
    """A ranker learned from these communities and judged on them; ``None`` if they have too little to tell.

    Takes minutes where there is much.
    """
    largest = sorted(histories, key=lambda each: (-len(histories[each].problems), each))[:COMMUNITIES]
    share = EXAMPLES // max(1, len(largest))
    trials = {community: _trials(histories[community], share) for community in largest}
    forest = _learned(found.all for found in trials.values())
    figures = _judged(trials)
    if forest is None or not figures:
        return None
    before, learned = np.array(figures).T
    better = learned - before
    certain = 2 * float(better.std()) / len(figures) ** 0.5
    gain = float(better.mean())
    won = len(figures) >= QUERIES and gain >= max(MARGIN, certain)
    return Trained(forest, len(figures), float(before.mean()), float(learned.mean()), won)


class _Trials(NamedTuple):
    """Those of one community."""

    earlier: list[Trial]
    tested: list[Trial]
    """Later ones, for the ranker to be judged by."""

    @property
    def all(self) -> list[Trial]:
        return self.earlier + self.tested


def _trials(history: History, newest: int) -> _Trials:
    problems = len(history.problems)
    first = max(int(WARMING * problems), problems - newest)
    tested = first + int(TESTED * (problems - first))
    found = _Trials([], [])
    index = Index()
    for moment in replay(history, index, first):
        if moment.gains:
            problem = moment.problem
            known = index.find(
                problem.community_id, problem.words, problem.tags, labels("skill", ()),
                now=problem.at, asker_id=problem.asker_id,
            )  # fmt: skip
            assert known is not None, "somebody answered something before"
            trial = Trial.of(index, known, moment.gains)
            (found.tested if moment.number >= tested else found.earlier).append(trial)
    return found


def _learned(trials: Iterable[Sequence[Trial]]) -> Forest | None:
    return learn([trial.example for each in trials for trial in each], "in training")


def _judged(trials: Mapping[str, _Trials]) -> list[tuple[float, float]]:
    """nDCG@10 by hand and learned, for each problem that was judged on."""
    large = [community for community, found in trials.items() if len(found.tested) >= ENOUGH]
    if len(large) < 2:
        everybody = trials.values()
        return _compared(
            _learned(found.earlier for found in everybody), (found.tested for found in everybody)
        )
    figures: list[tuple[float, float]] = []
    for number in range(GROUPS):
        left_out = large[number::GROUPS]
        others = [found.all for community, found in trials.items() if community not in left_out]
        if left_out:
            figures += _compared(_learned(others), [trials[community].tested for community in left_out])
    return figures


def _compared(forest: Forest | None, trials: Iterable[Sequence[Trial]]) -> list[tuple[float, float]]:
    if forest is None:
        return []
    return [
        (trial.ndcg(trial.scores), trial.ndcg(trial.scores + forest.scores(trial.example.features)))
        for each in trials
        for trial in each
    ]
