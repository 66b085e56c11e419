"""A text as weighted terms, in any script.

Words are runs of letters, digits and the marks on them, whatever the script, folded by NFKC and case.
Scripts that do not put spaces between words are cut into overlapping pairs of characters. Names out of code
stay whole (``utf_8``, ``c++``).

A digest is what is kept of a text: one ``uint64`` for each distinct term, its hash in the upper bits and how
often it occurs (at most 15 times) in the lower four. It is stable: it may be stored and fed again.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray

Digest = NDArray[np.uint64]

TEXT_LIMIT: Final = 20_000
"""Characters of a text that are read: what it is about is said by then."""
TERMS_LIMIT: Final = 400
"""Distinct terms of a text that are kept, the most frequent first."""
WORD_LIMIT: Final = 40
"""Characters of a word that count: what is longer is data and not language."""
TIMES: Final = 15
"""A term counts so often at most."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_PIECE = regex.compile(
    rf"([{_UNSPACED}]+)"
    rf"|((?![{_UNSPACED}])[\p{{L}}\p{{N}}_](?:(?![{_UNSPACED}])[\p{{L}}\p{{N}}\p{{M}}_])*(?:\+\+|\#)?)"
)


def words(text: str) -> Iterator[str]:
    """The words of a text, in order."""
    folded = unicodedata.normalize("NFKC", text[:TEXT_LIMIT]).casefold()
    for unspaced, word in _PIECE.findall(folded):
        if word:
            yield word[:WORD_LIMIT]
        elif len(unspaced) == 1:
            yield unspaced
        else:
            yield from (unspaced[at : at + 2] for at in range(len(unspaced) - 1))


@lru_cache(maxsize=1 << 16)
def term_hash(term: str) -> int:
    """60 bits that stand for a term, in the place where a digest has them."""
    digest = hashlib.blake2b(term.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") & ~TIMES


def digest(texts: Iterable[str]) -> Digest:
    """What is kept of a text in several parts, such as title and body."""
    counts = Counter(word for text in texts for word in words(text))
    kept = counts.most_common(TERMS_LIMIT)
    return np.fromiter((term_hash(word) | min(times, TIMES) for word, times in kept), np.uint64, len(kept))


@lru_cache(maxsize=1 << 16)
def label(kind: str, name: str) -> int:
    """The one term of a whole name of some kind (a tag, a skill); never mistaken for a word."""
    return term_hash(f"{kind}\x1f{fold(name)}") | 1


def labels(kind: str, names: Iterable[str]) -> Digest:
    """Whole names of one kind as a digest."""
    terms = dict.fromkeys([label(kind, name) for name in names])
    return np.fromiter(terms, np.uint64, len(terms))


def fold(name: str) -> str:
    """A tag or a skill as it is compared."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
