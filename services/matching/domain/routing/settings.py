"""How the index reads itself: how fast what happened fades, and how much of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How the index reads itself. Times are in seconds.

    Recency is counted in answers and not in days: an answer fades as the community goes on without it. The
    half-lives are shares of all answers that the community has seen. That suits a community of three answers
    a week and one of three a minute, and one that slept for a year. Time itself fades too, slowly.
    """

    similar: tuple[float, float, float] = (0.03, 0.1, 0.3)
    tags: tuple[float, float, float] = (0.3, 0.1, 0.03)
    active: tuple[float, float, float, float, float] = (0.01, 0.03, 0.003, 0.1, 0.3)
    """Half-lives, as shares. The first of each count in the sum by hand, of activity the first two; a learned
    ranker sees all."""
    least: float = 5.0
    """No half-life is shorter than so many answers, however young a community is."""
    expertise: float = 180 * DAY
    """Half-life of expertise in time."""
    activity: float = 30 * DAY
    """Half-life of activity in time."""
    declined: float = 14 * DAY
    """Half-life of an ask that was declined or ignored."""
    saturation: float = 1.2
    by_length: float = 0.6
    """The two constants of BM25."""
    most_similar: int = 300
    """So many similar problems count."""
    postings: int = 8192
    """So many problems are read for each word, the newest."""
    postings_in_all: int = 65_536
    """So many are read for a query, from its most telling word on."""
    problems_of_tag: int = 512
    answers_of_community: int = 4096
    stated_of_skill: int = 1024
    candidates: int = 8192
    """So many people are considered."""


TIMELESS: Final = Settings(expertise=float("inf"), activity=float("inf"))
"""For histories whose unit of time is not known."""
