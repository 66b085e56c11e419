"""What is known of people wherever they are shown: read in one query, since every answer needs it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from services.discussions.store.access import MEMBERSHIPS, PEOPLE, pair
from services.discussions.store.threads import THREADS
from shared.contracts.members import Role
from shared.ids import FORMER_MEMBER, is_former_member
from shared.storage import Database

Stage = dict[str, Any]


class Known(NamedTuple):
    """Of those who were asked for."""

    people: dict[str, tuple[str, str | None]]
    """By member id: name and organisation, as far as known; who was erased is a former member."""
    roles: dict[tuple[str, str], Role]
    """By (community, member), of those who belong to it."""
    anonymous: set[tuple[str, str]]
    """(thread, author) of threads whose author is not named."""


async def find_known(
    database: Database,
    reader_id: str,
    member_ids: Iterable[str],
    communities: Iterable[str],
    thread_ids: Iterable[str],
) -> Known:
    """Who the members are, what they and the reader are in the communities, and who is not named in the
    threads."""
    wanted = set(member_ids)
    former = {each for each in wanted if is_former_member(each)}
    keys = [pair(community_id, each) for community_id in communities for each in wanted | {reader_id}]

    def those(ids: Iterable[str], of: str, fields: dict[str, Any], **more: Any) -> list[Stage]:
        return [
            {"$match": {"_id": {"$in": list(ids)}, **more}},
            {"$project": {"of": {"$literal": of}, **fields}},
        ]

    def and_of(collection: str, pipeline: list[Stage]) -> Stage:
        return {"$unionWith": {"coll": collection, "pipeline": pipeline}}

    membership = {"community_id": 1, "member_id": 1, "role": 1}
    pipeline = [
        *those(wanted - former, "people", {"name": 1, "org_id": 1}),
        and_of(MEMBERSHIPS, those(keys, "roles", membership, active=True)),
        and_of(THREADS, those(thread_ids, "anonymous", {"author_id": 1}, anonymous=True)),
    ]
    known = Known(dict.fromkeys(former, (FORMER_MEMBER, None)), {}, set())
    async for row in database[PEOPLE].aggregate(pipeline):
        match row["of"]:
            case "people":
                known.people[row["_id"]] = (row["name"], row.get("org_id"))
            case "roles":
                known.roles[row["community_id"], row["member_id"]] = row["role"]
            case "anonymous":
                known.anonymous.add((row["_id"], row["author_id"]))
    return known
