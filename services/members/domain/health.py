"""How a community fares, by what its members do: readers count, not only those who write."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.members.domain.community import Community


class Figures(NamedTuple):
    """How many members there are, of which kind."""

    members: int
    dormant: int
    core: int
    """Those who contributed lately."""
    contributors: int
    """Those who contributed in the last months, the core among them."""
    readers: int
    """Those who read or contributed lately."""

    @property
    def active(self) -> int:
        """Those who contributed in the last months, but not lately."""
        return max(self.contributors - self.core, 0)

    @property
    def peripheral(self) -> int:
        """Those who follow it without contributing."""
        return max(self.members - self.dormant - self.contributors, 0)

    @property
    def share_of_readers(self) -> float:
        """Readers among all members, from 0 to 1."""
        return min(self.readers / self.members, 1) if self.members else 0


def days_quiet(community: Community, now: datetime) -> int | None:
    """Whole days since the latest post; nothing if there was none."""
    return max((now - community.posted_at).days, 0) if community.posted_at else None
