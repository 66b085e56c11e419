"""What is recommended to a member, within caps that protect them, and what they say to it.

**Not this, because.** A dismissal holds for half a year, whatever its reason. Its reason counts beyond that:
``not-my-subject`` halves what the tags of the dismissed count in this member's later scores (this fades with
the half-life of expertise), ``not-now`` keeps everything of the kind away for six weeks, and
``known-already`` and ``not-this-one`` say nothing about others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from shared.contracts.recommendations import (
    CommunityRecommended,
    ConnectionSuggested,
    DismissalReason,
    MentorSuggested,
    RecommendationAccepted,
    RecommendationDismissed,
    RecommendationEvent,
    RecommendationExpired,
    RecommendationKind,
)
from shared.errors import Conflict, NotFound
from shared.ids import stable_id

State = Literal["offered", "accepted", "dismissed", "expired"]
Command = Literal["accept", "dismiss", "expire"]

TRANSITIONS: Mapping[State, Mapping[Command, State]] = {
    "offered": {"accept": "accepted", "dismiss": "dismissed", "expire": "expired"},
    "accepted": {},
    "dismissed": {},
    "expired": {},
}
"""What leads where. Who does what was recommended has accepted it; ``expire`` is the clock's."""


class Swap(BaseModel):
    """A community to leave for another, and why that one."""

    model_config = ConfigDict(frozen=True)

    community_id: str
    name: str
    reason: str


class Offer(BaseModel):
    """Something worth recommending."""

    model_config = ConfigDict(frozen=True)

    kind: RecommendationKind
    subject_id: str
    """The community, or the other member."""
    community_id: str
    """The community itself, or one that both belong to or that the programme is of."""
    name: str
    """What the community or the programme is called; empty for a connection."""
    org_id: str | None = None
    """Of an internal community its organisation: only that one's members may know of it."""
    tags: list[str] = []
    """What it is about: what somebody does not care for who dismisses it as not their subject."""
    reasons: list[str]
    named_community_id: str | None = None
    """The recipient's own community that one of the reasons names."""
    items_a_week: int = 0
    swap: Swap | None = None
    programme_id: str | None = None


class Recommendation(Offer):
    """An offer to somebody, and what came of it."""

    recommendation_id: str
    member_id: str
    state: State = "offered"
    offered_at: datetime
    expires_at: datetime
    changed_at: datetime
    dismissed_because: DismissalReason | None = None

    def state_at(self, now: datetime) -> State:
        """Its state at ``now``, also when the clock's hand is late."""
        return "expired" if self.state == "offered" and self.expires_at <= now else self.state


class Recipient(BaseModel):
    """A member as somebody to recommend to: whatever is recommended to them changes this, so that no two
    at once exceed a cap. ``version`` counts the events of ``matching.recommendations`` about them."""

    model_config = ConfigDict(frozen=True)

    member_id: str
    version: int = 0
    recent: dict[RecommendationKind, list[datetime]] = {}
    """When something was recommended within the window, by kind."""
    quiet_until: dict[RecommendationKind, datetime] = {}
    distastes: list[Distaste] = []

    def room(self, kind: RecommendationKind, now: datetime) -> int:
        """How many more of a kind may be recommended now."""
        if kind in self.quiet_until and self.quiet_until[kind] > now:
            return 0
        since = now - rules.RECOMMENDED_WINDOW
        return max(0, rules.RECOMMENDED - sum(at > since for at in self.recent.get(kind, ())))

    def liking(self, tag: str, now: datetime) -> float:
        """What is left of a tag's worth, 0 to 1, after what was dismissed because of it."""
        left = 1.0
        for each in self.distastes:
            if tag in each.tags:
                age = max(0.0, (now - each.at) / rules.EXPERTISE_HALF_LIFE)
                left *= 1 - (1 - rules.DISTASTE) * 2**-age
        return left


class Distaste(BaseModel):
    """Tags that somebody said are not their subject."""

    model_config = ConfigDict(frozen=True)

    tags: list[str]
    at: datetime


Recipient.model_rebuild()


def no_such_recommendation() -> NotFound:
    """What everybody gets to whom it was not made, and where there is none."""
    return NotFound("no-such-recommendation", "There is no such recommendation.", fix="Check its id.")


def offer(
    recipient: Recipient, offers: Sequence[Offer], now: datetime, *, capped: bool = True
) -> tuple[Recipient, list[Recommendation], list[RecommendationEvent]]:
    """Recommend ``offers``, best first, as far as the caps have room; all of them where not ``capped``."""
    made: list[Recommendation] = []
    events: list[RecommendationEvent] = []
    for each in offers:
        if capped and not recipient.room(each.kind, now):
            continue
        version = recipient.version + 1
        changes: dict[str, object] = {"version": version}
        if capped:
            since = now - rules.RECOMMENDED_WINDOW
            recent = [at for at in recipient.recent.get(each.kind, ()) if at > since]
            changes["recent"] = {**recipient.recent, each.kind: [*recent, now]}
        recipient = recipient.model_copy(update=changes)
        recommended = Recommendation(
            **each.model_dump(),
            recommendation_id=stable_id("recommendation", recipient.member_id, str(version)),
            member_id=recipient.member_id,
            offered_at=now,
            changed_at=now,
            expires_at=now + rules.RECOMMENDATION_LIFETIME,
        )
        made.append(recommended)
        events.append(_offered(recommended, version))
    return recipient, made, events


def accept(
    recipient: Recipient, recommended: Recommendation, now: datetime
) -> tuple[Recipient, Recommendation, RecommendationAccepted | None]:
    """They take it up. The same answer again changes and publishes nothing."""
    if recommended.state == "accepted":
        return recipient, recommended, None
    recipient, recommended = _moved(recipient, recommended, "accept", now)
    return recipient, recommended, RecommendationAccepted(**_outcome(recipient, recommended))


def dismiss(
    recipient: Recipient, recommended: Recommendation, reason: DismissalReason, now: datetime
) -> tuple[Recipient, Recommendation, RecommendationDismissed | None]:
    """They do not want it. The same answer again changes and publishes nothing."""
    if recommended.state == "dismissed":
        return recipient, recommended, None
    recipient, recommended = _moved(recipient, recommended, "dismiss", now)
    recommended = recommended.model_copy(update={"dismissed_because": reason})
    if reason == "not-my-subject" and recommended.tags:
        kept = [each for each in recipient.distastes if now - each.at < 4 * rules.EXPERTISE_HALF_LIFE]
        distastes = [*kept, Distaste(tags=recommended.tags, at=now)]
        recipient = recipient.model_copy(update={"distastes": distastes})
    if reason == "not-now":
        quiet = {**recipient.quiet_until, recommended.kind: now + rules.NOT_NOW_HOLDS}
        recipient = recipient.model_copy(update={"quiet_until": quiet})
    return (
        recipient,
        recommended,
        RecommendationDismissed(**_outcome(recipient, recommended), reason=reason),
    )


def expire(
    recipient: Recipient, recommended: Recommendation, now: datetime
) -> tuple[Recipient, Recommendation, RecommendationExpired]:
    """Its time is over, or what was recommended is not there for them any more."""
    recipient = recipient.model_copy(update={"version": recipient.version + 1})
    recommended = recommended.model_copy(
        update={"state": TRANSITIONS[recommended.state]["expire"], "changed_at": now}
    )
    return recipient, recommended, RecommendationExpired(**_outcome(recipient, recommended))


def held_back(known: Collection[Recommendation], now: datetime) -> set[str]:
    """The subjects, of one kind, that are not to be recommended now: on offer, or dismissed not long ago."""
    return {
        each.subject_id
        for each in known
        if each.state_at(now) == "offered"
        or (each.state == "dismissed" and each.changed_at + rules.DISMISSAL_HOLDS > now)
    }


def _moved(
    recipient: Recipient, recommended: Recommendation, command: Command, now: datetime
) -> tuple[Recipient, Recommendation]:
    state = recommended.state_at(now)
    following = TRANSITIONS[state].get(command)
    if following is None:
        raise Conflict("wrong-recommendation-state", f"This recommendation is {state} already.")
    return (
        recipient.model_copy(update={"version": recipient.version + 1}),
        recommended.model_copy(update={"state": following, "changed_at": now}),
    )


def _offered(recommended: Recommendation, version: int) -> RecommendationEvent:
    common: dict[str, object] = {
        "member_id": recommended.member_id,
        "version": version,
        "recommendation_id": recommended.recommendation_id,
        "community_id": recommended.community_id,
        "reasons": recommended.reasons,
        "expires_at": recommended.expires_at,
    }
    match recommended.kind:
        case "community":
            swap = recommended.swap
            return CommunityRecommended.model_validate(
                common
                | {
                    "community_name": recommended.name,
                    "org_id": recommended.org_id,
                    "named_community_id": recommended.named_community_id,
                    "items_a_week": recommended.items_a_week,
                    "leave_community_id": swap.community_id if swap else None,
                    "leave_community_name": swap.name if swap else "",
                    "leave_reason": swap.reason if swap else "",
                }
            )
        case "mentor":
            return MentorSuggested.model_validate(
                common
                | {
                    "mentor_id": recommended.subject_id,
                    "programme_id": recommended.programme_id,
                    "programme_name": recommended.name,
                }
            )
        case "connection":
            return ConnectionSuggested.model_validate(common | {"other_id": recommended.subject_id})


def _outcome(recipient: Recipient, recommended: Recommendation) -> dict[str, object]:
    of_community = recommended.kind == "community"
    return {
        "member_id": recommended.member_id,
        "version": recipient.version,
        "recommendation_id": recommended.recommendation_id,
        "kind": recommended.kind,
        "community_id": recommended.subject_id if of_community else None,
        "other_id": None if of_community else recommended.subject_id,
    }
