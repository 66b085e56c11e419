"""What the matching service publishes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.base import AskId, CommunityId, Event, MemberId, Moment, ThreadId, Title
from shared.contracts.topics import ASKS, Topic


class AskEvent(Event, abstract=True):
    """Something about the experts asked for a problem; ordered by thread."""

    topic: ClassVar[Topic] = ASKS
    thread_id: ThreadId
    community_id: CommunityId
    ask_id: AskId
    expert_id: MemberId
    asker_id: MemberId


class ExpertAsked(AskEvent):
    """A member was asked for help with a problem, and told why."""

    anonymous: bool = Field(
        default=False, description="The asker is not named: the expert is not told who.", examples=[False]
    )
    problem_title: Title
    wave: Annotated[int, Field(description="Which wave of asks, from 1.", ge=1, examples=[1])]
    reasons: Annotated[
        list[str],
        Field(
            description="Why this person, in words.",
            examples=[["3 endorsed solutions on permits", "states the skill permits (expert)"]],
        ),
    ]
    expires_at: Moment


class ExpertAskAccepted(AskEvent):
    """The expert will look at it."""

    problem_title: Title


class ExpertAskDeclined(AskEvent):
    """The expert will not; declining costs nothing."""

    problem_title: Title
    reason: Annotated[str, Field(description="Why not, if told.", examples=["On leave until May."])]
