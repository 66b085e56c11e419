"""Whom to ask is learned anew by a job: kept as a version, and taken up by the service that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.cli.main import app as guildhall
from services.matching.app import service
from services.matching.domain import rules
from services.matching.domain.routing.replay import History
from services.matching.domain.routing.router import Query
from services.matching.domain.routing.text import digest
from services.matching.follower import running_index
from services.matching.index import live
from services.matching.store import SOLUTIONS, THREADS, rankers
from services.matching.store.rankers import RANKERS
from services.matching.trainer import train_if_due
from shared.service import build_app
from shared.testing.harness import eventually
from shared.testing.stack import Stack
from tests.component.matching import fresh, matching
from tests.routing_worlds import MEMBERS, history


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with matching(stack) as app:
        yield app


_HISTORY = history("a", longest_silent=True)
_LAST = {each.author_id: each.at for each in _HISTORY.solutions}
_SILENT = min(_LAST, key=lambda member: _LAST[member])


async def test_a_running_service_takes_up_what_the_job_learned(app: FastAPI, stack: Stack) -> None:
    world = await fresh(app)
    await _keep(app, _HISTORY)
    await _keep(app, history("b", longest_silent=True))
    async with running_index(app):
        by_hand = await _ranked(app)
        assert _version(app) is None
        table = await _train(app, stack)
        assert table[-1].split()[0] == "1"
        assert table[-1].endswith("yes")
        await eventually(partial(_uses, app, "1"))
        learned = await _ranked(app)
        assert by_hand.index(_SILENT) >= MEMBERS // 2
        assert learned.index(_SILENT) == 0

        # What cannot be read is not used, what did not win neither; without them the one before is.
        for number, version in enumerate(({"won": True, "text": "garbage"}, {"won": False, "text": ""}), 2):
            await world.database[RANKERS].insert_one({"_id": number, **_FIGURES, **version})
            await eventually(partial(_uses, app, None))
            assert await _ranked(app) == by_hand
            await world.database[RANKERS].delete_one({"_id": number})
            await eventually(partial(_uses, app, "1"))

    other = build_app(service, app.state.settings, clock=app.state.clock)
    async with running_index(other):
        assert _version(other) == "1"
        assert await _ranked(other) == learned
    await other.state.database.close()


async def test_what_did_not_win_is_kept_and_not_used(app: FastAPI, stack: Stack) -> None:
    await fresh(app)
    await _keep(app, _HISTORY)
    await _keep(app, history("b", longest_silent=False))
    for number in ("1", "2"):
        table = await _train(app, stack)
        assert table[1].split()[0] == number
        assert table[1].endswith("no")
    await live.of(app.state.database).rebuild()
    assert _version(app) is None
    assert await _train(app, stack, "--show") == table


async def test_the_service_trains_by_itself_every_week_and_once(app: FastAPI) -> None:
    world = await fresh(app)
    settings = app.state.settings

    async def train() -> list[bool]:
        return sorted(await asyncio.gather(*(train_if_due(world.database, settings) for _ in range(3))))

    await _keep(app, _HISTORY)
    assert await train() == [False] * 3  # a week after it began at the earliest
    world.clock.advance(rules.RETRAIN)
    assert await train() == [False, False, True]
    [version] = await rankers.latest(world.database, 5)
    assert version.queries > 0
    assert await train() == [False] * 3


async def test_a_training_that_fails_is_tried_again_later(app: FastAPI) -> None:
    world = await fresh(app)
    nowhere = app.state.settings.model_copy(update={"mongodb_uri": SecretStr("nonsense")})
    await train_if_due(world.database, nowhere)
    world.clock.advance(rules.RETRAIN)
    assert not await train_if_due(world.database, nowhere)
    assert not await train_if_due(world.database, app.state.settings)
    world.clock.advance(rankers.LEASE)
    assert await train_if_due(world.database, app.state.settings)


async def test_without_anything_to_learn_from_no_version_is_made(app: FastAPI, stack: Stack) -> None:
    await fresh(app)
    assert (await _train(app, stack))[-1].startswith("version")
    assert await app.state.database[RANKERS].count_documents({}) == 0


_FIGURES = {"trained_at": datetime(2026, 3, 1, tzinfo=UTC), "queries": 300, "by_hand": 0.3, "learned": 0.4}


async def _keep(app: FastAPI, history: History) -> None:
    """What matching keeps of a community's problems and solutions."""
    database = app.state.database
    await database[THREADS].insert_many(
        [
            {
                "_id": each.problem_id, "community_id": each.community_id, "author_id": each.asker_id,
                "tags": ["permits"], "words": each.words.tobytes(), "posted_at": _moment(each.at),
            }
            for each in history.problems
        ]
    )  # fmt: skip
    await database[SOLUTIONS].insert_many(
        [
            {
                "_id": each.solution_id, "thread_id": each.problem_id, "community_id": each.community_id,
                "author_id": each.author_id, "proposed_at": _moment(each.at), "accepted": True,
            }
            for each in history.solutions
        ]
    )  # fmt: skip


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


async def _ranked(app: FastAPI) -> list[str]:
    router = live.of(app.state.database).router
    query = Query("a", digest(("fax form",)), ["permits"], max(_LAST.values()))
    return [each.member_id for each in router.rank(query).ranked]


def _version(app: FastAPI) -> str | None:
    learned = live.of(app.state.database).router.learned
    return learned.version if learned else None


async def _uses(app: FastAPI, version: str | None) -> bool:
    return _version(app) == version


async def _train(app: FastAPI, stack: Stack, *options: str) -> list[str]:
    """Run the job as operators do; answer its table."""
    environment = {
        "MONGODB_URI": stack.mongodb,
        "GUILDHALL_DATABASE_PREFIX": app.state.settings.database_prefix,
    }
    run = await asyncio.to_thread(CliRunner().invoke, guildhall, ["train-router", *options], env=environment)
    assert run.exit_code == 0, run.output
    return run.stdout.splitlines()
