"""What a service does again and again beside its requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from pymongo.errors import PyMongoError

from shared.errors import GuildhallError

log = logging.getLogger(__name__)


@asynccontextmanager
async def repeated(name: str, step: Callable[[], Awaitable[object]], every: float) -> AsyncIterator[None]:
    """Do ``step`` every so many seconds while the context is open. What it raises is logged, and it is tried
    again the next time."""

    async def tick() -> None:
        while True:
            try:
                await step()
            except (PyMongoError, GuildhallError) as error:
                log.warning("%s failed and is tried again: %s", name, error)
            except Exception:
                log.exception("%s failed and is tried again", name)
            await asyncio.sleep(every)

    task = asyncio.create_task(tick(), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
