"""Which communities nobody looks after, as metrics, anew every few minutes while the service runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from services.members.store import lives
from shared.background import repeated
from shared.storage import Database
from shared.telemetry.metrics import SuccessionMetrics

COMMUNITIES = 50
"""So many have metrics, those that have been without longest."""
EVERY = timedelta(minutes=5)


async def measure(database: Database, metrics: SuccessionMetrics) -> None:
    """Set the metrics to what they are now. Where there is nobody to ask, operators see that nobody was."""
    looking = await lives.looking_for_steward(database, COMMUNITIES)
    peopled = await lives.with_members(database, [each.community_id for each in looking])
    now = database.clock()
    with metrics.renewed():
        for each in looking:
            asked = each.asked_for_steward if each.community_id in peopled else "nobody"
            since = each.leaderless_since or now
            metrics.leaderless.set((now - since).total_seconds(), community=each.community_id, asked=asked)


@asynccontextmanager
async def running_gauges(app: FastAPI) -> AsyncIterator[None]:
    """Measure while the context is open."""
    step = partial(measure, app.state.database, SuccessionMetrics())
    async with repeated("measuring who looks after communities", step, EVERY.total_seconds()):
        yield
