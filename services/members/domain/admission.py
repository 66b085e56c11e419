"""The door of a community: who may come in, who asked to, who was invited, and who was sent away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.members.domain.community import Community, Membership, may_see, require_open
from services.members.domain.rules import Rules
from shared.contracts.members import (
    MemberRemoved,
    MembershipApproved,
    MembershipDeclined,
    MembershipRequested,
)
from shared.errors import BadInput, Conflict, Forbidden

Waiting = Literal["requested", "invited", "declined", "removed"]
Belonging = Literal["outside", "requested", "invited", "declined", "removed", "member"]
Command = Literal["join", "request", "invite", "approve", "decline", "leave", "remove"]

TRANSITIONS: Mapping[Belonging, Mapping[Command, Belonging]] = {
    "outside": {"join": "member", "request": "requested", "invite": "invited"},
    "requested": {"approve": "member", "decline": "declined"},
    "invited": {"join": "member"},
    "declined": {"request": "requested", "invite": "invited"},
    "removed": {"request": "requested", "invite": "invited"},
    "member": {"leave": "outside", "remove": "removed"},
}
"""What leads where. Whoever was removed comes back through a steward alone, also where joining is open."""


class Admission(BaseModel):
    """How somebody who does not belong to a community stands at its door; nothing is kept of strangers."""

    model_config = ConfigDict(frozen=True)

    community_id: str
    member_id: str
    state: Waiting
    note: str
    """What the one who asked, invited, declined or removed wrote."""
    changed_by: str
    changed_at: datetime


def belonging(membership: Membership | None, admission: Admission | None) -> Belonging:
    """Where somebody stands; a membership outweighs what was before."""
    if membership is not None:
        return "member"
    return admission.state if admission is not None else "outside"


def may_join(community: Community, admission: Admission | None) -> None:
    """Return if somebody who does not belong yet may come in by themselves; otherwise raise what to do."""
    state = belonging(None, admission)
    if state == "invited":
        return
    if "join" in TRANSITIONS[state] and community.join_policy == "open":
        return
    if community.join_policy == "by-invitation":
        raise _by_invitation()
    if state == "requested":
        raise Conflict("request-pending", "You have asked to join.", fix="Wait for a steward's answer.")
    raise Forbidden(
        "needs-approval",
        "A steward has to let you in.",
        fix="Ask with POST /v1/communities/{community_id}/requests.",
    )


def request(
    community: Community,
    membership: Membership | None,
    admission: Admission | None,
    member_id: str,
    org_id: str | None,
    *,
    note: str,
    rules: Rules,
    now: datetime,
) -> tuple[Community, Admission, MembershipRequested]:
    """Ask the stewards to be let in; whoever was declined or removed waits before asking again."""
    require_open(community)
    state = belonging(membership, admission)
    _following(state, "request")
    if community.join_policy == "by-invitation":
        raise _by_invitation()
    if state == "outside" and community.join_policy == "open":
        raise Conflict("open-community", "Everybody may join this community.", fix="Join it.")
    if admission is not None and now < (again := admission.changed_at + rules.ask_again_after):
        raise Conflict(
            "declined-lately", "You were refused not long ago.", fix=f"Ask again from {again:%Y-%m-%d} on."
        )
    community = community.bumped()
    return (
        community,
        Admission(
            community_id=community.community_id,
            member_id=member_id,
            state="requested",
            note=note,
            changed_by=member_id,
            changed_at=now,
        ),
        MembershipRequested(
            community_id=community.community_id,
            version=community.version,
            member_id=member_id,
            org_id=org_id,
            note=note,
        ),
    )


def approve(
    community: Community, steward: Membership, membership: Membership | None, admission: Admission
) -> tuple[Community, MembershipApproved]:
    """Let somebody in who asked; they join next."""
    require_steward(steward)
    require_open(community)
    _following(belonging(membership, admission), "approve")
    community = community.bumped()
    return community, MembershipApproved(
        community_id=community.community_id,
        version=community.version,
        member_id=admission.member_id,
        approved_by=steward.member_id,
    )


def decline(
    community: Community,
    steward: Membership,
    membership: Membership | None,
    admission: Admission,
    *,
    reason: str,
    now: datetime,
) -> tuple[Community, Admission, MembershipDeclined]:
    """Do not let somebody in who asked."""
    require_steward(steward)
    _following(belonging(membership, admission), "decline")
    community = community.bumped()
    changes = {"state": "declined", "note": reason, "changed_by": steward.member_id, "changed_at": now}
    return (
        community,
        admission.model_copy(update=changes),
        MembershipDeclined(
            community_id=community.community_id,
            version=community.version,
            member_id=admission.member_id,
            declined_by=steward.member_id,
            reason=reason,
        ),
    )


def invite(
    community: Community,
    steward: Membership,
    membership: Membership | None,
    admission: Admission | None,
    member_id: str,
    org_id: str | None,
    *,
    note: str,
    now: datetime,
) -> Admission:
    """Let somebody join by themselves, whatever the community's policy; ``org_id`` is where they work."""
    require_steward(steward)
    require_open(community)
    _following(belonging(membership, admission), "invite")
    if not may_see(community, org_id):
        raise BadInput(
            "other-organisation",
            "An internal community is for members of its organisation alone.",
            field="/member_id",
            fix="Invite somebody of your organisation.",
        )
    return Admission(
        community_id=community.community_id,
        member_id=member_id,
        state="invited",
        note=note,
        changed_by=steward.member_id,
        changed_at=now,
    )


def remove(
    community: Community, steward: Membership, subject: Membership, *, reason: str, now: datetime
) -> tuple[Community, Admission, MemberRemoved]:
    """Send a member away; as stewards do not remove themselves, one always remains."""
    require_steward(steward)
    if steward.member_id == subject.member_id:
        raise Conflict("removing-oneself", "Nobody removes themselves.", fix="Leave instead.")
    community = community.bumped()
    return (
        community,
        Admission(
            community_id=community.community_id,
            member_id=subject.member_id,
            state="removed",
            note=reason,
            changed_by=steward.member_id,
            changed_at=now,
        ),
        MemberRemoved(
            community_id=community.community_id,
            version=community.version,
            member_id=subject.member_id,
            removed_by=steward.member_id,
            reason=reason,
        ),
    )


def require_steward(membership: Membership) -> None:
    """Raise ``Forbidden`` unless it is a steward's."""
    if membership.role != "steward":
        raise Forbidden(
            "not-a-steward", "Only stewards decide on members.", fix="Ask a steward of the community."
        )


def _by_invitation() -> Forbidden:
    return Forbidden("by-invitation", "This community is by invitation.", fix="Ask a steward to invite you.")


def _following(state: Belonging, command: Command) -> Belonging:
    following = TRANSITIONS[state].get(command)
    if following is None:
        if state == "member":
            raise Conflict("already-a-member", "This is a member of the community already.")
        raise Conflict(
            "wrong-membership-state", f"Somebody who is {state} is not one to {command}.", fix=_FIXES[command]
        )
    return following


_FIXES: Mapping[Command, str] = {
    "request": "Wait for a steward's answer, or join if you are invited.",
    "invite": "Approve the request, or wait until the invitation is taken up.",
    "approve": "Look at the requests that are open.",
    "decline": "Look at the requests that are open.",
}
