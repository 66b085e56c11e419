"""`guildhall appoint`: what a community gets on an operator's word."""

from __future__ import annotations

from typing import Annotated

import httpx
import typer

from deploy.cli.erasing import problem_in

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Give a community what it lacks.")


@app.callback()
def appoint() -> None:
    """Give a community somebody who looks after it."""


@app.command()
def steward(
    community_id: Annotated[str, typer.Argument(help="The community's id.")],
    member_id: Annotated[str, typer.Argument(help="The member's id; they belong to the community.")],
    token: Annotated[
        str,
        typer.Option(envvar="GUILDHALL_TOKEN", help="A bearer token with the scope guildhall:operate."),
    ],
    reason: Annotated[str, typer.Option(help="Why; the member reads it.")] = "",
    members_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_MEMBERS_URL", help="Where the members service is.")
    ] = "http://127.0.0.1:8001",
) -> None:
    """Make a member of a community its steward, as where nobody who was asked took it over.

    Doing it again changes nothing. An archived community is read-only, also for this. Exits with 1 if the
    service refuses or does not answer.
    """
    try:
        answer = httpx.put(
            f"{members_url}/v1/communities/{community_id}/stewards/{member_id}",
            json={"reason": reason},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
    except httpx.HTTPError as error:
        typer.echo(f"{error.__class__.__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if not answer.is_success:
        typer.echo(f"members: {problem_in(answer)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{member_id} is a steward of {community_id}.")
    if answer.json()["standing"] == "dormant":
        typer.echo("They are dormant: the community has nobody who looks after it until they come back.")
