"""The HTTP API of who was asked about a problem, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, Field

from services.matching.api.asks import ThreadPath
from services.matching.domain import asking as rules
from services.matching.domain.ask import Ask, State
from services.matching.domain.wave import Verdict
from services.matching.queries import asks as queries_of_asks
from services.matching.queries import experts as queries
from shared.contracts.matching import AskedAs, DeclinedBecause
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.problems import READ_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["asks"])

MemberPath = Annotated[str, Path(max_length=100, description="A member's id.")]


class AskedView(View):
    """Somebody who was asked."""

    expert_id: str
    expert_name: str | None = Field(description="Absent where the name is not known here yet.")
    asked_as: AskedAs
    wave: int
    reasons: list[str] = Field(examples=[["3 endorsed solutions on permits"]])
    state: State
    asked_at: AwareDatetime
    answered_at: AwareDatetime | None = Field(description="When they accepted, declined or answered.")
    declined_because: DeclinedBecause | None
    decline_reason: str | None = Field(
        description="In their words; absent but for the asker and for those who look after the community."
    )

    @staticmethod
    def of(ask: Ask, names: Mapping[str, str], now: datetime, close: bool) -> AskedView:
        """The view of ``ask`` at ``now``."""
        return AskedView(
            expert_id=ask.expert_id,
            expert_name=names.get(ask.expert_id),
            asked_as=ask.asked_as,
            wave=ask.wave,
            reasons=ask.reasons,
            state=ask.state_at(now),
            asked_at=ask.asked_at,
            answered_at=ask.reacted_at,
            declined_because=ask.declined_because,
            decline_reason=ask.decline_reason if close else None,
        )


class ExpertsView(View):
    """Who was asked about a problem, wave by wave."""

    thread_id: str
    state: rules.State | None = Field(
        description="How far the asking is; absent where nobody was asked, as for an import's old problems."
    )
    waves: int = Field(description="Waves sent so far.", examples=[1])
    next_at: AwareDatetime | None = Field(
        description="When the next ones are asked, unless somebody accepts or answers before."
    )
    experts: list[AskedView]


class StandingView(View):
    """Why a member was asked about a problem, or was not."""

    member_id: str
    verdict: Verdict
    words: str = Field(examples=["They were asked as often as the caps allow."])
    place: int | None = Field(
        description="Among those who may be asked and were not yet, where that is the reason.", examples=[4]
    )
    reasons: list[str] = Field(
        description="What speaks for them.", examples=[["states the skill permits (expert)"]]
    )


_WORDS: Final[Mapping[Verdict, str]] = {
    "asked": "They were asked.",
    "nobody-asked": "Nobody was asked about this problem: it was too old when it became known here.",
    "asks": "The problem is theirs.",
    "involved": "They wrote in the problem, or answered it already.",
    "asked-before": "They were asked before.",
    "not-a-member": "They do not belong to the community.",
    "dormant": "They do not follow the community at present.",
    "away": "They are away.",
    "no-hours": "They have no hours to give.",
    "nothing-known": "Nothing that they did or state has to do with it.",
    "not-their-field": "They said that its tags are not their field.",
    "capped": "They were asked as often as the caps, or the hours that they have, allow.",
    "resting": "They rest after asks that they did not react to.",
    "spared": "They said lately that they have no time.",
    "others-first": "They may be asked, but others came first.",
}


@router.get("/problems/{thread_id}/experts", response_model=ExpertsView, responses=READ_PROBLEMS)
async def list_experts(thread_id: ThreadPath, caller: AuthenticatedCaller, database: Db) -> ExpertsView:
    """Who was asked about a problem, in which wave, why, and what they made of it; for its community. All on
    one page, for waves are few and small."""
    asking, asked, close = await queries.asked_about(database, caller, thread_id)
    names = await queries_of_asks.names(database, asked)
    return ExpertsView(
        thread_id=thread_id,
        state=asking.state if asking else None,
        waves=asking.waves if asking else 0,
        next_at=asking.next_at if asking else None,
        experts=[AskedView.of(ask, names, database.clock(), close) for ask in asked],
    )


@router.get("/problems/{thread_id}/experts/{member_id}", response_model=StandingView, responses=READ_PROBLEMS)
async def read_standing(
    thread_id: ThreadPath, member_id: MemberPath, caller: AuthenticatedCaller, database: Db
) -> StandingView:
    """Why a member was asked about a problem, or was not; for stewards."""
    found = await queries.standing(database, caller, thread_id, member_id)
    return StandingView(
        member_id=member_id,
        verdict=found.verdict,
        words=_WORDS[found.verdict],
        place=found.place,
        reasons=found.reasons,
    )
