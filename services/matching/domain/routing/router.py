"""The door: problems in, ranked people out, with reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from services.matching.domain import rules
from services.matching.domain.routing import kernels
from services.matching.domain.routing.arrays import F64
from services.matching.domain.routing.found import HISTORY, Evidence, Found
from services.matching.domain.routing.index import Index
from services.matching.domain.routing.ranking import TERMS, TOP, Forest, Weights, by_hand, features, order
from services.matching.domain.routing.settings import DAY
from services.matching.domain.routing.text import Digest, digest, fold, labels

SIMILAR_ENOUGH: Final = 0.5
"""A problem so similar, compared with the most similar, is called similar."""
CITED: Final = 3
"""Similar problems that are cited for one person, at most."""
REASONS: Final = 4
"""Reasons told, at most."""
TELLABLE: Final = 50
"""Of so many of the best the terms hold what a learned ranker changed; of the others the sum by hand."""
_LEVELS: Final[Mapping[float, str]] = {worth: level for level, worth in rules.SKILL.items()}


class Query(NamedTuple):
    """A problem that somebody is to be found for."""

    community_id: str
    words: Digest
    tags: Sequence[str]
    now: float
    asker_id: str = ""
    problem_id: str = ""
    """The problem's own id, if it is in the index already."""

    @classmethod
    def of(
        cls,
        community_id: str,
        title: str,
        body: str,
        tags: Sequence[str],
        now: float,
        *,
        asker_id: str = "",
        problem_id: str = "",
    ) -> Query:
        """The same from its texts."""
        known = list({fold(tag): tag for tag in tags}.values())
        return cls(community_id, digest((title, body)), known, now, asker_id, problem_id)


class Ranked(NamedTuple):
    """Somebody who could be asked."""

    member_id: str
    score: float
    terms: dict[str, float]
    """What the score is the sum of."""
    knows: bool
    """Whether anything speaks for them that has to do with the problem, and not their activity alone."""
    solutions: int
    """How many they proposed in the community."""
    row: int


class Ranking(NamedTuple):
    """Everybody who could be asked about a problem, best first, as far as asked for."""

    query: Query
    found: Found | None
    ranked: list[Ranked]


class Router:
    """Ranks people for problems. ``index`` is fed by whoever owns this."""

    def __init__(self, index: Index, weights: Weights | None = None, learned: Forest | None = None) -> None:
        self.index = index
        self.weights = weights or Weights()
        self.learned = learned
        """Corrects the order of the best, where there is one."""

    def rank(self, query: Query, limit: int = 300) -> Ranking:
        """The best ``limit`` people for a problem; nobody in a community of which nothing is known."""
        found = self.index.find(
            query.community_id,
            query.words,
            labels("tag", query.tags),
            labels("skill", query.tags),
            now=query.now,
            asker_id=query.asker_id,
            problem_id=query.problem_id,
        )
        if found is None:
            return Ranking(query, None, [])
        terms = by_hand(found.gathered, found.history[:, HISTORY.index("declined")], self.weights)
        scores: F64 = terms.sum(axis=1)
        best = order(scores)
        learned = self.learned  # another may take its place meanwhile
        if learned is not None and best.size:
            top = best[:TOP]
            seen = features(found.gathered, found.history, scores)[top]
            # Above the rest, whatever the trees say: these have not seen it.
            corrected = scores[top] + learned.scores(seen)
            again = order(corrected)
            best = np.concatenate([top[again], best[TOP:]])
            parts = {int(top[at]): learned.terms(seen[at]) for at in again[:limit][:TELLABLE]}
            for row, part in parts.items():
                terms[row] += part
            scores[top] = corrected
        about = found.gathered[:, [kernels.SIMILAR_COUNT, kernels.TAGS_COUNT, kernels.SKILL]]
        knows = about.max(axis=1, initial=0) > 0
        return Ranking(
            query,
            found,
            [
                Ranked(
                    self.index.member(int(found.places[row])),
                    float(scores[row]),
                    dict(zip(TERMS, terms[row].tolist(), strict=True)),
                    bool(knows[row]),
                    int(found.history[row, 0]),
                    int(row),
                )
                for row in best[:limit]
            ],
        )

    def evidence(self, ranking: Ranking, ranked: Ranked) -> Evidence:
        """What somebody did that their score is made of."""
        assert ranking.found is not None, "somebody was ranked"
        tags = ranking.query.tags
        place = int(ranking.found.places[ranked.row])
        return self.index.evidence(ranking.found, place, labels("tag", tags), labels("skill", tags))

    def reasons(self, ranking: Ranking, ranked: Ranked) -> list[str]:
        """Why this person, in words: the largest terms of their score first."""
        evidence = self.evidence(ranking, ranked)
        query, terms = ranking.query, ranked.terms
        told: list[tuple[float, str]] = []
        similar = [each for each in evidence.similar if each[1] >= SIMILAR_ENOUGH]
        if similar:
            latest = max(at for _, _, at in similar)
            ago = _ago(query.now - latest)
            words = (
                f"answered a similar problem {ago}"
                if len(similar) == 1
                else f"answered {len(similar)} similar problems, most recently {ago}"
            )
            told.append((terms["similar"], words))
        for tag, (solutions, accepted, endorsed) in zip(query.tags, evidence.tags, strict=True):
            kinds = ((endorsed, "endorsed "), (accepted, "accepted "), (solutions, ""))
            count, kind = next((each for each in kinds if each[0]), (0, ""))
            if count:
                words = f"{count} {kind}solution{'' if count == 1 else 's'} on {tag}"
                told.append((terms["tags"] / len(query.tags), words))
        for tag, worth in zip(query.tags, evidence.skills, strict=True):
            if worth > 0:
                level = f" ({_LEVELS[worth]})" if worth in _LEVELS else ""
                told.append((worth * self.weights.skill, f"states the skill {tag}{level}"))
        if evidence.active_at is not None and (active := _active(query.now - evidence.active_at)):
            told.append((terms["active"] + terms["active_slow"], active))
        about = sorted(told, key=lambda each: -each[0])
        return [words for _, words in about[:REASONS]]

    def why_not(self, ranking: Ranking, member_id: str) -> str:
        """Why somebody is not the first to be asked, in words."""
        query = ranking.query
        if member_id == query.asker_id:
            return "asks the question"
        for place, ranked in enumerate(ranking.ranked, 1):
            if ranked.member_id == member_id:
                if not ranked.knows:
                    return "is active, but nothing they did or state has to do with this problem"
                behind = "" if place == 1 else f", behind {place - 1} with more to show for it"
                return f"ranks number {place} for this problem{behind}"
        place_known = self.index.place_of(query.community_id, member_id)
        if place_known is None:
            return "has done nothing in this community yet and states no skill that it asks for"
        return "answered nothing like it and nothing on its tags, states no such skill, was not active lately"


def _ago(seconds: float) -> str:
    days = int(max(0.0, seconds) // DAY)
    for size, unit in ((365, "year"), (30, "month"), (7, "week"), (1, "day")):
        if days >= size:
            count = days // size
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "today"


def _active(seconds: float) -> str:
    if seconds <= 7 * DAY:
        return "active this week"
    return "active this month" if seconds <= 30 * DAY else ""
