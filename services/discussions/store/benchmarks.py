"""Benchmarks, in the collection of threads, and the collection of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import ReplaceOne

from services.discussions.domain.access import Reader
from services.discussions.domain.benchmark import Benchmark, BenchmarkAnswer, BenchmarkState
from services.discussions.store.access import pair
from services.discussions.store.threads import THREADS, Document, in_community, newest
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import Personal

ANSWERS = "benchmark_answers"

INDEXES = {
    THREADS: [
        Index(
            [("closes_at", 1)], partial={"kind": "benchmark", "state": "open", "closes_at": {"$type": "date"}}
        )
    ],
    # One answer of each respondent: two at once conflict, and the second is refused.
    ANSWERS: [Index([("thread_id", 1), ("respondent", 1)], unique=True), Index([("answered_by", 1)])],
}

PERSONAL = {ANSWERS: Personal(by=["answered_by"])}


def _benchmark(document: Document) -> Benchmark:
    return Benchmark.model_validate({**document, "thread_id": document["_id"]})


async def load_benchmark(uow: UnitOfWork, thread_id: str) -> Benchmark | None:
    """The benchmark, if there is one."""
    document = await uow.find_one(THREADS, {"_id": thread_id, "kind": "benchmark"})
    return _benchmark(document) if document else None


async def load_answer(uow: UnitOfWork, thread_id: str, respondent: str) -> BenchmarkAnswer | None:
    """The respondent's answer, if there is one."""
    document = await uow.find_one(ANSWERS, {"thread_id": thread_id, "respondent": respondent})
    return BenchmarkAnswer.model_validate(document) if document else None


def save_answer(uow: UnitOfWork, answer: BenchmarkAnswer) -> None:
    """Save a new or changed answer."""
    key = pair(answer.thread_id, answer.answer_id)
    uow.write(ANSWERS, ReplaceOne({"_id": key}, answer.model_dump(), upsert=True))


async def due(database: Database, now: datetime, limit: int) -> Sequence[str]:
    """Open benchmarks that were to close by ``now``, the oldest first."""
    query = {"kind": "benchmark", "state": "open", "closes_at": {"$type": "date", "$lte": now}}
    rows = database[THREADS].find(query, {"_id": 1}).sort("closes_at", 1).limit(limit)
    return [row["_id"] async for row in rows]


async def find_benchmark(database: Database, thread_id: str) -> Benchmark | None:
    """The benchmark, if there is one."""
    document = await database[THREADS].find_one({"_id": thread_id, "kind": "benchmark"})
    return _benchmark(document) if document else None


async def find_benchmarks(
    database: Database,
    reader: Reader,
    *,
    state: BenchmarkState | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Benchmark]:
    """The benchmarks of the reader's community that they may see, newest first, before (posted_at, id)."""
    query = in_community(reader, "benchmark", state=state, tags=tag)
    return [_benchmark(row) for row in await newest(database, query, before, limit)]


async def find_answer(database: Database, thread_id: str, respondent: str) -> BenchmarkAnswer | None:
    """The respondent's answer, if there is one."""
    document = await database[ANSWERS].find_one({"thread_id": thread_id, "respondent": respondent})
    return BenchmarkAnswer.model_validate(document) if document else None


async def find_answers(database: Database, thread_id: str) -> list[BenchmarkAnswer]:
    """All answers to a benchmark; how many there can be is bounded by a rule."""
    rows = await database[ANSWERS].find({"thread_id": thread_id}).to_list(length=None)
    return [BenchmarkAnswer.model_validate(row) for row in rows]
