"""Reads for the API: asks, for the expert and for the asker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.matching import store
from services.matching.domain.ask import Ask, State, no_such_ask
from services.matching.store import asking
from shared.errors import NotFound
from shared.storage import Database, UnitOfWork
from shared.web.auth import Caller


async def asks_of(
    database: Database, caller: Caller, state: State | None, after: tuple[datetime, str] | None, limit: int
) -> list[Ask]:
    """What the caller was asked in the communities that they still belong to, latest first."""
    communities = await store.communities_of(database, caller.member_id)
    return await asking.asks_of(database, caller.member_id, communities, state, after, limit)


async def ask(database: Database, caller: Caller, ask_id: str) -> Ask:
    """An ask, for its expert and its asker while they belong to the community and may see the problem."""

    async def work(uow: UnitOfWork) -> Ask:
        found = (await asking.load_asks(uow, [ask_id])).get(ask_id)
        if found is None or caller.member_id not in (found.expert_id, found.asker_id):
            raise no_such_ask()
        place = (found.community_id, caller.member_id)
        if not await store.sees(uow, place, found.thread_id, found.asker_id):
            raise no_such_ask()
        return found

    return await database.transact(work)


async def asks_about(database: Database, caller: Caller, thread_id: str) -> list[Ask]:
    """Everybody who was asked about the caller's own problem."""
    thread = await store.find_thread(database, thread_id)
    if (
        thread is None
        or thread.author_id != caller.member_id
        or await store.role_in(database, (thread.community_id, caller.member_id)) is None
    ):
        raise NotFound("no-such-problem", "There is no such problem of yours.", fix="Check its id.")
    return await asking.asks_about(database, thread_id)


async def names(database: Database, asks: Sequence[Ask]) -> dict[str, str]:
    """The names of everybody in ``asks``, as far as known."""
    return await store.names_of(database, {each for ask in asks for each in (ask.expert_id, ask.asker_id)})
