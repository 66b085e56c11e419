"""The router at a million members, on made-up communities with the skew of real ones.

Members, tags and words are drawn from Zipf's law; a problem's words lean to those of its tags. Beside it run
the two engines that were fastest of those that were compared, over one profile for each member, on the
profiles that the same data makes: inverted postings in flat arrays with compiled loops, and the package
bm25s, which has every score worked out beforehand and so can take in nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import ceil, floor
from time import perf_counter, thread_time
from typing import Any, Final, NamedTuple

import numpy as np
from bm25s import BM25
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
    postings_p50_ms: float
    postings_p99_ms: float
    bm25s_p50_ms: float
    bm25s_p99_ms: float
    update_p50_us: float
    update_p99_us: float
    visible: bool
    """Whether every update counted for the query right after it."""

    @property
    def floor_p99_ms(self) -> float:
        """Of the fastest engine."""
        return min(self.postings_p99_ms, self.bm25s_p99_ms)


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
    pairs = np.concatenate(profiles)
    note(f"{members:,} members: building the engines")
    engines = Flat(pairs, members), Library(pairs, members)
    now = START + number
    words, tags, _ = world.draw(queries)
    note(f"{members:,} members: asking")

    def query(row: int) -> Query:
        return Query(COMMUNITY, np.unique(words[row]), [tag(number) for number in np.unique(tags[row])], now)

    own = _times(queries, lambda row: router.rank(query(row), 50))
    flat, library = (_times(queries, partial(_ask, engine, words)) for engine in engines)
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
        *_cuts(flat, 1e3),
        *_cuts(library, 1e3),
        *_cuts(updates, 1e6),
        visible,
    )


def _ask(engine: Flat | Library, words: NDArray[np.uint64], row: int) -> None:
    engine.best(np.unique(words[row]), 50)


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


# -- the engines beside it -----------------------------------------------------------------------------


def _pairs(words: NDArray[np.uint64], authors: NDArray[np.int64]) -> NDArray[np.int64]:
    """(member, word): every fifth word of what each answered, some thirty for each on average."""
    kept = (words[:, ::5] >> np.uint64(4)).astype(np.int64)
    both = [np.stack([np.repeat(author, kept.shape[1]), kept.ravel()], axis=1) for author in authors.T]
    return np.concatenate(both)


class Flat:
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


class Library:
    """The package bm25s, compiled with numba."""

    def __init__(self, pairs: NDArray[np.int64], members: int) -> None:
        words, tokens = np.unique(pairs[:, 1], return_inverse=True)
        ends = np.cumsum(np.bincount(pairs[:, 0], minlength=members))
        profiles = np.split(tokens[np.argsort(pairs[:, 0], kind="stable")], ends[:-1])
        self._numbers = {word: number for number, word in enumerate(words.tolist())}
        self._engine = BM25(k1=1.2, b=0.6, backend="numba")
        numbers = {str(word): number for word, number in self._numbers.items()}
        self._engine.index((profiles, numbers), show_progress=False)

    def best(self, digest: NDArray[np.uint64], wanted: int) -> NDArray[np.int32]:
        """The members whose profiles fit best."""
        known = (self._numbers.get(word) for word in (digest >> np.uint64(4)).tolist())
        query = [number for number in known if number is not None]
        found = self._engine.retrieve([query], k=wanted, show_progress=False).documents[0]
        return np.asarray(found, np.int32)


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


COLOURS: Final = {
    "router p50": "#07723e",
    "router p99": "#0057c2",
    "postings p99": "#a14a00",
    "bm25s p99": "#8a2b96",
    "linear growth": "#666",
}


def drawn(found: list[Figures]) -> str:
    """The cost of a query by the number of members, axes logarithmic, as SVG; linear growth is dashed."""
    width, height, margin = 680, 420, 60
    sizes = np.log10([each.members for each in found])
    series = {
        "router p50": [each.query_p50_ms for each in found],
        "router p99": [each.query_p99_ms for each in found],
        "postings p99": [each.postings_p99_ms for each in found],
        "bm25s p99": [each.bm25s_p99_ms for each in found],
        "linear growth": [found[0].query_p99_ms * each.members / found[0].members for each in found],
    }
    lowest = floor(np.log10(min(min(values) for values in series.values())))
    highest = max(ceil(np.log10(max(max(values) for values in series.values()))), lowest + 1)

    def x(size: float) -> float:
        share = (size - sizes[0]) / max(sizes[-1] - sizes[0], 1e-9)
        return float(margin + share * (width - 3.8 * margin))

    def y(cost: float) -> float:
        share = (np.log10(cost) - lowest) / (highest - lowest)
        return float(height - margin - share * (height - 2 * margin))

    def text(at_x: float, at_y: float, words: str, more: str = 'text-anchor="middle"') -> str:
        return f'<text x="{at_x:.0f}" y="{at_y:.0f}" {more}>{words}</text>'

    caption = "Time of one query by the number of members; both axes are logarithmic"
    lines = [text(margin, 24, caption, 'font-size="14"')]
    for decade in range(lowest, highest + 1):
        level = y(10.0**decade)
        lines.append(f'<path d="M{margin},{level:.0f} H{x(sizes[-1]):.0f}" stroke="#ddd"/>')
        lines.append(text(margin - 6, level + 4, f"{10.0**decade:g} ms", 'text-anchor="end"'))
    for size, each in zip(sizes, found, strict=True):
        lines.append(text(x(size), height - 36, f"{each.members:,}"))
    lines.append(text((x(sizes[0]) + x(sizes[-1])) / 2, height - 14, "members"))
    above = 0.0
    for name, values in sorted(series.items(), key=lambda each: y(each[1][-1])):
        points = " ".join(f"{x(size):.0f},{y(cost):.0f}" for size, cost in zip(sizes, values, strict=True))
        line = f'stroke="{COLOURS[name]}" stroke-width="2"'
        line += ' stroke-dasharray="5"' if name == "linear growth" else ""
        lines.append(f'<polyline points="{points}" fill="none" {line}/>')
        above = max(above + 16, y(values[-1]) + 4)  # no label over another
        label = f"{name} {values[-1]:.{1 if values[-1] >= 1 else 2}f} ms"
        lines.append(text(x(sizes[-1]) + 8, above, label, f'fill="{COLOURS[name]}"'))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *lines, "</svg>"]) + "\n"
