"""What the matching service publishes for one member: communities, mentors, people, and what came of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import CommunityId, Event, MemberId, Moment, OrgId
from shared.contracts.topics import RECOMMENDATIONS, Topic

RecommendationKind = Literal["community", "mentor", "connection"]
DismissalReason = Literal["not-my-subject", "not-now", "known-already", "not-this-one"]

Kind = Annotated[RecommendationKind, Field(description="What is recommended.", examples=["community"])]
Reasons = Annotated[
    list[str],
    Field(
        description="Why, in words: the terms of the score, largest first.",
        examples=[["you care about permits", "members like you take part in it"]],
    ),
]
CommunityName = Annotated[str, Field(description="What it is called.", examples=["Permit offices"])]


class RecommendationEvent(Event, abstract=True):
    """Something about what is recommended to a member; ordered by the recipient, whose events ``version``
    counts."""

    topic: ClassVar[Topic] = RECOMMENDATIONS
    member_id: MemberId
    recommendation_id: Annotated[
        str, Field(description="A recommendation's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c4a01"])
    ]


class CommunityRecommended(RecommendationEvent):
    """A community that may be worth joining, or worth changing to where the recipient has enough of them."""

    community_id: CommunityId
    community_name: CommunityName
    org_id: OrgId | None = Field(
        default=None,
        description="The organisation of an internal community: only its members may know of it.",
        examples=[None],
    )
    reasons: Reasons
    named_community_id: CommunityId | None = Field(
        default=None,
        description="The recipient's own community that one of the reasons names: not for who has left it.",
        examples=[None],
    )
    items_a_week: Annotated[
        int, Field(description="How much will probably be written in it, a week.", ge=0, examples=[6])
    ]
    leave_community_id: CommunityId | None = Field(
        description="The community to leave for it; nothing where there is room.", examples=[None]
    )
    leave_community_name: Annotated[str, Field(description="What that is called.", examples=[""])]
    leave_reason: Annotated[
        str, Field(description="Why that one.", examples=["you have written nothing there for a while"])
    ]
    expires_at: Moment


class MentorSuggested(RecommendationEvent):
    """A mentor for the recipient, from a programme."""

    mentor_id: Annotated[
        MemberId,
        Field(description="Who could be the mentor.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]),
    ]
    programme_id: Annotated[
        str, Field(description="The programme's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c4b01"])
    ]
    programme_name: Annotated[str, Field(description="What it is called.", examples=["Spring 2026"])]
    community_id: CommunityId
    reasons: Reasons
    expires_at: Moment


class ConnectionSuggested(RecommendationEvent):
    """Somebody whom the recipient may want to connect with."""

    other_id: Annotated[
        MemberId, Field(description="Who that is.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"])
    ]
    community_id: Annotated[
        CommunityId, Field(description="A community to which both belong: who has left it is not shown.")
    ]
    reasons: Reasons
    expires_at: Moment


class RecommendationOutcome(RecommendationEvent, abstract=True):
    """What came of a recommendation."""

    kind: Kind
    community_id: CommunityId | None = Field(
        description="The community that was recommended; nothing for a person.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01"],
    )
    other_id: MemberId | None = Field(
        description="The mentor or member who was; nothing for a community.", examples=[None]
    )


class RecommendationAccepted(RecommendationOutcome):
    """The recipient took it up, here or by doing it."""


class RecommendationDismissed(RecommendationOutcome):
    """The recipient does not want it. It is not recommended again for a long time."""

    reason: Annotated[
        DismissalReason, Field(description="Why not; it counts from now on.", examples=["not-my-subject"])
    ]


class RecommendationExpired(RecommendationOutcome):
    """Nothing came of it in its time, or what was recommended is not there any more."""
