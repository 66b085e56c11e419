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
PER_MEMBER = 5
"""Solutions for each member."""
COMMUNITIES = 20
READ = (store.THREADS, store.SOLUTIONS, store.MEMBERSHIPS, store.PEOPLE, store.ACTIVITY)
WORDS = 60
CHUNK = 20_000


async def rebuild(stack: Stack, problems: int, rounds: int, done: Callable[[], None]) -> dict[str, float]:
    """Documents a second of a raw scan and of a rebuild, of ``problems`` with two solutions each, and of
    their authors with what they state and did."""
    database = database_of("matching", settings_for(stack))
    try:
        documents = await _fill(database, problems)
        live.warm_up()
        scans: list[float] = []
        builds: list[float] = []
        for _ in range(rounds):
            started = perf_counter()
            for collection in READ:
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
    return {
        "documents": documents,
        "scan_per_second": documents / median(scans),
        "rebuild_per_second": documents / median(builds),
        "rebuild_ratio": median(scans) / median(builds),
    }


async def _fill(database: Database, problems: int) -> int:
    """Write everything as the service does; how many documents that makes."""
    chance = np.random.default_rng(1)
    vocabulary = np.array([term_hash(f"w{number}") | 1 for number in range(20_000)], np.uint64)
    members = [new_id() for _ in range(max(10, problems * PER_PROBLEM // PER_MEMBER))]
    now = datetime.now(UTC)
    plain = Solution(solution_id="", thread_id="", community_id="", author_id="").model_dump(
        exclude={"solution_id"}
    )
    for start in range(0, problems, CHUNK):
        threads: list[dict[str, Any]] = []
        solutions: list[dict[str, Any]] = []
        for number in range(start, min(problems, start + CHUNK)):
            words = np.unique(vocabulary[chance.zipf(1.3, WORDS) % vocabulary.size])
            common = {"community_id": f"c{number % COMMUNITIES}"}
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
    for start in range(0, len(members), CHUNK):
        places = [
            (f"c{each % COMMUNITIES}", members[each])
            for each in range(start, min(len(members), start + CHUNK))
        ]
        await database[store.PEOPLE].insert_many(
            {
                "_id": member,
                "name": "Ada Lovelace",
                "org_id": new_id(),
                "profile_version": 1,
                "skills": [
                    {"name": f"t{skill}", "level": "expert"} for skill in chance.integers(0, 50, 3).tolist()
                ],
                "skills_version": 2,
                "hours_a_week": 2,
                "away_until": None,
                "availability_version": 3,
            }
            for _, member in places
        )
        await database[store.MEMBERSHIPS].insert_many(
            {
                "_id": f"{community}|{member}",
                "community_id": community,
                "member_id": member,
                "org_id": None,
                "role": "member",
                "joined_at": now,
                "present": True,
                "version": 1,
                "standing": "active",
                "standing_version": 1,
            }
            for community, member in places
        )
        await database[store.ACTIVITY].insert_many(
            {"_id": f"{community}|{member}", "community_id": community, "member_id": member, "last_at": now}
            for community, member in places
        )
    return problems * (1 + PER_PROBLEM) + 3 * len(members)
