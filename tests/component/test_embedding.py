"""The workers that tell meanings: the real model, and what happens when a worker does not live up to it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.matching import embedding
from services.matching.domain.similar.vectors import NO_MEANING, unpacked
from services.matching.embedding import Embedder, EmbeddingUnavailable, Passage

PERMITS: Passage = ("Permits wait for a signature", "Every permit waits nine days on paper.")


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with Embedder() as running:
        yield running


def cosine(one: bytes, other: bytes) -> float:
    return float(unpacked(one) @ unpacked(other))


async def test_what_means_the_same_is_near_and_what_is_spelt_letter_by_letter_means_nothing(
    embedder: Embedder,
) -> None:
    permits, alike, german, beer, long, *unread = await embedder.embed(
        [
            PERMITS,
            ("", "It takes over a week until somebody signs an approval"),
            ("Die Unterschrift unter der Genehmigung dauert", ""),
            ("How do I brew beer at home?", ""),
            (PERMITS[0], PERMITS[1] + " word" * 200_000),
            ("Разрешения ждут подписи девять дней", ""),
            ("ใบอนุญาตรอลายเซ็น", ""),
            ("許可証の署名待ち", ""),
            ("", ""),
            ("?!", ""),
        ],
        within=60,
    )
    assert cosine(permits, alike) > 0.45 > 0.2 > cosine(permits, beer)
    assert german != NO_MEANING
    assert cosine(permits, long) > 0.5
    assert set(unread) == {NO_MEANING}


def worker_of(parent: int) -> int:
    """The process id of the worker that ``parent`` started last."""
    children = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return max(each for each in children if "embedding.worker" in Path(f"/proc/{each}/cmdline").read_text())


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_dies_or_is_stuck_is_replaced(harm: signal.Signals) -> None:
    async with Embedder(silent_seconds=3) as impatient:
        before = await impatient.embed([PERMITS], within=60)
        os.kill(worker_of(os.getpid()), harm)
        assert await impatient.embed([PERMITS], within=60) == before


async def test_nobody_waits_without_end(monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> None:
    with pytest.raises(EmbeddingUnavailable):
        await embedder.embed([PERMITS], within=0.0001)
    monkeypatch.setattr(embedding, "QUEUE", 2)
    idle = Embedder()  # not entered: nobody works off its queue
    waiting = [asyncio.create_task(idle.embed([PERMITS], within=60)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(EmbeddingUnavailable, match="QueueFull"):
        await idle.embed([PERMITS], within=60)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_without_a_model_everybody_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding.sys, "executable", "/bin/false")
    monkeypatch.setattr(embedding, "REST_SECONDS", 0)
    async with Embedder() as broken:
        with pytest.raises(EmbeddingUnavailable):
            await broken.embed([PERMITS], within=10)
        with pytest.raises(EmbeddingUnavailable):
            await broken.embed([PERMITS], within=10)
