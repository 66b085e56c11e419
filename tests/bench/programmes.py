"""How long a programme of mentors takes, and what either mode gives, beside the package `matching`."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from matching.games import HospitalResident

from services.matching.domain.assignment import Assignment, Mode, Wishes, assign, figures

MODES: tuple[Mode, ...] = ("stable", "maximal")
REFERENCE = (400, 80, 10)
"""Mentees, mentors and lists with which the reference copes: it is recursive and slow on large ones."""


def synthetic(mentees: int, mentors: int, listed: int, *, seed: int = 4) -> Wishes:
    """A programme as large as that: few mentors are on many lists, and places just suffice."""
    chance = np.random.default_rng(seed)
    fame = 1.0 / np.arange(1, mentors + 1) ** 0.9
    # Drawn without putting back, by the race of exponentials: the first to arrive are the list.
    arrivals = chance.exponential(size=(mentees, mentors)) / fame
    lists = np.argsort(arrivals, axis=1)[:, : min(listed, mentors)].astype(np.int32)
    places = np.full(mentors, -(-mentees // mentors), np.int32)
    order = chance.permutation(lists.size).astype(np.int32)
    starts = np.arange(mentees + 1, dtype=np.int64) * lists.shape[1]
    return Wishes(starts, lists.ravel(), order, places)


def measure(mentees: int, mentors: int, listed: int, rounds: int = 3) -> dict[str, Any]:
    """Seconds and figures of both modes, once compiled; and the reference's seconds on what it can do."""
    wishes = synthetic(mentees, mentors, listed)
    small = synthetic(*REFERENCE)
    found: dict[str, Any] = {}
    for mode in MODES:
        ours = min(_timed(small, mode)[0] for _ in range(rounds + 1))  # the first one compiles
        seconds, assignment = min((_timed(wishes, mode) for _ in range(rounds)), key=lambda each: each[0])
        found[mode] = {"seconds": seconds, "small_seconds": ours, **figures(wishes, assignment)._asdict()}
        taken = np.bincount(_mentors(wishes, assignment), minlength=mentors)
        found[mode]["over_capacity"] = int((taken > wishes.places).sum())
    seconds, same = _reference(small)
    found["reference"] = {
        "small_seconds": seconds,
        "ratio": seconds / found["stable"]["small_seconds"],
        "same": same,
    }
    return found


def _timed(wishes: Wishes, mode: Mode) -> tuple[float, Assignment]:
    begun = perf_counter()
    assignment = assign(wishes, mode)
    return perf_counter() - begun, assignment


def _mentors(wishes: Wishes, assignment: Assignment) -> Any:
    matched = np.flatnonzero(assignment.choices >= 0)
    return wishes.mentors[wishes.starts[matched] + assignment.choices[matched]]


def _reference(wishes: Wishes) -> tuple[float, bool]:
    """Seconds of the package for the stable assignment, and whether it is the same."""
    orders: dict[int, dict[int, int]] = {mentor: {} for mentor in range(len(wishes.places))}
    lists: dict[int, list[int]] = {}
    for mentee in range(wishes.mentees):
        edges = range(wishes.starts[mentee], wishes.starts[mentee + 1])
        lists[mentee] = [int(wishes.mentors[edge]) for edge in edges]
        for edge in edges:
            orders[int(wishes.mentors[edge])][mentee] = int(wishes.ranks[edge])
    listed = {mentor: sorted(fans, key=fans.__getitem__) for mentor, fans in orders.items() if fans}
    begun = perf_counter()
    game = HospitalResident.create_from_dictionaries(
        lists, listed, {mentor: int(wishes.places[mentor]) for mentor in listed}
    )
    solution = game.solve(optimal="resident")
    seconds = perf_counter() - begun
    theirs = {mentee.name: mentor.name for mentor, taken in solution.items() for mentee in taken}
    stable = assign(wishes, "stable")
    ours = {
        mentee: mentor
        for mentee in range(wishes.mentees)
        if (mentor := stable.mentor_of(wishes, mentee)) is not None
    }
    return seconds, ours == theirs
