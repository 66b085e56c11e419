"""Memberships and communities as time goes by: kept, visited, fallen silent, taken over, archived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from services.members.commands.people import community_for, led, membership_of
from services.members.domain import stage as stages
from services.members.domain import standing, succession
from services.members.domain.community import Community, Membership, no_such_community
from services.members.domain.rules import RULES
from services.members.domain.standing import Changed
from services.members.store import lives
from services.members.store import people as store
from shared.storage import Cause, UnitOfWork
from shared.web.auth import Caller


class Deed(NamedTuple):
    """What somebody did in a community."""

    community_id: str
    member_id: str
    at: datetime
    contributed: bool
    cause: Cause


async def keep(uow: UnitOfWork, caller: Caller, community_id: str) -> Membership:
    """The caller keeps a membership: during the trial, when asked at its end, or after falling dormant."""
    community = await community_for(uow, community_id, caller.org_id)
    before = await membership_of(uow, community, caller.member_id)
    return await _save(uow, community, before, standing.keep(community, before, uow.now))


async def visit(uow: UnitOfWork, caller: Caller, community_id: str) -> None:
    """The caller reads the community just now."""
    community = await community_for(uow, community_id, caller.org_id)
    before = await membership_of(uow, community, caller.member_id)
    changed = standing.noted(community, before, uow.now, contributed=False, rules=RULES, now=uow.now)
    if changed is not None:
        await _save(uow, community, before, changed)


async def archive(uow: UnitOfWork, caller: Caller, community_id: str) -> Community:
    """A steward archives the community."""
    community = await community_for(uow, community_id, caller.org_id)
    actor = await membership_of(uow, community, caller.member_id)
    community, event = stages.archive(community, actor, uow.now)
    store.save_community(uow, community)
    uow.record(event)
    return community


async def reopen(uow: UnitOfWork, caller: Caller, community_id: str) -> Community:
    """A steward reopens the community."""
    community = await community_for(uow, community_id, caller.org_id)
    actor = await membership_of(uow, community, caller.member_id)
    community, event = stages.reopen(community, actor, RULES, uow.now)
    store.save_community(uow, community)
    uow.record(event)
    return community


async def volunteer(uow: UnitOfWork, caller: Caller, community_id: str) -> Membership:
    """The caller becomes the steward of a community that asked them to; that is activity, too."""
    community = await community_for(uow, community_id, caller.org_id)
    before = await membership_of(uow, community, caller.member_id)
    seen = standing.noted(community, before, uow.now, contributed=True, rules=RULES, now=uow.now)
    community, present, woke = seen or (community, before, None)
    community, steward, event = succession.volunteer(community, present)
    store.save_community(uow, await led(uow, community, before, steward))
    store.save_membership(uow, steward)
    for each in (woke, event):
        if each is not None:
            uow.record(each)
    return steward


async def note_deeds(uow: UnitOfWork, deeds: list[Deed], posts: Mapping[str, tuple[datetime, Cause]]) -> None:
    """What members did in communities, and when each community's latest post was, as of a batch of events.

    Every membership and every community is written once at most.
    """
    memberships = await lives.load_memberships(uow, {(deed.community_id, deed.member_id) for deed in deeds})
    places = {community_id for community_id, _ in memberships} | set(posts)
    before = await lives.load_communities(uow, places)
    communities = dict(before)
    known = dict(memberships)
    for deed in deeds:
        place = (deed.community_id, deed.member_id)
        if place not in known or deed.community_id not in communities:
            continue  # they left meanwhile
        changed = standing.noted(
            communities[deed.community_id],
            known[place],
            deed.at,
            contributed=deed.contributed,
            rules=RULES,
            now=uow.now,
        )
        if changed is None:
            continue
        communities[deed.community_id] = await led(uow, changed[0], known[place], changed[1])
        known[place] = changed[1]
        if changed[2] is not None:
            uow.record(changed[2], cause=deed.cause)
    for community_id, (at, cause) in posts.items():
        if community_id in communities:
            communities[community_id] = await _posted(uow, communities[community_id], at, cause)
    for place, membership in known.items():
        if membership != memberships[place]:
            store.save_membership(uow, membership)
    for community_id, community in communities.items():
        if community != before[community_id]:
            store.save_community(uow, community)


async def _posted(uow: UnitOfWork, community: Community, at: datetime, cause: Cause) -> Community:
    enough = community.rules.active_from_members
    forming = community.stage == "forming"
    members = await store.count_members(uow, community.community_id, up_to=enough) if forming else enough
    changed = stages.posted(community, at, members=members, rules=RULES, now=uow.now)
    if changed is None:
        return community
    community, event = changed
    if event is not None:
        uow.record(event, cause=cause)
    return community


# -- what time brings about ----------------------------------------------------------------------------


async def pass_time(uow: UnitOfWork, membership_id: str) -> None:
    """What time has made of a membership: its trial is over, or its member stopped reading."""
    before = await lives.load_membership(uow, membership_id)
    if before is None:
        return
    community = await _community(uow, before.community_id)
    changed = standing.passed(community, before, RULES, uow.now)
    if changed is not None:
        await _save(uow, community, before, changed)


async def pass_silence(uow: UnitOfWork, community_id: str) -> None:
    """What its silence has made of a community."""
    changed = stages.passed(await _community(uow, community_id), uow.now)
    if changed is not None:
        community, event = changed
        store.save_community(uow, community)
        uow.record(event)


async def ask_for_steward(uow: UnitOfWork, community_id: str) -> None:
    """Ask the most active members, later the operators, for somebody who looks after a community."""
    community = await _community(uow, community_id)
    most_active = await lives.most_active(uow, community_id, RULES.stewards_asked)
    changed = succession.ask(community, most_active, uow.now)
    if changed is not None:
        community, event = changed
        store.save_community(uow, community)
        uow.record(event)


async def _community(uow: UnitOfWork, community_id: str) -> Community:
    community = await store.load_community(uow, community_id)
    if community is None:
        raise no_such_community()
    return community


async def _save(uow: UnitOfWork, before: Community, was: Membership, changed: Changed) -> Membership:
    community, membership, event = changed
    community = await led(uow, community, was, membership)
    store.save_membership(uow, membership)
    if community != before:
        store.save_community(uow, community)
    if event is not None:
        uow.record(event)
    return membership
