"""How the asks of a community are spread, and what they lead to: figures of a stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from services.matching.domain.ask import State
from services.matching.domain.recommendation import State as RecommendationState
from shared.contracts.recommendations import RecommendationKind

TENTHS = 10


class Count(NamedTuple):
    """So many asks of one expert, who worked there, that came to this."""

    expert_id: str
    org_id: str | None
    state: State
    asks: int


class Suggested(NamedTuple):
    """So many recommendations of a kind, to members who work there, that came to this."""

    org_id: str | None
    kind: RecommendationKind
    state: RecommendationState
    made: int


class Waited(NamedTuple):
    """A problem: who asked works there, and so long it waited for an answer of somebody else."""

    org_id: str | None
    first_answer: timedelta | None
    """Nothing while it waits."""
    named: bool = True
    """Where the asker is not named, the problem counts for no organisation."""


class Waits(BaseModel):
    """How long problems wait."""

    model_config = ConfigDict(frozen=True)

    problems: int
    answered: float | None
    """The share that somebody answered."""
    first_answer: timedelta | None
    """The median, of those that somebody answered."""


class Suggestions(BaseModel):
    """What recommendations came to. Shares are of all but those still on offer; nothing where there are
    none."""

    model_config = ConfigDict(frozen=True)

    offered: int
    accepted: float | None
    dismissed: float | None
    expired: float | None


class Outcomes(BaseModel):
    """What asks came to. Shares are of all asks but those still open; nothing where there are none."""

    model_config = ConfigDict(frozen=True)

    asks: int
    experts: int
    accepted: float | None
    """Accepted or answered."""
    answered: float | None
    declined: float | None
    expired: float | None


class OrganisationLoad(Outcomes):
    """The same of those who work for one organisation, or for none; with what they asked themselves and all
    that was recommended to them."""

    org_id: str | None
    waits: Waits
    suggestions: Suggestions


class Load(BaseModel):
    """The load of one community."""

    model_config = ConfigDict(frozen=True)

    community_id: str
    members: int
    """Who could be asked: belongs and is not dormant."""
    outcomes: Outcomes
    deciles: list[float]
    """The share of all asks that each tenth of the members got, the busiest tenth first."""
    busiest: float
    """The share of the one who was asked most."""
    waits: Waits
    suggestions: dict[RecommendationKind, Suggestions]
    """By kind, of whatever was recommended."""
    organisations: list[OrganisationLoad]
    """By organisation, most asks first."""


def figures(
    community_id: str,
    members: int,
    counts: Sequence[Count],
    waited: Sequence[Waited],
    suggested: Sequence[Suggested],
) -> Load:
    """The load from its counts."""
    by_expert: dict[str, int] = {}
    by_org: dict[str | None, list[Count]] = {}
    for count in counts:
        by_expert[count.expert_id] = by_expert.get(count.expert_id, 0) + count.asks
        by_org.setdefault(count.org_id, []).append(count)
    asks = sum(by_expert.values())
    named = [each for each in waited if each.named]
    for org in [*(each.org_id for each in suggested), *(each.org_id for each in named)]:
        by_org.setdefault(org, [])
    organisations = [
        OrganisationLoad(
            org_id=org,
            waits=waits([each for each in named if each.org_id == org]),
            suggestions=suggestions(each for each in suggested if each.org_id == org),
            **outcomes(of).model_dump(),
        )
        for org, of in by_org.items()
    ]
    return Load(
        community_id=community_id,
        members=members,
        outcomes=outcomes(counts),
        deciles=deciles(by_expert.values(), members),
        busiest=max(by_expert.values(), default=0) / asks if asks else 0.0,
        waits=waits(waited),
        suggestions={
            kind: suggestions(each for each in suggested if each.kind == kind)
            for kind in sorted({each.kind for each in suggested})
        },
        organisations=sorted(organisations, key=lambda each: (-each.asks, each.org_id or "")),
    )


def outcomes(counts: Sequence[Count]) -> Outcomes:
    """What these asks came to."""
    of_state = _by_state((count.state, count.asks) for count in counts)
    share = _shares(of_state, "sent")
    return Outcomes(
        asks=sum(of_state.values()),
        experts=len({count.expert_id for count in counts}),
        accepted=share("accepted", "answered"),
        answered=share("answered"),
        declined=share("declined"),
        expired=share("expired"),
    )


def waits(waited: Sequence[Waited]) -> Waits:
    """How long these problems waited."""
    times = [each.first_answer.total_seconds() for each in waited if each.first_answer is not None]
    return Waits(
        problems=len(waited),
        answered=len(times) / len(waited) if waited else None,
        first_answer=timedelta(seconds=median(times)) if times else None,
    )


def suggestions(counts: Iterable[Suggested]) -> Suggestions:
    """What these recommendations came to."""
    of_state = _by_state((each.state, each.made) for each in counts)
    share = _shares(of_state, "offered")
    return Suggestions(
        offered=sum(of_state.values()),
        accepted=share("accepted"),
        dismissed=share("dismissed"),
        expired=share("expired"),
    )


def _by_state(counts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    of_state: dict[str, int] = {}
    for state, count in counts:
        of_state[state] = of_state.get(state, 0) + count
    return of_state


def _shares(of_state: Mapping[str, int], unsettled: str) -> Callable[..., float | None]:
    settled = sum(of_state.values()) - of_state.get(unsettled, 0)

    def share(*states: str) -> float | None:
        return sum(of_state.get(state, 0) for state in states) / settled if settled else None

    return share


def deciles(asks: Iterable[int], members: int) -> list[float]:
    """The share of all asks by tenths of the members, the busiest first. A member who lies across the border
    of two tenths counts in both, in proportion."""
    ordered = sorted(asks, reverse=True)
    total, everybody = sum(ordered), max(members, len(ordered))
    if not total:
        return [0.0] * TENTHS
    up_to = [0]
    for each in ordered:
        up_to.append(up_to[-1] + each)

    def cumulative(tenth: int) -> float:
        whole, rest = divmod(tenth * everybody, TENTHS)
        if whole >= len(ordered):
            return float(total)
        return up_to[whole] + ordered[whole] * rest / TENTHS

    return [(cumulative(tenth + 1) - cumulative(tenth)) / total for tenth in range(TENTHS)]
