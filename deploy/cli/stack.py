"""`guildhall stack`: hold Kafka and MongoDB for as long as somebody works with them."""

import asyncio
import signal
from typing import Annotated

import typer

from shared.testing.stack import KINDS, StackUnavailable, start_stack


def stack(
    kind: Annotated[
        str, typer.Option("--kind", "--stack", envvar="GUILDHALL_STACK", help=f"One of {', '.join(KINDS)}.")
    ] = "embedded",
    mongo_nodes: Annotated[
        int,
        typer.Option(envvar="GUILDHALL_MONGO_NODES", help="Nodes of the MongoDB replica set, 1 or 3."),
    ] = 1,
) -> None:
    """Start Kafka and MongoDB on this machine, print their addresses, and stop them on Ctrl-C."""
    try:
        asyncio.run(hold(kind, mongo_nodes))
    except StackUnavailable as unavailable:
        typer.echo(str(unavailable), err=True)
        raise typer.Exit(1) from unavailable


async def hold(kind: str, mongo_nodes: int = 1) -> None:
    """Start a stack, print its addresses as `NAME=value` lines, stop it at SIGINT or SIGTERM.

    Raises `StackUnavailable` if it cannot start.
    """
    asked_to_stop = asyncio.Event()
    async with start_stack(kind, mongo_nodes=mongo_nodes) as running:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked_to_stop.set)
        typer.echo(f"KAFKA_BOOTSTRAP_SERVERS={running.kafka}")
        typer.echo(f"MONGODB_URI={running.mongodb}")
        typer.echo("Running; Ctrl-C stops it and removes its data.", err=True)
        await asked_to_stop.wait()
