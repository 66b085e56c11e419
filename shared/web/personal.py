"""What every service answers about a member: all that it holds, and that it holds nothing any more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field

from shared.storage import Database
from shared.storage.personal import Personal, held, is_erased, mentions
from shared.web.auth import AuthenticatedCaller, operating
from shared.web.database import Db
from shared.web.problems import READ_PROBLEMS
from shared.web.texts import View


class PersonalData(View):
    """Everything that a service holds as a member's."""

    service: str = Field(examples=["members"])
    member_id: str
    at: AwareDatetime
    held: dict[str, list[dict[str, Any]]] = Field(
        description="By collection, what is about you or written by you, as it is stored.",
        examples=[{"memberships": [{"_id": "…", "role": "member", "joined_at": "2026-03-02T09:30:00Z"}]}],
    )


class ErasureView(View):
    """What a service still holds of somebody."""

    service: str = Field(examples=["members"])
    erased: bool = Field(description="Whether the service knows that they are erased.")
    mentions: dict[str, int] = Field(
        description="By collection, how many documents still name them. Empty when all is over: two minutes "
        "after the erasure, or when Kafka has taken all events about them.",
        examples=[{"outbox": 2}],
    )


def personal_data(service: str, personal: Mapping[str, Personal]) -> APIRouter:
    """The router of the service called ``service``, which holds members' ids as ``personal`` says."""
    router = APIRouter(tags=["personal data"], responses=READ_PROBLEMS)

    @router.get(
        "/members/me/data",
        response_model=PersonalData,
        response_class=StreamingResponse,
        summary="Download your data",
        responses={200: {"content": {"application/json": {}}}},
    )
    async def download(caller: AuthenticatedCaller, database: Db) -> StreamingResponse:
        """Everything that this service holds about you or that you wrote here, as it is stored."""
        stream = document(service, database, personal, caller.member_id)
        return StreamingResponse(
            stream,
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="guildhall-{service}.json"'},
        )

    @router.get(
        "/erasures/{member_id}",
        response_model=ErasureView,
        summary="Prove an erasure",
        dependencies=[Depends(operating)],
    )
    async def prove(
        member_id: Annotated[str, Path(min_length=1, max_length=100, description="A member's id.")],
        database: Db,
    ) -> ErasureView:
        """Read the whole database for what still names a member. Needs the scope `guildhall:operate`."""
        return ErasureView(
            service=service,
            erased=await is_erased(database, member_id),
            mentions=await mentions(database, member_id),
        )

    return router


async def document(
    service: str, database: Database, personal: Mapping[str, Personal], member_id: str
) -> AsyncIterator[str]:
    """The JSON of a ``PersonalData``, as it is read: however much there is, little of it is in memory."""
    head = {"service": service, "member_id": member_id, "at": database.clock().isoformat()}
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "held": {'
    present: str | None = None
    async for collection, document in held(database, personal, member_id):
        if collection == present:
            yield ", "
        else:
            yield ("" if present is None else "], ") + json.dumps(collection) + ": ["
            present = collection
        yield json.dumps(document, ensure_ascii=False, default=_plain)
    yield "}}" if present is None else "]}}"


def _plain(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return value.decode(errors="replace")
        case _:  # MongoDB's own types: ids of documents that need no name
            return str(value)
