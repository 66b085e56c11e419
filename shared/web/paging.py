"""Pages by cursor: stable while things are added, and never a scan to skip what was seen."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from shared.errors import BadRequest

T = TypeVar("T")

PageSize = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """A page of a list; ``next`` is the cursor of the following one, absent on the last."""

    items: list[T]
    next: str | None = Field(default=None, description="Cursor of the next page.")


def write_cursor(*values: str | int) -> str:
    """A cursor that continues after ``values`` of the sort keys."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *types: type) -> list[Any]:
    """The sort keys in ``cursor``. Raises ``BadRequest`` unless they have exactly ``types``."""
    try:
        values: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if (
        not isinstance(values, list)
        or [type(value) for value in values] != list(types)
        or any(isinstance(value, int) and abs(value) >= 2**63 for value in values)
        or any(isinstance(value, str) and not value.isprintable() for value in values)
    ):
        raise BadRequest(
            "bad-cursor",
            "The cursor is not one of this list.",
            field="cursor",
            fix="Send `next` of the page before, or start without a cursor.",
        )
    return values


def page(rows: list[T], size: int, *keys: Any) -> tuple[list[T], str | None]:
    """Cut ``rows`` (fetched with one more than ``size``) to a page, with its cursor.

    ``keys`` are functions from a row to the sort keys' values.
    """
    if len(rows) <= size:
        return rows, None
    last = rows[size - 1]
    return rows[:size], write_cursor(*(key(last) for key in keys))
