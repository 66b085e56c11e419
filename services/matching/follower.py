"""The index kept up while the service runs, and the first waves that follow from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from services.matching.commands import asks as commands
from services.matching.index import live
from shared.storage import Database, UnitOfWork


@asynccontextmanager
async def running_index(app: FastAPI) -> AsyncIterator[None]:
    """Build the index, then keep it up while the context is open."""
    database: Database = app.state.database

    async def asked(thread_ids: Sequence[str]) -> None:
        async def work(uow: UnitOfWork) -> None:
            await commands.proceed(uow, thread_ids)

        await database.transact(work)

    index = live.of(database)
    await asyncio.to_thread(live.warm_up)
    following = asyncio.create_task(index.follow(asked), name="index")
    try:
        await index.built.wait()
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
