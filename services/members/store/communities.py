"""The directory of communities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.members.domain.community import Community
from services.members.domain.directory import audiences
from services.members.store.people import COMMUNITIES, community_in
from shared.contracts.members import CommunityKind, Stage
from shared.storage import Database, Index

INDEXES = {
    COMMUNITIES: [
        Index([("audience", 1), ("_id", 1)]),
        Index([("audience", 1), ("words", 1), ("_id", 1)]),
        Index([("audience", 1), ("tags", 1), ("_id", 1)]),
        Index([("audience", 1), ("languages", 1), ("_id", 1)]),
        Index([("audience", 1), ("stage", 1), ("_id", 1)]),
        Index([("founder_id", 1)]),
        Index([("stage_due_at", 1)]),
        Index([("steward_due_at", 1)]),
        Index([("stage", 1), ("asked_for_steward", 1), ("leaderless_since", 1)]),
    ],
}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the communities looked for have; what is absent may be anything."""

    words: tuple[str, ...] = ()
    kind: CommunityKind | None = None
    tag: str | None = None
    language: str | None = None
    stage: Stage | None = None


async def directory(
    database: Database, org_id: str | None, wanted: Wanted, after: str | None, limit: int
) -> list[Community]:
    """Communities that are listed for somebody of ``org_id``, by id, after the id ``after``."""
    listed = audiences(org_id)
    if wanted.kind is not None:
        listed = [each for each in listed if (each == "everybody") == (wanted.kind == "external")]
    query: Document = {"audience": {"$in": listed}}
    if wanted.words:
        query["words"] = {"$all": list(wanted.words)}
    if wanted.tag is not None:
        query["tags"] = wanted.tag
    if wanted.language is not None:
        query["languages"] = wanted.language
    if wanted.stage is not None:
        query["stage"] = wanted.stage
    if after is not None:
        query["_id"] = {"$gt": after}
    rows = await database[COMMUNITIES].find(query).sort("_id", 1).limit(limit).to_list(length=None)
    return [community_in(row) for row in rows]
