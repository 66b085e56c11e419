"""The HTTP API of searching."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, milliseconds
from services.discussions.domain import searching as rules
from services.discussions.domain.searching import Candidate, Count, Facet
from services.discussions.queries import Names, searching
from services.discussions.queries.searching import Order, Position
from services.discussions.store.items import Shown
from shared.contracts.discussions import ItemKind
from shared.errors import BadRequest
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered
from shared.web.paging import Cursor, Page, PageSize, read_cursor, write_cursor
from shared.web.problems import READ_PROBLEMS
from shared.web.texts import Identifier, Tag, View

router = APIRouter(tags=["search"])

_MICRO = 1_000_000

Words = Annotated[
    str,
    Query(
        max_length=300,
        description='Words, all of which it must have, and "phrases" in quotes. Case and accents do not '
        "matter. Without any, everything is found.",
        examples=['permits "digital signature"'],
    ),
]


class HitView(MarkdownView):
    """Something that was found."""

    markdown = ("excerpt",)

    item_kind: ItemKind
    item_id: str
    thread_id: str
    community_id: str
    title: str = Field(description="Its own title, or that of its thread.")
    excerpt: str = Field(
        description="How its text begins, as Markdown.", examples=["Every permit waits **nine days** on"]
    )
    author: Author
    state: str = Field(description="Empty where its kind has none.", examples=["best-practice"])
    tags: list[str]
    at: AwareDatetime
    score: float = Field(description="How well it fits; 0 by date.", examples=[7.25])


class CountView(View):
    """How many of what is found have a value."""

    value: str = Field(examples=["solution"])
    name: str | None = Field(description="What the author or the community is called, as far as known.")
    count: int = Field(examples=[12])
    more: bool = Field(description="There may be more: show it as 1,000+ or so.")


class SearchPage(Page[HitView]):
    """What was found. By date a page can have fewer items than asked for and still be followed by another."""

    counts: dict[Facet, list[CountView]] = Field(
        description="What is found by kind, state, tag, author and community, the most frequent first. "
        "What was asked anonymously counts for no author.",
        examples=[{"kind": [{"value": "solution", "name": None, "count": 12, "more": False}]}],
    )
    complete: bool = Field(description="False where only the newest items with the rarest word were ranked.")


@router.get("/search", response_model=SearchPage, responses=READ_PROBLEMS)
async def search(
    caller: AuthenticatedCaller,
    database: Db,
    q: Words = "",
    kind: Annotated[ItemKind | None, Query(description="Only items of this kind.")] = None,
    state: Annotated[str | None, Query(max_length=50, description="Only items in this state.")] = None,
    tag: Annotated[Tag | None, Query(description="Only items with this tag.")] = None,
    community_id: Annotated[Identifier | None, Query(description="Only in this community.")] = None,
    author_id: Annotated[Identifier | None, Query(description="Only what this member wrote.")] = None,
    order: Annotated[Order, Query(description="What comes first: the best, or the newest.")] = "relevance",
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> SearchPage:
    """Search in all that you may see."""
    query = rules.query(q, {"kind": kind, "state": state, "tag": tag, "author": author_id})
    found = await searching.search(
        database,
        caller,
        query,
        community_id=community_id,
        order=order,
        after=_position(cursor) if cursor else None,
        limit=limit,
    )
    candidates = [candidate for _, candidate in found.items]
    items, titles = await searching.shown(database, candidates)
    authors = [each.value for each in found.counts["author"]]
    shown_by = [each.author_id for each in items.values()]
    names = await queries.names(database, caller, candidates, shown_by + authors)
    called: Mapping[Facet, Mapping[str, str]] = {
        "author": {author_id: name for author_id, (name, _) in names.people.items()},
        "community": await searching.community_names(database, found.counts["community"]),
    }
    hits = [
        _hit(score, candidate, items[candidate.item_id], titles.get(candidate.thread_id, ""), names)
        for score, candidate in found.items
        if candidate.item_id in items  # it may just have gone
    ]
    return SearchPage(
        items=await all_rendered(hits, html),
        next=_cursor(found.next) if found.next else None,
        counts={
            facet: [_count(count, called.get(facet, {})) for count in counts]
            for facet, counts in found.counts.items()
        },
        complete=found.complete,
    )


def _hit(score: float, candidate: Candidate, shown: Shown, title: str, names: Names) -> HitView:
    return HitView(
        item_kind=candidate.kind,
        item_id=candidate.item_id,
        thread_id=candidate.thread_id,
        community_id=candidate.community_id,
        title=shown.title or title,
        excerpt=shown.excerpt,
        author=Author.of(shown.author_id, candidate, names),
        state=candidate.state,
        tags=list(candidate.tags),
        at=candidate.at,
        score=score,
    )


def _count(count: Count, names: Mapping[str, str]) -> CountView:
    return CountView(value=count.value, name=names.get(count.value), count=count.count, more=count.more)


def _cursor(position: Position) -> str:
    score, at, item_id = position
    return write_cursor(round(score * _MICRO), milliseconds(at), item_id)


def _position(cursor: str) -> Position:
    score, at, item_id = read_cursor(cursor, int, int, str)
    try:
        return score / _MICRO, datetime.fromtimestamp(at / 1000, UTC), item_id
    except (OverflowError, OSError, ValueError):
        raise BadRequest(
            "bad-cursor", "The cursor is not one of this list.", field="cursor", fix="Start without a cursor."
        ) from None
