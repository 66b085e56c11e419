"""What the endpoints of case studies and resources share."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, Hidden, Reactions, milliseconds, moment
from services.discussions.domain.content import Content, ContentState
from services.discussions.queries import Names
from services.discussions.queries import content as contents
from services.discussions.queries.content import Order
from shared.contracts.content import ResourceForm, ReusableKind
from shared.storage import Database
from shared.web import texts
from shared.web.auth import Caller
from shared.web.markdown import MarkdownView
from shared.web.paging import page, read_cursor
from shared.web.texts import BodyText, Note, Tag, View

C = TypeVar("C", bound=Content)

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


async def listed(
    database: Database,
    caller: Caller,
    of: type[C],
    community_id: str,
    *,
    state: ContentState | None,
    tag: str | None,
    order: Order,
    cursor: str | None,
    limit: int,
    form: ResourceForm | None = None,
) -> tuple[list[C], Names, str | None]:
    """A page of those of a kind in a community, who wrote them, and the cursor of the next page."""
    if order == "most-reused" and state is None:
        rows = await contents.most_reused(
            database, caller, of, community_id, tag=tag, form=form,
            before=tuple(read_cursor(cursor, int, str)) if cursor else None, limit=limit + 1,
        )  # fmt: skip
        shown, following = page(rows, limit, lambda row: row.reused, lambda row: row.thread_id)
    else:
        rows = await contents.contents(
            database, caller, of, community_id, state=state, tag=tag, form=form,
            before=moment(cursor) if cursor else None, limit=limit + 1,
        )  # fmt: skip
        shown, following = page(
            rows, limit, lambda row: milliseconds(row.posted_at), lambda row: row.thread_id
        )
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return shown, names, following


class ReuseView(View):
    """A member used something."""

    item_kind: ReusableKind
    item_id: str
    member: Author
    note: str
    at: AwareDatetime
