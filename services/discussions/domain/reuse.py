"""A reuse: a member says that something was of use in their own work. One for each member and item."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant
from services.discussions.domain.content import Content
from services.discussions.domain.solution import Solution
from services.discussions.domain.thread import Thread
from shared.contracts.content import ContentReused, ReusableKind
from shared.errors import Conflict, Forbidden

T = TypeVar("T", bound=Thread)


class Reuse(BaseModel):
    """A member used an item, with a note on how it went."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    community_id: str
    item_kind: ReusableKind
    item_id: str
    member_id: str
    note: str
    at: datetime


def again(earlier: Reuse, note: str) -> Reuse:
    """The member has another word on how it went; they are counted already."""
    return earlier.model_copy(update={"note": note})


def reuse_content(
    content: Content, member: Participant, note: str, now: datetime
) -> tuple[Content, Reuse, ContentReused]:
    """A member used a case study or a resource."""
    if content.draft:
        raise Conflict("still-a-draft", f"This {content.called} is a draft.", fix="Publish it first.")
    reused = content.reused + 1
    content = content.then(reused=reused)
    kind: ReusableKind = content.kind  # type: ignore[assignment]
    return content, *_reuse(content, kind, content.thread_id, content.author_id, member, note, reused, now)


def reuse_solution(
    problem: T, solution: Solution, member: Participant, note: str, now: datetime
) -> tuple[T, Solution, Reuse, ContentReused]:
    """A member used a solution."""
    solution = solution.model_copy(update={"reused": solution.reused + 1})
    problem = problem.then()
    return (
        problem,
        solution,
        *_reuse(
            problem, "solution", solution.solution_id, solution.author_id, member, note, solution.reused, now
        ),
    )


def _reuse(
    thread: Thread,
    kind: ReusableKind,
    item_id: str,
    author_id: str,
    member: Participant,
    note: str,
    reused: int,
    now: datetime,
) -> tuple[Reuse, ContentReused]:
    if member.member_id == author_id:
        raise Forbidden("own-work", "Nobody counts as reusing their own work.")
    reuse = Reuse(
        thread_id=thread.thread_id,
        community_id=thread.community_id,
        item_kind=kind,
        item_id=item_id,
        member_id=member.member_id,
        note=note,
        at=now,
    )
    return reuse, ContentReused(
        thread_id=thread.thread_id,
        version=thread.version,
        community_id=thread.community_id,
        item_kind=kind,
        item_id=item_id,
        item_author_id=author_id,
        reused_by=member.member_id,
        note=note,
        title=thread.title,
        tags=thread.tags,
        reused=reused,
    )
