"""How well mentors fit mentees: for one mentee at any time, or a whole programme at once, in arrays.

The score of a pair is the sum of its terms: skills sought, working hours in common on a given date, a
language in common, places free. Whether a mentor may be suggested at all is not a matter of degree: the offer
must be open to the mentee, a place must be free, and where both say which languages they speak one must be
common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from shared.contracts.members import Skill
from shared.contracts.mentorships import MentoringScope

Matrix = NDArray[np.float32]


class Mentee(BaseModel):
    """Who looks for a mentor."""

    model_config = ConfigDict(frozen=True)

    member_id: str
    org_id: str | None = None
    sought: list[str] = []
    languages: list[str] = []
    time_zone: str = ""
    communities: list[str] = []


class Mentor(BaseModel):
    """Who offers to be one."""

    model_config = ConfigDict(frozen=True)

    member_id: str
    name: str = ""
    org_id: str | None = None
    capacity: int
    taken: int = 0
    skills: list[str] = []
    """In what they offer it."""
    stated: list[Skill] = []
    languages: list[str] = []
    time_zone: str = ""
    scope: MentoringScope = "everybody"
    community_ids: list[str] = []
    paused: bool = False
    away_until: datetime | None = None

    @property
    def free(self) -> int:
        """Places free."""
        return max(0, self.capacity - self.taken)


class Terms(NamedTuple):
    """What one pair's score is the sum of, and the working hours in common."""

    skills: float
    hours: float
    languages: float
    load: float
    in_common: float


class Fit(NamedTuple):
    """The terms of every pair, mentees in rows, mentors in columns; 0 where one does not apply."""

    skills: Matrix
    hours: Matrix
    languages: Matrix
    load: Matrix
    allowed: NDArray[np.bool_]
    in_common: Matrix
    """Working hours in common."""

    @property
    def score(self) -> Matrix:
        """The sum of the terms; below 0 where the mentor is not to be suggested."""
        total = self.skills + self.hours + self.languages + self.load
        total[~self.allowed] = -1
        return total

    def terms(self, row: int, column: int) -> Terms:
        """The terms of one pair."""
        arrays = (self.skills, self.hours, self.languages, self.load, self.in_common)
        return Terms(*(float(each[row, column]) for each in arrays))


def fit(mentees: Sequence[Mentee], mentors: Sequence[Mentor], now: datetime) -> Fit:
    """How well each of ``mentors`` fits each of ``mentees``, on the day of ``now``."""
    sought = [{skill: 1.0 / len(each.sought) for skill in each.sought} for each in mentees]
    skills = _product(sought, [_covers(each) for each in mentors])
    spoken = (
        [_languages(each.languages) for each in mentees],
        [_languages(each.languages) for each in mentors],
    )
    common = _product(*spoken) > 0
    ours, theirs = (np.array([bool(each) for each in side], bool) for side in spoken)
    told = np.outer(ours, theirs)
    hours = _hours(mentees, mentors, now.date())
    open_to = _open_to(mentees, mentors)
    available = np.array([each.free > 0 and not _away(each, now) for each in mentors], bool)
    load = np.array([each.free / max(each.capacity, 1) for each in mentors], np.float32)
    return Fit(
        skills=rules.MENTOR_SKILLS * skills,
        hours=np.float32(rules.MENTOR_HOURS) * np.minimum(hours / np.float32(rules.ENOUGH_HOURS), 1),
        languages=(rules.MENTOR_LANGUAGE * common).astype(np.float32),
        load=np.broadcast_to(rules.MENTOR_LOAD * load, skills.shape),
        allowed=open_to & available[None, :] & (common | ~told),
        in_common=hours,
    )


def reasons(terms: Terms, mentee: Mentee, mentor: Mentor) -> list[str]:
    """Why this mentor: the terms of the score in words, largest first."""
    offered = [skill for skill in mentee.sought if skill in mentor.skills]
    states = {skill.name: skill.level for skill in mentor.stated}
    stated = [f"{skill} ({states[skill]})" for skill in mentee.sought
              if skill not in offered and rules.STATED.get(states.get(skill, "learning"), 0) > 0]  # fmt: skip
    shared = sorted(_languages(mentee.languages).keys() & _languages(mentor.languages).keys())
    skills = [f"mentors in {_listed(offered)}"] if offered else []
    skills += [f"states the skill {_listed(stated)}"] if stated else []
    worded = [
        (terms.skills, ", ".join(skills)),
        (terms.hours, f"{round(terms.in_common)} working hours in common"),
        (terms.languages, f"speaks {_listed(shared)}"),
        (terms.load, f"{mentor.free} of {mentor.capacity} places free"),
    ]
    told = [each for each in worded if each[0] >= rules.NEGLIGIBLE and each[1]]
    return [words for _, words in sorted(told, key=lambda each: -each[0])]


def hours_in_common(one: str, other: str, day: date) -> float:
    """Hours of the working day in ``one`` that are working hours in ``other``, on ``day``; 0 if unknown.

    Of which date the other's hours are does not matter: whoever works in Auckland has the evening before
    that in Lisbon. Daylight saving time counts as it is on that day.
    """
    return _hours_in_common(*sorted((one, other)), day)


@lru_cache(4096)
def _hours_in_common(one: str, other: str, day: date) -> float:
    mine, theirs = _zone(one), _zone(other)
    if mine is None or theirs is None:
        return 0.0
    begins, ends = _working(mine, day)
    common = timedelta()
    for days in (-1, 0, 1):
        start, end = _working(theirs, day + timedelta(days=days))
        common += max(timedelta(), min(ends, end) - max(begins, start))
    return common / timedelta(hours=1)


def _working(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    begins, ends = (datetime.combine(day, time(hour), zone) for hour in rules.WORKING_DAY)
    return begins.astimezone(UTC), ends.astimezone(UTC)


@lru_cache(1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # whatever no database of time zones has
        return None


def _away(mentor: Mentor, now: datetime) -> bool:
    return mentor.paused or (mentor.away_until is not None and mentor.away_until > now)


def _covers(mentor: Mentor) -> dict[str, float]:
    stated = {skill.name: rules.STATED[skill.level] for skill in mentor.stated}
    return stated | dict.fromkeys(mentor.skills, 1.0)


def _languages(tags: Iterable[str]) -> dict[str, float]:
    """By the language alone: whoever speaks ``pt-BR`` understands ``pt``."""
    return {tag.partition("-")[0].lower(): 1.0 for tag in tags}


def _hours(mentees: Sequence[Mentee], mentors: Sequence[Mentor], day: date) -> Matrix:
    ours, rows = np.unique([each.time_zone for each in mentees], return_inverse=True)
    theirs, columns = np.unique([each.time_zone for each in mentors], return_inverse=True)
    table = np.array([[hours_in_common(str(a), str(b), day) for b in theirs] for a in ours], np.float32)
    return table.reshape(len(ours), len(theirs))[np.ix_(rows, columns)]


def _open_to(mentees: Sequence[Mentee], mentors: Sequence[Mentor]) -> NDArray[np.bool_]:
    """Whether the offer is one to the mentee; nobody mentors themselves."""
    scope = np.array([each.scope for each in mentors], object)
    shared = _product(
        [dict.fromkeys(each.communities, 1.0) for each in mentees],
        [dict.fromkeys(each.community_ids, 1.0) for each in mentors],
    )
    allowed: NDArray[np.bool_] = scope == "everybody"
    allowed = allowed | ((scope == "organisation") & same_organisation(mentees, mentors))
    allowed = allowed | ((scope == "communities") & (shared > 0))
    return allowed & ~_equal([each.member_id for each in mentees], [each.member_id for each in mentors])


def same_organisation(mentees: Sequence[Mentee], mentors: Sequence[Mentor]) -> NDArray[np.bool_]:
    """Which pairs are of one organisation; who has none is of no one's."""
    ours = [each.org_id or "" for each in mentees]
    return _equal(ours, [each.org_id or "-" for each in mentors])


def _equal(rows: Sequence[str], columns: Sequence[str]) -> NDArray[np.bool_]:
    numbers = {value: at for at, value in enumerate(dict.fromkeys(rows))}
    ours = np.array([numbers[each] for each in rows], int)
    theirs = np.array([numbers.get(each, -1) for each in columns], int)
    same: NDArray[np.bool_] = np.equal.outer(ours, theirs)
    return same


def _product(rows: Sequence[Mapping[str, float]], columns: Sequence[Mapping[str, float]]) -> Matrix:
    """The sums of products over the words that a row and a column share."""
    words = {word: at for at, word in enumerate(dict.fromkeys(word for each in rows for word in each))}

    def matrix(of: Sequence[Mapping[str, float]]) -> Matrix:
        dense = np.zeros((len(of), len(words)), np.float32)
        for at, each in enumerate(of):
            for word, value in each.items():
                if word in words:
                    dense[at, words[word]] = value
        return dense

    return matrix(rows) @ matrix(columns).T


def _listed(words: Sequence[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last
