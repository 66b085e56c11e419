"""How communities are set up and found, through HTTP on a real stack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.members.app import service
from services.members.domain.directory import audiences
from services.members.store.people import COMMUNITIES
from shared.contracts.members import CommunityUpdated
from shared.contracts.topics import COMMUNITIES as TOPIC
from shared.ids import new_id
from shared.testing.harness import Tap, client, running
from shared.testing.stack import Stack

TEXT = {"name": "Permit offices", "about": "Faster, fairer permits."}


@pytest.fixture(scope="module")
async def app(topics: Stack) -> AsyncIterator[FastAPI]:
    async with running(service, topics) as app:
        yield app


async def person(app: FastAPI, **claims: str) -> str:
    subject = f"person-{new_id()}"
    async with client(app, subject, **claims) as http:
        assert (await http.post("/v1/members", json={"name": subject})).status_code == 201
    return subject


async def founds(http: httpx.AsyncClient, **text: Any) -> dict[str, Any]:
    answer = await http.post("/v1/communities", json=TEXT | {"kind": "external"} | text)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == '"1"'
    founded: dict[str, Any] = answer.json()
    return founded


async def test_a_steward_sets_it_up_anew(app: FastAPI, topics: Stack) -> None:
    stew, bob = await person(app), await person(app)
    whole = {
        "name": "Permits", "about": "All of it.", "charter": "Be kind.", "tags": ["Permits"],
        "languages": ["en", "da"], "join_policy": "by-request", "allow_anonymous": True,
        "links": [{"name": "Matrix", "url": "https://matrix.example.org/#/permits"}],
        "rules": {"review_days": 90, "endorse_after_days": 0},
    }  # fmt: skip
    async with Tap.open(topics, TOPIC.name) as tap, client(app, stew) as s, client(app, bob) as b:
        c = await founds(s)
        address = f"/v1/communities/{c['id']}"
        assert (c["rules"]["review_days"], c["charter"], c["allow_anonymous"]) == (180, "", False)
        assert (await b.put(f"{address}/members/me")).status_code == 201
        refused = await b.put(address, json=whole, headers={"If-Match": '"1"'})
        assert (refused.status_code, refused.json()["code"]) == (403, "not-a-steward")
        read = await s.get(address)
        assert read.headers["etag"] == '"1"'  # a joining is no change of how it is set up
        changed = await s.put(address, json=whole, headers={"If-Match": read.headers["etag"]})
        assert changed.status_code == 200, changed.text
        assert changed.json()["rules"]["review_days"] == 90
        assert (await s.get(address)).json() == changed.json()
        stale = await s.put(address, json=whole, headers={"If-Match": '"1"'})
        assert stale.status_code == 412
        event = (await tap.event(CommunityUpdated, community_id=c["id"])).event
        assert (event.version, event.tags, event.rules.endorse_after_days) == (4, ["permits"], 0)
        assert event.links[0].url == "https://matrix.example.org/#/permits"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rules": {"review_days": 89}}, "/rules/review_days"),
        ({"rules": {"review_dayz": 90}}, "/rules/review_dayz"),
        ({"rules": {"dormant_days": 365, "archive_days": 90}}, "/rules"),
        ({"links": [{"name": "x", "url": "http://example.org/"}]}, "/links/0/url"),
        ({"links": [{"name": "x", "url": "https://u:p@example.org/"}]}, "/links/0/url"),
        ({"links": [{"name": "x", "url": "https://"}]}, "/links/0/url"),
        ({"languages": ["not a language"]}, "/languages/0"),
        ({"charter": "x" * 2_001}, "/charter"),
    ],
)
async def test_what_no_community_can_be_set_up_as(app: FastAPI, wrong: dict[str, Any], field: str) -> None:
    async with client(app, await person(app)) as http:
        answer = await http.post("/v1/communities", json=TEXT | {"kind": "external"} | wrong)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field


async def found_by(http: httpx.AsyncClient, **query: Any) -> list[str]:
    """The names that the directory lists, over all its pages."""
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        listed = (await http.get("/v1/communities", params=query | cursor | {"limit": 2})).json()
        names += [item["name"] for item in listed["items"]]
        if not listed["next"]:
            return names
        cursor = {"cursor": listed["next"]}


async def test_the_directory(app: FastAPI) -> None:
    mark = f"m{new_id()[-12:]}"
    org = f"org-{mark}"
    amal, stranger = await person(app, org=org), await person(app, org="elsewhere")
    async with client(app, amal, org=org) as a, client(app, stranger, org="elsewhere") as s:
        await founds(a, name=f"Électricité {mark}", languages=["fr"], tags=["power"])
        await founds(a, name=f"Permits {mark}", charter="We ask the Électricité.", tags=["permits"])
        await founds(a, name=f"Ours {mark}", kind="internal", tags=["power", "permits"])
        assert await found_by(a, search=mark) == [f"Électricité {mark}", f"Permits {mark}", f"Ours {mark}"]
        assert await found_by(s, search=mark) == [f"Électricité {mark}", f"Permits {mark}"]
        assert await found_by(a, search=f"ELECTRICITE {mark}") == [f"Électricité {mark}", f"Permits {mark}"]
        assert await found_by(a, search=mark, tag="power") == [f"Électricité {mark}", f"Ours {mark}"]
        assert await found_by(a, search=mark, kind="internal") == [f"Ours {mark}"]
        assert await found_by(s, search=mark, kind="internal") == []
        assert await found_by(a, search=mark, language="fr", kind="external") == [f"Électricité {mark}"]
        assert await found_by(a, search=f"{mark} absent") == []


@pytest.mark.parametrize(
    "wanted", [{}, {"words": {"$all": ["permits", "fair"]}}, {"tags": "permits"}, {"languages": "en"}]
)
async def test_the_directory_is_read_from_an_index(app: FastAPI, wanted: dict[str, Any]) -> None:
    query = {"audience": {"$in": audiences("o")}, "_id": {"$gt": "a"}} | wanted
    plan = await app.state.database[COMMUNITIES].find(query).sort("_id", 1).limit(20).explain()
    told = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in told
    assert "COLLSCAN" not in told
    assert "'stage': 'SORT'" not in told
