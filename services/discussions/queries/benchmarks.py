"""What a member may see of benchmarks and their answers."""

from __future__ import annotations

from datetime import datetime

from services.discussions import queries, store
from services.discussions.domain import benchmark as benchmarks
from services.discussions.domain.benchmark import Benchmark, BenchmarkAnswer, BenchmarkState, Table
from shared.storage import Database
from shared.web.auth import Caller


async def benchmark(database: Database, caller: Caller, thread_id: str) -> Benchmark:
    """A benchmark that the caller may see."""
    found = await store.benchmarks.find_benchmark(database, thread_id)
    return (await queries.seen(database, caller, found, benchmarks.no_such_benchmark()))[0]


async def in_community(
    database: Database,
    caller: Caller,
    community_id: str,
    *,
    state: BenchmarkState | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Benchmark]:
    """The benchmarks of a community that the caller belongs to, newest first."""
    by = await queries.reader(database, caller, community_id)
    return await store.benchmarks.find_benchmarks(
        database, by, state=state, tag=tag, before=before, limit=limit
    )


async def own_answer(database: Database, caller: Caller, thread_id: str) -> BenchmarkAnswer:
    """The answer of the caller's organisation. Raises ``NotFound`` where it has given none."""
    of = await benchmark(database, caller, thread_id)
    found = await store.benchmarks.find_answer(database, thread_id, await _respondent(database, caller, of))
    if found is None:
        raise benchmarks.no_answer()
    return found


async def table(database: Database, caller: Caller, thread_id: str) -> tuple[Benchmark, Table, str]:
    """A benchmark with its answers side by side, and which respondent the caller is."""
    of = await benchmark(database, caller, thread_id)
    answers = await store.benchmarks.find_answers(database, thread_id)
    return of, benchmarks.table(of, answers), await _respondent(database, caller, of)


async def _respondent(database: Database, caller: Caller, of: Benchmark) -> str:
    org_id = await store.access.organisation(database, of.community_id, caller.member_id)
    return benchmarks.respondent(caller.member_id, org_id)
