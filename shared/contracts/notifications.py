"""What the notifications service publishes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import CommunityId, Event, MemberId, NotificationId, ThreadId
from shared.contracts.topics import DELIVERIES, Topic

ThreadKind = Literal[
    "expert-ask", "ask-accepted", "ask-declined", "reply", "mention", "comment", "endorsement", "acceptance",
    "resolution", "revision",
]  # fmt: skip
"""The kinds of the first version, which is closed: each is about a thread of a community."""

NotificationKind = Literal[
    ThreadKind, "connection-request", "connection-made", "membership-approved", "membership-declined",
    "member-removed", "role-changed", "mentorship-request", "mentorship-accepted", "mentorship-declined",
    "mentorship-expired", "mentorship-cancelled", "check-in-due", "mentorship-completed", "mentorship-ended",
    "reaffirmation", "improvement-merged", "contest", "contest-resolved", "candidacy", "recognition",
    "review-due", "practice-ended", "practice-lifted", "adaptation", "adaptation-outcome",
    "adaptation-asked", "adapted-changed",
    "gathering-changed", "gathering-cancelled", "gathering-place", "gathering-notes",
    "similar-problems", "escalated-ask", "nobody-answered", "trial-question", "steward-wanted",
    "recommendation", "community-recommended", "mentor-suggested", "connection-suggested",
]  # fmt: skip
"""All kinds. The second version of the events leaves them open: more will come."""

AnyKind = Annotated[
    str, Field(description="What it is about; more kinds will come.", examples=["mentorship-request"])
]
SubjectId = Annotated[
    str,
    Field(
        description="What it is about: the mentorship, the connection, the community.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3d01"],
    ),
]


class DeliveryEvent(Event, abstract=True):
    """Something about a notification; ordered by its recipient."""

    topic: ClassVar[Topic] = DELIVERIES
    member_id: MemberId
    notification_id: NotificationId


class NotificationDelivered(DeliveryEvent):
    """A notification about a thread is in the recipient's inbox; the second version is about the rest."""

    kind: Annotated[ThreadKind, Field(description="What it is about.", examples=["expert-ask"])]
    thread_id: ThreadId
    community_id: CommunityId
    rule: Annotated[
        str, Field(description="The rule that chose the recipient.", examples=["asked-as-expert"])
    ]


class NotificationSuppressed(DeliveryEvent):
    """A notification about a thread was not delivered, and by which rule."""

    kind: Annotated[ThreadKind, Field(description="What it is about.", examples=["reply"])]
    thread_id: ThreadId
    community_id: CommunityId
    rule: Annotated[str, Field(description="The rule that held it back.", examples=["no-longer-a-member"])]


class NotificationDeliveredV2(DeliveryEvent):
    """A notification of a kind that the first version does not have is in the recipient's inbox."""

    kind: AnyKind
    subject_id: SubjectId
    thread_id: ThreadId | None = Field(description="Null where it is about no thread.", examples=[None])
    community_id: CommunityId | None = Field(
        description="The community that one must belong to, to see it; null where none.", examples=[None]
    )
    rule: Annotated[
        str, Field(description="The rule that chose the recipient.", examples=["asked-as-mentor"])
    ]


class NotificationSuppressedV2(DeliveryEvent):
    """A notification of a kind that the first version does not have was not delivered, and by which rule."""

    kind: AnyKind
    subject_id: SubjectId
    thread_id: ThreadId | None = Field(description="Null where it is about no thread.", examples=[None])
    community_id: CommunityId | None = Field(
        description="The community that one must belong to, to see it; null where none.", examples=[None]
    )
    rule: Annotated[str, Field(description="The rule that held it back.", examples=["muted-subject"])]


class NotificationRead(DeliveryEvent):
    """The recipient has read it."""

    community_id: CommunityId | None = Field(
        default=None,
        description="The community that it is about; nothing in what was read before this was said.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01"],
    )
