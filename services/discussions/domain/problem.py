"""A problem: what somebody asks, its state, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Community, Participant, require_author_or_curator
from services.discussions.domain.item import Said
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import (
    Context,
    LinkKind,
    ProblemLinked,
    ProblemPosted,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
    ProblemWithdrawn,
)
from shared.errors import BadInput, Conflict, Forbidden

ProblemState = Literal["open", "answered", "resolved", "reopened", "duplicate", "withdrawn"]
Command = Literal["answer", "resolve", "reopen", "duplicate", "withdraw"]

TRANSITIONS: Mapping[ProblemState, Mapping[Command, ProblemState]] = {
    "open": {
        "answer": "answered",
        "resolve": "resolved",
        "duplicate": "duplicate",
        "withdraw": "withdrawn",
    },
    "answered": {
        "answer": "answered",
        "resolve": "resolved",
        "duplicate": "duplicate",
        "withdraw": "withdrawn",
    },
    "resolved": {"answer": "resolved", "reopen": "reopened", "duplicate": "duplicate"},
    "reopened": {
        "answer": "reopened",
        "resolve": "resolved",
        "duplicate": "duplicate",
        "withdraw": "withdrawn",
    },
    "duplicate": {"answer": "duplicate", "reopen": "reopened", "duplicate": "duplicate"},
    "withdrawn": {},
}
"""What leads where. What is withdrawn stays so: who still asks, asks anew."""

_REFUSED: Mapping[Command, tuple[str, str]] = {
    "answer": ("problem-withdrawn", "This problem is {}: nobody is to work on it."),
    "resolve": ("already-closed", "This problem is {} already."),
    "reopen": ("not-resolved", "Only a closed problem can be reopened; this one is {}."),
    "duplicate": ("problem-withdrawn", "This problem is {}: nobody is to work on it."),
    "withdraw": ("already-closed", "This problem is {} already."),
}


class Link(BaseModel):
    """This problem's relation to another."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    target_id: str


class Problem(Thread):
    """A problem. ``revision`` counts the edits of its text."""

    kind: Literal["problem"] = "problem"
    context: Context | None = None
    state: ProblemState = "open"
    solutions: int = 0
    answered_at: datetime | None = None
    """When the first solution was proposed."""
    accepted_id: str | None = None
    links: list[Link] = Field(default_factory=list)
    imported_score: int | None = None

    def said(self) -> Said | None:
        """Also by its context; what was withdrawn is not found."""
        said = super().said()
        if said is None or self.state == "withdrawn":
            return None
        context = self.context.model_dump().values() if self.context else ()
        return said._replace(text="\n".join([said.text, *context]))


class ProblemText(BaseModel):
    """One text of a problem: what it said from ``at`` on, and who made it say so."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    number: int
    editor_id: str
    at: datetime
    title: str
    body: str
    tags: list[str]
    context: Context | None


def text_of(problem: Problem, editor_id: str, at: datetime) -> ProblemText:
    """The problem's present text, which ``editor_id`` wrote."""
    return ProblemText(
        thread_id=problem.thread_id,
        number=problem.revision,
        editor_id=editor_id,
        at=at,
        title=problem.title,
        body=problem.body,
        tags=problem.tags,
        context=problem.context,
    )


def after(problem: Problem, command: Command) -> ProblemState:
    """The state that ``command`` leads to. Raises ``Conflict`` where it leads nowhere."""
    state = TRANSITIONS[problem.state].get(command)
    if state is None:
        code, detail = _REFUSED[command]
        raise Conflict(code, detail.format(problem.state))
    return state


def require_fit(community: Community, context: Context | None, *, anonymous: bool = False) -> None:
    """Raise ``BadInput`` or ``Forbidden`` where the community wants a problem to be posted otherwise."""
    if context is None and community.kind == "external":
        raise BadInput(
            "context-missing",
            "In an external community a problem sets the stage for those who work elsewhere.",
            field="/context",
            fix="Say how large it is, what cannot be changed, how things are done, and what was tried.",
        )
    if anonymous and not community.allow_anonymous:
        raise Forbidden(
            "not-anonymous-here",
            "This community does not allow anonymous posts.",
            fix="Post it in your name, or ask a steward to allow it.",
        )


def post(
    thread_id: str,
    author: Participant,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    now: datetime,
    context: Context | None = None,
    anonymous: bool = False,
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
        context=context,
        anonymous=anonymous,
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
        context=context,
        anonymous=anonymous,
        imported_score=imported_score,
    )


def edit(
    problem: Problem,
    editor_id: str,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    context: Context | None,
    now: datetime,
) -> tuple[Problem, ProblemUpdated]:
    """Edit the problem's text and tags, whole."""
    problem = problem.then(
        title=title,
        body=body,
        tags=list(tags),
        context=context,
        revision=problem.revision + 1,
        updated_at=now,
    )
    return problem, _updated(problem, editor_id)


def tell_again(problem: Problem, curator_id: str) -> tuple[Problem, ProblemUpdated]:
    """Tell what is left of the problem's text, of which a curator took a passage: who was told the whole
    forgets it."""
    problem = problem.then()
    return problem, _updated(problem, curator_id)


def _updated(problem: Problem, editor_id: str) -> ProblemUpdated:
    return ProblemUpdated(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        author_id=problem.author_id,
        editor_id=editor_id,
        title=problem.title,
        body=problem.body,
        tags=problem.tags,
        context=problem.context,
    )


def resolve(problem: Problem, actor: Participant) -> tuple[Problem, ProblemResolved]:
    """The problem is resolved: open, answered and reopened ones can be."""
    require_author_or_curator(actor, problem.author_id, "resolve this problem")
    problem = problem.then(state=after(problem, "resolve"))
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
    state = after(problem, "reopen")
    related = [link for link in problem.links if link.kind != "duplicate"]
    problem = problem.then(state=state, links=related)
    return problem, ProblemReopened(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        author_id=problem.author_id,
        reopened_by=actor.member_id,
    )


def withdraw(problem: Problem, actor: Participant) -> tuple[Problem, ProblemWithdrawn]:
    """Take the problem back: its author as long as nobody proposed a solution, curators also after that."""
    require_author_or_curator(actor, problem.author_id, "withdraw this problem")
    state = after(problem, "withdraw")
    if problem.solutions and not actor.curates:
        raise Conflict(
            "answered-already",
            "Somebody proposed a solution: the problem is not yours alone any more.",
            fix="Resolve it, or ask a facilitator to withdraw it.",
        )
    problem = problem.then(state=state)
    return problem, ProblemWithdrawn(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        author_id=problem.author_id,
        withdrawn_by=actor.member_id,
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
    state = after(problem, "duplicate") if kind == "duplicate" else problem.state
    problem = problem.then(links=[*problem.links, new], state=state)
    return problem, ProblemLinked(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        kind=kind,
        target_thread_id=target_id,
        linked_by=linked_by,
    )
