"""`guildhall import`: communities from elsewhere, through the same commands and events as everything else."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from deploy.cli.stackexchange.replay import ImportStopped, Queue, Replay
from deploy.cli.stackexchange.spool import FILES, Spool
from deploy.cli.stopping import resumable
from deploy.cli.transfer.arrival import Arrival

app = typer.Typer(no_args_is_help=True)


@app.callback()
def importing() -> None:
    """Import a community from elsewhere."""


@app.command()
def stackexchange(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help="The unpacked dump: Posts.xml and its fellows."
        ),
    ],
    token: Annotated[
        str,
        typer.Option(envvar="GUILDHALL_TOKEN", help="A bearer token with the scope guildhall:import."),
    ],
    members_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_MEMBERS_URL", help="Where the members service is.")
    ] = "http://127.0.0.1:8001",
    discussions_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_DISCUSSIONS_URL", help="Where the discussions service is.")
    ] = "http://127.0.0.1:8002",
    name: Annotated[
        str | None,
        typer.Option(help="The community's name, from which ids are made. By default DIR's name."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Only the first so many questions, with what and who belongs to them."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Where the work file is kept between runs. By default .guildhall/import-NAME."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the report to this file, too.")
    ] = None,
) -> None:
    """Import a Stack Exchange data dump as a community.

    Users become members, questions problems, answers solutions, comments comments; accepted answers
    acceptances by their askers; duplicates and links links; votes an imported score. Original times are kept.
    Stop it at any time and start it again: it goes on where it was and doubles nothing.
    """
    console = Console(stderr=True)
    with resumable(console, ImportStopped):
        report = import_dump(
            directory,
            members_url,
            discussions_url,
            token,
            name=name,
            limit=limit,
            work=work,
            console=console,
        )
    _tell(report, json_file)


@app.command()
def community(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What an export wrote.")
    ],
    token: Annotated[
        str,
        typer.Option(envvar="GUILDHALL_TOKEN", help="A bearer token with the scope guildhall:import."),
    ],
    members_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_MEMBERS_URL", help="Where the members service is.")
    ] = "http://127.0.0.1:8001",
    discussions_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_DISCUSSIONS_URL", help="Where the discussions service is.")
    ] = "http://127.0.0.1:8002",
    new_id: Annotated[
        str | None,
        typer.Option("--as", help="Make another community of it, with this id; else it keeps its own."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Where the position is kept between runs. By default .guildhall/import-ID."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the report to this file, too.")
    ] = None,
) -> None:
    """Import a community that was exported, here or elsewhere.

    Original authors and times are kept. What was written by people who do not belong to the community any
    more comes in the name of somebody called like them, with whom nobody can sign in. Stop it at any time and
    start it again: it goes on where it was and doubles nothing.
    """
    console = Console(stderr=True)
    with resumable(console, ImportStopped):
        report = import_community(
            file, members_url, discussions_url, token, new_id=new_id, work=work, console=console
        )
    _tell(report, json_file)


def import_community(
    file: Path,
    members_url: str,
    discussions_url: str,
    token: str,
    *,
    new_id: str | None = None,
    work: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Import an exported community and report. Blocks; see `guildhall import community --help`.

    Raises ``ImportStopped`` if it cannot go on, with what to do about it.
    """
    began = time.monotonic()
    named = re.sub(r"[^A-Za-z0-9._-]", "-", new_id or file.stem)
    arrival = Arrival(file, work or Path(".guildhall") / f"import-{named}", new_id)
    sending = time.monotonic()
    replay = Replay(arrival, members_url, discussions_url, token)
    sent = asyncio.run(send(replay, arrival, console or Console(stderr=True)))
    return arrival.report() | _figures(sent, began, sending)


def _figures(sent: int, began: float, sending: float) -> dict[str, Any]:
    """How much was sent how quickly, by ``time.monotonic``."""
    now = time.monotonic()
    return {
        "items_sent": sent,
        "seconds": round(now - began, 1),
        "items_per_second": round(sent / (now - sending)) if sent else 0,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def import_dump(
    directory: Path,
    members_url: str,
    discussions_url: str,
    token: str,
    *,
    name: str | None = None,
    limit: int | None = None,
    work: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Import the dump in ``directory`` and report. Blocks; see `guildhall import stackexchange --help`.

    Raises ``ImportStopped`` if it cannot go on, with what to do about it.
    """
    began = time.monotonic()
    console = console or Console(stderr=True)
    site = name or directory.resolve().name
    with opened(directory, site, limit, work) as spool:
        _read(spool, directory, limit, console)
        if not spool.total:
            raise ImportStopped(f"no question could be read from {directory / 'Posts.xml'}. Is it a dump?")
        replay = Replay(spool, members_url, discussions_url, token)
        sending = time.monotonic()
        sent = asyncio.run(send(replay, spool, console))
        return spool.report() | _figures(sent, began, sending)


@contextmanager
def opened(directory: Path, site: str, limit: int | None, work: Path | None) -> Iterator[Spool]:
    """The work file of the import of ``directory``. Raises ``ImportStopped`` if it cannot be used."""
    files = [directory / f"{file}.xml" for file in FILES]
    if not (directory / "Posts.xml").is_file():
        raise ImportStopped(
            f"{directory} has no Posts.xml: unpack the dump there, or name another directory."
        )
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    work = work or Path(".guildhall") / f"import-{re.sub(r'[^A-Za-z0-9._-]', '-', site)}"
    try:
        spool = Spool(work / "work.sqlite", site, f"{stats} {limit}")
    except sqlite3.OperationalError as error:
        raise ImportStopped(
            f"{work} cannot be used ({error}): does another import of it run? Name another one with --work."
        ) from None
    try:
        yield spool
    finally:
        spool.close()


def _read(spool: Spool, directory: Path, limit: int | None, console: Console) -> None:
    with Progress(
        TextColumn("reading {task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        tasks = {
            file: progress.add_task(f"{file}.xml", total=(directory / f"{file}.xml").stat().st_size)
            for file in FILES
            if (directory / f"{file}.xml").is_file()
        }
        spool.fill(
            directory, limit=limit, progress=lambda file, done: progress.update(tasks[file], completed=done)
        )


async def send(replay: Replay, queue: Queue, console: Console) -> int:
    """Send all of the queue, with a bar on a terminal; how many items that were."""
    with Progress(
        TextColumn("importing {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("members", total=queue.total, completed=queue.position)
        return await replay.run(lambda phase, done: progress.update(task, description=phase, completed=done))


def _tell(report: dict[str, Any], json_file: Path | None) -> None:
    if json_file:
        json_file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    show(report, Console())


def show(report: dict[str, Any], console: Console) -> None:
    """Print what became of everything, and what was skipped and why."""
    table = Table(
        "item", "created", "existing", "refused", title=f"Imported {report['site']}", title_justify="left"
    )
    for kind, outcomes in report["items"].items():
        table.add_row(kind, *(f"{outcomes.get(name, 0):,}" for name in ("created", "existing", "refused")))
    console.print(table)
    if report["skipped"]:
        table = Table(
            "where", "not imported, or noted", "count", "for example", title="Skipped", title_justify="left"
        )
        for skip in report["skipped"]:
            texts = (skip["where"], skip["reason"], f"{skip['count']:,}", "\n".join(skip["examples"]))
            table.add_row(*map(Text, texts))  # not markup: some of it comes from the dump
        console.print(table)
    console.print(
        f"{report['items_sent']:,} items sent in {report['seconds']} s"
        f" ({report['items_per_second']} a second), {report['peak_memory_mb']} MB of memory."
        f" Community: {report['community_id']}"
    )
