"""What the index is made of: flat arrays that grow in place, and tables of 64-bit keys.

Records are numbered from 0 in the order in which they came. Lists (of a term's problems, a problem's answers,
a community's answers) are linked newest first, so that whoever reads them can stop when it has read enough.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

NONE: Final = -1
"""No record: the end of a list, a value that is not known."""

I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Communities(NamedTuple):
    """By community."""

    problems: I32
    """How many problems with a text it has."""
    length: F64
    """The words of these together."""
    answers: I32
    """How many answers it has seen: a community's own clock, which runs as fast as it lives."""
    newest: I32
    """Its answer that came last."""


class Problems(NamedTuple):
    """By problem. A problem whose text changes gets a new number."""

    community: I32
    asker: I32
    """The place of who posted it."""
    length: F32
    """Terms of its text; 0 while unknown, below 0 when it counts no more."""
    newest: I32
    """Its answer that came last."""
    mark: U32
    """Of its text and tags: the same again changes nothing."""


class Answers(NamedTuple):
    """By answer, that is by solution."""

    place: I32
    at: F64
    position: I32
    """How many the community had seen before it."""
    worth: F32
    """What it says of its author; 0 when it counts no more."""
    mark: U32
    """Of its id in the upper bits: tells it from others of the problem; the lowest two are ``ACCEPTED`` and
    ``ENDORSED``."""
    of_problem: I32
    """The one before it, of the same problem."""
    of_community: I32
    """The one before it, in the same community."""


class Places(NamedTuple):
    """By place: a member in a community."""

    community: I32
    """``NONE`` for somebody who was forgotten."""
    answers: I32
    """How many that count."""
    accepted: I32
    endorsed: I32
    """How many of these were accepted, and endorsed."""
    asked: I32
    """How many problems they posted."""
    first: I32
    last: I32
    """Positions of the first and the last answer."""
    active_at: F64
    """When something was last heard of them."""
    declined: F32
    """Asks declined or ignored, fading, as of ``declined_at``."""
    declined_at: F64
    skill: I32
    """The skill that they stated last."""


class Skills(NamedTuple):
    """By stated skill."""

    place: I32
    key: U32
    """A part of its name's hash."""
    worth: F32
    """By its level; 0 when it is stated no more."""
    of_place: I32
    """The one before it, of the same place."""


class Postings(NamedTuple):
    """Lists of problems by term: a table of keys, and a pool of blocks that double in size up to a limit."""

    keys: I64
    heads: U32
    """The newest block of each list."""
    counts: U32
    """The length of each list."""
    pool: U32
    top: I64
    """[first free word of the pool, keys in the table]"""


class Table(NamedTuple):
    """Numbers by 64-bit key."""

    keys: I64
    values: I32
    used: I64
    """[how many]"""


Record = TypeVar("Record", bound=tuple[Any, ...])


def empty(kind: type[Record]) -> Record:
    """Arrays of one kind, with no room yet."""
    dtypes = {I32: np.int32, U32: np.uint32, F32: np.float32, F64: np.float64}
    fields = get_type_hints(kind)
    return kind(**{name: np.zeros(0, dtypes[fields[name]]) for name in fields})


def grow(record: tuple[NDArray[Any], ...], needed: int) -> None:
    """Make room for ``needed`` in every array. In place: nobody may be reading them."""
    for array in record:
        if array.size < needed:
            # The operating system remaps what is large: little is copied, and little is to spare.
            array.resize(needed + needed // 8 + 16, refcheck=False)
