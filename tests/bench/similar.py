"""`POST /similar` while somebody types: what they wait, beside the least that the same work can take.

The service runs as a process of its own over so many problems, all of them in communities of whoever types.
A draft grows from three words to a page; an answer is waited for before the next request. Beside it, in the
same run: a draft without a word, which takes a request and a look at who asks and no more; the model, and a
product of a matrix and a vector, with nothing around them.

The texts are windows of Python's own documentation. The meanings of some are the model's; those of the others
are mixtures of these: what they are changes no time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from pydoc_data.topics import topics
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

import httpx
import numpy as np
from bson import Binary
from pymongo import UpdateOne

from services.matching import store
from services.matching.app import service
from services.matching.domain.similar.vectors import DIMENSIONS, F32, packed, unpacked
from services.matching.embedding import Passage
from services.matching.embedding.worker import Model
from services.matching.store import precedents
from shared.clock import utc_now
from shared.service import database_of
from shared.settings import ServiceSettings
from shared.storage import Database, UnitOfWork
from shared.testing.fleet import Fleet
from shared.testing.harness import SECRET, create_topics, eventually, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id, dev_token

COMMUNITIES: Final = 4
WORDS_OF_TITLE, WORDS_OF_BODY = 7, 90
EMBEDDED: Final = 200
"""So many texts have a meaning of the model's; the others a mixture of two of them."""
TYPED: Final = (3, 6, 10, 20, 40, 90)
"""Words of a draft as it grows."""
PAGE: Final = 500
WARM_UP: Final = 20
"""Requests that are not counted."""
WHO: Final = "typist"


class Asked(NamedTuple):
    """Seconds of each request."""

    drafts: list[float]
    nothing: list[float]
    """Of drafts without a word."""
    fell_back: float
    """The share of drafts whose meaning could not be told in time."""


class Figures(NamedTuple):
    """Seconds of everything that was measured."""

    words: Asked
    meaning: Asked
    model: list[float]
    product: list[float]


def texts(number: int, seed: int = 1) -> Iterator[Passage]:
    """So many texts, as a title and a body."""
    chance = random.Random(seed)
    words = " ".join(topics.values()).split()
    for _ in range(number):
        at = chance.randrange(len(words) - WORDS_OF_TITLE - WORDS_OF_BODY)
        body = at + WORDS_OF_TITLE
        yield " ".join(words[at:body]), " ".join(words[body : body + WORDS_OF_BODY])


async def measure(stack: Stack, problems: int, rounds: int) -> Figures:
    """So many drafts, typed over so many problems."""
    await create_topics(stack)
    settings = settings_for(stack)
    database = database_of("matching", settings)
    known = list(texts(problems))
    drafts = [_typed(*text, words) for text in texts(rounds, seed=2) for words in TYPED]
    model = Model()
    some = np.stack([unpacked(model.meaning(*text)) for text in known[:EMBEDDED]])
    vectors = _mixed(some, problems)
    try:
        await database.ensure_indexes(service.all_indexes)
        await _fill(database, known, vectors)
        by_words = await _ask(settings, "off", known[-1], drafts)
        by_meaning = await _ask(settings, "on", known[-1], drafts)
    finally:
        await database.client.drop_database(database.name)
        await database.close()
    return Figures(by_words, by_meaning, _model(model, drafts), _product(vectors, len(drafts)))


def _typed(title: str, body: str, words: int) -> Passage:
    """A draft of so many words."""
    written = body.split()[: max(0, words - WORDS_OF_TITLE)]
    return " ".join(title.split()[:words]), " ".join(written)


def _mixed(some: F32, number: int) -> F32:
    chance = np.random.default_rng(1)
    one, other = chance.integers(0, len(some), (2, number))
    mixed = some[one] + some[other] + chance.normal(0, 0.02, (number, DIMENSIONS)).astype(np.float32)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


async def _fill(database: Database, known: Sequence[Passage], vectors: F32) -> None:
    """Keep the problems as the service does, with their meanings."""

    async def joined(uow: UnitOfWork) -> None:
        for number in range(COMMUNITIES):
            place = (f"c{number}", dev_member_id(WHO))
            store.project_joined(uow, place, 1, org_id=None, role="member", joined_at=utc_now())

    await database.transact(joined)
    for first in range(0, len(known), PAGE):
        page = range(first, min(first + PAGE, len(known)))

        async def posted(uow: UnitOfWork, page: range = page) -> None:
            for number in page:
                title, body = known[number]
                precedents.project_text(
                    uow, f"p{number}", 1, community_id=f"c{number % COMMUNITIES}", author_id="a",
                    title=title, body=body, tags=[],
                )  # fmt: skip

        await database.transact(posted)
        change = [
            UpdateOne(
                {"_id": f"p{number}"},
                {"$set": {"meaning": Binary(packed(vectors[number]))}, "$unset": {"meaning_due": ""}},
            )
            for number in page
        ]
        await database[precedents.PRECEDENTS].bulk_write(change, ordered=False)


async def _ask(settings: ServiceSettings, embeddings: str, last: Passage, drafts: Sequence[Passage]) -> Asked:
    """Ask a service that has read everything."""
    with TemporaryDirectory() as logs:
        fleet = Fleet(
            settings, Path(logs), separate_relays=False, services=["matching"],
            more={"GUILDHALL_EMBEDDINGS": embeddings},
        )  # fmt: skip
        try:
            await fleet.start()
            headers = {"Authorization": f"Bearer {dev_token(SECRET, WHO)}"}
            async with httpx.AsyncClient(base_url=fleet.url("matching"), headers=headers, timeout=60) as http:

                async def ask(title: str, body: str) -> dict[str, Any]:
                    answer = await http.post("/v1/similar", json={"title": title, "body": body})
                    found: dict[str, Any] = answer.raise_for_status().json()
                    return found

                async def knows() -> bool:
                    found = await ask(*last)
                    return bool(found["items"]) and (found["by"] == "meaning") == (embeddings == "on")

                await eventually(knows, within=120)
                for draft in drafts[:WARM_UP]:
                    await ask(*draft)
                asked = Asked([], [], 0.0)
                fell_back = 0
                for draft in drafts:
                    began = perf_counter()
                    found = await ask(*draft)
                    asked.drafts.append(perf_counter() - began)
                    fell_back += embeddings == "on" and found["by"] == "words"
                    began = perf_counter()
                    await ask("", "")
                    asked.nothing.append(perf_counter() - began)
                return asked._replace(fell_back=fell_back / len(drafts))
        finally:
            fleet.stop()


def _model(model: Model, drafts: Sequence[Passage]) -> list[float]:
    spent = []
    for draft in drafts:
        began = perf_counter()
        model.meaning(*draft)
        spent.append(perf_counter() - began)
    return spent


def _product(vectors: F32, times: int) -> list[float]:
    spent = []
    for number in range(times):
        began = perf_counter()
        cosines = vectors @ vectors[number % len(vectors)]
        np.argpartition(-cosines, 50)[:50]
        spent.append(perf_counter() - began)
    return spent
