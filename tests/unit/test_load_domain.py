"""The figures of load."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.ask import State
from services.matching.domain.load import TENTHS, Count, Suggested, Waited, Waits, deciles, figures

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("asks", "members", "expected"),
    [
        ([], 0, [0.0] * 10),
        ([], 50, [0.0] * 10),
        ([7], 1, [0.1] * 10),
        ([1] * 10, 10, [0.1] * 10),
        ([9, 1], 10, [0.9, 0.1, *[0.0] * 8]),
        ([9, 1], 20, [1.0, *[0.0] * 9]),
        ([8, 2], 5, [0.4, 0.4, 0.1, 0.1, *[0.0] * 6]),
        ([1] * 10, 3, [0.1] * 10),  # of those asked, some have left
    ],
)
def test_tenths(asks: list[int], members: int, expected: list[float]) -> None:
    assert deciles(asks, members) == pytest.approx(expected)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(0, 80))
def test_tenths_add_up_and_never_rise(asks: list[int], members: int) -> None:
    found = deciles(asks, members)
    assert len(found) == TENTHS
    assert isclose(sum(found), 1)
    assert all(one >= other - 1e-9 for one, other in pairwise(found))


def test_shares_are_of_what_is_settled() -> None:
    states: dict[State, int] = {"sent": 4, "accepted": 1, "answered": 2, "declined": 3, "expired": 4}
    counts = [Count("a", "city", state, asks) for state, asks in states.items()]
    load = figures("c", 10, [*counts, Count("b", None, "sent", 6)], [], [])
    assert (load.outcomes.asks, load.outcomes.experts) == (20, 2)
    assert (load.outcomes.accepted, load.outcomes.answered) == (0.3, 0.2)
    assert (load.outcomes.declined, load.outcomes.expired) == (0.3, 0.4)
    assert load.busiest == 14 / 20
    assert [(each.org_id, each.asks, each.accepted) for each in load.organisations] == [
        ("city", 14, 0.3), (None, 6, None),
    ]  # fmt: skip


def test_waits_count_for_the_organisation_of_whoever_asked_unless_they_are_not_named() -> None:
    waited = [
        Waited("city", HOUR),
        Waited("city", None),
        Waited(None, 3 * HOUR),
        Waited("county", 5 * HOUR, named=False),
    ]
    load = figures("c", 10, [], waited, [])
    assert load.waits == Waits(problems=4, answered=0.75, first_answer=3 * HOUR)
    assert {each.org_id: each.waits for each in load.organisations} == {
        "city": Waits(problems=2, answered=0.5, first_answer=HOUR),
        None: Waits(problems=1, answered=1.0, first_answer=3 * HOUR),
    }


def test_recommendations_count_by_kind_and_by_organisation() -> None:
    suggested = [
        Suggested("city", "mentor", "accepted", 1),
        Suggested("city", "mentor", "dismissed", 2),
        Suggested("city", "mentor", "expired", 1),
        Suggested("city", "mentor", "offered", 5),
        Suggested(None, "connection", "offered", 1),
    ]
    load = figures("c", 10, [Count("a", "county", "answered", 1)], [], suggested)
    mentors = {"offered": 9, "accepted": 0.25, "dismissed": 0.5, "expired": 0.25}
    people = {"offered": 1, "accepted": None, "dismissed": None, "expired": None}
    assert {kind: each.model_dump() for kind, each in load.suggestions.items()} == {
        "connection": people, "mentor": mentors,
    }  # fmt: skip
    assert {each.org_id: (each.asks, each.suggestions.offered) for each in load.organisations} == {
        "county": (1, 0), "city": (0, 9), None: (0, 1),
    }  # fmt: skip


def test_where_nothing_happened_there_are_no_shares() -> None:
    load = figures("c", 0, [], [], [])
    assert (load.suggestions, load.organisations, load.busiest) == ({}, [], 0)
    assert (load.outcomes.accepted, load.waits.answered, load.waits.first_answer) == (None, None, None)
