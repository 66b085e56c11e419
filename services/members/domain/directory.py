"""The directory of communities: the words by which one is found, and for whom it is listed."""

from __future__ import annotations

import re
import unicodedata

from services.members.domain.community import Community

MOST_WORDS = 1_000
"""Different words of a community that are searched; a longer charter is found by its first ones."""

_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """``text`` without case and marks, and compatible forms made one: ``Électricité`` is ``electricite``."""
    marked = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in marked if not unicodedata.combining(each))


def words_of(*texts: str) -> list[str]:
    """The different folded words of ``texts``, in the order in which they come, up to ``MOST_WORDS``."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _WORD.finditer(fold(text)):
            found[match[0]] = None
            if len(found) == MOST_WORDS:
                return list(found)
    return list(found)


def words(community: Community) -> list[str]:
    """The words by which a community is found: of its name, tags, what it is about, and its charter."""
    return words_of(community.name, *community.tags, community.about, community.charter)


def audience(community: Community) -> str:
    """For whom it is listed: everybody, or those of its organisation."""
    return "everybody" if community.kind == "external" else f"org:{community.org_id}"


def audiences(org_id: str | None) -> list[str]:
    """The audiences that somebody of ``org_id`` belongs to."""
    return ["everybody"] if org_id is None else ["everybody", f"org:{org_id}"]
