"""The HTTP API of erasing members."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.members.api.people import MemberPath
from services.members.commands import erasure as commands
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import operating
from shared.web.mutations import Answer, Mutating
from shared.web.problems import WRITE_PROBLEMS
from shared.web.texts import Identifier

router = APIRouter(tags=["personal data"], responses=WRITE_PROBLEMS)


class Erasure(texts.Request):
    """The word that cannot be taken back."""

    confirmation: Identifier = Field(
        description="Your member id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]
    )


@router.delete("/members/me", status_code=204)
async def erase_yourself(body: Erasure, mutate: Mutating) -> Response:
    """Erase everything about you, everywhere, for good; what you wrote stays as a former member's.

    You cannot register again with the same identity. Download your data first, from each service.
    """

    async def work(uow: UnitOfWork) -> Answer:
        await commands.erase_oneself(uow, mutate.caller, body.confirmation)
        return Answer()

    return await mutate(work)


@router.put("/erasures/{member_id}", status_code=204, dependencies=[Depends(operating)])
async def erase_member(member_id: MemberPath, mutate: Mutating) -> Response:
    """Erase a member on an operator's word. Needs the scope `guildhall:operate`."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.erase(uow, member_id)
        return Answer()

    return await mutate(work)
