"""`guildhall token`: a token of the development issuer."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from shared.web.auth import dev_token


def token(
    subject: Annotated[str, typer.Argument(help="Whose token: any name; it decides the member's id.")],
    org: Annotated[str | None, typer.Option(help="The organisation claim.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated.")] = None,
    member: Annotated[str | None, typer.Option(help="The member's id, where it does not follow.")] = None,
) -> None:
    """Print a development token, signed with GUILDHALL_DEV_ISSUER_SECRET and valid for twelve hours."""
    if os.environ.get("GUILDHALL_ENVIRONMENT") != "development":
        raise typer.BadParameter("tokens are made in development only: set GUILDHALL_ENVIRONMENT=development")
    secret = os.environ.get("GUILDHALL_DEV_ISSUER_SECRET", "")
    if len(secret) < 32:
        raise typer.BadParameter(
            "set GUILDHALL_DEV_ISSUER_SECRET to the services' own, 32 characters or more"
        )
    audience = os.environ.get("GUILDHALL_AUDIENCE", "guildhall")
    typer.echo(dev_token(secret, subject, org=org, scopes=scope or (), member=member, audience=audience))
