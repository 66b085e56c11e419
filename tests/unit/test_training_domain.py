"""Whether a learned ranker is worth using: worlds made here in which it is, and in which it is not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from services.matching.domain.routing.ranking import FEATURES, Forest
from services.matching.domain.routing.replay import History
from services.matching.domain.routing.training import QUERIES, train
from tests.routing_worlds import history

LEAF: dict[str, object] = {
    "features": FEATURES, "feature": [0], "threshold": [0], "left": [-1], "right": [-1],
    "value": [1], "roots": [0],
}  # fmt: skip
SPLIT: dict[str, object] = {
    "features": FEATURES, "feature": [3, 0, 0], "threshold": [0.5, 0, 0], "left": [1, -1, -1],
    "right": [2, -1, -1], "value": [0, -1, 1], "roots": [0],
}  # fmt: skip


def test_it_wins_on_communities_that_it_never_saw() -> None:
    """In all of them it is the turn of who was silent longest: the sum by hand has it the other way round."""
    trained = train({name: history(name, longest_silent=True) for name in ("a", "b")})
    assert trained is not None
    assert trained.won
    assert trained.queries >= QUERIES
    assert trained.learned > trained.by_hand + 0.1


def test_what_it_learned_elsewhere_may_lose() -> None:
    """What holds in one community is wrong in the other."""
    trained = train({"a": history("a", longest_silent=True), "b": history("b", longest_silent=False)})
    assert trained is not None
    assert not trained.won
    assert trained.learned < trained.by_hand


def test_a_community_alone_is_judged_on_the_time_that_was_not_learned_from() -> None:
    trained = train({"a": history("a", longest_silent=True, problems=1_200)})
    assert trained is not None
    assert trained.won
    assert QUERIES <= trained.queries <= 0.2 * 1_200


def test_on_few_problems_nothing_is_proven() -> None:
    trained = train({"a": history("a", longest_silent=True, problems=500)})
    assert trained is not None
    assert trained.learned > trained.by_hand
    assert not trained.won


@pytest.mark.parametrize(
    "histories",
    [{}, {"a": History([], [])}, {"a": history("a", longest_silent=True, problems=50)}],
)
def test_from_too_little_nothing_is_learned(histories: dict[str, History]) -> None:
    assert train(histories) is None


def test_a_forest_is_read_as_it_was_kept() -> None:
    trained = train({"a": history("a", longest_silent=True, problems=500)})
    assert trained is not None
    read = Forest.read("7", trained.forest.text)
    seen = np.random.default_rng(1).random((20, FEATURES))
    assert read.version == "7"
    assert read.scores(seen).tolist() == trained.forest.scores(seen).tolist()


@pytest.mark.parametrize(("whole", "adds"), [(LEAF, [0, 0]), (SPLIT, [-1, 1])])
def test_a_small_forest_is_one(whole: dict[str, object], adds: list[float]) -> None:
    seen = np.zeros((2, FEATURES))
    seen[1] = 1
    assert Forest.read("1", json.dumps(whole)).scores(seen).tolist() == adds


@pytest.mark.parametrize(
    "text",
    [
        "", "garbage", "[]", "null", "7", '"text"', "{}", "[" * 100_000,
        *(
            json.dumps(SPLIT | wrong)
            for wrong in (
                {"features": FEATURES + 1},  # learned over others
                {"left": [0, -1, -1]},  # no end
                {"right": [3, -1, -1]},
                {"left": [-2, -1, -1]},
                {"feature": [FEATURES, 0, 0]},
                {"feature": [-1, 0, 0]},
                {"value": [0, 1]},
                {"value": [0, float("nan"), 0]},
                {"threshold": ["high", 0, 0]},
                {"roots": [3]},
                {"roots": [[0]]},
                {"roots": [2**40]},
                {"value": None},
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_forest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no forest"):
        Forest.read("1", text)
