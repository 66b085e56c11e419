"""Commands that can be stopped at any time, and go on where they were when they are started again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console


@contextmanager
def resumable(console: Console, stopped: type[Exception]) -> Iterator[None]:
    """End the command (exit code 1) with what ``stopped`` says; interrupted (130), saying that it goes on."""
    try:
        yield
    except stopped as why:
        console.print(f"Stopped: {why}", style="red", highlight=False, markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped. Start the same command again: it goes on where it was.")
        raise typer.Exit(130) from None
