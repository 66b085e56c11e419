"""What the notifications service publishes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import CommunityId, Event, MemberId, NotificationId, ThreadId
from shared.contracts.topics import DELIVERIES, Topic

NotificationKind = Literal[
    "expert-ask", "ask-accepted", "ask-declined", "reply", "mention", "comment", "endorsement", "acceptance",
    "resolution", "revision",
]  # fmt: skip


class DeliveryEvent(Event, abstract=True):
    """Something about a notification; ordered by its recipient."""

    topic: ClassVar[Topic] = DELIVERIES
    member_id: MemberId
    notification_id: NotificationId


class NotificationDelivered(DeliveryEvent):
    """A notification is in the recipient's inbox."""

    kind: Annotated[NotificationKind, Field(description="What it is about.", examples=["expert-ask"])]
    thread_id: ThreadId
    community_id: CommunityId
    rule: Annotated[
        str, Field(description="The rule that chose the recipient.", examples=["asked-as-expert"])
    ]


class NotificationSuppressed(DeliveryEvent):
    """A notification was not delivered, and by which rule."""

    kind: Annotated[NotificationKind, Field(description="What it is about.", examples=["reply"])]
    thread_id: ThreadId
    community_id: CommunityId
    rule: Annotated[str, Field(description="The rule that held it back.", examples=["no-longer-a-member"])]


class NotificationRead(DeliveryEvent):
    """The recipient has read it."""

    community_id: CommunityId | None = Field(
        default=None,
        description="The community that it is about; nothing in what was read before this was said.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01"],
    )
