"""Causal tokens: "join, then post at once" works across services, without sleeping.

A mutation answers with the ids of its events. A request that brings them waits, bounded, until the service
that it reaches has handled those of them that it reacts to: their ids are then in its inbox.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from shared.contracts import Event
from shared.errors import BadRequest, OutOfOrder
from shared.ids import minted_at
from shared.messaging import inbox
from shared.storage import Database, Recorded

HEADER = "Guildhall-Causal-Token"

MAX_EVENTS = 20
"""A token names at most the last so many events of a mutation: it has to fit into a header."""

_FORGET = timedelta(hours=1)
"""What is older has long been handled, or waits for an operator; nobody's request should wait for it."""


def token(rows: Sequence[Recorded]) -> str | None:
    """The token for what a mutation published; nothing if it published nothing."""
    if not rows:
        return None
    named = [[row["type"].removeprefix("guildhall."), row["_id"]] for row in rows[-MAX_EVENTS:]]
    return base64.urlsafe_b64encode(json.dumps(named, separators=(",", ":")).encode()).decode().rstrip("=")


def read_token(text: str) -> list[tuple[str, str]]:
    """The (event type, event id) pairs in a token. Raises ``BadRequest`` for anything else."""
    try:
        named: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        pairs = [(f"guildhall.{event}", str(event_id)) for event, event_id in named]
        for _, event_id in pairs:
            minted_at(event_id)
    except (binascii.Error, ValueError, TypeError, OverflowError, OSError):
        raise BadRequest(
            "bad-causal-token",
            "The causal token cannot be read.",
            field=HEADER,
            fix="Send it as you received it, or leave it out.",
        ) from None
    return pairs[:MAX_EVENTS]


async def wait_for(text: str, database: Database, events: Mapping[str, type[Event]], wait: float) -> None:
    """Return once this service has handled what the token names, as far as it reacts to it.

    Raises ``OutOfOrder`` (503, try again) if that takes more than ``wait`` seconds.
    """
    oldest = database.clock() - _FORGET
    missing = {
        event_id for event, event_id in read_token(text) if event in events and minted_at(event_id) > oldest
    }
    deadline = monotonic() + wait
    pause = 0.005
    while missing:
        missing -= await inbox.handled(database, missing)
        if not missing:
            return
        if monotonic() > deadline:
            raise OutOfOrder(
                "not-caught-up",
                "This service has not yet seen what the causal token names.",
                field=HEADER,
                fix="Try again in a moment.",
            )
        await asyncio.sleep(pause)  # bounded polling of one index
        pause = min(pause * 1.5, 0.1)
