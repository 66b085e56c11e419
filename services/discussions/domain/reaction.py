"""A reaction: few, and each says something that others can act on. One per member, kind and item."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant
from services.discussions.domain.item import Target
from shared.errors import BadInput, Conflict, Forbidden

ReactionKind = Literal["works-for-me", "outdated", "dangerous"]
"""That somebody used it themselves is a reuse, which says how it went."""


class Reaction(BaseModel):
    """What a member says of an item; ``comment_id`` is where they say why."""

    model_config = ConfigDict(frozen=True)

    item_id: str
    member_id: str
    kind: ReactionKind
    comment_id: str | None
    at: datetime


def react(
    target: Target,
    member: Participant,
    kind: ReactionKind,
    comment_id: str | None,
    now: datetime,
) -> Reaction:
    """React to an item; ``comment_id`` is the comment that goes with it, if any."""
    if target.gone:
        raise Conflict("comment-removed", "This comment was removed.")
    if kind == "works-for-me" and member.member_id == target.author_id:
        raise Forbidden("own-work", "That it works for you is known: you wrote it.")
    if kind == "dangerous" and target.kind == "solution":
        raise Conflict(
            "contest-it",
            "That a solution is dangerous has consequences: it is contested, and the contest is resolved.",
            fix="Contest the solution with the kind `dangerous`: POST /v1/solutions/{solution_id}/contests.",
        )
    if kind == "dangerous" and comment_id is None:
        raise BadInput(
            "comment-missing", "Say what is dangerous about it.", field="/comment", fix="Add a comment."
        )
    return Reaction(
        item_id=target.item_id, member_id=member.member_id, kind=kind, comment_id=comment_id, at=now
    )
