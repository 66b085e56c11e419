"""A membership over time: on trial, kept, dormant when its member stops reading, awake again when they do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from services.members.domain.community import Community, Membership
from services.members.domain.rules import Rules
from shared.contracts.members import CommunityRules, MembershipDormant, TrialEnded
from shared.errors import Conflict

Changed = tuple[Community, Membership, TrialEnded | MembershipDormant | None]
Phase = Literal["trial", "asked", "active", "dormant"]
Command = Literal["ask", "keep", "rest", "wake"]

TRANSITIONS: Mapping[Phase, Mapping[Command, Phase]] = {
    "trial": {"ask": "asked", "keep": "active"},
    "asked": {"keep": "active", "rest": "dormant"},
    "active": {"rest": "dormant"},
    "dormant": {"keep": "active", "wake": "active"},
}
"""What leads where. ``asked`` is an active membership whose member owes the one answer, keep or leave."""


def phase(membership: Membership) -> Phase:
    """Where the membership is in its life."""
    if membership.standing == "active" and membership.asked_at is not None:
        return "asked"
    return membership.standing


def keep(community: Community, membership: Membership, now: datetime) -> Changed:
    """The member keeps the membership: on trial, when asked, or late. Others learn what changes for them."""
    before = phase(membership)
    kept = _seen(_moved(membership, "keep"), community.rules, now)
    if before == "asked":
        return community, kept, None
    community = community.bumped()
    event = _trial_ended(community, kept, None) if before == "trial" else _changed(community, kept, "active")
    return community, kept, event


def noted(
    community: Community,
    membership: Membership,
    at: datetime,
    *,
    contributed: bool,
    rules: Rules,
    now: datetime,
) -> Changed | None:
    """The member read or contributed at ``at``; nothing where there is nothing new in that.

    What arrives late or twice moves nothing backwards, what claims to be of the future counts as of now, and
    nothing finer than ``rules.activity_step`` is kept.
    """
    at = min(at, now)
    waking = membership.standing == "dormant" and _dormant_from(at, community.rules) > now
    newer = _newer(at, membership.active_at, rules.activity_step)
    deed = contributed and _newer(at, membership.contributed_at, rules.activity_step)
    if at < membership.joined_at or not (waking or newer or deed):
        return None
    seen = _seen(_moved(membership, "wake") if waking else membership, community.rules, at)
    if deed:
        seen = seen.model_copy(update={"contributed_at": at})
    if not waking:
        return community, seen, None
    community = community.bumped()
    return community, seen, _changed(community, seen, "active")


def passed(community: Community, membership: Membership, rules: Rules, now: datetime) -> Changed | None:
    """What time has made of the membership by ``now``; nothing where it is not due.

    The trial ends with a question, except for who looks after the community and in one that is archived.
    Who has not answered it within ``rules.answer_within``, but was here, stays; else they fall dormant.
    """
    if membership.due_at is None or membership.due_at > now:
        return None
    present = phase(membership)
    if present == "trial" and membership.role == "member" and community.stage != "archived":
        until = now + rules.answer_within
        asked = _moved(membership, "ask").model_copy(update={"asked_at": now, "due_at": until})
        community = community.bumped()
        return community, asked, _trial_ended(community, asked, until)
    if present == "trial":
        community = community.bumped()
        settled = _settled(membership, community.rules)
        return community, settled, _trial_ended(community, settled, None)
    if membership.asked_at and membership.active_at and membership.active_at > membership.asked_at:
        return community, _settled(membership, community.rules), None
    community = community.bumped()
    resting = _moved(membership, "rest")
    return community, resting, _changed(community, resting, "dormant")


def answer_by(membership: Membership) -> datetime | None:
    """Until when the member may answer whether to keep the membership; nothing where nobody asks."""
    return membership.due_at if phase(membership) == "asked" else None


def _settled(membership: Membership, rules: CommunityRules) -> Membership:
    """Kept without an answer, since there is none to wait for."""
    last = membership.active_at or membership.joined_at
    return _moved(membership, "keep").model_copy(update={"due_at": _dormant_from(last, rules)})


def _seen(membership: Membership, rules: CommunityRules, at: datetime) -> Membership:
    """The membership of somebody who was here at ``at``: while it is active, that puts off its dormancy."""
    last = max(at, membership.active_at or at)
    changes = {"active_at": last}
    if phase(membership) == "active":
        changes["due_at"] = max(_dormant_from(last, rules), membership.due_at or last)
    return membership.model_copy(update=changes)


def _dormant_from(at: datetime, rules: CommunityRules) -> datetime:
    return at + timedelta(days=rules.inactive_member_days)


def _newer(at: datetime, known: datetime | None, step: timedelta) -> bool:
    return known is None or at - known >= step


def _moved(membership: Membership, command: Command) -> Membership:
    following = TRANSITIONS[phase(membership)].get(command)
    if following is None:
        raise Conflict(
            "wrong-standing",
            f"A membership that is {phase(membership)} is not one to {command}.",
            fix="Look at it with GET /v1/members/me/memberships.",
        )
    standing = "active" if following == "asked" else following
    return membership.model_copy(update={"standing": standing, "asked_at": None, "due_at": None})


def _trial_ended(community: Community, membership: Membership, until: datetime | None) -> TrialEnded:
    return TrialEnded(
        community_id=community.community_id,
        version=community.version,
        member_id=membership.member_id,
        answer_by=until,
    )


def _changed(
    community: Community, membership: Membership, standing: Literal["dormant", "active"]
) -> MembershipDormant:
    return MembershipDormant(
        community_id=community.community_id,
        version=community.version,
        member_id=membership.member_id,
        standing=standing,
    )
