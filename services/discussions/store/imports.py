"""What was imported, where nothing else tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.storage import Index, UnitOfWork
from shared.storage.personal import NOT_PERSONAL

IMPORTED = "imported"

INDEXES: Mapping[str, Sequence[Index]] = {IMPORTED: []}

PERSONAL = {IMPORTED: NOT_PERSONAL}


async def was_imported(uow: UnitOfWork, *name: str) -> bool:
    """Whether the import's item called ``name`` was carried out before."""
    return await uow.find_one(IMPORTED, {"_id": " ".join(name)}) is not None


def note_import(uow: UnitOfWork, *name: str) -> None:
    """Note that it was: for what leaves no document of its own to know it by."""
    uow.insert(IMPORTED, [{"_id": " ".join(name), "at": uow.now}])
