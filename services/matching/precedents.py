"""Precedents in memory: an index rebuilt from the database at start, kept up by its changes, and asked.

Each instance has all problems, whichever partitions it consumes: it follows a change stream of the collection
that the reactions of all instances write. While it is still reading, answers come from what it has read.
What is left to do for a problem (its meaning, a look for others like it) is due in the database: any instance
does it, under a lease, and what one leaves undone another finds again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import Depends, FastAPI, Request
from pymongo.errors import OperationFailure

from services.matching import store
from services.matching.commands import similar as commands
from services.matching.domain import rules
from services.matching.domain.similar.index import Candidate, Entry, Precedents, Query, digest_of
from services.matching.domain.similar.ranking import Similar, Text, is_worth_showing, is_worth_telling, ranked
from services.matching.domain.similar.vectors import NO_MEANING, unpacked
from services.matching.embedding import Embedder, EmbeddingUnavailable
from services.matching.settings import SETTINGS
from services.matching.store import precedents
from services.matching.store.precedents import Posted
from shared.storage import Database, UnitOfWork

log = logging.getLogger(__name__)

By = Literal["words", "meaning"]

_RETRY_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 5.0
"""What is due is looked for this often, and at once when something changed."""
_LOAD_SECONDS: Final = 30.0
"""A posted problem waits so long for its meaning, then it is looked for by its words."""
_BATCH: Final = 8
_GATHER_SECONDS: Final = 0.1
"""Changes within so long are read together."""


class Answer(NamedTuple):
    """What is like a text."""

    similar: list[Similar]
    by: By
    """Whether their meaning was compared, or their words alone."""


class Library:
    """The precedents of one instance. ``embedder``: nothing where they are compared by words alone."""

    def __init__(self, database: Database, embedder: Embedder | None) -> None:
        self._database, self._embedder = database, embedder
        self.index = Precedents()
        self.ready = asyncio.Event()
        """Everything that there was at start has been read."""
        self._changed = asyncio.Event()
        self._token: Any = None

    # -- asking ----------------------------------------------------------------------------------------

    async def like(self, text: Text, reader_id: str, community_id: str | None, limit: int) -> Answer:
        """What is worth showing to somebody who is writing ``text``, in their communities or one of them."""
        if not (text.title or text.body):
            return Answer([], "words")
        communities = await self._communities(reader_id, community_id)
        meaning = await self._meaning(text, SETTINGS.embedding_wait_seconds)
        posted = Posted(text, digest_of(text.title, text.body), meaning)
        return await self._answer(posted, communities, limit, is_worth_showing)

    async def like_posted(
        self, thread_id: str, posted: Posted, reader_id: str, community_id: str | None, limit: int
    ) -> Answer:
        """The same for a problem that is posted already, by the meaning kept of it, and without itself."""
        communities = await self._communities(reader_id, community_id)
        return await self._answer(posted, communities, limit, is_worth_showing, skip=thread_id)

    async def _communities(self, reader_id: str, community_id: str | None) -> list[str]:
        communities = await store.communities_of(self._database, reader_id)
        return [each for each in communities if community_id in (None, each)]

    async def _answer(
        self,
        posted: Posted,
        communities: Collection[str],
        limit: int,
        fits: Callable[[Candidate], bool],
        skip: str = "",
    ) -> Answer:
        text, words, meaning = posted
        query = Query(words, unpacked(meaning) if meaning != NO_MEANING else None)
        candidates = await asyncio.to_thread(self.index.search, query, communities, skip)
        worthy = [each for each in candidates if fits(each)]
        found = await precedents.find(self._database, [each.thread_id for each in worthy], communities)
        similar = await asyncio.to_thread(ranked, text, worthy, found, limit, self.index.telling)
        return Answer(similar, "words" if query.vector is None else "meaning")

    async def _meaning(self, text: Text, within: float) -> bytes:
        if self._embedder is not None:
            with suppress(EmbeddingUnavailable):
                return (await self._embedder.embed([(text.title, text.body)], within=within))[0]
        return NO_MEANING

    # -- following -------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Read everything, then what changes, for ever; whatever breaks, go on where it broke."""
        while True:
            try:
                await self._follow()
            except OperationFailure as error:  # the place is not in the oplog any more: read everything anew
                log.warning("matching: reading all precedents anew: %s", error)
                self._token = None
            except Exception as error:
                log.warning("matching: change stream of precedents lost, opening another: %r", error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        async with precedents.changes(self._database, self._token) as changes:
            change = await changes.try_next()  # from here on no change is missed
            if self._token is None:
                await self._read_all()
            while change is not None or changes.alive:
                changed: set[str] = set()
                since = monotonic()
                while change is not None:
                    changed.add(change["documentKey"]["_id"])
                    if monotonic() - since > _GATHER_SECONDS:
                        break
                    change = await changes.try_next()
                if changed:
                    await self._refresh(changed)
                self._token = changes.resume_token
                change = await changes.try_next()
        log.warning("matching: the collection of precedents went, reading all of them anew")
        self._token = None

    async def _read_all(self) -> None:
        gone = self.index.threads
        async for page in precedents.entries(self._database):
            await asyncio.to_thread(self._apply, page)
            gone.difference_update(thread_id for thread_id, _ in page)
        self.index.remove(gone)
        self.ready.set()
        self._changed.set()

    async def _refresh(self, thread_ids: Collection[str]) -> None:
        found = await precedents.entries_of(self._database, thread_ids)
        await asyncio.to_thread(self._apply, found.items())
        self._changed.set()

    def _apply(self, entries: Iterable[tuple[str, Entry | None]]) -> None:
        entries = list(entries)
        self.index.put([entry for _, entry in entries if entry is not None])
        self.index.remove([thread_id for thread_id, entry in entries if entry is None])

    # -- what is due -----------------------------------------------------------------------------------

    async def work(self) -> None:
        """Do what is due, for ever."""
        await self.ready.wait()
        while True:
            self._changed.clear()
            try:
                while await self.look() or await self.embed():
                    pass
            except Exception as error:
                log.warning("matching: what is due for precedents waits: %r", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _LOOK_SECONDS)

    async def look(self) -> int:
        """Look for others like the problems that were just posted; answer for how many."""
        rows = await precedents.claim(self._database, "look_due", _BATCH)
        for row in rows:
            posted = precedents.posted(row)
            if self._embedder is not None and "meaning_due" in row:
                posted = posted._replace(meaning=await self._meaning(posted.text, _LOAD_SECONDS))
                if posted.meaning != NO_MEANING:
                    await precedents.keep_meaning(self._database, row, posted.meaning)
            communities = await store.communities_of(self._database, row["author_id"])
            answer = await self._answer(posted, communities, rules.TOLD, is_worth_telling, skip=row["_id"])
            await self._database.transact(partial(_tell, row["_id"], answer.similar))
        return len(rows)

    async def embed(self) -> int:
        """Work out the meaning of some problems; answer of how many."""
        if self._embedder is None:
            return 0
        rows = await precedents.claim(self._database, "meaning_due", _BATCH)
        for row in rows:
            passage = (row["title"], row["body"])
            [meaning] = await self._embedder.embed([passage], within=_LOAD_SECONDS, urgent=False)
            await precedents.keep_meaning(self._database, row, meaning)
        return len(rows)


async def _tell(thread_id: str, similar: list[Similar], uow: UnitOfWork) -> None:
    await commands.tell(uow, thread_id, similar)


@asynccontextmanager
async def running_library(app: FastAPI) -> AsyncIterator[None]:
    """The instance's library, for as long as the service runs."""
    async with AsyncExitStack() as stack:
        embedder: Embedder | None = None
        if SETTINGS.embeddings:
            embedder = await stack.enter_async_context(Embedder(SETTINGS.embedding_workers))
        app.state.library = library = Library(app.state.database, embedder)
        tasks = [
            asyncio.create_task(library.follow(), name="precedents"),
            asyncio.create_task(library.work(), name="precedents-due"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _library(request: Request) -> Library:
    library: Library = request.app.state.library
    return library


TheLibrary = Annotated[Library, Depends(_library)]
"""The instance's library, as endpoints get it."""
