"""The importer against the real services: everything arrives, and no kill doubles anything."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.cli.stackexchange.replay import Replay
from deploy.cli.stackexchange.spool import Spool
from services.discussions.app import service as discussions
from services.members.app import service as members
from shared.ids import new_id
from shared.testing.harness import SECRET, eventually, recorded, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_token

WORKSHOP = Path(__file__).parents[1] / "data" / "workshop"

EXPECTED = {
    "guildhall.member-registered.v1": 8,
    "guildhall.community-created.v1": 1,
    "guildhall.member-joined.v1": 8,
    "guildhall.community-stage-changed.v1": 1,
    "guildhall.problem-posted.v1": 4,
    "guildhall.problem-updated.v1": 1,
    "guildhall.solution-proposed.v1": 5,
    "guildhall.solution-revised.v1": 2,
    "guildhall.comment-added.v1": 2,
    "guildhall.solution-accepted.v1": 1,
    "guildhall.problem-linked.v1": 2,
}
"""What the authored dump becomes, as the services publish it."""


class Killed(BaseException):
    """The importer dies."""


@pytest.fixture
async def services(topics: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[FastAPI]]:
    """Members and discussions, reachable by httpx as http://members and http://discussions."""
    settings = settings_for(topics)
    async with running(members, topics, settings) as one, running(discussions, topics, settings) as other:
        real = httpx.AsyncClient
        mounts = {
            "http://members": httpx.ASGITransport(one),
            "http://discussions": httpx.ASGITransport(other),
        }
        monkeypatch.setattr(httpx, "AsyncClient", lambda **kwargs: real(mounts=mounts, **kwargs))
        yield [one, other]


def replay(spool: Spool) -> Replay:
    token = dev_token(SECRET, "importer", scopes=[IMPORT_SCOPE])
    return Replay(spool, "http://members", "http://discussions", token)


def read(work: Path, site: str) -> Spool:
    spool = Spool(work, site)
    spool.fill(WORKSHOP)
    return spool


async def published(services: list[FastAPI]) -> dict[str, int]:
    """How many events of each type the services published, counted where they are recorded."""
    counts: Counter[str] = Counter()
    for app in services:
        counts.update(event["type"] for event in await recorded(app.state.database))
    return dict(counts)


async def all_published(services: list[FastAPI]) -> bool:
    """Whether exactly that was published; the community becomes active when members hears of its posts."""
    return await published(services) == EXPECTED


async def test_a_dump_becomes_a_community(services: list[FastAPI], tmp_path: Path) -> None:
    spool = read(tmp_path / "work.sqlite", new_id())
    await replay(spool).run()
    report = spool.report()
    assert report["finished"]
    assert not [skip for skip in report["skipped"] if "by the service" in skip["where"]]
    created = {kind: told.get("created") for kind, told in report["items"].items()}
    assert created == {
        "member": 8, "community": 1, "membership": 7, "problem": 4, "problem-edit": 1, "solution": 5,
        "revision": 2, "comment": 2, "accept": 1, "link": 2,
    }  # fmt: skip
    assert report["items"]["membership"]["existing"] == 1  # whoever founds a community belongs to it
    await eventually(lambda: all_published(services))
    events = await recorded(services[1].state.database)
    assert {event["time"][:4] for event in events} == {"2015"}  # the original times
    assert not [event for event in events if "endorsed" in event["type"]]
    spool.close()


@pytest.mark.parametrize("window", [1, 2, 3, 4])
async def test_a_killed_import_goes_on_and_doubles_nothing(
    services: list[FastAPI], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    """The kill comes at the worst moment: the services have done a window, and we do not know it yet."""
    site = new_id()
    spool = read(tmp_path / "work.sqlite", site)
    acknowledge, calls = spool.acknowledge, 0

    def killed(outcomes: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == window:
            raise Killed
        acknowledge(outcomes)

    monkeypatch.setattr(spool, "acknowledge", killed)
    with pytest.raises(Killed):
        await replay(spool).run()
    spool.close()

    again = read(tmp_path / "work.sqlite", site)
    await replay(again).run()
    assert again.report()["finished"]
    await eventually(lambda: all_published(services))
    again.close()


async def test_an_import_that_is_repeated_finds_everything_existing(
    services: list[FastAPI], tmp_path: Path
) -> None:
    site = new_id()
    for work in ("one.sqlite", "two.sqlite"):
        spool = read(tmp_path / work, site)
        await replay(spool).run()
        report = spool.report()
        spool.close()
    assert all(set(told) == {"existing"} for told in report["items"].values()), report["items"]
    await eventually(lambda: all_published(services))
