"""`guildhall dead-letters`: what a group could not handle, and giving it back to that group alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar

import typer
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.topics import SERVICES, dead_letters, replays
from shared.errors import DependencyDown
from shared.messaging.dead_letters import PREFIX, exhume
from shared.messaging.envelope import text_headers
from shared.messaging.producer import Producer

T = TypeVar("T")
Record: TypeAlias = "ConsumerRecord[Any, Any]"

BATCH = 100
"""Sent together; what of it is not acknowledged is reported and ends the replay."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="What could not be handled.")

GroupName = StrEnum("GroupName", {name: name for name in SERVICES})  # type: ignore[misc]
Group = Annotated[GroupName, typer.Argument(help="The consumer group.", metavar="GROUP", show_default=False)]
Code = Annotated[str | None, typer.Option(help="Only those with this error code.")]
Topic = Annotated[str | None, typer.Option(help="Only those that came from this topic.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many.")]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant."""

    code: str | None = None
    topic: str | None = None
    offset: int | None = None
    limit: int | None = None

    def admits(self, record: Record) -> bool:
        """Whether ``record`` is meant, as far as itself can tell."""
        notes = text_headers(record.headers)
        return (
            self.code in (None, notes.get(f"{PREFIX}code"))
            and self.topic in (None, notes.get(f"{PREFIX}topic"))
            and self.offset in (None, record.offset)
        )


@app.command("list")
def list_command(group: Group, code: Code = None, topic: Topic = None, limit: Limit = None) -> None:
    """One line each: offset, when, code, event type, where it came from, attempts."""

    async def work() -> int:
        count = 0
        async with aclosing(letters(_kafka(), group, Filter(code, topic, limit=limit))) as found:
            async for record in found:
                typer.echo(line(record))
                count += 1
        return count

    typer.echo(f"{_run(work())} dead letters of {group}", err=True)


@app.command("show")
def show_command(
    group: Group, offset: Annotated[int, typer.Option(min=0, help="As `list` says it.")]
) -> None:
    """Everything about one: why and where it failed, its headers, its bytes."""

    async def work() -> bool:
        async with aclosing(letters(_kafka(), group, Filter(offset=offset))) as found:
            async for record in found:
                for name, value in text_headers(record.headers).items():
                    typer.echo(f"{name}: {value}")
                typer.echo(f"key: {_text(record.key)}\n\n{_text(record.value)}")
                return True
        return False

    if not _run(work()):
        typer.echo(f"{group} has no dead letter at {offset}", err=True)
        raise typer.Exit(1)


@app.command("replay")
def replay_command(
    group: Group,
    code: Code = None,
    topic: Topic = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Only this one.")] = None,
    limit: Limit = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Records a second, at most.")] = 100.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be replayed; send nothing.")
    ] = False,
) -> None:
    """Give dead letters back to the group that failed on them, and to no other.

    Replaying one twice is harmless: the group drops what it has handled meanwhile by its id.
    """
    wanted = Filter(code, topic, offset, limit)
    if dry_run:

        async def preview() -> int:
            count = 0
            async with aclosing(letters(_kafka(), group, wanted)) as found:
                async for record in found:
                    typer.echo(line(record))
                    count += 1
            return count

        typer.echo(f"{_run(preview())} would be replayed to {group}", err=True)
        return
    sent, refused = _run(replay(_kafka(), group, wanted, rate))
    typer.echo(f"{sent} replayed to {group}, acknowledged by Kafka", err=True)
    if refused:
        typer.echo(f"stopped: Kafka did not acknowledge {refused}; replay again", err=True)
        raise typer.Exit(1)


async def letters(kafka: str, group: str, wanted: Filter) -> AsyncGenerator[Record, None]:
    """The group's dead letters that are there now, the oldest first."""
    place = TopicPartition(dead_letters(group).name, 0)
    # Not `seek_to_beginning`: aiokafka's own reset to the default, `latest`, may overtake it.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        count, fetched = 0, False
        while await consumer.position(place) < end and count != wanted.limit:
            records = (await consumer.getmany(place, timeout_ms=1000, max_records=500)).get(place, [])
            if not fetched:  # Tansu's end offset counts the last batch as one record; a fetch is right
                end, fetched = max(end, consumer.highwater(place) or 0), True
            for record in records:
                if record.offset < end and wanted.admits(record) and count != wanted.limit:
                    count += 1
                    yield record
    finally:
        await consumer.stop()


async def replay(kafka: str, group: str, wanted: Filter, rate: float) -> tuple[int, int]:
    """Send what is wanted to the group's replays at ``rate`` a second; answer how many were acknowledged,
    and how many of the last batch were not, at which it stopped."""
    producer = Producer(kafka, client_id="guildhall-replay")
    await producer.start()
    started, sent = asyncio.get_running_loop().time(), 0
    try:
        async with aclosing(letters(kafka, group, wanted)) as found:
            async for batch in _batches(found, min(BATCH, max(1, int(rate)))):
                answers = await producer.send([exhume(record, replays(group).name) for record in batch])
                sent += sum(answers)
                if not all(answers):
                    return sent, len(answers) - sum(answers)
                ahead = sent / rate - (asyncio.get_running_loop().time() - started)
                await asyncio.sleep(max(0.0, ahead))
    finally:
        await producer.stop()
    return sent, 0


async def _batches(records: AsyncIterator[Record], size: int) -> AsyncIterator[list[Record]]:
    batch: list[Record] = []
    async for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def line(record: Record) -> str:
    """A dead letter in one line."""
    notes = text_headers(record.headers)
    when = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    origin = "{}[{}]@{}".format(*(notes.get(PREFIX + name, "?") for name in ("topic", "partition", "offset")))
    return "  ".join(
        (
            str(record.offset),
            f"{when:%Y-%m-%d %H:%M:%S}Z",
            notes.get(f"{PREFIX}code", "?"),
            notes.get("ce_type") or "(no type)",
            origin,
            f"attempts {notes.get(f'{PREFIX}attempts', '?')}",
        )
    )


def _text(value: bytes | None) -> str:
    return "(none)" if value is None else value.decode(errors="backslashreplace")


def _kafka() -> str:
    if value := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return value
    typer.echo("KAFKA_BOOTSTRAP_SERVERS is not set", err=True)
    raise typer.Exit(2)


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (KafkaError, DependencyDown) as error:
        typer.echo(f"Kafka does not answer as it should: {error!r}", err=True)
        raise typer.Exit(1) from None
