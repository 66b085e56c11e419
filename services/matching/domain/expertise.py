"""What a solution says of its author: who endorsed it, whether it was accepted, for whom it worked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from shared.contracts.discussions import (
    Basis,
    ContentFlagged,
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.practices import AdaptationOutcomeReported

EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)

Evidence = (
    SolutionProposed | SolutionEndorsed | EndorsementWithdrawn | SolutionAccepted | AdaptationOutcomeReported
    | ContentFlagged
)  # fmt: skip
"""Of flags, those of solutions."""


class Endorsement(BaseModel):
    """Somebody's endorsement, present or withdrawn; ``version`` is the thread's that said so last."""

    model_config = ConfigDict(frozen=True)

    endorser_id: str
    basis: Basis
    active: bool
    version: int


class Adaptation(BaseModel):
    """What came of somebody's adaptation; ``version`` is the thread's that said so last."""

    model_config = ConfigDict(frozen=True)

    adaptation_id: str
    worked: bool
    version: int


class Solution(BaseModel):
    """What a solution is evidence of."""

    model_config = ConfigDict(frozen=True)

    solution_id: str
    thread_id: str
    community_id: str
    author_id: str
    proposed_at: datetime | None = None
    imported_score: int = 0
    accepted: bool = False
    endorsements: list[Endorsement] = []
    adaptations: list[Adaptation] = []
    hidden: bool = False
    """By moderators: it speaks for nobody."""
    hidden_version: int = 0
    """The thread's that said so last."""


def endorsed(endorsements: Iterable[Mapping[str, Any]]) -> float:
    """The weights of a solution's active endorsements together, from their fields."""
    return sum(rules.ENDORSED[each["basis"]] for each in endorsements if each["active"])


def adapted(adaptations: Iterable[Mapping[str, Any]]) -> int:
    """For how many others a solution worked, from the fields of its adaptations."""
    return sum(each["worked"] for each in adaptations)


def subject(event: Evidence) -> str:
    """The solution that an event is about."""
    return event.item_id if isinstance(event, ContentFlagged) else event.solution_id


def with_evidence(solution: Solution | None, event: Evidence, at: datetime) -> Solution:
    """The solution after ``event``. An event that comes late (replayed) does not undo a later one."""
    if solution is None:
        solution = Solution(
            solution_id=subject(event),
            thread_id=event.thread_id,
            community_id=event.community_id,
            author_id=event.item_author_id if isinstance(event, ContentFlagged) else event.solution_author_id,
        )
    changes: dict[str, object] = {}
    match event:
        case SolutionProposed():
            changes = {"proposed_at": at, "imported_score": event.imported_score or 0}
        case SolutionAccepted():
            if event.accepted_by != solution.author_id:  # one's own word is no evidence
                changes["accepted"] = True
        case SolutionEndorsed():
            changes["endorsements"] = _endorsed(
                solution, event.endorser_id, event.version, {"basis": event.basis, "active": True}
            )
        case EndorsementWithdrawn():
            changes["endorsements"] = _endorsed(solution, event.endorser_id, event.version, {"active": False})
        case AdaptationOutcomeReported():
            if event.adopter_id != solution.author_id:
                changes["adaptations"] = _adapted(solution, event)
        case ContentFlagged():
            if event.change in ("hidden", "shown") and event.version > solution.hidden_version:
                changes = {"hidden": event.change == "hidden", "hidden_version": event.version}
    return solution.model_copy(update=changes)


def _endorsed(
    solution: Solution, endorser_id: str, version: int, change: Mapping[str, object]
) -> list[Endorsement]:
    """The endorsements with one endorser's changed: nobody counts twice for one solution."""
    present = {each.endorser_id: each for each in solution.endorsements}
    before = present.get(endorser_id)
    if before is None or before.version < version:
        known = before.model_dump() if before else {"endorser_id": endorser_id, "basis": "reviewed"}
        present[endorser_id] = Endorsement.model_validate({**known, **change, "version": version})
    return list(present.values())


def _adapted(solution: Solution, event: AdaptationOutcomeReported) -> list[Adaptation]:
    """The adaptations with what came of one of them: told again, the latest word counts."""
    present = {each.adaptation_id: each for each in solution.adaptations}
    before = present.get(event.adaptation_id)
    if before is None or before.version < event.version:
        present[event.adaptation_id] = Adaptation(
            adaptation_id=event.adaptation_id,
            worked=event.outcome in ("worked", "worked-with-changes"),
            version=event.version,
        )
    return list(present.values())
