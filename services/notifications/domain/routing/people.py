"""What happens between two people: connections and mentorships."""

from __future__ import annotations

from services.notifications.domain.routing.draft import Draft, Routes, Rule, Rules
from shared.contracts.members import ConnectionMade, ConnectionRequested
from shared.contracts.mentorships import (
    MentorshipAccepted,
    MentorshipCancelled,
    MentorshipCheckedIn,
    MentorshipCompleted,
    MentorshipDeclined,
    MentorshipEnded,
    MentorshipEvent,
    MentorshipExpired,
    MentorshipRequested,
)
from shared.contracts.notifications import NotificationKind

RULES: Rules = {
    "connection-request": Rule(
        "asked-to-connect", "because {actor} asked to connect with you", "{actor} would like to connect"
    ),
    "connection-made": Rule(
        "own-connection", "because you asked {actor} to connect", "{actor} is connected with you"
    ),
    "mentorship-request": Rule(
        "asked-as-mentor", "because you offer to be a mentor", "{actor} asks you to be their mentor"
    ),
    "mentorship-accepted": Rule(
        "own-mentorship-request", "because you asked {actor} to be your mentor", "{actor} is your mentor now"
    ),
    "mentorship-declined": Rule(
        "own-mentorship-request",
        "because you asked {actor} to be your mentor",
        "{actor} cannot be your mentor now",
    ),
    "mentorship-expired": Rule(
        "own-mentorship-request",
        "because you asked {actor} to be your mentor",
        "Your request to {actor} has expired",
    ),
    "mentorship-cancelled": Rule(
        "asked-as-mentor", "because {actor} had asked you to be their mentor", "{actor} took the request back"
    ),
    "check-in-due": Rule(
        "own-mentorship", "because you are in a mentorship with {actor}", "A check-in with {actor} is due"
    ),
    "mentorship-completed": Rule(
        "own-mentorship",
        "because you were in a mentorship with {actor}",
        "Your mentorship with {actor} is completed: say how it was",
    ),
    "mentorship-ended": Rule(
        "own-mentorship",
        "because you were in a mentorship with {actor}",
        "Your mentorship with {actor} has ended",
    ),
}


def _connection_requested(event: ConnectionRequested, _: object) -> list[Draft]:
    return [
        Draft(
            event.addressee_id, "connection-request", None, None, event.requester_id, "", event.connection_id,
            event.note or None,
        )
    ]  # fmt: skip


def _connection_made(event: ConnectionMade, _: object) -> list[Draft]:
    return [
        Draft(
            event.requester_id, "connection-made", None, None, event.addressee_id, "", event.connection_id
        )
    ]  # fmt: skip


def _to_mentor(event: MentorshipEvent, kind: NotificationKind, note: str = "") -> Draft:
    return Draft(event.mentor_id, kind, None, None, event.mentee_id, "", event.mentorship_id, note or None)


def _to_mentee(event: MentorshipEvent, kind: NotificationKind, note: str = "") -> Draft:
    return Draft(event.mentee_id, kind, None, None, event.mentor_id, "", event.mentorship_id, note or None)


def _to_both(event: MentorshipEvent, kind: NotificationKind, but: str | None, note: str = "") -> list[Draft]:
    """To both sides, ``but`` not to who did it."""
    both = [_to_mentor(event, kind, note), _to_mentee(event, kind, note)]
    return [draft for draft in both if draft.recipient_id != but]


def _mentorship_requested(event: MentorshipRequested, _: object) -> list[Draft]:
    return [_to_mentor(event, "mentorship-request", event.message)]


def _mentorship_accepted(event: MentorshipAccepted, _: object) -> list[Draft]:
    return [_to_mentee(event, "mentorship-accepted")]


def _mentorship_declined(event: MentorshipDeclined, _: object) -> list[Draft]:
    return [_to_mentee(event, "mentorship-declined", event.reason)]


_EXPIRED = {
    "unanswered": "It was not answered in time.",
    "capacity-reached": "All places are taken.",
    "mentor-withdrawn": "The offer was withdrawn.",
}


def _mentorship_expired(event: MentorshipExpired, _: object) -> list[Draft]:
    return [_to_mentee(event, "mentorship-expired", _EXPIRED[event.why])]


def _mentorship_cancelled(event: MentorshipCancelled, _: object) -> list[Draft]:
    return [_to_mentor(event, "mentorship-cancelled")]


def _mentorship_checked_in(event: MentorshipCheckedIn, _: object) -> list[Draft]:
    return _to_both(event, "check-in-due", None) if event.status == "due" else []


def _mentorship_completed(event: MentorshipCompleted, _: object) -> list[Draft]:
    return _to_both(event, "mentorship-completed", event.completed_by)


_ENDED = {
    "never-started": "No check-in took place.",
    "faded-out": "Its time is over, and few check-ins took place.",
    "member-erased": "The other side left the platform.",
}


def _mentorship_ended(event: MentorshipEnded, _: object) -> list[Draft]:
    return _to_both(event, "mentorship-ended", event.ended_by, event.reason or _ENDED.get(event.why, ""))


ROUTES: Routes = {
    ConnectionRequested: _connection_requested,
    ConnectionMade: _connection_made,
    MentorshipRequested: _mentorship_requested,
    MentorshipAccepted: _mentorship_accepted,
    MentorshipDeclined: _mentorship_declined,
    MentorshipExpired: _mentorship_expired,
    MentorshipCancelled: _mentorship_cancelled,
    MentorshipCheckedIn: _mentorship_checked_in,
    MentorshipCompleted: _mentorship_completed,
    MentorshipEnded: _mentorship_ended,
}
