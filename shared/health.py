"""Liveness and readiness. Liveness says "restart me"; readiness says "send me no work now"."""

from __future__ import annotations

from dataclasses import dataclass, field

from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.errors import GuildhallError
from shared.messaging.runtime import Runtime
from shared.storage import Database

STUCK_SECONDS = 120.0
"""Records waiting and none settled for so long: the process is stuck (a ping would never tell)."""


@dataclass(slots=True)
class Health:
    """Answers the two questions for one service."""

    database: Database
    runtime: Runtime
    subscriber: BatchSubscriber | None = None
    started: bool = False
    stopping: bool = False
    reasons: list[str] = field(default_factory=list)

    async def live(self) -> list[str]:
        """Why the process should be restarted; nothing if it should not."""
        reasons = []
        if self.started and self.subscriber is not None:
            if not self.subscriber.tasks or any(task.done() for task in self.subscriber.tasks):
                reasons.append("the consumer loop has ended")
            stuck = await self.runtime.stuck_for()
            if stuck > STUCK_SECONDS and not self.runtime.halted:
                reasons.append(f"records are waiting and none was settled for {stuck:.0f} s")
        return reasons

    async def ready(self) -> list[str]:
        """Why the service should get no work now; nothing if it should."""
        if self.stopping:
            return ["shutting down"]
        if not self.started:
            return ["starting"]
        reasons = []
        try:
            await self.database.ping()
        except GuildhallError as error:
            reasons.append(error.code)
        if self.runtime.halted:
            reasons.append(f"consumer halted: {self.runtime.halted}")
        return reasons
