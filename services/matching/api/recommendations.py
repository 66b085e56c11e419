"""The HTTP API of recommendations: communities, mentors and people, and what one says to them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from datetime import time as hours
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.matching.commands import programmes
from services.matching.commands import recommendations as commands
from services.matching.commands.programmes import Suggestion
from services.matching.domain.recommendation import Recommendation, State
from services.matching.queries import recommendations as queries
from shared.contracts.recommendations import DismissalReason, RecommendationKind
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Tag, View

router = APIRouter(tags=["recommendations"])

RecommendationPath = Annotated[str, Path(max_length=100, description="A recommendation's id.")]


class Dismissal(texts.Request):
    """Why not. It is not recommended again for half a year; the reason counts in what is, too."""

    reason: DismissalReason = Field(
        description="`not-my-subject`: less of what it is about; `not-now`: nothing of the kind for six "
        "weeks; `known-already` and `not-this-one`: this alone.",
        examples=["not-my-subject"],
    )


class SwapView(View):
    """A community to leave for the one that is recommended."""

    community_id: str
    name: str = Field(examples=["Permit offices"])
    reason: str = Field(examples=["you have written nothing there for a while"])


class RecommendationView(View):
    """Something recommended to you."""

    id: str
    kind: RecommendationKind
    subject_id: str = Field(description="The community, or the member.")
    community_id: str = Field(description="The community itself, or one that you share with the member.")
    name: str | None = Field(
        description="The community's or the member's name; absent where it is not known here yet.",
        examples=["Permit offices"],
    )
    programme_id: str | None = Field(description="The programme that a mentor is suggested from.")
    reasons: list[str] = Field(
        description="Why: the terms of the score, largest first.",
        examples=[["it is about permits", "members of Clerks take part in it"]],
    )
    items_a_week: int | None = Field(
        description="How much is written in the community in a week, of late; absent for people.",
        examples=[6],
    )
    swap: SwapView | None = Field(description="What to leave for it; absent where there is room.")
    state: State
    offered_at: AwareDatetime
    expires_at: AwareDatetime
    dismissed_because: DismissalReason | None

    @staticmethod
    def of(recommended: Recommendation, name: str | None, now: datetime) -> RecommendationView:
        """The view of ``recommended`` at ``now``."""
        swap = SwapView(**recommended.swap.model_dump()) if recommended.swap else None
        return RecommendationView(
            id=recommended.recommendation_id,
            name=name,
            state=recommended.state_at(now),
            swap=swap,
            items_a_week=recommended.items_a_week if recommended.kind == "community" else None,
            **recommended.model_dump(include=_AS_IT_IS),
        )


_AS_IT_IS: Final = {
    "kind", "subject_id", "community_id", "programme_id", "reasons", "offered_at", "expires_at",
    "dismissed_because",
}  # fmt: skip


class MentorView(View):
    """Somebody who could be your mentor."""

    member_id: str
    name: str
    skills: list[str] = Field(description="In what they offer it.")
    score: float = Field(
        description="The sum of the terms that the reasons tell, larger is better.", examples=[5.25]
    )
    reasons: list[str] = Field(examples=[["mentors in permits", "6 working hours in common", "speaks da"]])
    hours_in_common: float = Field(
        description="Working hours of the day that are yours, too.", examples=[6.0]
    )
    places_free: int
    capacity: int

    @staticmethod
    def of(found: Suggestion) -> MentorView:
        """The view of a suggestion."""
        mentor = found.mentor
        return MentorView(
            member_id=mentor.member_id,
            name=mentor.name,
            skills=mentor.skills,
            score=round(found.score, 3),
            reasons=found.reasons,
            hours_in_common=found.hours_in_common,
            places_free=mentor.free,
            capacity=mentor.capacity,
        )


@router.get("/recommendations", response_model=Page[RecommendationView], responses=READ_PROBLEMS)
async def list_recommendations(
    caller: AuthenticatedCaller,
    database: Db,
    kind: Annotated[RecommendationKind | None, Query(description="Only these.")] = None,
    state: Annotated[State, Query(description="Those in this state.")] = "offered",
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[RecommendationView]:
    """What is recommended to you, and you may see now."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.recommended_to(database, caller, kind, state, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.recommendation_id)
    named = await queries.visible(database, caller, shown)
    now = database.clock()
    return Page(items=[RecommendationView.of(each, name, now) for each, name in named], next=following)


@router.get("/recommendations/mentors", response_model=Page[MentorView], responses=READ_PROBLEMS)
async def suggest_mentors(
    caller: AuthenticatedCaller,
    database: Db,
    skill: Annotated[
        list[Tag] | None,
        Query(max_length=20, description="What you look for; else what your profile says you seek or learn."),
    ] = None,
    on: Annotated[
        date | None,
        Query(
            ge=date(1970, 1, 1),
            lt=date(9000, 1, 1),
            description="The day of which working hours are compared; else today.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="How many at most.")] = 10,
) -> Page[MentorView]:
    """Who could be your mentor now, best first: the offer is open to you and a place is free."""
    at = datetime.combine(on, hours(12), UTC) if on else database.clock()
    found = await database.transact(lambda uow: programmes.suggest(uow, caller, skill or [], at, limit))
    return Page(items=[MentorView.of(each) for each in found])


@router.get(
    "/recommendations/{recommendation_id}", response_model=RecommendationView, responses=READ_PROBLEMS
)
async def read_recommendation(
    recommendation_id: RecommendationPath, caller: AuthenticatedCaller, database: Db
) -> RecommendationView:
    """Something that was recommended to you, while you may see it."""
    found, name = await queries.recommendation(database, caller, recommendation_id)
    return RecommendationView.of(found, name, database.clock())


@router.post(
    "/recommendations/{recommendation_id}/accept",
    response_model=RecommendationView,
    responses=WRITE_PROBLEMS,
)
async def accept_recommendation(
    recommendation_id: RecommendationPath, mutate: Mutating, database: Db
) -> Response:
    """You take it up. Joining, asking or connecting is still yours to do; doing it accepts as well."""
    _, name = await queries.recommendation(database, mutate.caller, recommendation_id)

    async def work(uow: UnitOfWork) -> Answer:
        recommended = await commands.accept(uow, mutate.caller, recommendation_id)
        return Answer(RecommendationView.of(recommended, name, uow.now))

    return await mutate(work)


@router.post(
    "/recommendations/{recommendation_id}/dismiss",
    response_model=RecommendationView,
    responses=WRITE_PROBLEMS,
)
async def dismiss_recommendation(
    recommendation_id: RecommendationPath, body: Dismissal, mutate: Mutating, database: Db
) -> Response:
    """Not this, because. It costs nothing, and dismissing twice is dismissing once."""
    _, name = await queries.recommendation(database, mutate.caller, recommendation_id)

    async def work(uow: UnitOfWork) -> Answer:
        recommended = await commands.dismiss(uow, mutate.caller, recommendation_id, body.reason)
        return Answer(RecommendationView.of(recommended, name, uow.now))

    return await mutate(work)
