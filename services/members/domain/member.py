"""A member: who somebody is to the communities, what they can do, and what of it they show to whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict

from services.members.domain.rules import RULES
from shared.contracts.members import (
    AvailabilityChanged,
    MemberErased,
    MemberRegistered,
    PersonEvent,
    ProfileUpdated,
    Skill,
    SkillsUpdated,
)
from shared.errors import BadInput

Audience = Literal["everyone", "my-organisation", "my-communities", "my-connections", "nobody"]
"""Who sees a field: exactly those. Somebody of one's organisation is not by that in one's communities."""

PUBLISHED: Collection[Audience] = ("everyone", "my-communities")
"""What is shown to these is in events, because the communities' services work with it."""


class Visibility(BaseModel):
    """Who sees which field. Name, headline and organisation go with everything that a member writes."""

    model_config = ConfigDict(frozen=True)

    craft: Audience = "everyone"
    about: Audience = "everyone"
    skills: Audience = "everyone"
    interests: Audience = "everyone"
    seeks: Audience = "everyone"
    offers: Audience = "everyone"
    languages: Audience = "everyone"
    time_zone: Audience = "my-communities"
    availability: Audience = "my-communities"


class Profile(BaseModel):
    """What a member says of themselves, apart from skills."""

    model_config = ConfigDict(frozen=True)

    name: str
    headline: str = ""
    craft: str = ""
    about: str = ""
    interests: list[str] = []
    seeks: list[str] = []
    offers: list[str] = []
    languages: list[str] = []
    time_zone: str = "UTC"
    """Empty in what is shown to somebody who may not see it."""


class Evidence(BaseModel):
    """What shows that a skill is more than a word: a text, a link, or both."""

    model_config = ConfigDict(frozen=True)

    text: str
    url: str | None


class StatedSkill(Skill):
    """A skill with what shows it. Events carry the skill alone."""

    evidence: Evidence | None = None


class Availability(BaseModel):
    """How much time a member has for their communities."""

    model_config = ConfigDict(frozen=True)

    hours_a_week: int | None = None
    away_until: datetime | None = None
    community_budget: int = RULES.community_budget


class Member(BaseModel):
    """A registered person. ``version`` counts the events of ``members.people`` about them."""

    model_config = ConfigDict(frozen=True)

    member_id: str
    version: int
    org_id: str | None
    profile: Profile
    skills: list[StatedSkill] = []
    availability: Availability = Availability()
    visibility: Visibility = Visibility()
    registered_at: datetime


def seen_by(member: Member, audiences: Collection[Audience]) -> Member:
    """``member`` as those see them who are in ``audiences``: what they may not see is as if never said."""
    hidden = {
        field for field, audience in member.visibility if audience != "everyone" and audience not in audiences
    }
    empty = Profile(name="", time_zone="")
    profile = {field: getattr(empty, field) for field in hidden & set(Profile.model_fields)}
    changes: dict[str, Any] = {"profile": member.profile.model_copy(update=profile)}
    if "skills" in hidden:
        changes["skills"] = []
    if "availability" in hidden:
        changes["availability"] = Availability()
    return member.model_copy(update=changes)


def check_time_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in available_timezones():
        raise BadInput(
            "unknown-time-zone",
            f"There is no time zone {name[:60]!r}.",
            field="/time_zone",
            fix="Use an IANA name such as 'Europe/Copenhagen'.",
        )


def erase(member: Member) -> MemberErased:
    """Everything about the member goes."""
    return MemberErased(member_id=member.member_id, version=member.version + 1)


MOST_AWAY = timedelta(days=731)
"""An absence that is said now ends within this."""


def register(
    member_id: str, org_id: str | None, profile: Profile, now: datetime
) -> tuple[Member, MemberRegistered]:
    """A person becomes a member; the organisation comes from their token, never from what they type."""
    check_time_zone(profile.time_zone)
    member = Member(member_id=member_id, version=1, org_id=org_id, profile=profile, registered_at=now)
    return member, MemberRegistered(**_published_profile(member))


def edit_profile(member: Member, org_id: str | None, profile: Profile) -> tuple[Member, ProfileUpdated]:
    """The whole profile anew, with the organisation that the present token names."""
    check_time_zone(profile.time_zone)
    member = _changed(member, profile=profile, org_id=org_id)
    return member, ProfileUpdated(**_published_profile(member))


def state_skills(member: Member, skills: Sequence[StatedSkill]) -> tuple[Member, SkillsUpdated]:
    """All of a member's skills anew; each may be named once."""
    names = [skill.name for skill in skills]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(
            "skill-twice",
            f"Named more than once: {', '.join(twice)[:200]}.",
            field="/skills",
            fix="Name each skill once.",
        )
    member = _changed(member, skills=list(skills))
    return member, _published_skills(member)


def set_availability(
    member: Member, availability: Availability, now: datetime
) -> tuple[Member, AvailabilityChanged]:
    """How much time the member has from now on."""
    if (until := availability.away_until) is not None and not now < until <= now + MOST_AWAY:
        raise BadInput(
            "away-until-when",
            "An absence ends in the future, within two years.",
            field="/away_until",
            fix="Leave it out if you are not away.",
        )
    member = _changed(member, availability=availability)
    return member, _published_availability(member)


def set_visibility(member: Member, visibility: Visibility) -> tuple[Member, list[PersonEvent]]:
    """Who sees what from now on; what others may no longer use, they are told."""
    before = member.visibility
    member = _changed(member, visibility=visibility)
    events: list[PersonEvent] = [ProfileUpdated(**_published_profile(member))]
    if (before.skills in PUBLISHED) != (visibility.skills in PUBLISHED):
        member = _changed(member)
        events.append(_published_skills(member))
    if (before.availability in PUBLISHED) != (visibility.availability in PUBLISHED):
        member = _changed(member)
        events.append(_published_availability(member))
    return member, events


def _changed(member: Member, **changes: object) -> Member:
    return member.model_copy(update={**changes, "version": member.version + 1})


def _published_profile(member: Member) -> dict[str, Any]:
    profile = seen_by(member, PUBLISHED).profile.model_dump(exclude={"about"})
    return {"member_id": member.member_id, "version": member.version, "org_id": member.org_id, **profile}


def _published_skills(member: Member) -> SkillsUpdated:
    skills = [Skill(name=each.name, level=each.level) for each in seen_by(member, PUBLISHED).skills]
    return SkillsUpdated(member_id=member.member_id, version=member.version, skills=skills)


def _published_availability(member: Member) -> AvailabilityChanged:
    """An absence and the budget are for the services that ask and recommend, whoever else sees them."""
    return AvailabilityChanged(
        member_id=member.member_id,
        version=member.version,
        hours_a_week=seen_by(member, PUBLISHED).availability.hours_a_week,
        away_until=member.availability.away_until,
        community_budget=member.availability.community_budget,
    )
