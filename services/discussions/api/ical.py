"""Gatherings as iCalendar (RFC 5545, 5546), for calendar programs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import (
    Calendar,
    Event,
    Timezone,
    TimezoneDaylight,
    TimezoneStandard,
    vCalAddress,
    vRecur,
)

from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.gathering import Gathering, Occurrence

PRODUCT = "-//Guildhall//Gatherings//EN"
_DAY = timedelta(days=1)
_YEARS = 6
"""For so many years at least the clocks of a zone are told: some programs keep what they were told first."""


class Guest(NamedTuple):
    """For whom the calendar is, and what they answered."""

    member_id: str
    name: str
    rsvp: Rsvp | None


def calendar(gatherings: Sequence[tuple[Gathering, Rsvp]]) -> bytes:
    """A calendar to subscribe to."""
    made = _calendar([gathering for gathering, _ in gatherings])
    made.add("x-wr-calname", "Guildhall")
    made.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for gathering, rsvp in gatherings:
        for event in _events(gathering):
            event.add("transp", "TRANSPARENT" if rsvp.reply == "maybe" else "OPAQUE")
            made.add_component(event)
    return bytes(made.to_ical())


def invitation(gathering: Gathering, host: str, guest: Guest) -> bytes:
    """One gathering to put into a calendar (REQUEST), or to take out of it (CANCEL)."""
    made = _calendar([gathering])
    made.add("method", method_of(gathering))
    for event in _events(gathering):
        event.add("organizer", _address(gathering.author_id, host))
        attendee = _address(guest.member_id, guest.name)
        attendee.params["PARTSTAT"] = _answer(guest.rsvp)
        attendee.params["RSVP"] = "FALSE"
        event.add("attendee", attendee)
        made.add_component(event)
    return bytes(made.to_ical())


def method_of(gathering: Gathering) -> Literal["REQUEST", "CANCEL"]:
    """What the calendar program is told to do (RFC 5546)."""
    return "CANCEL" if gathering.state == "cancelled" else "REQUEST"


def _answer(rsvp: Rsvp | None) -> str:
    if rsvp is None:
        return "NEEDS-ACTION"
    if rsvp.waiting:
        return "TENTATIVE"
    return {"yes": "ACCEPTED", "no": "DECLINED", "maybe": "TENTATIVE"}[rsvp.reply]


def _address(member_id: str, name: str) -> vCalAddress:
    """Programs insist on a mail address. None is known here: this one is nobody's, for ever (RFC 2606)."""
    local = re.sub(r"[^A-Za-z0-9._-]", "-", member_id)
    address = vCalAddress(f"mailto:{local}@guildhall.invalid")
    address.params["CN"] = name.replace('"', "'")
    return address


def _calendar(gatherings: Iterable[Gathering]) -> Calendar:
    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    spans: defaultdict[str, list[datetime]] = defaultdict(list)
    for gathering in gatherings:
        occurrences = gathering.occurrences()
        spans[gathering.schedule.zone] += [each.starts_at for each in occurrences]
        spans[gathering.schedule.zone] += [each.ends_at for each in occurrences]
    for zone, moments in sorted(spans.items()):
        if zone != "UTC":
            first, last = min(moments).year, max(moments).year
            made.add_component(_zone(zone, first, max(last, first + _YEARS)))
    return made


def _events(gathering: Gathering) -> list[Event]:
    """The rule with what it leaves out, and an event of its own for each occurrence that was moved."""
    zone = ZoneInfo(gathering.schedule.zone)
    occurrences = gathering.occurrences()
    whole = _event(gathering, gathering.place, gathering.address)
    whole.add("dtstart", gathering.schedule.start.replace(tzinfo=zone))
    whole.add("duration", timedelta(minutes=gathering.schedule.minutes))
    if gathering.schedule.recurrence:
        whole.add("rrule", vRecur.from_ical(gathering.schedule.recurrence))
    for each in occurrences:
        if each.cancelled:
            whole.add("exdate", each.occurrence.replace(tzinfo=zone))
    return [whole, *(_moved(gathering, each, zone) for each in occurrences if each.moved)]


def _moved(gathering: Gathering, occurrence: Occurrence, zone: ZoneInfo) -> Event:
    event = _event(gathering, occurrence.place, occurrence.address)
    event.add("recurrence-id", occurrence.occurrence.replace(tzinfo=zone))
    event.add("dtstart", occurrence.start.replace(tzinfo=zone))
    event.add("duration", timedelta(minutes=occurrence.minutes))
    return event


def _event(gathering: Gathering, place: str, address: str | None) -> Event:
    event = Event()
    event.add("uid", f"{gathering.thread_id}@guildhall.invalid")
    event.add("sequence", gathering.sequence)
    event.add("dtstamp", gathering.updated_at.replace(microsecond=0))
    event.add("summary", gathering.title)
    event.add("description", gathering.body)
    event.add("status", "CANCELLED" if gathering.state == "cancelled" else "CONFIRMED")
    event.add("location", place or address)
    if address:
        event.add("url", address)
    if gathering.tags:
        event.add("categories", gathering.tags)
    return event


# The library finds the changes of the clocks by leaps of months and gives them in the new time. It misses
# short periods (Morocco's Ramadan), and is an hour off where a gathering is near a change.
@lru_cache(maxsize=500)
def _zone(name: str, first_year: int, last_year: int) -> Timezone:
    """The clocks of a zone in some years: from which moment on they went how."""
    zone = ZoneInfo(name)
    made = Timezone()
    made.add("tzid", name)
    onsets: defaultdict[tuple[timedelta, timedelta, str, bool], list[datetime]] = defaultdict(list)
    begin = datetime(first_year, 1, 1, tzinfo=UTC) - _DAY
    for at, before in [(begin, begin), *_changes(zone, begin, datetime(last_year + 1, 1, 2, tzinfo=UTC))]:
        was, now = before.astimezone(zone), at.astimezone(zone)
        offset, earlier = now.utcoffset() or timedelta(), was.utcoffset() or timedelta()
        onset = (at + earlier).replace(tzinfo=None)  # an onset is told by the clocks before it
        onsets[earlier, offset, now.tzname() or name, bool(now.dst())].append(onset)
    for (earlier, offset, called, daylight), times in onsets.items():
        part = TimezoneDaylight() if daylight else TimezoneStandard()
        part.add("dtstart", times[0])
        part.add("tzoffsetfrom", earlier)
        part.add("tzoffsetto", offset)
        part.add("tzname", called)
        if times[1:]:
            part.add("rdate", times[1:])
        made.add_component(part)
    return made


def _changes(zone: ZoneInfo, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """(the first moment of a new time, the last second of the one before); no two of them are in one day."""
    found = []
    at = begin
    while at < end:
        following = at + _DAY
        if _clock(at, zone) != _clock(following, zone):
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if _clock(middle, zone) == _clock(at, zone) else (low, middle)
            found.append((high, low))
        at = following
    return found


def _clock(at: datetime, zone: ZoneInfo) -> tuple[timedelta | None, str | None]:
    local = at.astimezone(zone)
    return local.utcoffset(), local.tzname()
