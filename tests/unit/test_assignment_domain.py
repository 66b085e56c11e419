"""Programmes of mentors: what holds of every assignment, and that it is the one that others find, too."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching.games import HospitalResident
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from services.matching.domain.assignment import UNMATCHED, Assignment, Wishes, assign, figures, wishes_of


def instance(seed: int) -> tuple[list[list[int]], list[dict[int, int]], list[int]]:
    """A random small one: lists of any length, some of them empty."""
    chance = random.Random(seed)
    mentees, mentors = chance.randint(1, 9), chance.randint(1, 6)
    lists = [chance.sample(range(mentors), chance.randint(0, mentors)) for _ in range(mentees)]
    orders = []
    for mentor in range(mentors):
        fans = [mentee for mentee in range(mentees) if mentor in lists[mentee]]
        chance.shuffle(fans)
        orders.append({mentee: rank for rank, mentee in enumerate(fans)})
    return lists, orders, [chance.randint(0, 3) for _ in range(mentors)]


def mentors_of(wishes: Wishes, assignment: Assignment) -> dict[int, int]:
    found = {mentee: assignment.mentor_of(wishes, mentee) for mentee in range(wishes.mentees)}
    return {mentee: mentor for mentee, mentor in found.items() if mentor is not None}


def test_the_stable_one_is_the_one_of_the_reference_on_a_thousand_instances() -> None:
    for seed in range(1000):
        lists, orders, places = instance(seed)
        wishes = wishes_of(lists, orders, places)
        open_to = [mentor for mentor, number in enumerate(places) if number and orders[mentor]]
        reachable = [[mentor for mentor in each if mentor in open_to] for each in lists]
        seekers = {mentee: each for mentee, each in enumerate(reachable) if each}
        if not seekers:
            assert mentors_of(wishes, assign(wishes, "stable")) == {}
            continue
        game = HospitalResident.create_from_dictionaries(
            seekers,
            {mentor: sorted(orders[mentor], key=orders[mentor].__getitem__) for mentor in open_to},
            {mentor: places[mentor] for mentor in open_to},
        )
        expected = {
            mentee.name: mentor.name
            for mentor, taken in game.solve(optimal="resident").items()
            for mentee in taken
        }
        assert mentors_of(wishes, assign(wishes, "stable")) == expected, seed


@given(st.integers(0, 10**9))
@settings(max_examples=150, deadline=None)
def test_what_holds_of_every_assignment(seed: int) -> None:
    lists, orders, places = instance(seed)
    wishes = wishes_of(lists, orders, places)
    stable, maximal = assign(wishes, "stable"), assign(wishes, "maximal")
    for each in (stable, maximal):
        given_places = Counter(mentors_of(wishes, each).values())
        assert all(number <= places[mentor] for mentor, number in given_places.items())
        assert all(mentor in lists[mentee] for mentee, mentor in mentors_of(wishes, each).items())
    assert figures(wishes, stable).blocking_pairs == 0
    assert blocking_by_hand(lists, orders, places, mentors_of(wishes, maximal)) == (
        figures(wishes, maximal).blocking_pairs
    )
    assert mentors_of(wishes, stable).keys() <= mentors_of(wishes, maximal).keys()
    columns = [(mentee, mentor, place) for mentee, each in enumerate(lists) for mentor in each
               for place in range(places[mentor])]  # fmt: skip
    assert figures(wishes, maximal).matched == most(len(lists), columns)


def most(mentees: int, columns: list[tuple[int, int, int]]) -> int:
    if not columns:
        return 0
    graph = csr_array(
        (np.ones(len(columns)), ([row for row, _, _ in columns], [m * 4 + p for _, m, p in columns])),
        shape=(mentees, 40),
    )
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def blocking_by_hand(
    lists: list[list[int]], orders: list[dict[int, int]], places: list[int], got: dict[int, int]
) -> int:
    pairs = 0
    for mentee, wanted in enumerate(lists):
        better = wanted[: wanted.index(got[mentee])] if mentee in got else wanted
        for mentor in better:
            rivals = [orders[mentor][each] for each, whose in got.items() if whose == mentor]
            free = len(rivals) < places[mentor]
            pairs += free or bool(rivals and orders[mentor][mentee] < max(rivals))
    return pairs


@pytest.mark.parametrize(("lists", "places"), [([], []), ([[]], [1]), ([[0]], [0]), ([[], []], [])], ids=str)
def test_where_nothing_can_be_matched(lists: list[list[int]], places: list[int]) -> None:
    wishes = wishes_of(lists, [{} for _ in places], places)
    for mode in ("stable", "maximal"):
        found = assign(wishes, mode)  # type: ignore[arg-type]
        assert list(found.choices) == [UNMATCHED] * len(lists)
        assert figures(wishes, found) == (0, len(lists), 0, 0.0, 0)


def test_somebody_makes_room_and_gives_up_no_more_than_that() -> None:
    """Both want the first mentor, who has one place; only one of the two has another."""
    wishes = wishes_of([[0, 1], [0]], [{0: 0, 1: 1}, {0: 0}], [1, 1])
    assert mentors_of(wishes, assign(wishes, "stable")) == {0: 0}
    assert mentors_of(wishes, assign(wishes, "maximal")) == {0: 1, 1: 0}
    assert figures(wishes, assign(wishes, "maximal")) == (2, 0, 1, 1.5, 1)
