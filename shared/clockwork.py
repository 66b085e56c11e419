"""What happens because time has passed: duties, found by an index and done one transaction at a time.

A duty's ``due`` names what is due, from the service's own collections; ``act`` does it in a unit of work of
its own and looks again whether it is still due, so that replicas which find the same do it once, and a
process that dies in the middle loses nothing. Nothing is scheduled anywhere else.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared.background import repeated
from shared.errors import DependencyDown, GuildhallError
from shared.storage import Database, UnitOfWork

log = logging.getLogger(__name__)

PAGE = 100
"""How many due items are looked up at once."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is done when its time has come."""

    name: str
    due: Callable[[Database, datetime, int], Awaitable[Sequence[str]]]
    """(database, now, limit) -> the ids of what is due by now, oldest first; a query on an index."""
    act: Callable[[UnitOfWork, str], Awaitable[None]]
    """Do it for one id, if it is still due at ``uow.now``; afterwards it must not be due any more."""


async def work_off(database: Database, duties: Sequence[Duty]) -> int:
    """Do all that is due by the database's clock, duty by duty; answer how much that was.

    What fails is logged, passed over, and found again the next time.
    """
    done = 0
    for duty in duties:
        failed: set[str] = set()
        while True:
            due = await duty.due(database, database.clock(), PAGE + len(failed))
            if not (fresh := [each for each in due if each not in failed]):
                break
            for each in fresh:
                try:
                    await database.transact(partial(_act, duty, each))
                    done += 1
                except DependencyDown:
                    raise
                except GuildhallError as error:
                    failed.add(each)
                    log.error("%s of %s failed: %s", duty.name, each, error)
    return done


async def _act(duty: Duty, each: str, uow: UnitOfWork) -> None:
    await duty.act(uow, each)


@asynccontextmanager
async def clockwork(database: Database, duties: Sequence[Duty], every: float) -> AsyncIterator[None]:
    """Work off ``duties`` every so many seconds while the context is open."""

    async with repeated("the clockwork", lambda: work_off(database, duties), every):
        yield
