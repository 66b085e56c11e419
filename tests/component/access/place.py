"""A community of either kind with one of everything in it, and everybody who may call, each with a client."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from shared.storage import Database, UnitOfWork
from shared.storage.unit_of_work import OUTBOX
from shared.testing.harness import client
from shared.web.auth import IMPORT_SCOPE, OPERATE_SCOPE, dev_member_id
from tests.component.access.table import Row

UNKNOWN = "there-is-none"
"""The id of nothing."""


@dataclass(frozen=True)
class Recipe:
    """What a valid request for an endpoint has beside its address.

    A text ``{thing}`` stands for the id of that thing of the place, ``{me}`` for the caller's.
    """

    body: Any = None
    version: str | None = None
    """The version that an edit names."""
    query: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    """What the path's parameters are; ``{problem_id}`` is ``{problem}`` if it is not among them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    shows: str = "{community}"
    """What is in the answer for those who are let in where others find nothing in it."""


def needs(
    body: Any = None,
    *,
    version: str | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    shows: str = "{community}",
    **ids: str,
) -> Recipe:
    """A recipe, ``ids`` being the path's parameters."""
    return Recipe(body, version, query or {}, ids, headers or {}, shows)


class Place:
    """A community and all who call."""

    def __init__(self, app: FastAPI, kind: str) -> None:
        self.app, self.kind = app, kind
        self.org = f"city-{kind}"
        self.things: dict[str, str] = {"org": self.org}
        self.own: dict[str, dict[str, str]] = {}
        """What each caller has of their own, by caller."""
        self.orgs: dict[str, str | None] = {"other org": "harbour", "operator": None}
        """Of which organisation those are who are not of this place's."""
        self._clients: dict[tuple[str, str | None], httpx.AsyncClient] = {}

    def id(self, who: str) -> str:
        """The member id of somebody of this place."""
        return dev_member_id(f"{who} {self.kind}")

    def org_of(self, who: str) -> str | None:
        """The organisation of somebody of this place."""
        return self.orgs.get(who, self.org)

    def by(self, who: str) -> httpx.AsyncClient:
        """A client in the name of somebody of this place."""
        org = self.org_of(who)
        if (who, org) not in self._clients:
            scopes = [IMPORT_SCOPE, OPERATE_SCOPE] if who == "operator" else []
            subject = "" if who == "nobody" else f"{who} {self.kind}"
            self._clients[who, org] = client(self.app, subject, org=org, scopes=scopes)
        return self._clients[who, org]

    async def do(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What somebody gets who does that; it has to succeed."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = await self.by(who).request(method, f"/v1{path}", json=body, headers=named)
        assert answer.is_success, f"{who}: {method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def ask(self, who: str, row: Row, recipe: Recipe, *, unknown: bool = False) -> httpx.Response:
        """What somebody gets for a row; ``unknown``: for one like it about something that does not exist."""
        things = {**self.things, "me": self.id(who), **self.own.get(who, {})}
        names = re.findall(r"{(\w+)}", row.path)
        ids = {name: recipe.ids.get(name, f"{{{name.removesuffix('_id')}}}") for name in names}
        path = _fill(ids, things)
        if unknown and names:
            path[names[0]] = UNKNOWN
        elif unknown:
            things |= dict.fromkeys(self.things, UNKNOWN)
        return await self.by(who).request(
            row.method,
            "/v1" + row.path.format_map(path),
            json=_fill(recipe.body, things),
            params=_fill(recipe.query, things),
            headers={
                **recipe.headers,
                **({"If-Match": f'"{_fill(recipe.version, things)}"'} if recipe.version else {}),
            },
        )

    def shows(self, recipe: Recipe, answer: httpx.Response) -> bool:
        """Whether the answer has what the recipe says in it."""
        return bool(_fill(recipe.shows, self.things) in answer.text)


def _fill(template: Any, things: Mapping[str, str]) -> Any:
    match template:
        case str():
            named = template.startswith("{") and template.endswith("}")
            return things[template[1:-1]] if named else template
        case Mapping():
            return {key: _fill(value, things) for key, value in template.items()}
        case list():
            return [_fill(each, things) for each in template]
    return template


@asynccontextmanager
async def nothing_stays(database: Database) -> AsyncIterator[None]:
    """Whatever is done meanwhile is done whole, and taken back just before it would be committed.

    So every request meets the same world, whoever asked before, and whatever they were allowed to do.
    """
    transact = database.transact

    async def taken_back(work: Callable[[UnitOfWork], Awaitable[Any]], uow: UnitOfWork | None = None) -> Any:
        result: Any = None

        async def done(uow: UnitOfWork) -> None:
            nonlocal result
            result = await work(uow)
            await uow.flush()
            raise _Enough

        try:
            await transact(done, uow)
        except _Enough:
            return result

    published = await database[OUTBOX].count_documents({})
    database.transact = taken_back  # type: ignore[method-assign]
    try:
        yield
    finally:
        database.transact = transact  # type: ignore[method-assign]
    assert await database[OUTBOX].count_documents({}) == published, "something stayed"


class _Enough(Exception):
    """Take it back."""
