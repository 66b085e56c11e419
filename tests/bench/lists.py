"""Lists, search and timelines with few items and with many: how much longer do they take?"""

from __future__ import annotations

import random
import statistics
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from os import cpu_count
from time import perf_counter
from typing import Any

import httpx
from fastapi import FastAPI
from pymongo import MongoClient
from rich.progress import Progress, TaskID

from services.discussions.app import service
from services.discussions.domain import problem as problems
from services.discussions.domain import searching, timeline
from services.discussions.domain.access import Participant
from services.discussions.store.access import pair
from services.discussions.store.search import SEARCH
from services.discussions.store.threads import THREADS
from services.discussions.store.timeline import TIMELINE
from shared.service import build_app
from shared.testing.harness import client, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id

COMMUNITY = "bench"
START = datetime(2020, 1, 1, tzinfo=UTC)
CHUNK = 1_000
RARE, COMMON, BOTH = "zanzibar", "permits", "signature"
RARE_ITEMS = 25
"""So many items have the rare word, however many there are."""
LONG_THREAD = "long"
"""A thread with a tenth of all entries in its timeline."""
VOCABULARY = [f"word{number}" for number in range(5_000)]
_ZIPF = list(accumulate(1 / (rank + 2) for rank in range(len(VOCABULARY))))

WARM_UP = 3
"""Rounds that are not counted."""

Figures = dict[str, float]


def documents(first: int, last: int, total: int) -> Iterator[dict[str, dict[str, Any]]]:
    """The documents of the problems from ``first`` to before ``last`` of ``total``, by collection: as the
    service would have written them."""
    author = Participant(
        member_id=dev_member_id("bench"), community_id=COMMUNITY, role="member", org_id=None, joined_at=START
    )
    for number in range(first, last):
        chance = random.Random(number)
        words = chance.choices(VOCABULARY, cum_weights=_ZIPF, k=30)
        words += [COMMON] * (number % 3 == 0) + [BOTH] * (number % 4 == 0)
        words += [RARE] * (number % (total // RARE_ITEMS) == 0)
        chance.shuffle(words)
        posted, event = problems.post(
            f"{number:012d}", author, title=" ".join(words[:5]), body=" ".join(words[5:]),
            tags=[f"tag{number % 50}"], now=START + timedelta(seconds=number),
        )  # fmt: skip
        posted = posted.model_copy(update={"state": ("open", "answered", "resolved")[number % 3]})
        said = posted.said()
        assert said is not None
        kept = said._asdict() | searching.entry(said)._asdict()
        for not_kept in ("item_id", "author_id", "title"):
            del kept[not_kept]
        entry = timeline.entry(event, posted.posted_at)
        if number % 10 == 0:
            entry = entry.model_copy(update={"thread_id": LONG_THREAD, "version": number // 10 + 1})
        yield {
            THREADS: {"_id": posted.thread_id, **posted.model_dump(exclude={"thread_id"})},
            SEARCH: {"_id": posted.thread_id, "hidden": [], **kept},
            TIMELINE: entry.model_dump(),
        }


def _fill(uri: str, database: str, first: int, last: int, total: int) -> int:
    with MongoClient[dict[str, Any]](uri, w=1) as mongo:
        found = documents(first, last, total)
        while chunk := list(islice(found, CHUNK)):
            for collection in (THREADS, SEARCH, TIMELINE):
                mongo[database][collection].insert_many([each[collection] for each in chunk], ordered=False)
    return last - first


async def fill(app: FastAPI, uri: str, items: int, progress: Progress, task: TaskID) -> None:
    """Fill the service's database with so many problems, fast: without its indexes, which are built at the
    end. One member, "bench", may see them."""
    database = app.state.database
    for collection in (THREADS, SEARCH, TIMELINE):
        await database[collection].drop_indexes()
    step = max(items // 40, CHUNK)
    with ProcessPoolExecutor(max(cpu_count() or 1, 1)) as pool:
        parts = [
            pool.submit(_fill, uri, database.name, first, min(first + step, items), items)
            for first in range(0, items, step)
        ]
        for part in as_completed(parts):
            progress.advance(task, part.result())
    long = next(documents(0, 1, items))[THREADS] | {"_id": LONG_THREAD}
    await database[THREADS].insert_one(long | {"posted_at": START - timedelta(days=1)})
    await database.ensure_indexes(service.all_indexes)
    member_id = dev_member_id("bench")
    await database["memberships"].insert_one(
        {
            "_id": pair(COMMUNITY, member_id), "community_id": COMMUNITY, "member_id": member_id,
            "active": True, "role": "member", "joined_at": START,
        }
    )  # fmt: skip


def requests(items: int) -> Mapping[str, tuple[str, dict[str, str]]]:
    """What is asked: by name, the path and the query."""
    listed = f"/v1/communities/{COMMUNITY}/problems"
    return {
        "list: newest": (listed, {}),
        "list: by state": (listed, {"state": "resolved"}),
        "list: by tag": (listed, {"tag": "tag7"}),
        "list: deep": (listed, {"cursor": "middle"}),
        "search: rare word": ("/v1/search", {"q": RARE}),
        "search: common word": ("/v1/search", {"q": COMMON}),
        "search: two common words": ("/v1/search", {"q": f"{COMMON} {BOTH}"}),
        "search: rare and common": ("/v1/search", {"q": f"{COMMON} {RARE}"}),
        "search: phrase": ("/v1/search", {"q": f'"{VOCABULARY[0]} {VOCABULARY[1]}"'}),
        "search: by tag and date": ("/v1/search", {"q": COMMON, "tag": "tag7", "order": "date"}),
        "search: everything": ("/v1/search", {}),
        "timeline: short": (f"/v1/threads/{items - 1:012d}/timeline", {}),
        "timeline: long": (f"/v1/threads/{LONG_THREAD}/timeline", {}),
    }


async def measure(
    apps: tuple[FastAPI, FastAPI], sizes: tuple[int, int], rounds: int
) -> tuple[Figures, Figures]:
    """The median time of each request with few items and with many, in seconds. Both are asked in turn, so
    that whatever else the machine does meets both."""
    times: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
    async with client(apps[0], "bench") as few, client(apps[1], "bench") as many:
        middles = [await _middle(few), await _middle(many)]
        for number in range(rounds + WARM_UP):
            for name in requests(1):
                for size, http in enumerate((few, many)):
                    path, query = requests(sizes[size])[name]
                    began = perf_counter()
                    answer = await http.get(
                        path, params={k: middles[size] if v == "middle" else v for k, v in query.items()}
                    )
                    took = perf_counter() - began
                    assert answer.status_code == 200, answer.text
                    assert answer.json()["items"] or "phrase" in name, name
                    if number >= WARM_UP:
                        times[size].setdefault(name, []).append(took)
    small, large = ({name: statistics.median(each) for name, each in found.items()} for found in times)
    return small, large


async def _middle(http: httpx.AsyncClient) -> str:
    """The cursor after some pages of the list."""
    cursor: dict[str, str] = {}
    for _ in range(20):
        page = await http.get(f"/v1/communities/{COMMUNITY}/problems", params={"limit": 100} | cursor)
        cursor = {"cursor": page.json()["next"]}
    return cursor["cursor"]


async def compare(
    stack: Stack, few: int, many: int, rounds: int, progress: Progress
) -> tuple[Figures, Figures]:
    """The times with ``few`` items and with ``many``, side by side on the same stack."""
    async with _queried(stack) as small, _queried(stack) as large:
        for app, items in ((small, few), (large, many)):
            task = progress.add_task(f"{items:,} items", total=items)
            await fill(app, stack.mongodb, items, progress, task)
        return await measure((small, large), (few, many), rounds)


@asynccontextmanager
async def _queried(stack: Stack) -> AsyncIterator[FastAPI]:
    """The service on a database of its own, consuming nothing."""
    app = build_app(service, settings_for(stack))
    database = app.state.database
    await database.ensure_indexes(service.all_indexes)
    try:
        yield app
    finally:
        await database.client.drop_database(database.name)
        await database.close()
