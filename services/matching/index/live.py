"""The index in memory: built from the service's own collections at the start, kept up by their changes.

Every instance has the whole of it. A change stream tells what was committed, by this instance or by another,
in the order of commits; what changed is then read in batches and fed as it *is*, so that being told twice, or
of a change that was read already, changes nothing. Nothing reaches the index before it is committed.

A problem's first wave is asked by the instance that took the problem in, as soon as the stream brings its
asking back: by then all that was committed before is in the index. If that instance dies, the clockwork of
any other sends the wave.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from pymongo.errors import PyMongoError

from services.matching.domain.routing.events import Problem, Problems, Skills, Solution
from services.matching.domain.routing.index import Index
from services.matching.domain.routing.ranking import FEATURES, Forest
from services.matching.domain.routing.router import Query, Router
from services.matching.domain.routing.text import digest
from services.matching.store import ACTIVITY, MEMBERSHIPS, PEOPLE, SOLUTIONS, THREADS, evidence, rankers
from services.matching.store.asking import ASKING, ASKS
from shared.errors import GuildhallError
from shared.ids import new_id
from shared.storage import Database

log = logging.getLogger(__name__)

Asked = Callable[[Sequence[str]], Awaitable[None]]
_CHANGES: list[dict[str, Any]] = [
    {
        "$match": {
            "ns.coll": {"$in": list(evidence.WATCHED)},
            "operationType": {"$in": ["insert", "update", "replace", "delete"]},
        }
    },
    {"$project": {"ns": 1, "documentKey": 1, "operationType": 1}},
]
RETRY_SECONDS = 1.0


class Live:
    """The index of one database, in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.instance = new_id()
        """Names this process in what it takes in."""
        self.router = Router(Index())
        self.built = asyncio.Event()
        """Set once the index has everything that was there at the start."""

    async def rebuild(self) -> None:
        """Build the index anew from the collections, and put it into the place of the present one."""
        router = Router(Index())
        await self._feed(router, everything=True)
        router.learned = await self._learned()
        self.router = router

    async def follow(self, asked: Asked) -> None:
        """Keep the index up, for ever. ``asked`` is called for problems of this instance that became due."""
        while True:
            try:
                await self._follow(asked)
            except (PyMongoError, GuildhallError) as error:
                log.warning("the index lost its stream and is built anew: %s", error)
            except Exception:
                log.exception("the index could not be kept up and is built anew")
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, asked: Asked) -> None:
        changes: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(maxsize=10_000)
        async with self._database.watch(_CHANGES, max_await_time_ms=1_000) as stream:
            # Opened before the collections are read: what changes meanwhile is told, too.
            if (first := await stream.try_next()) is not None:
                await changes.put(first)
            await self.rebuild()
            self.built.set()

            async def listen() -> None:
                try:
                    async for change in stream:
                        await changes.put(change)
                finally:
                    with suppress(asyncio.QueueFull):
                        changes.put_nowait(None)

            listening = asyncio.create_task(listen(), name="index changes")
            try:
                while (change := await changes.get()) is not None:
                    batch = [change]
                    while not changes.empty() and len(batch) < evidence.BATCH:
                        if (more := changes.get_nowait()) is not None:
                            batch.append(more)
                    await self._apply(batch, asked)
                await listening
            finally:
                listening.cancel()
                with suppress(asyncio.CancelledError, PyMongoError):
                    await listening

    async def _apply(self, changes: Sequence[dict[str, Any]], asked: Asked) -> None:
        changed: defaultdict[str, set[str]] = defaultdict(set)
        for change in changes:
            collection, key = change["ns"]["coll"], change["documentKey"]["_id"]
            if change["operationType"] != "delete":
                changed[collection].add(key)
            elif collection in (MEMBERSHIPS, ACTIVITY):
                self.router.index.forget(*key.split("|", 1))
        await self._feed(self.router, changed=changed)
        if any(change["ns"]["coll"] == rankers.RANKERS for change in changes):
            self.router.learned = await self._learned()
        if due := await evidence.askings_of(self._database, self.instance, changed[ASKING]):
            await asked(due)

    async def _learned(self) -> Forest | None:
        """The learned ranker in use; where none can be read, the weights by hand serve alone."""
        kept = await rankers.in_use(self._database)
        try:
            return await asyncio.to_thread(_read, *kept) if kept else None
        except ValueError as error:
            log.warning("a learned ranker cannot be read and is not used: %s", error)
            return None

    async def _feed(
        self, router: Router, *, changed: dict[str, set[str]] | None = None, everything: bool = False
    ) -> None:
        """Feed what changed, or everything, from what the collections have now."""
        database, index = self._database, router.index

        def wanted(*collections: str) -> set[str] | None:
            return None if changed is None else set().union(*(changed.get(each, ()) for each in collections))

        withdrawn: set[str] = set()
        if everything or wanted(THREADS):
            async for problems, gone in evidence.problems(database, wanted(THREADS)):
                await asyncio.to_thread(_feed_problems, index, problems, gone)
                withdrawn.update(thread_id for _, thread_id in gone)
        if everything or wanted(SOLUTIONS):
            known = withdrawn if everything else None
            async for solutions in evidence.solutions(database, wanted(SOLUTIONS), known):
                await asyncio.to_thread(index.put_solutions, solutions)
        members = wanted(PEOPLE)
        if members is not None and changed is not None:
            members |= {key.rpartition("|")[2] for key in changed.get(MEMBERSHIPS, ())}
        if everything or members:
            async for stated in evidence.skills(database, members):
                await asyncio.to_thread(index.put_skills, stated)
        if everything or wanted(ACTIVITY):
            async for active in evidence.activity(database, wanted(ACTIVITY)):
                await asyncio.to_thread(index.note_activity, *active)
        if everything or wanted(ASKS):
            async for asked in evidence.asks(database, wanted(ASKS)):
                await asyncio.to_thread(_feed_asks, index, asked)


def _read(number: int, text: str) -> Forest:
    forest = Forest.read(str(number), text)
    # Its inner loops are compiled before a problem waits for them.
    nothing = np.zeros((1, FEATURES))
    forest.scores(nothing)
    forest.terms(nothing[0])
    return forest


def _feed_problems(index: Index, problems: Problems, gone: Sequence[tuple[str, str]]) -> None:
    index.put_problems(problems)
    for community_id, problem_id in gone:
        index.remove_problem(community_id, problem_id)


def _feed_asks(index: Index, asked: Sequence[evidence.Asked]) -> None:
    for community_id, member_id, asks in asked:
        index.put_asks(community_id, member_id, asks)


def warm_up() -> None:
    """Have the inner loops compiled before the first problem waits for it: some seconds, once a machine."""
    index = Index()
    for title in ("cold", "warm"):
        index.put_problem(Problem.of("c", "p", "a", 1.0, title=title, body="up", tags=["t"]))
    index.put_solution(Solution("c", "p", "s", "m", 2.0))
    index.put_skills(Skills.of([("c", "m", {"t": 1.0})]))
    router = Router(index)
    ranking = router.rank(Query("c", digest(("warm", "up")), ["t"], 3.0))
    for ranked in ranking.ranked:
        router.reasons(ranking, ranked)
    index.remove_problem("c", "p")


_LIVE: WeakKeyDictionary[Database, Live] = WeakKeyDictionary()


def of(database: Database) -> Live:
    """The index of a database in this process."""
    if database not in _LIVE:
        _LIVE[database] = Live(database)
    return _LIVE[database]
