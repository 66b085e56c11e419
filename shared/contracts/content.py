"""What the discussions service publishes about case studies, resources, benchmarks and gatherings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Body, MemberId, Moment, OrgId, SolutionId, Tags, ThreadId, Title
from shared.contracts.discussions import ThreadEvent

ContentState = Literal["published", "outdated", "archived"]
ResourceForm = Literal["link", "file", "template"]
ReusableKind = Literal["case-study", "resource", "solution"]


class ContentEvent(ThreadEvent, abstract=True):
    """Something for the community to read or use: carries the whole of it, as it is from now on."""

    actor = "editor_id"
    author_id: MemberId
    editor_id: Annotated[
        MemberId,
        Field(description="Who brought it about.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]),
    ]
    title: Annotated[str, Field(description="Its title.", examples=["How Aarhus got rid of paper permits"])]
    body: Body
    tags: Tags
    state: Annotated[ContentState, Field(description="Its state from now on.", examples=["published"])]
    reason: Annotated[
        str, Field(description="Why it is outdated, where it is.", examples=["The law of 2026 changed it."])
    ]
    revision: Annotated[int, Field(description="The revision of its text.", ge=1, examples=[1])]


class CaseStudyPublished(ContentEvent):
    """A case study was published; or again: edited, found outdated, brought up to date, or archived."""

    organisation: Annotated[
        str, Field(description="Where it happened, in the author's words.", examples=["City of Aarhus"])
    ]
    problem_id: ThreadId | None = Field(
        description="The problem that it is about.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"]
    )
    solution_id: SolutionId | None = Field(
        description="The solution or practice that it shows.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e01"],
    )


class ResourceShared(ContentEvent):
    """A resource was shared; or again: edited, found outdated, brought up to date, or archived."""

    form: Annotated[ResourceForm, Field(description="What it is.", examples=["link"])]
    address: str | None = Field(
        description="Where it is; nowhere else for a template.",
        examples=["https://permits.example.org/checklist"],
    )


class ContentReused(ThreadEvent):
    """A member says that they used a case study, a resource or a solution in their own work."""

    actor = "reused_by"
    item = "item_id"
    item_kind: Annotated[ReusableKind, Field(description="What was used.", examples=["resource"])]
    item_id: Annotated[
        str, Field(description="Which one.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"])
    ]
    item_author_id: MemberId
    reused_by: MemberId
    note: Annotated[str, Field(description="How it went.", examples=["Saved us a week."])]
    title: Title
    tags: Tags
    reused: Annotated[int, Field(description="How many members used it by now.", ge=1, examples=[12])]


class Measure(BaseModel):
    """What a benchmark asks for: a number in a unit, or one of a few choices."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(description="What is measured.", examples=["Days to a permit"])]
    kind: Annotated[Literal["number", "choice"], Field(description="How.", examples=["number"])]
    unit: str | None = Field(None, description="A number's unit.", examples=["days"])
    lowest: float | None = Field(None, description="The lowest number there can be.", examples=[0])
    highest: float | None = Field(None, description="The highest number there can be.", examples=[365])
    choices: list[str] = Field(
        default_factory=list, description="What can be chosen.", examples=[["yes", "no"]]
    )


MEASURES = [
    {"name": "Days to a permit", "kind": "number", "unit": "days", "lowest": 0},
    {"name": "Signed digitally", "kind": "choice", "choices": ["all", "some", "none"]},
]


class BenchmarkEvent(ThreadEvent, abstract=True):
    """Something that happened to a benchmark."""

    author_id: MemberId
    title: Annotated[str, Field(description="The question.", examples=["How long does a permit take you?"])]


class BenchmarkOpened(BenchmarkEvent):
    """A member asks all organisations the same question."""

    actor = "author_id"
    body: Body
    tags: Tags
    measures: Annotated[list[Measure], Field(description="What is asked for.", examples=[MEASURES])]
    nameless: Annotated[
        bool, Field(description="Whether nobody learns whose answer is whose.", examples=[False])
    ]
    closes_at: Moment | None = Field(
        description="When it closes by itself.", examples=["2026-06-30T16:00:00Z"]
    )


class BenchmarkAnswered(BenchmarkEvent):
    """An organisation answered, or changed its answer. Says nothing of who where answers are nameless."""

    actor = "answered_by"
    answered_by: MemberId | None = Field(
        description="Who answered.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]
    )
    org_id: OrgId | None = Field(description="For which organisation.", examples=["city-of-aarhus"])
    answers: Annotated[int, Field(description="How many answers there are by now.", ge=1, examples=[5])]


class BenchmarkClosed(BenchmarkEvent):
    """A benchmark takes no more answers."""

    actor = "closed_by"
    closed_by: MemberId | None = Field(
        description="Who closed it; nobody where its time had come.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )
    answers: Annotated[int, Field(description="How many answers it got.", ge=0, examples=[14])]


Reply = Literal["yes", "no", "maybe"]
GatheringChange = Literal["whole", "occurrence", "occurrence-cancelled", "moved-up", "notes-published"]
Tell = Annotated[
    list[MemberId],
    Field(
        description="Members whom it concerns: they come, or might.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]],
    ),
]


class GatheringEvent(ThreadEvent, abstract=True):
    """Something that happened to a gathering."""

    author_id: MemberId
    title: Annotated[str, Field(description="What it is called.", examples=["Permit clinic, every Monday"])]


class GatheringDetails(GatheringEvent, abstract=True):
    """The whole of a gathering, as it is from now on."""

    body: Body
    tags: Tags
    start: Annotated[
        str, Field(description="Its first start, by the clocks of its zone.", examples=["2026-03-02T10:00"])
    ]
    zone: Annotated[str, Field(description="IANA time zone.", examples=["Europe/Copenhagen"])]
    minutes: Annotated[int, Field(description="How long it takes, in minutes.", ge=1, examples=[60])]
    recurrence: str | None = Field(
        description="By which rule of RFC 5545 it comes again.", examples=["FREQ=WEEKLY;COUNT=10;BYDAY=MO"]
    )
    place: Annotated[str, Field(description="Where, in words.", examples=["Town hall, room 3"])]
    address: str | None = Field(
        description="Where on the web.", examples=["https://meet.example.org/permit-clinic"]
    )
    next_at: Moment | None = Field(
        description="When it takes place next; nothing when it is over.", examples=["2026-03-02T09:00:00Z"]
    )
    sequence: Annotated[int, Field(description="How often calendars had to change.", ge=0, examples=[0])]


class GatheringScheduled(GatheringDetails):
    """A member invites the community to meet."""

    actor = "author_id"


class GatheringChanged(GatheringDetails):
    """A gathering is different from now on, as a whole or once; or its notes are there."""

    actor = "changed_by"
    changed_by: MemberId | None = Field(
        description="Who changed it; nobody where a place became free.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )
    change: Annotated[GatheringChange, Field(description="What changed.", examples=["occurrence"])]
    occurrence: str | None = Field(
        description="Which occurrence, by its local start in the rule.", examples=["2026-03-09T10:00"]
    )
    tell: Tell


class GatheringCancelled(GatheringEvent):
    """A gathering will not take place, or no more."""

    actor = "cancelled_by"
    cancelled_by: MemberId
    reason: Annotated[str, Field(description="Why.", examples=["The host is ill."])]
    tell: Tell


class GatheringHeld(GatheringEvent):
    """A gathering took place: for the last time, or there are more to come."""

    actor = None
    starts_at: Moment
    ends_at: Moment
    going: Annotated[int, Field(description="How many had said that they come.", ge=0, examples=[12])]
    last: Annotated[bool, Field(description="Whether it was the last time.", examples=[True])]
