"""How a community is set up."""

from __future__ import annotations

from services.members.commands.people import community_for, membership_of
from services.members.domain import community as communities
from services.members.domain.community import Community, Setup
from services.members.store import people as store
from shared.storage import UnitOfWork
from shared.web.auth import Caller
from shared.web.mutations import require_version


async def set_up(
    uow: UnitOfWork, caller: Caller, community_id: str, revision: int, setup: Setup
) -> Community:
    """A steward sets the community up anew, if ``revision`` is still the present one."""
    community = await community_for(uow, community_id, caller.org_id)
    actor = await membership_of(uow, community, caller.member_id)
    require_version(community.revision, revision)
    community, event = communities.set_up(community, actor, setup)
    store.save_community(uow, community)
    uow.record(event)
    return community
