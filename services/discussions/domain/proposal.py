"""A proposal of improvement: somebody else's text for a solution, which its authors merge or decline."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from merge3 import Merge3
from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant
from services.discussions.domain.solution import Solution, not_superseded, require_author
from shared.errors import BadInput, Conflict, Forbidden, NotFound

ProposalState = Literal["open", "merged", "declined", "withdrawn"]
Command = Literal["rebase", "merge", "decline", "withdraw"]

TRANSITIONS: Mapping[ProposalState, Mapping[Command, ProposalState]] = {
    "open": {"rebase": "open", "merge": "merged", "decline": "declined", "withdraw": "withdrawn"},
    "merged": {},
    "declined": {},
    "withdrawn": {},
}
"""What leads where; whoever wants more proposes anew."""


class Proposal(BaseModel):
    """A changed text of revision ``base`` of a solution. ``revision`` counts the proposal's own texts."""

    model_config = ConfigDict(frozen=True)

    proposal_id: str
    solution_id: str
    thread_id: str
    community_id: str
    proposer_id: str
    base: int
    body: str
    note: str
    revision: int = 1
    state: ProposalState = "open"
    at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    merged_as: int | None = None
    """The solution's revision that it became."""


def no_such_proposal() -> NotFound:
    """Also for one of another solution."""
    return NotFound("no-such-proposal", "There is no such proposal.", fix="Check its id.")


def propose(
    proposal_id: str,
    solution: Solution,
    proposer: Participant,
    *,
    base: int,
    base_body: str,
    body: str,
    note: str,
    now: datetime,
) -> Proposal:
    """Propose a text. Authors revise instead."""
    not_superseded(solution)
    if proposer.member_id in solution.authors:
        raise Conflict("own-solution", "You are an author of this solution.", fix="Revise it instead.")
    _changes_something(base_body, body)
    return Proposal(
        proposal_id=proposal_id,
        solution_id=solution.solution_id,
        thread_id=solution.thread_id,
        community_id=solution.community_id,
        proposer_id=proposer.member_id,
        base=base,
        body=body,
        note=note,
        at=now,
    )


def rebase(
    proposal: Proposal, proposer: Participant, *, base: int, base_body: str, body: str, note: str
) -> Proposal:
    """The proposer says it otherwise, or on top of a later revision."""
    _own(proposal, proposer)
    _changes_something(base_body, body)
    changes = {"base": base, "body": body, "note": note, "revision": proposal.revision + 1}
    return _moved(proposal, "rebase").model_copy(update=changes)


def withdraw(proposal: Proposal, proposer: Participant, now: datetime) -> Proposal:
    """The proposer takes it back."""
    _own(proposal, proposer)
    return _decided(proposal, "withdraw", proposer, now)


def decline(
    proposal: Proposal, solution: Solution, actor: Participant, reason: str, now: datetime
) -> Proposal:
    """An author, a facilitator or a steward does not want it."""
    require_author(solution, actor, "decline a proposal")
    return _decided(proposal, "decline", actor, now).model_copy(update={"reason": reason})


def merge(proposal: Proposal, solution: Solution, actor: Participant, now: datetime) -> Proposal:
    """An author, a facilitator or a steward makes it the solution's next revision."""
    require_author(solution, actor, "merge a proposal")
    not_superseded(solution)
    return _decided(proposal, "merge", actor, now).model_copy(update={"merged_as": solution.revision + 1})


def merged_text(base: str, present: str, proposed: str) -> str:
    """What the solution says with the proposal's changes, line by line.

    Raises ``Conflict`` where both changed the same lines, or nothing is left to change.
    """
    merged: list[str] = []
    for group in Merge3(_lines(base), _lines(present), _lines(proposed)).merge_groups():
        if group[0] == "conflict":
            raise Conflict(
                "merge-conflict",
                "The solution was revised since in the lines that this proposal changes.",
                fix="Read the present revision, apply the changes to it, and put the proposal anew with it "
                "as its base.",
            )
        merged += group[1]
    text = "".join(merged).strip()
    if text == present:
        raise Conflict("nothing-to-merge", "The solution says so already.", fix="Decline the proposal.")
    return text


def difference(before: str, after: str, named: tuple[str, str]) -> str:
    """A unified diff of two texts; empty where they are the same."""
    return "".join(difflib.unified_diff(_lines(before), _lines(after), *named))


def _lines(text: str) -> list[str]:
    """Each with its end, the last one, too: it is a line like the others."""
    return [f"{line}\n" for line in text.split("\n")]


def _changes_something(base: str, body: str) -> None:
    if base == body:
        raise BadInput("no-change", "This is what the solution says.", field="/body", fix="Change the text.")


def _own(proposal: Proposal, proposer: Participant) -> None:
    if proposer.member_id != proposal.proposer_id:
        raise Forbidden("not-yours", "Only the one who proposed it does this.")


def _decided(proposal: Proposal, command: Command, actor: Participant, now: datetime) -> Proposal:
    return _moved(proposal, command).model_copy(update={"decided_by": actor.member_id, "decided_at": now})


def _moved(proposal: Proposal, command: Command) -> Proposal:
    following = TRANSITIONS[proposal.state].get(command)
    if following is None:
        raise Conflict("proposal-closed", f"This proposal is {proposal.state} already.")
    return proposal.model_copy(update={"state": following})
