"""How fast the index in memory is built from MongoDB, beside reading the same documents and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from services.matching import store
from services.matching.domain.expertise import Solution
from services.matching.domain.routing.text import term_hash
from services.matching.index import live
from shared.ids import new_id
from shared.service import database_of
from shared.storage import Database
from shared.testing.harness import settings_for
from shared.testing.stack import Stack

PER_PROBLEM = 2
WORDS = 60
CHUNK = 20_000


async def rebuild(stack: Stack, problems: int, rounds: int, done: Callable[[], None]) -> dict[str, float]:
    """Documents a second of a raw scan and of a rebuild, of ``problems`` with two solutions each."""
    database = database_of("matching", settings_for(stack))
    try:
        await _fill(database, problems)
        live.warm_up()
        scans: list[float] = []
        builds: list[float] = []
        for _ in range(rounds):
            started = perf_counter()
            for collection in (store.THREADS, store.SOLUTIONS):
                async for _ in database[collection].find({}):
                    pass
            scans.append(perf_counter() - started)
            started = perf_counter()
            await live.of(database).rebuild()
            builds.append(perf_counter() - started)
            done()
    finally:
        await database.client.drop_database(database.name)
        await database.close()
    documents = problems * (1 + PER_PROBLEM)
    return {
        "documents": documents,
        "scan_per_second": documents / median(scans),
        "rebuild_per_second": documents / median(builds),
        "rebuild_ratio": median(scans) / median(builds),
    }


async def _fill(database: Database, problems: int) -> None:
    chance = np.random.default_rng(1)
    vocabulary = np.array([term_hash(f"w{number}") | 1 for number in range(20_000)], np.uint64)
    members = [new_id() for _ in range(max(10, problems // 5))]
    now = datetime.now(UTC)
    plain = Solution(solution_id="", thread_id="", community_id="", author_id="").model_dump(
        exclude={"solution_id"}
    )
    for start in range(0, problems, CHUNK):
        threads: list[dict[str, Any]] = []
        solutions: list[dict[str, Any]] = []
        for number in range(start, min(problems, start + CHUNK)):
            words = np.unique(vocabulary[chance.zipf(1.3, WORDS) % vocabulary.size])
            common = {"community_id": f"c{number % 20}"}
            thread = {
                "_id": new_id(),
                "author_id": members[number % len(members)],
                "tags": ["permits", f"t{number % 50}"],
                "words": words.tobytes(),
                "posted_at": now,
                "answered_at": now,
                "version": 1,
                **common,
            }
            threads.append(thread)
            solutions += [
                plain
                | {
                    "_id": new_id(),
                    "thread_id": thread["_id"],
                    "author_id": members[int(chance.zipf(1.5)) % len(members)],
                    "proposed_at": now,
                    **common,
                }
                for _ in range(PER_PROBLEM)
            ]
        await database[store.THREADS].insert_many(threads)
        await database[store.SOLUTIONS].insert_many(solutions)
