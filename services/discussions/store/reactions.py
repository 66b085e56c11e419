"""The collection of reactions."""

from __future__ import annotations

from pymongo import DeleteOne

from services.discussions.domain.reaction import Reaction
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

REACTIONS = "reactions"

INDEXES = {
    REACTIONS: [
        Index([("item_id", 1), ("member_id", 1), ("kind", 1)], unique=True),
        Index([("member_id", 1)]),
    ]
}

PERSONAL = {REACTIONS: Personal(by=["member_id"])}


async def load_reaction(uow: UnitOfWork, item_id: str, member_id: str, kind: str) -> Reaction | None:
    """The member's reaction of that kind to the item."""
    document = await uow.find_one(REACTIONS, {"item_id": item_id, "member_id": member_id, "kind": kind})
    return Reaction.model_validate(document) if document else None


def save_reaction(uow: UnitOfWork, reaction: Reaction) -> None:
    """Save a new reaction."""
    uow.insert(REACTIONS, [reaction.model_dump()])


def delete_reaction(uow: UnitOfWork, reaction: Reaction) -> None:
    """It was taken back."""
    key = reaction.model_dump(include={"item_id", "member_id", "kind"})
    uow.write(REACTIONS, DeleteOne(key))


async def own_reactions(database: Database, item_id: str, member_id: str) -> list[str]:
    """The kinds of a member's reactions to an item."""
    found = database[REACTIONS].find({"item_id": item_id, "member_id": member_id}, {"kind": 1})
    return sorted([row["kind"] async for row in found])
