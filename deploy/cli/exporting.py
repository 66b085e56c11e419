"""`guildhall export`: a community as a file that can be read, kept and imported again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.cli.stopping import resumable
from deploy.cli.transfer.export import export
from deploy.cli.transfer.source import ExportStopped, Source

app = typer.Typer(no_args_is_help=True)


@app.callback()
def exporting() -> None:
    """Save a community as a file."""


@app.command()
def community(
    community_id: Annotated[str, typer.Argument(metavar="ID", help="The community's id.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The file to write.")],
    token: Annotated[
        str,
        typer.Option(
            envvar="GUILDHALL_TOKEN", help="A bearer token: what its member may see is what is saved."
        ),
    ],
    members_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_MEMBERS_URL", help="Where the members service is.")
    ] = "http://127.0.0.1:8001",
    discussions_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_DISCUSSIONS_URL", help="Where the discussions service is.")
    ] = "http://127.0.0.1:8002",
) -> None:
    """Save a community as JSON lines, as `guildhall import community` reads them.

    The format is described in deploy/formats/community-export.md. Stop it at any time and start it again: it
    goes on where it was.
    """
    console = Console(stderr=True)
    with resumable(console, ExportStopped):
        counts = asyncio.run(_export(community_id, out, token, members_url, discussions_url, console))
    table = Table("record", "count", title=f"Exported to {out}", title_justify="left")
    for kind, count in counts.items():
        table.add_row(kind, f"{count:,}")
    Console().print(table)


async def _export(
    community_id: str, out: Path, token: str, members_url: str, discussions_url: str, console: Console
) -> dict[str, int]:
    source = Source(members_url, discussions_url, token)
    try:
        with Progress(
            SpinnerColumn(),
            TextColumn("exporting {task.description}: {task.completed:,} records"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as progress:
            task = progress.add_task("the community", total=None)
            return await export(
                source,
                community_id,
                out,
                lambda section, count: progress.update(task, description=section, completed=count),
            )
    finally:
        await source.close()
