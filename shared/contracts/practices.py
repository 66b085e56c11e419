"""What the discussions service publishes of solutions that grow into best practices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import MemberId, Moment, OrgId, Tags, Title
from shared.contracts.discussions import SolutionEvent, SolutionState, StateAfter

ContestKind = Literal["outdated", "wrong", "dangerous", "other"]
Resolution = Literal["revised", "answered", "withdrawn"]
CandidacyChange = Literal["proposed", "approved", "objected", "paused", "resumed"]
AdaptationState = Literal["planned", "in-use", "worked", "worked-with-changes", "failed", "abandoned"]
AdaptationOutcome = Literal["worked", "worked-with-changes", "failed", "abandoned"]
AdaptationChange = Literal["in-use", "noted", "asked", "parent-changed"]
ParentChange = Literal["revised", "revised-in-substance", "contested", "lapsed", "superseded"]

ContestId = Annotated[
    str, Field(description="A contest's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3d01"])
]
Authors = Annotated[
    list[MemberId],
    Field(
        description="Everybody who wrote a revision of the solution.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]],
    ),
]
Stewards = Annotated[
    list[MemberId],
    Field(
        description="Stewards of the community, to whom this is put; some of them where there are many.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]],
    ),
]
Endorsements = Annotated[int, Field(description="Current endorsements that count.", ge=0, examples=[4])]
Score = Annotated[
    float, Field(description="How far the community stands behind it.", ge=0, le=1, examples=[0.75])
]
After = Annotated[SolutionState, Field(description="The solution's state after it.", examples=["contested"])]


class PracticeEvent(SolutionEvent, abstract=True):
    """Something that happened to a solution on its way to a best practice, or as one."""

    author_ids: Authors
    problem_title: Title


class SolutionRecommended(PracticeEvent):
    """Enough members vouch for the solution."""

    actor = None
    tags: Tags
    endorsements: Endorsements
    score: Score


class SolutionContested(PracticeEvent):
    """A member contests the solution; ``state`` tells whether the doubts outweigh by now."""

    actor = "contester_id"
    contest_id: ContestId
    contester_id: MemberId
    kind: Annotated[ContestKind, Field(description="What is wrong with it.", examples=["outdated"])]
    reason: Annotated[str, Field(description="Why, in words.", examples=["The form was abolished in May."])]
    contesting: Annotated[int, Field(description="Members who contest it now.", ge=1, examples=[1])]
    state: After


class ContestResolved(PracticeEvent):
    """A contest is over: the solution was revised, a steward answered, or it was withdrawn."""

    actor = "resolved_by"
    contest_id: ContestId
    contester_id: MemberId
    resolved_by: MemberId
    how: Annotated[Resolution, Field(description="What ended it.", examples=["revised"])]
    word: Annotated[
        str, Field(description="What whoever resolved it says.", examples=["Revision 3 names the new form."])
    ]
    contesting: Annotated[int, Field(description="Members who contest it now.", ge=0, examples=[0])]
    state: After


class BestPracticeProposed(PracticeEvent):
    """The solution is a candidate for a best practice, or something changed about its candidacy.

    Stewards approve or object until ``closes_at``; while one objects or it is paused, there is no such time.
    """

    actor = "changed_by"
    tags: Tags
    change: Annotated[CandidacyChange, Field(description="What happened.", examples=["proposed"])]
    changed_by: MemberId | None = Field(
        description="The steward; nobody where the community's endorsements did it.", examples=[None]
    )
    reason: Annotated[str, Field(description="The steward's, where one is needed.", examples=[""])]
    approvals: Annotated[int, Field(description="Stewards who approve so far.", ge=0, examples=[0])]
    closes_at: Moment | None = Field(
        description="When silence makes it a best practice.", examples=["2026-03-09T09:30:00Z"]
    )
    steward_ids: Stewards
    endorsements: Endorsements
    score: Score


class BestPracticeRecognised(PracticeEvent):
    """The solution is a best practice of its community from now on."""

    actor = None
    tags: Tags
    approved_by: Annotated[
        list[MemberId],
        Field(
            description="The stewards who approved; too few of them where silence decided.",
            examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]],
        ),
    ]
    review_at: Annotated[Moment, Field(description="When it is reviewed.", examples=["2026-08-29T09:30:00Z"])]


class PracticeReviewDue(PracticeEvent):
    """A best practice has to be reviewed: announced some time before, said once more when it is overdue."""

    actor = None
    steward_ids: Stewards
    review_at: Annotated[
        Moment, Field(description="The day of the review.", examples=["2026-08-29T09:30:00Z"])
    ]
    overdue: Annotated[bool, Field(description="Whether that day is long past.", examples=[False])]


class PracticeReverified(PracticeEvent):
    """Somebody reviewed the practice: it still holds."""

    actor = "reviewed_by"
    reviewed_by: MemberId
    note: Annotated[str, Field(description="What the review found.", examples=["Still the way to do it."])]
    review_at: Annotated[
        Moment, Field(description="When it is reviewed next.", examples=["2027-02-25T09:30:00Z"])
    ]


class PracticeLapsed(PracticeEvent):
    """Nobody reviewed the practice: it is none any more until somebody does."""

    actor = None


class PracticeSuperseded(PracticeEvent):
    """Another solution took its place."""

    actor = "superseded_by"
    superseding_thread_id: Annotated[
        str,
        Field(description="The other one's thread.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d02"]),
    ]
    superseding_solution_id: Annotated[
        str, Field(description="The other one.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e02"])
    ]
    superseded_by: MemberId
    reason: Annotated[str, Field(description="Why.", examples=["The new law made it simpler."])]


class Measure(BaseModel):
    """What was measured before and after."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(description="What was measured.", examples=["Time to a permit"])]
    unit: Annotated[str, Field(description="In which unit.", examples=["days"])]
    before: Annotated[float, Field(description="Before the adaptation.", examples=[9.0])]
    after: Annotated[float, Field(description="With it.", examples=[2.5])]


Measures = Annotated[
    list[Measure],
    Field(
        description="What was measured before and after.",
        examples=[[{"name": "Time to a permit", "unit": "days", "before": 9.0, "after": 2.5}]],
    ),
]


class AdaptationEvent(PracticeEvent, abstract=True):
    """Something about a team's adaptation of a solution. ``revision`` is the one that they adapted."""

    item = "adaptation_id"
    adaptation_id: Annotated[
        str, Field(description="An adaptation's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3e01"])
    ]
    adopter_id: MemberId
    adopter_org_id: OrgId | None = Field(
        description="The adopter's organisation.", examples=["transport-nsw"]
    )
    adaptation_state: Annotated[
        AdaptationState, Field(description="The adaptation's state.", examples=["in-use"])
    ]
    state: StateAfter = None


class AdaptationStarted(AdaptationEvent):
    """A team adapts a solution, or another team's adaptation of it: planned, or in use."""

    actor = "adopter_id"
    parent_id: str | None = Field(
        description="The adaptation that it adapts; none where it adapts the solution.", examples=[None]
    )
    source_id: MemberId
    source_org_id: OrgId | None = Field(
        description="The organisation of whoever's work it adapts.", examples=["city-of-aarhus"]
    )
    title: Annotated[str, Field(description="Where, in a line.", examples=["Permit office, Parramatta"])]
    changes: Annotated[
        str, Field(description="What is done otherwise.", examples=["We sign with the state's ID."])
    ]
    reasons: Annotated[str, Field(description="Why.", examples=["There is no national eID here."])]
    tags: Tags


class AdaptationUpdated(AdaptationEvent):
    """Something happened to an adaptation: it is in use, its adopter told how it goes or is asked what came
    of it, or the solution that it adapts changed, of which its adopter should know.

    Where the solution changed there is one event for each adaptation of it, in pages: a practice may have
    been adapted by thousands.
    """

    actor = "changed_by"
    change: Annotated[AdaptationChange, Field(description="What happened.", examples=["asked"])]
    changed_by: MemberId | None = Field(
        description="The adopter; nobody where they are asked or told.", examples=[None]
    )
    note: Annotated[str, Field(description="How it goes, in words.", examples=[""])]
    asked: Annotated[
        bool, Field(description="Whether the adopter is asked what came of it.", examples=[True])
    ]
    parent_change: ParentChange | None = Field(
        description="What happened to the solution, where that is told.", examples=[None]
    )
    parent_revision: Annotated[int, Field(description="The solution's present revision.", ge=1, examples=[2])]


class AdaptationOutcomeReported(AdaptationEvent):
    """A team tells what came of its adaptation; it may tell so again."""

    actor = "adopter_id"
    outcome: Annotated[AdaptationOutcome, Field(description="What came of it.", examples=["worked"])]
    measures: Measures
    note: Annotated[str, Field(description="In words.", examples=["The queue is gone."])]


class PracticeLifted(PracticeEvent):
    """A practice of an internal community is shown to an external one from now on, as a problem and a
    solution of their own; ``revision`` is the one that was lifted."""

    actor = "lifted_by"
    lift_id: Annotated[
        str, Field(description="The lift's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3f01"])
    ]
    lifted_by: MemberId
    approved_by: MemberId
    org_id: OrgId
    target_community_id: Annotated[
        str, Field(description="The external one.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c02"])
    ]
    target_thread_id: Annotated[
        str, Field(description="The problem there.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d02"])
    ]
    target_solution_id: Annotated[
        str, Field(description="The solution there.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e02"])
    ]
