"""From a post to the stream: what a member waits, against the sum of the raw legs.

The journey: HTTP request, transaction in discussions, outbox, relay, Kafka, transaction in notifications,
server-sent event. The raw legs are what the same hops cost with nothing of ours around them: a transaction of
two inserts, a change stream that tells of it, a send and its receipt, another transaction, another change
stream.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern

from shared.contracts.topics import Topic
from shared.ids import new_id
from shared.messaging.broker import FETCH_WAIT_MS
from shared.testing.fleet import Fleet
from shared.testing.harness import SECRET, create_topics, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_token


async def raw_legs(stack: Stack, rounds: int) -> list[float]:
    """Seconds of each round through the raw legs, one after the other."""
    topic = Topic(f"bench.{new_id()[-12:]}", "bench", "", "A benchmark's own.", partitions=1)
    await create_topics(stack, [topic])
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(stack.mongodb)
    database = client.get_database(f"bench-{new_id()[-12:]}", write_concern=WriteConcern("majority", j=True))
    for name in ("a", "b"):
        await database.create_collection(name)
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka, acks="all")
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka, fetch_max_wait_ms=FETCH_WAIT_MS)
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(topic.name, 0)])
    await consumer.seek_to_end()

    async def transact() -> None:
        async with await client.start_session() as session, session.start_transaction():
            await database["a"].insert_one({"x": 1}, session=session)
            await database["b"].insert_one({"x": 1}, session=session)

    spent: list[float] = []
    async with database["b"].watch(max_await_time_ms=1000) as stream:
        for _ in range(rounds + 5):
            started = perf_counter()
            await transact()
            await stream.next()
            await producer.send_and_wait(topic.name, b"x")
            while not await consumer.getmany(timeout_ms=1000):
                pass
            await transact()
            await stream.next()
            spent.append(perf_counter() - started)
    await consumer.stop()
    await producer.stop()
    await client.drop_database(database.name)
    client.close()
    return spent[5:]


CONTEXT = {"size": "1", "constraints": "-", "culture": "-", "tried": "-"}


class _Posting:
    """A fleet with one community, an asker whose stream is open, and answerers."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.seen: dict[str, float] = {}
        self.sent: dict[str, float] = {}

    def client(self, service: str, subject: str) -> httpx.AsyncClient:
        token = dev_token(SECRET, subject)
        limits = httpx.Limits(max_connections=100)
        return httpx.AsyncClient(
            base_url=self.fleet.url(service),
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            limits=limits,
        )

    async def prepare(self) -> str:
        """One community, one problem; answer the problem's id."""
        community, causal = "", ""
        for subject in ("asker", "answerer"):
            async with self.client("members", subject) as http:
                (await http.post("/v1/members", json={"name": subject})).raise_for_status()
                if not community:
                    rules = {"newcomer_days": 0}
                    body = {"name": "Bench", "kind": "external", "about": "Speed.", "rules": rules}
                    community = (
                        (await http.post("/v1/communities", json=body)).raise_for_status().json()["id"]
                    )
                else:
                    joined = await http.put(f"/v1/communities/{community}/members/me")
                    causal = joined.raise_for_status().headers["guildhall-causal-token"]
        async with self.client("discussions", "asker") as http:
            http.headers["Guildhall-Causal-Token"] = causal
            body = {"title": "How fast?", "body": "Quite.", "tags": ["speed"], "context": CONTEXT}
            posted = await http.post(f"/v1/communities/{community}/problems", json=body)
            problem: str = posted.raise_for_status().json()["id"]
            return problem

    async def comment(self, http: httpx.AsyncClient, problem: str) -> None:
        """One comment by the answerer: the asker is notified of it."""
        started = perf_counter()
        answer = await http.post(
            f"/v1/threads/{problem}/comments",
            json={"item_kind": "problem", "item_id": problem, "body": "Like this."},
        )
        self.sent[answer.raise_for_status().json()["id"]] = started

    async def listen(self) -> None:
        """Note when each notification reaches the asker's stream."""
        async with self.client("notifications", "asker") as http, http.stream("GET", "/v1/stream") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    item = json.loads(line[5:])
                    self.seen[item["subject_id"]] = perf_counter()


async def journey(stack: Stack, posts: int) -> dict[str, Any]:
    """Latencies (s) of ``posts`` at a tenth of the saturation rate, and that rate (posts a second)."""
    settings = settings_for(stack)
    with TemporaryDirectory() as logs:
        fleet = Fleet(settings, Path(logs), separate_relays=False)
        try:
            await fleet.start()
            posting = _Posting(fleet)
            problem = await posting.prepare()
            async with posting.client("discussions", "answerer") as http:
                # Saturation: as many as get through, from sixteen at once. Each in a thread of its own, since
                # the comments of one thread are ordered and so wait for each other.
                problems = [problem]
                async with posting.client("discussions", "asker") as asker:
                    address = f"/v1/problems/{problem}"
                    community = (await asker.get(address)).json()["community_id"]
                    for number in range(15):
                        body = {
                            "title": f"And {number}?",
                            "body": "…",
                            "tags": ["speed"],
                            "context": CONTEXT,
                        }
                        made = await asker.post(f"/v1/communities/{community}/problems", json=body)
                        problems.append(made.raise_for_status().json()["id"])
                deadline = perf_counter() + 5
                done = 0

                async def saturate(target: str) -> None:
                    nonlocal done
                    while perf_counter() < deadline:
                        await posting.comment(http, target)
                        done += 1

                started = perf_counter()
                await asyncio.gather(*(saturate(target) for target in problems))
                saturation = done / (perf_counter() - started)
                posting.sent.clear()
                listener = asyncio.create_task(posting.listen())
                interval = 10 / saturation
                await asyncio.sleep(3)  # let the backlog and the catch-up pass
                running: list[asyncio.Task[None]] = []
                for number in range(posts):
                    running.append(
                        asyncio.create_task(posting.comment(http, problems[number % len(problems)]))
                    )
                    await asyncio.sleep(interval)
                await asyncio.gather(*running)
                await asyncio.sleep(2)
                listener.cancel()
            return {"saturation": saturation, "latencies": _paired(posting)}
        finally:
            fleet.stop()


def _paired(posting: _Posting) -> list[float]:
    """Seconds from each post to its appearance on the stream."""
    return [posting.seen[comment] - started for comment, started in posting.sent.items()]
