"""`guildhall init`: what Kafka and MongoDB need before the services start. Run it as often as you like."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import typer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code
from pymongo.errors import PyMongoError

from deploy.cli.serve import service_called
from shared.contracts.topics import ALL_TOPICS, SERVICES, Topic
from shared.errors import GuildhallError
from shared.storage import Database

_TOPIC_EXISTS = 36

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Prepare Kafka and MongoDB.")


class Refused(Exception):
    """One line: what contradicts the declaration, and what to do."""


@app.command("topics")
def topics_command() -> None:
    """Create the declared topics that are missing; refuse where one has another number of partitions."""
    _run(topics(_required("KAFKA_BOOTSTRAP_SERVERS")))


@app.command("indexes")
def indexes_command() -> None:
    """Create the collections and indexes of every service that are missing."""
    _run(indexes(_required("MONGODB_URI"), _prefix()))


@app.command("users")
def users_command() -> None:
    """Create or update a MongoDB user per service, who may read and write its own database alone.

    MONGODB_URI must be that of an administrator; GUILDHALL_<SERVICE>_PASSWORD gives each one's password.
    """
    _run(users(_required("MONGODB_URI"), _prefix(), _passwords()))


@app.command("all")
def all_command() -> None:
    """All of it: topics, indexes, users."""
    kafka, mongodb, passwords = _required("KAFKA_BOOTSTRAP_SERVERS"), _required("MONGODB_URI"), _passwords()

    async def everything() -> None:
        await topics(kafka)
        await indexes(mongodb, _prefix())
        await users(mongodb, _prefix(), passwords)

    _run(everything())


async def topics(kafka: str, declared: Sequence[Topic] = ALL_TOPICS) -> None:
    """Create ``declared`` where missing. Three replicas of which two must be in sync, where brokers allow it.

    Raises ``Refused`` if a topic exists with another number of partitions: raising it would move keys and so
    break their order, hence that is a migration and not done on the way.
    """
    async with _admin(kafka) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        replicas = min(3, brokers)
        existing = await _partitions(admin)
        wrong = [
            f"{topic.name} has {existing[topic.name]} partitions and is declared with {topic.partitions}"
            for topic in declared
            if existing.get(topic.name, topic.partitions) != topic.partitions
        ]
        if wrong:
            raise Refused(f"{'; '.join(wrong)}: migrate by a new topic, a key's partition keeps its order")
        missing = [topic for topic in declared if topic.name not in existing]
        if missing:
            answer = await admin.create_topics([_new(topic, replicas) for topic in missing])
            for name, code, *_ in answer.topic_errors:
                if code not in (0, _TOPIC_EXISTS):
                    raise Refused(f"{name}: {for_code(code).description}")
            async with asyncio.timeout(30):  # what a controller has created, brokers learn a moment later
                while not {topic.name for topic in declared} <= (await _partitions(admin)).keys():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    typer.echo(f"topics: {len(missing)} created, {len(declared) - len(missing)} were there")


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """How many partitions each topic has that is there and has its leaders."""
    return {
        found["topic"]: len(found["partitions"])
        for found in await admin.describe_topics()
        if not found["error_code"] and not any(each["error_code"] for each in found["partitions"])
    }


def _new(topic: Topic, replicas: int) -> NewTopic:
    configs = {**topic.config, "min.insync.replicas": str(max(1, replicas - 1))}
    return NewTopic(topic.name, topic.partitions, replicas, topic_configs=configs)


@asynccontextmanager
async def _admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka, client_id="guildhall-init")
    try:
        await admin.start()
        yield admin
    finally:
        with suppress(KafkaError):
            await admin.close()


async def indexes(mongodb: str, prefix: str) -> None:
    """Create what the services declare; an index that is there with other options makes MongoDB refuse."""
    for name in SERVICES:
        database = Database(mongodb, f"{prefix}{name}")
        try:
            await database.ping()
            await database.ensure_indexes(service_called(name).all_indexes)
        finally:
            await database.close()
        typer.echo(f"indexes: {prefix}{name} is as declared")


async def users(mongodb: str, prefix: str, passwords: dict[str, str]) -> None:
    """One user per service, named as its database and known to that one alone, with ``readWrite`` there."""
    for name, password in passwords.items():
        database = Database(mongodb, f"{prefix}{name}")
        user = database.name
        roles = [{"role": "readWrite", "db": database.name}]
        try:
            await database.ping()
            db = database.client.get_database(database.name)
            found = await db.command("usersInfo", user)
            command = "updateUser" if found["users"] else "createUser"
            await db.command(command, user, pwd=password, roles=roles)
        finally:
            await database.close()
        typer.echo(f"users: {user} may read and write {database.name} alone")


def _passwords() -> dict[str, str]:
    return {name: _required(f"GUILDHALL_{name.upper()}_PASSWORD") for name in SERVICES}


def _prefix() -> str:
    return os.environ.get("GUILDHALL_DATABASE_PREFIX", "guildhall-")


def _required(name: str) -> str:
    if value := os.environ.get(name):
        return value
    typer.echo(f"{name} is not set", err=True)
    raise typer.Exit(2)


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except Refused as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(1) from None
    except GuildhallError as error:
        typer.echo(f"{error.code}: {error.detail}", err=True)
        raise typer.Exit(1) from None
    except (KafkaError, PyMongoError, TimeoutError) as error:
        typer.echo(f"{type(error).__name__}: {str(error)[:300]}", err=True)
        raise typer.Exit(1) from None
