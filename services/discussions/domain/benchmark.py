"""A benchmark: one question with named measures, one answer of each organisation, comparable side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.discussions.domain.access import Participant, require_author_or_curator
from services.discussions.domain.limits import BENCHMARK_ANSWERS, BENCHMARK_OPEN_FOR, NAMELESS_ANSWERS
from services.discussions.domain.thread import Thread
from shared.contracts.content import BenchmarkAnswered, BenchmarkClosed, BenchmarkOpened, Measure
from shared.errors import BadInput, Conflict, NotFound

BenchmarkState = Literal["open", "closed"]
Command = Literal["answer", "close"]

TRANSITIONS: Mapping[BenchmarkState, Mapping[Command, BenchmarkState]] = {
    "open": {"answer": "open", "close": "closed"},
    "closed": {},
}
"""What leads where. What was asked is never changed: answers could not be compared any more."""


class Benchmark(Thread):
    """A benchmark."""

    kind: Literal["benchmark"] = "benchmark"
    state: BenchmarkState = "open"
    measures: list[Measure]
    nameless: bool
    """Whether nobody learns whose answer is whose, and nobody sees any before there are a few."""
    closes_at: datetime | None
    """When it closes by itself."""
    answers: int = 0


class Value(BaseModel):
    """What is answered to one measure, in the measure's own unit."""

    model_config = ConfigDict(frozen=True)

    measure: str
    value: float | str
    unit: str | None


class BenchmarkAnswer(BaseModel):
    """An organisation's answer; that of a member alone where they belong to none."""

    model_config = ConfigDict(frozen=True)

    answer_id: str
    thread_id: str
    community_id: str
    respondent: str
    org_id: str | None
    answered_by: str | None
    """Who gave it, or edited it last; nobody where an import does not know."""
    values: list[Value]
    note: str
    revision: int
    at: datetime


class Column(NamedTuple):
    """A measure, and what was answered to it. Of numbers the spread, of choices how often each was made."""

    measure: Measure
    answered: int
    lowest: float | None
    median: float | None
    highest: float | None
    chosen: dict[str, int]


class Table(NamedTuple):
    """All answers side by side. ``withheld`` while they are too few not to be recognised."""

    withheld: bool
    columns: list[Column]
    rows: list[BenchmarkAnswer]


def no_such_benchmark() -> NotFound:
    """Also for one that exists, but not for the one who asks."""
    return NotFound("no-such-benchmark", "There is no such benchmark.", fix="Check its id.")


def no_answer() -> NotFound:
    """The organisation of the one who asks has given none."""
    return NotFound("not-answered", "Your organisation has not answered.", fix="Answer first.")


def respondent(member_id: str, org_id: str | None) -> str:
    """For whom a member answers: their organisation, or themselves where they have none."""
    return f"member {member_id}" if org_id is None else f"organisation {org_id}"


def open_(
    thread_id: str,
    author: Participant,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    measures: Sequence[Measure],
    nameless: bool,
    closes_at: datetime | None,
    now: datetime,
) -> tuple[Benchmark, BenchmarkOpened]:
    """Ask a question that can be answered in measures."""
    _check(measures)
    if closes_at is not None and not now < closes_at <= now + BENCHMARK_OPEN_FOR:
        raise BadInput(
            "bad-closing",
            f"A benchmark closes after now, and within {BENCHMARK_OPEN_FOR.days} days.",
            field="/closes_at",
            fix="Choose another moment, or none.",
        )
    benchmark = Benchmark(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        posted_at=now,
        updated_at=now,
        measures=list(measures),
        nameless=nameless,
        closes_at=closes_at,
    )
    return benchmark, BenchmarkOpened(
        thread_id=thread_id,
        version=1,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        measures=list(measures),
        nameless=nameless,
        closes_at=closes_at,
    )


def answer(
    benchmark: Benchmark,
    actor: Participant,
    earlier: BenchmarkAnswer | None,
    answer_id: str,
    *,
    values: Sequence[Value],
    note: str,
    now: datetime,
) -> tuple[Benchmark, BenchmarkAnswer, BenchmarkAnswered]:
    """Answer for one's organisation, or edit the answer that it gave."""
    if TRANSITIONS[benchmark.state].get("answer") is None or _over(benchmark, now):
        raise Conflict("benchmark-closed", "This benchmark takes no answers any more.")
    if earlier is None and benchmark.answers >= BENCHMARK_ANSWERS:
        raise _full()
    given = BenchmarkAnswer(
        answer_id=earlier.answer_id if earlier else answer_id,
        thread_id=benchmark.thread_id,
        community_id=benchmark.community_id,
        respondent=respondent(actor.member_id, actor.org_id),
        org_id=actor.org_id,
        answered_by=actor.member_id,
        values=list(values),
        note=note,
        revision=earlier.revision + 1 if earlier else 1,
        at=now,
    )
    return _answered(benchmark, given, new=earlier is None)


def take_over(
    benchmark: Benchmark,
    answer_id: str,
    *,
    org_id: str | None,
    member_id: str | None,
    values: Sequence[Value],
    note: str,
    at: datetime,
) -> tuple[Benchmark, BenchmarkAnswer, BenchmarkAnswered]:
    """An answer that was given elsewhere, in whatever state the benchmark is by now. Of an organisation's it
    is not known who gave it, of a nameless one not even whose it is."""
    if benchmark.answers >= BENCHMARK_ANSWERS:
        raise _full()
    if benchmark.nameless:
        org_id = member_id = None
    elif org_id is None and member_id is None:
        raise _bad("/org_id", "It must say whose answer it is.")
    given = BenchmarkAnswer(
        answer_id=answer_id,
        thread_id=benchmark.thread_id,
        community_id=benchmark.community_id,
        respondent=f"answer {answer_id}" if benchmark.nameless else respondent(member_id or "", org_id),
        org_id=org_id,
        answered_by=member_id if org_id is None else None,
        values=list(values),
        note=note,
        revision=1,
        at=at,
    )
    return _answered(benchmark, given, new=True)


def _full() -> Conflict:
    return Conflict("benchmark-full", f"A benchmark has at most {BENCHMARK_ANSWERS} answers.")


def _answered(
    benchmark: Benchmark, given: BenchmarkAnswer, *, new: bool
) -> tuple[Benchmark, BenchmarkAnswer, BenchmarkAnswered]:
    _compare(benchmark.measures, given.values)
    benchmark = benchmark.then(answers=benchmark.answers + new)
    return (
        benchmark,
        given,
        BenchmarkAnswered(
            thread_id=benchmark.thread_id,
            version=benchmark.version,
            community_id=benchmark.community_id,
            author_id=benchmark.author_id,
            title=benchmark.title,
            answered_by=None if benchmark.nameless else given.answered_by,
            org_id=None if benchmark.nameless else given.org_id,
            answers=benchmark.answers,
        ),
    )


def close(benchmark: Benchmark, actor: Participant) -> tuple[Benchmark, BenchmarkClosed]:
    """Take no more answers."""
    require_author_or_curator(actor, benchmark.author_id, "close this benchmark")
    return closed(benchmark, actor.member_id)


def close_in_time(benchmark: Benchmark, now: datetime) -> tuple[Benchmark, BenchmarkClosed] | None:
    """Close what was to close by ``now``."""
    if benchmark.state == "closed" or not _over(benchmark, now):
        return None
    return closed(benchmark, None)


def closed(benchmark: Benchmark, closed_by: str | None) -> tuple[Benchmark, BenchmarkClosed]:
    """The benchmark without more answers; nobody closed it where time did, or an import does not know."""
    following = TRANSITIONS[benchmark.state].get("close")
    if following is None:
        raise Conflict("benchmark-closed", "This benchmark is closed already.")
    benchmark = benchmark.then(state=following)
    return benchmark, BenchmarkClosed(
        thread_id=benchmark.thread_id,
        version=benchmark.version,
        community_id=benchmark.community_id,
        author_id=benchmark.author_id,
        title=benchmark.title,
        closed_by=closed_by,
        answers=benchmark.answers,
    )


def _over(benchmark: Benchmark, now: datetime) -> bool:
    return benchmark.closes_at is not None and benchmark.closes_at <= now


def table(benchmark: Benchmark, answers: Iterable[BenchmarkAnswer]) -> Table:
    """The answers side by side: by organisation, or in an order that tells nothing if they are nameless."""
    rows = list(answers)
    if benchmark.nameless:
        withheld = len(rows) < NAMELESS_ANSWERS
        # An id begins with when it was made, and ends in chance alone.
        rows = [] if withheld else sorted(rows, key=lambda row: row.answer_id[::-1])
        return Table(withheld, [_column(measure, rows) for measure in benchmark.measures], rows)
    rows.sort(key=lambda row: (row.org_id is None, row.respondent))
    return Table(False, [_column(measure, rows) for measure in benchmark.measures], rows)


def _column(measure: Measure, rows: Sequence[BenchmarkAnswer]) -> Column:
    values = [value.value for row in rows for value in row.values if value.measure == measure.name]
    numbers = [value for value in values if not isinstance(value, str)]
    return Column(
        measure,
        len(values),
        min(numbers, default=None),
        median(numbers) if numbers else None,
        max(numbers, default=None),
        {choice: values.count(choice) for choice in measure.choices},
    )


def _check(measures: Sequence[Measure]) -> None:
    names: set[str] = set()
    for number, measure in enumerate(measures):
        if measure.name.casefold() in names:
            raise _bad(f"/measures/{number}/name", f"There are two measures called {measure.name}.")
        names.add(measure.name.casefold())
        low, high = measure.lowest, measure.highest
        if low is not None and high is not None and low >= high:
            raise _bad(f"/measures/{number}/highest", "The highest number must be higher than the lowest.")
        if len(set(measure.choices)) < len(measure.choices):
            raise _bad(f"/measures/{number}/choices", "Each choice can be there once.")


def _compare(measures: Sequence[Measure], values: Sequence[Value]) -> None:
    """Refuse what could not be compared with the other answers."""
    known = {measure.name: measure for measure in measures}
    seen: set[str] = set()
    for number, value in enumerate(values):
        where = f"/values/{number}"
        measure = known.get(value.measure)
        if measure is None or value.measure in seen:
            raise _bad(f"{where}/measure", "It must be one of the benchmark's measures, each once.")
        seen.add(value.measure)
        if value.unit != measure.unit:
            raise BadInput(
                "unit-differs",
                f"{measure.name} is measured in {measure.unit}." if measure.unit else "A choice has no unit.",
                field=f"{where}/unit",
                fix="Convert the value.",
            )
        if measure.kind == "choice":
            if value.value not in measure.choices:
                raise _bad(f"{where}/value", f"{measure.name} is one of: {', '.join(measure.choices)}.")
        elif isinstance(value.value, str):
            raise _bad(f"{where}/value", f"{measure.name} is a number.")
        else:
            low, high = measure.lowest, measure.highest
            if (low is not None and value.value < low) or (high is not None and value.value > high):
                raise _bad(f"{where}/value", f"{measure.name} is out of its bounds.")


def _bad(field: str, detail: str) -> BadInput:
    return BadInput("not-comparable", detail, field=field, fix="Correct it.")
