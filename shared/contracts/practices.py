"""What the discussions service publishes of solutions that grow into best practices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import MemberId, Moment, Tags, Title
from shared.contracts.discussions import SolutionEvent, SolutionState

ContestKind = Literal["outdated", "wrong", "dangerous", "other"]
Resolution = Literal["revised", "answered", "withdrawn"]
CandidacyChange = Literal["proposed", "approved", "objected", "paused", "resumed"]

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
