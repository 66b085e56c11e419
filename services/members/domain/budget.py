"""The budget of communities: nobody is overloaded by theirs unless they insist."""

from __future__ import annotations

from typing import NamedTuple

from shared.errors import Conflict


class Budget(NamedTuple):
    """How many communities somebody wants to follow, and how many they do; dormant ones do not count."""

    limit: int
    used: int


def require_room(budget: Budget) -> None:
    """Raise ``Conflict`` (``over-budget``), with all that helps, where one more would be too many."""
    if budget.used >= budget.limit:
        raise Conflict(
            "over-budget",
            f"You belong to {budget.used} communities, and wanted {budget.limit} at most.",
            fix='Leave one, raise your budget with PUT /v1/members/me/availability, swap with {"instead_of": '
            'community_id}, or insist with {"beyond_budget": true}.',
        )
