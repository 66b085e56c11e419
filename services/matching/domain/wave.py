"""A wave: whom to ask about a problem now.

It is chosen from a ranking: whoever may be asked, best first, with three seats. What is decided here is
decided from the arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from services.matching.domain import rules
from services.matching.domain.asking import Asking
from services.matching.domain.candidate import Candidate
from services.matching.domain.workload import Excuse, Workload

Barrier = Literal[
    "asks",
    "involved",
    "asked-before",
    "not-a-member",
    "dormant",
    "away",
    "no-hours",
    "nothing-known",
    "not-their-field",
]
Verdict = Barrier | Excuse | Literal["asked", "nobody-asked", "others-first"]
"""How it stands with somebody and a problem."""
Seat = Literal["best", "elsewhere", "newcomer"]
"""For the best; for somebody from another organisation; for somebody with little history."""


class Invitation(NamedTuple):
    """Somebody who is to be asked, and why."""

    candidate: Candidate
    seat: Seat


class Wave(NamedTuple):
    """Who is to be asked now, best first."""

    invitations: Sequence[Invitation]
    postponed: bool
    """Whether somebody else could be asked another day, when their cap frees up."""


def barrier(candidate: Candidate, asking: Asking, now: datetime) -> Barrier | Excuse | None:
    """Why somebody is not to be asked about a problem now, if they are not."""
    if candidate.member_id == asking.asker_id:
        return "asks"
    if candidate.member_id in asking.asked:
        return "asked-before"
    if candidate.member_id in asking.involved:
        return "involved"
    if candidate.standing != "active":
        return "not-a-member" if candidate.standing == "none" else "dormant"
    if not candidate.knows:
        return "nothing-known"
    if candidate.away_until is not None and now < candidate.away_until:
        return "away"
    if candidate.hours_a_week == 0:
        return "no-hours"
    workload = candidate.workload or Workload(expert_id=candidate.member_id)
    if excuse := workload.excuse(now, candidate.hours_a_week):
        return excuse
    return None if candidate.share(asking.tags, now) > 0 else "not-their-field"


def choose_wave(candidates: Iterable[Candidate], asking: Asking, *, external: bool, now: datetime) -> Wave:
    """Whom to ask, best first.

    The first seat goes to the best; the second, in an external community, to the best from elsewhere; the
    last to somebody with little history unless one has a seat already. A seat that nobody fits goes to the
    best who is left. Never anybody with a ``barrier``.
    """
    left: list[Candidate] = []
    postponed = False
    for each in candidates:
        found = barrier(each, asking, now)
        if found is None:
            left.append(each)
        postponed |= found == "capped"
    weights = {each.member_id: each.weighed(asking.tags, now) for each in left}
    left.sort(key=lambda each: (-weights[each.member_id], each.member_id))
    wave: list[Invitation] = []

    def take(seat: Seat, fits: Callable[[Candidate], bool]) -> None:
        if left:
            chosen = next((each for each in left if fits(each)), None)
            wave.append(Invitation(chosen or left[0], seat if chosen and chosen != left[0] else "best"))
            left.remove(wave[-1].candidate)

    for place in range(1, rules.WAVE + 1):
        if place == rules.WAVE and not any(each.candidate.has_little_history for each in wave):
            take("newcomer", lambda each: each.has_little_history)
        elif place == 2 and external:
            take("elsewhere", lambda each: each.perspective != wave[0].candidate.perspective)
        else:
            take("best", lambda each: True)
    return Wave(sorted(wave, key=lambda each: (-weights[each.candidate.member_id], each.candidate.member_id)),
                postponed)  # fmt: skip


def told(invitation: Invitation, reasons: Sequence[str]) -> list[str]:
    """The reasons of somebody's score, and what else they were chosen for."""
    match invitation.seat:
        case "elsewhere":
            return [*reasons, "brings the view of another organisation"]
        case "newcomer":
            return [*reasons, "has answered little here yet: a new view is welcome"]
        case "best":
            return list(reasons)


def may_be_called(facilitator: Candidate, asking: Asking, now: datetime) -> bool:
    """Whether a facilitator can be asked when the waves are over, whatever else they were asked lately."""
    return (
        facilitator.member_id not in (asking.asker_id, *asking.asked)
        and facilitator.standing == "active"
        and (facilitator.away_until is None or facilitator.away_until <= now)
    )
