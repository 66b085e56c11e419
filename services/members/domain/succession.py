"""Who takes over when a community has no facilitator and no steward any more, or all of them went silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.members.domain.community import Asked, Community, Membership, require_open
from shared.contracts.members import RoleChanged, StewardNeeded
from shared.errors import Conflict, Forbidden

NEXT: Mapping[Asked, Asked] = {"nobody": "members", "members": "operators"}
"""Who is told next; after the operators nobody."""


def noted(community: Community, *, led: bool, now: datetime) -> Community:
    """Whether somebody looks after it now; whoever comes back ends the search for another."""
    if led:
        return community.model_copy(
            update={"leaderless_since": None, "asked_for_steward": "nobody", "candidates": []}
        )
    if community.leaderless_since is None:
        return community.model_copy(update={"leaderless_since": now})
    return community


def due(community: Community) -> datetime | None:
    """When to ask the next ones for a steward."""
    if community.leaderless_since is None or community.stage == "archived":
        return None
    match community.asked_for_steward:
        case "nobody":
            return community.leaderless_since + timedelta(days=community.rules.leaderless_days)
        case "members":
            return community.leaderless_since + timedelta(days=community.rules.leaderless_operator_days)
        case "operators":
            return None


def ask(
    community: Community, most_active: Sequence[str], now: datetime
) -> tuple[Community, StewardNeeded] | None:
    """Ask the next ones for a steward; nothing where that is not due.

    Where all are dormant, the most active are those who were active last: better they come back than nobody.
    Those who are the most active when the operators are told may volunteer, too, beside those asked before.
    """
    when, since = due(community), community.leaderless_since
    if when is None or since is None or when > now:
        return None
    audience = NEXT[community.asked_for_steward]
    community = community.bumped().model_copy(
        update={
            "asked_for_steward": audience,
            "candidates": list(dict.fromkeys([*community.candidates, *most_active])),
        }
    )
    return community, StewardNeeded(
        community_id=community.community_id,
        version=community.version,
        name=community.name,
        audience="members" if audience == "members" else "operators",
        asked=list(most_active),
        since=since,
    )


def volunteer(
    community: Community, membership: Membership
) -> tuple[Community, Membership, RoleChanged | None]:
    """Become the steward of a community that looks for one; for those who were asked.

    One who is a steward and was dormant comes back as what they are.
    """
    require_open(community)
    if community.asked_for_steward == "nobody":
        raise Conflict("no-steward-needed", "This community looks for no steward.")
    if membership.member_id not in community.candidates:
        raise Forbidden(
            "not-asked", "Others were asked to become its steward.", fix="Encourage one of those who were."
        )
    if membership.role == "steward":
        return community, membership, None
    community = community.bumped()
    steward = membership.model_copy(update={"role": "steward"})
    return (
        community,
        steward,
        RoleChanged(
            community_id=community.community_id,
            version=community.version,
            member_id=steward.member_id,
            role="steward",
            previous_role=membership.role,
            changed_by=steward.member_id,
        ),
    )
