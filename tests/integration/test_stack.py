"""One suite for every provider of the local stack: what the rest of the tests may rely on."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from typer import Typer
from typer.testing import CliRunner

from deploy.cli.stack import stack as stack_command
from shared.testing.stack import Stack, StackUnavailable, apache, docker, local, start_stack

EMBEDDED = pytest.param("embedded", id="embedded")
APACHE = pytest.param("apache", id="apache", marks=pytest.mark.kafka)
DOCKER = pytest.param("docker", id="docker", marks=pytest.mark.docker)


@pytest.fixture(scope="module", params=[EMBEDDED, APACHE, DOCKER])
async def each(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """Every provider in turn, Apache's with three MongoDB nodes."""
    kind: str = request.param
    if kind == "docker":
        try:
            docker.docker_host()
        except StackUnavailable as unavailable:
            pytest.skip(str(unavailable))
    async with start_stack(kind, mongo_nodes=3 if kind == "apache" else 1) as running:
        yield running


@pytest.fixture
async def topic(each: Stack, request: pytest.FixtureRequest) -> str:
    """A new topic with three partitions."""
    name = f"test.{request.node.originalname}"
    admin = AIOKafkaAdminClient(bootstrap_servers=each.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
        [described] = await admin.describe_topics([name])
    finally:
        await admin.close()
    assert len(described["partitions"]) == 3
    return name


async def produce(each: Stack, topic: str, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=each.kafka, acks="all") as producer:
        for number in range(count):
            await producer.send_and_wait(
                topic,
                key=f"key-{number}".encode(),
                value=f"value-{number}".encode(),
                headers=[("number", str(number).encode())],
                partition=number % 3,
            )


def mongo(each: Stack) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(each.mongodb)


def member(each: Stack, topic: str) -> AIOKafkaConsumer:
    # A short session: Tansu has a group wait for half of one, and a follower of its first member for a whole.
    return AIOKafkaConsumer(
        topic,
        bootstrap_servers=each.kafka,
        group_id=f"group.{topic}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=2_000,
        heartbeat_interval_ms=300,
    )


async def take(consumer: AIOKafkaConsumer, count: int) -> list[Any]:
    taken: list[Any] = []
    async with asyncio.timeout(30):
        while len(taken) < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                taken += records
    return taken


async def test_a_group_resumes_at_its_committed_offsets(each: Stack, topic: str) -> None:
    await produce(each, topic, 9)
    partitions = [TopicPartition(topic, number) for number in range(3)]

    async with member(each, topic) as consumer:
        first = await take(consumer, 9)
        await consumer.commit({partitions[0]: 3, partitions[1]: 1})
    async with member(each, topic) as consumer:
        committed = [await consumer.committed(partition) for partition in partitions]
        ends = await consumer.end_offsets(partitions)
        again = await take(consumer, 5)

    assert {(r.key, r.value, r.headers) for r in first} == {
        (b"key-%d" % n, b"value-%d" % n, (("number", b"%d" % n),)) for n in range(9)
    }
    assert committed == [3, 1, None]
    assert list(ends.values()) == [3, 3, 3]
    assert sorted((r.partition, r.offset) for r in again) == [(1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]


async def test_a_batch_keeps_keys_and_headers(each: Stack, topic: str) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=each.kafka, acks="all", compression_type="lz4", max_batch_size=2**18
    ) as producer:
        batch = producer.create_batch()
        for number in range(100):
            record = batch.append(
                key=b"key-%d" % number, value=b"x" * 500, timestamp=None, headers=[("a", b"1"), ("b", None)]
            )
            assert record is not None
        await (await producer.send_batch(batch, topic, partition=2))
    async with member(each, topic) as consumer:
        records = await take(consumer, 100)

    assert [r.key for r in records] == [b"key-%d" % number for number in range(100)]
    assert {(r.partition, r.headers) for r in records} == {(2, (("a", b"1"), ("b", None)))}


async def test_a_transaction_commits_and_a_change_stream_sees_it(each: Stack) -> None:
    async with mongo(each) as client:
        database = client["stack_test"]
        await database.create_collection("state")
        await database.create_collection("outbox")

        async def change(session: AsyncClientSession) -> None:
            await database["state"].insert_one({"_id": 1, "version": 1}, session=session)
            await database["outbox"].insert_one({"_id": 1, "event": "changed"}, session=session)

        async def change_and_fail(session: AsyncClientSession) -> None:
            await database["state"].update_one({"_id": 1}, {"$inc": {"version": 1}}, session=session)
            raise LookupError

        async with await database["outbox"].watch(max_await_time_ms=1_000) as changes:
            async with client.start_session() as session:
                await session.with_transaction(change)
                with pytest.raises(LookupError):
                    await session.with_transaction(change_and_fail)
            async with asyncio.timeout(10):
                seen = await changes.next()

        assert seen["fullDocument"] == {"_id": 1, "event": "changed"}
        assert await database["state"].find_one() == {"_id": 1, "version": 1}


async def test_the_broker_restarts_with_its_data(each: Stack, topic: str) -> None:
    if not each.can_restart_broker:
        with pytest.raises(StackUnavailable, match="use --stack apache"):
            await each.restart_broker()
        return
    await produce(each, topic, 3)
    before = each.kafka
    await each.restart_broker()
    await produce(each, topic, 3)
    async with member(each, topic) as consumer:
        records = await take(consumer, 6)

    assert each.kafka == before
    assert sorted((r.partition, r.offset) for r in records) == [(p, o) for p in range(3) for o in range(2)]


async def test_another_primary_takes_over(each: Stack) -> None:
    if each.mongo_nodes == 1:
        with pytest.raises(StackUnavailable):
            await each.step_down_primary()
        return
    async with mongo(each) as client:
        numbers = client["stack_test"]["primaries"]
        primaries = []
        for number, lose_primary in enumerate([each.step_down_primary, each.kill_primary]):
            await numbers.insert_one({"_id": number})
            primaries.append((await client.admin.command("hello"))["me"])
            await lose_primary()
        primaries.append((await client.admin.command("hello"))["me"])
        await numbers.insert_one({"_id": 2})

        assert primaries[0] != primaries[1] != primaries[2]
        assert await numbers.count_documents({}) == 3


async def test_a_killed_node_comes_back_with_its_data(each: Stack) -> None:
    if each.kind == "docker":
        pytest.skip("the docker stack does not kill its mongod")
    async with mongo(each) as client:
        await client["stack_test"]["kept"].insert_one({"_id": 1})
        await each.kill_primary()
        assert await client["stack_test"]["kept"].count_documents({}) == 1


# Nothing stays behind


def runs(pid: int) -> bool:
    """Whether a process runs; one that waits for its parent to read its status does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def empty_dir(tmp_path: Path) -> Iterator[Path]:
    """Removed at once, and not three sessions later like pytest's: a mongod leaves 300 MB."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture
def scratch(empty_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(empty_dir))
    return empty_dir


def ended(running: Stack) -> str:
    """What is said of something that has ended by itself."""
    try:
        running.check()
    except StackUnavailable as unavailable:
        return str(unavailable)
    return ""


@pytest.mark.parametrize("kind", [EMBEDDED, APACHE])
async def test_stop_leaves_no_process_and_no_file(kind: str, scratch: Path) -> None:
    running = await start_stack(kind)
    pids = running.pids
    assert len(pids) == 2
    assert all(map(runs, pids))
    assert ended(running) == ""
    os.kill(pids[1], signal.SIGKILL)
    until(lambda: ended(running) != "")
    assert re.fullmatch(r"mongod-\d+ ended with SIGKILL", ended(running))
    assert len(os.listdir(scratch)) == 1

    await running.stop()
    await running.stop()

    assert not any(map(runs, pids))
    assert os.listdir(scratch) == []


_HOLD = """\
import asyncio, sys
from shared.testing.stack import start_stack

async def main():
    async with start_stack(sys.argv[1]) as stack:
        print(*stack.pids, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", [EMBEDDED, APACHE])
def test_a_killed_parent_leaves_no_process(kind: str, empty_dir: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _HOLD, kind],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(empty_dir)},
    )
    try:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(runs, pids))
    finally:
        parent.kill()
        parent.communicate()
    until(lambda: not any(map(runs, pids)))


def test_the_next_one_removes_what_a_killed_one_left(scratch: Path) -> None:
    abandoned, in_use = scratch / "guildhall-stack-abandoned", scratch / "guildhall-stack-in-use"
    for directory in (abandoned, in_use):
        directory.mkdir()
        os.utime(directory, (0, 0))
    with local._locked(in_use), local._scratch(None):
        assert not abandoned.exists()
        assert in_use.exists()


async def test_a_named_directory_is_kept_with_its_logs(empty_dir: Path) -> None:
    async with start_stack("embedded", data_dir=empty_dir):
        pass
    assert {os.path.splitext(name)[1] for name in os.listdir(empty_dir)} == {"", ".log"}
    with pytest.raises(StackUnavailable, match="is not empty"):
        await start_stack("embedded", data_dir=empty_dir)


# The command


def test_the_command_prints_addresses_and_stops_at_ctrl_c(empty_dir: Path) -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", "import typer; from deploy.cli.stack import stack; typer.run(stack)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(empty_dir), "GUILDHALL_STACK": "embedded"},
    )
    assert command.stdout
    names = [command.stdout.readline().partition("=")[0] for _ in range(2)]
    command.send_signal(signal.SIGINT)

    assert names == ["KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URI"]
    assert command.wait(10) == 0
    assert list(empty_dir.iterdir()) == []


def test_the_command_says_in_one_line_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    app = Typer()
    app.command()(stack_command)
    result = CliRunner().invoke(app, ["--kind", "external"])

    assert result.exit_code == 1
    assert result.output == (
        "external stack: KAFKA_BOOTSTRAP_SERVERS is not set; set it or use --stack embedded\n"
    )


# What cannot start says why


async def test_a_program_that_ends_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broker = tmp_path / "broker"
    broker.write_text("#!/bin/sh\necho starting\necho 'ERROR: no such thing'\necho bye\nexit 3\n")
    broker.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(broker))
    with pytest.raises(StackUnavailable) as refused:
        await start_stack("embedded")
    assert str(refused.value) == "embedded stack: tansu ended with status 3: ERROR: no such thing"


async def test_an_unknown_kind() -> None:
    with pytest.raises(StackUnavailable, match="use one of embedded, apache, docker, external"):
        start_stack("rabbit")


async def test_two_nodes_are_no_replica_set() -> None:
    with pytest.raises(
        StackUnavailable, match=r"^embedded stack: a replica set has 1 or 3 nodes here, not 2"
    ):
        await start_stack("embedded", mongo_nodes=2)


async def test_external_is_what_the_environment_names(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stack.kafka)
    monkeypatch.setenv("MONGODB_URI", stack.mongodb)
    async with start_stack("external") as named:
        assert (named.kafka, named.mongodb, named.mongo_nodes) == (
            stack.kafka,
            stack.mongodb,
            stack.mongo_nodes,
        )


async def test_apache_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackUnavailable) as refused:
        await start_stack("apache")
    assert str(refused.value) == (
        "apache stack: no Java 17+ runtime on PATH; install one or use --stack embedded"
    )


def test_apache_with_an_old_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(StackUnavailable, match=r"in JAVA_HOME \(found 11\)"):
        apache.java_binary()


def test_apache_without_maven(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackUnavailable, match=r"^no Maven \(mvn\) on PATH"):
        apache.jars_directory()


async def test_docker_without_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(StackUnavailable) as refused:
        await start_stack("docker")
    assert str(refused.value) == ("docker stack: no Docker engine answers; start one or use --stack embedded")


class TestContainers:
    """What Docker would be asked to run, without a Docker."""

    @pytest.fixture(autouse=True)
    def _no_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Engine:
            def __init__(self, **_: object) -> None: ...

        monkeypatch.setattr("testcontainers.core.container.DockerClient", Engine)
        monkeypatch.delenv("GUILDHALL_KAFKA_IMAGE", raising=False)
        monkeypatch.delenv("GUILDHALL_MONGO_IMAGE", raising=False)

    def test_each_is_reached_where_it_says_it_is(self) -> None:
        kafka = docker.kafka_container("10.0.0.1:21001")
        assert kafka.env["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://10.0.0.1:21001"
        assert kafka.env["KAFKA_LISTENERS"].startswith("PLAINTEXT://0.0.0.0:21001,")
        assert kafka.ports == {"21001": 21001}

        mongo = docker.mongo_container("10.0.0.1:21002")
        assert mongo._command is not None
        assert mongo._command[-2:] == ["--port", "21002"]
        assert mongo.ports == {"21002": 21002}

    def test_images_are_pinned_and_can_be_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert docker.kafka_container("h:1").image == docker.KAFKA_IMAGE
        assert docker.mongo_container("h:1").image == docker.MONGO_IMAGE
        monkeypatch.setenv("GUILDHALL_KAFKA_IMAGE", "mirror/kafka:1")
        monkeypatch.setenv("GUILDHALL_MONGO_IMAGE", "mirror/mongo:2")
        assert docker.kafka_container("h:1").image == "mirror/kafka:1"
        assert docker.mongo_container("h:1").image == "mirror/mongo:2"

    def test_docker_and_apache_run_the_same_kafka(self) -> None:
        version = ElementTree.parse(apache.POM).findtext(".//{*}kafka.version")
        assert f"apache/kafka:{version}" == docker.KAFKA_IMAGE
