"""Profiles: what is shown to whom, and what of it is published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.member import (
    PUBLISHED,
    Audience,
    Availability,
    Evidence,
    Member,
    Profile,
    StatedSkill,
    Visibility,
    edit_profile,
    register,
    seen_by,
    set_availability,
    set_visibility,
    state_skills,
)
from shared.contracts.members import AvailabilityChanged, ProfileUpdated, SkillsUpdated
from shared.errors import BadInput

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FULL = Profile(
    name="Amal",
    headline="Clerk",
    craft="Permit review",
    about="Twelve years.",
    interests=["permits"],
    seeks=["mentor"],
    offers=["reviews"],
    languages=["ar"],
    time_zone="Asia/Amman",
)
SKILL = StatedSkill(name="permits", level="expert", evidence=Evidence(text="Forms", url=None))
TIME = Availability(hours_a_week=4, away_until=NOW + timedelta(days=3), community_budget=2)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


def amal(visibility: Visibility = Visibility()) -> Member:  # noqa: B008 frozen
    return Member(
        member_id="amal", version=3, org_id="o", profile=FULL, skills=[SKILL], availability=TIME,
        visibility=visibility, registered_at=NOW,
    )  # fmt: skip


def said(member: Member) -> dict[str, object]:
    return {
        **member.profile.model_dump(),
        "skills": member.skills,
        "availability": None if member.availability == Availability() else member.availability,
    }


@given(
    st.fixed_dictionaries(dict.fromkeys(Visibility.model_fields, st.sampled_from(AUDIENCES))),
    st.sets(st.sampled_from(AUDIENCES[1:4])),
)
def test_exactly_what_is_meant_for_one_of_the_audiences_is_seen(
    fields: dict[str, Audience], audiences: set[Audience]
) -> None:
    whole, seen = said(amal()), said(seen_by(amal(Visibility(**fields)), audiences))
    for field, value in seen.items():
        shown = field in ("name", "headline") or fields[field] in {"everyone", *audiences}
        assert value == whole[field] if shown else not value, field


@given(st.fixed_dictionaries(dict.fromkeys(Visibility.model_fields, st.sampled_from(AUDIENCES))))
def test_events_carry_what_is_for_everyone_or_the_communities(fields: dict[str, Audience]) -> None:
    member, events = set_visibility(amal(), Visibility(**fields))
    assert [event.version for event in events] == list(range(4, 4 + len(events)))
    assert member.version == events[-1].version
    told = {type(event): event for event in events}
    profile = told[ProfileUpdated]
    assert isinstance(profile, ProfileUpdated)
    for field in ("craft", "interests", "seeks", "offers", "languages", "time_zone"):
        assert getattr(profile, field) == (
            getattr(FULL, field) if fields[field] in PUBLISHED else type(getattr(FULL, field))()
        )
    assert (SkillsUpdated in told) == (fields["skills"] not in PUBLISHED)
    assert (AvailabilityChanged in told) == (fields["availability"] not in PUBLISHED)
    if skills := told.get(SkillsUpdated):
        assert isinstance(skills, SkillsUpdated)
        assert skills.skills == []


def test_what_is_shown_again_is_told_again() -> None:
    hidden, _ = set_visibility(amal(), Visibility(skills="nobody", availability="my-connections"))
    member, events = set_visibility(hidden, Visibility())
    assert [event.event_name for event in events] == [
        "profile-updated",
        "skills-updated",
        "availability-changed",
    ]
    assert isinstance(events[2], AvailabilityChanged)
    assert events[2].hours_a_week == 4
    assert member.visibility == Visibility()


def test_an_absence_and_the_budget_are_told_also_when_the_hours_are_hidden() -> None:
    hidden = amal(Visibility(availability="nobody"))
    _, event = set_availability(hidden, TIME, NOW)
    assert (event.hours_a_week, event.away_until, event.community_budget) == (None, TIME.away_until, 2)


def test_evidence_is_kept_and_not_published() -> None:
    member, event = state_skills(amal(), [SKILL])
    assert member.skills[0].evidence == SKILL.evidence
    assert event.skills[0].model_dump() == {"name": "permits", "level": "expert"}


def test_what_registering_and_editing_publish_follows_the_defaults() -> None:
    member, event = register("amal", "o", FULL, NOW)
    assert "about" not in event.model_dump()
    assert (event.craft, event.seeks, event.time_zone) == ("Permit review", ["mentor"], "Asia/Amman")
    _, changed = edit_profile(
        member.model_copy(update={"visibility": Visibility(craft="my-organisation")}), "p", FULL
    )
    assert (changed.craft, changed.org_id, changed.version) == ("", "p", 2)


@pytest.mark.parametrize(
    "until",
    [
        NOW,
        NOW - timedelta(days=1),
        NOW + timedelta(days=800),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    ],
)
def test_an_absence_ends_in_the_future_but_not_never(until: datetime) -> None:
    with pytest.raises(BadInput, match="away-until-when"):
        set_availability(amal(), Availability(away_until=until), NOW)
