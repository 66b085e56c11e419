"""Reading a community through the services' public APIs, as the member whose token it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from time import monotonic
from typing import Any, Literal, NamedTuple, TypeVar

import httpx

PAGE = 50
"""Items in one request."""
AT_ONCE = 8
"""Requests in flight."""
PATIENCE = 90.0
"""Seconds without an answer, after which a service is given up."""

Service = Literal["members", "discussions"]
Item = dict[str, Any]
T = TypeVar("T")


class ExportStopped(Exception):
    """The export cannot go on; says why and what to do. Nothing is lost: it goes on where it was."""


class Page(NamedTuple):
    """Some items of a list, and where the list goes on, if it does."""

    items: list[Item]
    following: str | None


class Source:
    """What the bearer of ``token`` may read of the services at ``members`` and ``discussions``."""

    def __init__(self, members: str, discussions: str, token: str, *, patience: float = PATIENCE) -> None:
        self._urls = {"members": members.rstrip("/"), "discussions": discussions.rstrip("/")}
        self._patience = patience
        self._client = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def find(self, service: Service, path: str, **query: Any) -> Item | None:
        """What is there; nothing where there is nothing for this member.

        Raises ``ExportStopped`` when the service refuses, or does not answer for long.
        """
        url = f"{self._urls[service]}/v1{path}"
        pause, deadline = 0.2, monotonic() + self._patience
        while True:
            try:
                response = await self._client.get(url, params=query)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__} {error}".strip()
            else:
                if response.status_code == 404:
                    return None
                if response.is_success:
                    found: Item = response.json()
                    return found
                trouble = f"{response.status_code}: {response.text[:200]}"
                if response.status_code < 500 and response.status_code != 429:
                    raise ExportStopped(f"{url} answered {trouble}")
            if monotonic() > deadline:
                raise ExportStopped(
                    f"{url} has not worked for {self._patience:g} s ({trouble})."
                    " Start the export again when it does: it goes on here."
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def pages(
        self, service: Service, path: str, cursor: str | None = None, **query: Any
    ) -> AsyncIterator[Page]:
        """The pages of a list, from ``cursor`` on; none where there is no such list for this member."""
        while True:
            begin = {"cursor": cursor} if cursor else {}
            found = await self.find(service, path, limit=PAGE, **query, **begin)
            if found is None and cursor:
                raise ExportStopped(f"{path} is no longer there for this token's member")
            if found is None:
                return
            cursor = found["next"]
            yield Page(found["items"], cursor)
            if cursor is None:
                return

    async def all(self, service: Service, path: str, **query: Any) -> list[Item]:
        """All of a list that belongs to one thing, and is not long."""
        return [item async for found in self.pages(service, path, **query) for item in found.items]


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """The results of ``work`` in its order, ``AT_ONCE`` at a time; what fails stops the rest."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(awaitable: Awaitable[T]) -> T:
        async with free:
            return await awaitable

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in work]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
