"""What a service declares: which events it reacts to, and how. The runtime does the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.contracts import Event, Topic
from shared.messaging.envelope import Received
from shared.messaging.erased import without_erased
from shared.storage import UnitOfWork

E = TypeVar("E", bound=Event)
Batch = Sequence[Received[E]]
BatchHandler = Callable[[Any, UnitOfWork], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Policy:
    """How a group treats failures; seconds where not said otherwise."""

    max_records: int = 3_000
    """Records in one transaction: 3,000 cost a third less each than 1,000; more would lengthen conflicts."""
    attempts: int = 6
    """Tries for a transient failure."""
    unknown_attempts: int = 3
    """Tries for a failure that nobody foresaw."""
    first_backoff: float = 0.05
    max_backoff: float = 5.0
    defer: float = 1.0
    """How long a partition rests when its next record is out of order."""
    deferrals: int = 20
    """How often, before the record is a dead letter."""
    pause: float = 1.0
    """How long everything rests when a dependency is down; doubles up to ``max_pause``."""
    max_pause: float = 30.0
    dead_letter_run: int = 100
    """So many dead letters in a row halt the consumer: a bug of ours must not drain a topic."""
    dead_letter_ratio: float = 0.5
    """As does this share of dead letters among the last ``dead_letter_window`` records."""
    dead_letter_window: int = 1_000


@dataclass(slots=True)
class Reactions:
    """The handlers of one consumer group, in the order in which they are called.

    Within a batch each handler sees all of its events in their order, before the next handler sees any:
    declare projections before what reads them.
    """

    group: str
    policy: Policy = field(default_factory=Policy)
    handlers: list[tuple[frozenset[type[Event]], BatchHandler]] = field(default_factory=list)

    def batch(self, *events: type[Event]) -> Callable[[BatchHandler], BatchHandler]:
        """Declare a handler that takes all ``events`` of a batch at once."""

        def declare(handler: BatchHandler) -> BatchHandler:
            self.handlers.append((frozenset(events), handler))
            return handler

        return declare

    def on(
        self, *events: type[Event]
    ) -> Callable[
        [Callable[[Received[Any], UnitOfWork], Awaitable[None]]],
        Callable[[Received[Any], UnitOfWork], Awaitable[None]],
    ]:
        """Declare a handler that takes ``events`` one at a time."""

        def declare(
            handler: Callable[[Received[Any], UnitOfWork], Awaitable[None]],
        ) -> Callable[[Received[Any], UnitOfWork], Awaitable[None]]:
            async def each(batch: Batch[Event], uow: UnitOfWork) -> None:
                for received in batch:
                    await handler(received, uow)

            self.handlers.append((frozenset(events), each))
            return handler

        return declare

    @property
    def events(self) -> dict[str, type[Event]]:
        """Every event that some handler takes, by its CloudEvents type."""
        return {event.type: event for taken, _ in self.handlers for event in taken}

    @property
    def topics(self) -> list[Topic]:
        """The topics to subscribe to."""
        return sorted({event.topic for event in self.events.values()}, key=lambda topic: topic.name)

    async def apply(self, batch: Batch[Event], uow: UnitOfWork) -> None:
        """Call every handler with its events of ``batch``, in which nobody is named who is erased."""
        batch = await without_erased(uow, batch)
        for taken, handler in self.handlers:
            if mine := [received for received in batch if type(received.event) in taken]:
                await handler(mine, uow)
