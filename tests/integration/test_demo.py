"""`guildhall demo`, as a user runs it: the whole journey, and nothing left behind however it ends."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import pytest

from shared.testing.harness import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")

PATIENCE = 200.0
"""Seconds for the whole of it, on a slow machine."""


async def start(*options: str) -> Process:
    command = "from deploy.cli.main import app; app()"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", command, "demo", *options, stdout=PIPE, stderr=STDOUT
    )


async def until(demo: Process, text: str) -> str:
    """Everything it printed, up to and with a line that has ``text``."""
    assert demo.stdout
    printed = ""
    async with asyncio.timeout(PATIENCE):
        while text not in printed:
            line = (await demo.stdout.readline()).decode()
            assert line, f"it ended without {text!r}:\n{printed}"
            printed += line
    return printed


def descendants(pid: int) -> set[int]:
    """The processes that it started, and those that they started."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found


def alive(pids: set[int]) -> set[int]:
    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return set(filter(runs, pids))


async def ends_clean(demo: Process, children: set[int]) -> tuple[int | None, str]:
    """Its exit status and last words, once it has ended; fails if a child is left."""
    async with asyncio.timeout(60):
        rest, _ = await demo.communicate()

    async def gone() -> bool:  # the kernel kills the children of a killed parent a moment after it
        return not alive(children)

    await eventually(gone, within=10)
    return demo.returncode, rest.decode()


async def test_once_plays_the_journey_and_ends() -> None:
    demo = await start("--once")
    async with asyncio.timeout(PATIENCE):
        output, _ = await demo.communicate()
    printed = output.decode()
    assert demo.returncode == 0, printed
    assert "Everything expected happened." in printed
    for what in (
        "problem posted", "expert asked (wave 1)", "expert accepted", "solution proposed",
        "solution endorsed", "mentioning", "solution accepted", "on the stream", "solution recommended",
        "adaptation started by norrby-municipality", "time to a signature 9 → 1 days",
        "candidate for a best practice", "2 approve by now", "recognised as a best practice",
        "what they adapted changed: revision 2", "connection made", "mentorship accepted",
    ):  # fmt: skip
        assert what in printed


def named(pids: set[int], words: str) -> int:
    """The one process with these words in its command."""
    [found] = [pid for pid in pids if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")]
    return found


async def test_it_stays_up_until_ctrl_c_and_leaves_nothing_behind() -> None:
    demo = await start()
    printed = await until(demo, "Ctrl-C stops")
    assert "/docs" in printed
    assert "/asyncapi" in printed
    assert "curl " in printed
    children = descendants(demo.pid)
    assert len(alive(children)) >= 6  # Kafka, MongoDB and four services
    os.kill(named(alive(children), "serve notifications"), signal.SIGKILL)
    assert "notifications ended with SIGKILL and is started again" in await until(demo, "is back")
    children |= descendants(demo.pid)
    demo.send_signal(signal.SIGINT)
    status, _ = await ends_clean(demo, children)
    assert status == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_stopping_it_while_it_starts_leaves_nothing_behind(number: signal.Signals) -> None:
    demo = await start()
    await until(demo, "Starting members")
    children = descendants(demo.pid)
    os.kill(demo.pid, number)
    status, _ = await ends_clean(demo, children)
    assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
