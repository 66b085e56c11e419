"""The HTTP API of expert asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.matching.commands import asks as commands
from services.matching.domain.ask import Ask, State
from services.matching.queries import asks as queries
from shared.contracts.matching import AskedAs, DeclinedBecause
from shared.errors import BadRequest
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Note, View

router = APIRouter(tags=["asks"])

AskPath = Annotated[str, Path(max_length=100, description="An ask's id.")]
ThreadPath = Annotated[str, Path(max_length=100, description="A problem's id.")]


class DeclineText(texts.Request):
    """Why not, if you like to say; declining costs nothing."""

    because: DeclinedBecause = Field(
        "other",
        description="It counts: after `not-my-field` you are not asked about these tags for half a year, "
        "after `no-time` about nothing for a week.",
        examples=["no-time"],
    )
    reason: Note = Field("", examples=["On leave until May."])


class AskView(View):
    """An expert asked about a problem."""

    id: str
    thread_id: str
    community_id: str
    problem_title: str
    expert_id: str
    expert_name: str | None = Field(description="Absent where the name is not known here yet.")
    asker_id: str | None = Field(description="Absent for the expert where the asker is not named.")
    asker_name: str | None = Field(
        description="Absent where the name is not known here yet, and where the asker is not named."
    )
    anonymous: bool = Field(description="Whether the asker is not named.")
    asked_as: AskedAs = Field(description="As an expert, or as a facilitator when the waves found nobody.")
    wave: int = Field(description="Which wave of asks, from 1.")
    reasons: list[str] = Field(
        description="Why this person: the terms of the score, largest first.",
        examples=[["3 endorsed solutions on permits", "states the skill permits (expert)"]],
    )
    state: State
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    answered_at: AwareDatetime | None = Field(description="When the expert accepted, declined or answered.")
    declined_because: DeclinedBecause | None
    decline_reason: str

    @staticmethod
    def of(ask: Ask, reader_id: str, names: Mapping[str, str], now: datetime) -> AskView:
        """The view of ``ask`` at ``now``, for ``reader_id``."""
        asker_id = None if ask.anonymous and reader_id != ask.asker_id else ask.asker_id
        return AskView(
            id=ask.ask_id,
            state=ask.state_at(now),
            expert_name=names.get(ask.expert_id),
            asker_id=asker_id,
            asker_name=names.get(asker_id) if asker_id else None,
            answered_at=ask.reacted_at,
            **ask.model_dump(
                exclude={"ask_id", "state", "asker_id", "expert_org_id", "answered_at", "ignored"}
            ),
        )


@router.get("/asks", response_model=Page[AskView], responses=READ_PROBLEMS)
async def list_asks(
    caller: AuthenticatedCaller,
    database: Db,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[AskView]:
    """What you were asked as an expert, latest first."""
    after = _position(cursor) if cursor else None
    rows = await queries.asks_of(database, caller, state, after, limit + 1)
    shown, following = page(rows, limit, lambda row: _milliseconds(row.asked_at), lambda row: row.ask_id)
    names = await queries.names(database, shown)
    return Page(
        items=[AskView.of(row, caller.member_id, names, database.clock()) for row in shown], next=following
    )


@router.get("/asks/{ask_id}", response_model=AskView, responses=READ_PROBLEMS)
async def read_ask(ask_id: AskPath, caller: AuthenticatedCaller, database: Db) -> AskView:
    """An ask, for the expert and for the one whose problem it is."""
    ask = await queries.ask(database, caller, ask_id)
    names = await queries.names(database, [ask])
    return AskView.of(ask, caller.member_id, names, database.clock())


@router.post("/asks/{ask_id}/accept", response_model=AskView, responses=WRITE_PROBLEMS)
async def accept(ask_id: AskPath, mutate: Mutating, database: Db) -> Response:
    """You will look at it. Accepting twice is accepting once."""

    async def work(uow: UnitOfWork) -> Answer:
        ask = await commands.accept(uow, mutate.caller, ask_id)
        names = await queries.names(database, [ask])
        return Answer(AskView.of(ask, mutate.caller.member_id, names, uow.now))

    return await mutate(work)


@router.post("/asks/{ask_id}/decline", response_model=AskView, responses=WRITE_PROBLEMS)
async def decline(
    ask_id: AskPath, mutate: Mutating, database: Db, body: DeclineText | None = None
) -> Response:
    """You will not. It costs nothing, and declining twice is declining once."""
    said = body or DeclineText()

    async def work(uow: UnitOfWork) -> Answer:
        ask = await commands.decline(uow, mutate.caller, ask_id, said.because, said.reason)
        names = await queries.names(database, [ask])
        return Answer(AskView.of(ask, mutate.caller.member_id, names, uow.now))

    return await mutate(work)


@router.get("/problems/{thread_id}/asks", response_model=Page[AskView], responses=READ_PROBLEMS)
async def list_asks_about(thread_id: ThreadPath, caller: AuthenticatedCaller, database: Db) -> Page[AskView]:
    """Who was asked about your problem, and why; all on one page, for waves are few and small."""
    rows = await queries.asks_about(database, caller, thread_id)
    names = await queries.names(database, rows)
    return Page(items=[AskView.of(row, caller.member_id, names, database.clock()) for row in rows])


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _position(cursor: str) -> tuple[datetime, str]:
    milliseconds, ask_id = read_cursor(cursor, int, str)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC), ask_id
    except (ValueError, OverflowError, OSError):
        raise BadRequest(
            "bad-cursor",
            "The cursor is not one of this list.",
            field="cursor",
            fix="Send `next` of the page before, or start without a cursor.",
        ) from None
