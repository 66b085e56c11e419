"""`guildhall train-router`: whom to ask is learned anew, and put to use where that wins."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from services.matching.store import rankers
from services.matching.training import retrain
from shared.errors import GuildhallError
from shared.storage import Database

SHOWN = 20
"""So many versions are shown, the newest."""


def train_router(
    mongodb: Annotated[str, typer.Option(envvar="MONGODB_URI", help="Where MongoDB is.")],
    prefix: Annotated[
        str, typer.Option(envvar="GUILDHALL_DATABASE_PREFIX", help="Before the database's name.")
    ] = "guildhall-",
    show: Annotated[bool, typer.Option("--show", help="Learn nothing; show the versions.")] = False,
) -> None:
    """Learn from all communities who answers what, judge it on what it never saw, and keep it as a version.

    The service does so by itself every week, unless its setting `GUILDHALL_RETRAIN` is off: then run this as
    a job. It takes minutes, and a core. If the newest version won over the
    weights set by hand, every instance uses it at once; if it did not, these serve alone. To go back to an
    earlier version, delete the later ones from the collection `rankers`.
    """
    try:
        asyncio.run(_work(mongodb, prefix, show=show))
    except GuildhallError as error:
        typer.echo(f"{error.code}: {error.detail}", err=True)
        raise typer.Exit(1) from None
    except PyMongoError as error:
        typer.echo(f"{type(error).__name__}: {str(error)[:300]}", err=True)
        raise typer.Exit(1) from None


async def _work(mongodb: str, prefix: str, *, show: bool) -> None:
    database = Database(mongodb, f"{prefix}matching")
    try:
        await database.ping()
        if not show and await retrain(database) is None:
            typer.echo("nothing learned: the communities have too few answered problems", err=True)
        versions = await rankers.latest(database, SHOWN)
        used = await rankers.in_use(database)
    finally:
        await database.close()
    typer.echo("version  trained            queries  by hand  learned  in use")
    for each in versions:
        mark = "yes" if used and used[0] == each.number else "no"
        typer.echo(
            f"{each.number:>7}  {each.trained_at:%Y-%m-%d %H:%M}Z  {each.queries:>7}"
            f"  {each.by_hand:>7.3f}  {each.learned:>7.3f}  {mark}"
        )
