"""What the embedded and the apache stack share: a scratch directory, `mongod`, and processes of our own."""

import fcntl
import os
import shutil
import tempfile
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .base import Stack, StackUnavailable
from .mongod import ReplicaSet
from .process import Process, kafka_answers, wait_until

_PREFIX = "guildhall-stack-"


class LocalStack(Stack):
    """A broker and a replica set that run as children of this process, on ports of the loopback."""

    def __init__(self, *, mongo_nodes: int = 1, data_dir: Path | None = None) -> None:
        self.mongo_nodes = mongo_nodes
        self._data_dir = data_dir
        self._exit = ExitStack()

    async def _start(self) -> None:
        directory = self._exit.enter_context(_scratch(self._data_dir))
        self._mongo = ReplicaSet(directory, self.mongo_nodes)
        self._broker = await self._prepare_broker(directory)
        # All are started before any is waited for: they come up side by side.
        for process in (self._broker, *self._mongo.processes):
            self._exit.callback(process.kill)
            process.start()
        await self._mongo.initiate()
        await self._until_broker_answers()
        self.mongodb = self._mongo.uri

    async def _stop(self) -> None:
        self._exit.close()

    @abstractmethod
    async def _prepare_broker(self, directory: Path) -> Process:
        """The broker, ready to be started, with `self.kafka` set to where it will listen."""

    async def _until_broker_answers(self) -> None:
        await wait_until(
            lambda: kafka_answers(self.kafka), "an answer from Kafka", within=60, processes=[self._broker]
        )

    async def step_down_primary(self) -> None:
        await self._mongo.step_down_primary()

    async def kill_primary(self) -> None:
        await self._mongo.kill_primary()

    def check(self) -> None:
        for process in (self._broker, *self._mongo.processes):
            process.check()

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in (self._broker, *self._mongo.processes)]


@contextmanager
def _scratch(kept: Path | None) -> Iterator[Path]:
    """A directory for the run: `kept`, which stays, or a temporary one, which does not.

    A temporary one whose owner was killed is removed by the next to come here (a `mongod` leaves 300 MB of
    preallocated journal behind). The owner holds a lock on it for as long as he lives.
    """
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        if any(kept.iterdir()):
            raise StackUnavailable(f"{kept} is not empty; name an empty directory")
        yield kept.resolve()
        return
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # One so young may have an owner who did not come to lock it yet.
        with suppress(OSError):
            if time.time() - directory.stat().st_mtime > 60:
                with _locked(directory):
                    shutil.rmtree(directory, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with _locked(directory):
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of this directory; OSError if somebody else does. The kernel frees it when we die."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
