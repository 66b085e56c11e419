"""Searching: what is kept of an item so that it is found, and in which order what is found is shown.

Everything one can search for is a word: those of the text, and for each filter one that no text has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from math import log
from typing import Literal, NamedTuple
from zlib import crc32

from services.discussions.domain.item import Said
from services.discussions.domain.limits import COUNTED, SEARCH_WORDS, WORDS_INDEXED
from shared.contracts.discussions import ItemKind
from shared.words import runs, wanted, words

Facet = Literal["kind", "state", "tag", "author", "community"]

EVERYTHING = "*"
"""The word that every item has."""
_FIELD_WEIGHTS = {"title": 4.0, "tags": 3.0, "text": 1.0}
_SATURATION = 1.2
"""How fast more of the same word stops counting (BM25's k1)."""
_LENGTH = 0.5
"""How much long texts are held against their words (BM25's b)."""
_USUAL_LENGTH = 150
_BOOSTS: Mapping[str, float] = {
    "best-practice": 3.0,
    "re-verified": 3.0,
    "review-due": 2.5,
    "candidate": 2.0,
    "recommended": 2.0,
    "accepted": 1.8,
    "resolved": 1.5,
    "lapsed": 0.7,
    "outdated": 0.6,
    "contested": 0.6,
    "superseded": 0.5,
    "duplicate": 0.5,
    "archived": 0.5,
}
"""What a state is worth: best practices and what solved something come first."""


class Entry(NamedTuple):
    """What is kept of an item."""

    words: list[str]
    """Those of its text, then those of filters; the last is its author's, unless they are anonymous."""
    weights: list[float]
    """What finding it by the word in the same place is worth; nothing for the words of filters."""
    text: str
    """Its runs of letters with a space around each, where phrases are looked for."""


class Query(NamedTuple):
    """What is searched for."""

    words: tuple[str, ...]
    """All that an item must have, those of filters included."""
    phrases: tuple[str, ...] = ()
    """What its text must have, as it is kept."""


class Candidate(NamedTuple):
    """An item that has all that was searched for."""

    item_id: str
    thread_id: str
    community_id: str
    kind: ItemKind
    state: str
    tags: Sequence[str]
    at: datetime
    author_id: str | None
    """Nobody where they are anonymous."""
    weights: Sequence[float]
    """Of the words searched for, in their order."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many of what is found have a value; ``more``: there may be more of them."""

    value: str
    count: int
    more: bool


def filter_word(facet: Facet, value: str) -> str:
    """The word of a filter."""
    return f"{facet}={value}"


def author_of(last_word: str) -> str | None:
    """Whose an item is, by the last word that is kept of it."""
    facet, _, author_id = last_word.partition("=")
    return author_id if facet == "author" else None


def digest(said: Said | None) -> int:
    """Tells what an item says from what it said before; 0 for nothing."""
    return crc32(repr(said).encode("utf-8", "surrogatepass")) | 1 << 32 if said else 0


def entry(said: Said) -> Entry:
    """What is kept of an item that says this."""
    fields = {"title": said.title, "tags": " ".join(said.tags), "text": said.text}
    counted = {field: Counter(words(text)) for field, text in fields.items()}
    length = sum(sum(count.values()) for count in counted.values())
    found = list(dict.fromkeys(chain.from_iterable(counted.values())))[:WORDS_INDEXED]
    filters = [EVERYTHING, filter_word("kind", said.kind)]
    filters += [filter_word("state", said.state)] if said.state else []
    filters += [filter_word("tag", tag) for tag in said.tags]
    filters += [filter_word("author", said.author_id)] if said.author_id else []
    return Entry(
        [*found, *filters],
        [_weight(word, counted, length) for word in found],
        "".join(f" {run} " for run in runs("\n".join(fields.values()))).replace("  ", " "),
    )


def _weight(word: str, counted: Mapping[str, Counter[str]], length: int) -> float:
    often = sum(_FIELD_WEIGHTS[field] * count[word] for field, count in counted.items())
    spread = _SATURATION * (1 - _LENGTH + _LENGTH * length / _USUAL_LENGTH)
    return round(often * (_SATURATION + 1) / (often + spread), 3)


def query(text: str, filters: Mapping[Facet, str | None]) -> Query:
    """What ``text`` (words, and "phrases" in quotes) and the filters ask for."""
    sought: dict[str, None] = {}
    phrases: list[str] = []
    for place, part in enumerate(text.replace("“", '"').replace("”", '"').split('"')):
        found = list(runs(part))
        for run in found:
            sought.update(dict.fromkeys(wanted(run)))
            if wanted(run) != [run]:  # its pairs may also be apart in a text
                phrases.append(run)
        if place % 2 and len(found) > 1:
            phrases.append(f" {' '.join(found)} ")
    chosen = [filter_word(facet, value) for facet, value in filters.items() if value is not None]
    return Query((*list(sought)[:SEARCH_WORDS], *chosen), tuple(phrases[:SEARCH_WORDS]))


def score(candidate: Candidate, rarity: Sequence[float]) -> float:
    """How well it fits: its words' weights by their rarity, times what its state is worth."""
    fit = sum(weight * rare for weight, rare in zip(candidate.weights, rarity, strict=True))
    return round((fit + 0.01) * _BOOSTS.get(candidate.state, 1.0), 6)


def rarity(often: int, most: int) -> float:
    """What a word is worth that ``often`` items have, counted up to ``most``."""
    return log(1 + most / (often + 1))


def ranked(found: Iterable[Candidate], rarities: Sequence[float]) -> list[tuple[float, Candidate]]:
    """What was found with its score, the best first; of the equal, the newest."""
    scored = [(score(candidate, rarities), candidate) for candidate in found]
    return sorted(scored, key=lambda each: (-each[0], -each[1].at.timestamp(), each[1].item_id))


def counts(found: Sequence[Candidate], *, all_seen: bool) -> dict[Facet, list[Count]]:
    """How many of what is found have which kind, state, tag, author and community, the most frequent first.

    ``all_seen``: whether all that there is was looked at.
    """
    values: dict[Facet, Iterable[str]] = {
        "kind": (each.kind for each in found),
        "state": (each.state for each in found if each.state),
        "tag": chain.from_iterable(each.tags for each in found),
        "author": (each.author_id for each in found if each.author_id),
        "community": (each.community_id for each in found),
    }
    return {
        facet: [
            Count(value, min(count, COUNTED), count > COUNTED or not all_seen)
            for value, count in sorted(Counter(each).items(), key=lambda item: (-item[1], item[0]))[:20]
        ]
        for facet, each in values.items()
    }
