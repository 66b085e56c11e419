"""The directory of communities: the words by which one is found, and for whom it is listed."""

from __future__ import annotations

from itertools import chain

from services.members.domain.community import Community
from shared.words import words as words_in

MOST_WORDS = 1_000
"""Different words of a community that are searched; a longer charter is found by its first ones."""


def words_of(*texts: str) -> list[str]:
    """The different folded words of ``texts``, in the order in which they come, up to ``MOST_WORDS``."""
    found: dict[str, None] = {}
    for word in chain.from_iterable(words_in(text) for text in texts):
        found[word] = None
        if len(found) == MOST_WORDS:
            break
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
