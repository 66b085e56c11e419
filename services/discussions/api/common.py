"""What the endpoints of discussions share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.discussions import queries
from services.discussions.queries import Names
from shared.errors import BadRequest
from shared.storage import Database
from shared.web.paging import read_cursor
from shared.web.texts import View

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]
ProblemPath = Annotated[str, Path(max_length=100, description="A problem's id.")]
SolutionPath = Annotated[str, Path(max_length=100, description="A solution's id.")]


class Author(View):
    """Who wrote something."""

    id: str
    name: str | None = Field(description="Absent until this service has heard of them.")
    org_id: str | None

    @staticmethod
    def of(member_id: str, names: Names) -> Author:
        """The author, as far as known."""
        name, org_id = names.get(member_id, (None, None))
        return Author(id=member_id, name=name, org_id=org_id)


async def names(database: Database, member_ids: Iterable[str]) -> Names:
    return await queries.names(database, member_ids)


def moment(cursor: str) -> tuple[datetime, str]:
    milliseconds, item_id = read_cursor(cursor, int, str)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC), item_id
    except (OverflowError, OSError, ValueError):
        raise BadRequest(
            "bad-cursor", "The cursor is not one of this list.", field="cursor", fix="Start without a cursor."
        ) from None


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
