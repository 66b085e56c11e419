"""The numbers of members, each a named setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for everybody on the platform."""

    ask_again_after: timedelta = timedelta(days=30)
    """How long somebody who was declined waits before asking the same member to connect again."""


RULES = Rules()
