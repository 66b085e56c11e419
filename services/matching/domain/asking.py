"""Asking experts about a problem: who is asked, and what comes of an ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from services.matching.domain.expertise import Term, reasons
from shared.contracts.matching import ExpertAskAccepted, ExpertAskDeclined, ExpertAsked
from shared.errors import Conflict, NotFound
from shared.ids import stable_id

Answered = Literal["accepted", "declined"]
State = Literal["sent", "accepted", "declined", "expired"]


class Candidate(NamedTuple):
    """Somebody who could be asked about a problem, and why."""

    member_id: str
    org_id: str | None
    belongs: bool
    """Whether they belong to the problem's community now."""
    solutions: int
    """How many they proposed in the community."""
    score: float
    terms: Sequence[Term]
    """What the score is the sum of."""

    @property
    def perspective(self) -> str:
        """Their organisation; somebody without one speaks for themselves."""
        return self.org_id or f"member {self.member_id}"

    @property
    def has_little_history(self) -> bool:
        """Whether the seat for new faces is theirs to have."""
        return self.solutions < rules.LITTLE_HISTORY


class Workload(BaseModel):
    """When an expert was asked in the last week."""

    model_config = ConfigDict(frozen=True)

    expert_id: str
    asked: list[datetime] = []

    def has_room(self, now: datetime) -> bool:
        """Whether one more ask stays within both caps."""
        day, week = (self._since(now - window) for window in (timedelta(days=1), timedelta(days=7)))
        return day < rules.ASKS_A_DAY and week < rules.ASKS_A_WEEK

    def with_ask(self, now: datetime) -> Workload:
        """After one more ask, with what no longer counts forgotten."""
        recent = [at for at in self.asked if at > now - timedelta(days=7)]
        return self.model_copy(update={"asked": [*recent, now]})

    def _since(self, moment: datetime) -> int:
        return sum(at > moment for at in self.asked)


class Asking(BaseModel):
    """The asking about one problem. ``version`` counts the events of ``matching.asks`` about it."""

    model_config = ConfigDict(frozen=True)

    thread_id: str
    version: int = 0
    community_id: str
    asker_id: str
    problem_title: str
    anonymous: bool = False
    """The asker is not named."""
    waves: int = 0


class Ask(BaseModel):
    """One expert asked about one problem."""

    model_config = ConfigDict(frozen=True)

    ask_id: str
    thread_id: str
    community_id: str
    expert_id: str
    asker_id: str
    problem_title: str
    anonymous: bool = False
    """The expert is not told who asks."""
    wave: int
    reasons: list[str]
    state: Literal["sent", "accepted", "declined"] = "sent"
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    decline_reason: str = ""

    def state_at(self, now: datetime) -> State:
        """Its state at ``now``: an ask expires by itself."""
        return "expired" if self.state == "sent" and self.expires_at <= now else self.state


def no_such_ask() -> NotFound:
    """What somebody gets whom an ask does not concern, and what everybody gets where there is none."""
    return NotFound("no-such-ask", "There is no such ask.", fix="Check its id.")


def is_worth_asking(posted_at: datetime, now: datetime) -> bool:
    """Whether a first ask at the time of the post could still be answered: an old import's could not."""
    return now - posted_at < rules.ASK_LIFETIME


def choose_wave(
    candidates: Iterable[Candidate],
    *,
    asker_id: str,
    external: bool,
    workloads: Mapping[str, Workload],
    now: datetime,
) -> list[Candidate]:
    """Whom to ask, best first.

    The first seat goes to the best; the second, in an external community, to the best from elsewhere; the
    last to somebody with little history unless one has a seat already. A seat that nobody fits goes to the
    best who is left. Never the asker, nobody who does not belong, nobody whose caps are reached.
    """
    left = sorted(
        (
            each
            for each in candidates
            if each.belongs
            and each.member_id != asker_id
            and each.score > 0
            and (each.member_id not in workloads or workloads[each.member_id].has_room(now))
        ),
        key=lambda each: (-each.score, each.member_id),
    )
    wave: list[Candidate] = []

    def seat(fits: Callable[[Candidate], bool]) -> None:
        if left:
            chosen = next((each for each in left if fits(each)), left[0])
            left.remove(chosen)
            wave.append(chosen)

    for place in range(1, rules.WAVE + 1):
        if place == rules.WAVE and not any(each.has_little_history for each in wave):
            seat(lambda each: each.has_little_history)
        elif place == 2 and external:
            seat(lambda each: each.perspective != wave[0].perspective)
        else:
            seat(lambda each: True)
    return sorted(wave, key=lambda each: (-each.score, each.member_id))


def send(
    asking: Asking, wave: Sequence[Candidate], now: datetime
) -> tuple[Asking, list[Ask], list[ExpertAsked]]:
    """Send the next wave. An ask's id follows from problem and expert, so that a rerun makes the same."""
    asks: list[Ask] = []
    events: list[ExpertAsked] = []
    number = asking.waves + 1
    for version, expert in enumerate(wave, asking.version + 1):
        ask = Ask(
            ask_id=stable_id("ask", asking.thread_id, expert.member_id),
            thread_id=asking.thread_id,
            community_id=asking.community_id,
            expert_id=expert.member_id,
            asker_id=asking.asker_id,
            problem_title=asking.problem_title,
            anonymous=asking.anonymous,
            wave=number,
            reasons=reasons(expert.terms),
            asked_at=now,
            expires_at=now + rules.ASK_LIFETIME,
        )
        asks.append(ask)
        events.append(
            ExpertAsked(
                thread_id=ask.thread_id,
                version=version,
                community_id=ask.community_id,
                ask_id=ask.ask_id,
                expert_id=ask.expert_id,
                asker_id=ask.asker_id,
                problem_title=ask.problem_title,
                anonymous=ask.anonymous,
                wave=number,
                reasons=ask.reasons,
                expires_at=ask.expires_at,
            )
        )
    sent = asking.model_copy(update={"waves": number, "version": asking.version + len(wave)})
    return sent, asks, events


def accept(asking: Asking, ask: Ask, now: datetime) -> tuple[Asking, Ask, ExpertAskAccepted | None]:
    """The expert will look at it. The same answer again changes nothing and publishes nothing."""
    if not _is_open(ask, "accepted", now):
        return asking, ask, None
    asking, ask = _answered(asking, ask, "accepted", now)
    return (
        asking,
        ask,
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
    asking: Asking, ask: Ask, reason: str, now: datetime
) -> tuple[Asking, Ask, ExpertAskDeclined | None]:
    """The expert will not; it costs nothing. The same answer again changes and publishes nothing."""
    if not _is_open(ask, "declined", now):
        return asking, ask, None
    asking, ask = _answered(asking, ask, "declined", now)
    return (
        asking,
        ask.model_copy(update={"decline_reason": reason}),
        ExpertAskDeclined(
            thread_id=ask.thread_id,
            version=asking.version,
            community_id=ask.community_id,
            ask_id=ask.ask_id,
            expert_id=ask.expert_id,
            asker_id=ask.asker_id,
            problem_title=ask.problem_title,
            reason=reason,
        ),
    )


def _is_open(ask: Ask, answer: Answered, now: datetime) -> bool:
    """Whether ``answer`` is still to be given, rather than given before. ``Conflict`` if neither."""
    state = ask.state_at(now)
    if state == "expired":
        raise Conflict(
            "ask-expired",
            f"This ask expired at {ask.expires_at:%Y-%m-%d %H:%M} UTC.",
            fix="You can still propose a solution to the problem itself.",
        )
    if state not in ("sent", answer):
        raise Conflict("ask-answered", f"You have {state} this ask already.")
    return state == "sent"


def _answered(asking: Asking, ask: Ask, answer: Answered, now: datetime) -> tuple[Asking, Ask]:
    return (
        asking.model_copy(update={"version": asking.version + 1}),
        ask.model_copy(update={"state": answer, "answered_at": now}),
    )
