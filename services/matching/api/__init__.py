"""HTTP: request, command or query, response; one module per subject, no rules here."""

from __future__ import annotations

from fastapi import APIRouter

from services.matching.api import asks, experts, load, programmes, recommendations, similar

ROUTERS: list[APIRouter] = [
    asks.router,
    experts.router,
    load.router,
    similar.router,
    recommendations.router,
    programmes.router,
]
PAGES: list[APIRouter] = [load.pages]
