"""What members can be told to do: load, decide, save the state and its events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.members.domain import admission as admissions
from services.members.domain import budget as budgets
from services.members.domain import community as communities
from services.members.domain import member as people
from services.members.domain import stage as stages
from services.members.domain import succession
from services.members.domain.budget import Budget
from services.members.domain.community import Community, Membership, Setup
from services.members.domain.member import Availability, Member, Profile, StatedSkill, Visibility
from services.members.store import admissions as door
from services.members.store import lives
from services.members.store import people as store
from shared.contracts.members import CommunityKind, Role, RoleChanged
from shared.errors import BadInput, Conflict, NotFound
from shared.storage import UnitOfWork
from shared.storage.personal import erased_among
from shared.web.auth import Caller, erased
from shared.web.mutations import require_version


async def register(uow: UnitOfWork, caller: Caller, profile: Profile, at: datetime | None = None) -> Member:
    """Register the caller; ``at`` is when, in an import."""
    if await store.load_member(uow, caller.member_id) is not None:
        raise Conflict(
            "already-registered",
            "You are registered already.",
            fix="Edit your profile with PUT /v1/members/me.",
        )
    if await erased_among(uow, [caller.member_id]):
        raise erased()
    member, event = people.register(caller.member_id, caller.org_id, profile, at or uow.now)
    store.save_member(uow, member)
    uow.record(event, at)
    return member


async def edit_profile(uow: UnitOfWork, caller: Caller, version: int, profile: Profile) -> Member:
    """Replace the caller's profile, if ``version`` is still the present one.

    Their organisation is the one that their token names by now: with another one they no longer belong to
    the internal communities of the one before.
    """
    member = await registered(uow, caller)
    require_version(member.version, version)
    if member.org_id is not None and member.org_id != caller.org_id:
        await end_memberships(
            uow, await store.load_memberships_of(uow, member.member_id), within=member.org_id
        )
    member, event = people.edit_profile(member, caller.org_id, profile)
    store.save_member(uow, member)
    uow.record(event)
    return member


async def state_skills(
    uow: UnitOfWork, caller: Caller, version: int, skills: Sequence[StatedSkill]
) -> Member:
    """Replace the caller's skills, if ``version`` is still the present one."""
    member = await registered(uow, caller)
    require_version(member.version, version)
    member, event = people.state_skills(member, skills)
    store.save_member(uow, member)
    uow.record(event)
    return member


async def set_availability(
    uow: UnitOfWork, caller: Caller, version: int, availability: Availability
) -> Member:
    """The caller says how much time they have, if ``version`` is still the present one."""
    member = await registered(uow, caller)
    require_version(member.version, version)
    member, event = people.set_availability(member, availability, uow.now)
    store.save_member(uow, member)
    uow.record(event)
    return member


async def set_visibility(uow: UnitOfWork, caller: Caller, version: int, visibility: Visibility) -> Member:
    """The caller says who sees what of their profile, if ``version`` is still the present one."""
    member = await registered(uow, caller)
    require_version(member.version, version)
    member, events = people.set_visibility(member, visibility)
    store.save_member(uow, member)
    for event in events:
        uow.record(event)
    return member


async def found_community(
    uow: UnitOfWork,
    caller: Caller,
    community_id: str,
    *,
    kind: CommunityKind,
    setup: Setup,
    at: datetime | None = None,
) -> Community:
    """Found a community, with the caller as its first steward."""
    member = await registered(uow, caller)
    if await store.load_community(uow, community_id) is not None:
        raise Conflict("already-founded", "There is a community with this id already.")
    now = at or uow.now
    community, created = communities.found(
        community_id, kind=kind, setup=setup, founder_id=member.member_id, org_id=member.org_id, now=now
    )
    community, membership, joined = communities.join(
        community, None, member.member_id, member.org_id, now, imported_at=uow.now
    )
    community = community.model_copy(update={"quiet_since": uow.now})  # also where it is an old one's import
    store.save_community(uow, community)
    store.save_membership(uow, membership)
    uow.record(created, at)
    uow.record(joined, at)
    return community


async def join(
    uow: UnitOfWork,
    caller: Caller,
    community_id: str,
    at: datetime | None = None,
    *,
    instead_of: str | None = None,
    beyond_budget: bool = False,
) -> Membership:
    """The caller joins a community that is open to them, on trial; ``at`` is when, in an import.

    They may leave ``instead_of`` in the same moment, to stay within their budget of communities, or insist.
    An import repeats what was allowed where it comes from: neither the door nor the budget is asked.
    """
    member = await registered(uow, caller)
    community = await community_for(uow, community_id, member.org_id)
    present = await store.load_membership(uow, community_id, member.member_id)
    if present is None and at is None:
        admissions.may_join(community, await door.load_admission(uow, community_id, member.member_id))
        left = await _left_for(uow, caller, community_id, instead_of) if instead_of else None
        await require_room(uow, member, left, beyond_budget=beyond_budget)
    membership = await let_in(uow, community, present, member, at)
    door.delete_admission(uow, community_id, member.member_id)
    return membership


async def _left_for(uow: UnitOfWork, caller: Caller, community_id: str, instead_of: str) -> Membership:
    left = await store.load_membership(uow, instead_of, caller.member_id)
    if left is None or instead_of == community_id:
        raise BadInput(
            "not-a-member",
            "You do not belong to that community.",
            field="/instead_of",
            fix="Name one of GET /v1/members/me/memberships.",
        )
    await leave(uow, caller, instead_of)
    return left


async def require_room(
    uow: UnitOfWork, member: Member, left: Membership | None = None, *, beyond_budget: bool = False
) -> None:
    """Raise ``Conflict`` (``over-budget``) where one community more is too many, having ``left`` one."""
    if beyond_budget:
        return
    used = await lives.count_followed(uow, member.member_id)
    if left is not None and left.standing != "dormant":
        used -= 1
    budgets.require_room(Budget(member.availability.community_budget, used))
    lives.hold_member(uow, member.member_id)


async def let_in(
    uow: UnitOfWork, community: Community, present: Membership | None, member: Member, at: datetime | None
) -> Membership:
    """Somebody who may come in does, on trial; ``at`` is when, in an import."""
    imported_at = uow.now if at else None
    community, membership, joined = communities.join(
        community, present, member.member_id, member.org_id, at or uow.now, imported_at=imported_at
    )
    stage_changed = None
    if community.stage == "forming" and community.posted_at is not None:
        enough = community.rules.active_from_members
        members = await store.count_members(uow, community.community_id, up_to=enough) + 1
        community, stage_changed = stages.grown(community, members=members, now=uow.now)
    store.save_community(uow, community)
    store.save_membership(uow, membership)
    uow.record(joined, at)
    if stage_changed is not None:
        uow.record(stage_changed)
    return membership


async def leave(uow: UnitOfWork, caller: Caller, community_id: str) -> None:
    """The caller leaves a community."""
    community = await community_for(uow, community_id, caller.org_id)
    membership = await membership_of(uow, community, caller.member_id)
    community, event = communities.leave(
        community,
        membership,
        stewards=await store.count_stewards(uow, community_id),
        members=await store.count_members(uow, community_id),
    )
    community = await led(uow, community, membership, None)
    store.save_community(uow, community)
    store.delete_membership(uow, membership)
    door.delete_admission(uow, community_id, caller.member_id)
    uow.record(event)


async def change_role(
    uow: UnitOfWork, caller: Caller, community_id: str, member_id: str, role: Role
) -> Membership:
    """A steward gives a member another role."""
    community = await community_for(uow, community_id, caller.org_id)
    actor = await membership_of(uow, community, caller.member_id)
    subject = await store.load_membership(uow, community_id, member_id)
    if subject is None:
        raise NotFound("no-such-membership", "There is no such member in this community.")
    stewards = await store.count_stewards(uow, community_id)
    changed = communities.change_role(community, actor, subject, role, stewards=stewards)
    return await _save_role(uow, subject, changed)


async def appoint(uow: UnitOfWork, community_id: str, member_id: str, role: Role, at: datetime) -> Membership:
    """Give a role on the word of the import's source, in the name of the founder."""
    community = await store.load_community(uow, community_id)
    subject = await store.load_membership(uow, community_id, member_id)
    if community is None or subject is None:
        raise NotFound("no-such-membership", "There is no such member in this community.")
    changed = communities.give_role(community, subject, role, by=community.founder_id)
    return await _save_role(uow, subject, changed, at)


async def appoint_steward(
    uow: UnitOfWork, operator: Caller, community_id: str, member_id: str, reason: str
) -> Membership:
    """An operator makes a member a steward; making them one again changes nothing.

    They need not be awake; one who is dormant looks after the community once they come back.
    """
    community = await store.load_community(uow, community_id)
    if community is None:
        raise communities.no_such_community()
    if await store.load_member(uow, member_id) is None:
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    subject = await store.load_membership(uow, community_id, member_id)
    if subject is None:
        raise NotFound(
            "no-such-membership",
            "This member does not belong to the community.",
            fix="Let them join first, or appoint somebody who belongs to it.",
        )
    if subject.role == "steward":
        return subject
    changed = communities.give_role(community, subject, "steward", by=operator.member_id, reason=reason)
    return await _save_role(uow, subject, changed)


async def _save_role(
    uow: UnitOfWork,
    before: Membership,
    changed: tuple[Community, Membership, RoleChanged],
    at: datetime | None = None,
) -> Membership:
    community, membership, event = changed
    store.save_community(uow, await led(uow, community, before, membership))
    store.save_membership(uow, membership)
    uow.record(event, at)
    return membership


async def end_memberships(
    uow: UnitOfWork, memberships: Sequence[Membership], *, within: str | None = None
) -> None:
    """End ``memberships``, or those in internal communities ``within`` an organisation, come what may."""
    found = await lives.load_communities(uow, [each.community_id for each in memberships])
    for membership in memberships:
        community = found[membership.community_id]
        if within is not None and community.org_id != within:
            continue
        community, event = communities.lose(community, membership)
        store.save_community(uow, await led(uow, community, membership, None))
        store.delete_membership(uow, membership)
        uow.record(event)


async def led(
    uow: UnitOfWork, community: Community, before: Membership, after: Membership | None
) -> Community:
    """The community, knowing whether somebody looks after it, when a membership became another or ended."""
    if after is not None and after.leads:
        return succession.noted(community, led=True, now=uow.now) if not before.leads else community
    if not before.leads:
        return community
    others = await lives.is_led(uow, community.community_id, without=before.member_id)
    return succession.noted(community, led=others, now=uow.now)


async def registered(uow: UnitOfWork, caller: Caller) -> Member:
    """The caller as a member. Raises ``NotFound`` for somebody who has not registered yet."""
    member = await store.load_member(uow, caller.member_id)
    if member is None:
        raise NotFound(
            "not-registered", "You are not registered yet.", fix="Register first: POST /v1/members."
        )
    return member


async def community_for(uow: UnitOfWork, community_id: str, org_id: str | None) -> Community:
    """The community, for somebody of ``org_id``. Raises ``NotFound`` where they may not see it."""
    community = await store.load_community(uow, community_id)
    if community is None or not communities.may_see(community, org_id):
        raise communities.no_such_community()
    return community


async def membership_of(uow: UnitOfWork, community: Community, member_id: str) -> Membership:
    """The caller's membership. Raises ``Forbidden`` for somebody who does not belong to the community."""
    membership = await store.load_membership(uow, community.community_id, member_id)
    if membership is None:
        raise communities.not_a_member()
    return membership
