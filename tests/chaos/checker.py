"""Load and verdict: what was acknowledged, what became of it, and in which order.

The checker knows only what a client and an operator can know: answers of the APIs, records of the topics,
documents of the databases.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import EVENTS
from shared.contracts.discussions import CommentAdded, ProblemPosted, SolutionProposed
from shared.contracts.topics import EVENT_TOPICS
from shared.ids import new_id
from shared.messaging import inbox
from shared.messaging.broker import FETCH_WAIT_MS
from shared.messaging.envelope import Received, decode, type_of
from shared.settings import ServiceSettings
from shared.storage import Database
from shared.storage.unit_of_work import OUTBOX
from shared.testing.fleet import Fleet
from shared.testing.harness import SECRET, eventually, recorded
from shared.web.auth import dev_member_id, dev_token


@dataclass
class Load:
    """Members who post, answer and comment, each request repeated with its idempotency key until answered."""

    fleet: Fleet
    seed: int
    members: int = 6
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    """(kind, id) of everything that was answered with 201."""
    resent: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self) -> str:
        """Register the members and have them join one community; answer its id."""
        community = ""
        token = ""
        for number in range(self.members):
            await self._send("members", number, "POST", "/v1/members", {"name": f"Member {number}"})
            if not community:
                rules = {"newcomer_days": 0}
                body = {"name": "Chaos", "kind": "external", "about": "Under load.", "rules": rules}
                founded = await self._send("members", number, "POST", "/v1/communities", body)
                community, token = founded.json()["id"], founded.headers["guildhall-causal-token"]
            else:
                address = f"/v1/communities/{community}/members/me"
                joined = await self._send("members", number, "PUT", address, None)
                token = joined.headers["guildhall-causal-token"]
            # "Join, then post at once": the token carries the join across.
            seen = await self._send(
                "discussions", number, "GET", f"/v1/communities/{community}/problems", None, token
            )
            assert seen.status_code == 200, seen.text
        return community

    async def run(self, community: str, workers: int = 4) -> None:
        """Post until told to stop."""
        await asyncio.gather(*(self._worker(number, community) for number in range(workers)))

    async def _worker(self, number: int, community: str) -> None:
        chance = random.Random(self.seed * 100 + number)
        while not self.stop.is_set():
            author, other = chance.sample(range(self.members), 2)
            body: dict[str, Any] = {"title": f"Problem {new_id()}", "body": "Who knows?", "tags": ["permits"]}
            body["context"] = {"size": "1", "constraints": "-", "culture": "-", "tried": "-"}
            address = f"/v1/communities/{community}/problems"
            posted = await self._send("discussions", author, "POST", address, body)
            problem = self._acknowledge("problem", posted)
            for _ in range(chance.randint(1, 3)):
                proposed = await self._send(
                    "discussions", other, "POST", f"/v1/problems/{problem}/solutions", {"body": new_id()}
                )
                solution = self._acknowledge("solution", proposed)
                comment = {"item_kind": "solution", "item_id": solution, "body": "Thanks."}
                added = await self._send(
                    "discussions", author, "POST", f"/v1/threads/{problem}/comments", comment
                )
                self._acknowledge("comment", added)

    def _acknowledge(self, kind: str, answer: httpx.Response) -> str:
        assert answer.status_code == 201, answer.text
        item: str = answer.json()["id"]
        self.acknowledged.append((kind, item))
        return item

    async def _send(
        self, service: str, member: int, method: str, path: str, body: Any, causal: str = ""
    ) -> httpx.Response:
        """Send until it is answered: a lost connection or a 503 says nothing about whether it happened."""
        headers = {
            "Authorization": f"Bearer {dev_token(SECRET, f'chaos-{self.seed}-{member}')}",
            "Idempotency-Key": new_id(),
        }
        if causal:
            headers["Guildhall-Causal-Token"] = causal
        async with httpx.AsyncClient(base_url=self.fleet.url(service), timeout=15) as http:
            for _ in range(600):
                try:
                    answer = await http.request(method, path, json=body, headers=headers)
                    if answer.status_code != 503:
                        return answer
                except httpx.HTTPError:
                    pass
                self.resent += 1
                await asyncio.sleep(0.1)  # a client's backoff, not a wait for a result
        raise AssertionError(f"{method} {path} was never answered")


async def published(settings: ServiceSettings) -> dict[str, list[Received[Any]]]:
    """Every event on the topics, by topic, in the order of each partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    await consumer.start()
    try:
        consumer.assign(
            [TopicPartition(topic.name, n) for topic in EVENT_TOPICS for n in range(topic.partitions)]
        )
        events: dict[str, list[Received[Any]]] = defaultdict(list)
        # To the end, by silence: Tansu's end offsets count the last batch as one record.
        while fetched := await consumer.getmany(timeout_ms=2_000):
            for partition, records in fetched.items():
                for record in records:
                    if (event := EVENTS.get(type_of(record))) is not None:
                        events[partition.topic].append(decode(record, event))
        return events
    finally:
        await consumer.stop()


async def verdict(load: Load, settings: ServiceSettings) -> Counter[str]:
    """Wait until everything is quiet, then check every promise; answer some figures."""
    uri, prefix = settings.mongodb_uri.get_secret_value(), settings.database_prefix
    databases = {
        name: Database(uri, f"{prefix}{name}")
        for name in ("members", "discussions", "matching", "notifications")
    }

    async def relayed() -> bool:
        return not any(
            [await each[OUTBOX].count_documents({"pending": True}, limit=1) for each in databases.values()]
        )

    await eventually(relayed, within=90)
    rows = {event["_id"]: event["type"] for event in await recorded(databases["discussions"])}
    wanted = {row_id for row_id, name in rows.items() if name in (SolutionProposed.type, CommentAdded.type)}

    async def notified() -> bool:
        return await inbox.handled(databases["notifications"], wanted) == wanted

    await eventually(notified, within=90)
    await eventually(relayed, within=90)
    events = await published(settings)
    mine = [each for each in events["discussions.threads"] if each.id in rows]

    # Nothing acknowledged is lost: its event is on the topic.
    by_kind = {
        "problem": {each.event.thread_id for each in mine if isinstance(each.event, ProblemPosted)},
        "solution": {each.event.solution_id for each in mine if isinstance(each.event, SolutionProposed)},
        "comment": {each.event.comment_id for each in mine if isinstance(each.event, CommentAdded)},
    }
    lost = [(kind, item) for kind, item in load.acknowledged if item not in by_kind[kind]]
    assert not lost, f"acknowledged but never published: {lost[:5]}"

    # No event without its state, no state without its event.
    assert {each.id for each in mine} == set(rows)
    acknowledged = Counter(kind for kind, _ in load.acknowledged)
    for kind, items in by_kind.items():
        # A request that was answered only after a crash is acknowledged, too: nothing is doubled.
        assert acknowledged[kind] <= len(items) <= acknowledged[kind] + 8, kind

    # Order per key: first occurrences carry the versions 1, 2, 3 …
    ours = {event["_id"] for database in databases.values() for event in await recorded(database)}
    for topic, received in events.items():
        versions: dict[str, list[int]] = defaultdict(list)
        seen: set[str] = set()
        for each in received:
            # Other tests on this stack publish, too, and may do so for the same key.
            if each.id in ours and each.id not in seen:
                seen.add(each.id)
                versions[each.event.key].append(each.event.version)
        for key, found in versions.items():
            assert found == list(range(1, len(found) + 1)), f"{topic} {key}: {found}"

    # Each effect once: one notification for each solution and comment, to the one concerned.
    members = {dev_member_id(f"chaos-{load.seed}-{number}") for number in range(load.members)}
    items = [item async for item in databases["notifications"]["items"].find({})]
    written = by_kind["solution"] | by_kind["comment"]
    about = [item for item in items if item["subject_id"] in written and item["kind"] in ("reply", "comment")]
    told = Counter(item["subject_id"] for item in about)
    assert set(told) == written
    assert set(told.values()) == {1}
    assert {item["_id"].rpartition(":")[0] for item in about} <= members
    sequences: dict[str, list[int]] = defaultdict(list)
    for item in items:
        member, _, seq = item["_id"].rpartition(":")
        if member in members:  # what other tests published on this stack may be told to others
            sequences[member].append(int(seq))
    for member, found in sequences.items():
        assert sorted(found) == list(range(1, len(found) + 1)), f"{member}: gaps or copies"
    for database in databases.values():
        await database.close()
    return Counter(
        acknowledged=len(load.acknowledged), resent=load.resent, events=len(mine), notified=len(items),
        copies=len(mine) - len({each.id for each in mine}),
    )  # fmt: skip
