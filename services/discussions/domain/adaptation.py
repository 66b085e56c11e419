"""An adaptation: what another team changed of a solution and why, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Participant
from services.discussions.domain.item import Item, Said
from services.discussions.domain.practice import named
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Solution, not_superseded
from shared.contracts.practices import (
    AdaptationChange,
    AdaptationOutcome,
    AdaptationOutcomeReported,
    AdaptationStarted,
    AdaptationState,
    AdaptationUpdated,
    Measure,
    ParentChange,
)
from shared.errors import BadInput, Conflict, Forbidden, NotFound

Command = Literal["start", "note", "work", "work-with-changes", "fail", "abandon"]

TRANSITIONS: Mapping[AdaptationState, Mapping[Command, AdaptationState]] = {
    "planned": {"start": "in-use", "note": "planned", "abandon": "abandoned"},
    "in-use": {
        "note": "in-use", "work": "worked", "work-with-changes": "worked-with-changes", "fail": "failed",
        "abandon": "abandoned",
    },
    "worked": {
        "note": "worked", "work": "worked", "work-with-changes": "worked-with-changes", "fail": "failed",
    },
    "worked-with-changes": {
        "note": "worked-with-changes", "work": "worked", "work-with-changes": "worked-with-changes",
        "fail": "failed",
    },
    "failed": {
        "note": "failed", "work": "worked", "work-with-changes": "worked-with-changes", "fail": "failed",
    },
    "abandoned": {},
}  # fmt: skip
"""What leads where. What came of it can be told anew: what worked may fail a year later, and what was told of
one revision be told of a later one."""

COMMAND_OF: Mapping[AdaptationOutcome, Command] = {
    "worked": "work",
    "worked-with-changes": "work-with-changes",
    "failed": "fail",
    "abandoned": "abandon",
}

FOLLOWING: frozenset[AdaptationState] = frozenset({"planned", "in-use", "worked", "worked-with-changes"})
"""Those who adapted it so are told when the practice changes."""
WORKED: frozenset[AdaptationState] = frozenset({"worked", "worked-with-changes"})


class Adaptation(Item):
    """``author_id`` is the adopter, ``source_id`` whose work they adapted; ``revision`` the solution's that
    it, or what was told of it last, is about."""

    adaptation_id: str
    thread_id: str
    community_id: str
    solution_id: str
    within: list[str]
    """What it hangs on beside the thread: the solution."""
    parent_id: str | None
    """The adaptation that it adapts, where that is not the solution itself."""
    org_id: str | None
    source_id: str
    source_org_id: str | None
    revision: int
    title: str
    """Where, in a line: the team, the site."""
    body: str
    """What is done otherwise."""
    reasons: str
    state: AdaptationState
    measures: list[Measure] = Field(default_factory=list)
    outcome_note: str = ""
    created_at: datetime
    started_at: datetime | None = None
    outcome_at: datetime | None = None
    ask_at: datetime | None = None
    """When the adopter is asked what came of it, if nobody has told by then."""
    asked_at: datetime | None = None
    updated_at: datetime

    def said(self) -> Said:
        """What search is to find it by."""
        text = "\n".join((self.body, self.reasons, self.outcome_note))
        author_id = None if self.anonymous else self.author_id
        return Said(
            "adaptation", self.adaptation_id, self.thread_id, self.community_id, author_id, self.created_at,
            self.title, text, (), self.state,
        )  # fmt: skip


class Note(BaseModel):
    """What an adopter told on the way."""

    model_config = ConfigDict(frozen=True)

    note_id: str
    adaptation_id: str
    author_id: str
    body: str
    at: datetime


def no_such_adaptation() -> NotFound:
    """Also for one of another solution."""
    return NotFound("no-such-adaptation", "There is no such adaptation.", fix="Check its id.")


def begin(
    problem: Problem,
    solution: Solution,
    parent: Adaptation | None,
    adopter: Participant,
    adaptation_id: str,
    *,
    title: str,
    changes: str,
    reasons: str,
    in_use: bool,
    source_org_id: str | None,
    rules: Rules,
    now: datetime,
) -> tuple[Problem, Solution, Adaptation, AdaptationStarted]:
    """A team adapts the solution, or another team's adaptation of it; planned, or in use already."""
    not_superseded(solution)
    problem = problem.then()
    solution = solution.model_copy(update={"adaptations": solution.adaptations + 1})
    adaptation = Adaptation(
        adaptation_id=adaptation_id,
        thread_id=problem.thread_id,
        community_id=problem.community_id,
        solution_id=solution.solution_id,
        within=[solution.solution_id],
        parent_id=parent.adaptation_id if parent else None,
        author_id=adopter.member_id,
        org_id=adopter.org_id,
        source_id=parent.author_id if parent else solution.author_id,
        source_org_id=parent.org_id if parent else source_org_id,
        revision=solution.revision,
        title=title,
        body=changes,
        reasons=reasons,
        state="in-use" if in_use else "planned",
        hidden=list(solution.hidden),
        anonymous=problem.anonymous and adopter.member_id == problem.author_id,
        created_at=now,
        started_at=now if in_use else None,
        ask_at=now + rules.ask_adopters_after if in_use else None,
        updated_at=now,
    )
    return (
        problem,
        solution,
        adaptation,
        AdaptationStarted(
            **_named(problem, solution, adaptation),
            parent_id=adaptation.parent_id,
            source_id=adaptation.source_id,
            source_org_id=adaptation.source_org_id,
            title=title,
            changes=changes,
            reasons=reasons,
            tags=problem.tags,
        ),
    )


def _named(problem: Problem, solution: Solution, adaptation: Adaptation) -> dict[str, Any]:
    return {
        **named(problem, solution),
        "revision": adaptation.revision,
        "adaptation_id": adaptation.adaptation_id,
        "adopter_id": adaptation.author_id,
        "adopter_org_id": adaptation.org_id,
        "adaptation_state": adaptation.state,
    }


def start(
    problem: Problem,
    solution: Solution,
    adaptation: Adaptation,
    actor: Participant,
    rules: Rules,
    now: datetime,
) -> tuple[Problem, Adaptation, AdaptationUpdated]:
    """What was planned is in use from now on."""
    adaptation = _moved(adaptation, actor, "start", now).model_copy(
        update={"started_at": now, "ask_at": now + rules.ask_adopters_after}
    )
    return _updated(problem, solution, adaptation, "in-use", actor.member_id)


def tell(
    problem: Problem,
    solution: Solution,
    adaptation: Adaptation,
    actor: Participant,
    note_id: str,
    body: str,
    now: datetime,
) -> tuple[Problem, Adaptation, Note, AdaptationUpdated]:
    """The adopter tells how it goes."""
    adaptation = _moved(adaptation, actor, "note", now)
    note = Note(
        note_id=note_id,
        adaptation_id=adaptation.adaptation_id,
        author_id=actor.member_id,
        body=body,
        at=now,
    )
    problem, adaptation, event = _updated(problem, solution, adaptation, "noted", actor.member_id, body)
    return problem, adaptation, note, event


def report(
    problem: Problem,
    solution: Solution,
    adaptation: Adaptation,
    actor: Participant,
    *,
    outcome: AdaptationOutcome,
    revision: int | None,
    measures: list[Measure],
    note: str,
    now: datetime,
) -> tuple[Problem, Adaptation, AdaptationOutcomeReported]:
    """The adopter tells what came of it, of ``revision``: of the one adapted if they do not say."""
    about = adaptation.revision if revision is None else revision
    if not adaptation.revision <= about <= solution.revision:
        raise BadInput(
            "no-such-revision",
            f"It can be told of revision {adaptation.revision} to {solution.revision}.",
            field="/revision",
            fix="Name one of these.",
        )
    adaptation = _moved(adaptation, actor, COMMAND_OF[outcome], now).model_copy(
        update={
            "revision": about,
            "measures": measures,
            "outcome_note": note,
            "outcome_at": now,
            "ask_at": None,
        }
    )
    problem = problem.then()
    return (
        problem,
        adaptation,
        AdaptationOutcomeReported(
            **_named(problem, solution, adaptation), outcome=outcome, measures=measures, note=note
        ),
    )


def ask(
    problem: Problem, solution: Solution, adaptation: Adaptation, now: datetime
) -> tuple[Problem, Adaptation, AdaptationUpdated]:
    """The time has come to ask the adopter what came of it; that happens once."""
    asked = adaptation.model_copy(update={"ask_at": None, "asked_at": now})
    return _updated(problem, solution, asked, "asked", None)


def tell_of_change(
    problem: Problem, solution: Solution, adaptation: Adaptation, change: ParentChange
) -> tuple[Problem, Adaptation, AdaptationUpdated]:
    """The adopter is told that what they adapted is no longer what it was."""
    return _updated(problem, solution, adaptation, "parent-changed", None, parent_change=change)


def _updated(
    problem: Problem,
    solution: Solution,
    adaptation: Adaptation,
    change: AdaptationChange,
    actor_id: str | None,
    note: str = "",
    parent_change: ParentChange | None = None,
) -> tuple[Problem, Adaptation, AdaptationUpdated]:
    problem = problem.then()
    event = AdaptationUpdated(
        **_named(problem, solution, adaptation),
        change=change,
        changed_by=actor_id,
        note=note,
        asked=change == "asked",
        parent_change=parent_change,
        parent_revision=solution.revision,
    )
    return problem, adaptation, event


def _moved(adaptation: Adaptation, actor: Participant, command: Command, now: datetime) -> Adaptation:
    if actor.member_id != adaptation.author_id:
        raise Forbidden("not-yours", "Only those who adapted it tell what came of it.")
    following = TRANSITIONS[adaptation.state].get(command)
    if following is None:
        raise Conflict(
            "wrong-adaptation-state",
            f"An adaptation that is {adaptation.state} is not one to {command.replace('-', ' ')}.",
            fix="Start it first." if adaptation.state == "planned" else "Record another one.",
        )
    return adaptation.model_copy(update={"state": following, "updated_at": now})
