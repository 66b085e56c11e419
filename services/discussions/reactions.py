"""What discussions does about the events of others: it keeps its projections, and nothing else."""

from __future__ import annotations

from services.discussions import store
from shared.contracts.members import (
    CommunityCreated,
    CommunityUpdated,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MemberRemoved,
    ProfileUpdated,
    RoleChanged,
)
from shared.messaging.reactions import Batch, Reactions
from shared.storage import UnitOfWork

reactions = Reactions("discussions")


@reactions.batch(MemberRegistered, ProfileUpdated)
async def project_people(batch: Batch[MemberRegistered | ProfileUpdated], uow: UnitOfWork) -> None:
    """Know what people are called, and where they work."""
    for received in batch:
        event = received.event
        store.access.project_person(uow, event.member_id, event.version, event.name, event.org_id)


@reactions.batch(CommunityCreated, CommunityUpdated)
async def project_communities(batch: Batch[CommunityCreated | CommunityUpdated], uow: UnitOfWork) -> None:
    """Know which communities there are, and their rules."""
    for received in batch:
        store.access.project_community(uow, received.event)


@reactions.batch(MemberJoined, MemberLeft, MemberRemoved, RoleChanged)
async def project_memberships(
    batch: Batch[MemberJoined | MemberLeft | MemberRemoved | RoleChanged], uow: UnitOfWork
) -> None:
    """Know who belongs to which community, as what."""
    for received in batch:
        store.access.project_membership(uow, received.event)
