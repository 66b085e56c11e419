"""`guildhall contracts`: generate what is published from the models, compare it with what was released."""

from __future__ import annotations

from importlib import import_module

import typer

from deploy.cli import states
from shared.contracts import compatibility, generate
from shared.contracts.compatibility import Verdict
from shared.contracts.generate import Participant
from shared.contracts.topics import SERVICES
from shared.service import Service, build_app, participant
from shared.settings import ServiceSettings

app = typer.Typer(help="The published language: events, topics, HTTP.", no_args_is_help=True)


def services() -> list[Service]:
    """The services, as they declare themselves."""
    return [import_module(f"services.{name}.app").service for name in SERVICES]


def documents() -> dict[str, str]:
    """Every generated file as text, by its path. Nothing is connected to."""
    # Addresses that nobody listens at: they are needed to build an app, and used when it starts.
    settings = ServiceSettings.model_validate(
        {
            "environment": "production",
            "erasure_key": "of-nothing-that-anybody-would-ever-erase",
            "issuer": "https://issuer.invalid",
            "kafka_bootstrap_servers": "kafka.invalid:9092",
            "mongodb_uri": "mongodb://mongo.invalid/?replicaSet=rs0",
        }
    )
    declared = services()
    participants: list[Participant] = [participant(service) for service in declared]
    openapi = {service.name: build_app(service, settings).openapi() for service in declared}
    files = {**generate.documents(participants, openapi), "states.md": states.document()}
    return dict(sorted(files.items()))


@app.command("generate")
def generate_() -> None:
    """Write schemas, examples, topics, AsyncAPI, OpenAPI and the states into shared/contracts/generated."""
    files = documents()
    differing = generate.drift(files)
    generate.write(files)
    typer.echo("\n".join([*differing, f"{len(files)} files, {len(differing)} changed"]))


@app.command()
def check() -> None:
    """Compare what is generated with what was released; fail on a breaking or unclassifiable change."""
    if drifted := generate.drift(documents()):
        typer.echo("\n".join([*drifted, f"Run: {generate.COMMAND}"]), err=True)
        raise typer.Exit(1)
    found = compatibility.check()
    for change in found:
        typer.echo(str(change), err=change.verdict is not Verdict.COMPATIBLE)
    if not compatibility.passes(found):
        raise typer.Exit(1)
    typer.echo(f"{len(found)} compatible changes since the release" if found else "as released")


@app.command()
def release() -> None:
    """Make what is generated the baseline of later checks, if `check` passes."""
    check()
    compatibility.release()
    typer.echo("released")
