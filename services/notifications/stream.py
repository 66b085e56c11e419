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


class Connection:
    """One open stream: somebody wakes it to look into the inbox, or ends it."""

    def __init__(self) -> None:
        self.ended = False
        self.look = asyncio.Event()

    def set(self) -> None:
        """End it. So named because sse-starlette does this to an event when the server shuts down."""
        self.ended = True
        self.look.set()


class Hub:
    """Wakes the connections of a member when something was published about them: one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections: dict[str, set[Connection]] = defaultdict(set)
        self._anybody = asyncio.Event()

    @contextmanager
    def connected(self, member_id: str, connection: Connection) -> Iterator[None]:
        """Wake ``connection`` from now on whenever something was published about ``member_id``."""
        self._connections[member_id].add(connection)
        self._anybody.set()
        try:
            yield
        finally:
            self._connections[member_id].discard(connection)
            if not self._connections[member_id]:
                del self._connections[member_id]
            if not self._connections:
                self._anybody.clear()

    def close(self) -> None:
        """End every connection."""
        for connections in self._connections.values():
            for connection in connections:
                connection.set()

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
                    for connection in self._connections.get(change["documentKey"]["_id"], ()):
                        connection.look.set()

    def _wake_all(self) -> None:
        for connections in self._connections.values():
            for connection in connections:
                connection.look.set()


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
    database: Database, hub: Hub, connection: Connection, member_id: str, after: int, lifetime: float
) -> AsyncIterator[NotificationView]:
    """A member's notifications after the seq ``after``, as they come; each is checked when it is sent.

    Ends after ``lifetime`` seconds (the client's token is checked when it comes back), when it is ended,
    and when MongoDB does not answer. The client continues with its ``Last-Event-ID``.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + lifetime
    with hub.connected(member_id, connection):
        while not connection.ended and loop.time() < end:
            connection.look.clear()  # before reading: what comes meanwhile is read again
            try:
                with translated():
                    views = await queries.since(database, member_id, after, _PAGE)
            except DependencyDown:
                return
            for view in views:
                yield view
                after = view.seq
            if len(views) < _PAGE and not connection.ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(connection.look.wait(), max(end - loop.time(), 0))
