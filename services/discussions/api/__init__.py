"""HTTP: request, command or query, response; one module per aggregate, no rules here."""

from __future__ import annotations

from fastapi import APIRouter

from services.discussions.api import (
    benchmarks,
    calendar,
    case_studies,
    comments,
    endorsements,
    gatherings,
    moderation,
    practices,
    problems,
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
    endorsements.router,
    comments.router,
    threads.router,
    search.router,
    moderation.router,
    case_studies.router,
    resources.router,
    reuses.router,
    benchmarks.router,
    gatherings.router,
    calendar.router,
    reactions.router,
]
