"""A stack that somebody else runs, named by KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI."""

import os
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError

from .base import Stack, StackUnavailable
from .process import kafka_answers, wait_until


class ExternalStack(Stack):
    """Addresses from the environment. Nothing is started, and nothing is removed at stop."""

    kind = "external"

    async def _start(self) -> None:
        self.kafka = _named("KAFKA_BOOTSTRAP_SERVERS")
        self.mongodb = _named("MONGODB_URI")
        await wait_until(
            lambda: kafka_answers(self.kafka), f"an answer from Kafka at {self.kafka}", within=10
        )
        self.mongo_nodes = await _replica_set_size(self.mongodb)

    async def _stop(self) -> None:
        pass


def _named(variable: str) -> str:
    if value := os.environ.get(variable):
        return value
    raise StackUnavailable(f"{variable} is not set; set it or use --stack embedded")


async def _replica_set_size(uri: str) -> int:
    """How many nodes hold data. The URI may hold a password, so no message repeats it."""
    client: AsyncMongoClient[dict[str, Any]]
    try:
        async with AsyncMongoClient(uri, serverSelectionTimeoutMS=10_000) as client:
            hello = await client.admin.command("hello")
    except (InvalidURI, ConfigurationError, PyMongoError) as error:
        raise StackUnavailable(f"MONGODB_URI does not answer ({type(error).__name__}); correct it") from error
    if "setName" not in hello:
        raise StackUnavailable("MONGODB_URI is no replica set, so it has no transactions; start it as one")
    return len(hello["hosts"])
