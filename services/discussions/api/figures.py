"""The HTTP API of a community's figures."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from services.discussions import queries
from services.discussions.api.common import CommunityPath
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.problems import READ_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["figures"])


class FiguresView(View):
    """How a community does with its 2,000 latest problems; withdrawn ones and duplicates are not counted."""

    problems: int = Field(examples=[120])
    answered: int = Field(examples=[96])
    resolved: int = Field(examples=[60])
    median_seconds_to_answer: float | None = Field(
        description="From the post to the first solution, of those that have one.", examples=[7200.0]
    )
    share_resolved: float | None = Field(description="From 0 to 1.", examples=[0.5])


@router.get("/communities/{community_id}/figures", response_model=FiguresView, responses=READ_PROBLEMS)
async def read_figures(community_id: CommunityPath, caller: AuthenticatedCaller, database: Db) -> FiguresView:
    """How soon somebody answers in a community, and how much is resolved."""
    found = await queries.figures_of(database, caller, community_id)
    return FiguresView.model_validate(found._asdict())
