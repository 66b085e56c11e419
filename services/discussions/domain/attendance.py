"""Who comes to a gathering: its capacity holds, and whoever leaves makes room for the first who waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.gathering import Gathering, changed
from services.discussions.domain.limits import ATTENDEES
from shared.contracts.content import GatheringChanged, Reply
from shared.errors import Conflict


class Rsvp(BaseModel):
    """What a member answered to the invitation."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    community_id: str
    member_id: str
    reply: Reply
    waiting: bool = False
    """They want to come, and there is no place yet."""
    at: datetime
    """When they answered so: who waits longest comes first."""
    next_at: datetime | None
    """When the gathering takes place next; None for who does not come, and when it is over."""


def rsvp(
    gathering: Gathering, community_id: str, member_id: str, earlier: Rsvp | None, reply: Reply, now: datetime
) -> tuple[Gathering, Rsvp]:
    """A member says whether they come. Where all places are taken, they wait."""
    if gathering.state != "scheduled":
        raise Conflict("gathering-over", f"This gathering is {gathering.state}.")
    return answered(gathering, community_id, member_id, earlier, reply, now)


def answered(
    gathering: Gathering, community_id: str, member_id: str, earlier: Rsvp | None, reply: Reply, now: datetime
) -> tuple[Gathering, Rsvp]:
    """The same for whoever has left the community, in whatever state the gathering is."""
    if earlier is not None and earlier.reply == reply:
        return gathering, earlier
    counts = _counts(gathering)
    if earlier is not None and (before := _counted(earlier.reply, earlier.waiting)):
        counts[before] -= 1
    waiting = reply == "yes" and counts["going"] >= gathering.places
    return _given(gathering, counts, community_id, member_id, reply, waiting=waiting, at=now)


def take_over(
    gathering: Gathering, member_id: str, reply: Reply, *, waiting: bool, at: datetime
) -> tuple[Gathering, Rsvp]:
    """What a member answered elsewhere, in whatever state the gathering is: they have the place that they had
    there, or wait as they did."""
    waiting = waiting and reply == "yes"
    counts = _counts(gathering)
    return _given(gathering, counts, gathering.community_id, member_id, reply, waiting=waiting, at=at)


def _counts(gathering: Gathering) -> dict[str, int]:
    return {"going": gathering.going, "waiting": gathering.waiting, "maybe": gathering.maybe}


def _given(
    gathering: Gathering,
    counts: dict[str, int],
    community_id: str,
    member_id: str,
    reply: Reply,
    *,
    waiting: bool,
    at: datetime,
) -> tuple[Gathering, Rsvp]:
    if after := _counted(reply, waiting):
        if sum(counts.values()) >= ATTENDEES:
            raise Conflict("gathering-full", f"No more than {ATTENDEES} can answer that they come.")
        counts[after] += 1
    return gathering.model_copy(update=counts), Rsvp(
        thread_id=gathering.thread_id,
        community_id=community_id,
        member_id=member_id,
        reply=reply,
        waiting=waiting,
        at=at,
        next_at=None if reply == "no" else gathering.next_at,
    )


def _counted(reply: Reply, waiting: bool) -> str | None:
    return {"yes": "waiting" if waiting else "going", "maybe": "maybe", "no": None}[reply]


def free_places(gathering: Gathering) -> int:
    """How many of those who wait can come."""
    if gathering.state != "scheduled":
        return 0
    return max(0, min(gathering.waiting, gathering.places - gathering.going))


def move_up(
    gathering: Gathering, first: Sequence[Rsvp]
) -> tuple[Gathering, list[Rsvp], GatheringChanged | None]:
    """Those who waited longest have a place now, and are told."""
    if not first:
        return gathering, [], None
    gathering = gathering.then(going=gathering.going + len(first), waiting=gathering.waiting - len(first))
    moved = [each.model_copy(update={"waiting": False}) for each in first]
    return gathering, moved, changed(gathering, None, "moved-up", [each.member_id for each in moved])
