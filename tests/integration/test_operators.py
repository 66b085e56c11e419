"""The operators' command on a real stack: preparing it, and giving dead letters back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from typer.testing import CliRunner

from deploy.cli import init
from deploy.cli.dead_letters import Filter, letters, line, replay
from deploy.cli.main import app
from shared.contracts.topics import SERVICES, Topic, dead_letters, replays
from shared.messaging.dead_letters import PREFIX, Verdict, bury
from shared.messaging.producer import Outgoing, Producer
from shared.storage import Database
from shared.testing.stack import Stack

GROUP = "operators-test"
AT = datetime(2026, 3, 1, tzinfo=UTC)


async def test_topics_are_created_once_as_declared(stack: Stack) -> None:
    declared = [Topic("test.init-a", "test", "", "", partitions=3), Topic("test.init-b", "test", "", "")]
    await init.topics(stack.kafka, declared)
    await init.topics(stack.kafka, declared)
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    found = await admin.describe_topics([topic.name for topic in declared])
    await admin.close()
    assert {each["topic"]: len(each["partitions"]) for each in found} == {"test.init-a": 3, "test.init-b": 6}


async def test_a_topic_with_other_partitions_is_refused_and_nothing_is_created(stack: Stack) -> None:
    there = Topic("test.init-c", "test", "", "", partitions=3)
    await init.topics(stack.kafka, [there])
    with pytest.raises(init.Refused, match=r"test\.init-c has 3 partitions and is declared with 4"):
        await init.topics(stack.kafka, [Topic("test.init-d", "test", "", ""), replace(there, partitions=4)])
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    assert "test.init-d" not in await admin.list_topics()
    await admin.close()


async def test_users_have_their_own_database_alone(stack: Stack) -> None:
    prefix = "init-test-"
    for _ in range(2):  # the second time updates
        await init.users(stack.mongodb, prefix, dict.fromkeys(SERVICES, "not-a-secret"))
    for name in SERVICES:
        database = Database(stack.mongodb, f"{prefix}{name}")
        found = await database.client.get_database(database.name).command("usersInfo", database.name)
        await database.close()
        [user] = found["users"]
        assert user["roles"] == [{"role": "readWrite", "db": f"{prefix}{name}"}]


async def test_indexes_of_every_service(stack: Stack) -> None:
    for _ in range(2):
        await init.indexes(stack.mongodb, "init-test-")
    database = Database(stack.mongodb, "init-test-members")
    assert "published_at_1" in await database["outbox"].index_information()
    await database.close()


class _Record:
    """What a record brings of itself."""

    topic, partition, timestamp = "discussions.threads", 2, 1_772_000_000_000

    def __init__(self, offset: int) -> None:
        self.offset, self.key, self.value = offset, f"k{offset}".encode(), b"\xff\x00{" + str(offset).encode()
        self.headers = [("ce_type", b"guildhall.test"), ("odd", b"\xfe")]


async def _bury(stack: Stack, codes: list[str]) -> None:
    await init.topics(stack.kafka, [dead_letters(GROUP), replays(GROUP)])
    buried: list[Outgoing] = []
    for offset, code in enumerate(codes):
        record: Any = _Record(offset)
        buried.append(bury(record, GROUP, Verdict(code, "it failed", 3, AT)))
    producer = Producer(stack.kafka, client_id="test")
    await producer.start()
    assert all(await producer.send(buried))
    await producer.stop()


async def test_dead_letters_are_listed_filtered_and_replayed_byte_for_byte(stack: Stack) -> None:
    await _bury(stack, ["invalid-data", "unexpected", "invalid-data"])
    every = [record async for record in letters(stack.kafka, GROUP, Filter())]
    assert [line(record).split("  ")[2] for record in every] == ["invalid-data", "unexpected", "invalid-data"]
    assert "discussions.threads[2]@1" in line(every[1])
    unexpected = Filter(code="unexpected")
    assert [record.offset async for record in letters(stack.kafka, GROUP, unexpected)] == [1]
    assert [r.offset async for r in letters(stack.kafka, GROUP, Filter(limit=2))] == [0, 1]
    assert [r async for r in letters(stack.kafka, GROUP, Filter(topic="members.people"))] == []

    assert await replay(stack.kafka, GROUP, Filter(code="invalid-data"), rate=1000) == (2, 0)

    place = TopicPartition(replays(GROUP).name, 0)
    async with AIOKafkaConsumer(bootstrap_servers=stack.kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        back = [await consumer.getone() for _ in range(2)]
        assert consumer.highwater(place) == 2, "no more than asked for"
    for record, offset in zip(back, (0, 2), strict=True):
        original = _Record(offset)
        assert (record.key, record.value) == (original.key, original.value)
        assert list(record.headers) == original.headers
        assert not any(name.startswith(PREFIX) for name, _ in record.headers)


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URI", "GUILDHALL_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    run = CliRunner()
    for command in (["init", "topics"], ["dead-letters", "list", "members"]):
        result = run.invoke(app, command)
        assert result.exit_code == 2
        assert result.stderr.splitlines() == ["KAFKA_BOOTSTRAP_SERVERS is not set"]
    refused = run.invoke(app, ["token", "ann"])
    assert refused.exit_code == 2
    assert "GUILDHALL_ENVIRONMENT=development" in refused.stderr
