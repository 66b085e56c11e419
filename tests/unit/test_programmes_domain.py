"""Mentors for one and for many: what fits, what may not be, and the life of a programme; rules alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain import programme as programmes
from services.matching.domain import rules
from services.matching.domain.mentors import Mentee, Mentor, fit, hours_in_common, reasons
from services.matching.domain.programme import Exclusion, Programme, Registration
from shared.contracts.members import Skill
from shared.errors import BadInput, Conflict

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def mentor(name: str = "mo", **more: Any) -> Mentor:
    return Mentor.model_validate({"member_id": name, "capacity": 2, "skills": ["permits"]} | more)


def mentee(name: str = "me", **more: Any) -> Mentee:
    return Mentee.model_validate({"member_id": name, "sought": ["permits"], "communities": ["c"]} | more)


@pytest.mark.parametrize(
    ("one", "other", "day", "hours"),
    [
        ("Europe/Copenhagen", "Europe/Copenhagen", date(2026, 3, 2), 8),
        ("Europe/Copenhagen", "America/New_York", date(2026, 3, 2), 2),  # both in winter
        ("Europe/Copenhagen", "America/New_York", date(2026, 3, 16), 3),  # summer has begun there alone
        ("Europe/Copenhagen", "America/New_York", date(2026, 7, 1), 2),
        ("America/Los_Angeles", "Pacific/Auckland", date(2026, 7, 1), 3),  # across the date line
        ("Asia/Kolkata", "Europe/London", date(2026, 7, 1), 3.5),
        ("Europe/Copenhagen", "", date(2026, 3, 2), 0),
        ("Europe/Copenhagen", "No/Where", date(2026, 3, 2), 0),
        ("../etc/passwd", "Europe/Copenhagen", date(2026, 3, 2), 0),
    ],
)
def test_working_hours_in_common(one: str, other: str, day: date, hours: float) -> None:
    assert hours_in_common(one, other, day) == hours_in_common(other, one, day) == hours


@pytest.mark.parametrize(
    ("of_mentor", "of_mentee", "allowed"),
    [
        ({}, {}, True),
        ({"taken": 2}, {}, False),
        ({"taken": 3}, {}, False),
        ({"paused": True}, {}, False),
        ({"away_until": NOW + timedelta(days=1)}, {}, False),
        ({"away_until": NOW}, {}, True),
        ({"languages": ["da"]}, {"languages": ["ar"]}, False),
        ({"languages": ["pt-BR"]}, {"languages": ["pt"]}, True),
        ({"languages": ["da"]}, {"languages": []}, True),
        ({"scope": "organisation", "org_id": "city"}, {"org_id": "city"}, True),
        ({"scope": "organisation", "org_id": "city"}, {"org_id": "town"}, False),
        ({"scope": "organisation", "org_id": None}, {"org_id": None}, False),
        ({"scope": "communities", "community_ids": ["c"]}, {}, True),
        ({"scope": "communities", "community_ids": ["d"]}, {}, False),
        ({"member_id": "me"}, {}, False),
    ],
)
def test_who_may_be_suggested(of_mentor: dict[str, Any], of_mentee: dict[str, Any], allowed: bool) -> None:
    found = fit([mentee(**of_mentee)], [mentor(**of_mentor)], NOW)
    assert (found.score[0, 0] >= 0) == allowed


def test_the_reasons_are_the_terms_of_the_score_largest_first() -> None:
    who = mentee(sought=["permits", "hiring"], languages=["da"], time_zone="Europe/Copenhagen")
    whom = mentor(
        languages=["da", "en"],
        time_zone="Europe/Oslo",
        taken=1,
        stated=[Skill(name="hiring", level="expert")],
    )
    found = fit([who], [whom], NOW)
    terms = found.terms(0, 0)
    assert found.score[0, 0] == pytest.approx(sum(terms[:4]))
    assert reasons(terms, who, whom) == [
        "mentors in permits, states the skill hiring (expert)",
        "8 working hours in common",
        "speaks da",
        "1 of 2 places free",
    ]
    nothing = fit([mentee(sought=[])], [mentor(skills=[])], NOW)
    assert reasons(nothing.terms(0, 0), mentee(sought=[]), mentor(skills=[])) == ["2 of 2 places free"]


def programme(**more: Any) -> Programme:
    values: dict[str, Any] = {"name": "Spring", "across_organisations": False, "exclusions": []}
    values |= {"opens_at": NOW, "closes_at": NOW + timedelta(days=14), "now": NOW}
    return programmes.create("p", "c", "steward", **(values | more))


def registration(name: str, *wishes: str, only: bool = False, at: datetime = NOW) -> Registration:
    return programmes.register(
        programme(), None, name, skills=["permits"], wishes=list(wishes), only_wishes=only, now=at
    )


def propose(whose: Programme, registered: list[Registration], mentors: list[Mentor], apart: Any = ()) -> Any:
    mentees = {each.mentee_id: mentee(each.mentee_id, org_id="city") for each in registered}
    return programmes.propose(whose, registered, mentees, mentors, apart, NOW)


def pairs(proposal: Any) -> dict[str, str]:
    return {each.mentee_id: each.mentor_id for each in proposal.matched}


def test_wishes_come_first_and_are_the_first_reason() -> None:
    mentors = [mentor("best", skills=["permits"]), mentor("wished", skills=[])]
    found = propose(programme(), [registration("ann", "wished"), registration("bob")], mentors)["stable"]
    assert pairs(found) == {"ann": "wished", "bob": "best"}
    assert found.matched[0].reasons[0] == "number 1 of your wishes"
    assert (found.outcome.matched, found.outcome.places, found.outcome.blocking_pairs) == (2, 4, 0)


def test_both_modes_are_shown_and_differ_where_somebody_must_make_room() -> None:
    mentors = [mentor("one", capacity=1), mentor("two", capacity=1)]
    registered = [registration("ann", "one", "two"), registration("bob", "one", only=True)]
    found = propose(programme(), registered, mentors)
    assert pairs(found["stable"]) == {"ann": "one"}
    assert found["stable"].unmatched == ["bob"]
    assert pairs(found["maximal"]) == {"ann": "two", "bob": "one"}
    assert found["stable"].digest != found["maximal"].digest


def test_exclusions_mentorships_and_organisations_keep_apart() -> None:
    ann, mentors = [registration("ann", "mo")], [mentor("mo", org_id="city")]
    assert pairs(propose(programme(), ann, mentors)["stable"]) == {"ann": "mo"}
    kept = programme(exclusions=[Exclusion(mentee_id="ann", mentor_id="mo")])
    assert pairs(propose(kept, ann, mentors)["maximal"]) == {}
    assert pairs(propose(programme(), ann, mentors, {("ann", "mo")})["maximal"]) == {}
    assert pairs(propose(programme(across_organisations=True), ann, mentors)["maximal"]) == {}


def test_nobody_and_no_mentor() -> None:
    for registered, mentors in (([], []), ([registration("ann")], []), ([], [mentor()])):
        for proposal in propose(programme(), registered, mentors).values():
            assert proposal.matched == []
            assert proposal.outcome.unmatched == len(registered)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**32))
def test_no_capacity_is_exceeded_and_the_digest_says_what_is_the_same(seed: int) -> None:
    import random

    chance = random.Random(seed)
    mentors = [mentor(f"mo{n}", capacity=chance.randint(1, 3), taken=chance.randint(0, 3)) for n in range(4)]
    registered = [registration(f"me{n}", f"mo{chance.randrange(6)}") for n in range(chance.randint(0, 12))]
    found = propose(programme(), registered, mentors)
    for mode, proposal in found.items():
        got = list(pairs(proposal).values())
        assert all(got.count(each.member_id) <= each.free for each in mentors)
        assert propose(programme(), registered[::-1], mentors)[mode].digest == proposal.digest


def test_the_life_of_a_programme_goes_by_the_clock() -> None:
    new = programme(opens_at=NOW + timedelta(days=1))
    assert new.state == "scheduled"
    assert programmes.pass_time(new, NOW) == new
    assert programmes.pass_time(new, new.opens_at).state == "open"
    assert programmes.pass_time(new, new.closes_at).state == "closed", "both steps at once where it is late"
    assert programmes.pass_time(new, new.closes_at + rules.CONFIRM_WITHIN).state == "lapsed"


@pytest.mark.parametrize("days", [-1, 14, 15])
def test_one_registers_within_the_window_alone(days: int) -> None:
    with pytest.raises(Conflict, match="window"):
        registration("ann", at=NOW + timedelta(days=days))


def test_what_cannot_be_wished_for() -> None:
    with pytest.raises(BadInput):
        registration("ann", "ann")
    with pytest.raises(BadInput):
        registration("ann", only=True)
    with pytest.raises(BadInput):
        programme(closes_at=NOW)


def test_only_what_was_shown_is_confirmed_and_only_once() -> None:
    found = propose(programme(), [registration("ann")], [mentor()])["stable"]
    with pytest.raises(Conflict, match="This programme is open"):
        programmes.confirm(programme(), found, found.digest)
    closed = programmes.pass_time(programme(), NOW + timedelta(days=14))
    with pytest.raises(Conflict, match="changed since"):
        programmes.confirm(closed, found, "another")
    confirmed = programmes.confirm(closed, found, found.digest)
    assert (confirmed.state, confirmed.mode, confirmed.version) == ("confirmed", "stable", 3)
    with pytest.raises(Conflict):
        programmes.cancel(confirmed)
