"""Words as they are searched: folded, whatever the script; in scripts without spaces, pairs of characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_WORD = 60
"""Characters of a word that are looked at."""

_MARKS = "".join(chr(each) for each in range(0xFFFF) if unicodedata.category(chr(each))[0] == "M")
"""Vowel signs and the like: in many scripts they are inside of words."""
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\U00020000-\U0003134f"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese: nothing is between two words."""
_RUN = re.compile(f"[{_SPACELESS}]+|[^\\W{_SPACELESS}][\\w{re.escape(_MARKS)}]*")
_IS_SPACELESS = re.compile(f"[{_SPACELESS}]")


def fold(text: str) -> str:
    """``text`` without case and marks, and compatible forms made one: ``Électricité`` is ``electricite``."""
    marked = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in marked if not unicodedata.combining(each))


def runs(text: str) -> Iterator[str]:
    """What stands together in ``text``, folded: its words, and in scripts without spaces all up to the next
    space or sign."""
    for match in _RUN.finditer(fold(text)):
        if _IS_SPACELESS.match(match[0]):
            yield match[0]
        else:  # a word may go over into a script without spaces
            yield from (part for part in re.split(f"([{_SPACELESS}]+)", match[0]) if part)


def words(text: str) -> Iterator[str]:
    """The words of ``text``, folded, as often as they come: of a run without spaces, its characters' pairs
    (and each character, so that one alone is found)."""
    for run in runs(text):
        if _IS_SPACELESS.match(run):
            yield from run
            yield from (run[place : place + 2] for place in range(len(run) - 1))
        else:
            yield run[:LONGEST_WORD]


def wanted(run: str) -> list[str]:
    """The words that a text with ``run`` in it has, as few as tell it: no single characters where there are
    pairs."""
    if _IS_SPACELESS.match(run) and len(run) > 1:
        return [run[place : place + 2] for place in range(len(run) - 1)]
    return [run[:LONGEST_WORD]]
