"""Who comes into a community, and who is sent away."""

from __future__ import annotations

from services.members.commands.people import (
    community_for,
    led,
    let_in,
    membership_of,
    registered,
    require_room,
)
from services.members.domain import admission as admissions
from services.members.domain.admission import Admission
from services.members.domain.community import Membership
from services.members.domain.rules import RULES
from services.members.store import admissions as store
from services.members.store import people
from shared.errors import NotFound
from shared.storage import UnitOfWork
from shared.web.auth import Caller


async def request(
    uow: UnitOfWork, caller: Caller, community_id: str, note: str, *, beyond_budget: bool = False
) -> Admission:
    """The caller asks to be let in; their budget of communities counts now, not when they are let in."""
    member = await registered(uow, caller)
    community, admission, event = admissions.request(
        await community_for(uow, community_id, member.org_id),
        await people.load_membership(uow, community_id, member.member_id),
        await store.load_admission(uow, community_id, member.member_id),
        member.member_id,
        member.org_id,
        note=note,
        rules=RULES,
        now=uow.now,
    )
    await require_room(uow, member, beyond_budget=beyond_budget)
    people.save_community(uow, community)
    store.save_admission(uow, admission)
    uow.record(event)
    return admission


async def approve(uow: UnitOfWork, caller: Caller, community_id: str, member_id: str) -> Membership:
    """A steward lets somebody in who asked; they are a member on trial at once."""
    community = await community_for(uow, community_id, caller.org_id)
    steward = await membership_of(uow, community, caller.member_id)
    present = await people.load_membership(uow, community_id, member_id)
    admissions.require_steward(steward)
    admission = await _asked(uow, community_id, member_id)
    member = await people.load_member(uow, member_id)
    if member is None:
        raise NotFound("no-such-member", "There is no such member.")
    community, approved = admissions.approve(community, steward, present, admission)
    uow.record(approved)
    membership = await let_in(uow, community, present, member, None)
    store.delete_admission(uow, community_id, member_id)
    return membership


async def decline(
    uow: UnitOfWork, caller: Caller, community_id: str, member_id: str, reason: str
) -> Admission:
    """A steward does not let somebody in who asked."""
    community = await community_for(uow, community_id, caller.org_id)
    steward = await membership_of(uow, community, caller.member_id)
    present = await people.load_membership(uow, community_id, member_id)
    admissions.require_steward(steward)
    admission = await _asked(uow, community_id, member_id)
    community, admission, event = admissions.decline(
        community, steward, present, admission, reason=reason, now=uow.now
    )
    people.save_community(uow, community)
    store.save_admission(uow, admission)
    uow.record(event)
    return admission


async def invite(uow: UnitOfWork, caller: Caller, community_id: str, member_id: str, note: str) -> Admission:
    """A steward invites somebody, who may then join by themselves."""
    community = await community_for(uow, community_id, caller.org_id)
    steward = await membership_of(uow, community, caller.member_id)
    admissions.require_steward(steward)
    member = await people.load_member(uow, member_id)
    if member is None:
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    admission = admissions.invite(
        community,
        steward,
        await people.load_membership(uow, community_id, member_id),
        await store.load_admission(uow, community_id, member_id),
        member_id,
        member.org_id,
        note=note,
        now=uow.now,
    )
    store.save_admission(uow, admission)
    return admission


async def remove(
    uow: UnitOfWork, caller: Caller, community_id: str, member_id: str, reason: str
) -> Admission:
    """A steward sends a member away; from now on they have no access."""
    community = await community_for(uow, community_id, caller.org_id)
    steward = await membership_of(uow, community, caller.member_id)
    admissions.require_steward(steward)
    subject = await people.load_membership(uow, community_id, member_id)
    if subject is None:
        raise NotFound("no-such-membership", "There is no such member in this community.")
    community, admission, event = admissions.remove(community, steward, subject, reason=reason, now=uow.now)
    community = await led(uow, community, subject, None)
    people.save_community(uow, community)
    people.delete_membership(uow, subject)
    store.save_admission(uow, admission)
    uow.record(event)
    return admission


async def _asked(uow: UnitOfWork, community_id: str, member_id: str) -> Admission:
    admission = await store.load_admission(uow, community_id, member_id)
    if admission is None:
        raise NotFound("no-such-request", "This member has not asked to join.")
    return admission
