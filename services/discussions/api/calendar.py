"""The HTTP API of calendars: a secret address that calendar programs subscribe to."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from services.discussions.api import ical
from services.discussions.commands import calendars as commands
from services.discussions.queries import gatherings
from shared.storage import UnitOfWork
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["calendar"])
public = APIRouter(tags=["calendar"])

CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {"description": "iCalendar.", "content": {"text/calendar": {"schema": {"type": "string"}}}}
}
Secret = Annotated[str, Path(max_length=100, description="What makes the address one of yours.")]


class CalendarView(View):
    """Where your calendar is. Whoever knows the address reads it."""

    address: str | None = Field(
        description="Told once: a repeated request does not tell it again.",
        examples=["/v1/calendar/3vT1xq8n6o0M3B5k0vQ5m2mA9h1Zp7cYw4bN8sKd2fE.ics"],
    )


@router.post("/calendar", status_code=201, response_model=CalendarView, responses=WRITE_PROBLEMS)
async def issue_calendar(mutate: Mutating) -> Response:
    """Have an address for your calendar. The one before leads nowhere from then on."""
    secret = secrets.token_urlsafe(32)

    async def work(uow: UnitOfWork) -> Answer:
        await commands.issue(uow, mutate.caller.member_id, secret)
        return Answer(CalendarView(address=None), 201)  # an answer may be kept; the secret is not

    response = await mutate(work)
    if "Idempotency-Replayed" in response.headers:
        return response
    body = CalendarView(address=f"/v1/calendar/{secret}.ics").model_dump_json()
    return Response(body, response.status_code, media_type="application/json")


@router.delete("/calendar", status_code=204, responses=WRITE_PROBLEMS)
async def revoke_calendar(mutate: Mutating) -> Response:
    """Take the address of your calendar away."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.revoke(uow, mutate.caller.member_id)
        return Answer()

    return await mutate(work)


@public.get(
    "/calendar/{secret}.ics",
    response_class=Response,
    responses={**READ_PROBLEMS, **CALENDAR},
    openapi_extra={"security": [{}]},
)
async def read_calendar(secret: Secret, database: Db) -> Response:
    """The gatherings that you come to, or might, and may still see. The address is the secret."""
    content = ical.calendar(await gatherings.calendar(database, secret))
    return Response(content, media_type="text/calendar", headers={"Cache-Control": "private, max-age=300"})
