"""The rules of benchmarks: what can be asked, what can be compared, and who may know whose answer it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import benchmark as benchmarks
from services.discussions.domain.access import Participant
from services.discussions.domain.benchmark import (
    TRANSITIONS,
    Benchmark,
    BenchmarkAnswer,
    BenchmarkState,
    Command,
    Value,
)
from services.discussions.domain.limits import BENCHMARK_ANSWERS
from shared.contracts.content import Measure
from shared.errors import BadInput, Conflict, Forbidden, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAYS = Measure(name="Days", kind="number", unit="days", lowest=0, highest=365)
SIGNED = Measure(name="Signed", kind="choice", choices=["all", "some", "none"])


def person(name: str, org: str | None = "city", role: Any = "member") -> Participant:
    return Participant(member_id=name, community_id="c", role=role, org_id=org, joined_at=NOW)


ANN, SAM = person("ann"), person("sam", role="steward")


def opened(measures: list[Measure] | None = None, **fields: Any) -> Benchmark:
    fields = {"nameless": False, "closes_at": None} | fields
    benchmark, event = benchmarks.open_(
        "t", ANN, title="How long?", body="…", tags=[], measures=measures or [DAYS, SIGNED],
        now=NOW, **fields,
    )  # fmt: skip
    assert (event.version, event.measures, event.nameless) == (1, benchmark.measures, benchmark.nameless)
    return benchmark


def days(value: float | str, unit: str | None = "days") -> Value:
    return Value(measure="Days", value=value, unit=unit)


def signed(value: float | str, unit: str | None = None) -> Value:
    return Value(measure="Signed", value=value, unit=unit)


def answers(benchmark: Benchmark, *values: Value, actor: Participant = ANN, **more: Any) -> Any:
    return benchmarks.answer(
        benchmark, actor, more.get("earlier"), more.get("answer_id", "a"), values=values, note="",
        now=more.get("now", NOW),
    )  # fmt: skip


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(BenchmarkState))
    assert {state for row in TRANSITIONS.values() for state in row.values()} == set(TRANSITIONS)
    assert {command for row in TRANSITIONS.values() for command in row} == set(get_args(Command))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("answer"), st.sampled_from(["ann", "bob", "cid", "sam"])),
            st.tuples(st.just("close"), st.sampled_from(["ann", "bob", "cid", "sam"])),
            st.tuples(st.just("time"), st.integers(1, 40).map(str)),
        ),
        max_size=12,
    )
)
def test_any_sequence_keeps_to_the_table_and_counts_each_once(
    steps: list[tuple[str, str]],
) -> None:
    people = {"ann": ANN, "bob": person("bob"), "cid": person("cid", None), "sam": SAM}
    benchmark, now, versions = opened(closes_at=NOW + timedelta(days=60)), NOW, [1]
    given: dict[str, BenchmarkAnswer] = {}
    for command, who in steps:
        before, actor = benchmark, people.get(who, ANN)
        try:
            if command == "answer":
                respondent = benchmarks.respondent(actor.member_id, actor.org_id)
                earlier = given.get(respondent)
                benchmark, answer, event = answers(benchmark, days(3), actor=actor, earlier=earlier, now=now)
                assert answer.revision == (earlier.revision + 1 if earlier else 1)
                given[answer.respondent] = answer
                versions.append(event.version)
            elif command == "close":
                benchmark, closed = benchmarks.close(benchmark, actor)
                assert closed.closed_by == who
                versions.append(closed.version)
            else:
                now += timedelta(days=int(who))
                if done := benchmarks.close_in_time(benchmark, now):
                    benchmark, closed = done
                    assert closed.closed_by is None
                    versions.append(closed.version)
        except Rejected:
            over = now >= NOW + timedelta(days=60)
            assert before.state == "closed" or over or (command == "close" and who in ("bob", "cid"))
            assert benchmark is before
    assert benchmark.answers == len(given) == len({answer.respondent for answer in given.values()})
    assert versions == list(range(1, benchmark.version + 1))


@pytest.mark.parametrize(
    ("measures", "field"),
    [
        ([DAYS, DAYS.model_copy(update={"name": "DAYS"})], "/measures/1/name"),
        ([DAYS.model_copy(update={"lowest": 5, "highest": 5})], "/measures/0/highest"),
        ([DAYS, SIGNED.model_copy(update={"choices": ["a", "a"]})], "/measures/1/choices"),
    ],
)
def test_what_cannot_be_asked(measures: list[Measure], field: str) -> None:
    with pytest.raises(BadInput, match="not-comparable") as refused:
        opened(measures)
    assert refused.value.field == field


@pytest.mark.parametrize("closes_in", [timedelta(), -timedelta(seconds=1), timedelta(days=731)])
def test_it_closes_in_the_near_future(closes_in: timedelta) -> None:
    with pytest.raises(BadInput, match="bad-closing"):
        opened(closes_at=NOW + closes_in)
    assert opened(closes_at=NOW + timedelta(days=730)).closes_at


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ([days(9, "weeks")], "unit-differs", "/values/0/unit"),
        ([days(9, None)], "unit-differs", "/values/0/unit"),
        ([days(9), signed("all", "%")], "unit-differs", "/values/1/unit"),
        ([days("nine")], "not-comparable", "/values/0/value"),
        ([days(-1)], "not-comparable", "/values/0/value"),
        ([days(365.5)], "not-comparable", "/values/0/value"),
        ([signed("most")], "not-comparable", "/values/0/value"),
        ([signed(1)], "not-comparable", "/values/0/value"),
        ([days(1), days(2)], "not-comparable", "/values/1/measure"),
        ([Value(measure="Cost", value=1, unit="€")], "not-comparable", "/values/0/measure"),
    ],
)
def test_what_cannot_be_compared(values: list[Value], code: str, field: str) -> None:
    with pytest.raises(BadInput, match=code) as refused:
        answers(opened(), *values)
    assert refused.value.field == field


def test_bounds_belong_to_it_and_not_every_measure_need_be_answered() -> None:
    for value in (days(0), days(365), signed("none")):
        assert answers(opened(), value)[1].values == [value]


def test_it_takes_so_many_answers_and_edits_of_them() -> None:
    full = opened().model_copy(update={"answers": BENCHMARK_ANSWERS})
    with pytest.raises(Conflict, match="benchmark-full"):
        answers(full, days(1))
    earlier = answers(opened(), days(1))[1]
    assert answers(full, days(2), earlier=earlier)[0].answers == BENCHMARK_ANSWERS


def test_late_answers_are_refused_though_nobody_closed_it() -> None:
    benchmark = opened(closes_at=NOW + timedelta(days=1))
    answers(benchmark, days(1), now=NOW + timedelta(hours=23))
    with pytest.raises(Conflict, match="benchmark-closed"):
        answers(benchmark, days(1), now=NOW + timedelta(days=1))
    assert benchmarks.close_in_time(benchmark, NOW + timedelta(hours=23)) is None
    assert benchmarks.close_in_time(opened(), NOW + timedelta(days=9999)) is None
    with pytest.raises(Forbidden):
        benchmarks.close(benchmark, person("bob"))


def test_an_event_tells_who_unless_answers_are_nameless() -> None:
    for nameless, who in ((False, ("ann", "city")), (True, (None, None))):
        _, _, event = answers(opened(nameless=nameless), days(1))
        assert (event.answered_by, event.org_id) == who


def rows(benchmark: Benchmark, values: list[float]) -> list[BenchmarkAnswer]:
    return [
        answers(benchmark, days(value), actor=person(f"m{n}", f"o{n}"), answer_id=f"{n}-{n * 7 % 11}")[1]
        for n, value in enumerate(values)
    ]


@given(st.lists(st.floats(0, 365), max_size=9))
def test_numbers_have_a_spread(values: list[float]) -> None:
    benchmark = opened()
    table = benchmarks.table(benchmark, rows(benchmark, values))
    column = table.columns[0]
    assert column.answered == len(values) == len(table.rows)
    wanted = (min(values), median(values), max(values)) if values else (None, None, None)
    assert (column.lowest, column.median, column.highest) == wanted
    assert table.columns[1][1:] == (0, None, None, None, {"all": 0, "some": 0, "none": 0})


def test_choices_are_counted() -> None:
    benchmark = opened()
    given = [
        answers(benchmark, signed(choice), actor=person(f"m{n}", f"o{n}"))[1]
        for n, choice in enumerate(("some", "all", "some"))
    ]
    assert benchmarks.table(benchmark, given).columns[1].chosen == {"all": 1, "some": 2, "none": 0}


def test_nameless_answers_are_withheld_while_they_are_few_and_in_no_order_that_tells() -> None:
    benchmark = opened(nameless=True)
    few = rows(benchmark, [1, 2])
    table = benchmarks.table(benchmark, few)
    assert (table.withheld, table.rows, table.columns[0].answered, table.columns[0].lowest) == (
        True,
        [],
        0,
        None,
    )
    enough = rows(benchmark, [1, 2, 3, 4])
    shown = benchmarks.table(benchmark, enough)
    assert (shown.withheld, shown.columns[0].median) == (False, 2.5)
    assert [row.answer_id for row in shown.rows] != [row.answer_id for row in enough]
    assert benchmarks.table(opened(), few).withheld is False


def taken_over(benchmark: Benchmark, value: Value, **whose: str | None) -> Any:
    named = {"org_id": None, "member_id": None} | whose
    return benchmarks.take_over(benchmark, "a", values=[value], note="", at=NOW, **named)


def test_an_answer_of_elsewhere_is_an_organisations_or_a_members_also_when_it_is_closed() -> None:
    benchmark, _ = benchmarks.closed(opened(), None)
    after, given, event = taken_over(benchmark, days(9), org_id="city", member_id="ann")
    assert (given.respondent, given.answered_by) == (benchmarks.respondent("ann", "city"), None)
    assert (after.state, after.answers, event.org_id, event.answered_by) == ("closed", 1, "city", None)
    _, given, _ = taken_over(benchmark, days(9), member_id="ann")
    assert (given.respondent, given.answered_by) == (benchmarks.respondent("ann", None), "ann")
    with pytest.raises(BadInput):
        taken_over(benchmark, days(9))
    with pytest.raises(BadInput):
        taken_over(benchmark, days(999), org_id="city")


def test_a_nameless_answer_of_elsewhere_names_nobody() -> None:
    _, given, event = taken_over(opened(nameless=True), days(9), org_id="city", member_id="ann")
    assert (given.org_id, given.answered_by, event.org_id, event.answered_by) == (None, None, None, None)
    assert not any(name in given.respondent for name in ("ann", "city"))


def test_no_more_answers_of_elsewhere_than_a_table_has() -> None:
    full = opened().model_copy(update={"answers": BENCHMARK_ANSWERS})
    with pytest.raises(Conflict):
        taken_over(full, days(9), org_id="city")
