"""The meaning of a text as a vector, and how it is stored."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import rules

F32 = NDArray[np.float32]

DIMENSIONS: Final = 384
NO_MEANING: Final = bytes(DIMENSIONS)
"""Of a text whose meaning cannot be told."""


def combined(whole: F32, of_title: F32) -> F32:
    """The meaning of a text from that of the whole and that of its title, which says what it is about."""
    return whole + rules.SIMILAR_TITLE * of_title


def packed(vector: F32) -> bytes:
    """A vector in a byte for each dimension. Its length is lost, and a cosine needs none."""
    largest = float(np.abs(vector).max())
    return bytes(np.rint(vector * (127 / largest)).astype(np.int8).tobytes()) if largest else NO_MEANING


def unpacked(codes: bytes) -> F32:
    """The vector of length 1 in the direction of a packed one."""
    vector = np.frombuffer(codes, np.int8).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
