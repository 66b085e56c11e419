"""Members' later tags from their earlier ones: the protocol of the recommendation of communities.

A tag stands for a community. **Test, then train**, as for whom to ask: all events are replayed in time order,
and each question asked or answered in the last 20 % by a member who has tags already is a query. Every method
ranks the tags known by then, knowing what the member and all others did before; then the event is let in.
What is learned of all members is learned anew every 1 % of the events (the service does it daily), what a
member cares about is as of that very moment.

Two readings, as the protocol does not say which is meant:

- **new tags** (``ndcg@10``, ``queries``): the question's tags that the member did not have before are
  relevant, and only such are ranked. This is what recommending a community that one is not in comes to.
- **all tags** (under ``all-tags``): all the question's tags are relevant, and all tags are ranked.

Events without a relevant tag are skipped. Weights decay with a half-life of 30 % of the community's age at
the start of the queries, as measured for tags: ``t`` need not be a time. The baselines: popularity by
members; item-kNN, the cosine of tags over members; EASE on who has what; EASE on decayed weights, which is
the service's answer without popularity. The interval of a gain is the 95 % one of a bootstrap over members,
as the queries of one member are not independent, with both methods on the same draws.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from math import exp2, log2
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from services.matching.domain import taste

KNOWN = 0.8
REFIT = 0.01
HALF_LIFE = 0.3
TOP = 10
DRAWS = 2_000

Scores = Mapping[str, float]
Ranker = Callable[[Scores], Scores]
"""From a member's tastes, decayed to now, to what suits them."""


class Event(NamedTuple):
    """Somebody asked or answered a question with these tags."""

    t: float
    member: str
    tags: list[str]


class Judged(NamedTuple):
    """What a method reached for one query."""

    member: str
    ndcg: float


def measure(file: Path) -> dict[str, dict[str, Any]]:
    """nDCG@10 of the service (``guildhall``) and the baselines on one community, and its gain."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        events = sorted(_events(json.loads(line) for line in lines), key=lambda each: each.t)
    new, both = _replay(events)
    figures: dict[str, dict[str, Any]] = {}
    for method in new:
        figures[method] = {**_figures(new, method), "all-tags": _figures(both, method)}
    return figures


def _events(questions: Iterable[Mapping[str, Any]]) -> Iterable[Event]:
    for each in questions:
        for t, member in [(each["t"], each["asker"]), *((a["t"], a["user"]) for a in each["answers"])]:
            if member is not None:
                yield Event(t, str(member), each["tags"])


def _replay(events: list[Event]) -> tuple[dict[str, list[Judged]], dict[str, list[Judged]]]:
    """By method, what it reached for each query: with new tags alone, and with all."""
    first = int(len(events) * KNOWN)
    begin, split = events[0].t, events[first].t
    half_life = HALF_LIFE * max(split - begin, 1)
    # As the service stores them: a weight of the moment ``split``, whenever it was earned.
    stored: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def decayed(tastes: Scores, now: float) -> dict[str, float]:
        left = exp2((split - now) / half_life)
        return {tag: weight * left for tag, weight in tastes.items()}

    new: defaultdict[str, list[Judged]] = defaultdict(list)
    both: defaultdict[str, list[Judged]] = defaultdict(list)
    rankers: dict[str, Ranker] = {}
    known: set[str] = set()
    every = max(1, int(len(events) * REFIT))
    for number, (t, member, tags) in enumerate(events):
        if number >= first:
            if (number - first) % every == 0:
                rankers = _learned([decayed(each, t) for each in stored.values()])
                known = {tag for tastes in stored.values() for tag in tastes}
            tastes = decayed(stored[member], t)
            if relevant := known & set(tags) if tastes else set():
                fresh = relevant - tastes.keys()
                for method, ranker in rankers.items():
                    scores = ranker(tastes)
                    both[method].append(Judged(member, _ndcg(scores, (), relevant)))
                    if fresh:
                        new[method].append(Judged(member, _ndcg(scores, tastes.keys(), fresh)))
        for tag in tags:
            weight = exp2((t - split) / half_life)
            stored[member][tag] = stored[member].get(tag, 0.0) + weight
    return new, both


def _learned(members: list[dict[str, float]]) -> dict[str, Ranker]:
    tags = sorted({tag for tastes in members for tag in tastes})
    number = {tag: at for at, tag in enumerate(tags)}
    has = np.zeros((len(members), len(tags)))
    for row, tastes in zip(has, members, strict=True):
        row[[number[tag] for tag in tastes]] = 1
    together = has.T @ has
    count = together.diagonal().copy()
    cosine = together / np.sqrt(np.outer(count, count))
    np.fill_diagonal(cosine, 0)
    ease = taste.ease(together)
    model = taste.learn(members)
    popular = dict(zip(tags, count.tolist(), strict=True))
    no_popularity = model._replace(popularity=dict.fromkeys(model.popularity, 0.0))

    def leading(worth: Any) -> Ranker:
        def ranker(tastes: Scores) -> Scores:
            mine = [number[tag] for tag in tastes if tag in number]
            return dict(zip(tags, worth[mine].sum(axis=0).tolist(), strict=True))

        return ranker

    return {
        "popularity": lambda _: popular,
        "item-kNN": leading(cosine),
        "EASE": leading(ease),
        "EASE decayed": lambda tastes: taste.scores(no_popularity, tastes),
        "guildhall": lambda tastes: taste.scores(model, tastes),
    }


def _ndcg(scores: Scores, without: Collection[str], relevant: Collection[str]) -> float:
    ranked = sorted((tag for tag in scores if tag not in without), key=lambda tag: (-scores[tag], tag))[:TOP]
    got = sum(1 / log2(place + 2) for place, tag in enumerate(ranked) if tag in relevant)
    return got / sum(1 / log2(place + 2) for place in range(min(TOP, len(relevant))))


def _figures(found: Mapping[str, list[Judged]], method: str) -> dict[str, Any]:
    reached, floor = found[method], found["popularity"]
    by_member: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for one, other in zip(reached, floor, strict=True):
        by_member[one.member][0] += one.ndcg
        by_member[one.member][1] += other.ndcg
    sums = np.array(list(by_member.values()))
    draws = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS) @ sums
    low, high = np.quantile(draws[:, 0] / draws[:, 1] - 1, (0.025, 0.975))
    mine, theirs = sums.sum(axis=0).tolist()
    return {
        "ndcg@10": mine / len(reached),
        "queries": len(reached),
        "members": len(sums),
        "gain": mine / theirs - 1,
        "gain-low": float(low),
        "gain-high": float(high),
    }
