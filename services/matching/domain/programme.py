"""A programme of mentors for a community: a window in which mentees say whom they would like, then one
assignment of all at once, looked at before it is confirmed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from services.matching.domain import mentors as fits
from services.matching.domain import rules
from services.matching.domain.mentors import Mentee, Mentor
from shared.errors import BadInput, Conflict, Forbidden, NotFound

State = Literal["scheduled", "open", "closed", "confirmed", "cancelled", "lapsed"]
Command = Literal["open", "close", "confirm", "cancel", "lapse"]
Mode = Literal["stable", "maximal"]
MODES: tuple[Mode, ...] = ("stable", "maximal")

TRANSITIONS: Mapping[State, Mapping[Command, State]] = {
    "scheduled": {"open": "open", "cancel": "cancelled"},
    "open": {"close": "closed", "cancel": "cancelled"},
    "closed": {"confirm": "confirmed", "cancel": "cancelled", "lapse": "lapsed"},
    "confirmed": {},
    "cancelled": {},
    "lapsed": {},
}
"""What leads where. ``open``, ``close`` and ``lapse`` are the clock's."""

CLOCK: Mapping[State, Command] = {"scheduled": "open", "open": "close", "closed": "lapse"}
"""What time does next in each state that does not stay."""


class Exclusion(BaseModel):
    """Two who are not to be matched: a manager with one of their own, two of a team."""

    model_config = ConfigDict(frozen=True)

    mentee_id: str
    mentor_id: str


class Outcome(BaseModel):
    """What an assignment is worth."""

    model_config = ConfigDict(frozen=True)

    matched: int
    unmatched: int
    blocking_pairs: int
    mean_rank: float
    first_choices: int
    places: int
    """All mentors' free places together."""


class Programme(BaseModel):
    """A programme. ``version`` counts its changes, for whoever edits it."""

    model_config = ConfigDict(frozen=True)

    programme_id: str
    version: int = 1
    community_id: str
    name: str
    created_by: str
    created_at: datetime
    opens_at: datetime
    closes_at: datetime
    across_organisations: bool = False
    """Nobody is matched within their own organisation."""
    exclusions: list[Exclusion] = []
    state: State = "scheduled"
    mode: Mode | None = None
    """How it was assigned, once it is confirmed."""
    figures: Outcome | None = None

    @property
    def due_at(self) -> datetime | None:
        """When time does something to it; never where it stays as it is."""
        match self.state:
            case "scheduled":
                return self.opens_at
            case "open":
                return self.closes_at
            case "closed":
                return self.closes_at + rules.CONFIRM_WITHIN
            case _:
                return None


class Registration(BaseModel):
    """A mentee in a programme, with the mentors they would like, best first."""

    model_config = ConfigDict(frozen=True)

    programme_id: str
    mentee_id: str
    skills: list[str]
    wishes: list[str]
    only_wishes: bool
    """Nobody else will do."""
    registered_at: datetime
    mentor_id: str | None = None
    """Who it became, once the programme is confirmed."""


class Matched(NamedTuple):
    """A mentee's mentor, and why."""

    mentee_id: str
    mentor_id: str
    reasons: list[str]


class Proposal(NamedTuple):
    """An assignment as it would be confirmed now. ``digest`` tells it from any other."""

    mode: Mode
    outcome: Outcome
    matched: list[Matched]
    unmatched: list[str]
    digest: str


def no_such_programme() -> NotFound:
    """What those get who do not belong to its community, and all where there is none."""
    return NotFound("no-such-programme", "There is no such programme.", fix="Check its id.")


def no_such_community() -> NotFound:
    """What those get who do not belong to it, and all where there is none."""
    return NotFound("no-such-community", "There is no such community.", fix="Check its id.")


def not_registered() -> NotFound:
    """What a mentee gets who does not take part."""
    return NotFound(
        "not-registered",
        "You do not take part in this programme.",
        fix="Register while its window is open.",
    )


def create(
    programme_id: str,
    community_id: str,
    steward_id: str,
    *,
    name: str,
    opens_at: datetime,
    closes_at: datetime,
    across_organisations: bool,
    exclusions: Sequence[Exclusion],
    now: datetime,
) -> Programme:
    """A new programme. Its window may have begun already."""
    if closes_at <= max(opens_at, now):
        raise BadInput(
            "bad-window",
            "The window must end after it begins, and not in the past.",
            field="/closes_at",
            fix="Choose a later end.",
        )
    return Programme(
        programme_id=programme_id,
        community_id=community_id,
        name=name,
        created_by=steward_id,
        created_at=now,
        opens_at=opens_at,
        closes_at=closes_at,
        across_organisations=across_organisations,
        exclusions=list(exclusions),
        state="open" if opens_at <= now else "scheduled",
    )


def register(
    programme: Programme,
    known: Registration | None,
    mentee_id: str,
    *,
    skills: list[str],
    wishes: list[str],
    only_wishes: bool,
    now: datetime,
) -> Registration:
    """Take part as a mentee, or change what one said; while the window is open."""
    _within(programme, now)
    if mentee_id in wishes:
        raise BadInput(
            "mentor-of-oneself",
            "Nobody mentors themselves.",
            field="/wishes",
            fix="Take your own id out of your wishes.",
        )
    if only_wishes and not wishes:
        raise BadInput(
            "no-wishes",
            "You take nobody but those you wish for, and wish for nobody.",
            field="/wishes",
            fix="Name mentors, or leave it to the programme.",
        )
    return Registration(
        programme_id=programme.programme_id,
        mentee_id=mentee_id,
        skills=skills,
        wishes=wishes,
        only_wishes=only_wishes,
        registered_at=known.registered_at if known else now,
    )


def may_leave(programme: Programme, now: datetime) -> None:
    """Whether a mentee may take the registration back: while the window is open."""
    _within(programme, now)


def _within(programme: Programme, now: datetime) -> None:
    """By the window's own times: the clock's hand may be late."""
    if programme.state not in ("scheduled", "open") or not programme.opens_at <= now < programme.closes_at:
        raise Conflict(
            "window-closed",
            f"The window is from {programme.opens_at:%Y-%m-%d %H:%M} to "
            f"{programme.closes_at:%Y-%m-%d %H:%M} UTC.",
        )


def pass_time(programme: Programme, now: datetime) -> Programme:
    """What time has done to it by ``now``; the same where nothing is due."""
    while programme.due_at is not None and programme.due_at <= now:
        programme = _moved(programme, CLOCK[programme.state])
    return programme


def cancel(programme: Programme) -> Programme:
    """A steward gives it up."""
    return _moved(programme, "cancel")


def confirm(programme: Programme, proposal: Proposal, digest: str) -> Programme:
    """A steward confirms the assignment that they were shown.

    Raises ``Conflict`` where it would be another one by now.
    """
    confirmed = _moved(programme, "confirm")
    if proposal.digest != digest:
        raise Conflict(
            "preview-outdated",
            "Mentees, mentors or places changed since this preview.",
            field="/digest",
            fix="Look at the preview again and confirm that.",
        )
    return confirmed.model_copy(update={"mode": proposal.mode, "figures": proposal.outcome})


def stewards_only(role: str) -> None:
    """Whether somebody with this role decides on programmes."""
    if role != "steward":
        raise Forbidden("not-a-steward", "Stewards of the community decide on its programmes.")


def _moved(programme: Programme, command: Command) -> Programme:
    following = TRANSITIONS[programme.state].get(command)
    if following is None:
        raise Conflict(
            "wrong-programme-state",
            f"This programme is {programme.state}.",
            fix="Confirm it once its window is over." if command == "confirm" and programme.due_at else None,
        )
    return programme.model_copy(update={"state": following, "version": programme.version + 1})


# -- assigning -----------------------------------------------------------------------------------------


def propose(
    programme: Programme,
    registrations: Sequence[Registration],
    mentees: Mapping[str, Mentee],
    mentors: Sequence[Mentor],
    apart: Collection[tuple[str, str]],
    now: datetime,
) -> dict[Mode, Proposal]:
    """The assignment in either mode. ``apart`` has pairs (mentee, mentor) that have a mentorship already.

    A mentee's list has the wishes that are possible in their order, then, unless these alone will do, who
    fits best. A mentor likes best whom they fit best; of two alike, who registered earlier.
    """
    from services.matching.domain import assignment  # compiled; the service starts without it

    registrations = sorted(registrations, key=lambda each: (each.registered_at, each.mentee_id))
    column = {mentor.member_id: at for at, mentor in enumerate(mentors)}
    excluded = {(each.mentee_id, each.mentor_id) for each in programme.exclusions} | set(apart)
    barred: dict[str, list[int]] = {}
    for mentee_id, mentor_id in excluded:
        if mentor_id in column:
            barred.setdefault(mentee_id, []).append(column[mentor_id])
    sought = [mentees[each.mentee_id].model_copy(update={"sought": each.skills}) for each in registrations]
    lists: list[NDArray[np.int32]] = []
    scores: list[fits.Matrix] = []
    terms: list[fits.Matrix] = []
    length = min(rules.WISHES, len(mentors))
    for begin in range(0, len(sought), _CHUNK):
        chunk = sought[begin : begin + _CHUNK]
        found = fits.fit(chunk, mentors, now)
        score = found.score
        if programme.across_organisations:
            score[fits.same_organisation(chunk, mentors)] = -1
        for row, mentee in enumerate(chunk):
            score[row, barred.get(mentee.member_id, [])] = -1
        best = (
            np.argpartition(-score, length - 1, axis=1)[:, :length] if length else np.empty((len(chunk), 0))
        )
        for row, registration in enumerate(registrations[begin : begin + _CHUNK]):
            wished = [column[each] for each in registration.wishes if each in column]
            listed = np.array([each for each in wished if score[row, each] >= 0], np.int32)
            if not registration.only_wishes:
                others = np.sort(best[row]).astype(np.int32)
                others = others[(score[row, others] > 0) & ~np.isin(others, listed)]
                others = others[np.argsort(-score[row, others], kind="stable")]
                listed = np.concatenate([listed, others])[: rules.WISHES]
            lists.append(listed)
            scores.append(score[row, listed])
            terms.append(np.stack([each[row, listed] for each in found if each is not found.allowed], axis=1))
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(each) for each in lists], out=starts[1:])
    flat = np.concatenate([np.empty(0, np.int32), *lists])
    order = np.argsort(-np.concatenate([np.empty(0, np.float32), *scores]), kind="stable")
    ranks = np.empty(len(flat), np.int32)
    ranks[order] = np.arange(len(flat), dtype=np.int32)
    places = np.array([each.free for each in mentors], np.int32)
    wishes = assignment.Wishes(starts, flat, ranks, places)
    proposals: dict[Mode, Proposal] = {}
    for mode in MODES:
        assigned = assignment.assign(wishes, mode)
        matched: list[Matched] = []
        unmatched: list[str] = []
        for at, registration in enumerate(registrations):
            got = assigned.mentor_of(wishes, at)
            if got is None:
                unmatched.append(registration.mentee_id)
                continue
            why = fits.reasons(
                fits.Terms(*map(float, terms[at][assigned.choices[at]])), sought[at], mentors[got]
            )
            mentor_id = mentors[got].member_id
            if mentor_id in registration.wishes:
                why.insert(0, f"number {registration.wishes.index(mentor_id) + 1} of your wishes")
            matched.append(Matched(registration.mentee_id, mentor_id, why))
        figures = assignment.figures(wishes, assigned)
        outcome = Outcome(**figures._asdict(), places=int(places.sum()))
        proposals[mode] = Proposal(mode, outcome, matched, unmatched, _digest(mode, matched))
    return proposals


_CHUNK = 500
"""Mentees scored at once: a matrix of these by all mentors is a few megabytes."""


def _digest(mode: Mode, matched: Sequence[Matched]) -> str:
    pairs = sorted(f"{each.mentee_id}\x1f{each.mentor_id}" for each in matched)
    return hashlib.sha256("\x1e".join([mode, *pairs]).encode()).hexdigest()[:32]
