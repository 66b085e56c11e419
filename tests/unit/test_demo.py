"""`guildhall demo`: what is expected and does not happen is told, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import httpx
import pytest
from rich.console import Console

from deploy.cli.demo import journey, load
from deploy.cli.demo import play as playing
from deploy.cli.demo.play import Play, Script
from deploy.cli.demo.timeline import Seen, Timeline
from deploy.cli.demo.world import Person, World
from shared.contracts.discussions import ProblemPosted
from shared.contracts.matching import ExpertAskExpired
from shared.contracts.practices import BestPracticeRecognised
from shared.contracts.topics import SERVICES
from shared.testing.stack import Stack

ASKER, OTHER = Person("a", "Ann", "ann"), Person("b", "Bob", "bob")


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    monkeypatch.setattr(playing, "WITHIN", 0.01)
    script = Script(
        community_id="c", asker=ASKER, people={"a": ASKER}, colleagues=[], listeners=[ASKER], title="T",
        body="B", tags=[], context={}, solution="S", comment="C", apprentice=ASKER,
    )  # fmt: skip
    world = World(cast(Stack, None), dict.fromkeys(SERVICES, "http://guildhall.test"), "s" * 32, Path())
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500, text="broken")))
    timeline = Timeline(Console(file=io.StringIO(), width=140), {"b": "Bob"}, {"a"})
    return Play(world, script, timeline, client)


def seen(**fields: object) -> Seen:
    event = BestPracticeRecognised.example().model_copy(update=fields)
    return Seen(0.0, "discussions", event.event_name, frozenset({event.thread_id}), event)


async def test_what_is_not_seen_is_missing(play: Play) -> None:
    await play.timeline.saw(seen(thread_id="t", solution_id="s"))
    await play.timeline.saw(seen(thread_id="another", solution_id="other"))
    await play.timeline.follow("t")
    await play.expect("this one", BestPracticeRecognised, lambda e: e.solution_id == "s")
    assert play.missing == []
    await play.expect("the other", BestPracticeRecognised, lambda e: e.solution_id == "other")
    await play.expect("two of them", BestPracticeRecognised, count=2)
    await play.notified("recognition", ASKER)
    await play.notified("recognition", OTHER)
    assert [what.split(":")[0] for what in play.missing] == [
        "the other", "two of them", "Ann is notified (recognition)", "Bob is notified (recognition)",
    ]  # fmt: skip


async def test_a_request_that_fails_ends_the_play(play: Play) -> None:
    (missing,) = await journey.perform(play)
    assert "500 broken" in missing


def test_what_is_authored_fits_together() -> None:
    community = load.authored()
    people, played = load.people(community), community["journey"]
    where = next(each for each in community["communities"] if each["id"] == played["community"])
    members = {where["founder"], *where["members"]}
    adopters = [each["adopter"] for each in played["adaptations"]]
    assert {played["asker"], played["apprentice"], *played["stewards"], *adopters} <= members
    assert len({people[each].org for each in adopters}) == len(adopters)  # each of another organisation
    assert {each.org for each in people.values()} == set(community["organisations"])


async def test_a_long_title_is_written_out_once() -> None:
    console = Console(file=io.StringIO(), width=200)
    timeline = Timeline(console, {"a": "Ann"}, {"a"})
    title = "Building permits wait nine days for a handwritten signature"
    about = frozenset({"t"})
    posted = ProblemPosted.example().model_copy(update={"thread_id": "t", "title": title, "author_id": "a"})
    told = {"text": f"Bob answered on “{title}”"}
    await timeline.follow("t")
    await timeline.saw(Seen(0.0, "discussions", "problem-posted", about, posted))
    await timeline.saw(Seen(0.0, "notifications", "reply", about, listener="a", notification=told))
    printed = cast(io.StringIO, console.file).getvalue()
    assert f"posted: “{title}”" in printed
    assert "Bob answered on “Building permits wait…”" in printed


def test_asks_that_are_over_say_why() -> None:
    timeline = Timeline(Console(file=io.StringIO()), {"a": "Ann"}, set())
    for ignored, why in ((True, "no answer in time"), (False, "settled")):
        event = ExpertAskExpired.example().model_copy(update={"expert_id": "a", "ignored": ignored})
        what, who = timeline._words(Seen(0.0, "matching", "expert-ask-expired", frozenset(), event))
        assert why in what
        assert who == "Ann"
