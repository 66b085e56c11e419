"""The weekly training: started by whichever instance finds it due, in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from fastapi import FastAPI

from services.matching import training
from services.matching.settings import SETTINGS
from services.matching.store import rankers
from shared.settings import ServiceSettings
from shared.storage import Database

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
"""It is looked so often whether it is due."""


async def train_if_due(database: Database, settings: ServiceSettings) -> bool:
    """Train if it is due and nobody else does; answer whether it was done."""
    if not await rankers.claim(database):
        return False
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        training.MONGODB: settings.mongodb_uri.get_secret_value(),
        training.DATABASE: database.name,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", training.__name__, env=environment)
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        log.error("matching: the training ended with %s; it is tried again in %s", code, rankers.LEASE)
    return code == 0


@asynccontextmanager
async def running_trainer(app: FastAPI) -> AsyncIterator[None]:
    """Train when it is due, while the context is open."""

    async def tick() -> None:
        while SETTINGS.retrain:
            try:
                await train_if_due(app.state.database, app.state.settings)
            except Exception:
                log.exception("matching: it could not be trained; it is tried again")
            await asyncio.sleep(EVERY.total_seconds())

    task = asyncio.create_task(tick(), name="trainer")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
