"""A member: who somebody is to the communities, and what they can do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict

from shared.contracts.members import MemberRegistered, ProfileUpdated, Skill, SkillsUpdated
from shared.errors import BadInput


class Profile(BaseModel):
    """What a member says of themselves, apart from skills."""

    model_config = ConfigDict(frozen=True)

    name: str
    headline: str = ""
    about: str = ""
    languages: list[str] = []
    time_zone: str = "UTC"


class Member(BaseModel):
    """A registered person. ``version`` counts the events of ``members.people`` about them."""

    model_config = ConfigDict(frozen=True)

    member_id: str
    version: int
    org_id: str | None
    profile: Profile
    skills: list[Skill] = []
    registered_at: datetime


def check_time_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in available_timezones():
        raise BadInput(
            "unknown-time-zone",
            f"There is no time zone {name[:60]!r}.",
            field="/time_zone",
            fix="Use an IANA name such as 'Europe/Copenhagen'.",
        )


def register(
    member_id: str, org_id: str | None, profile: Profile, now: datetime
) -> tuple[Member, MemberRegistered]:
    """A person becomes a member; the organisation comes from their token, never from what they type."""
    check_time_zone(profile.time_zone)
    member = Member(member_id=member_id, version=1, org_id=org_id, profile=profile, registered_at=now)
    return member, MemberRegistered(
        member_id=member_id, version=1, org_id=org_id, **profile.model_dump(exclude={"about"})
    )


def edit_profile(member: Member, org_id: str | None, profile: Profile) -> tuple[Member, ProfileUpdated]:
    """The whole profile anew, with the organisation that the present token names."""
    check_time_zone(profile.time_zone)
    changed = member.model_copy(update={"version": member.version + 1, "profile": profile, "org_id": org_id})
    return changed, ProfileUpdated(
        member_id=member.member_id,
        version=changed.version,
        org_id=org_id,
        **profile.model_dump(exclude={"about"}),
    )


def state_skills(member: Member, skills: Sequence[Skill]) -> tuple[Member, SkillsUpdated]:
    """All of a member's skills anew; each may be named once."""
    names = [skill.name for skill in skills]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(
            "skill-twice",
            f"Named more than once: {', '.join(twice)[:200]}.",
            field="/skills",
            fix="Name each skill once.",
        )
    changed = member.model_copy(update={"version": member.version + 1, "skills": list(skills)})
    return changed, SkillsUpdated(member_id=member.member_id, version=changed.version, skills=list(skills))
