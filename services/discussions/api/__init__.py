"""HTTP: request, command or query, response; one module per aggregate, no rules here."""

from __future__ import annotations

from fastapi import APIRouter

from services.discussions.api import (
    adaptations,
    benchmarks,
    calendar,
    case_studies,
    comments,
    endorsements,
    figures,
    gatherings,
    lifts,
    moderation,
    practices,
    problems,
    proposals,
    reactions,
    resources,
    reuses,
    search,
    solutions,
    threads,
)

ROUTERS: list[APIRouter] = [
    problems.router,
    solutions.router,
    practices.router,
    adaptations.router,
    lifts.router,
    proposals.router,
    endorsements.router,
    comments.router,
    threads.router,
    search.router,
    moderation.router,
    figures.router,
    case_studies.router,
    resources.router,
    reuses.router,
    benchmarks.router,
    gatherings.router,
    calendar.router,
    reactions.router,
]
