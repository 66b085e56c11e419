"""`guildhall demo`: one problem's whole journey, live, on a stack of its own."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from deploy.cli.demo import load
from deploy.cli.demo.journey import perform
from deploy.cli.demo.play import Adaptation, Play, Practice, Script
from deploy.cli.demo.timeline import Timeline, watching
from deploy.cli.demo.world import Person, Trouble, World, running
from deploy.cli.importing import opened, send
from deploy.cli.stackexchange.replay import ImportStopped, Replay
from deploy.cli.stackexchange.spool import Spool
from shared.testing.stack import KINDS, StackUnavailable


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End afterwards; exit 1 if anything expected did not happen.")
    ] = False,
    dump: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Play in this Stack Exchange dump instead."),
    ] = None,
    stack: Annotated[
        str, typer.Option(envvar="GUILDHALL_STACK", help=f"One of {', '.join(KINDS)}.")
    ] = "embedded",
) -> None:
    """Start everything, load a community, and play a problem's journey; then stay up until Ctrl-C."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    raise typer.Exit(asyncio.run(_until_stopped(console, once, dump and dump.resolve(), stack)))


async def _until_stopped(console: Console, once: bool, dump: Path | None, stack: str) -> int:
    """Run until done or asked to stop by SIGINT or SIGTERM; the exit status."""
    task = asyncio.create_task(_run(console, once, dump, stack))
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if not stopping:
            raise
        console.print("Stopped; nothing is left running.")
        return 130 if once else 0
    except (StackUnavailable, Trouble, ImportStopped) as trouble:
        console.print(f"The demo cannot go on: {trouble}", style="red", markup=False, highlight=False)
        return 1


async def _run(console: Console, once: bool, dump: Path | None, stack: str) -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    said = ""

    def progress(what: str) -> None:
        nonlocal said
        if what != said:
            console.print(f"… {what}", style="dim", highlight=False)
            said = what

    async with running(stack, progress) as world:
        script = await (
            _dump_script(world, dump, progress, console) if dump else _authored_script(world, progress)
        )
        progress("Waiting until every service has seen all of it")
        with console.status("") as status:
            await world.settle(status.update)
        names = {person.id: person.name for person in script.people.values()}
        timeline = Timeline(console, names, {person.id for person in script.listeners})
        streams = ", ".join(person.name for person in script.listeners)
        console.print(f"\n{script.asker.name} posts a problem. Event streams are open for {streams}.\n")
        async with watching(world, timeline, script.listeners), httpx.AsyncClient(timeout=30) as client:
            missing = await perform(Play(world, script, timeline, client))
        for what in missing:
            console.print(f"MISSING  {what}", style="bold red", markup=False, highlight=False)
        if not missing:
            console.print("\nEverything expected happened.", style="bold green")
        if not once:
            _invite(console, world, script)
            await world.keep_up(progress)
    return 1 if missing else 0


async def _authored_script(world: World, progress: load.Progress) -> Script:
    community = load.authored()
    await load.load(world, community, progress)
    people, journey = load.people(community), community["journey"]
    problem = journey["problem"]
    where = next(each for each in community["communities"] if each["id"] == journey["community"])
    colleagues = [people[each] for each in where["members"] if each != journey["asker"]]
    return Script(
        community_id=load.authored_id("community", journey["community"]),
        asker=people[journey["asker"]],
        people={person.id: person for person in people.values()},
        colleagues=colleagues,
        listeners=[people[each] for each in journey["listeners"]],
        title=problem["title"],
        body=problem["body"],
        tags=problem["tags"],
        context=problem["context"],
        solution=journey["solution"],
        comment=journey["comment"],
        apprentice=people[journey["apprentice"]],
        practice=Practice(
            adaptations=[
                Adaptation(people[each["adopter"]], each["text"], each.get("measure"))
                for each in journey["adaptations"]
            ],
            stewards=[people[each] for each in journey["stewards"]],
            revision=journey["revision"],
        ),
    )


async def _dump_script(world: World, dump: Path, progress: load.Progress, console: Console) -> Script:
    """Import ``dump``, moved to end two days ago: old expertise has faded, and nobody would be asked."""
    site = dump.name
    with (
        tempfile.TemporaryDirectory(prefix="guildhall-demo-") as work,
        opened(dump, site, None, Path(work)) as spool,
    ):
        progress(f"Reading {dump}")
        await _fill(spool, dump, progress)
        if not spool.total:
            raise Trouble(f"no question could be read from {dump}")
        progress(f"Importing {spool.total:,} members, memberships, posts and votes of {site}")
        replay = Replay(spool, world.urls["members"], world.urls["discussions"], world.import_token)
        await send(replay, spool, console)
        names = dict(spool.people())
        people = {
            member: Person(member, name, f"dump-{member}", imported=True) for member, name in names.items()
        }
        answering = [people[member] for member in spool.latest_authors("solution", 200)]
        asking = [people[member] for member in spool.latest_authors("problem", 20)]
        asker = next((each for each in asking if each not in answering[:2]), None)
        tags = spool.popular_tags()[:2]
        if asker is None or len(answering) < 3 or not tags:
            raise Trouble(f"{dump} is too small to play in: it needs a few people who ask and answer")
        return Script(
            community_id=spool.community_id,
            asker=asker,
            people=people,
            colleagues=[each for each in answering[:20] if each != asker],
            listeners=[asker, *answering[:2]],
            title=f"Where to begin with {' and '.join(tags)}?",
            body=f"I have read what is here on **{tags[0]}** and do not know where to begin. How did you?",
            tags=tags,
            context={
                "size": "One, with an evening a week.",
                "constraints": "It has to cost nothing.",
                "culture": "We learn by doing, and from each other.",
                "tried": "Reading from the beginning. It does not end.",
            },
            solution="Begin with the smallest thing that can fail, write down what happened, and ask again.",
            comment="Well put, {mention}. What was the smallest thing for you?",
            apprentice=asker,
        )


async def _fill(spool: Spool, dump: Path, progress: load.Progress) -> None:
    """Read the dump beside the event loop, which has to see Ctrl-C meanwhile."""
    stopping = False

    def on(file: str, done: int) -> None:
        if stopping:
            raise Trouble("stopped")

    reading = asyncio.create_task(
        asyncio.to_thread(spool.fill, dump, until=datetime.now(UTC) - timedelta(days=2), progress=on)
    )
    try:
        await asyncio.shield(reading)
    except asyncio.CancelledError:
        stopping = True
        await asyncio.wait([reading])
        raise


def _invite(console: Console, world: World, script: Script) -> None:
    """Say what can be looked at."""
    printed = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    printed()
    for service, url in world.urls.items():
        printed(f"{service:<14} {url}/docs   {url}/asyncapi")
    printed(f"\nThe inbox of {script.listeners[1].name}, with their token (it holds for 12 hours):\n")
    token = world.token(script.listeners[1])
    printed(f"curl -s -H 'Authorization: Bearer {token}' {world.urls['notifications']}/v1/inbox")
    printed(f"\nWho is asked how much: {world.urls['matching']}/load.html, with this operator's token:\n")
    printed(world.operator_token)
    printed("\nA token for anybody whom you think up, to register and go on with:\n")
    printed(
        f"GUILDHALL_ENVIRONMENT=development GUILDHALL_DEV_ISSUER_SECRET={world.secret} "
        f"{Path(sys.executable).parent / 'guildhall'} token NAME --org ORGANISATION"
    )
    printed(f"\nKafka {world.stack.kafka}   MongoDB {world.stack.mongodb}")
    printed("Everything stays up: a service that you kill is started again. Ctrl-C stops all and removes it.")
