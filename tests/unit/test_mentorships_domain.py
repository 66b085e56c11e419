"""The rules of mentoring: places, requests, check-ins and ends, in any order and at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.members.domain import mentoring
from services.members.domain import mentorship as mentorships
from services.members.domain.member import Member, Profile
from services.members.domain.mentoring import Mentor, Offer
from services.members.domain.mentorship import (
    RUNNING,
    TRANSITIONS,
    Command,
    Mentorship,
    MentorshipState,
    next_due,
    planned,
)
from services.members.domain.rules import RULES
from shared.contracts.mentorships import MentorshipEvent
from shared.errors import BadInput, Conflict, Forbidden, NotFound, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MEMBER = Member(member_id="mira", version=4, org_id="aarhus", profile=Profile(name="Mira"), registered_at=NOW)
OFFER = Offer(capacity=2, skills=["permits"], languages=["en"])


def mentor_with(taken: int = 0, **offer: Any) -> Mentor:
    offered = OFFER.model_copy(update=offer)
    return Mentor(mentor_id="mira", version=7, taken=taken, org_id="aarhus", offer=offered)


def ask(
    mentor: Mentor,
    mentee: str = "ben",
    latest: Mentorship | None = None,
    *,
    slots: Sequence[int] = (),
    waiting: int = 0,
    now: datetime = NOW,
) -> tuple[Mentor, Mentorship]:
    mentor, asked, event = mentorships.request(
        f"m-{mentee}", mentor, mentee, latest, slots, waiting, message="Hi", goals=["g"], rules=RULES, now=now
    )
    assert (event.message, event.version) == ("Hi", mentor.version)
    return mentor, asked


def accepted() -> tuple[Mentor, Mentorship]:
    mentor, asked = ask(mentor_with())
    mentor, running, event = mentorships.accept(mentor, asked, "mira", NOW)
    assert (event.places_taken, event.ends_at) == (1, NOW + timedelta(weeks=12))
    return mentor, running


def check_in(
    mentor: Mentor, running: Mentorship, at: timedelta, who: str = "ben"
) -> tuple[Mentor, Mentorship, int]:
    mentor, running, event = mentorships.check_in(
        mentor, running, who, going="well", note="", rules=RULES, now=NOW + at
    )
    assert (event.status, event.recorded_by) == ("recorded", who)
    return mentor, running, event.number


# -- the table -----------------------------------------------------------------------------------------


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(MentorshipState))
    reached: set[MentorshipState] = set()
    todo: list[MentorshipState] = ["requested"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]
    assert reached == set(TRANSITIONS)
    assert {command for row in TRANSITIONS.values() for command in row} == set(get_args(Command))


class Mentoring(RuleBasedStateMachine):
    """Two mentors and four mentees do what they like, and time passes, also backwards.

    Held against a model: the states by the table alone. What is loaded for a command is what the store
    loads: the latest of the two, the mentee's slots, how many wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.mentors: dict[str, Mentor] = {}
        self.all: list[Mentorship] = []
        self.events: list[MentorshipEvent] = []

    @initialize(capacities=st.tuples(st.integers(1, 3), st.integers(1, 3)))
    def two_mentors(self, capacities: tuple[int, int]) -> None:
        for name, capacity in zip(("mira", "milo"), capacities, strict=True):
            offered = OFFER.model_copy(update={"capacity": capacity})
            self.mentors[name] = Mentor(mentor_id=name, offer=offered)

    def _save(self, mentor: Mentor, after: Mentorship, event: MentorshipEvent) -> None:
        self.mentors[mentor.mentor_id] = mentor
        self.all = [after if each.mentorship_id == after.mentorship_id else each for each in self.all]
        self.events.append(event)

    def _expire_waiting(self, name: str, why: Any) -> None:
        for each in self.all:
            if each.mentor_id == name and each.state == "requested":
                self._save(*mentorships.expire(self.mentors[name], each, why, self.now))

    @rule(name=st.sampled_from(["mira", "milo"]), capacity=st.integers(0, 11), paused=st.booleans())
    def offer(self, name: str, capacity: int, paused: bool) -> None:
        before = self.mentors[name]
        offered = OFFER.model_copy(update={"capacity": capacity, "paused": paused})
        member = MEMBER.model_copy(update={"member_id": name})
        try:
            self.mentors[name], after, event = mentoring.offer(before, member, offered, (), RULES)
        except Rejected:
            assert capacity < max(1, before.taken) or capacity > 10
            return
        assert max(1, before.taken) <= capacity <= 10
        assert event.version == after.version == 5
        if self.mentors[name].open_places == 0:
            self._expire_waiting(name, "capacity-reached")

    @rule(name=st.sampled_from(["mira", "milo"]))
    def withdraw(self, name: str) -> None:
        if self.mentors[name].offer is not None:
            self.mentors[name], _, _ = mentoring.withdraw(self.mentors[name], MEMBER)
            self._expire_waiting(name, "mentor-withdrawn")

    @rule(
        name=st.sampled_from(["mira", "milo"]), mentee=st.sampled_from(["ann", "ben", "cem", "dua", "mira"])
    )
    def request(self, name: str, mentee: str) -> None:
        both = [each for each in self.all if (each.mentor_id, each.mentee_id) == (name, mentee)]
        slots = [each.slot for each in self.all if each.mentee_id == mentee and each.slot is not None]
        waiting = sum(each.mentor_id == name and each.state == "requested" for each in self.all)
        mentor = self.mentors[name]
        try:
            mentor, asked, event = mentorships.request(
                f"m{len(self.all)}", mentor, mentee, both[-1] if both else None, slots, waiting,
                message="", goals=[], rules=RULES, now=self.now,
            )  # fmt: skip
        except Rejected:
            return
        assert mentee != name
        assert mentor.offer is not None
        assert not mentor.offer.paused
        self.all.append(asked)
        self._save(mentor, asked, event)

    @rule(
        data=st.data(),
        command=st.sampled_from(["accept", "decline", "cancel", "check-in", "extend", "complete", "end"]),
        who=st.sampled_from(["mentor", "mentee", "stranger"]),
    )
    def tell(self, data: st.DataObject, command: Command, who: str) -> None:
        if not self.all:
            return
        before = data.draw(st.sampled_from(self.all))
        mentor = self.mentors[before.mentor_id]
        actor = {"mentor": before.mentor_id, "mentee": before.mentee_id, "stranger": "eve"}[who]
        may = {"accept": "mentor", "decline": "mentor", "cancel": "mentee"}.get(command, who)
        allowed = who == may and who != "stranger" and command in TRANSITIONS[before.state]
        try:
            match command:
                case "accept":
                    self._save(*mentorships.accept(mentor, before, actor, self.now))
                    if self.mentors[mentor.mentor_id].open_places == 0:
                        self._expire_waiting(mentor.mentor_id, "capacity-reached")
                case "decline":
                    self._save(*mentorships.decline(mentor, before, actor, "", self.now))
                case "cancel":
                    self._save(*mentorships.cancel(mentor, before, actor, self.now))
                case "check-in":
                    self._save(
                        *mentorships.check_in(
                            mentor, before, actor, going="well", note="", rules=RULES, now=self.now
                        )
                    )
                case "extend":
                    after = mentorships.extend(before, actor, RULES)
                    self.all[self.all.index(before)] = after
                case "complete":
                    self._save(*mentorships.complete(mentor, before, actor, self.now))
                case "end":
                    self._save(*mentorships.end(mentor, before, actor, self.now, reason="r"))
        except Rejected as error:
            assert isinstance(error, NotFound) == (who == "stranger")
            if allowed:  # what the table allows is refused for these reasons alone
                assert error.code in ("already-checked-in", "already-proposed", "already-extended")
            return
        assert allowed
        (after,) = [each for each in self.all if each.mentorship_id == before.mentorship_id]
        assert after.state == TRANSITIONS[before.state][command]

    @rule(days=st.integers(-3, 40))
    def time_passes(self, days: int) -> None:
        """The clock's work is done some time after it is due."""
        self.now += days * DAY
        for each in list(self.all):
            while (due := next_due(each, RULES)) is not None and due.at <= self.now:
                mentor = self.mentors[each.mentor_id]
                match due.step:
                    case "expire":
                        self._save(*mentorships.expire(mentor, each, "unanswered", self.now))
                    case "ask":
                        self._save(*mentorships.ask(mentor, each, RULES, self.now))
                    case "close":
                        self._save(*mentorships.close(mentor, each, RULES, self.now))
                (each,) = [one for one in self.all if one.mentorship_id == each.mentorship_id]
                after = next_due(each, RULES)
                assert after is None or after.at > due.at  # it is not due for ever

    @invariant()
    def never_more_mentees_than_places(self) -> None:
        for name, mentor in self.mentors.items():
            running = [each for each in self.all if each.mentor_id == name and each.state in RUNNING]
            assert len(running) == mentor.taken
            assert mentor.offer is None or len(running) <= mentor.offer.capacity
            assert mentor.offer is None or mentor.open_places == mentor.offer.capacity - mentor.taken

    @invariant()
    def nobody_waits_where_nothing_is_to_be_had(self) -> None:
        for each in self.all:
            if each.state == "requested":
                assert self.mentors[each.mentor_id].open_places > 0

    @invariant()
    def at_most_three_pending_each_in_a_slot_of_its_own(self) -> None:
        for mentee in {each.mentee_id for each in self.all}:
            pending = [each for each in self.all if each.mentee_id == mentee and each.state == "requested"]
            slots = [each.slot for each in self.all if each.mentee_id == mentee and each.slot is not None]
            assert len(pending) == len(slots) == len(set(slots)) <= 3

    @invariant()
    def at_most_one_live_of_two(self) -> None:
        live = [(each.mentor_id, each.mentee_id) for each in self.all if each.live]
        assert len(live) == len(set(live))

    @invariant()
    def each_mentors_events_are_numbered_without_gap(self) -> None:
        for name, mentor in self.mentors.items():
            versions = [event.version for event in self.events if event.mentor_id == name]
            assert versions == list(range(1, mentor.version + 1))

    @invariant()
    def each_check_in_is_recorded_once_and_in_order(self) -> None:
        for each in self.all:
            numbers = [recorded.number for recorded in each.check_ins]
            assert len(numbers) == len(set(numbers))
            assert all(1 <= number <= planned(each, RULES) for number in numbers)
            assert (each.state == "active") <= bool(numbers)


TestMentoring = Mentoring.TestCase
TestMentoring.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# -- offering ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offer", "error", "code"),
    [
        ({"capacity": 0}, BadInput, "bad-capacity"),
        ({"capacity": 11}, BadInput, "bad-capacity"),
        ({"capacity": 1}, Conflict, "capacity-in-use"),
        ({"scope": "communities"}, BadInput, "scope-and-communities"),
        ({"community_ids": ["c"]}, BadInput, "scope-and-communities"),
        ({"scope": "communities", "community_ids": ["c", "x"]}, BadInput, "not-your-community"),
    ],
)
def test_what_cannot_be_offered(offer: dict[str, Any], error: type[Rejected], code: str) -> None:
    with pytest.raises(error, match=code):
        mentoring.offer(mentor_with(taken=2), MEMBER, OFFER.model_copy(update=offer), ["c"], RULES)


def test_an_offer_to_the_own_organisation_needs_one() -> None:
    offer = OFFER.model_copy(update={"scope": "organisation"})
    with pytest.raises(BadInput, match="no-organisation"):
        mentoring.offer(None, MEMBER.model_copy(update={"org_id": None}), offer, (), RULES)
    _, _, event = mentoring.offer(None, MEMBER, offer, (), RULES)
    assert (event.org_id, event.scope, event.version) == ("aarhus", "organisation", 5)


def test_withdrawing_keeps_what_is_under_way() -> None:
    mentor, _, event = mentoring.withdraw(mentor_with(taken=2), MEMBER)
    assert (mentor.taken, mentor.offer, mentor.open_places, event.version) == (2, None, 0, 5)
    with pytest.raises(NotFound, match="not-a-mentor"):
        mentoring.withdraw(mentor, MEMBER)
    with pytest.raises(Conflict, match="capacity-in-use"):  # nor is it a way round the capacity
        mentoring.offer(mentor, MEMBER, OFFER.model_copy(update={"capacity": 1}), (), RULES)


@pytest.mark.parametrize(
    ("offer", "orgs", "shared", "allowed"),
    [
        ({}, (None, None), (), True),
        ({"scope": "organisation"}, ("a", "a"), (), True),
        ({"scope": "organisation"}, ("a", "b"), (), False),
        ({"scope": "organisation"}, (None, None), (), False),
        ({"scope": "communities", "community_ids": ["c", "d"]}, ("a", "a"), ["d"], True),
        ({"scope": "communities", "community_ids": ["c", "d"]}, ("a", "a"), ["e"], False),
    ],
)
def test_who_may_ask(offer: dict[str, Any], orgs: tuple[Any, Any], shared: list[str], allowed: bool) -> None:
    assert mentoring.may_ask(OFFER.model_copy(update=offer), *orgs, shared) is allowed


# -- asking --------------------------------------------------------------------------------------------


def test_what_cannot_be_asked() -> None:
    with pytest.raises(BadInput, match="mentoring-oneself"):
        ask(mentor_with(), "mira")
    with pytest.raises(Conflict, match="mentor-pauses"):
        ask(mentor_with(paused=True))
    with pytest.raises(Conflict, match="no-open-place"):
        ask(mentor_with(taken=2))
    with pytest.raises(Conflict, match="too-many-waiting"):
        ask(mentor_with(), waiting=100)
    with pytest.raises(Conflict, match="too-many-pending"):
        ask(mentor_with(), slots=[0, 1, 2])
    assert ask(mentor_with(), slots=[0, 2])[1].slot == 1


def test_the_same_mentor_is_asked_once_and_again_when_it_is_over() -> None:
    mentor, asked = ask(mentor_with())
    with pytest.raises(Conflict, match="already-requested"):
        ask(mentor, latest=asked)
    mentor, running, _ = mentorships.accept(mentor, asked, "mira", NOW)
    with pytest.raises(Conflict, match="already-mentored"):
        ask(mentor, latest=running)
    mentor, ended, _ = mentorships.end(mentor, running, "ben", NOW, reason="r")
    assert ask(mentor, latest=ended)[1].state == "requested"


def test_who_was_declined_waits_and_whose_request_expired_does_not() -> None:
    mentor, asked = ask(mentor_with())
    mentor, declined, event = mentorships.decline(mentor, asked, "mira", "Busy.", NOW)
    assert event.reason == declined.reason == "Busy."
    with pytest.raises(Conflict, match="declined-lately"):
        ask(mentor, latest=declined, now=NOW + RULES.ask_again_after - DAY)
    ask(mentor, latest=declined, now=NOW + RULES.ask_again_after)
    mentor, expired, _ = mentorships.expire(mentor, asked, "unanswered", NOW)
    ask(mentor, latest=expired)


def test_only_the_mentor_answers_and_only_the_mentee_takes_back() -> None:
    mentor, asked = ask(mentor_with())
    with pytest.raises(Forbidden, match="not-the-mentor"):
        mentorships.accept(mentor, asked, "ben", NOW)
    with pytest.raises(Forbidden, match="not-the-mentee"):
        mentorships.cancel(mentor, asked, "mira", NOW)
    with pytest.raises(NotFound, match="no-such-mentorship"):
        mentorships.accept(mentor, asked, "eve", NOW)


def test_the_last_place_is_the_last() -> None:
    with pytest.raises(Conflict, match="no-open-place"):
        mentorships.accept(mentor_with(taken=2), ask(mentor_with())[1], "mira", NOW)


# -- running -------------------------------------------------------------------------------------------


def test_the_first_check_in_makes_it_active() -> None:
    mentor, running = accepted()
    assert running.state == "accepted"
    mentor, running, number = check_in(mentor, running, DAY, "mira")
    assert (running.state, number, mentor.taken) == ("active", 1, 1)
    assert running.changed_at == NOW + DAY


@pytest.mark.parametrize(
    ("day", "number"), [(-1, 1), (0, 1), (20, 1), (21, 2), (28, 2), (34, 2), (35, 3), (84, 6), (97, 6)]
)
def test_what_is_recorded_is_the_check_in_that_is_nearest(day: int, number: int) -> None:
    assert check_in(*accepted(), day * DAY)[2] == number


def test_each_check_in_is_recorded_once() -> None:
    mentor, running, _ = check_in(*accepted(), 13 * DAY)
    with pytest.raises(Conflict, match="already-checked-in"):
        check_in(mentor, running, 15 * DAY, "mira")
    assert check_in(mentor, running, 21 * DAY, "mira")[2] == 2


def run(mentor: Mentor, running: Mentorship, until: timedelta) -> list[tuple[int, str]]:
    """What the clock brings about, as days since the acceptance and what."""
    seen = []
    while (due := next_due(running, RULES)) is not None and due.at <= NOW + until:
        step: Any = {"ask": mentorships.ask, "close": mentorships.close}[due.step]
        mentor, running, event = step(mentor, running, RULES, due.at)
        what = f"due {event.number}" if due.step == "ask" else getattr(event, "why", "completed")
        seen.append(((due.at - NOW).days, what))
    return seen


def test_what_never_begins_gives_its_place_back() -> None:
    assert run(*accepted(), 400 * DAY) == [(14, "due 1"), (28, "never-started")]


def test_six_check_ins_are_asked_for_and_a_faded_one_ends() -> None:
    mentor, running, _ = check_in(*accepted(), 14 * DAY)
    assert run(mentor, running, 400 * DAY) == [
        (28, "due 2"), (42, "due 3"), (56, "due 4"), (70, "due 5"), (84, "due 6"), (98, "faded-out"),
    ]  # fmt: skip


def test_one_that_went_on_is_completed_by_itself() -> None:
    mentor, running = accepted()
    for week in (2, 6, 12):
        mentor, running, _ = check_in(mentor, running, timedelta(weeks=week))
    assert run(mentor, running, 400 * DAY) == [(98, "completed")]


def test_after_a_long_silence_of_the_clock_only_the_last_one_is_asked_for() -> None:
    mentor, running, _ = check_in(*accepted(), DAY)
    mentor, running, event = mentorships.ask(mentor, running, RULES, NOW + 60 * DAY)
    assert (event.number, event.recorded_by, running.asked) == (4, None, 4)
    assert next_due(running, RULES) == (NOW + 70 * DAY, "ask")


def test_an_extension_needs_both_sides_and_is_done_once() -> None:
    mentor, running = accepted()
    with pytest.raises(Conflict, match="wrong-mentorship-state"):
        mentorships.extend(running, "ben", RULES)
    mentor, running, _ = check_in(mentor, running, DAY)
    running = mentorships.extend(running, "ben", RULES)
    assert (running.ends_at, running.extension_proposed_by) == (NOW + timedelta(weeks=12), "ben")
    with pytest.raises(Conflict, match="already-proposed"):
        mentorships.extend(running, "ben", RULES)
    running = mentorships.extend(running, "mira", RULES)
    assert (running.ends_at, planned(running, RULES)) == (NOW + timedelta(weeks=24), 12)
    for side in ("ben", "mira"):
        with pytest.raises(Conflict, match="already-extended"):
            mentorships.extend(running, side, RULES)
    assert run(mentor, running, 400 * DAY)[-2:] == [(168, "due 12"), (182, "faded-out")]


def test_feedback_comes_when_it_is_over() -> None:
    mentor, running, _ = check_in(*accepted(), DAY)
    words: dict[str, Any] = {"rating": 5, "text": "t", "shared": False, "now": NOW}
    with pytest.raises(Conflict, match="not-over"):
        mentorships.give_feedback(running, "ben", **words)
    mentor, done, event = mentorships.complete(mentor, running, "ben", NOW)
    assert (event.completed_by, event.check_ins, event.places_taken) == ("ben", 1, 0)
    done = mentorships.give_feedback(done, "ben", **words)
    assert done.mentor_feedback is None
    assert done.mentee_feedback is not None
    with pytest.raises(NotFound):
        mentorships.give_feedback(done, "eve", **words)


def test_the_numbers_are_settings() -> None:
    rules = replace(RULES, pending_requests=1, request_expires_after=2 * DAY)
    with pytest.raises(Conflict, match="too-many-pending"):
        mentorships.request(
            "m", mentor_with(), "ben", None, [0], 0, message="", goals=[], rules=rules, now=NOW
        )
    assert next_due(ask(mentor_with())[1], rules) == (NOW + 2 * DAY, "expire")
