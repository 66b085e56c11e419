"""The service's database, as endpoints get it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from shared.storage import Database


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Db = Annotated[Database, Depends(_database)]
