"""The command `guildhall`. What a sub-command needs is imported when that one runs: `--help` stays quick."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "demo": ("deploy.cli.demo:demo", "Play a problem's whole journey on this machine, live."),
    "serve": ("deploy.cli.serve:serve", "Run one service."),
    "relay": ("deploy.cli.serve:relay", "Run the relay of one service alone."),
    "init": ("deploy.cli.init:app", "Prepare Kafka and MongoDB: topics, indexes, users."),
    "stack": ("deploy.cli.stack:stack", "Hold Kafka and MongoDB on this machine."),
    "token": ("deploy.cli.tokens:token", "Print a development token."),
    "export": ("deploy.cli.exporting:app", "Save a community as a file."),
    "import": ("deploy.cli.importing:app", "Load a community from elsewhere."),
    "erase": ("deploy.cli.erasing:erase", "Erase a member everywhere, or prove that they are."),
    "appoint": ("deploy.cli.appointing:app", "Make a member the steward of a community."),
    "train-router": (
        "deploy.cli.training:train_router",
        "Learn who should be asked, and use it where it wins.",
    ),
    "dead-letters": ("deploy.cli.dead_letters:app", "List, show and replay what could not be handled."),
    "contracts": ("deploy.cli.contracts:app", "Generate and check the published language."),
    "bench": ("tests.bench.cli:app", "Measure, as ratios against floors of the same run."),
}
"""Name -> (where it is, what it does)."""


class _Lazy(TyperGroup):
    """A group that knows the names and one-line helps of its commands, and imports the one that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and placeholder else placeholder, rest


def load(name: str) -> Any:
    """The command called ``name``, imported; ``BadParameter`` where an installation does not have it."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not (error.name and f"{module}.".startswith(f"{error.name}.")):
            raise
        raise typer.BadParameter(f"{name} is not part of this installation; use a checkout.") from None
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command()(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(cls=_Lazy, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Guildhall: the backend that communities of practice run on."""


if __name__ == "__main__":
    app()
