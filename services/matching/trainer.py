"""The weekly training: started by whichever instance finds it due, in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from services.matching import training
from services.matching.settings import SETTINGS
from services.matching.store import rankers
from shared.background import repeated
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
    """Train when it is due, while the context is open; not at all where operators do so themselves."""
    if not SETTINGS.retrain:
        yield
        return
    step = partial(train_if_due, app.state.database, app.state.settings)
    async with repeated("the training", step, EVERY.total_seconds()):
        yield
