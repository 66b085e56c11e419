"""Who should see a problem: the service's router replayed on real communities, beside simpler methods.

The protocol is test, then train. All events of a community are replayed in time order. For each question of
the last fifth everybody who answered at least once before is ranked, without the asker, with what was known
then; then the question is let in. Relevant are those candidates whose answer got a score above 0 or was
accepted: gain 2 for the accepted or else the best-voted one, 1 for the others. Questions without any are
skipped.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from math import log, log2
from pathlib import Path
from statistics import fmean
from typing import Any, Final, NamedTuple

from services.matching.domain.asking import Asking, Candidate, barrier, choose_wave
from services.matching.domain.expertise import EPOCH
from services.matching.domain.routing import kernels
from services.matching.domain.routing.index import TIMELESS, Index, Problem, Solution
from services.matching.domain.routing.learning import Example, learn
from services.matching.domain.routing.router import Query, Ranked, Ranking, Router
from services.matching.domain.routing.text import words
from services.matching.domain.workload import Workload

MEASURES: Final = ("hit@1", "hit@5", "hit@10", "mrr", "ndcg@10", "recall@50", "mrr-best")
TESTED: Final = 0.8
"""From this share of the questions on, they are asked as well as learned."""
LEARNED: Final = 0.1
"""From this share on, a ranker for other communities learns from them."""


class Question(NamedTuple):
    """A question with everything that came of it."""

    number: int
    raw: dict[str, Any]

    @property
    def asker(self) -> str:
        return str(self.raw["asker"])


def read(file: Path) -> tuple[str, list[Question]]:
    """A community's name and its questions in time order."""
    name = file.name
    for suffix in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(suffix)
    with (
        gzip.open(file, "rt", encoding="utf-8")
        if file.suffix == ".gz"
        else file.open(encoding="utf-8") as lines
    ):
        rows = sorted((json.loads(line) for line in lines if line.strip()), key=lambda row: row["t"])
    return name, [Question(number, row) for number, row in enumerate(rows)]


class Moment(NamedTuple):
    """A question that somebody is to be found for, before the index knows it."""

    question: Question
    gains: dict[str, int]
    """Of the candidates that are relevant."""
    best: str
    """Whose answer was accepted or else voted best, of these."""
    candidates: set[str]
    router: Router
    profiles: Profiles
    query: Query


class Profiles:
    """What the simpler methods know: answers by member, and the words of what each answered."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self._terms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """By term, then by member."""
        self._lengths: Counter[str] = Counter()

    def answered(self, member: str, text: Sequence[str]) -> None:
        self.answers[member] += 1
        self._lengths[member] += len(text)
        for term, times in Counter(text).items():
            self._terms[term][member] += times

    def bm25(self, text: Sequence[str]) -> Counter[str]:
        """Members by how well all they ever answered, taken as one document each, fits a text."""
        scores: Counter[str] = Counter()
        members = len(self._lengths)
        mean = sum(self._lengths.values()) / max(1, members)
        for term in set(text):
            holders = self._terms.get(term, {})
            telling = log(1 + (members - len(holders) + 0.5) / (len(holders) + 0.5))
            for member, times in holders.items():
                norm = 1.2 * (0.4 + 0.6 * self._lengths[member] / mean)
                scores[member] += telling * times * 2.2 / (times + norm)
        return scores


def replay(name: str, questions: Sequence[Question], router: Router, since: float) -> Iterator[Moment]:
    """Every question from the share ``since`` on that somebody relevant could be found for."""
    events = sorted(
        [(question.raw["t"], 0, question, None) for question in questions]
        + [
            (answer["t"], 1, question, answer) for question in questions for answer in question.raw["answers"]
        ],
        key=lambda event: event[:2],
    )
    profiles = Profiles()
    texts: dict[int, list[str]] = {}
    for at, _, question, answer in events:
        raw = question.raw
        if answer is None:
            texts[question.number] = [*words(raw["title"]), *words(raw["body"])]
            if question.number >= int(since * len(questions)):
                candidates = set(profiles.answers) - {question.asker}
                gains, best = _relevant(raw["answers"], candidates)
                if gains:
                    query = Query.of(
                        name, raw["title"], raw["body"], raw["tags"], float(at), asker_id=question.asker
                    )
                    yield Moment(question, gains, best, candidates, router, profiles, query)
            router.index.put_problem(
                Problem.of(
                    name, str(raw["qid"]), question.asker, float(at),
                    title=raw["title"], body=raw["body"], tags=raw["tags"],
                )
            )  # fmt: skip
        else:
            author = str(answer["user"])
            profiles.answered(author, texts.get(question.number, []))
            router.index.put_solution(
                Solution(
                    name, str(raw["qid"]), str(answer["aid"]), author, float(at),
                    votes=answer["score"], accepted=answer["accepted"],
                )
            )  # fmt: skip


def _relevant(answers: Sequence[Mapping[str, Any]], candidates: set[str]) -> tuple[dict[str, int], str]:
    useful = [
        (answer["accepted"], answer["score"], str(answer["user"]))
        for answer in answers
        if str(answer["user"]) in candidates and (answer["score"] > 0 or answer["accepted"])
    ]
    if not useful:
        return {}, ""
    best = max(useful, key=lambda each: each[:2])[2]
    return {user: 2 if user == best else 1 for _, _, user in useful}, best


def measured(ranked: Sequence[str], gains: Mapping[str, int], best: str) -> dict[str, float]:
    """The measures of one ranking. Whoever is not in it was not found."""
    places = sorted((place, gains[member]) for place, member in enumerate(ranked) if member in gains)
    first = places[0][0] if places else float("inf")
    ideal = sum(
        gain / log2(place + 2) for place, gain in enumerate(sorted(gains.values(), reverse=True)[:10])
    )
    return {
        "hit@1": float(first < 1),
        "hit@5": float(first < 5),
        "hit@10": float(first < 10),
        "mrr": 1 / (first + 1),
        "ndcg@10": sum(gain / log2(place + 2) for place, gain in places if place < 10) / ideal,
        "recall@50": sum(place < 50 for place, _ in places) / len(gains),
        "mrr-best": 1 / (ranked.index(best) + 1) if best in ranked else 0.0,
    }


Method = Callable[[Moment, Ranking], Sequence[str]]


def _by(column: int) -> Method:
    """The service's index, one of its signals alone."""

    def rank(moment: Moment, ranking: Ranking) -> list[str]:
        if ranking.found is None:
            return []
        values = ranking.found.gathered[:, column]
        order = (-values).argsort(kind="stable")
        index = moment.router.index
        return [index.member(int(ranking.found.places[row])) for row in order if values[row] > 0]

    return rank


def _popularity(moment: Moment, ranking: Ranking) -> list[str]:
    return [member for member, _ in moment.profiles.answers.most_common()]


def _profile(moment: Moment, ranking: Ranking) -> list[str]:
    raw = moment.question.raw
    return [
        member
        for member, _ in moment.profiles.bm25([*words(raw["title"]), *words(raw["body"])]).most_common()
    ]


def _by_hand(moment: Moment, ranking: Ranking) -> list[str]:
    return [each.member_id for each in ranking.ranked]


SIMPLER: Final[Mapping[str, Method]] = {
    "popularity": _popularity,
    "bm25-profile": _profile,
    "tags": _by(kernels.TAGS),
    "similar-problems": _by(kernels.SIMILAR),
    "activity": _by(kernels.ACTIVE),
    "by-hand": _by_hand,
}
"""What is measured beside the service's own answer; the last four are its index, with no ranker on top."""

EVERYBODY: Final = 1_000_000
PROBLEMS_A_DAY: Final = 5
"""So many questions of a replay make a day for the caps: what its unit of time is, is not known."""


class Waves:
    """Who would have been asked: the first wave for each question, with all caps."""

    def __init__(self) -> None:
        self._workloads: dict[str, Workload] = {}
        self.asked: Counter[str] = Counter()

    def rank(self, moment: Moment, ranking: Ranking) -> list[str]:
        """Those who are asked, then everybody else who could have been, by what is left of their score."""
        now = EPOCH + timedelta(days=moment.question.number / PROBLEMS_A_DAY)
        raw = moment.question.raw
        asking = Asking(
            thread_id=str(raw["qid"]), community_id=moment.query.community_id, problem_title=raw["title"],
            asker_id=moment.question.asker, tags=raw["tags"],
        )  # fmt: skip
        able = [
            candidate
            for each in ranking.ranked
            if not barrier(candidate := self._candidate(each), asking, now)
        ]
        wave = choose_wave(able, asking, external=False, now=now)
        asked = [each.candidate.member_id for each in wave.invitations]
        left = sorted(able, key=lambda each: -each.weighed(asking.tags, now))
        for member in asked:
            self.asked[member] += 1
            before = self._workloads.get(member) or Workload(expert_id=member)
            self._workloads[member] = before.after_ask(now)
        return asked + [each.member_id for each in left if each.member_id not in asked]

    def _candidate(self, ranked: Ranked) -> Candidate:
        workload = self._workloads.get(ranked.member_id)
        return Candidate(
            ranked.member_id, ranked.score, ranked.knows, ranked.solutions, None, "active", workload=workload
        )

    def report(self) -> dict[str, float]:
        """The busiest member's share of all asks, and how many were asked at all."""
        asks = self.asked.total()
        most = max(self.asked.values(), default=0)
        return {"asks": asks, "busiest-share": most / max(1, asks), "members-asked": len(self.asked)}


Figures = dict[str, dict[str, dict[str, float]]]


def run(files: Sequence[Path], note: Callable[[str], None] = lambda _: None) -> Figures:
    """By community and method, every measure. With several files ``guildhall`` is trained on the others."""
    communities = dict(read(file) for file in files)
    examples: dict[str, list[Example]] = {}
    figures: Figures = {}
    for name, questions in communities.items():
        note(f"{name}: {len(questions)} questions, simpler methods")
        examples[name] = []
        scores: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
        for moment in replay(name, questions, Router(Index(TIMELESS)), LEARNED):
            ranking = moment.router.rank(moment.query, EVERYBODY)
            examples[name].append(moment.router.example(ranking, moment.gains))
            if moment.question.number >= int(TESTED * len(questions)):
                for method, rank in SIMPLER.items():
                    scores[method].append(_score(moment, rank(moment, ranking)))
        figures[name] = {method: _mean(found) for method, found in scores.items()}
    for name, questions in communities.items():
        note(f"{name}: the service")
        others = [each for other, found in examples.items() if other != name for each in found]
        learned = learn(others, "of-the-others")
        router = Router(Index(TIMELESS), learned=learned)
        waves = Waves()
        own: list[dict[str, float]] = []
        asked: list[dict[str, float]] = []
        for moment in replay(name, questions, router, TESTED):
            ranking = router.rank(moment.query, EVERYBODY)
            own.append(_score(moment, [each.member_id for each in ranking.ranked]))
            asked.append(_score(moment, waves.rank(moment, ranking)))
        figures[name]["guildhall"] = _mean(own)
        figures[name]["guildhall-asked"] = _mean(asked) | waves.report()
    return figures


def _score(moment: Moment, ranked: Sequence[str]) -> dict[str, float]:
    able = [member for member in ranked if member in moment.candidates]
    return measured(able, moment.gains, moment.best)


def _mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    means = {measure: fmean(each[measure] for each in scores) if scores else 0.0 for measure in MEASURES}
    return means | {"queries": len(scores)}
