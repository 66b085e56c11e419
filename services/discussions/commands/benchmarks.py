"""Opening benchmarks, answering and closing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.discussions import store
from services.discussions.commands import access, posting
from services.discussions.commands.recording import record
from services.discussions.domain import benchmark as benchmarks
from services.discussions.domain.access import Participant
from services.discussions.domain.benchmark import Benchmark, BenchmarkAnswer, Value
from shared.contracts.content import Measure
from shared.errors import Conflict
from shared.storage import UnitOfWork
from shared.web.mutations import require_version


async def open_(
    uow: UnitOfWork,
    author_id: str,
    thread_id: str,
    community_id: str,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    measures: Sequence[Measure],
    nameless: bool,
    closes_at: datetime | None,
    at: datetime | None = None,
) -> Benchmark:
    """Ask a community a question that can be answered in measures; ``at`` is when, in an import."""
    author = await access.participant(uow, community_id, author_id)
    benchmark, event = benchmarks.open_(
        thread_id,
        author,
        title=title,
        body=body,
        tags=tags,
        measures=measures,
        nameless=nameless,
        closes_at=closes_at,
        now=at or uow.now,
    )
    store.threads.save_thread(uow, benchmark)
    await posting.admit(uow, author, title, body, at=at)
    record(uow, event, at)
    return benchmark


async def answer(
    uow: UnitOfWork,
    actor_id: str,
    thread_id: str,
    answer_id: str,
    version: int | None,
    *,
    values: Sequence[Value],
    note: str,
) -> BenchmarkAnswer:
    """Answer for the actor's organisation; ``version`` is the revision of its answer that is edited, None
    where it has not answered yet."""
    benchmark, actor = await _benchmark(uow, actor_id, thread_id)
    respondent = benchmarks.respondent(actor.member_id, actor.org_id)
    earlier = await store.benchmarks.load_answer(uow, thread_id, respondent)
    if version is None and earlier is not None:
        raise Conflict("already-answered", "Your organisation has answered.", fix="Edit its answer.")
    if version is not None:
        if earlier is None:
            raise benchmarks.no_answer()
        require_version(earlier.revision, version)
    benchmark, given, event = benchmarks.answer(
        benchmark, actor, earlier, answer_id, values=values, note=note, now=uow.now
    )
    store.threads.save_thread(uow, benchmark)
    store.benchmarks.save_answer(uow, given)
    await posting.admit(uow, actor, note)
    record(uow, event)
    return given


async def close(uow: UnitOfWork, actor_id: str, thread_id: str) -> Benchmark:
    """Take no more answers."""
    benchmark, actor = await _benchmark(uow, actor_id, thread_id)
    benchmark, event = benchmarks.close(benchmark, actor)
    store.threads.save_thread(uow, benchmark)
    record(uow, event)
    return benchmark


async def close_in_time(uow: UnitOfWork, thread_id: str) -> None:
    """Close a benchmark whose time has come."""
    benchmark = await store.benchmarks.load_benchmark(uow, thread_id)
    if benchmark is not None and (closed := benchmarks.close_in_time(benchmark, uow.now)):
        benchmark, event = closed
        store.threads.save_thread(uow, benchmark)
        record(uow, event)


async def imported(uow: UnitOfWork, thread_id: str) -> Benchmark:
    """A benchmark that an import goes on with, whoever may see it."""
    found = await store.benchmarks.load_benchmark(uow, thread_id)
    if found is None:
        raise benchmarks.no_such_benchmark()
    await access.require_open(uow, found.community_id)
    return found


async def take_over_answer(
    uow: UnitOfWork,
    benchmark: Benchmark,
    answer_id: str,
    *,
    org_id: str | None,
    member_id: str | None,
    values: Sequence[Value],
    note: str,
    at: datetime,
) -> bool:
    """Import an answer, unless its respondent has answered, here or before; whether they had not."""
    after, given, event = benchmarks.take_over(
        benchmark, answer_id, org_id=org_id, member_id=member_id, values=values, note=note, at=at
    )
    if await store.benchmarks.load_answer(uow, benchmark.thread_id, given.respondent):
        return False
    store.threads.save_thread(uow, after)
    store.benchmarks.save_answer(uow, given)
    record(uow, event, at)
    return True


def take_over_closing(uow: UnitOfWork, benchmark: Benchmark, at: datetime) -> bool:
    """Close a benchmark that was closed elsewhere, unless it is; whether it was not."""
    if benchmark.state == "closed":
        return False
    benchmark, event = benchmarks.closed(benchmark, None)
    store.threads.save_thread(uow, benchmark)
    record(uow, event, at)
    return True


async def _benchmark(uow: UnitOfWork, member_id: str, thread_id: str) -> tuple[Benchmark, Participant]:
    found = await store.benchmarks.load_benchmark(uow, thread_id)
    return await access.seen(uow, member_id, found, benchmarks.no_such_benchmark())
