"""Gatherings on a real database: planned, changed, come to, held, noted; and what calendars get of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from icalendar import Calendar

from services.discussions.app import service
from services.discussions.duties import DUTIES
from shared.clockwork import work_off
from shared.contracts.content import GatheringCancelled, GatheringChanged, GatheringHeld
from shared.contracts.members import MemberErased, MemberJoined, MemberLeft, MemberRemoved
from shared.storage.personal import mentions, sweep
from shared.testing.harness import client, recorded
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_member_id
from tests.component.world import COMMUNITY, DAY, World, discussions, fresh

GATHERINGS = f"/communities/{COMMUNITY}/gatherings"
GATHERING = {
    "title": "Sprechstunde 📅",
    "body": "Bring one permit that **waits**.",
    "tags": ["Permits"],
    "start": "2026-03-16T10:00",
    "zone": "Europe/Copenhagen",
    "minutes": 60,
    "recurrence": "FREQ=WEEKLY;COUNT=4",
    "place": "Room 3",
    "address": "https://meet.example.org/clinic",
}
ONCE: dict[str, Any] = {"recurrence": None}


@pytest.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[FastAPI]:
    async with discussions(stack) as app:
        yield app


@pytest.fixture
async def world(app: FastAPI) -> World:
    world = await fresh(app)
    await world.joins("fay", role="facilitator")
    await world.joins("eve", at="elsewhere")
    return world


async def plans(world: World, who: str = "ann", at: str = COMMUNITY, **fields: Any) -> str:
    made = await world.ask(who, "POST", f"/communities/{at}/gatherings", GATHERING | fields, 201)
    return f"/gatherings/{made['id']}"


async def replies(world: World, gathering: str, **by: str) -> None:
    for who, reply in by.items():
        world.clock.advance(timedelta(minutes=1))
        await world.ask(who, "PUT", f"{gathering}/rsvp", {"reply": reply})


async def named(world: World, gathering: str, query: str = "reply=yes") -> list[str]:
    rows = (await world.ask("ann", "GET", f"{gathering}/attendees?{query}"))["items"]
    return [row["member"]["name"].lower() for row in rows]


async def told(world: World, gathering: str, event: type[GatheringChanged | GatheringCancelled]) -> Any:
    rows = await recorded(world.database, key=gathering.rpartition("/")[2], type=event.type)
    return event.read(rows[-1]["data"])


async def calendar(world: World, address: str, expect: int = 200) -> list[Any]:
    async with client(world.app) as nobody:
        answer = await nobody.get(address)
    assert answer.status_code == expect, answer.text
    if expect != 200:
        return []
    assert answer.headers["content-type"].startswith("text/calendar")
    return Calendar.from_ical(answer.content).walk("VEVENT")


# -- imported ------------------------------------------------------------------------------------------


def imported(**fields: Any) -> dict[str, Any]:
    whose = {"id": "g1", "community_id": COMMUNITY, "author_id": dev_member_id("ann")}
    return {"kind": "gathering", **whose, "at": "2026-01-02T10:00:00Z", **GATHERING, **fields}


def noted(occurrence: str) -> dict[str, Any]:
    by = {"author_id": dev_member_id("bob"), "at": "2026-02-17T10:00:00Z", "text": "Said."}
    return {"kind": "gathering-notes", "gathering_id": "g1", "occurrence": occurrence, **by}


def came(who: str, reply: str = "yes", **fields: Any) -> dict[str, Any]:
    by = {"member_id": dev_member_id(who), "at": "2026-01-03T10:00:00Z"}
    return {"kind": "gathering-reply", "gathering_id": "g1", "reply": reply, **by, **fields}


async def test_what_is_past_when_it_is_imported_stays_past(world: World) -> None:
    weeks = {"start": "2026-02-16T10:00", "going": 2, "sequence": 3, "capacity": 1}
    off = {"occurrence": "2026-03-09T10:00", "start": "2026-03-09T10:00", "minutes": 60, "place": "Room 3"}
    items = [
        imported(**weeks, exceptions=[off | {"cancelled": True}]), came("ann"), came("bob", waiting=True),
        came("cid", "maybe"), noted("2026-02-16T10:00"), noted("2026-02-09T10:00"),
    ]  # fmt: skip
    assert await world.imports(*items) == [("created", None)] * 6
    assert await world.imports(*items) == [("existing", None)] * 6
    assert await work_off(world.database, DUTIES) == 0
    assert await world.events("g1") == [
        "gathering-scheduled", "gathering-held", *["gathering-changed"] * 2,
    ]  # fmt: skip
    rows = await recorded(world.database, key="g1")
    assert [row["time"][:13] for row in rows] == [
        "2026-01-02T10", "2026-02-23T10", *["2026-02-17T10"] * 2,
    ]  # fmt: skip
    assert (await told(world, "/gatherings/g1", GatheringChanged)).tell == []
    seen = await world.ask("bob", "GET", "/gatherings/g1")
    assert (seen["state"], seen["next_at"], seen["sequence"]) == ("scheduled", "2026-03-02T09:00:00Z", 3)
    assert (seen["going"], seen["waiting"], seen["maybe"], seen["on_waiting_list"]) == (1, 1, 1, True)
    mine = await world.ask("bob", "GET", "/gatherings/mine")
    assert [each["id"] for each in mine["items"]] == ["g1"]
    assert await world.imports(noted("2026-03-02T10:00")) == [("refused", "not-held")]
    world.clock.advance(timedelta(minutes=30))  # what is left of it is held here
    assert await work_off(world.database, DUTIES) == 1
    assert (await world.ask("bob", "GET", "/gatherings/g1"))["state"] == "held"


async def test_imported_when_all_was_over_or_cancelled(world: World) -> None:
    over = imported(start="2025-03-03T10:00", going=7)
    ended = imported(id="g2", start="2026-02-16T10:00", cancelled_at="2026-02-20T10:00:00Z")
    late = noted("2026-02-16T10:00") | {"gathering_id": "g2"}
    never = imported(id="g3", start="2026-05-04T10:00", cancelled_at="2026-02-20T10:00:00Z")
    items = [over, ended, late, never]
    assert await world.imports(*items) == [("created", None)] * 4
    assert await work_off(world.database, DUTIES) == 0
    states = [(await world.ask("bob", "GET", f"/gatherings/{name}"))["state"] for name in ("g1", "g2", "g3")]
    assert states == ["held", "cancelled", "cancelled"]
    assert await world.events("g2") == [
        "gathering-scheduled", "gathering-held", "gathering-cancelled", "gathering-changed",
    ]  # fmt: skip
    assert await world.events("g3") == ["gathering-scheduled", "gathering-cancelled"]
    held = await recorded(world.database, key="g1", type=GatheringHeld.type)
    (event,) = [GatheringHeld.read(row["data"]) for row in held]
    assert (event.last, event.going, event.ends_at) == (True, 7, datetime(2025, 3, 24, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"zone": "Mars/Olympus"}, "unknown-time-zone", "/zone"),
        ({"recurrence": "FREQ=SOMETIMES;COUNT=2"}, "bad-recurrence", "/recurrence"),
        ({"place": "", "address": None}, "no-place", "/place"),
        ({"start": "2096-03-02T10:00"}, "not-ahead", "/start"),
        (
            {"exceptions": [{"occurrence": "2026-03-17T10:00", "start": "2026-03-17T10:00", "minutes": 5}]},
            "no-such-occurrence",
            "/exceptions",
        ),
    ],
)
async def test_what_is_wrong_with_an_imported_gathering_is_told(
    world: World, wrong: dict[str, Any], code: str, field: str
) -> None:
    async with client(world.app, "importer", scopes=[IMPORT_SCOPE]) as http:
        answer = await http.post("/v1/imports", json={"items": [imported(**wrong)]})
    (refused,) = answer.json()["items"]
    assert (refused["outcome"], refused["code"]) == ("refused", code)
    assert refused["detail"].startswith(f"{field} ")


# -- planning, changing, cancelling --------------------------------------------------------------------


async def test_a_gathering_keeps_its_time_over_a_change_of_the_clocks(world: World) -> None:
    gathering = await plans(world)
    seen = await world.ask("bob", "GET", gathering)
    assert (seen["start"], seen["next_at"], seen["state"]) == (
        "2026-03-16T10:00", "2026-03-16T09:00:00Z", "scheduled",
    )  # fmt: skip
    assert (seen["going"], seen["reply"]) == (1, None)
    assert (await world.ask("ann", "GET", gathering))["reply"] == "yes"
    first = await world.ask("bob", "GET", f"{gathering}/occurrences?limit=3")
    rest = await world.ask("bob", "GET", f"{gathering}/occurrences?limit=3&cursor={first['next']}")
    assert [each["starts_at"] for each in first["items"] + rest["items"]] == [
        "2026-03-16T09:00:00Z", "2026-03-23T09:00:00Z", "2026-03-30T08:00:00Z", "2026-04-06T08:00:00Z",
    ]  # fmt: skip


async def test_whoever_comes_is_told_of_changes(world: World) -> None:
    gathering = await plans(world)
    await replies(world, gathering, bob="yes", cid="maybe", asker="no")
    concerned = sorted(dev_member_id(who) for who in ("ann", "bob", "cid"))
    changed = GATHERING | {"title": "Later", "start": "2026-03-16T11:30"}
    assert (await world.ask("bob", "PUT", gathering, changed, 403, If_Match='"1"'))["code"] == "not-yours"
    await world.ask("fay", "PUT", gathering, changed, 412, If_Match='"2"')
    seen = await world.ask("fay", "PUT", gathering, changed, If_Match='"1"')
    assert (seen["next_at"], seen["sequence"], seen["revision"]) == ("2026-03-16T10:30:00Z", 1, 2)
    event = await told(world, gathering, GatheringChanged)
    assert (event.change, sorted(event.tell), event.start) == ("whole", concerned, "2026-03-16T11:30")
    one = f"{gathering}/occurrences/2026-03-23T11:30"
    moved = {"start": "2026-03-24T18:00", "minutes": 30, "place": "Garden"}
    await world.ask("ann", "PUT", one, moved, If_Match='"2"')
    event = await told(world, gathering, GatheringChanged)
    assert (event.change, event.occurrence) == ("occurrence", "2026-03-23T11:30")
    await world.ask("ann", "DELETE", f"{gathering}/occurrences/2026-03-30T11:30")
    rows = (await world.ask("bob", "GET", f"{gathering}/occurrences"))["items"]
    assert [(row["start"], row["place"], row["moved"], row["cancelled"]) for row in rows[1:3]] == [
        ("2026-03-24T18:00", "Garden", True, False), ("2026-03-30T11:30", "Room 3", False, True),
    ]  # fmt: skip
    assert (await world.ask("ann", "DELETE", f"{gathering}/occurrences/x", expect=404))["code"] == (
        "no-such-occurrence"
    )
    await world.ask("bob", "POST", f"{gathering}/cancel", {}, 403)
    seen = await world.ask("fay", "POST", f"{gathering}/cancel", {"reason": "Flu."})
    assert (seen["state"], seen["next_at"]) == ("cancelled", None)
    cancelled = await told(world, gathering, GatheringCancelled)
    assert (cancelled.reason, sorted(cancelled.tell)) == ("Flu.", concerned)
    refused = await world.ask("bob", "PUT", f"{gathering}/rsvp", {"reply": "no"}, 409)
    assert refused["code"] == "gathering-over"
    assert await world.events(gathering.rpartition("/")[2]) == [
        "gathering-scheduled", *["gathering-changed"] * 3, "gathering-cancelled",
    ]  # fmt: skip


async def test_held_by_the_clock_and_noted(world: World) -> None:
    gathering, other = await plans(world), await plans(world, **ONCE)
    await replies(world, gathering, bob="yes")
    notes = f"{gathering}/notes/2026-03-16T10:00"
    assert (await world.ask("ann", "POST", notes, {"text": "…"}, 409))["code"] == "not-held"
    world.clock.at = datetime(2026, 3, 16, 9, 59, tzinfo=UTC)
    assert await work_off(world.database, DUTIES) == 0
    world.clock.advance(timedelta(minutes=1))
    assert await work_off(world.database, DUTIES) == 2
    assert (await world.ask("bob", "GET", gathering))["next_at"] == "2026-03-23T09:00:00Z"
    assert (await world.ask("bob", "GET", other))["state"] == "held"
    published = await world.ask("ann", "POST", notes, {"text": "We **did** it."}, 201)
    assert (published["author"]["name"], published["revision"]) == ("Ann", 1)
    assert (await world.ask("fay", "POST", notes, {"text": "…"}, 409))["code"] == "already-published"
    await world.ask("bob", "PUT", notes, {"text": "…"}, 403, If_Match='"1"')
    await world.ask("fay", "PUT", notes, {"text": "We did more."}, If_Match='"1"')
    await world.ask("fay", "PUT", notes, {"text": "…"}, 412, If_Match='"1"')
    world.clock.advance(90 * DAY)  # the duty is late: each occurrence was held all the same
    assert await work_off(world.database, DUTIES) == 1
    world.clock.advance(-90 * DAY)
    assert await work_off(world.database, DUTIES) == 0
    await world.ask("ann", "POST", f"{gathering}/notes/2026-03-30T10:00", {"text": "Last but one."}, 201)
    assert (await world.ask("bob", "GET", gathering))["state"] == "notes-published"
    rows = await world.ask("bob", "GET", f"{gathering}/notes?limit=1")
    assert [row["occurrence"] for row in rows["items"]] == ["2026-03-30T10:00"]
    rows = await world.ask("bob", "GET", f"{gathering}/notes?limit=1&cursor={rows['next']}")
    assert ([row["text"] for row in rows["items"]], rows["next"]) == (["We did more."], None)
    assert await world.events(gathering.rpartition("/")[2]) == [
        "gathering-scheduled", "gathering-held", *["gathering-changed"] * 2, *["gathering-held"] * 3,
        "gathering-changed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"recurrence": "FREQ=HOURLY;COUNT=3"}, "/recurrence"),
        ({"recurrence": "FREQ=WEEKLY"}, "/recurrence"),
        ({"start": "2026-03-16T10:00Z"}, "/start"),
        ({"start": "2026-02-30T10:00"}, "/start"),
        ({"start": "2026-01-01T10:00", "recurrence": None}, "/start"),
        ({"minutes": 0}, "/minutes"),
        ({"capacity": 0}, "/capacity"),
        ({"place": "", "address": None}, "/place"),
        ({"address": "http://meet.example.org/"}, "/address"),
    ],
    ids=str,
)
async def test_what_cannot_be_planned(world: World, fields: dict[str, Any], field: str) -> None:
    refused = await world.ask("ann", "POST", GATHERINGS, GATHERING | fields, 422)
    assert refused["errors"][0]["field"] == field


async def test_strangers_find_nothing(world: World) -> None:
    gathering = await plans(world)
    once = f"{gathering}/occurrences/2026-03-16T10:00"
    moved = {"start": "2026-03-17T10:00", "minutes": 60, "place": "x"}
    for method, path, body in (
        ("GET", gathering, None), ("PUT", gathering, GATHERING), ("POST", f"{gathering}/cancel", {}),
        ("GET", f"{gathering}/occurrences", None), ("PUT", once, moved), ("DELETE", once, None),
        ("PUT", f"{gathering}/rsvp", {"reply": "yes"}), ("GET", f"{gathering}/attendees", None),
        ("GET", f"{gathering}/notes", None), ("GET", f"{gathering}/event.ics", None),
        ("POST", f"{gathering}/notes/2026-03-16T10:00", {"text": "x"}),
    ):  # fmt: skip
        refused = await world.ask("eve", method, path, body, 404, If_Match='"1"')
        assert refused["code"] == "no-such-gathering", (method, path)
    assert (await world.ask("eve", "GET", GATHERINGS, expect=404))["code"] == "no-such-community"
    assert (await world.ask("eve", "POST", GATHERINGS, GATHERING, 404))["code"] == "no-such-community"


# -- who comes -----------------------------------------------------------------------------------------


async def test_the_capacity_holds_however_many_answer_at_once(world: World) -> None:
    crowd = [f"guest{number}" for number in range(12)]
    await world.joins(*crowd)
    gathering = await plans(world, capacity=4)
    answers = await asyncio.gather(
        *(world.ask(who, "PUT", f"{gathering}/rsvp", {"reply": "yes"}) for who in crowd)
    )
    assert sum(answer["on_waiting_list"] for answer in answers) == 9
    seen = await world.ask("bob", "GET", gathering)
    assert (seen["going"], seen["waiting"]) == (4, 9)
    assert len(await named(world, gathering)) == 4
    waiting = await named(world, gathering, "waiting=true")
    leaving = [who for who in await named(world, gathering) if who != "ann"]
    await asyncio.gather(
        *(world.ask(who, "PUT", f"{gathering}/rsvp", {"reply": "no"}) for who in leaving),
        world.ask(waiting[0], "PUT", f"{gathering}/rsvp", {"reply": "maybe"}),
    )
    seen = await world.ask("bob", "GET", gathering)
    assert (seen["going"], seen["waiting"], seen["maybe"]) == (4, 5, 1)
    assert len(await named(world, gathering)) == 4
    await world.events(gathering.rpartition("/")[2])


async def test_whoever_waited_longest_moves_up_and_is_told(world: World) -> None:
    gathering = await plans(world, capacity=1)
    await replies(world, gathering, bob="yes", cid="yes", asker="yes")
    assert (await world.ask("cid", "GET", gathering))["on_waiting_list"] is True
    await replies(world, gathering, ann="no")
    assert (await named(world, gathering), await named(world, gathering, "waiting=true")) == (
        ["bob"], ["cid", "asker"],
    )  # fmt: skip
    event = await told(world, gathering, GatheringChanged)
    assert (event.change, event.tell, event.changed_by) == ("moved-up", [dev_member_id("bob")], None)
    await world.ask("ann", "PUT", gathering, GATHERING | {"capacity": 2}, If_Match='"1"')
    assert await named(world, gathering) == ["bob", "cid"]
    assert await named(world, gathering, "reply=no") == ["ann"]


async def test_who_leaves_the_community_does_not_come(world: World) -> None:
    gathering = await plans(world, capacity=2)
    await world.joins("bob", at="elsewhere")
    other = await plans(world, "bob", "elsewhere")
    await replies(world, gathering, bob="yes", cid="yes", asker="yes")
    await world.feed(world.event(MemberLeft, "bob"), world.event(MemberRemoved, "asker"))
    assert await named(world, gathering) == ["ann", "cid"]
    assert await named(world, gathering, "waiting=true") == []
    assert (await world.ask("bob", "GET", other))["reply"] == "yes"
    await world.feed(world.event(MemberLeft, "cid"), world.event(MemberJoined, "cid", role="member"))
    assert await named(world, gathering) == ["ann", "cid"]
    await world.events(gathering.rpartition("/")[2])


async def test_who_is_erased_does_not_come_though_nobody_heard_that_they_left(world: World) -> None:
    gathering = await plans(world, capacity=2)
    await replies(world, gathering, bob="yes", cid="yes")
    await world.feed(world.event(MemberErased, "bob"))
    assert await sweep(world.database, service.all_personal) == 1
    assert await named(world, gathering) == ["ann", "cid"]
    seen = await world.ask("cid", "GET", gathering)
    assert (seen["going"], seen["waiting"], seen["on_waiting_list"]) == (2, 0, False)
    assert await mentions(world.database, dev_member_id("bob")) in ({}, {"erasures": 1})


# -- lists ---------------------------------------------------------------------------------------------


async def test_what_is_to_come_the_next_first(world: World) -> None:
    late = await plans(world, start="2026-05-04T10:00", **ONCE)
    soon = await plans(world, start="2026-03-10T10:00", **ONCE)
    often = await plans(world)
    gone = await plans(world)
    await world.ask("ann", "POST", f"{gone}/cancel", {})
    for size in (1, 2, 50):
        found, cursor = [], ""
        while True:
            page = await world.ask("bob", "GET", f"{GATHERINGS}?limit={size}{cursor}")
            found += [f"/gatherings/{each['id']}" for each in page["items"]]
            if not page["next"]:
                break
            cursor = f"&cursor={page['next']}"
        assert found == [soon, often, late]
    cancelled = await world.ask("bob", "GET", f"{GATHERINGS}?state=cancelled")
    assert [f"/gatherings/{each['id']}" for each in cancelled["items"]] == [gone]
    await replies(world, late, bob="yes")
    await replies(world, often, bob="maybe")
    mine = await world.ask("bob", "GET", "/gatherings/mine?limit=1")
    rest = await world.ask("bob", "GET", f"/gatherings/mine?limit=1&cursor={mine['next']}")
    assert [each["reply"] for each in mine["items"] + rest["items"]] == ["maybe", "yes"]
    world.clock.at = datetime(2026, 5, 1, tzinfo=UTC)
    await work_off(world.database, DUTIES)
    mine = await world.ask("bob", "GET", "/gatherings/mine")
    assert [f"/gatherings/{each['id']}" for each in mine["items"]] == [late]
    held = await world.ask("bob", "GET", f"{GATHERINGS}?state=held")
    assert [f"/gatherings/{each['id']}" for each in held["items"]] == [often, soon]


async def test_its_lists_are_on_indexes(world: World) -> None:
    date = {"$type": "date"}
    for collection, query, order in (
        ("threads", {"community_id": "c", "next_at": date}, [("next_at", 1), ("_id", 1)]),
        ("threads", {"next_ends_at": {"$type": "date", "$lte": world.clock()}}, [("next_ends_at", 1)]),
        ("rsvps", {"member_id": "m", "next_at": date}, [("next_at", 1), ("thread_id", 1)]),
        ("rsvps", {"member_id": {"$in": ["m"]}, "next_at": date}, None),
        ("rsvps", {"thread_id": "t", "reply": "yes", "waiting": True}, [("at", 1), ("member_id", 1)]),
        ("rsvps", {"thread_id": "t", "reply": {"$in": ["yes", "maybe"]}}, None),
        ("gathering_notes", {"thread_id": "t"}, [("occurrence", -1)]),
        ("calendars", {"secret_hash": "x"}, None),
    ):
        found = world.database[collection].find(query)
        plan = str((await (found.sort(order) if order else found).explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan, query
        assert "'SORT'" not in plan, query


# -- calendars -----------------------------------------------------------------------------------------


async def test_a_calendar_has_what_its_owner_may_still_see(world: World) -> None:
    await world.joins("bob", at="elsewhere")
    here, there = await plans(world), await plans(world, "bob", "elsewhere", title="There")
    not_mine = await plans(world, title="Not mine")
    await replies(world, here, bob="maybe")
    await replies(world, not_mine, bob="no")
    address = (await world.ask("bob", "POST", "/calendar", expect=201))["address"]
    assert sorted(str(each["SUMMARY"]) for each in await calendar(world, address)) == [
        GATHERING["title"], "There",
    ]  # fmt: skip
    await world.ask("ann", "POST", f"{here}/cancel", {})
    assert [str(each["SUMMARY"]) for each in await calendar(world, address)] == ["There"]
    await world.feed(world.event(MemberLeft, "bob", community_id="elsewhere"))
    assert await calendar(world, address) == []
    await world.ask("bob", "GET", there, expect=404)


async def test_an_address_is_a_secret_that_is_not_kept_and_can_be_changed(world: World) -> None:
    first = await world.ask("bob", "POST", "/calendar", expect=201, Idempotency_Key="k1")
    assert (await world.ask("bob", "POST", "/calendar", expect=201, Idempotency_Key="k1"))["address"] is None
    secret = first["address"].removeprefix("/v1/calendar/").removesuffix(".ics")
    assert len(secret) >= 43
    for collection in await world.database.client[world.database.name].list_collection_names():
        async for row in world.database[collection].find():
            assert secret not in str(row), collection
    await calendar(world, first["address"])
    second = (await world.ask("bob", "POST", "/calendar", expect=201))["address"]
    await calendar(world, first["address"], 404)
    await calendar(world, second)
    await world.ask("bob", "DELETE", "/calendar", expect=204)
    for gone in (second, "/v1/calendar/x.ics", "/v1/calendar/.ics"):
        await calendar(world, gone, 404)


async def test_an_invitation_to_put_into_a_calendar(world: World) -> None:
    gathering = await plans(world)
    await replies(world, gathering, bob="yes")
    async with world.by("bob") as bob:
        invitation = await bob.get(f"/v1{gathering}/event.ics")
        assert invitation.headers["content-type"].startswith("text/calendar; method=REQUEST")
        assert "attachment" in invitation.headers["content-disposition"]
        await world.ask("ann", "POST", f"{gathering}/cancel", {})
        cancellation = await bob.get(f"/v1{gathering}/event.ics")
    read, gone = (Calendar.from_ical(each.content) for each in (invitation, cancellation))
    (event,), (cancelled,) = read.walk("VEVENT"), gone.walk("VEVENT")
    assert (read["METHOD"], gone["METHOD"]) == ("REQUEST", "CANCEL")
    assert event["UID"] == cancelled["UID"]
    assert event["SEQUENCE"] < cancelled["SEQUENCE"]
    assert event["attendee"].params["PARTSTAT"] == "ACCEPTED"
    assert event["organizer"].params["CN"] == "Ann"
    assert len(read.walk("VTIMEZONE")) == 1
