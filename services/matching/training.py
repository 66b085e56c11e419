"""The job that learns whom to ask: replays what matching keeps, and keeps what came of it as a version."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict

from services.matching.domain.routing.events import Problem, Solution
from services.matching.domain.routing.replay import History
from services.matching.domain.routing.training import Trained, train
from services.matching.store import evidence, rankers
from shared.storage import Database, UnitOfWork

MONGODB, DATABASE = "MONGODB_URI", "MATCHING_DATABASE"
"""Where the process of this job is told what to train on."""
NICENESS = 10
"""Answering requests goes before."""


async def retrain(database: Database) -> Trained | None:
    """Learn a ranker, judge it, keep it as a version; nothing if there is too little to learn from.

    Whether it is used follows from how it did; every running instance takes it up at once.
    """
    problems: defaultdict[str, list[Problem]] = defaultdict(list)
    solutions: defaultdict[str, list[Solution]] = defaultdict(list)
    withdrawn: set[str] = set()
    async for found, gone in evidence.problems(database):
        for problem in found.rows():
            problems[problem.community_id].append(problem)
        withdrawn.update(thread_id for _, thread_id in gone)
    async for answers in evidence.solutions(database, gone=withdrawn):
        for solution in answers.rows():
            solutions[solution.community_id].append(solution)
    histories = {each: History(found, solutions[each]) for each, found in problems.items()}
    trained = await asyncio.to_thread(train, histories)
    if trained is not None:

        async def keep(uow: UnitOfWork) -> None:
            await rankers.save(uow, trained)

        await database.transact(keep)
    await rankers.settle(database)
    return trained


async def _main() -> None:
    database = Database(os.environ[MONGODB], os.environ[DATABASE])
    try:
        await retrain(database)
    finally:
        await database.close()


if __name__ == "__main__":
    os.nice(NICENESS)
    asyncio.run(_main())
