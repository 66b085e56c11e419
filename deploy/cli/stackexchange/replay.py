"""Replaying a work file through the import endpoints, in time order, so that a kill doubles nothing."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Any, Protocol

import httpx

from deploy.cli.stackexchange.spool import PHASES, Queued
from shared.web.imports import MAX_ITEMS

LANES = 3
"""Requests in flight: threads are shared out among them, and within a thread the order is kept."""

MAX_BYTES = 800_000
"""Of one request's items; the services take a megabyte."""

PATIENCE = 90.0
"""Seconds without anything done, after which a service that says 'later' or does not answer is given up."""

Outcome = tuple[Queued, str, str]


class ImportStopped(Exception):
    """The import cannot go on; says why and what to do. Nothing is lost: it goes on where it was."""


class Queue(Protocol):
    """What is to be imported, in order, and how far it is."""

    @property
    def total(self) -> int:
        """How many items there are."""
        ...

    @property
    def position(self) -> int:
        """Up to which item all are acknowledged."""
        ...

    def window(self, size: int) -> list[Queued]:
        """The next items in their order, all of one phase."""
        ...

    def acknowledge(self, outcomes: Iterable[Outcome]) -> None:
        """Save what became of the items of a window (item, outcome, why) and that the next one follows."""
        ...


class Replay:
    """Sends what is left of ``spool`` to the services at ``members`` and ``discussions``."""

    def __init__(
        self, spool: Queue, members: str, discussions: str, token: str, *, patience: float = PATIENCE
    ) -> None:
        self._spool = spool
        owners = dict.fromkeys(PHASES[:3], members) | dict.fromkeys(PHASES[3:], discussions)
        self._urls = {phase: f"{owner.rstrip('/')}/v1/imports" for phase, owner in owners.items()}
        self._token = token
        self._patience = patience
        self._refused: set[str] = set()

    async def run(self, progress: Callable[[str, int], None] = lambda _phase, _done: None) -> int:
        """Send everything, and say how many items that were. Raises ``ImportStopped``."""
        sent = 0
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(headers=headers, timeout=60) as self._client:
            while window := self._spool.window(LANES * MAX_ITEMS):
                self._spool.acknowledge(await self._carry_out(window))
                self._refused.clear()
                sent += len(window)
                progress(PHASES[window[0].phase], self._spool.position)
        return sent

    async def _carry_out(self, window: Sequence[Queued]) -> list[Outcome]:
        """One window, of one phase. Links come last: each needs two threads."""
        phase = PHASES[window[0].phase]
        lanes: dict[int, list[Queued]] = defaultdict(list)
        links: list[Queued] = []
        for item in window:
            if item.kind == "link":
                links.append(item)
            else:
                # All memberships change one community: they would only get into each other's way.
                lane = 0 if phase == "memberships" else zlib.crc32(item.thread.encode()) % LANES
                lanes[lane].append(item)
        url = self._urls[phase]
        # The first request of a lane that fails stops the others: none is left behind running.
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._lane(url, lane)) for lane in lanes.values()]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        outcomes = [outcome for task in tasks for outcome in task.result()]
        return outcomes + await self._lane(url, links)

    async def _lane(self, url: str, items: Sequence[Queued]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for batch in _batches(items):
            outcomes += await self._batch(url, batch)
        return outcomes

    async def _batch(self, url: str, batch: Sequence[Queued]) -> list[Outcome]:
        """Send ``batch`` until each item has an outcome, with what has to wait sent again."""
        done: list[Outcome] = []
        waiting = list(batch)
        pause, deadline = 0.1, monotonic() + self._patience
        while waiting:
            lost = [item for item in waiting if item.lost or {item.parent, item.target} & self._refused]
            done += [(item, "refused", "what it belongs to was refused") for item in lost]
            sent = [item for item in waiting if item not in lost]
            if not sent:
                break
            results = await self._send(url, sent)
            waiting = []
            for item, outcome, why in results:
                ahead = {other.key for other in waiting}
                # What builds on something that has to wait is refused for now: it waits with it.
                if outcome == "later" or (outcome == "refused" and {item.parent, item.target} & ahead):
                    waiting.append(item)
                    continue
                done.append((item, outcome, why))
                if outcome == "refused":
                    self._refused.add(item.key)
            if not waiting:
                break
            if len(waiting) < len(sent):
                pause, deadline = 0.1, monotonic() + self._patience
            elif monotonic() > deadline:
                if not done:
                    raise ImportStopped(
                        f"{url} has been answering 'later' for {self._patience:g} s ({results[0][2]}). See"
                        " whether it consumes its topics, then start the import again: it goes on here."
                    )
                # The others of the batch went through, so the service works: these wait for what never comes.
                reasons = {item.key: reason for item, _, reason in results}
                return done + [(item, "refused", f"still waiting: {reasons[item.key]}") for item in waiting]
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, 3.0)
        return done

    async def _send(self, url: str, items: Sequence[Queued]) -> list[Outcome]:
        response = await self._post(url, items)
        if response.status_code == 200:
            report = response.json()["items"]
            return [
                (item, told["outcome"], f"{told.get('code')}: {told.get('detail')}")
                for item, told in zip(items, report, strict=True)
            ]
        problem = _problem(response)
        if response.status_code not in (413, 422):
            raise ImportStopped(f"{url} answered {response.status_code}: {problem}")
        if len(items) == 1:
            return [(items[0], "refused", problem)]
        # One item that cannot even be read refuses the whole request: halve until it stands alone.
        half = len(items) // 2
        return await self._send(url, items[:half]) + await self._send(url, items[half:])

    async def _post(self, url: str, items: Sequence[Queued]) -> httpx.Response:
        content = _content(items)
        pause, deadline = 0.2, monotonic() + self._patience
        while True:
            try:
                response = await self._client.post(url, content=content)
                trouble = (
                    f"{response.status_code} {_problem(response)}" if response.status_code >= 500 else ""
                )
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__} {error}".strip()
            if not trouble:
                return response
            if monotonic() > deadline:
                raise ImportStopped(
                    f"{url} has not worked for {self._patience:g} s ({trouble})."
                    " Start the import again when it does: it goes on here."
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


def _batches(items: Sequence[Queued]) -> Iterator[list[Queued]]:
    batch: list[Queued] = []
    size = 0
    for item in items:
        length = len(_content([item]))
        if batch and (len(batch) == MAX_ITEMS or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _content(items: Sequence[Queued]) -> bytes:
    listed = [{"kind": item.kind} | item.payload for item in items]
    return json.dumps({"items": listed}, ensure_ascii=False).encode()


def _problem(response: httpx.Response) -> str:
    try:
        problem: Any = response.json()
        errors = problem.get("errors") or [problem]
        parts = ("field", "detail", "fix")
        said = [" ".join(str(error[part]) for part in parts if error.get(part)) for error in errors[:2]]
        return f"{problem.get('code', '')}: {'; '.join(said)}"[:300]
    except (ValueError, AttributeError):
        return response.text[:200]
