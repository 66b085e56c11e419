"""The collection of calendar addresses: of the secret in one, its hash alone is kept."""

from __future__ import annotations

from datetime import datetime

from pymongo import DeleteOne, ReplaceOne

from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

CALENDARS = "calendars"

INDEXES = {CALENDARS: [Index([("secret_hash", 1)], unique=True)]}

PERSONAL = {CALENDARS: Personal(about=["_id"])}


def save_calendar(uow: UnitOfWork, member_id: str, secret_hash: str, at: datetime) -> None:
    """The member's calendar has a new address; the one before leads nowhere."""
    fields = {"secret_hash": secret_hash, "at": at}
    uow.write(CALENDARS, ReplaceOne({"_id": member_id}, fields, upsert=True))


def delete_calendar(uow: UnitOfWork, member_id: str) -> None:
    """The member's calendar has no address any more."""
    uow.write(CALENDARS, DeleteOne({"_id": member_id}))


async def find_owner(database: Database, secret_hash: str) -> str | None:
    """Whose calendar has the address with that secret, if anybody's."""
    row = await database[CALENDARS].find_one({"secret_hash": secret_hash}, {"_id": 1})
    return row["_id"] if row else None
