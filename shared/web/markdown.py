"""Markdown as HTML that is safe to put into a page: rendered by markdown-it, then cleaned by nh3."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Any, ClassVar, Self, TypeVar

import nh3
from fastapi import Query
from markdown_it import MarkdownIt
from pydantic import Field

from shared.web.texts import View

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
"""No HTML passes through. An image becomes a link: one that is fetched tells its host who reads what."""
_TAGS = {
    *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}

WantsHtml = Annotated[bool, Query(alias="html", description="Answer its texts as HTML, too.")]


def to_html(markdown: str) -> str:
    """``markdown`` (CommonMark with tables and strikethrough) as safe HTML.

    Links lead to whole addresses of http, https and mail alone, and pass nothing on.
    """
    return nh3.clean(
        _MARKDOWN.render(markdown),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",  # it would lead into whatever page shows it
        link_rel="nofollow noopener noreferrer ugc",
    )


class MarkdownView(View):
    """A view with texts in Markdown, which it has as HTML where that is asked for."""

    markdown: ClassVar[tuple[str, ...]] = ("body",)
    """The fields with Markdown; with a dot, those of a part."""

    html: dict[str, str] | None = Field(
        default=None,
        description="Its texts as safe HTML by field, where `html=true` asks for it.",
        examples=[{"body": "<p>Every permit waits <strong>nine days</strong> on paper.</p>\n"}],
    )

    def with_html(self) -> Self:
        """The view with its texts as HTML."""
        texts: dict[str, Any] = {path: reduce(_part, path.split("."), self) for path in self.markdown}
        return self.model_copy(
            update={"html": {path: to_html(text) for path, text in texts.items() if isinstance(text, str)}}
        )


V = TypeVar("V", bound=MarkdownView)


async def rendered(view: V, wanted: bool) -> V:
    """``view``, if ``wanted`` with its texts as HTML; beside the event loop, for long texts take long."""
    return await asyncio.to_thread(view.with_html) if wanted else view


async def all_rendered(views: Sequence[V], wanted: bool) -> list[V]:
    """Each of ``views`` as by ``rendered``."""
    return await asyncio.to_thread(lambda: [view.with_html() for view in views]) if wanted else list(views)


def _part(whole: Any, name: str) -> Any:
    return getattr(whole, name, None)
