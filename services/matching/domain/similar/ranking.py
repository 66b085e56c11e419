"""Which of the candidates are shown, in what order, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.matching.domain import rules
from services.matching.domain.routing.text import fold, words
from services.matching.domain.similar.index import Candidate
from shared.contracts.matching import SimilarProblem, SimilarProblemsFound

ProblemState = Literal["open", "answered", "resolved", "reopened", "duplicate", "withdrawn"]


class Text(NamedTuple):
    """What is asked, as far as it is written."""

    title: str = ""
    body: str = ""
    tags: Sequence[str] = ()


class Precedent(BaseModel):
    """What is known of a problem that was posted before."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    community_id: str
    title: str
    body: str
    """The beginning of it."""
    tags: list[str] = Field(default_factory=list)
    state: ProblemState = "open"
    duplicate_of: str | None = None
    accepted: bool = False
    """Whoever asked accepted a solution."""
    practices: list[str] = Field(default_factory=list)
    """Its solutions that are best practices."""

    @property
    def solved(self) -> bool:
        """It is resolved, or as good as that."""
        return self.state == "resolved" or (self.accepted and self.state in ("open", "answered"))


class Term(NamedTuple):
    """One addend of a score, and what is said of it."""

    value: float
    words: str


class Similar(NamedTuple):
    """A problem that is like the one asked about."""

    precedent: Precedent
    score: float
    reasons: list[str]


def likeness(candidate: Candidate) -> float:
    """How like it is, all told: by meaning and a little by words, less what it is like everything.

    Whoever has no meaning known counts by words alone: rarely too much, for words differ more.
    """
    if candidate.meaning is None:
        return (1 + rules.SIMILAR_WORDS) * candidate.words
    return (
        candidate.meaning
        + rules.SIMILAR_WORDS * candidate.words
        - rules.SIMILAR_IN_GENERAL * candidate.general
    )


def is_worth_showing(candidate: Candidate) -> bool:
    """Whether it may be shown to somebody who is still writing."""
    return candidate.words >= rules.SHOWN_WORDS or (candidate.meaning or 0) >= rules.SHOWN_MEANING


def is_worth_telling(candidate: Candidate) -> bool:
    """Whether it may be brought to the notice of somebody who has posted already."""
    if candidate.meaning is None:
        return candidate.words >= rules.TOLD_WORDS
    return candidate.meaning >= rules.TOLD_MEANING


def ranked(
    text: Text,
    candidates: Iterable[Candidate],
    precedents: Iterable[Precedent],
    limit: int,
    telling: Callable[[str], float],
) -> list[Similar]:
    """The ``limit`` best of the candidates, best first; those without a precedent are passed over.

    ``telling`` says how telling a word is, 0 to 1. What was solved, and more so what became a best practice,
    is preferred among what is about as like: never before what is clearly more like.
    """
    known = {each.thread_id: each for each in precedents}
    scored: list[tuple[float, Candidate, Precedent, list[Term]]] = []
    for candidate in candidates:
        if (precedent := known.get(candidate.thread_id)) is not None:
            bonuses = _bonuses(text, precedent)
            score = likeness(candidate) + sum(bonus.value for bonus in bonuses)
            scored.append((score, candidate, precedent, bonuses))
    mine = words_of(text.title, text.body)
    scored.sort(key=lambda each: (-each[0], each[2].thread_id))
    return [
        Similar(precedent, score, _reasons(mine, candidate, precedent, bonuses, telling))
        for score, candidate, precedent, bonuses in scored[:limit]
    ]


def _bonuses(text: Text, precedent: Precedent) -> list[Term]:
    bonuses: list[Term] = []
    if precedent.practices:
        bonuses.append(Term(rules.SIMILAR_PRACTICE, "has a best practice"))
    elif precedent.solved:
        bonuses.append(Term(rules.SIMILAR_SOLVED, "is solved"))
    wanted = {fold(tag) for tag in text.tags}
    if same := [tag for tag in precedent.tags if fold(tag) in wanted]:
        share = len(same) / max(len(wanted), len(precedent.tags))
        bonuses.append(Term(rules.SIMILAR_TAGS * share, f"same tags: {', '.join(same)}"))
    return bonuses


def _reasons(
    mine: Set[str],
    candidate: Candidate,
    precedent: Precedent,
    bonuses: Iterable[Term],
    telling: Callable[[str], float],
) -> list[str]:
    """The terms of the score in words, largest first."""
    terms = list(bonuses)
    if (meaning := candidate.meaning) is not None and meaning >= rules.SHOWN_MEANING:
        about = "asks much the same" if meaning >= rules.TOLD_MEANING else "is about something similar"
        terms.append(Term(meaning, about))
    if candidate.words >= rules.SHOWN_WORDS or not terms:
        share = rules.SIMILAR_WORDS if candidate.meaning is not None else 1 + rules.SIMILAR_WORDS
        common = words_in_common(mine, precedent, telling)
        named = f"words in common: {', '.join(common)}" if common else "uses similar words"
        terms.append(Term(share * candidate.words, named))
    return [term.words for term in sorted(terms, key=lambda term: -term.value)]


def words_of(*texts: str) -> Set[str]:
    """The words of some texts, each once."""
    return {word for text in texts for word in words(text)}


def words_in_common(mine: Set[str], precedent: Precedent, telling: Callable[[str], float]) -> list[str]:
    """The most telling words that both have."""
    theirs = words_of(precedent.title, precedent.body)
    both = sorted((-telling(word), word) for word in mine & theirs)
    return [word for value, word in both[: rules.SIMILAR_NAMED_WORDS] if -value >= rules.TELLING_WORD]


def found(
    problem: Precedent, asker_id: str, similar: Sequence[Similar], version: int
) -> SimilarProblemsFound:
    """The event that says what is like a problem that was posted."""
    return SimilarProblemsFound(
        thread_id=problem.thread_id,
        version=version,
        community_id=problem.community_id,
        asker_id=asker_id,
        problem_title=problem.title,
        similar=[
            SimilarProblem(
                thread_id=each.precedent.thread_id,
                community_id=each.precedent.community_id,
                title=each.precedent.title,
                solved=each.precedent.solved,
                best_practice=bool(each.precedent.practices),
                reasons=each.reasons,
            )
            for each in similar
        ],
    )
