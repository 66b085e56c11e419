"""A mentorship: asked for by a mentee, agreed to by a mentor, twelve weeks with six check-ins.

Accepted means that both agreed and the mentor's place is taken; the time runs from then on. Active means
that it began: the first recorded check-in says so. One that never begins gives its place back.

Check-in ``n`` is due ``n`` times two weeks after the acceptance, and whatever is recorded nearest to that
moment is that check-in: from a week before until a week after it, the first from the acceptance on and the
last until the mentorship is closed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.members.domain.mentoring import Mentor
from services.members.domain.rules import Rules
from shared.contracts.mentorships import (
    EndReason,
    ExpiryReason,
    MentorshipAccepted,
    MentorshipCancelled,
    MentorshipCheckedIn,
    MentorshipCompleted,
    MentorshipDeclined,
    MentorshipEnded,
    MentorshipExpired,
    MentorshipRequested,
)
from shared.errors import BadInput, Conflict, Forbidden, NotFound

MentorshipState = Literal[
    "requested", "accepted", "active", "completed", "ended", "declined", "expired", "cancelled"
]
Command = Literal["accept", "decline", "expire", "cancel", "check-in", "ask", "extend", "complete", "end"]
Going = Literal["well", "slowly", "stuck"]
Side = Literal["mentor", "mentee"]
Step = Literal["expire", "ask", "close"]

TRANSITIONS: Mapping[MentorshipState, Mapping[Command, MentorshipState]] = {
    "requested": {
        "accept": "accepted",
        "decline": "declined",
        "expire": "expired",
        "cancel": "cancelled",
    },
    "accepted": {"check-in": "active", "ask": "accepted", "end": "ended"},
    "active": {
        "check-in": "active",
        "ask": "active",
        "extend": "active",
        "complete": "completed",
        "end": "ended",
    },
    "completed": {},
    "ended": {},
    "declined": {},
    "expired": {},
    "cancelled": {},
}
"""What leads where. ``ask`` is the clock's: a check-in is due. So is ``expire``, also when the mentor has no
place left or withdraws."""

RUNNING: frozenset[MentorshipState] = frozenset({"accepted", "active"})
"""The states in which a place of the mentor is taken."""


class CheckIn(BaseModel):
    """What one side recorded of how it goes; both sides read it."""

    model_config = ConfigDict(frozen=True)

    number: int
    by: str
    going: Going
    note: str
    at: datetime


class Feedback(BaseModel):
    """What one side says afterwards; the other side reads it only if it is shared."""

    model_config = ConfigDict(frozen=True)

    rating: int
    text: str
    shared: bool
    at: datetime


class Mentorship(BaseModel):
    """Its events are counted by its mentor's version, not by one of its own."""

    model_config = ConfigDict(frozen=True)

    mentorship_id: str
    mentor_id: str
    mentee_id: str
    message: str
    goals: list[str]
    state: MentorshipState = "requested"
    slot: int | None = None
    """Which of the mentee's pending requests it is; nothing once it is answered."""
    requested_at: datetime
    changed_at: datetime
    accepted_at: datetime | None = None
    weeks: int
    asked: int = 0
    """The last check-in that was recorded, or asked for because it was due."""
    check_ins: list[CheckIn] = []
    extension_proposed_by: str | None = None
    outcome: ExpiryReason | EndReason | None = None
    reason: str = ""
    """What the side wrote that declined or ended it."""
    changed_by: str | None = None
    """The side that brought its state about; nothing where no side did."""
    mentor_feedback: Feedback | None = None
    mentee_feedback: Feedback | None = None

    @property
    def live(self) -> bool:
        """Whether something can still become of it; two members have at most one that is, in each role."""
        return bool(TRANSITIONS[self.state])

    @property
    def ends_at(self) -> datetime:
        """When its time is over; for one that was accepted."""
        assert self.accepted_at is not None
        return self.accepted_at + timedelta(weeks=self.weeks)

    def side(self, member_id: str) -> Side:
        """Which side a member is. Raises ``NotFound`` for everybody else."""
        if member_id == self.mentor_id:
            return "mentor"
        if member_id == self.mentee_id:
            return "mentee"
        raise no_such_mentorship()


def no_such_mentorship() -> NotFound:
    """What everybody gets who is not a side of it, and where there is none."""
    return NotFound("no-such-mentorship", "There is no such mentorship.", fix="Check its id.")


def request(
    mentorship_id: str,
    mentor: Mentor,
    mentee_id: str,
    latest: Mentorship | None,
    slots: Collection[int],
    waiting: int,
    *,
    message: str,
    goals: list[str],
    rules: Rules,
    now: datetime,
) -> tuple[Mentor, Mentorship, MentorshipRequested]:
    """Ask a mentor whom one may ask.

    ``latest`` is the latest mentorship of the two, ``slots`` are those of the mentee's pending requests,
    ``waiting`` is how many requests wait for the mentor.
    """
    if mentee_id == mentor.mentor_id:
        raise BadInput(
            "mentoring-oneself",
            "Nobody is their own mentor.",
            field="/mentor_id",
            fix="Ask another member.",
        )
    if mentor.offer is None or mentor.offer.paused:
        raise Conflict("mentor-pauses", "This mentor takes no requests now.", fix="Ask another one.")
    if mentor.open_places <= 0:
        raise Conflict("no-open-place", "This mentor has no open place.", fix="Ask another one.")
    if latest is not None and latest.live:
        running = latest.state in RUNNING
        raise Conflict(
            "already-mentored" if running else "already-requested",
            "This is your mentor already." if running else "You have asked this mentor already.",
        )
    if latest is not None and latest.state == "declined":
        again = latest.changed_at + rules.ask_again_after
        if now < again:
            raise Conflict(
                "declined-lately",
                "This mentor declined not long ago.",
                fix=f"Ask again from {again:%Y-%m-%d} on.",
            )
    free = [each for each in range(rules.pending_requests) if each not in slots]
    if not free:
        raise Conflict(
            "too-many-pending",
            f"You have {len(slots)} requests waiting; that is the most there can be.",
            fix="Wait for an answer, or cancel one.",
        )
    if waiting >= rules.waiting_requests:
        raise Conflict("too-many-waiting", "Too many wait for this mentor already.", fix="Ask another one.")
    mentorship = Mentorship(
        mentorship_id=mentorship_id,
        mentor_id=mentor.mentor_id,
        mentee_id=mentee_id,
        message=message,
        goals=goals,
        slot=free[0],
        requested_at=now,
        changed_at=now,
        weeks=rules.mentorship_weeks,
    )
    mentor = _counted(mentor)
    return mentor, mentorship, MentorshipRequested(**_about(mentor, mentorship), message=message)


def accept(
    mentor: Mentor, mentorship: Mentorship, actor_id: str, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipAccepted]:
    """The mentor agrees, if there is a place: never more than the capacity are running."""
    _only(mentorship, actor_id, "mentor")
    after = _moved(mentorship, "accept", now, by=actor_id, accepted_at=now)
    if mentor.open_places <= 0:
        raise Conflict("no-open-place", "All your places are taken.", fix="Offer more, or decline.")
    mentor = _counted(mentor, places=1)
    return mentor, after, MentorshipAccepted(**_about(mentor, after), ends_at=after.ends_at)


def decline(
    mentor: Mentor, mentorship: Mentorship, actor_id: str, reason: str, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipDeclined]:
    """The mentor does not agree."""
    _only(mentorship, actor_id, "mentor")
    after = _moved(mentorship, "decline", now, by=actor_id, reason=reason)
    mentor = _counted(mentor)
    return mentor, after, MentorshipDeclined(**_about(mentor, after), reason=reason)


def cancel(
    mentor: Mentor, mentorship: Mentorship, actor_id: str, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipCancelled]:
    """The mentee takes the request back."""
    _only(mentorship, actor_id, "mentee")
    after = _moved(mentorship, "cancel", now, by=actor_id)
    mentor = _counted(mentor)
    return mentor, after, MentorshipCancelled(**_about(mentor, after))


def expire(
    mentor: Mentor, mentorship: Mentorship, why: ExpiryReason, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipExpired]:
    """The request is not answered any more."""
    after = _moved(mentorship, "expire", now, outcome=why)
    mentor = _counted(mentor)
    return mentor, after, MentorshipExpired(**_about(mentor, after), why=why)


def check_in(
    mentor: Mentor,
    mentorship: Mentorship,
    actor_id: str,
    *,
    going: Going,
    note: str,
    rules: Rules,
    now: datetime,
) -> tuple[Mentor, Mentorship, MentorshipCheckedIn]:
    """Either side records how it goes, each check-in once; the first begins the mentorship."""
    mentorship.side(actor_id)
    following = _following(mentorship, "check-in")
    number = _nearest(mentorship, rules, now)
    if any(each.number == number for each in mentorship.check_ins):
        raise Conflict(
            "already-checked-in",
            f"Check-in {number} was recorded already.",
            fix=f"The next one is due in {rules.check_in_every.days} days or less."
            if number < planned(mentorship, rules)
            else "It was the last one: complete the mentorship.",
        )
    recorded = CheckIn(number=number, by=actor_id, going=going, note=note, at=now)
    after = mentorship.model_copy(
        update={
            "state": following,
            "changed_at": now if following != mentorship.state else mentorship.changed_at,
            "changed_by": actor_id if following != mentorship.state else mentorship.changed_by,
            "asked": max(mentorship.asked, number),
            "check_ins": [*mentorship.check_ins, recorded],
        }
    )
    mentor = _counted(mentor)
    return (
        mentor,
        after,
        MentorshipCheckedIn(
            **_about(mentor, after),
            number=number,
            status="recorded",
            recorded_by=actor_id,
            ends_at=after.ends_at,
        ),
    )


def ask(
    mentor: Mentor, mentorship: Mentorship, rules: Rules, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipCheckedIn]:
    """A check-in is due that nobody recorded; of several that were missed the last one is asked for."""
    _following(mentorship, "ask")
    assert mentorship.accepted_at is not None
    number = min((now - mentorship.accepted_at) // rules.check_in_every, planned(mentorship, rules))
    after = mentorship.model_copy(update={"asked": number})
    mentor = _counted(mentor)
    return (
        mentor,
        after,
        MentorshipCheckedIn(
            **_about(mentor, after), number=number, status="due", recorded_by=None, ends_at=after.ends_at
        ),
    )


def extend(mentorship: Mentorship, actor_id: str, rules: Rules) -> Mentorship:
    """One side proposes the one extension that there is, the other agrees by doing the same."""
    mentorship.side(actor_id)
    _following(mentorship, "extend")
    if mentorship.weeks >= rules.extended_mentorship_weeks:
        raise Conflict("already-extended", "A mentorship is extended once.")
    if mentorship.extension_proposed_by is None:
        return mentorship.model_copy(update={"extension_proposed_by": actor_id})
    if mentorship.extension_proposed_by == actor_id:
        raise Conflict(
            "already-proposed",
            "You have proposed it already.",
            fix="The other side agrees by doing the same.",
        )
    return mentorship.model_copy(update={"weeks": rules.extended_mentorship_weeks})


def complete(
    mentor: Mentor, mentorship: Mentorship, actor_id: str | None, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipCompleted]:
    """Either side says that it reached its end, or nobody (None) where the time is over."""
    if actor_id is not None:
        mentorship.side(actor_id)
    after = _moved(mentorship, "complete", now, by=actor_id)
    mentor = _counted(mentor, places=-1)
    return (
        mentor,
        after,
        MentorshipCompleted(**_about(mentor, after), completed_by=actor_id, check_ins=len(after.check_ins)),
    )


def end(
    mentor: Mentor,
    mentorship: Mentorship,
    actor_id: str | None,
    now: datetime,
    *,
    why: EndReason = "by-a-side",
    reason: str = "",
) -> tuple[Mentor, Mentorship, MentorshipEnded]:
    """Either side ends it early, or nobody (None) where ``why`` says what did."""
    if actor_id is not None:
        mentorship.side(actor_id)
    after = _moved(mentorship, "end", now, by=actor_id, outcome=why, reason=reason)
    mentor = _counted(mentor, places=-1)
    return mentor, after, MentorshipEnded(**_about(mentor, after), ended_by=actor_id, why=why, reason=reason)


def close(
    mentor: Mentor, mentorship: Mentorship, rules: Rules, now: datetime
) -> tuple[Mentor, Mentorship, MentorshipCompleted | MentorshipEnded]:
    """The time is over: completed if enough check-ins took place, otherwise ended."""
    if mentorship.state != "active":
        return end(mentor, mentorship, None, now, why="never-started")
    if len(mentorship.check_ins) >= rules.completed_share * planned(mentorship, rules):
        return complete(mentor, mentorship, None, now)
    return end(mentor, mentorship, None, now, why="faded-out")


def give_feedback(
    mentorship: Mentorship, actor_id: str, *, rating: int, text: str, shared: bool, now: datetime
) -> Mentorship:
    """One side says afterwards how it was, or says it anew."""
    side = mentorship.side(actor_id)
    if mentorship.state not in ("completed", "ended"):
        raise Conflict("not-over", "Feedback is given when the mentorship is over.", fix="Complete it first.")
    feedback = Feedback(rating=rating, text=text, shared=shared, at=now)
    return mentorship.model_copy(update={f"{side}_feedback": feedback})


class Due(NamedTuple):
    """What time brings about next."""

    at: datetime
    step: Step


def next_due(mentorship: Mentorship, rules: Rules) -> Due | None:
    """What happens next if nobody does anything; nothing for one that is over."""
    if mentorship.state == "requested":
        return Due(mentorship.requested_at + rules.request_expires_after, "expire")
    if mentorship.state not in RUNNING:
        return None
    assert mentorship.accepted_at is not None
    closing = Due(
        mentorship.ends_at + rules.mentorship_grace
        if mentorship.state == "active"
        else mentorship.accepted_at + rules.never_started_after,
        "close",
    )
    if mentorship.asked >= planned(mentorship, rules):
        return closing
    asking = Due(mentorship.accepted_at + rules.check_in_every * (mentorship.asked + 1), "ask")
    return asking if asking.at < closing.at else closing


def planned(mentorship: Mentorship, rules: Rules) -> int:
    """How many check-ins a mentorship has."""
    return timedelta(weeks=mentorship.weeks) // rules.check_in_every


def _nearest(mentorship: Mentorship, rules: Rules, now: datetime) -> int:
    assert mentorship.accepted_at is not None
    periods = (now - mentorship.accepted_at + rules.check_in_every / 2) // rules.check_in_every
    return min(max(periods, 1), planned(mentorship, rules))


def _only(mentorship: Mentorship, actor_id: str, side: Side) -> None:
    if mentorship.side(actor_id) != side:
        raise Forbidden(f"not-the-{side}", f"Only the {side} does this.")


def _following(mentorship: Mentorship, command: Command) -> MentorshipState:
    following = TRANSITIONS[mentorship.state].get(command)
    if following is None:
        raise Conflict(
            "wrong-mentorship-state", f"A mentorship that is {mentorship.state} does not allow this."
        )
    return following


def _moved(
    mentorship: Mentorship,
    command: Command,
    now: datetime,
    *,
    by: str | None = None,
    accepted_at: datetime | None = None,
    outcome: ExpiryReason | EndReason | None = None,
    reason: str = "",
) -> Mentorship:
    return mentorship.model_copy(
        update={
            "state": _following(mentorship, command),
            "slot": None,
            "changed_at": now,
            "changed_by": by,
            "accepted_at": accepted_at or mentorship.accepted_at,
            "outcome": outcome,
            "reason": reason,
        }
    )


def _counted(mentor: Mentor, places: int = 0) -> Mentor:
    """``mentor`` after one more event, and with so many more places taken."""
    return mentor.model_copy(update={"version": mentor.version + 1, "taken": mentor.taken + places})


def _about(mentor: Mentor, mentorship: Mentorship) -> dict[str, Any]:
    """What every event says; ``mentor`` as it is after it."""
    return {
        "mentor_id": mentor.mentor_id,
        "version": mentor.version,
        "mentorship_id": mentorship.mentorship_id,
        "mentee_id": mentorship.mentee_id,
        "places_taken": mentor.taken,
    }
