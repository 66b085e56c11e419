"""What discussions does about the events of others: it keeps its projections, and little else."""

from __future__ import annotations

from services.discussions import commands, store
from services.discussions.store.access import MembershipEvent
from shared.contracts.members import (
    CommunityCreated,
    CommunityStageChanged,
    CommunityUpdated,
    MemberErased,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MemberRemoved,
    MembershipDormant,
    ProfileUpdated,
    RoleChanged,
    TrialEnded,
)
from shared.messaging.envelope import Received
from shared.messaging.reactions import Batch, Reactions
from shared.storage import UnitOfWork, personal

reactions = Reactions("discussions")


@reactions.batch(MemberRegistered, ProfileUpdated)
async def project_people(batch: Batch[MemberRegistered | ProfileUpdated], uow: UnitOfWork) -> None:
    """Know what people are called, and where they work."""
    for received in batch:
        event = received.event
        store.access.project_person(uow, event.member_id, event.version, event.name, event.org_id)


@reactions.batch(CommunityCreated, CommunityUpdated, CommunityStageChanged)
async def project_communities(
    batch: Batch[CommunityCreated | CommunityUpdated | CommunityStageChanged], uow: UnitOfWork
) -> None:
    """Know which communities there are, their rules, and which are archived."""
    for received in batch:
        store.access.project_community(uow, received.event)


@reactions.batch(MemberJoined, MemberLeft, MemberRemoved, RoleChanged, TrialEnded, MembershipDormant)
async def project_memberships(batch: Batch[MembershipEvent], uow: UnitOfWork) -> None:
    """Know who belongs to which community, as what, and who follows it; whoever leaves frees their places."""
    for received in batch:
        store.access.project_membership(uow, received.event)
    await uow.flush()
    events = [received.event for received in batch]
    gone = [event for event in events if isinstance(event, MemberLeft | MemberRemoved)]
    if gone:
        await commands.gatherings.leave(uow, {(event.community_id, event.member_id) for event in gone})


@reactions.on(MemberErased)
async def forget(received: Received[MemberErased], uow: UnitOfWork) -> None:
    """Erase what is held of a member, and let nothing about them in any more."""
    await commands.gatherings.forget(uow, received.event.member_id)
    personal.begin(uow, received.event.member_id)
