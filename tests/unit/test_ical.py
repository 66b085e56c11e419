"""What calendar programs get of gatherings: read back, and expanded, by libraries that did not write it."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
import vobject
from dateutil.tz import tzical
from icalendar import Calendar, Event

from services.discussions.api import ical
from services.discussions.api.ical import Guest
from services.discussions.domain import gathering as gatherings
from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.gathering import Gathering
from services.discussions.domain.schedule import schedule
from tests.unit.test_gatherings_domain import ANN, DAY, HOUR, MONDAY, NOW, WEEK, change, once, planned, weekly

TITLE = "Sprechstunde für Bescheide 📅; mit Kaffee, Kuchen\\Tee"
AGENDA = "Zeile eins\nनमस्ते, दोस्तों; " + "ü🙂" * 9_000
ZONES = [
    "Europe/Copenhagen", "Europe/Dublin", "Asia/Kathmandu", "America/St_Johns", "America/New_York",
    "Africa/Casablanca", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia",
]  # fmt: skip


def answer(gathering: Gathering, reply: Any = "yes", waiting: bool = False) -> Rsvp:
    return Rsvp(
        thread_id="t", community_id="c", member_id="bob", reply=reply, waiting=waiting, at=NOW,
        next_at=gathering.next_at,
    )  # fmt: skip


def invited(gathering: Gathering, reply: Any = "yes") -> bytes:
    return ical.invitation(gathering, 'Ann "A" Ö', Guest("b@b", "Bob, B.", answer(gathering, reply)))


def events_of(content: bytes) -> list[Event]:
    return [each for each in Calendar.from_ical(content).walk("VEVENT") if isinstance(each, Event)]


def expanded(content: bytes) -> list[tuple[datetime, timedelta, str]]:
    """(start, duration, place) of every occurrence, by an independent library."""
    found = recurring_ical_events.of(Calendar.from_ical(content)).between(date(2026, 1, 1), date(2033, 1, 1))
    return sorted(
        (each["DTSTART"].dt.astimezone(UTC), each["DTEND"].dt - each["DTSTART"].dt, str(each["LOCATION"]))
        for each in found
    )


def wanted(gathering: Gathering) -> list[tuple[datetime, timedelta, str]]:
    return sorted(
        (each.starts_at, each.ends_at - each.starts_at, each.place)
        for each in gathering.occurrences()
        if not each.cancelled
    )


# -- the clocks of a place -----------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_the_clocks_of_a_zone_go_as_they_do(zone: str) -> None:
    content = ical.calendar([(gathering := planned(weekly(261, zone=zone)), answer(gathering))])
    (given,) = Calendar.from_ical(content).walk("VTIMEZONE")
    clocks = tzical(io.StringIO(given.to_ical().decode())).get(zone)
    known, at = ZoneInfo(zone), datetime(2026, 1, 1)
    while at < datetime(2032, 1, 1):
        # No clock shows what is left out, and what comes twice has two answers.
        if _clear(at, known):
            assert at.replace(tzinfo=clocks).utcoffset() == at.replace(tzinfo=known).utcoffset(), at
        at += 3 * HOUR


def _clear(at: datetime, zone: ZoneInfo) -> bool:
    return at.replace(tzinfo=zone).utcoffset() == at.replace(tzinfo=zone, fold=1).utcoffset()


@pytest.mark.parametrize("zone", ZONES)
def test_a_change_of_the_clocks_is_told_by_the_clocks_before_it(zone: str) -> None:
    content = ical.calendar([(gathering := planned(weekly(zone=zone)), answer(gathering))])
    (given,) = Calendar.from_ical(content).walk("VTIMEZONE")
    for part in given.subcomponents:
        earlier, later = part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td
        onsets = [part["DTSTART"].dt]
        if "RDATE" in part:
            onsets += [each.dt for each in part["RDATE"].dts]
        for onset in onsets:
            at = (onset - earlier).replace(tzinfo=UTC)
            assert at.astimezone(ZoneInfo(zone)).utcoffset() == later
            if earlier != later:
                before = (at - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
                assert before.utcoffset() == earlier


# -- what is read back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [*ZONES, "UTC"])
@pytest.mark.parametrize(
    "recurrence",
    [
        None,
        "FREQ=DAILY;COUNT=40",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=60",
        "FREQ=WEEKLY;UNTIL=20261130T235959Z",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=24",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR;COUNT=30",
        "FREQ=MONTHLY;BYMONTHDAY=2,-1;COUNT=24",
        "FREQ=YEARLY;BYMONTH=3,10;BYDAY=MO;WKST=SU;COUNT=20",
    ],
)
def test_another_library_finds_the_same_occurrences(zone: str, recurrence: str | None) -> None:
    start = MONDAY if recurrence else MONDAY + DAY  # Monday at ten is over in the east
    gathering = planned(weekly(zone=zone, recurrence=recurrence, start=start))
    for content in (invited(gathering), ical.calendar([(gathering, answer(gathering))])):
        assert expanded(content) == wanted(gathering)
    (event,) = vobject.readOne(invited(gathering).decode()).vevent_list
    starts = event.getrruleset(addRDate=True) if recurrence else [event.dtstart.value]
    # By the clocks there: vobject makes its own of them, and errs in some zones.
    assert [each.replace(tzinfo=None) for each in starts] == list(gathering.schedule.starts)


def test_another_library_finds_what_was_moved_and_not_what_was_let_be() -> None:
    gathering = planned(weekly(8, start=datetime(2026, 3, 9, 10)))
    gathering, _ = gatherings.change_occurrence(
        gathering, ANN, [], datetime(2026, 3, 30, 10), start=datetime(2026, 4, 1, 18, 30), minutes=90,
        place="Garten, hinten", address=None, now=NOW,
    )  # fmt: skip
    gathering, _ = gatherings.cancel_occurrence(gathering, ANN, [], datetime(2026, 3, 23, 10), NOW)
    content = ical.calendar([(gathering, answer(gathering))])
    assert expanded(content) == wanted(gathering)
    assert len(expanded(content)) == 7
    whole, moved = events_of(content)
    assert (whole["UID"], whole["SEQUENCE"]) == (moved["UID"], 2) == (moved["UID"], moved["SEQUENCE"])
    assert moved["RECURRENCE-ID"].dt == datetime(2026, 3, 30, 10, tzinfo=ZoneInfo("Europe/Copenhagen"))


def test_texts_come_back_as_they_were_written() -> None:
    gathering = once(
        title=TITLE, body=AGENDA, place="Raum 3; 2. Stock, links", address="https://x.example/?a=1,2;b"
    )
    content = invited(gathering)
    (event,) = events_of(content)
    other = vobject.readOne(content.decode()).vevent
    for name, text in (("summary", TITLE), ("description", AGENDA), ("location", gathering.place)):
        assert str(event[name]) == getattr(other, name).value == text
    assert str(event["url"]) == gathering.address
    assert event["organizer"].params["CN"] == "Ann 'A' Ö"
    assert str(event["attendee"]) == "mailto:b-b@guildhall.invalid"
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert b"\n" not in b"".join(lines)
    for line in lines:
        line.decode()  # no character is torn apart


def test_every_zone_but_utc_is_told() -> None:
    for zone, count in (("UTC", 0), ("Asia/Kathmandu", 1), ("Europe/Copenhagen", 1)):
        gathering = planned(weekly(zone=zone, recurrence=None, start=MONDAY + DAY))
        assert len(Calendar.from_ical(invited(gathering)).walk("VTIMEZONE")) == count
        assert expanded(invited(gathering)) == wanted(gathering)


def test_one_zone_is_told_once_for_all_its_gatherings() -> None:
    early = once()
    late = planned(weekly(recurrence=None, start=datetime(2030, 7, 1, 10)))
    late = late.model_copy(update={"thread_id": "other"})
    content = ical.calendar([(early, answer(early)), (late, answer(late, "maybe"))])
    read = Calendar.from_ical(content)
    assert len(read.walk("VTIMEZONE")) == 1
    assert [str(each["TRANSP"]) for each in read.walk("VEVENT")] == ["OPAQUE", "TRANSPARENT"]
    assert {each[0] for each in expanded(content)} == {early.next_at, late.next_at}


@pytest.mark.parametrize(
    ("reply", "waiting", "told"),
    [
        ("yes", False, "ACCEPTED"), ("yes", True, "TENTATIVE"), ("maybe", False, "TENTATIVE"),
        ("no", False, "DECLINED"), (None, False, "NEEDS-ACTION"),
    ],
)  # fmt: skip
def test_an_invitation_knows_what_was_answered(reply: Any, waiting: bool, told: str) -> None:
    rsvp = answer(once(), reply, waiting) if reply else None
    (event,) = events_of(ical.invitation(once(), "Ann", Guest("bob", "Bob", rsvp)))
    assert event["attendee"].params["PARTSTAT"] == told


def test_a_change_and_a_cancellation_are_known_as_such() -> None:
    gathering = planned()
    changed, _ = change(gathering, title="Later", schedule=weekly(start=MONDAY + HOUR))
    cancelled, _ = gatherings.cancel(changed, ANN, [], "Ill", NOW + DAY)
    told = []
    for each in (gathering, changed, cancelled):
        content = invited(each)
        (event,) = events_of(content)
        told.append((str(Calendar.from_ical(content)["METHOD"]), str(event["STATUS"]), event["SEQUENCE"]))
        assert event["UID"] == "t@guildhall.invalid"
    assert told == [("REQUEST", "CONFIRMED", 0), ("REQUEST", "CONFIRMED", 1), ("CANCEL", "CANCELLED", 2)]


def test_what_the_clocks_leave_out_is_kept_at_its_moment() -> None:
    when = schedule(datetime(2026, 3, 22, 2, 30), "Europe/Copenhagen", 60, "FREQ=WEEKLY;COUNT=3")
    occurrences = planned(when).occurrences()
    assert [each.starts_at.hour for each in occurrences] == [1, 1, 0]
    (event,) = events_of(invited(planned(when)))
    assert event["DTSTART"].dt.replace(tzinfo=None) == when.start
    assert event["DURATION"].dt == HOUR
    assert occurrences[2].start - occurrences[0].start == WEEK * 2


def test_nothing_to_come_is_a_calendar_too() -> None:
    assert events_of(ical.calendar([])) == []
