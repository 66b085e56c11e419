"""The collection of proposals of improvement."""

from __future__ import annotations

from typing import Any

from pymongo import ReplaceOne

from services.discussions.domain.proposal import Proposal, ProposalState
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

PROPOSALS = "proposals"

INDEXES = {
    PROPOSALS: [
        Index([("solution_id", 1), ("state", 1), ("_id", -1)]),
        Index([("proposer_id", 1)]),
    ]
}
PERSONAL = {PROPOSALS: Personal(by=["proposer_id"])}

Document = dict[str, Any]


def _proposal(document: Document) -> Proposal:
    return Proposal.model_validate({**document, "proposal_id": document["_id"]})


async def load_proposal(uow: UnitOfWork, proposal_id: str) -> Proposal | None:
    """The proposal, if there is one."""
    document = await uow.find_one(PROPOSALS, {"_id": proposal_id})
    return _proposal(document) if document else None


def save_proposal(uow: UnitOfWork, proposal: Proposal) -> None:
    """Save a new or changed proposal."""
    fields = proposal.model_dump(exclude={"proposal_id"})
    uow.write(PROPOSALS, ReplaceOne({"_id": proposal.proposal_id}, fields, upsert=True))


async def find_proposal(database: Database, proposal_id: str) -> Proposal | None:
    """The proposal, if there is one."""
    document = await database[PROPOSALS].find_one({"_id": proposal_id})
    return _proposal(document) if document else None


async def find_proposals(
    database: Database, solution_id: str, state: ProposalState, before: str | None, limit: int
) -> list[Proposal]:
    """The proposals for a solution in a state, newest first, before an id."""
    query: Document = {"solution_id": solution_id, "state": state}
    if before is not None:
        query["_id"] = {"$lt": before}
    found = database[PROPOSALS].find(query).sort("_id", -1).limit(limit)
    return [_proposal(row) for row in await found.to_list(length=None)]
