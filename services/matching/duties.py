"""What matching does because time has passed."""

from __future__ import annotations

from services.matching.commands import asks as commands
from services.matching.store import asking as store
from shared.clockwork import Duty
from shared.storage import UnitOfWork


async def _proceed(uow: UnitOfWork, thread_id: str) -> None:
    await commands.proceed(uow, [thread_id])


DUTIES = [
    # In this order: who ignored the last wave is noted before the next one goes out.
    Duty("asks", store.asks_due, commands.expire),
    Duty("waves", store.askings_due, _proceed),
]
