"""Asking about a problem: who is asked in which wave, when the next one goes out, and when it ends.

A wave is chosen from a ranking: whoever may be asked now, best first, with three seats. What is decided here
is decided from the arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from services.matching.domain.ask import Ask
from services.matching.domain.workload import Excuse, Workload
from shared.contracts.discussions import ContentRedacted, ProblemUpdated
from shared.contracts.matching import (
    AskedAs,
    DeclinedBecause,
    ExpertAskAccepted,
    ExpertAskDeclined,
    ExpertAsked,
    ExpertAskExpired,
    RoutingExhausted,
)
from shared.ids import stable_id

State = Literal["asking", "taken", "exhausted", "answered", "hidden", "closed"]
Command = Literal["wave", "accept", "answer", "exhaust", "hide", "show", "close", "reopen"]

TRANSITIONS: Mapping[State, Mapping[Command, State]] = {
    "asking": {
        "wave": "asking",
        "accept": "taken",
        "answer": "answered",
        "exhaust": "exhausted",
        "hide": "hidden",
        "close": "closed",
    },
    "taken": {
        "wave": "asking",
        "accept": "taken",
        "answer": "answered",
        "exhaust": "exhausted",
        "hide": "hidden",
        "close": "closed",
    },
    "exhausted": {"accept": "taken", "answer": "answered", "close": "closed"},
    "answered": {"accept": "answered", "answer": "answered", "close": "closed"},
    "hidden": {"answer": "answered", "show": "asking", "close": "closed"},
    "closed": {"answer": "closed", "close": "closed", "reopen": "asking"},
}
"""What leads where. Waves go out while a problem is asked about or taken; a time is due in these two alone.
Asks that are out when somebody answers stay out: another view is welcome. While moderators hide the problem,
nobody is asked about it."""
REDACTED: Final = "[redacted]"
"""The title of a problem of whose text something was removed for good, until it is told anew."""

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


class Asking(BaseModel):
    """The asking about one problem. ``version`` counts the events of ``matching.asks`` about it."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    version: int = 0
    community_id: str
    asker_id: str
    problem_title: str
    tags: list[str] = []
    text_version: int = 0
    """The thread's version that gave title and tags."""
    anonymous: bool = False
    """The asker is not named."""
    state: State = "asking"
    waves: int = 0
    last_wave: int = rules.WAVES
    next_at: datetime | None = None
    """When there is something to do next: a wave, or the end of the waves."""
    asked: list[str] = []
    """Everybody who was asked."""
    experts: int = 0
    """How many of them in a wave."""
    involved: list[str] = []
    """Who wrote the problem's text with the asker, or answered it."""
    instance: str = ""
    """The instance of the service that took the problem in: it sends the first wave."""
    origin: dict[str, str | None] = {}
    """What brought it about, carried on to its events."""

    def after(self, command: Command, **changes: object) -> Asking:
        """The asking after a command that its state allows."""
        return self.model_copy(update={"state": TRANSITIONS[self.state][command], **changes})

    def allows(self, command: Command) -> bool:
        """Whether a command has any effect in its state."""
        return command in TRANSITIONS[self.state]

    def is_due(self, now: datetime) -> bool:
        """Whether there is something to do."""
        return self.next_at is not None and self.next_at <= now


class Candidate(NamedTuple):
    """Somebody who could be asked about a problem."""

    member_id: str
    score: float
    knows: bool
    """Whether anything speaks for them that has to do with the problem."""
    solutions: int
    """How many they proposed in the community."""
    org_id: str | None
    standing: Literal["active", "dormant", "none"]
    """In the problem's community, now."""
    away_until: datetime | None = None
    hours_a_week: int | None = None
    workload: Workload | None = None

    @property
    def perspective(self) -> str:
        """Their organisation; somebody without one speaks for themselves."""
        return self.org_id or f"member {self.member_id}"

    @property
    def has_little_history(self) -> bool:
        """Whether the seat for new faces is theirs to have."""
        return self.solutions < rules.LITTLE_HISTORY

    def weighed(self, tags: Collection[str], now: datetime) -> float:
        """The score, less what they were asked lately and what they said is not their field. A learned ranker
        takes scores below zero, too: there, less is further down."""
        share = self.share(tags, now)
        if self.score > 0:
            return self.score * share
        return self.score / share if share > 0 else -inf

    def share(self, tags: Collection[str], now: datetime) -> float:
        """What is left of the score for a problem with ``tags``, from 0 to 1."""
        return self.workload.share(tags, now) if self.workload else 1.0


class Invitation(NamedTuple):
    """Somebody who is to be asked, and why."""

    candidate: Candidate
    seat: Seat


class Wave(NamedTuple):
    """Who is to be asked now, best first."""

    invitations: Sequence[Invitation]
    postponed: bool
    """Whether somebody else could be asked another day, when their cap frees up."""


def is_worth_asking(posted_at: datetime, now: datetime) -> bool:
    """Whether a first ask at the time of the post could still be answered: an old import's could not."""
    return now - posted_at < rules.ASK_LIFETIME


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


def send(
    asking: Asking, wave: Sequence[tuple[Candidate, Sequence[str]]], now: datetime
) -> tuple[Asking, list[Ask], list[ExpertAsked]]:
    """Send the next wave to these, with the reasons; nobody at all is a wave, too, where others may be free
    by the next."""
    number = asking.waves + 1
    sent = asking.after(
        "wave", waves=number, experts=asking.experts + len(wave), next_at=now + rules.WAVE_INTERVAL
    )
    return _ask(sent, wave, "expert", number, now)


def may_be_called(facilitator: Candidate, asking: Asking, now: datetime) -> bool:
    """Whether a facilitator can be asked when the waves are over, whatever else they were asked lately."""
    return (
        facilitator.member_id not in (asking.asker_id, *asking.asked)
        and facilitator.standing == "active"
        and (facilitator.away_until is None or facilitator.away_until <= now)
    )


def exhaust(
    asking: Asking, facilitators: Sequence[Candidate], now: datetime
) -> tuple[Asking, list[Ask], list[ExpertAsked | RoutingExhausted]]:
    """End the waves: ask ``facilitators``, who can be called, and say so."""
    ended = asking.after("exhaust", next_at=None)
    reason = "looks after this community, and nobody who was asked has answered"
    if not asking.experts:
        reason = "looks after this community, and nobody else was found for this problem"
    wave = [(each, [reason]) for each in facilitators[: rules.FACILITATORS]]
    ended, asks, events = _ask(ended, wave, "facilitator", asking.waves + 1, now)
    ended = ended.model_copy(update={"version": ended.version + 1})
    exhausted = RoutingExhausted(
        thread_id=ended.thread_id,
        version=ended.version,
        community_id=ended.community_id,
        asker_id=ended.asker_id,
        anonymous=ended.anonymous,
        problem_title=ended.problem_title,
        waves=ended.waves,
        experts=ended.experts,
        facilitator_ids=[ask.expert_id for ask in asks],
    )
    return ended, asks, [*events, exhausted]


def _ask(
    asking: Asking,
    whom: Sequence[tuple[Candidate, Sequence[str]]],
    asked_as: AskedAs,
    number: int,
    now: datetime,
) -> tuple[Asking, list[Ask], list[ExpertAsked]]:
    asks: list[Ask] = []
    events: list[ExpertAsked] = []
    for version, (expert, reasons) in enumerate(whom, asking.version + 1):
        ask = Ask(
            ask_id=ask_id(asking.thread_id, expert.member_id),
            thread_id=asking.thread_id,
            community_id=asking.community_id,
            expert_id=expert.member_id,
            expert_org_id=expert.org_id,
            asker_id=asking.asker_id,
            problem_title=asking.problem_title,
            anonymous=asking.anonymous,
            asked_as=asked_as,
            wave=number,
            reasons=list(reasons),
            asked_at=now,
            expires_at=now + rules.ASK_LIFETIME,
        )
        asks.append(ask)
        events.append(
            ExpertAsked(
                version=version,
                **ask.model_dump(
                    include={
                        "thread_id", "community_id", "ask_id", "expert_id", "asker_id", "problem_title",
                        "anonymous", "asked_as", "wave", "reasons", "expires_at",
                    }
                ),
            )
        )  # fmt: skip
    sent = asking.model_copy(
        update={
            "version": asking.version + len(asks),
            "asked": [*asking.asked, *(ask.expert_id for ask in asks)],
        }
    )
    return sent, asks, events


def ask_id(thread_id: str, expert_id: str) -> str:
    """The id of the ask of one expert about one problem: there is one at most, however often it is sent."""
    return stable_id("ask", thread_id, expert_id)


def accept(asking: Asking, ask: Ask, now: datetime) -> tuple[Asking, Ask, ExpertAskAccepted | None]:
    """The expert will look at it: the waves wait for them. The same answer again changes and publishes
    nothing."""
    if not ask.is_open("accepted", now):
        return asking, ask, None
    waits = now + rules.PATIENCE if asking.state in ("asking", "taken") else None
    asking = asking.after("accept", version=asking.version + 1, next_at=waits)
    return (
        asking,
        ask.after("accept", now),
        ExpertAskAccepted(
            thread_id=ask.thread_id,
            version=asking.version,
            community_id=ask.community_id,
            ask_id=ask.ask_id,
            expert_id=ask.expert_id,
            asker_id=ask.asker_id,
            problem_title=ask.problem_title,
        ),
    )


def decline(
    asking: Asking, ask: Ask, because: DeclinedBecause, reason: str, now: datetime
) -> tuple[Asking, Ask, ExpertAskDeclined | None]:
    """The expert will not; it costs nothing. The same answer again changes and publishes nothing."""
    if not ask.is_open("declined", now):
        return asking, ask, None
    asking = asking.model_copy(update={"version": asking.version + 1})
    ask = ask.after("decline", now)
    return (
        asking,
        ask.model_copy(update={"declined_because": because, "decline_reason": reason}),
        ExpertAskDeclined(
            thread_id=ask.thread_id,
            version=asking.version,
            community_id=ask.community_id,
            ask_id=ask.ask_id,
            expert_id=ask.expert_id,
            asker_id=ask.asker_id,
            problem_title=ask.problem_title,
            because=because,
            reason=reason,
        ),
    )


def expire(asking: Asking, ask: Ask, now: datetime) -> tuple[Asking, Ask, ExpertAskExpired]:
    """The ask's time is over, or its problem is settled."""
    ignored = asking.state in ("asking", "exhausted") and ask.expires_at <= now
    asking = asking.model_copy(update={"version": asking.version + 1})
    event = ExpertAskExpired(
        thread_id=ask.thread_id,
        version=asking.version,
        community_id=ask.community_id,
        ask_id=ask.ask_id,
        expert_id=ask.expert_id,
        asker_id=ask.asker_id,
        problem_title=ask.problem_title,
        asked_as=ask.asked_as,
        wave=ask.wave,
        ignored=ignored,
    )
    return asking, ask.after("expire", now).model_copy(update={"ignored": ignored}), event


def edit(asking: Asking, event: ProblemUpdated) -> Asking:
    """The problem's text changed: the next wave is for what it says now. A replayed event undoes nothing."""
    involved = list(dict.fromkeys([*asking.involved, event.editor_id]))
    text: dict[str, object] = {}
    if event.version > asking.text_version:
        text = {"problem_title": event.title, "tags": event.tags, "text_version": event.version}
    return asking.model_copy(update={"involved": involved, **text})


def redact(asking: Asking, event: ContentRedacted) -> Asking:
    """Something of the problem's text was removed for good."""
    return asking.model_copy(update={"problem_title": REDACTED, "text_version": event.version})


def hide(asking: Asking) -> Asking:
    """Moderators hide the problem: no further wave for now."""
    return asking.after("hide", next_at=None) if asking.allows("hide") else asking


def show(asking: Asking, now: datetime) -> Asking:
    """They show it again: where it was asked about before, the waves go on."""
    return asking.after("show", next_at=now) if asking.allows("show") else asking


def answer(asking: Asking, author_id: str) -> Asking:
    """Somebody answered the problem: no further wave."""
    involved = list(dict.fromkeys([*asking.involved, author_id]))
    return asking.after("answer", next_at=None, involved=involved)


def close(asking: Asking) -> Asking:
    """The problem is settled: resolved, taken back, or another's duplicate."""
    return asking.after("close", next_at=None)


def reopen(asking: Asking, now: datetime) -> Asking:
    """What was settled is not: others are asked, in new waves."""
    if not asking.allows("reopen"):
        return asking
    return asking.after("reopen", next_at=now, last_wave=asking.waves + rules.WAVES)
