"""A problem: what somebody asks, its state, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Participant, require_author_or_curator
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import (
    LinkKind,
    ProblemLinked,
    ProblemPosted,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
)
from shared.errors import BadInput, Conflict

ProblemState = Literal["open", "answered", "resolved", "reopened", "duplicate"]


class Link(BaseModel):
    """This problem's relation to another."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    target_id: str


class Problem(Thread):
    """A problem. ``revision`` counts the edits of its text."""

    kind: Literal["problem"] = "problem"
    state: ProblemState = "open"
    solutions: int = 0
    accepted_id: str | None = None
    links: list[Link] = Field(default_factory=list)
    imported_score: int | None = None


def post(
    thread_id: str,
    author: Participant,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    now: datetime,
    imported_score: int | None = None,
) -> tuple[Problem, ProblemPosted]:
    """A member posts a problem."""
    problem = Problem(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        imported_score=imported_score,
        posted_at=now,
        updated_at=now,
    )
    return problem, ProblemPosted(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        imported_score=imported_score,
    )


def edit(
    problem: Problem, editor_id: str, *, title: str, body: str, tags: Sequence[str], now: datetime
) -> tuple[Problem, ProblemUpdated]:
    """Edit the problem's text and tags, whole."""
    problem = problem.then(
        title=title, body=body, tags=list(tags), revision=problem.revision + 1, updated_at=now
    )
    return problem, ProblemUpdated(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        author_id=problem.author_id,
        editor_id=editor_id,
        title=title,
        body=body,
        tags=list(tags),
    )


def resolve(problem: Problem, actor: Participant) -> tuple[Problem, ProblemResolved]:
    """The problem is resolved: open, answered and reopened ones can be."""
    require_author_or_curator(actor, problem.author_id, "resolve this problem")
    if problem.state in ("resolved", "duplicate"):
        raise Conflict("already-closed", f"This problem is {problem.state} already.")
    problem = problem.then(state="resolved")
    return problem, ProblemResolved(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        author_id=problem.author_id,
        resolved_by=actor.member_id,
    )


def reopen(problem: Problem, actor: Participant) -> tuple[Problem, ProblemReopened]:
    """A resolved problem turned out not to be."""
    require_author_or_curator(actor, problem.author_id, "reopen this problem")
    if problem.state not in ("resolved", "duplicate"):
        raise Conflict("not-resolved", f"Only a closed problem can be reopened; this one is {problem.state}.")
    related = [link for link in problem.links if link.kind != "duplicate"]
    problem = problem.then(state="reopened", links=related)
    return problem, ProblemReopened(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        author_id=problem.author_id,
        reopened_by=actor.member_id,
    )


def link(
    problem: Problem, linked_by: str | None, kind: LinkKind, target: Problem
) -> tuple[Problem, ProblemLinked]:
    """Say that another problem is related, or that this one is its duplicate.

    What is a duplicate has no duplicates itself: following them always ends.
    """
    target_id = target.thread_id
    if target_id == problem.thread_id:
        raise BadInput(
            "link-to-itself", "A problem cannot be linked to itself.", field="/target_id", fix="Name another."
        )
    new = Link(kind=kind, target_id=target_id)
    if new in problem.links:
        raise Conflict("already-linked", "These problems are linked so already.")
    if kind == "duplicate" and target.state == "duplicate":
        raise Conflict(
            "target-is-a-duplicate",
            "The other problem is a duplicate itself.",
            fix="Link to the one that it duplicates.",
        )
    state = "duplicate" if kind == "duplicate" else problem.state
    problem = problem.then(links=[*problem.links, new], state=state)
    return problem, ProblemLinked(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        kind=kind,
        target_thread_id=target_id,
        linked_by=linked_by,
    )
