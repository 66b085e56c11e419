"""What the discussions service publishes about case studies, resources, benchmarks and gatherings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Body, MemberId, SolutionId, Tags, ThreadId, Title
from shared.contracts.discussions import ThreadEvent

ContentState = Literal["published", "outdated", "archived"]
ResourceForm = Literal["link", "file", "template"]
ReusableKind = Literal["case-study", "resource", "solution"]


class ContentEvent(ThreadEvent, abstract=True):
    """Something for the community to read or use: carries the whole of it, as it is from now on."""

    actor = "editor_id"
    author_id: MemberId
    editor_id: Annotated[
        str,
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
