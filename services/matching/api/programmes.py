"""The HTTP API of programmes: mentors for many at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.matching.commands import programmes as commands
from services.matching.domain import rules
from services.matching.domain.programme import (
    Exclusion,
    Mode,
    Outcome,
    Programme,
    Proposal,
    Registration,
    State,
)
from services.matching.queries import recommendations as queries
from shared.ids import new_id
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, Moment, TagList, TitleText, View

router = APIRouter(tags=["programmes"])

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]
ProgrammePath = Annotated[str, Path(max_length=100, description="A programme's id.")]


class ExclusionText(texts.Request):
    """Two who are not to be matched, such as a manager and one of their own."""

    mentee_id: Identifier = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"])
    mentor_id: Identifier = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"])


class NewProgramme(texts.Request):
    """A programme to announce."""

    name: TitleText = Field(examples=["Spring 2026"])
    opens_at: Moment = Field(description="From when on mentees register.")
    closes_at: Moment = Field(description="Until when.")
    across_organisations: bool = Field(False, description="Match nobody within their own organisation.")
    exclusions: list[ExclusionText] = Field([], max_length=1_000)


class RegistrationText(texts.Request):
    """What you look for, and whom you would like best."""

    skills: TagList = Field(description="What you look for.", examples=[["permits"]])
    wishes: list[Identifier] = Field(
        [],
        max_length=rules.WISHES,
        description="Mentors, the best first; each once. Without any the programme finds who fits.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]],
    )
    only_wishes: bool = Field(False, description="Nobody else will do.")


class ConfirmText(texts.Request):
    """The preview that you confirm."""

    mode: Mode = Field(examples=["stable"])
    digest: str = Field(
        max_length=100, description="Of the preview.", examples=["8d7a5e0f6b1c4d2e9a3b7c5d1e0f4a6b"]
    )


class OutcomeView(View):
    """What an assignment is worth."""

    matched: int
    unmatched: int
    blocking_pairs: int = Field(description="Pairs that would both rather have each other.")
    mean_rank: float = Field(
        description="The mean place of one's mentor on one's own list, from 1.", examples=[1.4]
    )
    first_choices: int = Field(description="How many got the first of their list.")
    places: int = Field(description="All mentors' free places together.")

    @staticmethod
    def of(outcome: Outcome) -> OutcomeView:
        """The view of ``outcome``."""
        return OutcomeView(**outcome.model_dump())


class ProgrammeView(View):
    """A programme of a community."""

    id: str
    community_id: str
    name: str = Field(examples=["Spring 2026"])
    created_by: str = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"])
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    across_organisations: bool
    state: State
    mode: Mode | None = Field(description="How it was assigned, once it is confirmed.")
    figures: OutcomeView | None

    @staticmethod
    def of(programme: Programme) -> ProgrammeView:
        """The view of ``programme``. Whom stewards keep apart is nobody else's affair."""
        return ProgrammeView(
            id=programme.programme_id,
            figures=OutcomeView.of(programme.figures) if programme.figures else None,
            **programme.model_dump(
                exclude={"programme_id", "version", "created_at", "exclusions", "figures"}
            ),
        )


class RegistrationView(View):
    """Your part in a programme."""

    programme_id: str
    skills: list[str]
    wishes: list[str] = Field(
        description="Mentors, the best first.", examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]]
    )
    only_wishes: bool
    registered_at: AwareDatetime
    mentor_id: str | None = Field(description="Who it became, once the programme is confirmed.")

    @staticmethod
    def of(registration: Registration) -> RegistrationView:
        """The view of ``registration``."""
        return RegistrationView(**registration.model_dump(exclude={"mentee_id"}))


class PairView(View):
    """A mentee and the mentor they would get."""

    mentee_id: str
    mentor_id: str
    reasons: list[str] = Field(examples=[["number 1 of your wishes", "mentors in permits"]])


class PreviewView(View):
    """What would be confirmed now, beside what the other mode would give."""

    mode: Mode
    digest: str = Field(
        description="Send it to confirm exactly this.", examples=["8d7a5e0f6b1c4d2e9a3b7c5d1e0f4a6b"]
    )
    figures: OutcomeView
    other_mode: Mode
    other_figures: OutcomeView
    matched: list[PairView] = Field(description="The first of them, as many as asked for.")
    unmatched: list[str] = Field(
        description="Mentees who would get nobody; as many as asked for.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]],
    )

    @staticmethod
    def of(found: dict[Mode, Proposal], mode: Mode, limit: int) -> PreviewView:
        """The view of both."""
        other: Mode = "maximal" if mode == "stable" else "stable"
        chosen = found[mode]
        return PreviewView(
            mode=mode,
            digest=chosen.digest,
            figures=OutcomeView.of(chosen.outcome),
            other_mode=other,
            other_figures=OutcomeView.of(found[other].outcome),
            matched=[PairView(**each._asdict()) for each in chosen.matched[:limit]],
            unmatched=chosen.unmatched[:limit],
        )


@router.post(
    "/communities/{community_id}/programmes",
    status_code=201,
    response_model=ProgrammeView,
    responses=WRITE_PROBLEMS,
)
async def create_programme(community_id: CommunityPath, body: NewProgramme, mutate: Mutating) -> Response:
    """Announce a programme of mentors. For stewards of the community."""
    programme_id = new_id()
    exclusions = [Exclusion(**each.model_dump()) for each in body.exclusions]

    async def work(uow: UnitOfWork) -> Answer:
        programme = await commands.create(
            uow,
            mutate.caller,
            programme_id,
            community_id,
            **body.model_dump(exclude={"exclusions"}),
            exclusions=exclusions,
        )
        return Answer(ProgrammeView.of(programme), 201, location=f"/v1/programmes/{programme_id}")

    return await mutate(work)


@router.get(
    "/communities/{community_id}/programmes", response_model=Page[ProgrammeView], responses=READ_PROBLEMS
)
async def list_programmes(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ProgrammeView]:
    """The programmes of a community that you belong to, the latest first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.programmes_of(database, caller, community_id, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.programme_id)
    return Page(items=[ProgrammeView.of(row) for row in shown], next=following)


@router.get("/programmes/{programme_id}", response_model=ProgrammeView, responses=READ_PROBLEMS)
async def read_programme(
    programme_id: ProgrammePath, caller: AuthenticatedCaller, database: Db
) -> ProgrammeView:
    """A programme of a community that you belong to."""
    return ProgrammeView.of(await queries.programme(database, caller, programme_id))


@router.get(
    "/programmes/{programme_id}/registration", response_model=RegistrationView, responses=READ_PROBLEMS
)
async def read_registration(
    programme_id: ProgrammePath, caller: AuthenticatedCaller, database: Db
) -> RegistrationView:
    """Your part in it."""
    return RegistrationView.of(await queries.registration(database, caller, programme_id))


@router.put(
    "/programmes/{programme_id}/registration", response_model=RegistrationView, responses=WRITE_PROBLEMS
)
async def register(programme_id: ProgrammePath, body: RegistrationText, mutate: Mutating) -> Response:
    """Take part as a mentee, or change what you said, while the window is open."""

    async def work(uow: UnitOfWork) -> Answer:
        registration = await commands.register(
            uow,
            mutate.caller,
            programme_id,
            skills=body.skills,
            wishes=list(dict.fromkeys(body.wishes)),
            only_wishes=body.only_wishes,
        )
        return Answer(RegistrationView.of(registration))

    return await mutate(work)


@router.delete("/programmes/{programme_id}/registration", status_code=204, responses=WRITE_PROBLEMS)
async def leave(programme_id: ProgrammePath, mutate: Mutating) -> Response:
    """Take no part after all, while the window is open."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.leave(uow, mutate.caller, programme_id)
        return Answer()

    return await mutate(work)


@router.get("/programmes/{programme_id}/preview", response_model=PreviewView, responses=READ_PROBLEMS)
async def preview(
    programme_id: ProgrammePath,
    caller: AuthenticatedCaller,
    database: Db,
    mode: Annotated[
        Mode,
        Query(description="`stable`: no two would rather have each other; `maximal`: as many as possible."),
    ] = "stable",
    limit: PageSize = 20,
) -> PreviewView:
    """Who would get whom now, with the figures of either mode. For stewards; nothing is changed by it."""
    found = await database.transact(lambda uow: commands.preview(uow, caller, programme_id))
    return PreviewView.of(found, mode, limit)


@router.post("/programmes/{programme_id}/confirm", response_model=ProgrammeView, responses=WRITE_PROBLEMS)
async def confirm(programme_id: ProgrammePath, body: ConfirmText, mutate: Mutating) -> Response:
    """Confirm a preview, once the window is over: mentees are told whom they could ask. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        programme = await commands.confirm(uow, mutate.caller, programme_id, body.mode, body.digest)
        return Answer(ProgrammeView.of(programme))

    return await mutate(work)


@router.post("/programmes/{programme_id}/cancel", response_model=ProgrammeView, responses=WRITE_PROBLEMS)
async def cancel(programme_id: ProgrammePath, mutate: Mutating) -> Response:
    """Give a programme up before it is confirmed. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        return Answer(ProgrammeView.of(await commands.cancel(uow, mutate.caller, programme_id)))

    return await mutate(work)
