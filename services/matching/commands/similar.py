"""What is done about problems that are like one that was posted."""

from __future__ import annotations

from collections.abc import Sequence

from services.matching.domain.similar import ranking
from services.matching.domain.similar.ranking import Similar
from services.matching.store import asking, precedents
from shared.storage import UnitOfWork
from shared.storage.unit_of_work import Cause


async def tell(uow: UnitOfWork, thread_id: str, similar: Sequence[Similar]) -> None:
    """Publish what was found for a problem, if a look for it is still due; nothing if nothing was found."""
    due = await precedents.load_looked_for(uow, thread_id)
    precedents.settle_look(uow, thread_id)
    if due is None or not similar:
        return
    problem, author_id = due
    present = await asking.load_asking(uow, thread_id)
    assert present is not None, "whatever is new enough for a look is asked about, too"
    told = present.model_copy(update={"version": present.version + 1})
    asking.save_asking(uow, told)
    uow.record(ranking.found(problem, author_id, similar, told.version), cause=Cause(**told.origin))
