"""Imports: batches of ordinary commands with the original authors, ids and times.

An import can be stopped and repeated: what is there already is answered as ``existing`` and not done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar

from pydantic import Field

from shared.errors import OutOfOrder, Rejected
from shared.storage import UnitOfWork
from shared.web.mutations import Answer
from shared.web.texts import View

MAX_ITEMS = 200
"""Items in one request: one transaction has to hold them all."""

Outcome = Literal["created", "existing", "refused", "later"]
T = TypeVar("T")


class ImportedItem(View):
    """What became of one item."""

    outcome: Outcome = Field(
        description="created; existing: it was there; refused: a rule said no; later: what it builds on has "
        "not arrived yet, send it again."
    )
    code: str | None = Field(default=None, description="Why it was refused or has to wait.")
    detail: str | None = None


class ImportReport(View):
    """What became of each item, in the order sent."""

    items: list[ImportedItem]


async def run(
    uow: UnitOfWork, items: Sequence[T], command: Callable[[UnitOfWork, T], Awaitable[bool]]
) -> Answer:
    """Carry out ``command`` for each item in one transaction; it answers whether it created anything.

    A command decides before it writes: what is refused leaves nothing behind, and the others stand.
    """
    report: list[ImportedItem] = []
    for item in items:
        try:
            created = await command(uow, item)
            report.append(ImportedItem(outcome="created" if created else "existing"))
        except OutOfOrder as error:
            report.append(ImportedItem(outcome="later", code=error.code, detail=error.detail))
        except Rejected as error:
            told = " ".join(part for part in (error.field, error.detail, error.fix) if part)
            report.append(ImportedItem(outcome="refused", code=error.code, detail=told))
        await uow.flush()
    return Answer(ImportReport(items=report))
