"""What the discussions service publishes: everything on one topic, ordered by thread."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import (
    Body,
    CommentId,
    CommunityId,
    Event,
    MemberId,
    OrgId,
    SolutionId,
    Tags,
    ThreadId,
    Title,
)
from shared.contracts.topics import THREADS, Topic

Basis = Literal["tried", "reviewed"]
LinkKind = Literal["duplicate", "related"]
CommentedKind = Literal["problem", "solution", "comment"]
ItemKind = Literal[
    "problem", "case-study", "resource", "benchmark", "gathering", "solution", "adaptation", "comment"
]
"""What can be commented on, reacted to and flagged: the threads of every kind, and what is in them."""
SolutionState = Literal[
    "proposed", "recommended", "candidate", "best-practice", "review-due", "re-verified", "lapsed",
    "contested", "superseded",
]  # fmt: skip
StateAfter = Annotated[
    SolutionState | None,
    Field(description="The solution's state after it, where it is said.", examples=["recommended"]),
]


class Context(BaseModel):
    """Sets the stage for those who work elsewhere, where other things are taken for granted."""

    model_config = ConfigDict(frozen=True)

    size: Annotated[
        str, Field(description="How many and how much.", examples=["40 permits a week, 3 clerks"])
    ]
    constraints: Annotated[
        str, Field(description="What cannot be changed.", examples=["The law asks for a signature."])
    ]
    culture: Annotated[
        str, Field(description="How things are done there.", examples=["Nobody decides alone."])
    ]
    tried: Annotated[str, Field(description="What was tried, and what came of it.", examples=["Scanning."])]


ProblemContext = Annotated[
    Context | None,
    Field(
        description="What sets the stage; in external communities it is there, unless it is an import.",
        examples=[
            {
                "size": "40 permits a week, 3 clerks",
                "constraints": "The law asks for a signature.",
                "culture": "Nobody decides alone.",
                "tried": "Scanning.",
            }
        ],
    ),
]


FlagChange = Literal["flagged", "dismissed", "hidden", "shown", "locked", "unlocked"]


class ThreadEvent(Event, abstract=True):
    """Something that happened in a thread.

    Two fields are named for the thread's timeline: ``actor`` has who did it (None: nobody, time did), and
    ``item`` what it happened to.
    """

    topic: ClassVar[Topic] = THREADS
    actor: ClassVar[str | None]
    item: ClassVar[str] = "thread_id"
    thread_id: ThreadId
    community_id: CommunityId


class ProblemPosted(ThreadEvent):
    """A member posted a problem."""

    actor = "author_id"
    author_id: MemberId
    title: Title
    body: Body
    tags: Tags
    imported_score: int | None = Field(
        default=None, description="Anonymous votes of an import, where it was one.", examples=[None]
    )
    context: ProblemContext = None
    anonymous: bool = Field(
        default=False,
        description="The author is not named: nobody but stewards may be told who it is, "
        "neither of the problem nor of what they do in its thread.",
        examples=[False],
    )


class ProblemUpdated(ThreadEvent):
    """The problem's text or tags changed; carries the whole of them."""

    actor = "editor_id"
    author_id: MemberId
    editor_id: MemberId
    title: Title
    body: Body
    tags: Tags
    context: ProblemContext = None


class ProblemResolved(ThreadEvent):
    """The problem is resolved."""

    actor = "resolved_by"
    author_id: MemberId
    resolved_by: MemberId


class ProblemReopened(ThreadEvent):
    """A resolved problem turned out not to be."""

    actor = "reopened_by"
    author_id: MemberId
    reopened_by: MemberId


class ProblemWithdrawn(ThreadEvent):
    """The problem was taken back: nobody is to work on it."""

    actor = "withdrawn_by"
    author_id: MemberId
    withdrawn_by: MemberId


class ProblemLinked(ThreadEvent):
    """The problem was linked to another: as its duplicate, or as related."""

    actor = "linked_by"
    kind: Annotated[LinkKind, Field(description="What the other one is to this one.", examples=["duplicate"])]
    target_thread_id: ThreadId
    linked_by: MemberId | None = Field(
        description="Who linked them; nobody for an import.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )


class SolutionEvent(ThreadEvent, abstract=True):
    """Something that happened to a solution."""

    item = "solution_id"
    solution_id: SolutionId
    solution_author_id: MemberId
    revision: Annotated[int, Field(description="The solution's revision meant.", ge=1, examples=[1])]


class SolutionProposed(SolutionEvent):
    """A member proposed a solution: its revision 1."""

    actor = "solution_author_id"
    problem_author_id: MemberId
    problem_title: Title
    tags: Tags
    body: Body
    imported_score: int | None = Field(
        default=None, description="Anonymous votes of an import, where it was one.", examples=[None]
    )


class SolutionRevised(SolutionEvent):
    """A solution has a new, immutable revision."""

    actor = "editor_id"
    editor_id: MemberId
    major: Annotated[bool, Field(description="Earlier endorsements become stale.", examples=[False])]
    note: Annotated[str, Field(description="What changed and why.", examples=["Say which form to use."])]
    body: Body
    endorsements: Annotated[int, Field(description="Current endorsements after it.", ge=0, examples=[2])]
    state: StateAfter = None
    asked: list[MemberId] = Field(
        default_factory=list,
        description="Whose endorsement became stale by it: whether it still holds is theirs to say.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]],
    )
    merged_by: MemberId | None = Field(
        default=None, description="Who made it of the editor's proposal, where it was one.", examples=[None]
    )


class SolutionEndorsed(SolutionEvent):
    """A member vouches for a revision of a solution."""

    actor = "endorser_id"
    endorser_id: MemberId
    endorser_org_id: OrgId | None = Field(
        description="The endorser's organisation.", examples=["transport-nsw"]
    )
    basis: Annotated[Basis, Field(description="Tried it, or reviewed it.", examples=["tried"])]
    problem_title: Title
    tags: Tags
    endorsements: Annotated[int, Field(description="Current endorsements with it.", ge=1, examples=[3])]
    state: StateAfter = None


class EndorsementWithdrawn(SolutionEvent):
    """A member no longer vouches for the solution."""

    actor = "endorser_id"
    endorser_id: MemberId
    tags: Tags
    endorsements: Annotated[int, Field(description="Current endorsements without it.", ge=0, examples=[2])]
    state: StateAfter = None


class SolutionAccepted(SolutionEvent):
    """The one who asked says that this solved it."""

    actor = "accepted_by"
    accepted_by: MemberId
    problem_title: Title
    tags: Tags


class CommentAdded(ThreadEvent):
    """A member added a perspective to a problem, a solution or another comment."""

    actor = "author_id"
    item = "comment_id"
    comment_id: CommentId
    author_id: MemberId
    item_kind: Annotated[
        CommentedKind,
        Field(
            description="What it comments on, as far as this word says it: `problem` also for a thread of "
            "another kind, `solution` also for an adaptation of one.",
            examples=["solution"],
        ),
    ]
    item_id: Annotated[
        str, Field(description="Which one.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e01"])
    ]
    about_kind: ItemKind | None = Field(
        default=None,
        description="Exactly what it comments on; absent in events from before there was more than that.",
        examples=["solution"],
    )
    item_author_id: MemberId
    mentions: Annotated[
        list[MemberId],
        Field(description="Members mentioned.", examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]]),
    ]
    problem_title: Title
    body: Body


ItemOf = Annotated[ItemKind, Field(description="The kind of what it is about.", examples=["solution"])]
ItemId = Annotated[str, Field(description="Which one.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e01"])]


class ItemEvent(ThreadEvent, abstract=True):
    """Something that happened to an item of a thread, whatever its kind."""

    item = "item_id"
    item_kind: ItemOf
    item_id: ItemId
    item_author_id: MemberId


class ContentFlagged(ItemEvent):
    """An item was flagged for the curators, or a curator acted on it; ``hidden`` says what holds after it."""

    actor = "changed_by"
    change: Annotated[FlagChange, Field(description="What happened to it.", examples=["flagged"])]
    reason: Annotated[str, Field(description="Why: of a flag, its word.", examples=["spam"])]
    changed_by: MemberId
    hidden: Annotated[
        bool,
        Field(
            description="Only its author and curators may be shown it, and what hangs on it.",
            examples=[False],
        ),
    ]


class ContentRedacted(ItemEvent):
    """A text, or a part of it, was removed for good, from its earlier revisions too."""

    actor = "redacted_by"
    redacted_by: MemberId
    whole: Annotated[bool, Field(description="The whole text, not a part of it.", examples=[False])]
