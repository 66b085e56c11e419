"""The HTTP API of reactions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from services.discussions import queries
from services.discussions.api.common import ThreadPath
from services.discussions.commands import reactions as commands
from services.discussions.domain.reaction import ReactionKind
from shared.contracts.discussions import ItemKind
from shared.ids import new_id
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, View

router = APIRouter(tags=["reactions"])

KindPath = Annotated[ReactionKind, Path(description="What you say by it.")]
ItemKindQuery = Annotated[ItemKind, Query(description="The kind of what you reacted to.")]
ItemQuery = Annotated[Identifier, Query(description="What you reacted to.")]


class NewReaction(texts.Request):
    """What you react to. `dangerous` needs a comment that says why."""

    item_kind: ItemKind = Field(examples=["comment"])
    item_id: Identifier
    comment: BodyText | None = Field(None, examples=["The solvent it names is banned since May."])


class OwnReactions(View):
    """How the caller reacted."""

    mine: list[ReactionKind]


@router.put("/threads/{thread_id}/reactions/{kind}", status_code=204, responses=WRITE_PROBLEMS)
async def react(thread_id: ThreadPath, kind: KindPath, body: NewReaction, mutate: Mutating) -> Response:
    """React to a thread or to anything in it. You count once for each kind.

    That you used it yourself is no reaction but a reuse, and that a solution is dangerous is a contest.
    """
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        await commands.react(uow, mutate.caller.member_id, thread_id, kind, comment_id, **body.model_dump())
        return Answer()

    return await mutate(work)


@router.delete("/threads/{thread_id}/reactions/{kind}", status_code=204, responses=WRITE_PROBLEMS)
async def unreact(
    thread_id: ThreadPath, kind: KindPath, item_kind: ItemKindQuery, item_id: ItemQuery, mutate: Mutating
) -> Response:
    """Take a reaction back. What you commented with it stays."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.unreact(uow, mutate.caller.member_id, thread_id, kind, item_kind, item_id)
        return Answer()

    return await mutate(work)


@router.get("/threads/{thread_id}/reactions", response_model=OwnReactions, responses=READ_PROBLEMS)
async def own_reactions(
    thread_id: ThreadPath, item_id: ItemQuery, caller: AuthenticatedCaller, database: Db
) -> OwnReactions:
    """How you reacted to a thread or something in it; the counts of all are on the item itself."""
    mine = await queries.own_reactions(database, caller, thread_id, item_id)
    return OwnReactions.model_validate({"mine": mine})
