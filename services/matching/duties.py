"""What matching does because time has passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.matching.commands import asks as commands
from services.matching.commands import programmes, recommendations
from services.matching.store import asking as store
from services.matching.store import programmes as programme_store
from services.matching.store import recommendations as recommended
from services.matching.store import tastes
from shared.clockwork import Duty
from shared.storage import Database, UnitOfWork


async def _proceed(uow: UnitOfWork, thread_id: str) -> None:
    await commands.proceed(uow, [thread_id])


async def _stale(database: Database, now: datetime, _: int) -> Sequence[str]:
    return ["tastes"] if recommendations.is_stale(await tastes.fitted_at(database), now) else []


DUTIES = [
    # In this order: who ignored the last wave is noted before the next one goes out.
    Duty("asks", store.asks_due, commands.expire),
    Duty("waves", store.askings_due, _proceed),
    Duty("tastes", _stale, recommendations.refit),
    Duty("recommendations", recommended.to_look_at, recommendations.look),
    Duty("expiry", recommended.expiring, recommendations.expire),
    Duty("programmes", programme_store.due, programmes.pass_time),
]
