"""Profiles through HTTP, on a real stack: what is told, shown and hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.members.app import service
from services.members.store import people
from shared.contracts.members import AvailabilityChanged, MemberLeft, ProfileUpdated, SkillsUpdated
from shared.contracts.topics import PEOPLE
from shared.ids import new_id
from shared.testing.harness import Tap, client, recorded, running
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id

PROFILE = {
    "headline": "Clerk",
    "craft": "Genehmigungen prüfen",
    "about": "Zwölf Jahre.",
    "interests": ["Permits", "permits", "plain language"],
    "seeks": ["mentor"],
    "offers": ["reviews"],
    "languages": ["de"],
    "time_zone": "Europe/Berlin",
}
FIELDS = (
    "craft",
    "about",
    "skills",
    "interests",
    "seeks",
    "offers",
    "languages",
    "time_zone",
    "availability",
)


@pytest.fixture(scope="module")
async def app(topics: Stack) -> AsyncIterator[FastAPI]:
    async with running(service, topics) as app:
        yield app


async def person(app: FastAPI, org: str | None = None) -> str:
    subject = f"person-{new_id()}"
    async with client(app, subject, org=org) as http:
        answer = await http.post("/v1/members", json={"name": subject, **PROFILE})
        assert answer.status_code == 201, answer.text
    return subject


async def put(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Edit the caller's own profile at its present version."""
    tag = (await http.get("/v1/members/me")).headers["ETag"]
    answer = await http.put(f"/v1/members/me{path}", json=body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_each_audience_sees_what_is_for_it(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "SHARED_STEP", 2)
    org = f"org-{new_id()}"
    ann, colleague, fellow, friend, stranger = [
        await person(app, each) for each in (org, org, None, None, "elsewhere")
    ]
    async with client(app, ann, org=org) as a:
        community = (
            await a.post("/v1/communities", json={"name": "Permits", "kind": "external", "about": "…"})
        ).json()["id"]
        for _ in range(3):  # more of them than one step compares
            await a.post("/v1/communities", json={"name": "Other", "kind": "external", "about": "…"})
        skill = {
            "name": "permits",
            "level": "expert",
            "evidence": {"text": "Forms", "url": "https://e.org/x"},
        }
        await put(a, "/skills", {"skills": [skill]})
        away = (datetime.now(UTC) + timedelta(days=9)).isoformat()
        await put(a, "/availability", {"hours_a_week": 3, "away_until": away, "community_budget": 6})
        async with client(app, fellow) as f, client(app, friend) as c:
            assert (await f.put(f"/v1/communities/{community}/members/me")).status_code == 201
            asked = await c.post("/v1/connections", json={"member_id": dev_member_id(ann)})
            assert (await a.post(f"{asked.headers['Location']}/accept")).status_code == 200
        claims = {colleague: {"org": org}, stranger: {"org": "elsewhere"}}
        sees = {
            "everyone": {colleague, fellow, friend, stranger},
            "my-organisation": {colleague},
            "my-communities": {fellow},
            "my-connections": {friend},
            "nobody": set[str](),
        }
        for audience, those in sees.items():
            own = await put(a, "/visibility", dict.fromkeys(FIELDS, audience))
            assert own["visibility"] == dict.fromkeys(FIELDS, audience)
            assert own["skills"] == [skill]
            assert (own["hours_a_week"], own["community_budget"]) == (3, 6)
            assert own["interests"] == ["permits", "plain-language"]
            for who in (colleague, fellow, friend, stranger):
                async with client(app, who, **claims.get(who, {})) as http:
                    seen = (await http.get(f"/v1/members/{dev_member_id(ann)}")).json()
                assert (seen["name"], seen["headline"], seen["org_id"]) == (ann, "Clerk", org)
                assert not seen.keys() & {"visibility", "community_budget"}
                for field in (*FIELDS[:-1], "hours_a_week", "away_until"):
                    assert seen[field] == own[field] if who in those else not seen[field], (who, field)


async def test_the_events_in_order_and_with_nothing_hidden(app: FastAPI, topics: Stack) -> None:
    ann = await person(app)
    async with Tap.open(topics, PEOPLE.name) as tap, client(app, ann) as a:
        await put(
            a, "/skills", {"skills": [{"name": "permits", "level": "expert", "evidence": {"text": "x"}}]}
        )
        await put(a, "/availability", {"hours_a_week": 3})
        await put(a, "/visibility", {"skills": "my-connections", "craft": "nobody"})
        await put(a, "", {"name": "Ann", "craft": "hidden", "interests": ["forms"]})
        last = await tap.event(ProfileUpdated, member_id=dev_member_id(ann), version=6)
        assert (last.event.craft, last.event.interests) == ("", ["forms"])
        stated, hidden = [
            each.event for each in tap.events()
            if isinstance(each.event, SkillsUpdated) and each.event.key == dev_member_id(ann)
        ]  # fmt: skip
        assert ([skill.name for skill in stated.skills], hidden.skills) == (["permits"], [])
        told = await tap.event(AvailabilityChanged, member_id=dev_member_id(ann))
        assert (told.event.hours_a_week, told.event.community_budget) == (3, 4)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("skills", {"skills": [{"name": "x", "level": "expert", "evidence": {}}]}, "/skills/0/evidence"),
        ("skills", {"skills": [{"name": "x", "level": "expert", "evidence": {"url": "http://x.org"}}]},
         "/skills/0/evidence/url"),
        ("availability", {"community_budget": 9}, "/community_budget"),
        ("availability", {"hours_a_week": -1}, "/hours_a_week"),
        ("availability", {"away_until": "2020-01-01T00:00:00Z"}, "/away_until"),
        ("availability", {"away_until": "2020-01-01T00:00:00"}, "/away_until"),
        ("visibility", {"name": "nobody"}, "/name"),
        ("visibility", {"craft": "friends"}, "/craft"),
    ],
)  # fmt: skip
async def test_what_is_refused_names_the_field(app: FastAPI, path: str, body: Any, field: str) -> None:
    ann = await person(app)
    async with client(app, ann) as a:
        answer = await a.put(f"/v1/members/me/{path}", json=body, headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
        stale = await a.put("/v1/members/me/visibility", json={}, headers={"If-Match": '"7"'})
        assert stale.status_code == 412


async def test_whoever_works_elsewhere_by_now_no_longer_belongs_to_what_is_internal(app: FastAPI) -> None:
    """Also the only steward: nobody stays inside an organisation that they left."""
    org = f"org-{new_id()}"
    ann = await person(app, org)
    found = {"name": "Permits", "about": "…"}
    async with client(app, ann, org=org) as at_first:
        inside = (await at_first.post("/v1/communities", json=found | {"kind": "internal"})).json()["id"]
        outside = (await at_first.post("/v1/communities", json=found | {"kind": "external"})).json()["id"]
        await put(at_first, "", {"name": "Ann", **PROFILE})  # nothing ends while the organisation is the same
        assert (await at_first.get(f"/v1/communities/{inside}/members")).status_code == 200
    async with client(app, ann, org="elsewhere") as by_now:
        await put(by_now, "", {"name": "Ann", **PROFILE})
        assert (await by_now.get(f"/v1/communities/{inside}/members")).status_code == 404
        left = (await by_now.get("/v1/members/me/memberships")).json()["items"]
        assert [each["community_id"] for each in left] == [outside]
    events = await recorded(app.state.database, key=inside)
    assert [event["type"] for event in events][-1] == MemberLeft.type
