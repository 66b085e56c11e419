"""One's access to communities, and what one is asked about them."""

from __future__ import annotations

from services.notifications.domain.routing.draft import Draft, Known, Routes, Rule, Rules
from shared.contracts.members import (
    MemberRemoved,
    MembershipApproved,
    MembershipDeclined,
    RoleChanged,
    StewardNeeded,
    TrialEnded,
)
from shared.contracts.notifications import NotificationKind

RULES: Rules = {
    "membership-approved": Rule(
        "own-access", "because you asked to join “{title}”", "{actor} let you into “{title}”"
    ),
    "membership-declined": Rule(
        "own-access", "because you asked to join “{title}”", "{actor} did not let you into “{title}”"
    ),
    "member-removed": Rule(
        "own-access", "because you belonged to “{title}”", "{actor} removed you from “{title}”"
    ),
    "role-changed": Rule(
        "own-access", "because you belong to “{title}”", "{actor} made you {about} of “{title}”"
    ),
    "trial-question": Rule(
        "own-membership",
        "because your trial in “{title}” is over",
        "Do you keep your membership of “{title}”, or do you leave?",
    ),
    "steward-wanted": Rule(
        "most-active",
        "because you are among those who were active last in “{title}”",
        "Nobody looks after “{title}” any more: would you?",
    ),
}


def _access(
    event: MembershipApproved | MembershipDeclined | MemberRemoved | RoleChanged,
    known: Known,
    kind: NotificationKind,
    actor_id: str,
    *,
    note: str = "",
    about: str | None = None,
) -> list[Draft]:
    """A change of access is told whether or not the recipient belongs to the community by now."""
    title = known.communities.get(event.community_id, "a community")
    return [
        Draft(event.member_id, kind, None, None, actor_id, title, event.community_id, note or None, about)
    ]


def _membership_approved(event: MembershipApproved, known: Known) -> list[Draft]:
    return _access(event, known, "membership-approved", event.approved_by)


def _membership_declined(event: MembershipDeclined, known: Known) -> list[Draft]:
    return _access(event, known, "membership-declined", event.declined_by, note=event.reason)


def _member_removed(event: MemberRemoved, known: Known) -> list[Draft]:
    return _access(event, known, "member-removed", event.removed_by, note=event.reason)


def _role_changed(event: RoleChanged, known: Known) -> list[Draft]:
    return _access(event, known, "role-changed", event.changed_by, note=event.reason, about=f"a {event.role}")


def _trial_ended(event: TrialEnded, known: Known) -> list[Draft]:
    if event.answer_by is None:
        return []
    title = known.communities.get(event.community_id, "a community")
    return [
        Draft(event.member_id, "trial-question", None, event.community_id, None, title, event.community_id)
    ]


def _steward_needed(event: StewardNeeded, _: object) -> list[Draft]:
    return [
        Draft(member_id, "steward-wanted", None, event.community_id, None, event.name, event.community_id)
        for member_id in event.asked
    ]


ROUTES: Routes = {
    MembershipApproved: _membership_approved,
    MembershipDeclined: _membership_declined,
    MemberRemoved: _member_removed,
    RoleChanged: _role_changed,
    TrialEnded: _trial_ended,
    StewardNeeded: _steward_needed,
}
