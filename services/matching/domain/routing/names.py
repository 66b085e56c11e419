"""Identifiers by number, in few bytes: a UUID takes 17 instead of the hundred of a Python string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.arrays import I64, NONE, Table, grow
from services.matching.domain.routing.kernels import compiled, mixed, rehash, slot_of

Bytes = NDArray[np.uint8]


def joined(names: Sequence[str]) -> tuple[Bytes, I64]:
    """The bytes of names, end to end, and where each ends."""
    data = [name.encode() for name in names]
    lengths = np.fromiter(map(len, data), np.int64, len(data))
    return np.frombuffer(b"".join(data), np.uint8), np.cumsum(lengths)


def hashes(names: Sequence[str]) -> NDArray[np.uint64]:
    """64 bits that stand for each name."""
    found: NDArray[np.uint64] = _hashes(*joined(names))
    return found


class Names:
    """Names within communities, by number from 0. UUIDs are kept packed."""

    def __init__(self) -> None:
        self._bytes = np.zeros(0, np.uint8)
        self._ends = np.zeros(1, np.int64)
        self._count = 0
        self._table = _table(1 << 10)

    def __len__(self) -> int:
        return self._count

    def numbers(self, communities: I64, names: Sequence[str]) -> I64:
        """The number of each name in its community; those that have none yet get the next."""
        self._make_room(len(names))
        return self._numbers(communities, names, new=True)

    def find(self, community: int, name: str) -> int:
        """The number of a name in a community, ``NONE`` if it has none."""
        return int(self._numbers(np.array([community]), [name], new=False)[0])

    def renewed(self, number: int, community: int) -> int:
        """Another number for the name that has this one; it is found by the new one from now on."""
        self._make_room(1)
        data = self._of(number).copy()
        start = int(self._ends[self._count])
        grow((self._bytes,), start + data.size)
        self._bytes[start : start + data.size] = data
        self._table.values[_slot(self._table.keys, data, community)] = again = self._count
        self._count += 1
        self._ends[self._count] = start + data.size
        return again

    def __getitem__(self, number: int) -> str:
        data = self._of(number)
        if data[0]:
            return data[1:].tobytes().decode()
        digits = data[1:].tobytes().hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def blank(self, number: int) -> None:
        """Forget a name; its number stays taken."""
        self._of(number)[:] = 1

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._bytes.nbytes + self._ends.nbytes + sum(array.nbytes for array in self._table)

    def _of(self, number: int) -> Bytes:
        return self._bytes[int(self._ends[number]) : int(self._ends[number + 1])]

    def _numbers(self, communities: I64, names: Sequence[str], *, new: bool) -> I64:
        text, ends = joined(names)
        # Each is written behind the last to be looked up, and stays there if it is new.
        grow((self._bytes,), int(self._ends[self._count]) + text.size + len(names))
        numbers = np.empty(len(names), np.int64)
        self._count = _numbers(
            *self._table, self._bytes, self._ends, self._count, communities, text, ends, new, numbers
        )
        return numbers

    def _make_room(self, names: int) -> None:
        grow((self._ends,), self._count + names + 1)
        size = self._table.keys.size
        while (int(self._table.used[0]) + names) * 4 > size * 3:
            size *= 2
        if size > self._table.keys.size:
            larger = _table(size)
            moved = rehash(self._table.keys, larger.keys)
            taken = self._table.keys != 0
            larger.values[moved[taken]] = self._table.values[taken]
            larger.used[0] = self._table.used[0]
            self._table = larger


def _table(size: int) -> Table:
    return Table(np.zeros(size, np.int64), np.zeros(size, np.int32), np.zeros(1, np.int64))


@compiled
def _digit(byte: Any) -> Any:
    """What a lower-case hexadecimal digit stands for, -1 for anything else."""
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    return np.int64(byte) - 87 if 97 <= byte <= 102 else np.int64(-1)


@compiled
def _packed(text: Any, start: Any, end: Any, into: Any, at: Any) -> Any:
    """Write a name in few bytes, those that are UUIDs with a 0 before them; where it ends."""
    if end - start == 36:
        into[at] = 0
        size = 1
        high = np.int64(-1)
        for place in range(36):
            byte = text[start + place]
            if place == 8 or place == 13 or place == 18 or place == 23:
                if byte != 45:
                    break
                continue
            digit = _digit(byte)
            if digit < 0:
                break
            if high < 0:
                high = digit
            else:
                into[at + size] = high * 16 + digit
                size += 1
                high = np.int64(-1)
        if size == 17:
            return at + size
    into[at] = 1
    into[at + 1 : at + 1 + end - start] = text[start:end]
    return at + 1 + end - start


@compiled
def _hash(data: Any, start: Any, end: Any) -> Any:
    """64 bits that stand for some bytes (FNV-1a)."""
    found = np.uint64(0xCBF29CE484222325)
    for at in range(start, end):
        found = (found ^ np.uint64(data[at])) * np.uint64(0x100000001B3)
    return found


@compiled
def _slot(keys: Any, data: Any, community: Any) -> Any:
    return slot_of(keys, mixed(_hash(data, 0, data.size), community))


@compiled
def _hashes(text: Any, ends: Any) -> Any:
    found = np.empty(ends.size, np.uint64)
    start = 0
    for each in range(ends.size):
        found[each] = _hash(text, start, ends[each])
        start = ends[each]
    return found


@compiled
def _numbers(
    keys: Any, values: Any, used: Any, held: Any, held_ends: Any, count: Any,
    communities: Any, text: Any, ends: Any, new: Any, numbers: Any,
) -> Any:  # fmt: skip
    """Fill ``numbers``; answers how many names there are now."""
    start = 0
    for each in range(ends.size):
        behind = held_ends[count]
        end = _packed(text, start, ends[each], held, behind)
        start = ends[each]
        key = mixed(_hash(held, behind, end), communities[each])
        slot = slot_of(keys, key)
        if keys[slot] == key:
            numbers[each] = values[slot]
        elif new:
            keys[slot] = key
            values[slot] = count
            used[0] += 1
            numbers[each] = count
            count += 1
            held_ends[count] = end
        else:
            numbers[each] = NONE
    return count
