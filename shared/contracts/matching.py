"""What the matching service publishes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import AskId, CommunityId, Event, MemberId, Moment, ThreadId, Title
from shared.contracts.topics import ASKS, Topic

AskedAs = Literal["expert", "facilitator"]
DeclinedBecause = Literal["not-my-field", "no-time", "answered-elsewhere", "other"]

Anonymous = Annotated[
    bool, Field(description="The asker is not named: the expert is not told who.", examples=[False])
]
As = Annotated[
    AskedAs,
    Field(
        description="As somebody who may know, in a wave; or as a facilitator, when the waves found nobody.",
        examples=["expert"],
    ),
]
Wave = Annotated[int, Field(description="Which wave of asks, from 1.", ge=1, examples=[1])]


class ThreadAsksEvent(Event, abstract=True):
    """Something about the asking for a problem; ordered by thread."""

    topic: ClassVar[Topic] = ASKS
    thread_id: ThreadId
    community_id: CommunityId
    asker_id: MemberId


class AskEvent(ThreadAsksEvent, abstract=True):
    """Something about one expert asked for a problem."""

    ask_id: AskId
    expert_id: MemberId


class ExpertAsked(AskEvent):
    """A member was asked for help with a problem, and told why."""

    anonymous: Anonymous = False
    problem_title: Title
    asked_as: As = "expert"
    wave: Wave
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
    because: Annotated[
        DeclinedBecause, Field(description="Why not, as far as it is one of these.", examples=["no-time"])
    ] = "other"
    reason: Annotated[str, Field(description="Why not, if told.", examples=["On leave until May."])]


class ExpertAskExpired(AskEvent):
    """The ask is over: its time passed, or the problem was settled before."""

    problem_title: Title
    asked_as: As = "expert"
    wave: Wave
    ignored: Annotated[
        bool,
        Field(
            description="The expert said nothing although they were needed; two in a row rest them. False "
            "where the problem was settled, or somebody else had taken it, before the time passed.",
            examples=[True],
        ),
    ]


class RoutingExhausted(ThreadAsksEvent):
    """Nobody who was asked has answered, and nobody else is left to ask but the facilitators."""

    anonymous: Anonymous = False
    problem_title: Title
    waves: Annotated[int, Field(description="Waves of asks that found nobody.", ge=0, examples=[3])]
    experts: Annotated[int, Field(description="Experts asked in all of them.", ge=0, examples=[9])]
    facilitator_ids: Annotated[
        list[MemberId],
        Field(
            description="Facilitators of the community who are asked now; an `expert-asked` for each comes "
            "before this.",
            examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]],
        ),
    ]


class SimilarProblem(BaseModel):
    """A problem from before that is like the one posted."""

    model_config = ConfigDict(frozen=True)

    thread_id: ThreadId
    community_id: CommunityId
    title: Title
    solved: Annotated[bool, Field(description="Whether it is resolved.", examples=[True])]
    best_practice: Annotated[
        bool, Field(description="Whether one of its solutions is a best practice.", examples=[True])
    ]
    reasons: Annotated[
        list[str],
        Field(description="Why it is like it, in words.", examples=[["asks much the same", "is solved"]]),
    ]


class SimilarProblemsFound(ThreadAsksEvent):
    """A problem was posted, and there are problems like it which its author may see: have you seen these?"""

    problem_title: Title
    similar: Annotated[
        list[SimilarProblem],
        Field(
            description="The few that are most like it, best first.",
            examples=[
                [
                    {
                        "thread_id": "0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d02",
                        "community_id": "0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01",
                        "title": "Signatures on paper take days",
                        "solved": True,
                        "best_practice": True,
                        "reasons": ["asks much the same", "has a best practice"],
                    }
                ]
            ],
            min_length=1,
        ),
    ]
