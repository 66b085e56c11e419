"""Members' later tags from their earlier ones: the protocol of the recommendation of communities.

A tag stands for a community. The questions of the first 80 % are known, with their answers; the tags of what
a member asks or answers later, and did not before, are relevant. Everybody who took part before and has such
a tag is a query; they are ranked the tags that they have not used. Weights decay with a half-life of 30 % of
the community's age, as measured for tags: ``t`` need not be a time.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from math import exp2, log2, sqrt
from pathlib import Path
from typing import Any

from services.matching.domain import taste

KNOWN = 0.8
HALF_LIFE = 0.3
TOP = 10

Ranker = Callable[[Mapping[str, float]], Mapping[str, float]]


def measure(file: Path) -> dict[str, dict[str, float]]:
    """nDCG@10 of the service (``guildhall``) and the baselines on one community."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        questions = [json.loads(line) for line in lines]
    questions.sort(key=lambda each: each["t"])
    begin, split = questions[0]["t"], questions[int(len(questions) * KNOWN)]["t"]

    def weight(t: float) -> float:
        return exp2((t - split) / (HALF_LIFE * max(split - begin, 1)))

    before: defaultdict[str, dict[str, float]] = defaultdict(dict)
    later: defaultdict[str, set[str]] = defaultdict(set)
    for t, member, tags in _taking_part(questions):
        for tag in tags:
            if t < split:
                before[member][tag] = before[member].get(tag, 0.0) + weight(t)
            else:
                later[member].add(tag)
    model = taste.learn(before.values())
    rankers: dict[str, Ranker] = {
        "guildhall": lambda tastes: taste.scores(model, tastes),
        **_baselines(before),
    }
    gains: defaultdict[str, list[float]] = defaultdict(list)
    known = {tag for tastes in before.values() for tag in tastes}
    for member, tastes in before.items():
        relevant = (later[member] & known) - tastes.keys()
        if relevant:
            for name, ranker in rankers.items():
                scores = ranker(tastes)
                fresh = [tag for tag in scores if tag not in tastes]
                ranked = sorted(fresh, key=lambda tag: (-scores[tag], tag))[:TOP]
                gains[name].append(_ndcg(ranked, relevant))
    return {
        name: {"ndcg@10": sum(each) / len(each), "queries": len(each)} for name, each in gains.items() if each
    }


def _taking_part(questions: Iterable[Mapping[str, Any]]) -> Iterable[tuple[float, str, list[str]]]:
    for each in questions:
        for t, member in [(each["t"], each["asker"]), *((a["t"], a["user"]) for a in each["answers"])]:
            if member is not None:
                yield t, str(member), each["tags"]


def _baselines(before: Mapping[str, Mapping[str, float]]) -> dict[str, Ranker]:
    """Popularity: by members. item-kNN: cosine of the members' weights, weighted by one's own."""
    popularity: defaultdict[str, float] = defaultdict(float)
    squares: defaultdict[str, float] = defaultdict(float)
    products: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for tastes in before.values():
        for tag, weight in tastes.items():
            popularity[tag] += 1
            squares[tag] += weight**2
            for other, theirs in tastes.items():
                if other != tag:
                    products[tag][other] += weight * theirs

    def neighbours(tastes: Mapping[str, float]) -> Mapping[str, float]:
        found: defaultdict[str, float] = defaultdict(float)
        for tag, weight in tastes.items():
            for other, product in products[tag].items():
                found[other] += weight * product / sqrt(squares[tag] * squares[other])
        return found

    return {"popularity": lambda _: popularity, "item-kNN": neighbours}


def _ndcg(ranked: list[str], relevant: set[str]) -> float:
    got = sum(1 / log2(place + 2) for place, tag in enumerate(ranked) if tag in relevant)
    return got / sum(1 / log2(place + 2) for place in range(min(TOP, len(relevant))))
