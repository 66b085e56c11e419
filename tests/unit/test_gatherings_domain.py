"""The rules of gatherings: when they take place by the clocks there, what becomes of them, and who comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.discussions.domain import attendance
from services.discussions.domain import gathering as gatherings
from services.discussions.domain.access import Participant
from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.gathering import TRANSITIONS, Command, Gathering, GatheringState
from services.discussions.domain.limits import ATTENDEES, GATHERING_OCCURRENCES
from services.discussions.domain.schedule import Schedule, moment, schedule
from shared.errors import BadInput, Conflict, Forbidden, NotFound, Rejected

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MONDAY = datetime(2026, 3, 2, 10, 0)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def person(name: str, role: Any = "member") -> Participant:
    return Participant(member_id=name, community_id="c", role=role, org_id="city", joined_at=NOW)


ANN, BOB, FAY = person("ann"), person("bob"), person("fay", "facilitator")


def weekly(count: int = 4, **fields: Any) -> Schedule:
    return schedule(**{
        "start": MONDAY, "zone": "Europe/Copenhagen", "minutes": 60,
        "recurrence": f"FREQ=WEEKLY;COUNT={count}",
    } | fields)  # fmt: skip


def planned(when: Schedule | None = None, **fields: Any) -> Gathering:
    gathering, event = gatherings.plan("t", ANN, now=NOW, **{
        "title": "Clinic", "body": "…", "tags": [], "place": "Room 3", "address": None, "capacity": None,
        "schedule": when or weekly(),
    } | fields)  # fmt: skip
    assert (event.version, event.next_at, event.sequence) == (1, gathering.next_at, 0)
    return gathering


def once(**fields: Any) -> Gathering:
    return planned(weekly(recurrence=None), **fields)


def change(gathering: Gathering, actor: Participant = ANN, now: datetime = NOW, **fields: Any) -> Any:
    whole = {
        name: getattr(gathering, name)
        for name in ("title", "body", "tags", "schedule", "place", "address", "capacity")
    }
    return gatherings.change(gathering, actor, ["bob", "ann"], now=now, **whole | fields)


# -- schedules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "start", "offsets"),
    [
        ("Europe/Copenhagen", datetime(2026, 3, 23, 10), [1, 2, 2]),  # forward on 29 March
        ("Europe/Copenhagen", datetime(2026, 10, 19, 10), [2, 1, 1]),  # back on 25 October
        ("America/New_York", datetime(2026, 3, 2, 10), [-5, -4, -4]),
        ("Australia/Lord_Howe", datetime(2026, 3, 30, 10), [11, 10.5, 10.5]),  # by half an hour
        ("Asia/Kathmandu", datetime(2026, 3, 23, 10), [5.75, 5.75, 5.75]),
        ("UTC", datetime(2026, 3, 23, 10), [0, 0, 0]),
    ],
)
def test_a_recurring_gathering_stays_at_its_local_time(
    zone: str, start: datetime, offsets: list[float]
) -> None:
    gathering = planned(weekly(3, zone=zone, start=start))
    for number, (each, offset) in enumerate(zip(gathering.occurrences(), offsets, strict=True)):
        assert each.start == start + number * WEEK
        assert each.starts_at == (each.start - timedelta(hours=offset)).replace(tzinfo=UTC)
        assert each.ends_at - each.starts_at == HOUR


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        (datetime(2026, 3, 29, 1, 59), datetime(2026, 3, 29, 0, 59)),
        (
            datetime(2026, 3, 29, 2, 30),
            datetime(2026, 3, 29, 1, 30),
        ),  # left out: as if the clocks had not moved
        (datetime(2026, 3, 29, 3, 0), datetime(2026, 3, 29, 1, 0)),
        (datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30)),  # comes twice: the first
        (datetime(2026, 10, 25, 3, 0), datetime(2026, 10, 25, 2, 0)),
    ],
)
def test_local_times_that_are_left_out_or_come_twice(local: datetime, utc: datetime) -> None:
    assert moment(local, "Europe/Copenhagen") == utc.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("recurrence", "days"),
    [
        ("FREQ=DAILY;COUNT=3", [2, 3, 4]),
        ("freq=daily;interval=2;count=3", [2, 4, 6]),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", [2, 5, 9, 12]),
        ("FREQ=MONTHLY;BYDAY=1MO,-1TU;COUNT=3", [2, 31, 37]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=2", [2, 31 + 1]),
        ("FREQ=MONTHLY;BYMONTHDAY=2,-1;COUNT=3", [2, 31, 31 + 2]),
        ("FREQ=WEEKLY;UNTIL=20260316T090000Z", [2, 9, 16]),  # it begins at that very moment
        ("FREQ=WEEKLY;UNTIL=20260316T085959Z", [2, 9]),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=MO;WKST=SU;COUNT=2", [2, 9]),
    ],
)
def test_rules(recurrence: str, days: list[int]) -> None:
    first = datetime(2026, 3, 1, 10)
    starts = weekly(recurrence=recurrence).starts
    assert list(starts) == [first + (day - 1) * DAY for day in days]


@pytest.mark.parametrize(
    "recurrence",
    [
        "", "WEEKLY", "FREQ=WEEKLY", "COUNT=3", "FREQ=HOURLY;COUNT=3", "FREQ=SECONDLY;COUNT=9",
        "FREQ=WEEKLY;COUNT=0", "FREQ=WEEKLY;COUNT=-1", "FREQ=WEEKLY;COUNT=3;UNTIL=20260316T090000Z",
        "FREQ=WEEKLY;UNTIL=20260316", "FREQ=WEEKLY;UNTIL=20260316T090000",
        "FREQ=WEEKLY;UNTIL=20261399T090000Z",
        "FREQ=WEEKLY;COUNT=3;COUNT=4", "FREQ=WEEKLY;COUNT=3;BYHOUR=1,2", "FREQ=WEEKLY;COUNT=3;X=1",
        "FREQ=WEEKLY;BYDAY=1MO;COUNT=3", "FREQ=WEEKLY;BYMONTHDAY=2;COUNT=3", "FREQ=WEEKLY;BYDAY=XX;COUNT=3",
        "FREQ=DAILY;BYSETPOS=1;COUNT=3", "FREQ=MONTHLY;BYMONTHDAY=0;COUNT=2", "FREQ=DAILY;INTERVAL=0;COUNT=2",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=3",  # not on the start
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2",  # on no day at all
        "FREQ=DAILY;COUNT=367", "FREQ=YEARLY;COUNT=7", "FREQ=MONTHLY;UNTIL=20360101T000000Z",
        "FREQ=DAILY;UNTIL=20270901T000000Z", "FREQ=WEEKLY;UNTIL=20260101T000000Z",
        "FREQ=WEEKLY;COUNT=3\nX-EVIL:1",
    ],
)  # fmt: skip
def test_rules_that_are_none(recurrence: str) -> None:
    with pytest.raises(BadInput, match="bad-recurrence"):
        weekly(recurrence=recurrence)


@pytest.mark.parametrize("zone", ["", "CET+1", "Europe/Atlantis", "../../etc/passwd", "europe/copenhagen"])
def test_zones_that_are_none(zone: str) -> None:
    with pytest.raises(BadInput, match="unknown-time-zone"):
        weekly(zone=zone)


@settings(max_examples=40)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.integers(1, 20),
    st.integers(1, 5),
    st.sampled_from(["Europe/Copenhagen", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca"]),
    st.datetimes(datetime(2026, 3, 3), datetime(2027, 3, 1)),
)
def test_occurrences_are_in_order_and_keep_their_time(
    freq: str, count: int, interval: int, zone: str, start: datetime
) -> None:
    start = start.replace(second=0, microsecond=0)
    try:
        when = weekly(recurrence=f"FREQ={freq};INTERVAL={interval};COUNT={count}", zone=zone, start=start)
    except BadInput:  # the 31st, five years on ...
        return
    assert len(when.starts) == count <= GATHERING_OCCURRENCES
    assert list(when.starts) == sorted(set(when.starts))
    for each in planned(when).occurrences():
        local = each.starts_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert each.start.time() == start.time()
        assert local - each.start in (timedelta(), HOUR)  # an hour where the clocks leave it out
    assert Schedule.model_validate(when.model_dump()) == when


# -- what becomes of it --------------------------------------------------------------------------------


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(GatheringState))
    reached: set[str] = set()
    todo: list[GatheringState] = ["scheduled"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]
    assert reached == set(TRANSITIONS)
    assert {command for row in TRANSITIONS.values() for command in row} == set(get_args(Command))


STEPS = st.one_of(
    st.tuples(st.just("time"), st.integers(-3, 12)),
    st.tuples(st.sampled_from(["change", "cancel", "notes", "move", "skip"]), st.integers(0, 3)),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(STEPS, st.sampled_from(["ann", "bob", "fay"])), max_size=14))
def test_any_sequence_keeps_to_the_table(steps: list[tuple[tuple[str, int], str]]) -> None:
    people = {"ann": ANN, "bob": BOB, "fay": FAY}
    gathering, now, versions, held = planned(), NOW, [1], 0
    for (what, number), who in steps:
        before, actor, named = gathering, people[who], MONDAY + number * WEEK
        try:
            match what:
                case "time":
                    now += number * DAY  # clocks go back, too
                    gathering, events = gatherings.pass_time(gathering, now)
                    held += len(events)
                    assert [event.last for event in events[:-1]] == [False] * len(events[:-1])
                    versions += [event.version for event in events]
                case "change":
                    gathering, event = change(gathering, actor, now, title="Other")
                    versions.append(event.version)
                case "cancel":
                    gathering, cancelled = gatherings.cancel(gathering, actor, ["bob"], "Ill", now)
                    versions.append(cancelled.version)
                case "notes":
                    gathering, _, event = gatherings.publish_notes(
                        gathering, actor, [], None, named, "…", now
                    )
                    versions.append(event.version)
                case "move":
                    gathering, event = gatherings.change_occurrence(
                        gathering, actor, [], named, start=named + 2 * DAY, minutes=30, place="Elsewhere",
                        address=None, now=now,
                    )  # fmt: skip
                    versions.append(event.version)
                case "skip":
                    gathering, event = gatherings.cancel_occurrence(gathering, actor, [], named, now)
                    versions.append(event.version)
        except Rejected:
            assert gathering is before
            continue
        assert what == "time" or who != "bob"
        assert gathering.state in {before.state, *TRANSITIONS[before.state].values()}
        assert gathering.sequence >= before.sequence
        assert (gathering.next_at is None) == (gathering.state != "scheduled")
        assert held <= 4
    assert versions == list(range(1, gathering.version + 1))


def test_each_occurrence_is_held_once_and_the_last_ends_it() -> None:
    gathering, events = gatherings.pass_time(planned(), NOW + HOUR)
    assert events == []
    gathering, events = gatherings.pass_time(planned(), NOW + 2 * HOUR)  # 10:00 in Copenhagen is 9:00 UTC
    assert [event.starts_at for event in events] == [datetime(2026, 3, 2, 9, tzinfo=UTC)]
    assert gathering.next_at == datetime(2026, 3, 9, 9, tzinfo=UTC)
    assert gatherings.pass_time(gathering, NOW - DAY)[1] == []
    gathering, events = gatherings.pass_time(gathering, NOW + 60 * DAY)  # late, and all at once
    assert [(event.starts_at.day, event.last) for event in events] == [(9, False), (16, False), (23, True)]
    assert (gathering.state, gathering.next_at) == ("held", None)
    assert gatherings.pass_time(gathering, NOW + 99 * DAY) == (gathering, [])


def test_one_occurrence_is_moved_and_another_is_let_be() -> None:
    gathering = planned()
    gathering, moved = gatherings.change_occurrence(
        gathering, FAY, ["bob", "fay"], MONDAY + WEEK, start=MONDAY + 8 * DAY, minutes=30, place="Garden",
        address=None, now=NOW,
    )  # fmt: skip
    assert (moved.change, moved.occurrence, moved.tell) == ("occurrence", "2026-03-09T10:00", ["bob"])
    gathering, _ = gatherings.cancel_occurrence(gathering, ANN, [], MONDAY, NOW)
    assert gathering.next_at == datetime(2026, 3, 10, 9, tzinfo=UTC)
    first, second, *others = gathering.occurrences()
    assert (first.cancelled, second.moved, second.place, second.minutes) == (True, True, "Garden", 30)
    assert {(each.cancelled, each.moved) for each in others} == {(False, False)}
    assert (gathering.sequence, gathering.revision) == (2, 3)
    again, _ = change(gathering, title="Same times")
    assert again.exemptions == gathering.exemptions
    for elsewhen in (weekly(start=MONDAY + HOUR), weekly(zone="Asia/Kathmandu")):
        assert change(gathering, schedule=elsewhen)[0].exemptions == []
    with pytest.raises(NotFound, match="no-such-occurrence"):
        gatherings.cancel_occurrence(gathering, ANN, [], MONDAY + DAY, NOW)
    with pytest.raises(Conflict, match="occurrence-cancelled"):
        gatherings.cancel_occurrence(gathering, ANN, [], MONDAY, NOW)
    with pytest.raises(Conflict, match="occurrence-over"):
        gatherings.cancel_occurrence(planned(), ANN, [], MONDAY, NOW + DAY)
    with pytest.raises(Conflict, match="none-left"):
        gatherings.cancel_occurrence(once(), ANN, [], MONDAY, NOW)


def test_what_was_moved_before_what_comes_first_is_held_first() -> None:
    gathering, _ = gatherings.change_occurrence(
        planned(),
        ANN,
        [],
        MONDAY + 3 * WEEK,
        start=MONDAY + DAY,
        minutes=60,
        place="x",
        address=None,
        now=NOW,
    )
    _, events = gatherings.pass_time(gathering, NOW + 30 * DAY)
    assert [event.starts_at.day for event in events] == [2, 3, 9, 16]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"place": ""}, "no-place"),
        ({"schedule": weekly(recurrence=None, start=MONDAY - DAY)}, "not-ahead"),
        ({"schedule": weekly(recurrence=None, start=datetime(2040, 1, 1, 10))}, "not-ahead"),
    ],
)
def test_where_and_when_it_cannot_be(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput, match=code):
        planned(**fields)
    with pytest.raises(BadInput, match=code):
        change(planned(), **fields)
    assert planned(place="", address="https://meet.example.org/").address


def test_a_present_gathering_can_be_edited_though_it_has_begun() -> None:
    assert change(once(), now=NOW + HOUR + timedelta(minutes=30), title="Late")[0].title == "Late"


def test_notes_are_of_what_was_held() -> None:
    gathering = planned()
    with pytest.raises(Conflict, match="not-held"):
        gatherings.publish_notes(gathering, ANN, [], None, MONDAY, "…", NOW)
    gathering, _ = gatherings.pass_time(gathering, NOW + DAY)
    gathering, notes, event = gatherings.publish_notes(gathering, ANN, ["bob"], None, MONDAY, "…", NOW)
    assert (gathering.state, event.change, event.tell, notes.revision) == (
        "scheduled", "notes-published", ["bob"], 1,
    )  # fmt: skip
    with pytest.raises(Forbidden):
        gatherings.publish_notes(gathering, BOB, [], None, MONDAY, "…", NOW)
    gathering, _ = gatherings.pass_time(gathering, NOW + 30 * DAY)
    gathering, notes, _ = gatherings.publish_notes(gathering, FAY, [], notes, MONDAY, "More", NOW)
    assert (gathering.state, notes.revision, notes.author_id) == ("notes-published", 2, "fay")


# -- who comes -----------------------------------------------------------------------------------------


class Guests:
    """Everybody's answers, with those who wait moved up as the commands do it."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering, self.rsvps, self.at = gathering, dict[str, Rsvp](), NOW

    def answers(self, who: str, reply: Any) -> None:
        self.at += timedelta(minutes=1)
        self.gathering, self.rsvps[who] = attendance.rsvp(
            self.gathering, "c", who, self.rsvps.get(who), reply, self.at
        )
        self.moves_up()

    def moves_up(self) -> list[str]:
        waiting = sorted((each for each in self.rsvps.values() if each.waiting), key=lambda each: each.at)
        first = waiting[: attendance.free_places(self.gathering)]
        self.gathering, moved, event = attendance.move_up(self.gathering, first)
        self.rsvps |= {each.member_id: each for each in moved}
        assert (event.tell if event else []) == [each.member_id for each in moved]
        return [each.member_id for each in moved]

    def named(self, reply: Any, waiting: bool = False) -> list[str]:
        rows = [each for each in self.rsvps.values() if (each.reply, each.waiting) == (reply, waiting)]
        return [each.member_id for each in sorted(rows, key=lambda each: each.at)]


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abcdef"), st.sampled_from(["yes", "no", "maybe"])),
            st.tuples(st.just("capacity"), st.integers(1, 6)),
        ),
        max_size=25,
    )
)
def test_the_capacity_holds_and_whoever_waited_longest_comes_first(steps: list[tuple[str, Any]]) -> None:
    guests = Guests(planned(capacity=2))
    going: list[str] = []
    for who, what in steps:
        if who == "capacity":
            guests.gathering, _ = change(guests.gathering, capacity=what)
            guests.moves_up()
        else:
            guests.answers(who, what)
        before, going = going, guests.named("yes")
        gathering = guests.gathering
        assert gathering.going == len(going)
        assert gathering.waiting == len(guests.named("yes", True))
        assert gathering.maybe == len(guests.named("maybe"))
        # Nobody comes over the capacity but those who had a place when it became less; nobody waits in vain.
        assert len(going) <= gathering.places or set(going) <= set(before)
        assert not (gathering.waiting and gathering.going < gathering.places)
        assert all((each.next_at is None) == (each.reply == "no") for each in guests.rsvps.values())


def test_who_says_the_same_again_keeps_their_place_in_the_line() -> None:
    guests = Guests(planned(capacity=1))
    for who in ("ann", "bob", "cid"):
        guests.answers(who, "yes")
    guests.answers("bob", "yes")
    assert guests.named("yes", True) == ["bob", "cid"]
    guests.answers("ann", "maybe")
    assert (guests.named("yes"), guests.named("yes", True), guests.named("maybe")) == (
        ["bob"],
        ["cid"],
        ["ann"],
    )


def test_nobody_comes_to_what_is_over() -> None:
    over, _ = gatherings.pass_time(once(), NOW + DAY)
    cancelled, event = gatherings.cancel(once(), ANN, ["bob", "ann"], "Ill", NOW)
    for gathering in (over, cancelled):
        with pytest.raises(Conflict, match="gathering-over"):
            attendance.rsvp(gathering, "c", "bob", None, "yes", NOW)
    assert (cancelled.sequence, event.reason) == (1, "Ill")
    full = once().model_copy(update={"going": 1, "waiting": ATTENDEES - 2, "maybe": 1})
    with pytest.raises(Conflict, match="gathering-full"):
        attendance.rsvp(full, "c", "bob", None, "maybe", NOW)
    assert attendance.rsvp(full, "c", "bob", None, "no", NOW)[1].reply == "no"
