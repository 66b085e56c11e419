"""The figures of load as metrics, counted anew every few minutes while the service runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from services.matching.domain.load import Load
from services.matching.queries.load import loads
from services.matching.store.load import busiest_communities
from shared.background import repeated
from shared.storage import Database
from shared.telemetry.metrics import LoadMetrics

DAYS = 28
COMMUNITIES = 50
"""The communities with most asks have metrics; of the others there is the page."""
ORGANISATIONS = 10
"""Of each community, the organisations with most asks."""
EVERY = timedelta(minutes=5)


async def measure(database: Database, metrics: LoadMetrics) -> None:
    """Set the metrics to what they are now."""
    since = database.clock() - timedelta(days=DAYS)
    ids = await busiest_communities(database, since, COMMUNITIES)
    with metrics.renewed():
        for load in await loads(database, ids, DAYS):
            _set(load, metrics)


def _set(load: Load, metrics: LoadMetrics) -> None:
    community = load.community_id
    metrics.busiest.set(load.busiest, community=community)
    for tenth, share in enumerate(load.deciles, 1):
        metrics.decile.set(share, community=community, decile=str(tenth))
    if load.waits.answered is not None:
        metrics.problems_answered.set(load.waits.answered, community=community)
    if load.waits.first_answer is not None:
        metrics.first_answer.set(load.waits.first_answer.total_seconds(), community=community)
    for kind, suggested in load.suggestions.items():
        metrics.suggestions.set(suggested.offered, community=community, kind=kind)
        if suggested.accepted is not None:
            metrics.suggestions_accepted.set(suggested.accepted, community=community, kind=kind)
    for each in load.organisations[:ORGANISATIONS]:
        names = {"community": community, "organisation": each.org_id or ""}
        metrics.asks.set(each.asks, **names)
        if each.accepted is not None and each.answered is not None:
            metrics.accepted.set(each.accepted, **names)
            metrics.answered.set(each.answered, **names)


@asynccontextmanager
async def running_gauges(app: FastAPI) -> AsyncIterator[None]:
    """Measure while the context is open."""
    step = partial(measure, app.state.database, LoadMetrics())
    async with repeated("measuring the load", step, EVERY.total_seconds()):
        yield
