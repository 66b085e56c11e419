"""HTTP: request, command or query, response; one module per aggregate, no rules here."""

from __future__ import annotations

from fastapi import APIRouter

from services.members.api import (
    admissions,
    communities,
    connections,
    erasure,
    lives,
    mentorships,
    organisations,
    people,
)

ROUTERS: list[APIRouter] = [
    people.router,
    communities.router,
    connections.router,
    admissions.router,
    organisations.router,
    erasure.router,
    lives.router,
    mentorships.router,
]
