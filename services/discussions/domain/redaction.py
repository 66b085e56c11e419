"""Redaction: names that must not leave an organisation, found in texts and blacked out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

BLACK = "▇▇▇"
"""What stands in the place of what was redacted."""
_PART = 3
"""A part of a name with fewer letters is no hint: `Li` is in too many texts."""


def words(text: str) -> set[str]:
    """The words of a text or a name, in the form in which they are compared."""
    return set(re.findall(r"\w+", text.casefold()))


def redacted(text: str, terms: Iterable[str]) -> str:
    """``text`` without the ``terms``, whatever their capitals and the white space in them; as whole words, so
    that redacting `Ann` leaves `Planning` alone."""
    if alternatives := "|".join(_pattern(term) for term in sorted(terms, key=len, reverse=True)):
        return re.sub(rf"(?<!\w)(?:{alternatives})(?!\w)", BLACK, text, flags=re.IGNORECASE)
    return text


def names_left(texts: Sequence[str], names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of people's ``names``: those that stand in the texts whole, and words of others that do.

    The former are somebody's name; the latter may be, and may be an ordinary word.
    """
    present = {word for text in texts for word in words(text)}
    whole: set[str] = set()
    parts: set[str] = set()
    for name in names:
        if any(re.search(rf"(?<!\w){_pattern(name)}(?!\w)", text, re.IGNORECASE) for text in texts):
            whole.add(name)
        else:
            parts |= {word for word in words(name) & present if len(word) >= _PART}
    return sorted(whole), sorted(parts)


def _pattern(term: str) -> str:
    return r"\s+".join(re.escape(word) for word in term.split())
