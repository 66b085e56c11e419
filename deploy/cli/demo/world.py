"""What the demo runs: a local stack, the declared topics, and the four services as processes of their own."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import EVENT_TOPICS, SERVICES
from shared.testing.harness import create_topics
from shared.testing.stack import Stack, StackUnavailable, start_stack
from shared.testing.stack.process import LOOPBACK, Process, free_port
from shared.web.auth import IMPORT_SCOPE, OPERATE_SCOPE, dev_token


class Trouble(Exception):
    """The demo cannot go on; says why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to act as: in the authored community by their token's subject, in a dump by their id."""

    id: str
    name: str
    subject: str
    org: str | None = None
    imported: bool = False


class ServiceProcess(Process):
    """A service, which is asked to stop before it is killed."""

    def __init__(self, name: str, *command: str, log_file: Path, settings: Mapping[str, str]) -> None:
        super().__init__(name, *command, log_file=log_file)
        self._settings = settings

    def start(self) -> None:
        """Start it, or start it again, with its settings."""
        with _environment(self._settings):
            super().start()

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self._popen and self._popen.poll() is None:
            self._popen.terminate()

    async def ended(self, within: float) -> None:
        """Wait until it has ended; after ``within`` seconds it is killed."""
        if self._popen:
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._popen.wait, within)
        self.kill()


@dataclass(frozen=True)
class World:
    """The running services."""

    stack: Stack
    urls: dict[str, str]
    secret: str
    logs: Path
    processes: Sequence[ServiceProcess] = ()

    def token(self, person: Person) -> str:
        """A token to act as ``person`` with."""
        member = person.id if person.imported else None
        return dev_token(self.secret, person.subject, org=person.org, member=member)

    @property
    def import_token(self) -> str:
        """A token that may import."""
        return dev_token(self.secret, "demo-import", scopes=[IMPORT_SCOPE])

    @property
    def operator_token(self) -> str:
        """An operator's token."""
        return dev_token(self.secret, "demo-operator", scopes=[OPERATE_SCOPE])

    async def keep_up(self, say: Callable[[str], None]) -> None:
        """Start again whatever service ends, until cancelled.

        Raises ``Trouble`` if that does not help, ``StackUnavailable`` where Kafka or MongoDB have ended.
        """
        while True:
            self.stack.check()
            for process in self.processes:
                if process.has_ended:
                    say(f"{process.name} ended with {process.end} and is started again")
                    process.start()
                    await _until_ready(self, [process])
                    say(f"{process.name} is back, and goes on where it was")
            await asyncio.sleep(0.5)

    async def settle(self, progress: Callable[[str], None]) -> None:
        """Return once every service has handled all that was published. Raises ``Trouble`` if one hangs."""
        groups = {
            group: AIOKafkaConsumer(
                bootstrap_servers=self.stack.kafka, group_id=group, enable_auto_commit=False
            )
            for group in SERVICES
        }
        # Read to its end: the embedded broker's end offsets count batches, not records.
        reader = AIOKafkaConsumer(
            *(topic.name for topic in EVENT_TOPICS),
            bootstrap_servers=self.stack.kafka,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        consumers = [reader, *groups.values()]
        try:
            for consumer in consumers:
                await consumer.start()
            before, changed, quiet = (-1, -1), monotonic(), 0
            while quiet < 3:
                while await reader.getmany(timeout_ms=250):
                    pass
                ends = {each: await reader.position(each) for each in reader.assignment()}
                behind = {group: await _behind(consumer, ends) for group, consumer in groups.items()}
                now = sum(ends.values()), sum(behind.values())
                quiet = quiet + 1 if now == before and now[1] == 0 else 0
                if now != before:
                    before, changed = now, monotonic()
                if now[1]:
                    slowest = max(behind, key=lambda group: behind[group])
                    progress(f"{now[0]:,} events published; {slowest} has {behind[slowest]:,} to go")
                if monotonic() - changed > 60:
                    raise Trouble(f"{behind} events are not handled, and none was for a minute")
        finally:
            for consumer in consumers:
                await consumer.stop()


async def _behind(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> int:
    """How many records the consumer's group has not handled, of the partitions that it reads."""
    committed = [(await consumer.committed(partition), end) for partition, end in ends.items()]
    # A group may have gone on since the ends were read.
    return sum(max(end - done, 0) for done, end in committed if done is not None)


@asynccontextmanager
async def running(kind: str, progress: Callable[[str], None]) -> AsyncIterator[World]:
    """A stack and the four services on it, ready; gone, to the last process, when left.

    Raises ``StackUnavailable`` or ``Trouble`` with one line that says why.
    """
    async with AsyncExitStack() as exits:
        progress(f"Starting the {kind} stack: Kafka and MongoDB")
        stack = await exits.enter_async_context(start_stack(kind))
        progress("Creating the topics")
        await create_topics(stack)
        logs = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="guildhall-demo-")))
        secret = secrets.token_urlsafe(32)
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": stack.kafka,
            "MONGODB_URI": stack.mongodb,
            "GUILDHALL_ENVIRONMENT": "development",
            "GUILDHALL_DEV_ISSUER_SECRET": secret,
            "GUILDHALL_CONSUMER_SESSION_SECONDS": "2",  # the embedded broker assigns after half of it
            "GUILDHALL_CLOCKWORK_SECONDS": "1",  # what is done when time has passed is seen, too
        }
        ports = {service: free_port() for service in SERVICES}
        guildhall = [sys.executable, "-c", "from deploy.cli.main import app; app()"]
        processes = [
            ServiceProcess(
                service,
                *(*guildhall, "serve", service, "--port", str(port)),
                log_file=logs / f"{service}.log",
                settings=settings,
            )
            for service, port in ports.items()
        ]
        exits.push_async_callback(_stop, processes)
        progress(f"Starting {', '.join(SERVICES)}; the first start takes some seconds more")
        for process in processes:
            process.start()
        urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        world = World(stack, urls, secret, logs, processes)
        await _until_ready(world, processes)
        yield world


async def _stop(processes: list[ServiceProcess]) -> None:
    for process in processes:
        process.ask_to_stop()
    await asyncio.gather(*(process.ended(within=15) for process in processes))


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """The settings in our environment, while children are started that inherit it."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _until_ready(world: World, processes: Sequence[ServiceProcess], within: float = 90) -> None:
    deadline = monotonic() + within
    async with httpx.AsyncClient(timeout=5) as client:
        for process in processes:
            said = "no answer"
            while True:
                try:
                    process.check()
                except StackUnavailable as ended:
                    raise Trouble(str(ended)) from None
                try:
                    response = await client.get(f"{world.urls[process.name]}/health/ready")
                    if response.status_code == 200:
                        break
                    said = response.text
                except httpx.TransportError as error:
                    said = type(error).__name__
                if monotonic() > deadline:
                    raise Trouble(
                        f"{process.name} is not ready after {within:g} s ({said}): {process.last_words()}"
                    )
                await asyncio.sleep(0.1)
