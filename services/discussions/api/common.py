"""What the endpoints of discussions share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.discussions.domain.item import InThread
from services.discussions.queries import Names
from shared.contracts.members import Role
from shared.errors import BadRequest
from shared.web.paging import read_cursor
from shared.web.texts import View

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]
ThreadPath = Annotated[str, Path(max_length=100, description="A thread's id, of whatever kind.")]
ProblemPath = Annotated[str, Path(max_length=100, description="A problem's id.")]
CommentPath = Annotated[str, Path(max_length=100, description="A comment's id.")]
SolutionPath = Annotated[str, Path(max_length=100, description="A solution's id.")]

Reactions = Annotated[
    dict[str, int],
    Field(description="How many members reacted how.", examples=[{"works-for-me": 3, "outdated": 1}]),
]
Hidden = Annotated[bool, Field(description="Hidden by moderators: only its author and curators see it.")]


class Author(View):
    """Who wrote or did something."""

    id: str | None = Field(description="Absent where they are anonymous.")
    name: str | None = Field(description="Absent until this service has heard of them.")
    org_id: str | None
    role: Role | None = Field(description="In the community, while they belong to it.")
    anonymous: bool = Field(description="They asked without being named, and only stewards see who it is.")

    @staticmethod
    def of(member_id: str, item: InThread, names: Names) -> Author:
        """Who they are, as the author of ``item`` (or of anything in its thread), as far as known."""
        anonymous = (item.thread_id, member_id) in names.anonymous
        if anonymous and not names.unveiled(item, member_id):
            return Author(id=None, name=None, org_id=None, role=None, anonymous=True)
        name, org_id = names.people.get(member_id, (None, None))
        role = names.roles.get((item.community_id, member_id))
        return Author(id=member_id, name=name, org_id=org_id, role=role, anonymous=anonymous)


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
