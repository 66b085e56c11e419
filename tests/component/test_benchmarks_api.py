"""Benchmarks on a real database: one answer of each organisation, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.discussions.duties import DUTIES
from shared.clockwork import work_off
from shared.contracts.members import MemberJoined, MemberRegistered
from shared.testing.harness import recorded
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, World, discussions, fresh

BENCHMARKS = f"/communities/{COMMUNITY}/benchmarks"
DAYS = {"kind": "number", "name": "Days per permit.", "unit": "days", "lowest": 0}
SIGNED = {"kind": "choice", "name": "Signed $digitally", "choices": ["alle", "einige", "keine 🙁"]}
BENCHMARK = {"title": "How long?", "body": "All in all.", "tags": ["Permits"], "measures": [DAYS, SIGNED]}


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    world = await fresh(app)
    for name, org in (
        ("ann", "aarhus"),
        ("bob", "bergen"),
        ("bea", "bergen"),
        ("cid", "cork"),
        ("sol", None),
    ):
        await world.feed(
            world.event(MemberRegistered, name, name=name.title(), org_id=org),
            world.event(MemberJoined, name, role="member", joined_at=world.clock(), org_id=org),
        )
    await world.joins("fay", role="facilitator")
    await world.joins("eve", at="elsewhere")
    return world


async def opens(world: World, **fields: Any) -> str:
    return f"/benchmarks/{(await world.ask('ann', 'POST', BENCHMARKS, BENCHMARK | fields, 201))['id']}"


def given(days: float | None = None, signed: str | None = None, note: str = "") -> dict[str, Any]:
    values = []
    if days is not None:
        values.append({"measure": DAYS["name"], "value": days, "unit": "days"})
    if signed is not None:
        values.append({"measure": SIGNED["name"], "value": signed})
    return {"values": values, "note": note}


async def test_answers_side_by_side(world: World) -> None:
    benchmark = await opens(world)
    await world.ask("ann", "POST", f"{benchmark}/answer", given(9, "alle"), 201)
    await world.ask("bob", "POST", f"{benchmark}/answer", given(2.5), 201)
    await world.ask("sol", "POST", f"{benchmark}/answer", given(4, "keine 🙁", note="Alone."), 201)
    table = await world.ask("cid", "GET", f"{benchmark}/table")
    assert [(row["org_id"], row["cells"], row["note"]) for row in table["rows"]] == [
        ("aarhus", [9, "alle"], ""), ("bergen", [2.5, None], ""), (None, [4, "keine 🙁"], "Alone."),
    ]  # fmt: skip
    assert [row["member"] and row["member"]["name"] for row in table["rows"]] == [None, None, "Sol"]
    days, signed = table["columns"]
    assert (days["answered"], days["lowest"], days["median"], days["highest"]) == (3, 2.5, 4, 9)
    assert days["measure"]["unit"] == "days"
    assert (signed["answered"], signed["chosen"]) == (2, {"alle": 1, "einige": 0, "keine 🙁": 1})
    assert (table["withheld"], table["answers"]) == (False, 3)
    assert [row["own"] for row in (await world.ask("bea", "GET", f"{benchmark}/table"))["rows"]] == [
        False, True, False,
    ]  # fmt: skip


async def test_an_organisation_has_one_answer_which_its_members_edit(world: World) -> None:
    benchmark = await opens(world)
    assert (await world.ask("bea", "GET", f"{benchmark}/answer", expect=404))["code"] == "not-answered"
    refused = await world.ask("bea", "PUT", f"{benchmark}/answer", given(1), 404, If_Match='"1"')
    assert refused["code"] == "not-answered"
    await world.ask("bob", "POST", f"{benchmark}/answer", given(2), 201)
    assert (await world.ask("bea", "POST", f"{benchmark}/answer", given(3), 409))[
        "code"
    ] == "already-answered"
    seen = await world.ask("bea", "GET", f"{benchmark}/answer")
    assert (seen["answered_by"]["name"], seen["revision"]) == ("Bob", 1)
    edited = await world.ask("bea", "PUT", f"{benchmark}/answer", given(3), If_Match='"1"')
    assert (edited["answered_by"]["name"], edited["revision"], edited["values"][0]["value"]) == ("Bea", 2, 3)
    await world.ask("bob", "PUT", f"{benchmark}/answer", given(4), 412, If_Match='"1"')
    await world.ask("bob", "PUT", f"{benchmark}/answer", given(4), 428)
    assert (await world.ask("ann", "GET", benchmark))["answers"] == 1
    assert (
        await world.events(benchmark.rpartition("/")[2]) == ["benchmark-opened"] + ["benchmark-answered"] * 2
    )


async def test_two_of_one_organisation_at_once(world: World) -> None:
    benchmark = await opens(world)
    async with world.by("bob") as bob, world.by("bea") as bea:
        answers = await asyncio.gather(
            *((bob if n % 2 else bea).post(f"/v1{benchmark}/answer", json=given(n)) for n in range(6))
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len((await world.ask("ann", "GET", f"{benchmark}/table"))["rows"]) == 1
    assert (await world.ask("ann", "GET", benchmark))["answers"] == 1


async def test_nobody_learns_whose_a_nameless_answer_is(world: World) -> None:
    benchmark = await opens(world, nameless=True)
    for number, who in enumerate(("ann", "bob", "sol")):
        table = await world.ask("fay", "GET", f"{benchmark}/table")
        assert (table["withheld"], table["rows"], table["answers"]) == (True, [], number)
        assert {column["answered"] for column in table["columns"]} == {0}
        await world.ask(who, "POST", f"{benchmark}/answer", given(number), 201)
    table = await world.ask("bea", "GET", f"{benchmark}/table")
    assert table["withheld"] is False
    assert {(row["own"], row["org_id"], row["member"]) for row in table["rows"]} == {
        (False, None, None), (True, "bergen", None),
    }  # fmt: skip
    for who in ("fay", "cid"):
        text = str(await world.ask(who, "GET", f"{benchmark}/table"))
        timeline = await world.ask(who, "GET", f"/threads/{benchmark.rpartition('/')[2]}/timeline")
        text += str([entry for entry in timeline["items"] if entry["event"] == "benchmark-answered"])
        for told in ("aarhus", "bergen", dev_member_id("bob"), dev_member_id("sol")):
            assert told not in text
    rows = await recorded(world.database, type="guildhall.benchmark-answered.v1")
    assert not any(dev_member_id(who).encode() in row["data"] for row in rows for who in ("bob", "sol"))


async def test_it_closes_by_its_author_or_in_time(world: World) -> None:
    by_hand, in_time, open_end = (
        await opens(world),
        await opens(world, closes_at="2026-03-09T12:00:00+02:00"),
        await opens(world),
    )
    assert (await world.ask("bob", "POST", f"{by_hand}/close", expect=403))["code"] == "not-yours"
    assert (await world.ask("fay", "POST", f"{by_hand}/close"))["state"] == "closed"
    for path, body in (("close", None), ("answer", given(1))):
        assert (await world.ask("ann", "POST", f"{by_hand}/{path}", body, 409))["code"] == "benchmark-closed"
    assert await work_off(world.database, DUTIES) == 0
    world.clock.advance(7 * DAY + timedelta(hours=1))
    assert (await world.ask("bob", "POST", f"{in_time}/answer", given(1), 409))["code"] == "benchmark-closed"
    assert (await world.ask("bob", "GET", in_time))["state"] == "open"
    assert await work_off(world.database, DUTIES) == 1
    world.clock.advance(-8 * DAY)
    assert await work_off(world.database, DUTIES) == 0
    assert (await world.ask("bob", "GET", in_time))["state"] == "closed"
    assert (await world.ask("bob", "GET", open_end))["state"] == "open"
    assert await world.events(in_time.rpartition("/")[2]) == ["benchmark-opened", "benchmark-closed"]
    listed = await world.ask("bob", "GET", f"{BENCHMARKS}?state=open")
    assert [f"/benchmarks/{each['id']}" for each in listed["items"]] == [open_end]
    first = await world.ask("bob", "GET", f"{BENCHMARKS}?limit=2&tag=permits")
    rest = await world.ask("bob", "GET", f"{BENCHMARKS}?limit=2&tag=permits&cursor={first['next']}")
    assert len({each["id"] for each in first["items"] + rest["items"]}) == 3
    assert rest["next"] is None


async def test_strangers_find_nothing(world: World) -> None:
    benchmark = await opens(world)
    for method, end, body in (
        ("GET", "", None), ("GET", "/table", None), ("GET", "/answer", None), ("POST", "/answer", given(1)),
        ("PUT", "/answer", given(1)), ("POST", "/close", None),
    ):  # fmt: skip
        refused = await world.ask("eve", method, benchmark + end, body, 404, If_Match='"1"')
        assert refused["code"] == "no-such-benchmark"
    assert (await world.ask("eve", "POST", BENCHMARKS, BENCHMARK, 404))["code"] == "no-such-community"
    assert (await world.ask("eve", "GET", BENCHMARKS, expect=404))["code"] == "no-such-community"


@pytest.mark.parametrize(
    "fields",
    [
        {"measures": []},
        {"measures": [DAYS, DAYS]},
        {"measures": [DAYS | {"unit": ""}]},
        {"measures": [DAYS | {"choices": ["a", "b"]}]},
        {"measures": [SIGNED | {"choices": ["a"]}]},
        {"measures": [DAYS | {"lowest": True}]},
        {"closes_at": "2026-03-09T12:00:00"},
        {"closes_at": "2026-03-01T12:00:00Z"},
    ],
    ids=str,
)
async def test_what_cannot_be_asked(world: World, fields: dict[str, Any]) -> None:
    await world.ask("ann", "POST", BENCHMARKS, BENCHMARK | fields, 422)


@pytest.mark.parametrize("value", [True, None, "9", -1, {}], ids=str)
async def test_what_is_no_number_of_days(world: World, value: Any) -> None:
    benchmark = await opens(world)
    refused = await world.ask("ann", "POST", f"{benchmark}/answer", given() | {
        "values": [{"measure": DAYS["name"], "value": value, "unit": "days"}]}, 422)  # fmt: skip
    assert refused["errors"][0]["field"].startswith("/values/0/value")


async def test_its_lists_are_on_indexes(world: World) -> None:
    due = {"kind": "benchmark", "state": "open", "closes_at": {"$type": "date", "$lte": world.clock()}}
    for collection, query, order in (
        ("threads", due, [("closes_at", 1)]),
        ("benchmark_answers", {"thread_id": "t"}, None),
        ("benchmark_answers", {"thread_id": "t", "respondent": "r"}, None),
    ):
        found = world.database[collection].find(query)
        plan = str((await (found.sort(order) if order else found).explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "'SORT'" not in plan
