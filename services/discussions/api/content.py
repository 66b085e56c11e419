"""What the endpoints of case studies and resources share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from services.discussions.api.common import Author, Hidden, Reactions
from services.discussions.domain.content import Content, ContentState
from services.discussions.queries import Names
from services.discussions.queries.content import Order
from shared.contracts.content import ReusableKind
from shared.web import texts
from shared.web.markdown import MarkdownView
from shared.web.texts import BodyText, Note, Tag, View

CaseStudyPath = Annotated[str, Path(max_length=100, description="A case study's id.")]
ResourcePath = Annotated[str, Path(max_length=100, description="A resource's id.")]
WantedState = Annotated[
    ContentState | None,
    Query(description="Only those in this state; of drafts, yours. Else all published and outdated ones."),
]
WantedTag = Annotated[Tag | None, Query(description="Only those with this tag.")]
WantedOrder = Annotated[
    Order, Query(description="What comes first. Drafts and archived ones come newest first always.")
]


class Outdating(texts.Request):
    """Why it no longer holds."""

    reason: BodyText = Field(max_length=2_000, examples=["The law of 2026 changed it."])


class NewReuse(texts.Request):
    """That one used it."""

    note: Note = Field("", description="How it went.", examples=["Saved us a week."])


class ContentView(MarkdownView):
    """What case studies and resources have in common."""

    id: str
    community_id: str
    author: Author
    title: str = Field(examples=["How Aarhus got rid of paper permits"])
    tags: list[str]
    state: ContentState
    reason: str = Field(description="Why it is outdated, where it is.")
    reused: int = Field(description="How many members used it.")
    reactions: Reactions
    hidden: Hidden
    posted_at: AwareDatetime = Field(description="When it was published; of a draft, when it was begun.")
    updated_at: AwareDatetime
    revision: int


def common(content: Content, names: Names) -> dict[str, Any]:
    """The fields of ``ContentView``, and those of the kind beside them."""
    fields = content.model_dump(
        exclude={"thread_id", "author_id", "kind", "version", "draft", "anonymous", "hidden"}
    )
    return {
        **fields,
        "id": content.thread_id,
        "author": Author.of(content.author_id, content, names),
        "hidden": bool(content.hidden),
    }


class ReuseView(View):
    """A member used something."""

    item_kind: ReusableKind
    item_id: str
    member: Author
    note: str
    at: AwareDatetime
