"""What changed between two texts."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """The lines of a unified diff for each field that changed; a field that is absent is an empty text."""
    return {
        field: _lines(before.get(field, ""), after.get(field, ""))
        for field in dict.fromkeys([*before, *after])
        if before.get(field, "") != after.get(field, "")
    }


def _lines(before: str, after: str) -> list[str]:
    found = unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
    return [line for line in found if not line.startswith(("---", "+++"))][:MOST_LINES]


MOST_LINES = 2_000
"""The lines that are shown of a diff."""
