"""What every provider of the local stack offers."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from types import TracebackType
from typing import Any, ClassVar, Self


class StackUnavailable(Exception):
    """A stack cannot start, or cannot do what was asked of it: one line that says why and what to do."""


class Stack(ABC):
    """Kafka and MongoDB at known addresses, from start to stop.

    Start it with `async with`, with `await stack` or with `await stack.start()`; do so on the main thread,
    because what it runs dies with the thread that started it (see `process.Process`).
    """

    kind: ClassVar[str]

    kafka: str
    """Bootstrap servers, `host:port`; known once started."""
    mongodb: str
    """URI of the replica set, without a database; known once started."""
    mongo_nodes: int = 1
    """How many nodes the replica set has."""
    can_restart_broker: bool = False
    """Whether `restart_broker` works here: the broker keeps its data on disk and is ours to kill."""

    _started = False

    async def start(self) -> Self:
        """Start, and return once both answer. Raises `StackUnavailable`, and then leaves nothing behind."""
        if not self._started:
            try:
                await self._start()
            except StackUnavailable as unavailable:
                await self._stop()
                raise StackUnavailable(f"{self.kind} stack: {unavailable}") from unavailable
            except BaseException:
                await self._stop()
                raise
            self._started = True
        return self

    async def stop(self) -> None:
        """Stop what was started and remove its files. Stopping twice is harmless."""
        self._started = False
        await self._stop()

    async def restart_broker(self) -> None:
        """Kill the broker (SIGKILL) and start it on the same port with the same data; return once it answers.

        Raises `StackUnavailable` where `can_restart_broker` is false.
        """
        raise StackUnavailable(f"{self.kind} stack: its broker cannot be restarted; use --stack apache")

    async def step_down_primary(self) -> None:
        """Have the primary hand over to another node; return once that one takes writes.

        Raises `StackUnavailable` unless the stack runs a replica set of three.
        """
        raise StackUnavailable(f"{self.kind} stack: no second MongoDB node; use --stack apache with three")

    async def kill_primary(self) -> None:
        """Kill the primary (SIGKILL), wait for another where there is one, start it again with its data.

        Returns once the whole set is healthy. Raises `StackUnavailable` where MongoDB is not ours to kill.
        """
        raise StackUnavailable(f"{self.kind} stack: its MongoDB cannot be killed; use --stack apache")

    def check(self) -> None:
        """Raise `StackUnavailable` if something that it runs as a child of ours has ended by itself."""
        return

    @property
    def pids(self) -> list[int]:
        """Ids of the processes it runs on this machine, the broker first; empty for docker and external."""
        return []

    @abstractmethod
    async def _start(self) -> None:
        """Start; on failure, `_stop` follows."""

    @abstractmethod
    async def _stop(self) -> None:
        """Undo `_start`, however far it came."""

    def __await__(self) -> Generator[Any, None, Self]:
        return self.start().__await__()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
