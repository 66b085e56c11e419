"""The rules of expertise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isclose, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import rules
from services.matching.domain.expertise import (
    Amount,
    Evidence,
    Expertise,
    Kind,
    Solution,
    difference,
    earned,
    faded,
    reasons,
    score,
    stored,
    terms,
    with_evidence,
)
from shared.contracts.discussions import (
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.members import Level

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)

moments = st.datetimes(datetime(2008, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
weights = st.floats(0.01, 1000)


# -- weights -------------------------------------------------------------------------------------------


@given(weights, moments)
def test_after_a_half_life_a_weight_counts_half(weight: float, at: datetime) -> None:
    assert isclose(faded(stored(weight, at), at), weight, rel_tol=1e-9)
    assert isclose(faded(stored(weight, at), at + rules.EXPERTISE_HALF_LIFE), weight / 2, rel_tol=1e-9)


@given(st.lists(st.tuples(weights, moments), min_size=1, max_size=50), moments)
def test_stored_weights_add_up_to_the_sum_of_the_faded(
    earned: list[tuple[float, datetime]], now: datetime
) -> None:
    total = sum(stored(weight, at) for weight, at in earned)
    assert isfinite(total)
    assert isclose(faded(total, now), sum(faded(stored(w, at), now) for w, at in earned), rel_tol=1e-9)


@given(weights, moments, weights, moments, st.lists(moments, min_size=1, max_size=5))
def test_the_order_of_two_never_changes_by_time_alone(
    w1: float, at1: datetime, w2: float, at2: datetime, later: list[datetime]
) -> None:
    one, other = stored(w1, at1), stored(w2, at2)
    if not isclose(one, other):
        assert {faded(one, now) > faded(other, now) for now in later} == {one > other}


# -- evidence ------------------------------------------------------------------------------------------


def evidence(event: type[Evidence], version: int, **fields: object) -> Evidence:
    values = event.example().model_dump() | {"tags": ["permits"], "version": version} | fields
    return event.model_validate(values)


events = st.lists(
    st.one_of(
        st.tuples(st.just(SolutionProposed), st.fixed_dictionaries({"imported_score": st.integers(-5, 50)})),
        st.tuples(
            st.just(SolutionEndorsed),
            st.fixed_dictionaries(
                {"endorser_id": st.sampled_from("abc"), "basis": st.sampled_from(["tried", "reviewed"])}
            ),
        ),
        st.tuples(
            st.just(EndorsementWithdrawn), st.fixed_dictionaries({"endorser_id": st.sampled_from("abc")})
        ),
        st.tuples(st.just(SolutionAccepted), st.fixed_dictionaries({"accepted_by": st.just("x")})),
    ),
    max_size=12,
)
tag_sets = st.lists(st.sampled_from(["permits", "paper", "queues"]), min_size=12, max_size=12)


@given(events, tag_sets)
def test_the_differences_add_up_to_what_the_solution_earns(
    made: list[tuple[type[Evidence], dict[str, object]]], tags: list[str]
) -> None:
    solution: Solution | None = None
    counts: dict[tuple[str, Kind], int] = {}
    totals: dict[tuple[str, Kind], float] = {}
    for version, (event, fields) in enumerate(made, 1):
        at = NOW + version * DAY
        after = with_evidence(solution, evidence(event, version, **fields, tags=[tags[version - 1]]), at)
        for key, change in difference(solution, after).items():
            counts[key] = counts.get(key, 0) + change.solutions
            totals[key] = totals.get(key, 0.0) + change.weight
        solution = after
    for tag in ("permits", "paper", "queues"):
        expected = earned(solution) if solution and tag in solution.tags else {}
        for kind in ("proposed", "endorsed", "accepted", "imported"):
            amount = expected.get(kind, Amount())
            assert counts.get((tag, kind), 0) == amount.solutions
            assert isclose(totals.get((tag, kind), 0.0), amount.weight, abs_tol=1e-9)


@given(events)
def test_an_event_replayed_late_undoes_nothing(
    made: list[tuple[type[Evidence], dict[str, object]]],
) -> None:
    solution: Solution | None = None
    endorsing = [(event, fields) for event, fields in made if event is not SolutionProposed]
    sent = [evidence(event, version, **fields) for version, (event, fields) in enumerate(endorsing, 1)]
    for event in sent:
        solution = with_evidence(solution, event, NOW)
    for event in sent:
        assert earned(with_evidence(solution, event, NOW)) == earned(solution)


def test_nobody_endorses_a_solution_twice() -> None:
    first = with_evidence(None, evidence(SolutionEndorsed, 1, endorser_id="a", basis="tried"), NOW)
    again = with_evidence(first, evidence(SolutionEndorsed, 2, endorser_id="a", basis="tried"), NOW)
    assert earned(again) == earned(first)


def test_imported_votes_are_capped_and_never_negative() -> None:
    def imported(votes: int) -> float:
        solution = with_evidence(None, evidence(SolutionProposed, 1, imported_score=votes), NOW)
        return faded(earned(solution).get("imported", Amount()).weight, NOW)

    assert imported(-3) == 0
    assert imported(1) < imported(rules.IMPORTED_CAP)
    assert imported(10_000) == imported(rules.IMPORTED_CAP) <= rules.PROPOSED + 1e-9


# -- scores and reasons --------------------------------------------------------------------------------


def known(tag: str = "permits", level: Level | None = None, **of_kind: int) -> Expertise:
    made = {kind: Amount(solutions=n, weight=stored(n, NOW)) for kind, n in of_kind.items()}
    return Expertise("c", "m", tag, level, made)


@pytest.mark.parametrize(
    ("expertise", "last_active", "expected"),
    [
        (known(level="expert"), None, ["states the skill permits (expert)"]),
        (known(level="learning"), None, []),
        (known(endorsed=3), None, ["3 endorsed solutions on permits"]),
        (known(endorsed=1), None, ["1 endorsed solution on permits"]),
        (known(proposed=2), NOW, ["proposed 2 solutions on permits", "active this week"]),
        (known(accepted=1), NOW - 8 * DAY, ["1 accepted solution on permits", "active this month"]),
        (known(accepted=1), NOW - 31 * DAY, ["1 accepted solution on permits"]),
    ],
)
def test_reasons(expertise: Expertise, last_active: datetime | None, expected: list[str]) -> None:
    assert reasons(terms([expertise], last_active, NOW)) == expected


def test_being_active_alone_is_no_reason_to_be_asked() -> None:
    assert score(terms([], NOW, NOW)) == 0
    assert score(terms([known(endorsed=3)], None, NOW + 20 * 365 * DAY)) == 0


records = st.builds(
    known,
    tag=st.sampled_from(["permits", "paper"]),
    level=st.sampled_from([None, *rules.SKILL]),
    endorsed=st.integers(-1, 30),
    accepted=st.integers(0, 30),
    proposed=st.integers(0, 30),
)


@given(
    st.lists(records, max_size=3, unique_by=lambda each: each.tag),
    st.none() | st.datetimes(datetime(2025, 1, 1), datetime(2026, 3, 1)),
)
def test_the_reasons_are_the_largest_terms_of_the_score(
    expertise: list[Expertise], last_active: datetime | None
) -> None:
    found = terms(expertise, last_active and last_active.replace(tzinfo=UTC), NOW)
    told, words = reasons(found), {term.words: term.value for term in found}
    assert all(term.value >= rules.NEGLIGIBLE for term in found)
    assert len(told) == min(len(found), rules.REASONS)
    assert sorted((words[each] for each in told), reverse=True) == [words[each] for each in told]
    assert all(words[each] >= value for each in told for of, value in words.items() if of not in told)
    if score(found):
        assert isclose(score(found), sum(term.value for term in found))
