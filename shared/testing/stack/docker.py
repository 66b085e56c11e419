"""The official images of Apache Kafka and MongoDB, run by testcontainers where a Docker engine answers.

GUILDHALL_KAFKA_IMAGE and GUILDHALL_MONGO_IMAGE name other images. Testcontainers' own reaper (Ryuk) removes
the containers of a process that was killed.
"""

import asyncio
import os
from contextlib import ExitStack

from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from .base import Stack, StackUnavailable
from .mongod import REPLICA_SET, healthy, initiate, uri_of
from .process import LOOPBACK, free_port, kafka_answers, listens_at, wait_until

KAFKA_IMAGE = "apache/kafka:4.3.1"
MONGO_IMAGE = "mongo:8.0.17"


class DockerStack(Stack):
    """One container each. The broker's data is in its container, which survives a restart of the broker."""

    kind = "docker"
    can_restart_broker = True

    def __init__(self, *, mongo_nodes: int = 1) -> None:
        self.mongo_nodes = mongo_nodes
        self._exit = ExitStack()

    async def _start(self) -> None:
        if self.mongo_nodes != 1:
            raise StackUnavailable("it runs one MongoDB node only; use --stack apache for three")
        host = await asyncio.to_thread(docker_host)
        self.kafka, mongo = f"{host}:{free_port()}", f"{host}:{free_port()}"
        self._broker = kafka_container(self.kafka)
        for container in (self._broker, mongo_container(mongo)):
            self._exit.callback(container.stop)
            try:
                await asyncio.to_thread(container.start)  # pulls the image the first time
            except (DockerException, OSError) as error:
                reason = str(error).splitlines()[0][:300]
                raise StackUnavailable(f"{container.image} does not start ({reason}); see to it") from error
        await wait_until(lambda: listens_at(mongo), "mongod listens", within=60)
        await initiate([mongo])
        await wait_until(lambda: healthy([mongo]), "a healthy replica set", within=60)
        await self._until_broker_answers()
        self.mongodb = uri_of([mongo])

    async def _stop(self) -> None:
        await asyncio.to_thread(self._exit.close)

    async def restart_broker(self) -> None:
        container = self._broker.get_wrapped_container()
        await asyncio.to_thread(container.kill)
        await asyncio.to_thread(container.start)
        await self._until_broker_answers()

    async def _until_broker_answers(self) -> None:
        await wait_until(lambda: kafka_answers(self.kafka), "an answer from Kafka", within=120)


def docker_host() -> str:
    """The host on which the engine publishes ports. Raises `StackUnavailable` where no engine answers."""
    try:
        docker = DockerClient()
        docker.client.ping()
    except (DockerException, OSError) as error:
        raise StackUnavailable("no Docker engine answers; start one or use --stack embedded") from error
    host = docker.host()
    docker.client.close()
    # By name it may resolve to ::1 first, where nothing listens.
    return LOOPBACK if host == "localhost" else host


# Both servers tell their clients where to find them, so the port that the engine publishes is chosen here
# and not by Docker, and is the same inside: then the address is true inside too, where the broker and
# mongod look for themselves under it.


def kafka_container(address: str) -> DockerContainer:
    """A container, not started, with Kafka that is reached at `address`, `host:port`."""
    port = int(address.rpartition(":")[2])
    # testcontainers' KafkaContainer knows Confluent's image only. The official one takes either all of its
    # settings from the environment or none.
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_BROKER_SESSION_TIMEOUT_MS": "2000",
        "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "250",
        "KAFKA_HEAP_OPTS": "-Xmx512m",
    }
    image = os.environ.get("GUILDHALL_KAFKA_IMAGE") or KAFKA_IMAGE
    return DockerContainer(image).with_envs(**settings).with_bind_ports(port, port)


def mongo_container(address: str) -> DockerContainer:
    """A container, not started, with a `mongod` that is to be initiated under `address`, `host:port`."""
    port = int(address.rpartition(":")[2])
    # testcontainers' MongoDbContainer insists on a user, and a replica set with users wants a key file.
    command = ["mongod", "--replSet", REPLICA_SET, "--bind_ip_all", "--port", str(port)]
    image = os.environ.get("GUILDHALL_MONGO_IMAGE") or MONGO_IMAGE
    return DockerContainer(image).with_command(command).with_bind_ports(port, port)
