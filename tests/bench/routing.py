"""Who should see a problem: the service's router replayed on real communities, beside simpler methods.

The protocol is the service's own (``replay``): test, then train. Everything is replayed in time order; from
the last fifth of the questions on, everybody who answered at least once before is ranked, without the asker,
with what was known then. Relevant are those candidates whose answer got a score above 0 or was accepted: gain
2 for the accepted or else the best-voted one, 1 for the others. Questions without any are asked, too, but not
scored. Whoever deleted their account is nobody to be found: their answers are left out.

What the caps cost is told of the whole community, and of a community of ``ACTIVE`` answerers: the file
restricted to the answers of those who gave most (of equals those whose ids come first), and to the questions
that these answered.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from math import log
from pathlib import Path
from statistics import fmean
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from services.matching.domain.asking import Asking
from services.matching.domain.candidate import Candidate
from services.matching.domain.expertise import EPOCH
from services.matching.domain.routing import kernels
from services.matching.domain.routing.events import Problem, Solution
from services.matching.domain.routing.index import Index
from services.matching.domain.routing.learning import Example, learn
from services.matching.domain.routing.ranking import Forest
from services.matching.domain.routing.replay import History, Moment, Trial, ndcg, replay
from services.matching.domain.routing.router import Query, Ranked, Ranking, Router
from services.matching.domain.routing.settings import TIMELESS
from services.matching.domain.routing.text import words
from services.matching.domain.routing.training import WARMING
from services.matching.domain.wave import barrier, choose_wave
from services.matching.domain.workload import Workload

MEASURES: Final = ("hit@1", "hit@5", "hit@10", "mrr", "ndcg@10", "recall@50")
TESTED: Final = 0.8
"""From this share of the questions on, they are asked as well as learned."""
BEST: Final = "mrr-best"
"""MRR of who turned out to be best alone: shown beside the ``MEASURES``."""
ACTIVE: Final = 300


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


Id = Annotated[str, Field(min_length=1)]
Account = str | None
"""Whose; nothing where the account was deleted."""


class Answer(_Row):
    """An answer."""

    aid: Id
    t: FiniteFloat
    user: Account
    score: int
    accepted: bool


class Question(_Row):
    """A question with everything that came of it; ``t`` orders it among the other events."""

    qid: Id
    t: FiniteFloat
    title: str
    body: str = ""
    tags: list[str] = []
    asker: Account
    answers: list[Answer] = []

    @property
    def by(self) -> str:
        """Who asked. Deleted accounts are no one person."""
        return self.asker or f"asker of {self.qid}"

    @property
    def words(self) -> list[str]:
        """All that it says."""
        return [*words(self.title), *words(self.body)]


class Broken(Exception):
    """A file that cannot be read, with where and why."""


def read(file: Path) -> tuple[str, list[Question]]:
    """A community's name and its questions in time order. Raises ``Broken``."""
    name = file.name
    for suffix in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(suffix)
    questions: list[Question] = []
    number = 0
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    questions.append(Question.model_validate_json(line))
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(str(part) for part in wrong["loc"]) or "the line"
        raise Broken(f"{file}, line {number}, {field}: {wrong['msg']}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise Broken(f"{file}, after line {number}: {error}") from None
    return name, sorted(questions, key=lambda each: each.t)


def of_the_active(questions: Sequence[Question]) -> list[Question]:
    """The community restricted to its ``ACTIVE`` most active answerers."""
    gave = Counter(answer.user for question in questions for answer in question.answers if answer.user)
    active = set(sorted(gave, key=lambda each: (-gave[each], each))[:ACTIVE])
    theirs = [
        question.model_copy(update={"answers": [each for each in question.answers if each.user in active]})
        for question in questions
    ]
    return [each for each in theirs if each.answers]


class Community:
    """A community's file as the service would have it."""

    def __init__(self, name: str, questions: Sequence[Question]) -> None:
        self.name = name
        self.questions = {each.qid: each for each in questions}
        self.tested = int(TESTED * len(questions))
        self.history = History(
            [
                Problem.of(name, each.qid, each.by, each.t, title=each.title, body=each.body, tags=each.tags)
                for each in questions
            ],
            [
                Solution(
                    name, question.qid, answer.aid, answer.user, answer.t,
                    votes=answer.score, accepted=answer.accepted,
                )
                for question in questions
                for answer in question.answers
                if answer.user
            ],
        )  # fmt: skip

    def replay(self, router: Router, since: int) -> Iterator[tuple[Moment, Ranking]]:
        """Every question from number ``since`` on, and whom ``router`` finds for it."""
        for moment in replay(self.history, router.index, since):
            asked = self.questions[moment.problem.problem_id]
            query = Query.of(
                self.name, asked.title, asked.body, asked.tags, asked.t, asker_id=moment.problem.asker_id
            )
            yield moment, router.rank(query, EVERYBODY)


class Profiles:
    """What the simpler methods know: answers by member, and the words of what each answered."""

    def __init__(self, community: Community) -> None:
        self.answers: Counter[str] = Counter()
        self._community = community
        self._next = sorted(community.history.solutions, key=lambda each: -each.at)
        self._terms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """By term, then by member."""
        self._lengths: Counter[str] = Counter()

    def up_to(self, at: float) -> None:
        """Learn of everything that was answered before ``at``."""
        while self._next and self._next[-1].at < at:
            answer = self._next.pop()
            asked = self._community.questions[answer.problem_id]
            text = asked.words if asked.t <= answer.at else []
            self.answers[answer.author_id] += 1
            self._lengths[answer.author_id] += len(text)
            for term, times in Counter(text).items():
                self._terms[term][answer.author_id] += times

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


def measured(ranked: Sequence[str], gains: Mapping[str, int], best: str) -> dict[str, float]:
    """The measures of one ranking. Whoever is not in it was not found."""
    places = [place for place, member in enumerate(ranked) if member in gains]
    first = places[0] if places else float("inf")
    return {
        "hit@1": float(first < 1),
        "hit@5": float(first < 5),
        "hit@10": float(first < 10),
        "mrr": 1 / (first + 1),
        "ndcg@10": ndcg([gains.get(member, 0) for member in ranked], gains.values()),
        "recall@50": sum(place < 50 for place in places) / len(gains),
        BEST: 1 / (ranked.index(best) + 1) if best in ranked else 0.0,
    }


class Asked(NamedTuple):
    """A question that somebody is to be found for, and whom the service found."""

    question: Question
    profiles: Profiles
    router: Router
    ranking: Ranking


Method = Callable[[Asked], Sequence[str]]


def _by(column: int) -> Method:
    """The service's index, one of its signals alone."""

    def rank(asked: Asked) -> list[str]:
        found = asked.ranking.found
        if found is None:
            return []
        values = found.gathered[:, column]
        order = (-values).argsort(kind="stable")
        return [asked.router.index.member(int(found.places[row])) for row in order if values[row] > 0]

    return rank


def _popularity(asked: Asked) -> list[str]:
    return [member for member, _ in asked.profiles.answers.most_common()]


def _profile(asked: Asked) -> list[str]:
    return [member for member, _ in asked.profiles.bm25(asked.question.words).most_common()]


def _by_hand(asked: Asked) -> list[str]:
    return [each.member_id for each in asked.ranking.ranked]


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
PACES: Final = (5.0, 2.5, 1.0)
"""So many questions of a replay make a day for the caps: what its unit of time is, is not known. The first is
about what ``ACTIVE`` answerers keep up with who answer once a month each, two of them a question; it counts.
The slower ones show what the caps cost where they bind less: there, the busiest get a larger share of few."""


class Waves:
    """Who would have been asked: the first wave for each question, with all caps."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.asked: Counter[str] = Counter()
        self.scores: list[dict[str, float]] = []
        self._workloads: dict[str, Workload] = {}

    def ask(self, moment: Moment, question: Question, ranking: Ranking) -> list[str]:
        """Those who are asked, then everybody else who could have been, by what is left of their score."""
        now = EPOCH + timedelta(days=moment.number / self.pace)
        asking = Asking(
            thread_id=question.qid, community_id=ranking.query.community_id, problem_title=question.title,
            asker_id=question.by, tags=question.tags,
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


class Load(NamedTuple):
    """How the asks were spread, and what it costs."""

    community: str
    answerers: int
    pace: float
    """Problems a day."""
    asks: int
    busiest: float
    """The share of all asks that the busiest member got."""
    members: int
    """Who were asked at all."""
    uncapped: float
    capped: float
    """nDCG@10 of the service's ranking, and of whom it would ask."""


Figures = dict[str, dict[str, dict[str, float]]]


def run(files: Sequence[Path], note: Callable[[str], None] = lambda _: None) -> tuple[Figures, list[Load]]:
    """By community and method, every measure; and what the caps cost. With several files ``guildhall`` is
    trained on the others; alone there is nothing to learn from. Raises ``Broken``."""
    read_in: dict[str, list[Question]] = {}
    for file in files:
        name, questions = read(file)
        if name in read_in:
            raise Broken(f"{file}: there is a community {name} already")
        read_in[name] = questions
    examples: dict[str, list[Example]] = {}
    figures: Figures = {}
    loads: list[Load] = []
    for name, questions in read_in.items():
        note(f"{name}: {len(questions)} questions, simpler methods")
        figures[name], examples[name] = _simpler(Community(name, questions))
    for name, questions in read_in.items():
        others = [each for other, found in examples.items() if other != name for each in found]
        learned = learn(others, "of-the-others")
        note(f"{name}: the service")
        whole, spread = _service(Community(name, questions), learned)
        figures[name] |= whole
        note(f"{name}: the service in a community of {ACTIVE} answerers")
        active = Community(f"{name}, {ACTIVE} most active", of_the_active(questions))
        loads += spread + _service(active, learned)[1]
    return figures, loads


def _simpler(community: Community) -> tuple[dict[str, dict[str, float]], list[Example]]:
    """The simpler methods' measures, and what rankers for other communities can learn here."""
    scores: dict[str, list[dict[str, float]]] = {method: [] for method in SIMPLER}
    examples: list[Example] = []
    profiles = Profiles(community)
    router = Router(Index(TIMELESS))
    for moment, ranking in community.replay(router, int(WARMING * len(community.questions))):
        if not moment.gains or ranking.found is None:
            continue
        examples.append(Trial.of(router.index, ranking.found, moment.gains).example)
        if moment.number >= community.tested:
            profiles.up_to(moment.problem.at)
            asked = Asked(community.questions[moment.problem.problem_id], profiles, router, ranking)
            for method, rank in SIMPLER.items():
                scores[method].append(_score(moment, rank(asked)))
    return {method: _mean(found) for method, found in scores.items()}, examples


def _service(community: Community, learned: Forest | None) -> tuple[dict[str, dict[str, float]], list[Load]]:
    """The measures of whom the service finds and of whom it asks; how the asks are spread at each pace."""
    paces = [Waves(pace) for pace in PACES]
    own: list[dict[str, float]] = []
    for moment, ranking in community.replay(Router(Index(TIMELESS), learned=learned), community.tested):
        if moment.gains:
            own.append(_score(moment, [each.member_id for each in ranking.ranked]))
        for waves in paces:
            invited = waves.ask(moment, community.questions[moment.problem.problem_id], ranking)
            if moment.gains:
                waves.scores.append(_score(moment, invited))
    found = {"guildhall": _mean(own), "guildhall-asked": _mean(paces[0].scores)}
    answerers = {each.author_id for each in community.history.solutions}
    return found, [
        Load(
            community.name,
            len(answerers),
            waves.pace,
            waves.asked.total(),
            max(waves.asked.values(), default=0) / max(1, waves.asked.total()),
            len(waves.asked),
            found["guildhall"]["ndcg@10"],
            _mean(waves.scores)["ndcg@10"],
        )
        for waves in paces
    ]


def _score(moment: Moment, ranked: Sequence[str]) -> dict[str, float]:
    able = [each for each in ranked if each in moment.answered and each != moment.problem.asker_id]
    return measured(able, moment.gains, moment.best)


def _mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    measures = (*MEASURES, BEST)
    means = {measure: fmean(each[measure] for each in scores) if scores else 0.0 for measure in measures}
    return means | {"queries": len(scores)}
