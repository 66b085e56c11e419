"""What asking costs an expert: how often they were asked, what they ignored, what they are spared."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from math import exp2
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.matching.domain import rules
from shared.contracts.matching import DeclinedBecause

Excuse = Literal["capped", "resting", "spared"]
"""Why not now: a cap is reached, asks were ignored, or they said that they had no time."""


class Disclaimed(BaseModel):
    """A tag that an expert said is not their field."""

    model_config = ConfigDict(frozen=True)

    tag: str
    at: datetime


class Workload(BaseModel):
    """One expert's, over all communities."""

    model_config = ConfigDict(frozen=True)

    expert_id: str
    asked: list[datetime] = []
    """When they were asked in the last week."""
    recent: float = 0.0
    """Asks, fading, as of ``recent_at``."""
    recent_at: datetime | None = None
    ignored: int = 0
    """Asks ignored in a row."""
    rests_until: datetime | None = None
    spared_until: datetime | None = None
    disclaimed: list[Disclaimed] = []

    def excuse(self, now: datetime, hours_a_week: int | None) -> Excuse | None:
        """Why they are not to be asked at ``now``, if they are not. A clock that goes back frees nobody."""
        if self.rests_until is not None and now < self.rests_until:
            return "resting"
        if self.spared_until is not None and now < self.spared_until:
            return "spared"
        most = rules.ASKS_A_WEEK if hours_a_week is None else min(rules.ASKS_A_WEEK, hours_a_week)
        day, week = (self._since(now - window) for window in (timedelta(days=1), timedelta(days=7)))
        return "capped" if day >= rules.ASKS_A_DAY or week >= most else None

    def share(self, tags: Collection[str], now: datetime) -> float:
        """What is left of a score for a problem with ``tags``: less, the more they were asked lately and
        ignored in a row; and nothing of what they said is not their field."""
        apart = {each.tag for each in self.disclaimed if now - each.at < rules.DISCLAIMED}
        field = 1 - len(apart.intersection(tags)) / len(tags) if tags else 1.0
        return field / (1 + self.recent_at_moment(now) / rules.LOAD_SCALE) / (1 + self.ignored)

    def recent_at_moment(self, now: datetime) -> float:
        """How many asks count as recent at ``now``."""
        if self.recent_at is None:
            return 0.0
        return self.recent * exp2(-max(timedelta(0), now - self.recent_at) / rules.LOAD_HALF_LIFE)

    def after_ask(self, now: datetime) -> Workload:
        """After one more ask, with what no longer counts forgotten."""
        recent = [at for at in self.asked if at > now - timedelta(days=7)]
        return self.model_copy(
            update={
                "asked": [*recent, now],
                "recent": self.recent_at_moment(now) + 1,
                "recent_at": max(now, self.recent_at or now),
            }
        )

    def after_ignoring(self, since: datetime) -> Workload:
        """After an ask expired at ``since`` without a word."""
        if self.ignored + 1 < rules.IGNORED:
            return self.model_copy(update={"ignored": self.ignored + 1})
        return self.model_copy(update={"ignored": 0, "rests_until": since + rules.REST})

    def after_reacting(self) -> Workload:
        """After they accepted, declined or answered: what they ignored before is forgotten."""
        return self.model_copy(update={"ignored": 0, "rests_until": None})

    def after_declining(self, because: DeclinedBecause, tags: Collection[str], now: datetime) -> Workload:
        """After they declined. It costs nothing: it only tells what they are not to be asked, and when."""
        changes: dict[str, object] = {}
        if because == "no-time":
            changes["spared_until"] = now + rules.SPARED
        if because == "not-my-field":
            kept = [each for each in self.disclaimed if each.tag not in tags]
            lasting = [each for each in kept if now - each.at < rules.DISCLAIMED]
            changes["disclaimed"] = [*lasting, *(Disclaimed(tag=tag, at=now) for tag in tags)]
        return self.after_reacting().model_copy(update=changes)

    def _since(self, moment: datetime) -> int:
        return sum(at > moment for at in self.asked)
