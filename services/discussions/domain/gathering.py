"""A gathering: when and where a community meets, what becomes of it, and what was noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Participant, require_author_or_curator
from services.discussions.domain.limits import ATTENDEES, GATHERING_AHEAD
from services.discussions.domain.schedule import Local, Schedule, ends, moment
from services.discussions.domain.thread import Thread
from shared.contracts.content import (
    GatheringCancelled,
    GatheringChange,
    GatheringChanged,
    GatheringEvent,
    GatheringHeld,
    GatheringScheduled,
)
from shared.errors import BadInput, Conflict, NotFound

GatheringState = Literal["scheduled", "held", "notes-published", "cancelled"]
Command = Literal["change", "hold", "cancel", "publish-notes"]

TRANSITIONS: Mapping[GatheringState, Mapping[Command, GatheringState]] = {
    "scheduled": {
        "change": "scheduled",
        "hold": "held",
        "cancel": "cancelled",
        "publish-notes": "scheduled",
    },
    "held": {"publish-notes": "notes-published"},
    "notes-published": {"publish-notes": "notes-published"},
    "cancelled": {},
}
"""What leads where. A recurring gathering is held when its last occurrence is over; notes of those before can
be published meanwhile."""


class Exemption(BaseModel):
    """What is different with one occurrence, which the rule's local start names."""

    model_config = ConfigDict(frozen=True)

    occurrence: Local
    cancelled: bool
    start: Local
    minutes: int
    place: str
    address: str | None


class Occurrence(NamedTuple):
    """One time that a gathering takes place."""

    occurrence: datetime
    """The local start by the rule: what it is called, wherever it is moved to."""
    start: datetime
    """The local start."""
    starts_at: datetime
    ends_at: datetime
    minutes: int
    place: str
    address: str | None
    cancelled: bool
    moved: bool


class Notes(BaseModel):
    """What was noted of one occurrence."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    community_id: str
    occurrence: Local
    author_id: str
    text: str
    revision: int
    at: datetime


class Gathering(Thread):
    """A gathering. ``body`` is its agenda, ``sequence`` counts what calendars must know."""

    kind: Literal["gathering"] = "gathering"
    state: GatheringState = "scheduled"
    schedule: Schedule
    place: str
    address: str | None
    capacity: int | None
    going: int = 0
    waiting: int = 0
    maybe: int = 0
    exemptions: list[Exemption] = Field(default_factory=list)
    sequence: int = 0
    over_until: datetime | None = None
    """The end of the latest occurrence that was held: no clock that goes back brings it back."""
    next_at: datetime | None = None
    """The start of the next occurrence, or of the present one; None when all is over."""
    next_ends_at: datetime | None = None

    @property
    def places(self) -> int:
        """How many can come."""
        return self.capacity or ATTENDEES

    def occurrences(self) -> list[Occurrence]:
        """All of them, cancelled ones too, in the rule's order."""
        exempt = {exemption.occurrence: exemption for exemption in self.exemptions}
        return [self._occurrence(start, exempt.get(start)) for start in self.schedule.starts]

    def _occurrence(self, named: datetime, exempt: Exemption | None) -> Occurrence:
        start, minutes = (exempt.start, exempt.minutes) if exempt else (named, self.schedule.minutes)
        starts_at = moment(start, self.schedule.zone)
        return Occurrence(
            named,
            start,
            starts_at,
            ends(starts_at, minutes),
            minutes,
            exempt.place if exempt else self.place,
            exempt.address if exempt else self.address,
            cancelled=exempt is not None and exempt.cancelled,
            moved=exempt is not None and not exempt.cancelled,
        )

    def named(self, occurrence: datetime) -> Occurrence:
        """The occurrence of that name. Raises ``NotFound``."""
        found = next((each for each in self.occurrences() if each.occurrence == occurrence), None)
        if found is None:
            raise NotFound(
                "no-such-occurrence", "It does not take place then.", fix="Name it by its start in the rule."
            )
        return found

    def looking_ahead(self, now: datetime | None = None) -> Gathering:
        """The gathering with what comes next after what was held; after ``now``, where that is given."""
        after = max((each for each in (self.over_until, now) if each is not None), default=None)
        coming = [
            each
            for each in self.occurrences()
            if not each.cancelled and (after is None or each.ends_at > after)
        ]
        following = min(coming, key=lambda each: each.ends_at, default=None)
        return self.model_copy(
            update={
                "next_at": following and following.starts_at,
                "next_ends_at": following and following.ends_at,
            }
        )


def no_such_gathering() -> NotFound:
    """Also for one that exists, but not for the one who asks."""
    return NotFound("no-such-gathering", "There is no such gathering.", fix="Check its id.")


def plan(
    thread_id: str,
    author: Participant,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    schedule: Schedule,
    place: str,
    address: str | None,
    capacity: int | None,
    now: datetime,
) -> tuple[Gathering, GatheringScheduled]:
    """Invite the community."""
    _check(schedule, place, address, now)
    gathering = Gathering(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        posted_at=now,
        updated_at=now,
        schedule=schedule,
        place=place,
        address=address,
        capacity=capacity,
    ).looking_ahead()
    return gathering, GatheringScheduled(**_whole(gathering))


def take_over(
    thread_id: str,
    author: Participant,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    schedule: Schedule,
    place: str,
    address: str | None,
    capacity: int | None,
    exemptions: Sequence[Exemption],
    sequence: int,
    going: int,
    cancelled_at: datetime | None,
    at: datetime,
    now: datetime,
) -> tuple[Gathering, list[tuple[datetime, GatheringEvent]]]:
    """A gathering that was planned elsewhere, and its events with their times. What is over by ``now`` is
    past: only the latest of it is told, when it was. ``going`` is how many came; their answers follow."""
    _placed(place, address)
    _excepted(schedule, exemptions)
    if any(moment(each, schedule.zone) > now + GATHERING_AHEAD for each in _starts(schedule, exemptions)):
        raise _past("/start")
    gathering = Gathering(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        posted_at=at,
        updated_at=at,
        schedule=schedule,
        place=place,
        address=address,
        capacity=capacity,
        exemptions=sorted(exemptions, key=lambda each: each.occurrence),
        sequence=sequence,
    )
    until = now if cancelled_at is None else min(now, cancelled_at)
    over = (each for each in gathering.occurrences() if not each.cancelled and each.ends_at <= until)
    latest = max(over, key=lambda each: each.ends_at, default=None)
    gathering = gathering.model_copy(update={"over_until": latest and latest.ends_at}).looking_ahead()
    events: list[tuple[datetime, GatheringEvent]] = [(at, GatheringScheduled(**_whole(gathering)))]
    if latest is None:
        _goes_on(gathering)
    else:
        last = gathering.next_at is None and cancelled_at is None
        gathering = gathering.then(state=TRANSITIONS["scheduled"]["hold"] if last else "scheduled")
        counted = gathering.model_copy(update={"going": going})
        events.append((latest.ends_at, _held(counted, latest.starts_at, latest.ends_at)))
    if cancelled_at is not None:
        gathering = _without_future(gathering, TRANSITIONS["scheduled"]["cancel"])
        events.append((cancelled_at, _cancelled(gathering, author.member_id, "", [])))
    return gathering, events


def _starts(schedule: Schedule, exemptions: Sequence[Exemption]) -> list[datetime]:
    return [schedule.start, *(each.start for each in exemptions)]


def _excepted(schedule: Schedule, exemptions: Sequence[Exemption]) -> None:
    named = [each.occurrence for each in exemptions]
    if len(set(named)) < len(named) or not set(named) <= set(schedule.starts):
        raise BadInput(
            "no-such-occurrence",
            "Each exception is from another occurrence of the rule.",
            field="/exceptions",
            fix="Name each by its start in the rule, once.",
        )
    for each in exemptions:
        _placed(each.place, each.address)


def change(
    gathering: Gathering,
    actor: Participant,
    tell: Sequence[str],
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    schedule: Schedule,
    place: str,
    address: str | None,
    capacity: int | None,
    now: datetime,
) -> tuple[Gathering, GatheringChanged]:
    """Change the gathering as a whole. What was different with single occurrences stays where there still
    are such, in the same zone; whoever has a place keeps it, though the capacity be less."""
    _may(gathering, actor, "change")
    if schedule != gathering.schedule:
        _check(schedule, place, address, now)
    else:
        _placed(place, address)
    starts = set(schedule.starts)
    changed_ = gathering.then(
        title=title,
        body=body,
        tags=list(tags),
        schedule=schedule,
        place=place,
        address=address,
        capacity=capacity,
        exemptions=[each for each in gathering.exemptions if each.occurrence in starts]
        if schedule.zone == gathering.schedule.zone
        else [],
        revision=gathering.revision + 1,
        sequence=gathering.sequence + 1,
        updated_at=now,
    ).looking_ahead(now)
    _goes_on(changed_)
    return changed_, changed(changed_, actor.member_id, "whole", tell)


def change_occurrence(
    gathering: Gathering,
    actor: Participant,
    tell: Sequence[str],
    occurrence: datetime,
    *,
    start: datetime,
    minutes: int,
    place: str,
    address: str | None,
    now: datetime,
) -> tuple[Gathering, GatheringChanged]:
    """Move one occurrence, or hold it elsewhere."""
    _may(gathering, actor, "change")
    _to_come(gathering, occurrence, now)
    _placed(place, address)
    if not now < moment(start, gathering.schedule.zone) <= now + GATHERING_AHEAD:
        raise _past("/start")
    exempt = Exemption(
        occurrence=occurrence, cancelled=False, start=start, minutes=minutes, place=place, address=address
    )
    return _exempted(gathering, actor, tell, exempt, "occurrence", now)


def cancel_occurrence(
    gathering: Gathering, actor: Participant, tell: Sequence[str], occurrence: datetime, now: datetime
) -> tuple[Gathering, GatheringChanged]:
    """Let one occurrence be; the last one that is left is cancelled with the gathering."""
    _may(gathering, actor, "change")
    present = _to_come(gathering, occurrence, now)
    exempt = Exemption(
        occurrence=occurrence,
        cancelled=True,
        start=present.start,
        minutes=present.minutes,
        place=present.place,
        address=present.address,
    )
    return _exempted(gathering, actor, tell, exempt, "occurrence-cancelled", now)


def _exempted(
    gathering: Gathering,
    actor: Participant,
    tell: Sequence[str],
    exempt: Exemption,
    what: GatheringChange,
    now: datetime,
) -> tuple[Gathering, GatheringChanged]:
    others = [each for each in gathering.exemptions if each.occurrence != exempt.occurrence]
    after = gathering.then(
        exemptions=sorted([*others, exempt], key=lambda each: each.occurrence),
        revision=gathering.revision + 1,
        sequence=gathering.sequence + 1,
        updated_at=now,
    ).looking_ahead(now)
    _goes_on(after)
    return after, changed(after, actor.member_id, what, tell, exempt.occurrence)


def cancel(
    gathering: Gathering, actor: Participant, tell: Sequence[str], reason: str, now: datetime
) -> tuple[Gathering, GatheringCancelled]:
    """It will not take place, or no more."""
    following = _may(gathering, actor, "cancel")
    gathering = _without_future(gathering, following).model_copy(
        update={"sequence": gathering.sequence + 1, "updated_at": now}
    )
    return gathering, _cancelled(gathering, actor.member_id, reason, tell)


def _without_future(gathering: Gathering, state: GatheringState) -> Gathering:
    return gathering.then(state=state, next_at=None, next_ends_at=None)


def _cancelled(
    gathering: Gathering, cancelled_by: str, reason: str, tell: Sequence[str]
) -> GatheringCancelled:
    return GatheringCancelled(
        thread_id=gathering.thread_id,
        version=gathering.version,
        community_id=gathering.community_id,
        author_id=gathering.author_id,
        title=gathering.title,
        cancelled_by=cancelled_by,
        reason=reason,
        tell=list(tell),
    )


def pass_time(gathering: Gathering, now: datetime) -> tuple[Gathering, list[GatheringHeld]]:
    """What is over by ``now`` was held: each occurrence, in order, and with the last one the gathering."""
    events = []
    while gathering.state == "scheduled" and gathering.next_ends_at and gathering.next_ends_at <= now:
        starts_at, ends_at = gathering.next_at, gathering.next_ends_at
        assert starts_at is not None
        after = gathering.then(over_until=ends_at).looking_ahead()
        if after.next_at is None:
            after = after.model_copy(update={"state": TRANSITIONS["scheduled"]["hold"]})
        gathering = after
        events.append(_held(gathering, starts_at, ends_at))
    return gathering, events


def _held(gathering: Gathering, starts_at: datetime, ends_at: datetime) -> GatheringHeld:
    return GatheringHeld(
        thread_id=gathering.thread_id,
        version=gathering.version,
        community_id=gathering.community_id,
        author_id=gathering.author_id,
        title=gathering.title,
        starts_at=starts_at,
        ends_at=ends_at,
        going=gathering.going,
        last=gathering.state == "held",
    )


def publish_notes(
    gathering: Gathering,
    actor: Participant,
    tell: Sequence[str],
    earlier: Notes | None,
    occurrence: datetime,
    text: str,
    now: datetime,
) -> tuple[Gathering, Notes, GatheringChanged]:
    """Publish what was noted of an occurrence that was held; or edit it."""
    following = _may(gathering, actor, "publish-notes")
    if not _took_place(gathering, gathering.named(occurrence)):
        raise _not_held()
    gathering = gathering.then(state=following, updated_at=now)
    return _noted(gathering, actor.member_id, tell, earlier, occurrence, text, now)


def take_over_notes(
    gathering: Gathering, author_id: str, occurrence: datetime, text: str, at: datetime
) -> tuple[Gathering, Notes, GatheringChanged]:
    """What was noted elsewhere, in whatever state the gathering is; nobody is told. The rule may have changed
    since, and not name the occurrence any more."""
    held = any(
        _took_place(gathering, each) for each in gathering.occurrences() if each.occurrence == occurrence
    )
    if not held and moment(occurrence, gathering.schedule.zone) > at:
        raise _not_held()
    gathering = gathering.then(
        state=TRANSITIONS[gathering.state].get("publish-notes", gathering.state),
        updated_at=max(at, gathering.updated_at),
    )
    return _noted(gathering, author_id, [], None, occurrence, text, at)


def _took_place(gathering: Gathering, of: Occurrence) -> bool:
    return not of.cancelled and gathering.over_until is not None and of.ends_at <= gathering.over_until


def _not_held() -> Conflict:
    return Conflict("not-held", "There are no notes of what did not take place yet.")


def _noted(
    gathering: Gathering,
    author_id: str,
    tell: Sequence[str],
    earlier: Notes | None,
    occurrence: datetime,
    text: str,
    now: datetime,
) -> tuple[Gathering, Notes, GatheringChanged]:
    notes = Notes(
        thread_id=gathering.thread_id,
        community_id=gathering.community_id,
        occurrence=occurrence,
        author_id=author_id,
        text=text,
        revision=earlier.revision + 1 if earlier else 1,
        at=now,
    )
    return gathering, notes, changed(gathering, author_id, "notes-published", tell, occurrence)


def changed(
    gathering: Gathering,
    changed_by: str | None,
    what: GatheringChange,
    tell: Sequence[str],
    occurrence: datetime | None = None,
) -> GatheringChanged:
    """The event that tells what it is now, and whom that concerns."""
    return GatheringChanged(
        **_whole(gathering),
        changed_by=changed_by,
        change=what,
        occurrence=occurrence and occurrence.isoformat(timespec="minutes"),
        tell=[member_id for member_id in tell if member_id != changed_by],
    )


def _whole(gathering: Gathering) -> dict[str, object]:
    same = {"thread_id", "version", "community_id", "author_id", "title", "body", "tags", "next_at"}
    return {
        **gathering.model_dump(include=same | {"place", "address", "sequence"}),
        **gathering.schedule.model_dump(),
    }


def _may(gathering: Gathering, actor: Participant, command: Command) -> GatheringState:
    what = {"publish-notes": "publish notes of"}.get(command, command)
    require_author_or_curator(actor, gathering.author_id, f"{what} this gathering")
    following = TRANSITIONS[gathering.state].get(command)
    if following is None:
        raise Conflict(
            "wrong-gathering-state", f"What is {gathering.state} cannot be told to {command} any more."
        )
    return following


def _check(schedule: Schedule, place: str, address: str | None, now: datetime) -> None:
    _placed(place, address)
    first = moment(schedule.start, schedule.zone)
    last = ends(moment(schedule.starts[-1], schedule.zone), schedule.minutes)
    if last <= now or first > now + GATHERING_AHEAD:
        raise _past("/start")


def _placed(place: str, address: str | None) -> None:
    if not place and not address:
        raise BadInput(
            "no-place", "A gathering is somewhere.", field="/place", fix="Name a place, an address or both."
        )


def _to_come(gathering: Gathering, occurrence: datetime, now: datetime) -> Occurrence:
    found = gathering.named(occurrence)
    if found.ends_at <= max(now, gathering.over_until or now):
        raise Conflict("occurrence-over", "It is over.")
    if found.cancelled:
        raise Conflict("occurrence-cancelled", "It is cancelled.")
    return found


def _goes_on(gathering: Gathering) -> None:
    if gathering.next_at is None:
        raise Conflict("none-left", "So it would never take place again.", fix="Cancel the gathering.")


def _past(field: str) -> BadInput:
    return BadInput(
        "not-ahead",
        f"It must be after now, and within {GATHERING_AHEAD.days} days.",
        field=field,
        fix="Choose another time.",
    )
