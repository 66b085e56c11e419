"""The HTTP API of load: who is asked how much, and what comes of it."""

from __future__ import annotations

from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from services.matching.domain.load import Load, Outcomes, Waits
from services.matching.queries import load as queries
from shared.contracts.recommendations import RecommendationKind
from shared.web.auth import AuthenticatedCaller, operating
from shared.web.database import Db
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["load"])
pages = APIRouter(include_in_schema=False)

Days = Annotated[int, Query(ge=1, le=365, description="How many of the last days.")]
Share = Annotated[
    float | None, Field(description="From 0 to 1; absent where there is nothing to share.", examples=[0.62])
]


class OutcomesView(View):
    """What asks came to. Shares are of all asks but those still open."""

    asks: int = Field(description="How many asks.", examples=[120])
    experts: int = Field(description="How many were asked.", examples=[48])
    accepted: Share
    answered: Share
    declined: Share
    expired: Share


class SuggestionsView(View):
    """What recommendations came to. Shares are of all but those still on offer."""

    offered: int = Field(description="How many recommendations.", examples=[30])
    accepted: Share
    dismissed: Share
    expired: Share


class WaitsView(View):
    """How long problems wait for an answer of somebody else."""

    problems: int = Field(description="Problems posted.", examples=[57])
    answered: Share
    first_answer_seconds: float | None = Field(
        description="The median time to the first answer, of those that were answered.", examples=[8_100.0]
    )


class OrganisationLoadView(OutcomesView):
    """The same of one organisation's members."""

    org_id: str | None = Field(description="Absent for those who work for none.", examples=["city-of-aarhus"])
    waits: WaitsView = Field(description="The problems that they posted, but for those without their name.")
    suggestions: SuggestionsView = Field(description="All that was recommended to them.")


class LoadView(WaitsView):
    """How the asks of a community are spread, and what they lead to."""

    community_id: str
    members: int = Field(description="Who could be asked: they belong and are not dormant.", examples=[320])
    asks: OutcomesView
    deciles: list[float] = Field(
        description="The share of all asks that each tenth of the members got, the busiest tenth first.",
        examples=[[0.41, 0.22, 0.14, 0.09, 0.06, 0.04, 0.02, 0.01, 0.01, 0.0]],
    )
    busiest: float = Field(description="The share of the one who was asked most.", examples=[0.04])
    suggestions: dict[RecommendationKind, SuggestionsView] = Field(
        description="By kind, what was recommended to do with the community: itself, mentors, people.",
        examples=[{"mentor": {"offered": 30, "accepted": 0.4, "dismissed": 0.1, "expired": 0.5}}],
    )
    organisations: list[OrganisationLoadView]

    @staticmethod
    def of(load: Load) -> LoadView:
        """The view of ``load``."""
        return LoadView(
            community_id=load.community_id,
            members=load.members,
            asks=_outcomes(load.outcomes),
            deciles=load.deciles,
            busiest=load.busiest,
            **_waits(load.waits).model_dump(),
            suggestions={
                kind: SuggestionsView.model_validate(each.model_dump())
                for kind, each in load.suggestions.items()
            },
            organisations=[
                OrganisationLoadView.model_validate(each.model_dump() | {"waits": _waits(each.waits)})
                for each in load.organisations
            ],
        )


def _outcomes(of: Outcomes) -> OutcomesView:
    return OutcomesView.model_validate(of.model_dump())


def _waits(of: Waits) -> WaitsView:
    seconds = of.first_answer.total_seconds() if of.first_answer is not None else None
    return WaitsView(problems=of.problems, answered=of.answered, first_answer_seconds=seconds)


@router.get("/communities/{community_id}/load", response_model=LoadView, responses=READ_PROBLEMS)
async def read_load(
    community_id: Annotated[str, Path(max_length=100, description="A community's id.")],
    caller: AuthenticatedCaller,
    database: Db,
    days: Days = 28,
) -> LoadView:
    """How the asks of a community are spread, and what they lead to; for those who look after it."""
    return LoadView.of(await queries.load_of(database, caller, community_id, days))


@router.get(
    "/load", response_model=Page[LoadView], responses=READ_PROBLEMS, dependencies=[Depends(operating)]
)
async def list_loads(
    database: Db, days: Days = 28, cursor: Cursor = None, limit: PageSize = 20
) -> Page[LoadView]:
    """The load of all communities, by their ids; for operators."""
    [after] = read_cursor(cursor, str) if cursor else [""]
    rows = await queries.all_loads(database, after, days, limit + 1)
    shown, following = page(rows, limit, lambda row: row.community_id)
    return Page(items=[LoadView.of(row) for row in shown], next=following)


_PAGE = File(__file__).with_name("load.html").read_text()
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pages.get("/load.html")
async def load_page() -> Response:
    """The page that shows operators the load of all communities; it has no figures itself."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})
