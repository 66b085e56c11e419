"""Offering to be a mentor: how many, in what, and to whom; and the places that are taken."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from services.members.domain.member import Member
from services.members.domain.rules import Rules
from shared.contracts.mentorships import MentoringScope, MentorOffered, MentorWithdrawn
from shared.errors import BadInput, Conflict, NotFound


class Offer(BaseModel):
    """What a mentor offers. The skills are free tags: what one teaches need not be what one states."""

    model_config = ConfigDict(frozen=True)

    capacity: int = 2
    skills: list[str] = []
    languages: list[str] = []
    hours_per_month: int = 2
    availability: str = ""
    scope: MentoringScope = "everybody"
    community_ids: list[str] = []
    paused: bool = False


class Mentor(BaseModel):
    """A member as a mentor: the one thing that everything about their mentorships changes.

    ``version`` counts the events of ``members.mentorships`` about them, ``taken`` the mentorships that are
    accepted or active. ``taken`` is never more than the offer's capacity. Whoever withdrew has no offer.
    """

    model_config = ConfigDict(frozen=True)

    mentor_id: str
    version: int = 0
    taken: int = 0
    org_id: str | None = None
    offer: Offer | None = None

    @property
    def open_places(self) -> int:
        """How many more mentees the mentor takes."""
        return 0 if self.offer is None else self.offer.capacity - self.taken


def no_such_mentor() -> NotFound:
    """What those get who may not ask this mentor, and all where there is none."""
    return NotFound("no-such-mentor", "There is no such mentor.", fix="Find one with GET /v1/mentors.")


def offer(
    mentor: Mentor | None, member: Member, offered: Offer, belongs_to: Collection[str], rules: Rules
) -> tuple[Mentor, Member, MentorOffered]:
    """Offer to be a mentor, or change the offer. ``belongs_to`` has the member's communities.

    Raises ``Conflict`` for a capacity under what is taken: nobody is sent away by it.
    """
    mentor = mentor or Mentor(mentor_id=member.member_id)
    if not 1 <= offered.capacity <= rules.mentor_places:
        raise BadInput(
            "bad-capacity",
            f"A mentor has 1 to {rules.mentor_places} places.",
            field="/capacity",
            fix=f"Name a number from 1 to {rules.mentor_places}.",
        )
    if offered.capacity < mentor.taken:
        raise Conflict(
            "capacity-in-use",
            f"You have {mentor.taken} mentorships under way.",
            field="/capacity",
            fix=f"Offer {mentor.taken} places or more, or pause: then nobody can ask.",
        )
    if offered.scope == "organisation" and member.org_id is None:
        raise BadInput("no-organisation", "You are of no organisation.", field="/scope")
    if (offered.scope == "communities") != bool(offered.community_ids):
        raise BadInput(
            "scope-and-communities",
            "Communities are named with the scope 'communities', and only then.",
            field="/community_ids",
            fix="Name the communities whose members may ask, or choose another scope.",
        )
    if strange := [each for each in offered.community_ids if each not in belongs_to]:
        raise BadInput(
            "not-your-community",
            f"You do not belong to {', '.join(strange)[:200]}.",
            field="/community_ids",
            fix="Name communities that you belong to.",
        )
    member = member.model_copy(update={"version": member.version + 1})
    mentor = mentor.model_copy(update={"offer": offered, "org_id": member.org_id})
    return (
        mentor,
        member,
        MentorOffered(
            member_id=member.member_id,
            version=member.version,
            org_id=member.org_id,
            **offered.model_dump(exclude={"availability"}),
        ),
    )


def withdraw(mentor: Mentor | None, member: Member) -> tuple[Mentor, Member, MentorWithdrawn]:
    """Offer it no longer. What is under way goes on, and keeps its places."""
    if mentor is None or mentor.offer is None:
        raise NotFound("not-a-mentor", "You do not offer to be a mentor.")
    member = member.model_copy(update={"version": member.version + 1})
    mentor = mentor.model_copy(update={"offer": None})
    return mentor, member, MentorWithdrawn(member_id=member.member_id, version=member.version)


def may_ask(offered: Offer, mentor_org: str | None, asker_org: str | None, shared: Collection[str]) -> bool:
    """Whether the offer is one to somebody of ``asker_org``; ``shared`` has the communities of both."""
    match offered.scope:
        case "everybody":
            return True
        case "organisation":
            return mentor_org is not None and mentor_org == asker_org
        case "communities":
            return any(each in shared for each in offered.community_ids)
