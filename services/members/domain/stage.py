"""The life of a community: it forms, is active, falls silent, wakes, is archived, and may be reopened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from services.members.domain.community import Community, Membership, require_open
from services.members.domain.rules import Rules
from shared.contracts.members import CommunityStageChanged, Stage
from shared.errors import Conflict, Forbidden

Command = Literal["begin", "rest", "wake", "archive", "reopen"]

TRANSITIONS: Mapping[Stage, Mapping[Command, Stage]] = {
    "forming": {"begin": "active", "rest": "dormant", "archive": "archived"},
    "active": {"rest": "dormant", "archive": "archived"},
    "dormant": {"wake": "active", "archive": "archived"},
    "archived": {"reopen": "active"},
}
"""What leads where. Time rests and archives, a post begins and wakes; a steward archives and reopens."""

Moved = tuple[Community, CommunityStageChanged | None]


def due(community: Community) -> datetime | None:
    """When its silence has lasted so long that its stage changes; never for one that is archived."""
    since = community.quiet_since or community.created_at
    match community.stage:
        case "forming" | "active":
            return since + timedelta(days=community.rules.dormant_days)
        case "dormant":
            return since + timedelta(days=community.rules.archive_days)
        case "archived":
            return None


def passed(community: Community, now: datetime) -> tuple[Community, CommunityStageChanged] | None:
    """What time has made of it by ``now``; nothing where it is not due. One stage at a time."""
    when = due(community)
    if when is None or when > now:
        return None
    return _moved(community, "archive" if community.stage == "dormant" else "rest", None, now)


def posted(community: Community, at: datetime, *, members: int, rules: Rules, now: datetime) -> Moved | None:
    """Something was posted at ``at``; nothing where there is nothing new in that.

    A post that arrives late does not wake a community, and none brings one back that is archived: what was
    posted before discussions knew of it stays, and can be read.
    """
    at = min(at, now)
    first = community.posted_at is None
    waking = community.stage == "dormant" and at + timedelta(days=community.rules.dormant_days) > now
    if not first and not waking and at - (community.posted_at or at) < rules.activity_step:
        return None
    community = community.model_copy(
        update={
            "posted_at": max(at, community.posted_at or at),
            "quiet_since": max(at, community.quiet_since or community.created_at),
        }
    )
    if waking:
        return _moved(community, "wake", None, now)
    return grown(community, members=members, now=now)


def grown(community: Community, *, members: int, now: datetime) -> Moved:
    """It has ``members`` now: enough of them and a post make a forming one active."""
    enough = members >= community.rules.active_from_members
    if community.stage == "forming" and community.posted_at is not None and enough:
        return _moved(community, "begin", None, now)
    return community, None


def archive(
    community: Community, actor: Membership, now: datetime
) -> tuple[Community, CommunityStageChanged]:
    """Archive it by hand; for stewards."""
    _require_steward(actor)
    require_open(community)
    return _moved(community, "archive", actor.member_id, now)


def reopen(
    community: Community, actor: Membership, rules: Rules, now: datetime
) -> tuple[Community, CommunityStageChanged]:
    """Reopen it; for stewards, and not long after it was archived. Its silence counts anew."""
    _require_steward(actor)
    if community.stage == "archived" and now >= (community.stage_since or now) + rules.reopen_within:
        raise Conflict(
            "archived-for-good",
            f"It was archived more than {rules.reopen_within.days} days ago.",
            fix="Export it, and import it as a new community.",
        )
    community, event = _moved(community, "reopen", actor.member_id, now)
    return community.model_copy(update={"quiet_since": now}), event


def _require_steward(actor: Membership) -> None:
    if actor.role != "steward":
        raise Forbidden(
            "not-a-steward", "Only stewards archive and reopen.", fix="Ask a steward of the community."
        )


def _moved(
    community: Community, command: Command, by: str | None, now: datetime
) -> tuple[Community, CommunityStageChanged]:
    following = TRANSITIONS[community.stage].get(command)
    if following is None:
        raise Conflict("wrong-stage", f"A community that is {community.stage} is not one to {command}.")
    changes = {"stage": following, "stage_since": now, "version": community.version + 1}
    return community.model_copy(update=changes), CommunityStageChanged(
        community_id=community.community_id,
        version=community.version + 1,
        stage=following,
        previous_stage=community.stage,
        changed_by=by,
    )
