"""Child processes that never outlive their parent, the ports they get, and how to wait until they answer."""

import asyncio
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from .base import StackUnavailable

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"

# Asks the kernel for SIGKILL when the parent dies, however it dies, then becomes the program: the request
# survives exec. A program and not a preexec_fn, which is unsafe in a process with threads. Two things to
# know: "the parent" is the thread that forked (so start on a thread that lives long, the main one), and a
# parent that died before the request was made sends nothing (so look for it afterwards). Linux only;
# elsewhere the children of a killed parent stay.
_LEASH = """\
import ctypes, os, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG, SIGKILL = 1, 9
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Process:
    """One program with its log file. Its data is disposable, so it is killed and never asked to stop."""

    def __init__(self, name: str, *command: str, log_file: Path) -> None:
        """`command[0]` is the path of the executable."""
        self.name = name
        self._command = command
        self._log_file = log_file
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; the leash becomes the program, so it is the program's own."""
        assert self._popen, f"{self.name} was never started"
        return self._popen.pid

    def start(self) -> None:
        """Start it, or start it again. Returns at once: see `wait_until`."""
        with self._log_file.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches the whole group; we want to stop first, and in order.
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL and wait (milliseconds). Harmless when it does not run."""
        if self._popen:
            self._popen.kill()
            self._popen.wait()

    @property
    def has_ended(self) -> bool:
        """Whether it was started and runs no longer."""
        return self._popen is not None and self._popen.poll() is not None

    def check(self) -> None:
        """Raise `StackUnavailable` if it has ended by itself."""
        if self._popen and (status := self._popen.poll()) is not None:
            # Whoever was killed says nothing about it.
            said = f": {self.last_words()}" if status >= 0 else ""
            raise StackUnavailable(f"{self.name} ended with {self.end}{said}")

    @property
    def end(self) -> str:
        """What it ended with: the signal or the status."""
        status = self._popen.returncode if self._popen else 0
        return signal.Signals(-status).name if status < 0 else f"status {status}"

    def last_words(self) -> str:
        """What its log says about its end, on one line; the log's last lines go to ours."""
        lines = self._log_file.read_text(errors="replace").splitlines()
        for line in lines[-20:]:
            log.error("%s: %s", self.name, line)
        # A program says why before it says goodbye (mongod: forty lines of that), so look for errors first.
        errors = [line for line in lines if re.search(r'"s":"[EF]"|ERROR|FATAL|Exception|[Ee]rror', line)]
        return " | ".join(line.strip()[:400] for line in (errors or lines)[-2:]) or "its log is empty"


async def wait_until(
    answers: Callable[[], Awaitable[bool]], what: str, *, within: float, processes: Sequence[Process] = ()
) -> None:
    """Ask until the answer is yes. Raises `StackUnavailable` after `within` seconds, or if a process ends."""
    deadline = time.monotonic() + within
    reason = "it never said yes"
    while True:
        for process in processes:
            process.check()
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.1)):
                if await answers():
                    return
        except (OSError, TimeoutError, KafkaError, PyMongoError) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        if time.monotonic() > deadline:
            said = "".join(f"; {process.name}: {process.last_words()}" for process in processes)
            raise StackUnavailable(f"{what} not within {within:g} s ({reason}){said}")
        await asyncio.sleep(0.05)


async def listens_at(address: str) -> bool:
    """Whether something listens at `host:port`; OSError if not."""
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()
    return True


async def kafka_answers(bootstrap: str) -> bool:
    """Whether a broker answers with metadata that name a controller; OSError or KafkaError if not."""
    # aiokafka logs an error for each refused connection; a plain one is refused in silence.
    await listens_at(bootstrap.split(",")[0])
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        return bool(cluster["brokers"]) and cluster["controller_id"] >= 0
    finally:
        await admin.close()


_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on, and that this process was not given before.

    Below the range from which the kernel serves outgoing connections (32768 and up). A port of that range can
    be taken between two starts of a server; worse, a client that keeps trying a closed port of that range on
    its own machine sooner or later gets that very port as its source, connects to itself, and the broker
    that restarts finds its port in use.
    """
    for _ in range(200):
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise StackUnavailable("no free port between 20000 and 32000; close some programs")
