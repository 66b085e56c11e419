"""How well questions that were asked before are found again, with the service's own code.

Query: one side of a duplicate pair; corpus: every other question of the file; relevant: the other side.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log, log2
from pathlib import Path
from typing import TextIO, cast

import numpy as np
from rich.progress import Progress

from services.matching.domain.routing.text import digest, words
from services.matching.domain.similar.index import Entry, Precedents, Query, best, digest_of
from services.matching.domain.similar.ranking import Precedent, Text, ranked
from services.matching.domain.similar.vectors import DIMENSIONS, NO_MEANING, combined, packed, unpacked
from services.matching.domain.similar.words import WordIndex
from services.matching.embedding import Embedder, Passage

CUT = 50
COMMUNITY = "the-file"
K1, B = 1.2, 0.75

Method = Callable[[int], Sequence[int]]
"""A question's place in the file -> the places of the 50 that are most like it, best first."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The questions of a file, and which are asked and answered by which."""

    texts: list[Text]
    relevant: Mapping[int, set[int]]


def read(path: Path) -> Pairs:
    """The pairs of ``split`` noclue; a text is its title, ``" . "`` and its body."""
    with cast(TextIO, gzip.open(path, "rt")) if path.suffix == ".gz" else path.open() as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "noclue"]
    places = {text: at for at, text in enumerate(dict.fromkeys(row[side] for row in rows for side in "ab"))}
    relevant: defaultdict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row["dup"] and row["a"] != row["b"]:
            relevant[places[row["a"]]].add(places[row["b"]])
    texts = [Text(title, body) for title, _, body in (text.partition(" . ") for text in places)]
    return Pairs(texts, relevant)


async def measure(
    path: Path, workers: int, progress: Progress
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """By method, the figures of MATCHING.md; and how fast meanings and answers were found."""
    pairs = read(path)
    whole, rate = await _embed([("", _whole(text)) for text in pairs.texts], workers, path.name, progress)
    titles, _ = await _embed([("", text.title) for text in pairs.texts], workers, path.name, progress)
    guildhall = _Guildhall(pairs.texts, [_meaning(*each) for each in zip(whole, titles, strict=True)])
    methods: dict[str, Method] = {
        "bm25": _bm25(pairs.texts),
        "tfidf": _tfidf(pairs.texts),
        "embedding": _embedding(whole),
        "guildhall-words": lambda query: guildhall.answer(query, meaning=False),
        "guildhall": guildhall.answer,
    }
    figures: dict[str, dict[str, float]] = {}
    speed = {"texts_per_second": rate}
    for name, method in methods.items():
        task = progress.add_task(f"{path.name}: {name}", total=len(pairs.relevant))
        started = time.perf_counter()
        outcomes: list[list[float]] = []
        for query, relevant in pairs.relevant.items():
            outcomes.append(_outcome(method(query), relevant))
            progress.advance(task)
            await asyncio.sleep(0)
        speed[f"{name}_ms"] = 1000 * (time.perf_counter() - started) / len(outcomes)
        means = np.array(outcomes).mean(axis=0).tolist()
        figures[name] = dict(zip(FIGURES, means, strict=True)) | {"queries": len(outcomes)}
    return figures, speed


FIGURES = ("hit@1", "hit@5", "hit@10", "mrr", "ndcg@10", "recall@50")


def _outcome(answer: Sequence[int], relevant: set[int]) -> list[float]:
    """One query's figures; what is not among the first fifty has the rank infinity."""
    hits = [each in relevant for each in answer[:CUT]]
    rank = hits.index(True) + 1 if any(hits) else float("inf")
    ideal = sum(1 / log2(at + 2) for at in range(min(10, len(relevant))))
    gained = sum(1 / log2(at + 2) for at, hit in enumerate(hits[:10]) if hit)
    return [rank <= 1, rank <= 5, rank <= 10, 1 / rank, gained / ideal, sum(hits) / len(relevant)]


class _Guildhall:
    """The service's answer: its index, its ranking, its limit raised to fifty."""

    def __init__(self, texts: Sequence[Text], meanings: Sequence[bytes]) -> None:
        self._texts, self._meanings = texts, meanings
        self._digests = [digest_of(*text[:2]) for text in texts]
        self._index = Precedents()
        self._index.put(
            Entry(str(at), COMMUNITY, digest, meaning)
            for at, (digest, meaning) in enumerate(zip(self._digests, meanings, strict=True))
        )
        self._precedents = {
            str(at): Precedent(thread_id=str(at), community_id=COMMUNITY, title=text.title, body=text.body)
            for at, text in enumerate(texts)
        }

    def answer(self, query: int, meaning: bool = True) -> Sequence[int]:
        known = meaning and self._meanings[query] != NO_MEANING
        vector = unpacked(self._meanings[query]) if known else None
        candidates = self._index.search(Query(self._digests[query], vector), [COMMUNITY], skip=str(query))
        found = [self._precedents[each.thread_id] for each in candidates]
        similar = ranked(self._texts[query], candidates, found, CUT, self._index.telling)
        return [int(each.precedent.thread_id) for each in similar]


def _meaning(whole: bytes, title: bytes) -> bytes:
    """As the service's worker puts them together; so the whole need not be worked out twice."""
    if NO_MEANING in (whole, title):
        return whole
    return packed(combined(unpacked(whole), unpacked(title)))


def _whole(text: Text) -> str:
    return f"{text.title} . {text.body}"


def _first(query: int, scores: np.ndarray) -> Sequence[int]:
    others = np.delete(np.arange(scores.size), query)
    return best(others, scores[others], CUT).tolist()


def _embedding(meanings: Sequence[bytes]) -> Method:
    """The cosine of the embeddings of the whole texts."""
    vectors = np.array([unpacked(each) if each != NO_MEANING else np.zeros(DIMENSIONS) for each in meanings])
    return lambda query: _first(query, vectors @ vectors[query])


def _tfidf(texts: Sequence[Text]) -> Method:
    """The cosine of the TF-IDF weights of the whole texts."""
    index, digests = WordIndex(), [digest([_whole(text)]) for text in texts]
    for at, each in enumerate(digests):
        index.add(at, each)
    index.settle()
    return lambda query: _first(query, index.cosines(digests[query])[: len(texts)])


def _bm25(texts: Sequence[Text]) -> Method:
    """BM25 by its formula, with the query's terms as often as they occur in it."""
    counts = [Counter(words(_whole(text))) for text in texts]
    lengths = np.array([sum(each.values()) for each in counts])
    norms = K1 * (1 - B + B * lengths / lengths.mean())
    postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, each in enumerate(counts):
        for word, times in each.items():
            postings[word].append((at, times))

    def answer(query: int) -> Sequence[int]:
        scores = np.zeros(len(texts))
        for word, asked in counts[query].items():
            places, times = np.array(postings[word]).T
            weight = log(1 + (len(texts) - len(places) + 0.5) / (len(places) + 0.5))
            scores[places] += asked * weight * times * (K1 + 1) / (times + norms[places])
        return _first(query, scores)

    return answer


async def _embed(
    passages: Sequence[Passage], workers: int, name: str, progress: Progress
) -> tuple[list[bytes], float]:
    """The meaning of each, and how many there were in a second."""
    task = progress.add_task(f"{name}: meanings", total=len(passages))
    async with Embedder(workers) as embedder:
        await embedder.embed([("warm", "up")] * workers, within=60)
        places = iter(range(len(passages)))
        found: list[bytes] = [NO_MEANING] * len(passages)

        async def work() -> None:
            for at in places:
                [found[at]] = await embedder.embed([passages[at]], within=60)
                progress.advance(task)

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(2 * workers)))
        return found, len(passages) / (time.perf_counter() - started)
