"""Every endpoint that answers a text in Markdown answers it as HTML, too, where `html=true` asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest

from shared.testing.stack import Stack
from shared.web.markdown import to_html
from tests.component.access import discussions
from tests.component.access.place import Place, Recipe, needs
from tests.component.access.table import read

ROWS = {row.name: row for row in read("discussions") if row.method == "GET"}
MARKDOWN = {
    "body", "situation", "action", "outcome", "lessons", "text", "changes", "reasons",
    "problem_body", "excerpt", "size", "constraints", "culture", "tried",
}  # fmt: skip
"""What texts in Markdown are called in answers, and no others."""
RECIPES = discussions.RECIPES | {
    "GET /solutions/{solution_id}/proposals": needs(solution_id="{improved}"),
    "GET /solutions/{solution_id}/lifts": needs(solution_id="{practice}"),
}


@pytest.fixture(scope="module")
async def place(stack: Stack) -> AsyncIterator[Place]:
    async with discussions.places(stack) as places:
        inside = next(place for place in places if place.kind == "internal")
        note = f"/adaptations/{inside.things['adaptation']}/notes"
        await inside.do("member", "POST", note, {"body": "*So* so."})
        yield inside


async def test_every_text_in_markdown_is_answered_as_html_where_asked_for(place: Place) -> None:
    wrong = [f"{name}: {what}" for name in _with_markdown(place) async for what in _wrong(place, name)]
    assert not wrong, "\n".join(wrong)


async def _wrong(place: Place, name: str) -> AsyncIterator[str]:
    """What is wrong with the answers of an endpoint."""
    recipe = RECIPES.get(name, Recipe())
    for wanted in ("false", "true"):
        asked = replace(recipe, query={**recipe.query, "html": wanted})
        answer = await place.ask("author", ROWS[name], asked)
        if not answer.is_success:
            yield answer.text
            return
        told = answer.json()
        items = told.get("items", [told])
        if not items:
            yield "nothing to look at; make something in tests/component/access/discussions.py"
        for item in items:
            texts = {
                path: text
                for path in _markdown(place.app.openapi(), _answered(place, name))
                if isinstance(text := reduce(_part, path.split("."), item), str)
            }
            html = {path: to_html(text) for path, text in texts.items()} if wanted == "true" else None
            if item.get("html", "no such field") != html:
                yield f"html={wanted}: {html} expected, {item.get('html', 'no such field')} met"


def _part(whole: Any, name: str) -> Any:
    return whole.get(name) if isinstance(whole, dict) else None


def _with_markdown(place: Place) -> list[str]:
    """The endpoints that answer texts in Markdown."""
    document = place.app.openapi()
    return [
        name
        for name, row in ROWS.items()
        if not row.case and any(_markdown(document, _answered(place, name)))
    ]


def _answered(place: Place, name: str) -> Mapping[str, Any]:
    """The schema of what an endpoint answers, of a list that of an item."""
    document = place.app.openapi()
    answer = document["paths"]["/v1" + ROWS[name].path]["get"]["responses"]["200"]
    schema = _resolved(document, answer["content"].get("application/json", {}).get("schema", {}))
    items = schema.get("properties", {}).get("items")
    return _resolved(document, items["items"]) if items else schema


def _markdown(document: Any, schema: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Where a schema has texts in Markdown: their names, with a dot those of a part."""
    for name, field in schema.get("properties", {}).items():
        if name == "html":
            continue
        for choice in field.get("anyOf") or field.get("oneOf") or [field]:
            part = _resolved(document, choice)
            if part.get("type") == "string" and "enum" not in part and name in MARKDOWN:
                yield within + name
            elif part.get("type") == "object":
                yield from _markdown(document, part, f"{within}{name}.")


def _resolved(document: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
