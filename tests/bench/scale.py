"""The router at a million members, on made-up communities with the skew of real ones.

Members, tags and words are drawn from Zipf's law; a problem's words lean to those of its tags. Beside it runs
the engine that was fastest of those that were compared: inverted postings in flat arrays with compiled loops,
over one profile for each member, on the profiles that the same data makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter, thread_time
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.events import Problem, Problems, Solution, Solutions
from services.matching.domain.routing.index import Index
from services.matching.domain.routing.kernels import compiled
from services.matching.domain.routing.router import Query, Router
from services.matching.domain.routing.text import labels

WORDS_OF_PROBLEM: Final = 30
TAGS_OF_PROBLEM: Final = 3
SOLUTIONS_OF_PROBLEM: Final = 2
VOCABULARY: Final = 200_000
TAGS: Final = 5_000
WORDS_OF_TAG: Final = 400
BATCH: Final = 20_000
START: Final = 1_600_000_000.0
COMMUNITY: Final = "c"


class World:
    """A community of ``members``, with five solutions for each, problem by problem."""

    def __init__(self, members: int, seed: int = 1) -> None:
        self.members = members
        self.problems = members * 5 // SOLUTIONS_OF_PROBLEM
        self._random = np.random.default_rng(seed)
        self._words = _shuffled(np.random.default_rng(seed), VOCABULARY)
        self.tags = labels("tag", map(tag, range(TAGS)))

    def batches(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]]:
        """(words, tags, authors), a row for each problem."""
        left = self.problems
        while left > 0:
            size = min(BATCH, left)
            left -= size
            yield self.draw(size)

    def draw(self, size: int) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """So many problems."""
        tags = _zipf(self._random, TAGS, (size, TAGS_OF_PROBLEM))
        of_tag = _zipf(self._random, WORDS_OF_TAG, (size, WORDS_OF_PROBLEM // 2))
        own = (tags[:, :1] * 7919 + of_tag * 104_729) % VOCABULARY
        common = _zipf(self._random, VOCABULARY, (size, WORDS_OF_PROBLEM - WORDS_OF_PROBLEM // 2))
        words = self._words[np.concatenate([own, common], axis=1)]
        authors = _zipf(self._random, self.members, (size, SOLUTIONS_OF_PROBLEM))
        return words, tags, authors


def tag(number: int) -> str:
    """A tag's name."""
    return f"t{number}"


def _zipf(random: np.random.Generator, most: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Ranks from 0, the first the most frequent, by the inverse of the continuous law with exponent 1."""
    return np.minimum(np.exp(random.random(shape) * np.log(most)).astype(np.int64), most - 1)


def _shuffled(random: np.random.Generator, size: int) -> NDArray[np.uint64]:
    """Hashes that stand for words."""
    return (random.integers(1, 1 << 59, size, np.uint64) << np.uint64(4)) | np.uint64(1)


class Figures(NamedTuple):
    """What was measured at one size."""

    members: int
    solutions: int
    build_s: float
    bytes_per_member: float
    query_p50_ms: float
    query_p99_ms: float
    engine_p50_ms: float
    engine_p99_ms: float
    update_p50_us: float
    update_p99_us: float
    visible: bool
    """Whether every update counted for the query right after it."""


def measure(members: int, queries: int, note: Callable[[str], None]) -> Figures:
    """Build a community of so many members, query it, and the engine beside it."""
    world = World(members)
    router = Router(Index())
    note(f"{members:,} members: building")
    profiles: list[NDArray[np.int64]] = []
    number = 0
    spent = 0.0
    for words, tags, authors in world.batches():
        at = [START + number + row for row in range(len(words))]
        names = [f"p{number + row}" for row in range(len(words))]
        problems = [
            Problem(
                COMMUNITY,
                names[row],
                "asker",
                at[row],
                np.unique(words[row]),
                world.tags[np.unique(tags[row])],
            )
            for row in range(len(words))
        ]
        solutions = [
            Solution(COMMUNITY, names[row], f"{names[row]}-{author}", f"m{author}", at[row])
            for row in range(len(words))
            for author in dict.fromkeys(authors[row].tolist())
        ]
        number += len(words)
        started = perf_counter()
        router.index.put_problems(Problems.of(problems))
        router.index.put_solutions(Solutions.of(solutions))
        spent += perf_counter() - started
        profiles.append(_pairs(words, authors))
    engine = Engine(np.concatenate(profiles), members)
    now = START + number
    words, tags, _ = world.draw(queries)
    note(f"{members:,} members: asking")

    def query(row: int) -> Query:
        return Query(COMMUNITY, np.unique(words[row]), [tag(number) for number in np.unique(tags[row])], now)

    own = _times(queries, lambda row: router.rank(query(row), 50))
    beside = _times(queries, lambda row: engine.best(np.unique(words[row]), 50))
    updates: list[float] = []
    visible = True
    for row in range(200):
        name = f"new{row}"
        problem = Problem(
            COMMUNITY,
            name,
            "asker",
            now,
            np.unique(words[row % queries]),
            world.tags[np.unique(tags[row % queries])],
        )
        solution = Solution(COMMUNITY, name, name, name, now)
        started = thread_time()
        router.index.put_problem(problem)
        router.index.put_solution(solution)
        updates.append(thread_time() - started)
        ranking = router.rank(Query(COMMUNITY, problem.words, [], now), 300)
        visible &= any(each.member_id == name for each in ranking.ranked)
    return Figures(
        members,
        number * SOLUTIONS_OF_PROBLEM,
        spent,
        router.index.nbytes / members,
        *_cuts(own, 1e3),
        *_cuts(beside, 1e3),
        *_cuts(updates, 1e6),
        visible,
    )


def _times(count: int, act: Callable[[int], Any]) -> list[float]:
    """Seconds of processor time of each: what else runs on the machine does not count."""
    for row in range(min(20, count)):
        act(row)
    spent: list[float] = []
    for row in range(count):
        started = thread_time()
        act(row)
        spent.append(thread_time() - started)
    return spent


def _cuts(spent: list[float], unit: float) -> tuple[float, float]:
    p50, p99 = np.percentile(spent, [50, 99])
    return float(p50 * unit), float(p99 * unit)


# -- the engine beside it ------------------------------------------------------------------------------


def _pairs(words: NDArray[np.uint64], authors: NDArray[np.int64]) -> NDArray[np.int64]:
    """(member, word): every fifth word of what each answered, some thirty for each on average."""
    kept = (words[:, ::5] >> np.uint64(4)).astype(np.int64)
    both = [np.stack([np.repeat(author, kept.shape[1]), kept.ravel()], axis=1) for author in authors.T]
    return np.concatenate(both)


class Engine:
    """BM25 over one profile for each member, in postings sorted by word."""

    def __init__(self, pairs: NDArray[np.int64], members: int) -> None:
        order = np.lexsort((pairs[:, 0], pairs[:, 1]))
        pairs = pairs[order]
        fresh = np.ones(len(pairs), np.bool_)
        fresh[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
        at = np.flatnonzero(fresh)
        times = np.diff(np.append(at, len(pairs)))
        self._members = pairs[at, 0].astype(np.int32)
        self._times = times.astype(np.float32)
        self._words, starts = np.unique(pairs[at, 1], return_index=True)
        self._starts = np.append(starts, at.size)
        self._lengths = np.bincount(self._members, self._times, members).astype(np.float32)
        self._mean = float(self._lengths[self._lengths > 0].mean())
        self._scores = np.zeros(members, np.float32)
        self._hits = np.zeros(members, np.int32)

    def best(self, digest: NDArray[np.uint64], wanted: int) -> NDArray[np.int32]:
        """The members whose profiles fit best."""
        hashes = (digest >> np.uint64(4)).astype(np.int64)
        at = np.searchsorted(self._words, hashes)
        at = at[self._words[np.minimum(at, self._words.size - 1)] == hashes]
        counts = self._starts[at + 1] - self._starts[at]
        telling = np.log1p((self._scores.size - counts + 0.5) / (counts + 0.5)).astype(np.float32)
        hits = _accumulate(
            self._members, self._times, self._starts, at, telling, self._lengths, self._mean,
            self._scores, self._hits,
        )  # fmt: skip
        found = self._hits[:hits]
        scores = self._scores[found]
        self._scores[found] = 0
        if hits > wanted:
            best = np.argpartition(-scores, wanted)[:wanted]
            found, scores = found[best], scores[best]
        return found[np.argsort(-scores)]


@compiled
def _accumulate(
    members: Any, times: Any, starts: Any, terms: Any, weights: Any, lengths: Any, mean: Any,
    scores: Any, hits: Any,
) -> Any:  # fmt: skip
    size = 0
    for term in range(terms.size):
        for at in range(starts[terms[term]], starts[terms[term] + 1]):
            member = members[at]
            if scores[member] == 0:
                hits[size] = member
                size += 1
            norm = 1.2 * (0.4 + 0.6 * lengths[member] / mean)
            scores[member] += weights[term] * times[at] * 2.2 / (times[at] + norm)
    return size


def drawn(found: list[Figures]) -> str:
    """The cost of a query by the number of members, axes logarithmic, as SVG; linear growth is dashed."""
    width, height, margin = 640, 400, 60
    sizes = np.log10([each.members for each in found])
    series = {
        "router p50": [each.query_p50_ms for each in found],
        "router p99": [each.query_p99_ms for each in found],
        "engine p99": [each.engine_p99_ms for each in found],
        "linear": [found[0].query_p99_ms * each.members / found[0].members for each in found],
    }
    highest = np.log10(max(max(values) for values in series.values()))
    lowest = np.log10(min(min(values) for values in series.values()))

    def at(size: float, cost: float) -> str:
        x = margin + (size - sizes[0]) / max(sizes[-1] - sizes[0], 1e-9) * (width - 3 * margin)
        y = height - margin - (np.log10(cost) - lowest) / (highest - lowest) * (height - 2 * margin)
        return f"{x:.0f},{y:.0f}"

    lines = []
    for (name, values), colour in zip(series.items(), ("#1b6", "#06c", "#c60", "#999"), strict=True):
        points = [at(size, cost) for size, cost in zip(sizes, values, strict=True)]
        dash = ' stroke-dasharray="4"' if name == "linear" else ""
        x, y = points[-1].split(",")
        lines.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}"{dash}/>')
        lines.append(f'<text x="{x}" y="{y}" fill="{colour}" dx="5">{name} {values[-1]:.1f} ms</text>')
    for size, each in zip(sizes, found, strict=True):
        x = at(size, found[0].query_p50_ms).split(",")[0]
        lines.append(f'<text x="{x}" y="{height - 20}">{each.members:,}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-size="11">'
    return "\n".join([head, *lines, "</svg>"]) + "\n"
