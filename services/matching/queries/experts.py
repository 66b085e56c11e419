"""Reads about who was asked for a problem, and why somebody was not."""

from __future__ import annotations

from typing import NamedTuple

from services.matching import store
from services.matching.domain.ask import Ask
from services.matching.domain.asking import Asking, ask_id
from services.matching.domain.wave import Verdict, barrier
from services.matching.index.ranking import found, rank
from services.matching.store import Thread
from services.matching.store import asking as asks
from shared.contracts.members import Role
from shared.errors import Forbidden, NotFound
from shared.storage import Database, UnitOfWork
from shared.web.auth import Caller


async def asked_about(
    database: Database, caller: Caller, thread_id: str
) -> tuple[Asking | None, list[Ask], bool]:
    """The asking about a problem that the caller may see, its asks, and whether they may read the words with
    which somebody declined: these are for the asker and for those who look after the community."""
    _, _, close = await seen(database, caller, thread_id)
    return await asks.find_asking(database, thread_id), await asks.asks_about(database, thread_id), close


class Standing(NamedTuple):
    """How it stands with one member and one problem."""

    verdict: Verdict
    ask: Ask | None
    place: int | None
    """In the ranking of those who may be asked, from 1."""
    reasons: list[str]
    """What speaks for them."""


async def standing(database: Database, caller: Caller, thread_id: str, member_id: str) -> Standing:
    """Why a member was asked about a problem, or was not; for stewards of its community."""
    thread, role, _ = await seen(database, caller, thread_id)
    if role != "steward":
        raise Forbidden("not-a-steward", "Only stewards are told why somebody was not asked.")
    community_id = thread.community_id

    async def work(uow: UnitOfWork) -> Standing:
        asking = await asks.load_asking(uow, thread_id)
        if asking is None:
            return Standing("nobody-asked", None, None, [])
        sent = ask_id(thread_id, member_id)
        if ask := (await asks.load_asks(uow, [sent])).get(sent):
            return Standing("asked", ask, None, ask.reasons)
        rankings = await rank(uow, [asking])
        ranking = rankings[thread_id]
        known = await found(uow, rankings, (community_id, member_id))
        everybody = {each.member_id: each for each in known.candidates(ranking)}
        mine = everybody.get(member_id) or known.candidate(community_id, member_id, None)
        if barred := barrier(mine, asking, uow.now):
            return Standing(barred, None, None, ranking.reasons(member_id))
        weight = mine.weighed(asking.tags, uow.now)
        before = sum(
            each.weighed(asking.tags, uow.now) > weight
            for each in everybody.values()
            if barrier(each, asking, uow.now) is None
        )
        return Standing("others-first", None, before + 1, ranking.reasons(member_id))

    return await database.transact(work)


async def seen(database: Database, caller: Caller, thread_id: str) -> tuple[Thread, Role, bool]:
    """A problem that the caller may see, what they are in its community, and whether they are its author or
    look after the community. Raises ``NotFound`` for any other."""
    thread = await store.find_thread(database, thread_id)
    role = await store.role_in(database, (thread.community_id, caller.member_id)) if thread else None
    if thread is not None and role is not None:
        close = role != "member" or thread.author_id == caller.member_id
        if close or not thread.concealed:
            return thread, role, close
    raise no_such_problem()


def no_such_problem() -> NotFound:
    """A problem that is not there, not known yet, or none of the caller's business."""
    return NotFound("no-such-problem", "There is no such problem.", fix="Check its id.")
