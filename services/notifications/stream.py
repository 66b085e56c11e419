"""Live streams: each connection reads its member's inbox on from where it is, whenever it is woken.

The inbox in the database is the truth and the change stream is only the wake-up: a connection holds its
place (a seq) and nothing else. So nothing is queued for a slow client, a reopened change stream only has to
wake everybody once, and catching up after a gap is the same read as everything after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from fastapi import FastAPI

from services.notifications import queries, store
from services.notifications.queries import NotificationView
from shared.errors import DependencyDown
from shared.storage import Database
from shared.storage.database import translated

log = logging.getLogger(__name__)

_PAGE = 100
_RETRY_SECONDS = 0.5


class Hub:
    """Wakes the connections of a member when something was published about them: one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._anybody = asyncio.Event()
        self.closed = False

    @contextmanager
    def connected(self, member_id: str) -> Iterator[asyncio.Event]:
        """A connection of ``member_id``: the event is set whenever it should look."""
        look = asyncio.Event()
        self._connections[member_id].add(look)
        self._anybody.set()
        try:
            yield look
        finally:
            self._connections[member_id].discard(look)
            if not self._connections[member_id]:
                del self._connections[member_id]
            if not self._connections:
                self._anybody.clear()

    def close(self) -> None:
        """End every connection."""
        self.closed = True
        self._wake_all()

    async def run(self) -> None:
        """Listen as long as anybody is connected; whatever breaks, listen again."""
        while True:
            await self._anybody.wait()
            try:
                await self._listen()
            except Exception as error:
                log.warning("notifications: change stream lost, opening another: %r", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        async with store.counter_changes(self._database) as changes:
            opened = False
            while self._anybody.is_set():
                change = await changes.try_next()
                if not opened:  # what came before the change stream was open is in the inbox
                    opened = True
                    self._wake_all()
                if change is not None:
                    for look in self._connections.get(change["documentKey"]["_id"], ()):
                        look.set()

    def _wake_all(self) -> None:
        for looks in self._connections.values():
            for look in looks:
                look.set()


@asynccontextmanager
async def running_hub(app: FastAPI) -> AsyncIterator[None]:
    """The process's hub, for as long as the service runs."""
    app.state.hub = hub = Hub(app.state.database)
    task = asyncio.create_task(hub.run(), name="notification-hub")
    try:
        yield
    finally:
        hub.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def follow(
    database: Database, hub: Hub, member_id: str, after: int, lifetime: float
) -> AsyncIterator[NotificationView]:
    """A member's notifications after the seq ``after``, as they come; each is checked when it is sent.

    Ends after ``lifetime`` seconds (the client's token is checked when it comes back), when the hub closes,
    and when MongoDB does not answer. The client continues with its ``Last-Event-ID``.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + lifetime
    with hub.connected(member_id) as look:
        while not hub.closed and loop.time() < end:
            look.clear()  # before reading: what comes meanwhile is read again
            try:
                with translated():
                    views = await queries.since(database, member_id, after, _PAGE)
            except DependencyDown:
                return
            for view in views:
                yield view
                after = view.seq
            if len(views) < _PAGE and not hub.closed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(look.wait(), max(end - loop.time(), 0))
