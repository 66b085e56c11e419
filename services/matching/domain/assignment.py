"""Who mentors whom in a programme: many mentees, few places, and everybody's wishes, compiled.

Each mentee has a list of mentors, best first; each mentor has places, and an order of those who list them.

- ``stable``: no two would both rather have each other than what they got (Gale and Shapley, the mentees
  proposing: of all stable assignments the one that every mentee likes best).
- ``maximal``: as many as possible are matched. It starts from the stable one and lets some make room by
  changing to another mentor of their list, so that nobody who had a mentor loses having one, and no more is
  given up than that takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Mode = Literal["stable", "maximal"]

Function = TypeVar("Function", bound=Callable[..., Any])
compiled = cast(Callable[[Function], Function], njit(cache=True, nogil=True))

UNMATCHED = -1


class Wishes(NamedTuple):
    """All lists in flat arrays. What is excluded is simply not in it."""

    starts: NDArray[np.int64]
    """Where each mentee's list begins; one more for where the last one ends."""
    mentors: NDArray[np.int32]
    """The mentors of each list, best first."""
    ranks: NDArray[np.int32]
    """How the mentor ranks this mentee among all: lower is liked better, no two alike."""
    places: NDArray[np.int32]
    """How many each mentor takes."""

    @property
    def mentees(self) -> int:
        """How many there are."""
        return len(self.starts) - 1


class Figures(NamedTuple):
    """What an assignment is worth."""

    matched: int
    unmatched: int
    blocking_pairs: int
    """Pairs that would both rather have each other."""
    mean_rank: float
    """The mean place, from 1, of the mentor that one got on one's own list; 0 where nobody is matched."""
    first_choices: int
    """How many got the first of their list."""


class Assignment(NamedTuple):
    """For each mentee the place of their mentor on their own list, from 0, or ``UNMATCHED``."""

    choices: NDArray[np.int32]

    def mentor_of(self, wishes: Wishes, mentee: int) -> int | None:
        """The mentor, or nobody."""
        choice = int(self.choices[mentee])
        return None if choice == UNMATCHED else int(wishes.mentors[wishes.starts[mentee] + choice])


def wishes_of(
    lists: Sequence[Sequence[int]], orders: Sequence[Mapping[int, int]], places: Sequence[int]
) -> Wishes:
    """The wishes of mentees 0, 1, ... with ``lists`` of mentors and mentors with ``orders`` (mentee -> rank).

    A mentor has no say on whom they do not rank: these come last, the first mentee first.
    """
    last = len(lists)
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(each) for each in lists], out=starts[1:])
    mentors = np.fromiter((mentor for each in lists for mentor in each), np.int32, starts[-1])
    ranks = np.fromiter(
        (orders[mentor].get(mentee, last + mentee) for mentee, each in enumerate(lists) for mentor in each),
        np.int32,
        starts[-1],
    )
    return Wishes(starts, mentors, ranks, np.asarray(places, np.int32))


def assign(wishes: Wishes, mode: Mode) -> Assignment:
    """The assignment in ``mode``."""
    choices = _deferred_acceptance(*wishes)
    if mode == "maximal":
        _augment(wishes.starts, wishes.mentors, wishes.places, choices)
    return Assignment(choices)


def figures(wishes: Wishes, assignment: Assignment) -> Figures:
    """The figures of an assignment."""
    got = assignment.choices[assignment.choices != UNMATCHED]
    return Figures(
        matched=len(got),
        unmatched=wishes.mentees - len(got),
        blocking_pairs=int(_blocking_pairs(*wishes, assignment.choices)),
        mean_rank=float(got.mean()) + 1 if len(got) else 0.0,
        first_choices=int((got == 0).sum()),
    )


@compiled
def _deferred_acceptance(starts: Any, mentors: Any, ranks: Any, places: Any) -> Any:
    """Each mentee proposes down their list; a mentor who is full lets the one go whom they like least.

    Who holds a place is kept in a heap for each mentor, the least liked on top.
    """
    mentees = starts.size - 1
    first = np.zeros(places.size + 1, np.int64)
    for mentor in range(places.size):
        first[mentor + 1] = first[mentor] + max(places[mentor], 0)
    holders = np.empty(first[-1], np.int32)
    keys = np.empty(first[-1], np.int32)
    held = np.zeros(places.size, np.int32)
    following = np.zeros(mentees, np.int32)  # the place on the list to propose to next
    choices = np.full(mentees, UNMATCHED, np.int32)
    waiting = np.arange(mentees)[::-1].copy()
    left = mentees
    while left:
        left -= 1
        mentee = waiting[left]
        while starts[mentee] + following[mentee] < starts[mentee + 1]:
            choice = following[mentee]
            following[mentee] += 1
            mentor = mentors[starts[mentee] + choice]
            rank = ranks[starts[mentee] + choice]
            base = first[mentor]
            size = held[mentor]
            if size < places[mentor]:
                at = size
                held[mentor] += 1
                while at and keys[base + (at - 1) // 2] < rank:
                    keys[base + at] = keys[base + (at - 1) // 2]
                    holders[base + at] = holders[base + (at - 1) // 2]
                    at = (at - 1) // 2
                keys[base + at] = rank
                holders[base + at] = mentee
                choices[mentee] = choice
                break
            if size and rank < keys[base]:
                rejected = holders[base]
                at = 0
                while True:
                    child = 2 * at + 1
                    if child >= size:
                        break
                    if child + 1 < size and keys[base + child + 1] > keys[base + child]:
                        child += 1
                    if keys[base + child] <= rank:
                        break
                    keys[base + at] = keys[base + child]
                    holders[base + at] = holders[base + child]
                    at = child
                keys[base + at] = rank
                holders[base + at] = mentee
                choices[mentee] = choice
                choices[rejected] = UNMATCHED
                waiting[left] = rejected
                left += 1
                break
    return choices


@compiled
def _augment(starts: Any, mentors: Any, places: Any, choices: Any) -> None:
    """Match whoever can be matched by letting others change, along shortest paths, in place."""
    mentees = starts.size - 1
    first = np.zeros(places.size + 1, np.int64)
    for mentor in range(places.size):
        first[mentor + 1] = first[mentor] + max(places[mentor], 0)
    holders = np.empty(first[-1], np.int32)
    held = np.zeros(places.size, np.int32)
    for mentee in range(mentees):
        if choices[mentee] != UNMATCHED:
            mentor = mentors[starts[mentee] + choices[mentee]]
            holders[first[mentor] + held[mentor]] = mentee
            held[mentor] += 1
    reached = np.full(places.size, UNMATCHED, np.int64)  # in whose search a mentor was reached last
    by = np.empty(places.size, np.int32)  # the mentee who would come to them
    by_choice = np.empty(places.size, np.int32)
    queue = np.empty(mentees, np.int32)
    for seeker in range(mentees):
        if choices[seeker] != UNMATCHED:
            continue
        queue[0] = seeker
        head, tail, found = 0, 1, -1
        while head < tail and found < 0:
            mentee = queue[head]
            head += 1
            for edge in range(starts[mentee], starts[mentee + 1]):
                mentor = mentors[edge]
                if places[mentor] <= 0 or reached[mentor] == seeker:
                    continue
                reached[mentor] = seeker
                by[mentor] = mentee
                by_choice[mentor] = edge - starts[mentee]
                if held[mentor] < places[mentor]:
                    found = mentor
                    break
                for place in range(first[mentor], first[mentor + 1]):
                    queue[tail] = holders[place]
                    tail += 1
        mentor = found
        while mentor >= 0:
            mentee = by[mentor]
            before = choices[mentee]
            choices[mentee] = by_choice[mentor]
            if held[mentor] < places[mentor]:
                holders[first[mentor] + held[mentor]] = mentee
                held[mentor] += 1
            if before == UNMATCHED:
                break
            left = mentors[starts[mentee] + before]
            for place in range(first[left], first[left + 1]):
                if holders[place] == mentee:
                    holders[place] = by[left]
                    break
            mentor = left


@compiled
def _blocking_pairs(starts: Any, mentors: Any, ranks: Any, places: Any, choices: Any) -> Any:
    held = np.zeros(places.size, np.int64)
    worst = np.full(places.size, -1, np.int64)
    for mentee in range(starts.size - 1):
        if choices[mentee] != UNMATCHED:
            edge = starts[mentee] + choices[mentee]
            held[mentors[edge]] += 1
            worst[mentors[edge]] = max(worst[mentors[edge]], ranks[edge])
    pairs = 0
    for mentee in range(starts.size - 1):
        choice = choices[mentee]
        end = starts[mentee + 1] if choice == UNMATCHED else starts[mentee] + choice
        for edge in range(starts[mentee], end):
            mentor = mentors[edge]
            if held[mentor] < places[mentor] or (places[mentor] > 0 and ranks[edge] < worst[mentor]):
                pairs += 1
    return pairs
