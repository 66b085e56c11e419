"""Meanings of texts, worked out in processes of their own: it is work, and the event loop has heartbeats.

Each worker is a process with one request at a time (``worker``). A worker that dies or is silent for too
long is replaced; what it had in hand is tried once more. Nobody waits in a queue without end: what is urgent
goes before what is not, what comes to a full queue is refused, and who has waited long enough does without.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from services.matching.domain.similar.vectors import DIMENSIONS

log = logging.getLogger(__name__)

Passage = tuple[str, str]
"""A text's title and its body; either may be empty."""

QUEUE: Final = 64
"""Requests that may wait."""
LOADING_SECONDS: Final = 60.0
"""A worker that has not loaded the model by then never will; it takes a second or two."""
SILENT_SECONDS: Final = 20.0
"""A worker that does not answer for so long is stuck; a text takes it a twentieth of a second."""
REST_SECONDS: Final = 5.0
"""After which another worker is started in the place of one that did not last."""
_TRIES: Final = 2


class EmbeddingUnavailable(Exception):
    """The meaning could not be worked out, or not soon enough."""


@dataclass(order=True)
class _Request:
    place: tuple[bool, int]
    """What is not urgent comes later; otherwise first come, first served."""
    passages: Sequence[Passage] = field(compare=False)
    answer: asyncio.Future[list[bytes]] = field(compare=False)
    tries: int = field(default=0, compare=False)


class Embedder:
    """Some workers, from ``async with`` on; a process is only started when there is something to do."""

    def __init__(self, workers: int = 1, *, silent_seconds: float = SILENT_SECONDS) -> None:
        self._queue: asyncio.PriorityQueue[_Request] = asyncio.PriorityQueue(QUEUE)
        self._count = count()
        self._workers = workers
        self._silent_seconds = silent_seconds
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Embedder:
        self._tasks = [asyncio.create_task(self._run(), name="embedder") for _ in range(self._workers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def embed(self, passages: Sequence[Passage], *, within: float, urgent: bool = True) -> list[bytes]:
        """The meaning of each, packed (``domain.similar.vectors``), in at most ``within`` seconds.

        Raises ``EmbeddingUnavailable``.
        """
        answer: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Request((not urgent, next(self._count)), passages, answer))
            return await asyncio.wait_for(answer, within)
        except (asyncio.QueueFull, TimeoutError) as error:
            raise EmbeddingUnavailable(repr(error)) from error

    async def _run(self) -> None:
        """Work off requests with one process, and another one where that fails."""
        process: asyncio.subprocess.Process | None = None
        try:
            while True:
                request = await self._queue.get()
                if request.answer.done():  # nobody waits any more
                    continue
                request.tries += 1
                try:
                    if process is None:
                        process = await _start()
                        async with asyncio.timeout(LOADING_SECONDS):
                            await _answer(process, 1)
                    async with asyncio.timeout(self._silent_seconds):
                        found = await _ask(process, request.passages)
                    if not request.answer.done():
                        request.answer.set_result(found)
                except (OSError, EOFError, TimeoutError) as error:
                    log.warning("matching: a worker for embeddings is replaced: %r", error)
                    await _end(process)
                    process = None
                    if request.tries < _TRIES and not request.answer.done() and not self._queue.full():
                        self._queue.put_nowait(request)
                    elif not request.answer.done():
                        request.answer.set_exception(EmbeddingUnavailable(repr(error)))
                        await asyncio.sleep(REST_SECONDS)
        finally:
            await _end(process)


async def _start() -> asyncio.subprocess.Process:
    path = os.pathsep.join(each for each in sys.path if each)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"{__name__}.worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


async def _ask(process: asyncio.subprocess.Process, passages: Sequence[Passage]) -> list[bytes]:
    assert process.stdin is not None
    process.stdin.write(json.dumps(passages).encode() + b"\n")
    await process.stdin.drain()
    found = await _answer(process, DIMENSIONS * len(passages))
    return [found[at : at + DIMENSIONS] for at in range(0, len(found), DIMENSIONS)]


async def _answer(process: asyncio.subprocess.Process, size: int) -> bytes:
    """The next ``size`` bytes that it says; ``EOFError`` if it has ended."""
    assert process.stdout is not None
    return await process.stdout.readexactly(size)


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is not None:
        if process.returncode is None:
            process.kill()
        await process.wait()
