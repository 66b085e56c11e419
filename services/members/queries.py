"""Reads for the API: what one may see of people and communities."""

from __future__ import annotations

from services.members.domain.community import Community, Membership, may_see, no_such_community
from services.members.domain.member import Member
from services.members.store import people as store
from shared.errors import NotFound
from shared.storage import Database
from shared.web.auth import Caller


async def member(database: Database, member_id: str) -> Member:
    """A member's profile."""
    found = await store.find_member(database, member_id)
    if found is None:
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    return found


async def community(database: Database, caller: Caller, community_id: str) -> Community:
    """A community that the caller may see."""
    found = await store.find_community(database, community_id)
    if found is None or not may_see(found, caller.org_id):
        raise no_such_community()
    return found


async def communities(database: Database, caller: Caller, after: str | None, limit: int) -> list[Community]:
    """The communities that the caller may see, by id."""
    return await store.visible_communities(database, caller.org_id, after, limit)


async def members_of(
    database: Database, caller: Caller, community_id: str, after: str | None, limit: int
) -> list[Membership]:
    """Who belongs to a community that the caller may see, by member id."""
    await community(database, caller, community_id)
    return await store.members_of(database, community_id, after, limit)


async def memberships_of(
    database: Database, caller: Caller, after: str | None, limit: int
) -> list[Membership]:
    """The caller's own memberships, by community id."""
    return await store.memberships_of(database, caller.member_id, after, limit)
