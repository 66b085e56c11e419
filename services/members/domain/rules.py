"""The numbers of members, each a named setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for everybody on the platform."""

    ask_again_after: timedelta = timedelta(days=30)
    """How long somebody waits before asking again: who was declined by the same member or community, and who
    was removed from the community."""

    community_budget: int = 4
    """How many communities a member can take part in, unless they say otherwise."""
    mentor_places: int = 10
    """The largest capacity that a mentor may offer."""
    pending_requests: int = 3
    """Requests for a mentorship that one mentee has waiting at the same time."""
    waiting_requests: int = 100
    """Requests that wait for one mentor at the same time: the last place taken answers all of them."""
    request_expires_after: timedelta = timedelta(days=7)
    """How long a request for a mentorship waits for its answer."""
    mentorship_weeks: int = 12
    """How many weeks a mentorship runs, from its acceptance on."""
    extended_mentorship_weeks: int = 24
    """How many weeks it runs where both sides extended it."""
    check_in_every: timedelta = timedelta(weeks=2)
    """The time between two check-ins: six in twelve weeks."""
    never_started_after: timedelta = timedelta(weeks=4)
    """An accepted mentorship without any check-in gives its place back after this."""
    mentorship_grace: timedelta = timedelta(weeks=2)
    """So long after its time a mentorship is closed by itself."""
    completed_share: float = 0.5
    """One that is closed by itself was completed if this share of its check-ins took place."""

    domains: int = 20
    """Domains of one organisation, proven or not."""
    administrators: int = 50
    """Administrators of one organisation."""
    answer_within: timedelta = timedelta(days=14)
    """How long a member may take to say whether they keep a membership whose trial is over."""
    activity_step: timedelta = timedelta(hours=1)
    """Reading and contributing are noted no finer than this: at most one write for a member and community."""
    reopen_within: timedelta = timedelta(days=365)
    """How long after it was archived a community can be reopened."""
    stewards_asked: int = 5
    """How many of the most active members are asked when nobody looks after a community."""
    core_within: timedelta = timedelta(days=30)
    """Whoever contributed within this is of a community's core."""
    active_within: timedelta = timedelta(days=90)
    """Whoever contributed within this, but is not of the core, is active."""
    reader_within: timedelta = timedelta(days=30)
    """Whoever read or contributed within this is a reader."""


RULES = Rules()
