"""Identifiers by number, in few bytes: a UUID takes 17 instead of the hundred of a Python string."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import regex

from services.matching.domain.routing.arrays import grow

_UUID: Final = regex.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def packed(name: str) -> bytes:
    """A name in as few bytes as it takes: those that are UUIDs begin with a 0."""
    if len(name) == 36 and _UUID.fullmatch(name):
        return b"\0" + bytes.fromhex(name.replace("-", ""))
    return b"\1" + name.encode()


def unpacked(data: bytes) -> str:
    """The name again."""
    if data[:1] != b"\0":
        return data[1:].decode()
    digits = data[1:].hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def key_of(data: bytes) -> int:
    """60 bits that stand for a packed name, above four that are free."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") & ~15


class Names:
    """Packed names by number, from 0."""

    def __init__(self) -> None:
        self._bytes = np.zeros(0, np.uint8)
        self._ends = np.zeros(1, np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, data: bytes) -> int:
        """Keep a name; its number."""
        start = int(self._ends[self._count])
        end = start + len(data)
        grow((self._bytes,), end)
        grow((self._ends,), self._count + 2)
        self._bytes[start:end] = np.frombuffer(data, np.uint8)
        self._count += 1
        self._ends[self._count] = end
        return self._count - 1

    def __getitem__(self, number: int) -> str:
        start, end = int(self._ends[number]), int(self._ends[number + 1])
        return unpacked(self._bytes[start:end].tobytes())

    def blank(self, number: int) -> None:
        """Forget a name; its number stays taken."""
        start, end = int(self._ends[number]), int(self._ends[number + 1])
        self._bytes[start:end] = 1

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._bytes.nbytes + self._ends.nbytes
