"""What the members service publishes about mentoring: who offers it, and what becomes of each mentorship."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import CommunityId, Event, MemberId, Moment, OrgId
from shared.contracts.members import PersonEvent
from shared.contracts.topics import MENTORSHIPS, Topic

MentoringScope = Literal["everybody", "organisation", "communities"]
CheckInStatus = Literal["due", "recorded"]
ExpiryReason = Literal["unanswered", "capacity-reached", "mentor-withdrawn"]
EndReason = Literal["by-a-side", "never-started", "faded-out", "member-erased"]


class MentorOffered(PersonEvent):
    """A member offers to be a mentor, or changed the offer; carries the whole of it."""

    org_id: OrgId | None = Field(description="Where the mentor works.", examples=["city-of-aarhus"])
    capacity: Annotated[int, Field(description="Mentorships at the same time, at most.", examples=[2])]
    skills: Annotated[
        list[str], Field(description="In what; in the form of tags.", examples=[["permits", "hiring"]])
    ]
    languages: Annotated[list[str], Field(description="BCP 47 tags.", examples=[["en", "ar"]])]
    hours_per_month: Annotated[int, Field(description="Hours a month for one mentee.", examples=[4])]
    scope: Annotated[MentoringScope, Field(description="Who may ask.", examples=["communities"])]
    community_ids: Annotated[
        list[CommunityId],
        Field(
            description="The communities whose members may ask, where the scope says so.",
            examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01"]],
        ),
    ]
    paused: Annotated[bool, Field(description="Whether nobody can ask for now.", examples=[False])]


class MentorWithdrawn(PersonEvent):
    """A member no longer offers to be a mentor; mentorships under way go on."""


class MentorshipEvent(Event, abstract=True):
    """Something about a mentorship; ordered by the mentor, whose events ``version`` counts."""

    topic: ClassVar[Topic] = MENTORSHIPS
    mentor_id: Annotated[
        MemberId,
        Field(description="The mentor's member id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]),
    ]
    mentorship_id: Annotated[
        str, Field(description="A mentorship's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3d01"])
    ]
    mentee_id: Annotated[
        MemberId,
        Field(description="The mentee's member id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]),
    ]
    places_taken: Annotated[
        int, Field(description="Places of the mentor that are taken, after this event.", ge=0, examples=[1])
    ]


class MentorshipRequested(MentorshipEvent):
    """A member asked a mentor for a mentorship."""

    message: Annotated[
        str, Field(description="What the mentee wrote.", examples=["I take over our permit office in May."])
    ]


class MentorshipAccepted(MentorshipEvent):
    """The mentor agreed: a place is taken from now on."""

    ends_at: Moment


class MentorshipDeclined(MentorshipEvent):
    """The mentor did not agree."""

    reason: Annotated[str, Field(description="For the mentee.", examples=["On leave until May."])]


class MentorshipExpired(MentorshipEvent):
    """A request was not answered in time, or cannot be any more."""

    why: Annotated[ExpiryReason, Field(description="What let it expire.", examples=["capacity-reached"])]


class MentorshipCancelled(MentorshipEvent):
    """The mentee took the request back."""


class MentorshipCheckedIn(MentorshipEvent):
    """A check-in was recorded by one side, or is due and asked of both. The first recorded is the start."""

    number: Annotated[int, Field(description="Which of the check-ins, from 1 on.", ge=1, examples=[3])]
    status: Annotated[CheckInStatus, Field(description="Whether it took place.", examples=["recorded"])]
    recorded_by: MemberId | None = Field(
        description="The side that recorded it; null where it is due.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )
    ends_at: Moment


class MentorshipCompleted(MentorshipEvent):
    """The mentorship reached its end; the place is free again."""

    completed_by: MemberId | None = Field(
        description="The side that said so; null where the time was over.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )
    check_ins: Annotated[int, Field(description="How many were recorded.", ge=0, examples=[6])]


class MentorshipEnded(MentorshipEvent):
    """The mentorship ended before it was completed; the place is free again."""

    ended_by: MemberId | None = Field(
        description="The side that ended it; null where no side did.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )
    why: Annotated[EndReason, Field(description="What ended it.", examples=["by-a-side"])]
    reason: Annotated[str, Field(description="For the other side.", examples=["I change jobs."])]
