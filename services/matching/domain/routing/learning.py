"""Learning to rank: from who answered, a forest that corrects the sum by hand.

LightGBM grows the trees and is imported here alone: whoever only ranks does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.arrays import F64, NONE
from services.matching.domain.routing.ranking import Forest

TREES: Final = 15
"""Few, grown several times over and averaged: they are to correct the sum by hand and not to replace it.
More of them learn the communities by heart that they see."""
SEEDS: Final = (1, 2, 3, 4, 5)
LEAST: Final = 200
"""From fewer examples nothing is learned."""
SCALE: Final = 0.8
"""What a unit of the trees' sum counts, beside the sum by hand. Like their number it was chosen on
communities left out of the training, and on questions of theirs that are in no test."""
_PARAMETERS: Final[dict[str, Any]] = {
    "objective": "lambdarank",
    "label_gain": [0, 1, 2],
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 50,
    "lambda_l2": 10,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 63,
    "deterministic": True,
    "num_threads": 1,
    "verbose": -1,
}


class Example(NamedTuple):
    """One problem: the candidates as they were when it was posted, and who of them answered."""

    features: F64
    """Of the candidates that a learned ranker orders."""
    gains: NDArray[np.int64]
    """2 for whose answer was accepted or else voted best, 1 for others that were of use, 0 for the rest."""


def learn(examples: Sequence[Example], version: str) -> Forest | None:
    """A ranker from these examples; ``None`` if they are too few."""
    telling = [each for each in examples if each.gains.any()]
    if len(telling) < LEAST:
        return None
    import lightgbm

    data = lightgbm.Dataset(
        np.concatenate([each.features for each in telling]).astype(np.float32),
        np.concatenate([each.gains for each in telling]),
        group=[len(each.gains) for each in telling],
        params=_PARAMETERS,
    )
    models = [lightgbm.train(_PARAMETERS | {"seed": seed}, data, TREES).dump_model() for seed in SEEDS]
    return _flat([tree["tree_structure"] for model in models for tree in model["tree_info"]], version)


def _flat(trees: Sequence[dict[str, Any]], version: str) -> Forest:
    scale = SCALE / len(SEEDS)
    nodes: list[tuple[int, float, int, int, float]] = []

    def add(node: dict[str, Any]) -> int:
        number = len(nodes)
        nodes.append((0, 0.0, NONE, NONE, scale * node.get("leaf_value", node.get("internal_value", 0.0))))
        if "split_feature" in node:
            left, right = add(node["left_child"]), add(node["right_child"])
            nodes[number] = (node["split_feature"], node["threshold"], left, right, nodes[number][4])
        return number

    roots = [add(tree) for tree in trees]
    feature, threshold, left, right, value = zip(*nodes, strict=True)
    return Forest(
        version,
        np.array(feature, np.int32),
        np.array(threshold, np.float64),
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(value, np.float64),
        np.array(roots, np.int32),
    )
