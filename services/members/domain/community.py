"""A community, and who belongs to it as what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.members import (
    DEFAULT_RULES,
    CommunityCreated,
    CommunityKind,
    CommunityLink,
    CommunityRules,
    CommunityUpdated,
    JoinPolicy,
    MemberJoined,
    MemberLeft,
    MembershipStanding,
    Role,
    RoleChanged,
    Stage,
)
from shared.errors import BadInput, Conflict, Forbidden, NotFound

Asked = Literal["nobody", "members", "operators"]


class Setup(BaseModel):
    """How a community is set up; its stewards decide on all of it."""

    model_config = ConfigDict(frozen=True)

    name: str
    about: str
    charter: str = ""
    tags: list[str] = []
    languages: list[str] = []
    join_policy: JoinPolicy = "open"
    allow_anonymous: bool = False
    links: list[CommunityLink] = []
    rules: CommunityRules = DEFAULT_RULES


class Community(Setup):
    """``version`` counts the events of ``members.communities`` about it and its memberships, ``revision`` the
    changes of how it is set up."""

    community_id: str
    version: int
    revision: int = 1
    kind: CommunityKind
    org_id: str | None
    founder_id: str
    created_at: datetime
    stage: Stage = "forming"
    stage_since: datetime | None = None
    """When it entered its stage; nothing until it has left its first."""
    posted_at: datetime | None = None
    """When something was last posted in it."""
    quiet_since: datetime | None = None
    """From when its silence counts: its latest post, or its beginning here where that is later."""
    leaderless_since: datetime | None = None
    """Since when nobody looks after it: every facilitator and steward is gone or dormant."""
    asked_for_steward: Asked = "nobody"
    candidates: list[str] = []
    """Who was asked to become its steward."""

    def bumped(self) -> Community:
        """The next version of it."""
        return self.model_copy(update={"version": self.version + 1})


class Membership(BaseModel):
    """Somebody's belonging to a community."""

    model_config = ConfigDict(frozen=True)

    community_id: str
    member_id: str
    role: Role
    standing: MembershipStanding
    joined_at: datetime
    active_at: datetime | None = None
    """When they last read or contributed here, give or take an hour; nothing before they first did."""
    contributed_at: datetime | None = None
    """When they last contributed, likewise."""
    asked_at: datetime | None = None
    """When they were asked whether to keep the membership, as long as that is open."""
    due_at: datetime | None = None
    """When to look at what time has made of it."""

    @property
    def leads(self) -> bool:
        """Whether its member looks after the community."""
        return self.role in LEADING and self.standing != "dormant"


LEADING: tuple[Role, ...] = ("facilitator", "steward")


def may_see(community: Community, org_id: str | None) -> bool:
    """An internal community exists for its own organisation alone."""
    return community.kind == "external" or community.org_id == org_id


def no_such_community() -> NotFound:
    """What somebody gets who may not see a community, and what everybody gets where there is none."""
    return NotFound("no-such-community", "There is no such community.", fix="Check its id.")


def not_a_member() -> Forbidden:
    """What somebody gets who sees a community, and does what only those do who belong to it."""
    return Forbidden("not-a-member", "You do not belong to this community.", fix="Join it first.")


def require_open(community: Community) -> None:
    """Raise ``Conflict`` where the community is archived: it is read-only."""
    if community.stage == "archived":
        raise Conflict(
            "archived", "This community is archived: it is read-only.", fix="Ask a steward to reopen it."
        )


def found(
    community_id: str,
    *,
    kind: CommunityKind,
    setup: Setup,
    founder_id: str,
    org_id: str | None,
    now: datetime,
) -> tuple[Community, CommunityCreated]:
    """Found a community; an internal one belongs to its founder's organisation. The founder joins next."""
    if kind == "internal" and org_id is None:
        raise BadInput(
            "no-organisation",
            "An internal community belongs to an organisation, and your token names none.",
            field="/kind",
            fix="Found an external community, or sign in through your organisation.",
        )
    community = Community(
        community_id=community_id,
        version=1,
        kind=kind,
        org_id=org_id if kind == "internal" else None,
        founder_id=founder_id,
        created_at=now,
        **dict(setup),
    )
    return community, CommunityCreated(
        community_id=community_id,
        version=1,
        kind=kind,
        org_id=community.org_id,
        founder_id=founder_id,
        **dict(setup),
    )


def set_up(community: Community, actor: Membership, setup: Setup) -> tuple[Community, CommunityUpdated]:
    """Set a community up anew, whole; for stewards."""
    if actor.role != "steward":
        raise Forbidden(
            "not-a-steward",
            "Only stewards decide how a community is set up.",
            fix="Ask a steward of the community.",
        )
    require_open(community)
    changes = {**dict(setup), "version": community.version + 1, "revision": community.revision + 1}
    community = community.model_copy(update=changes)
    return community, CommunityUpdated(
        community_id=community.community_id,
        version=community.version,
        kind=community.kind,
        org_id=community.org_id,
        updated_by=actor.member_id,
        **dict(setup),
    )


def join(
    community: Community,
    present: Membership | None,
    member_id: str,
    org_id: str | None,
    now: datetime,
    *,
    imported_at: datetime | None = None,
) -> tuple[Community, Membership, MemberJoined]:
    """Join on trial; whoever founds a community is its first steward and needs no trial.

    Nor does somebody whom an import brings: they joined elsewhere, and time counts from ``imported_at``.
    """
    if not may_see(community, org_id):
        raise no_such_community()
    if present is not None:
        raise Conflict("already-a-member", "You belong to this community already.")
    require_open(community)
    founding = member_id == community.founder_id and community.version == 1
    trial = not founding and imported_at is None
    rules = community.rules
    community = community.bumped()
    membership = Membership(
        community_id=community.community_id,
        member_id=member_id,
        role="steward" if founding else "member",
        standing="trial" if trial else "active",
        joined_at=now,
        due_at=(imported_at or now)
        + timedelta(days=rules.trial_days if trial else rules.inactive_member_days),
    )
    return (
        community,
        membership,
        MemberJoined(
            community_id=community.community_id,
            version=community.version,
            member_id=member_id,
            org_id=org_id,
            role=membership.role,
            standing="trial" if trial else "active",
            joined_at=now,
        ),
    )


def leave(
    community: Community, membership: Membership, *, stewards: int, members: int
) -> tuple[Community, MemberLeft]:
    """Leave; the last steward hands over first while others remain."""
    _keep_a_steward(membership, stewards, others=members > 1)
    return lose(community, membership)


def lose(community: Community, membership: Membership) -> tuple[Community, MemberLeft]:
    """A member is erased or works elsewhere; nothing holds that up, not even being the last steward."""
    community = community.bumped()
    return community, MemberLeft(
        community_id=community.community_id, version=community.version, member_id=membership.member_id
    )


def change_role(
    community: Community, actor: Membership, subject: Membership, role: Role, *, stewards: int
) -> tuple[Community, Membership, RoleChanged]:
    """Give a member another role; stewards decide, and one steward always remains."""
    if actor.role != "steward":
        raise Forbidden("not-a-steward", "Only stewards give roles.", fix="Ask a steward of the community.")
    changed = give_role(community, subject, role, by=actor.member_id)
    if role != "steward":
        _keep_a_steward(subject, stewards, others=True)
    return changed


def give_role(
    community: Community, subject: Membership, role: Role, *, by: str, reason: str = ""
) -> tuple[Community, Membership, RoleChanged]:
    """Give a member another role on the word of ``by``: a steward, an operator, the source of an import."""
    require_open(community)
    if subject.role == role:
        raise Conflict("same-role", f"This member is a {role} already.")
    community = community.bumped()
    changed = subject.model_copy(update={"role": role})
    return (
        community,
        changed,
        RoleChanged(
            community_id=community.community_id,
            version=community.version,
            member_id=subject.member_id,
            role=role,
            previous_role=subject.role,
            changed_by=by,
            reason=reason,
        ),
    )


def _keep_a_steward(membership: Membership, stewards: int, *, others: bool) -> None:
    if membership.role == "steward" and stewards <= 1 and others:
        raise Conflict(
            "last-steward",
            "A community keeps at least one steward.",
            fix="Make somebody else a steward first.",
        )
