"""Asking about a problem: when the next wave goes out, what becomes of each ask, and when it ends.

What is decided here is decided from the arguments alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from services.matching.domain.ask import Ask
from services.matching.domain.candidate import Candidate
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


def is_worth_asking(posted_at: datetime, now: datetime) -> bool:
    """Whether a first ask at the time of the post could still be answered: an old import's could not."""
    return now - posted_at < rules.ASK_LIFETIME


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
