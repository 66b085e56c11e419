"""Organisations through HTTP, on a real stack; the DNS is a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.members.app import service
from shared.errors import DependencyDown
from shared.ids import new_id
from shared.testing.harness import client, running
from shared.testing.stack import Stack
from shared.web.auth import OPERATE_SCOPE, dev_member_id
from shared.web.dns import LookUp, looking_up


@pytest.fixture(scope="module")
def zone() -> dict[str, list[str]]:
    """What the DNS says."""
    return {}


@pytest.fixture(scope="module")
async def app(topics: Stack, zone: dict[str, list[str]]) -> AsyncIterator[FastAPI]:
    async def look_up(name: str) -> list[str]:
        if name.startswith("_guildhall-challenge.down"):
            raise DependencyDown("dns-unavailable", "down")
        return zone.get(name, [])

    def fake() -> LookUp:
        return look_up

    async with running(service, topics) as app:
        app.dependency_overrides[looking_up] = fake
        yield app


async def person(app: FastAPI, org: str | None) -> str:
    subject = f"person-{new_id()}"
    async with client(app, subject, org=org) as http:
        assert (await http.post("/v1/members", json={"name": subject})).status_code == 201
    return subject


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_founded_administered_and_seen_by_its_own_people(app: FastAPI) -> None:
    org = f"org-{new_id()}"
    ann, bob, eve = await person(app, org), await person(app, org), await person(app, "elsewhere")
    address = f"/v1/organisations/{org}"
    async with client(app, ann, org=org) as a, client(app, bob, org=org) as b, client(app, eve, org="x") as e:
        assert refusal(await a.get(address)) == (404, "no-such-organisation")
        assert refusal(await e.post("/v1/organisations", json={"name": "n", "id": org})) == (
            403, "not-your-organisation",
        )  # fmt: skip
        answers = await asyncio.gather(
            *(http.post("/v1/organisations", json={"name": "Acme"}) for http in (a, b, a, b))
        )
        assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
        first = next(each for each in answers if each.status_code == 201).json()["administrators"][0]
        admin, other, other_id = (
            (a, b, dev_member_id(bob)) if first == dev_member_id(ann) else (b, a, dev_member_id(ann))
        )
        for method, path in (("PUT", ""), ("PUT", f"/administrators/{other_id}"), ("POST", "/domains"),
                             ("GET", "/members"), ("GET", "/communities")):  # fmt: skip
            body = {"name": "acme.example"} if method != "GET" else None
            headers = {"If-Match": '"1"'}
            for http, expected in (
                (e, (404, "no-such-organisation")),
                (other, (403, "not-an-administrator")),
            ):
                assert (
                    refusal(await http.request(method, address + path, json=body, headers=headers))
                    == expected
                )
        edited = await admin.put(address, json={"name": "Acme & Co"}, headers={"If-Match": '"1"'})
        assert (edited.status_code, edited.json()["name"]) == (200, "Acme & Co")
        assert (await admin.put(address, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
        assert (await other.get(address)).json()["name"] == "Acme & Co"
        assert (
            await a.post("/v1/communities", json={"name": "In", "kind": "internal", "about": "…"})
        ).status_code == 201
        assert (
            await a.post("/v1/communities", json={"name": "Out", "kind": "external", "about": "…"})
        ).status_code == 201
        listed = (await admin.get(f"{address}/communities")).json()["items"]
        assert [each["name"] for each in listed] == ["In"]
        people: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": 1}
        while True:
            page = (await admin.get(f"{address}/members", params=query)).json()
            people += page["items"]
            if not page["next"]:
                break
            query["cursor"] = page["next"]
        assert {each["id"] for each in people} == {dev_member_id(ann), dev_member_id(bob)}
        own = f"{address}/administrators/{first}"
        assert refusal(await admin.delete(own)) == (409, "last-administrator")
        assert refusal(await admin.put(f"{address}/administrators/{dev_member_id(eve)}")) == (
            422, "other-organisation",
        )  # fmt: skip
        assert (await admin.put(f"{address}/administrators/{other_id}")).status_code == 200
        gone = await asyncio.gather(admin.delete(own), other.delete(f"{address}/administrators/{other_id}"))
        assert sorted(each.status_code for each in gone)[0] == 200
        async with client(app, "op", scopes=[OPERATE_SCOPE]) as operator:
            assert len((await operator.get(address)).json()["administrators"]) == 1


async def test_an_operator_founds_and_appoints(app: FastAPI) -> None:
    org = f"org-{new_id()}"
    ann = await person(app, org)
    async with client(app, "op", scopes=[OPERATE_SCOPE]) as operator, client(app, ann, org=org) as a:
        body = {"id": org, "name": "Acme"}
        assert (await operator.post("/v1/organisations", json=body)).json()["administrators"] == []
        assert refusal(await a.put(f"/v1/organisations/{org}/administrators/{dev_member_id(ann)}")) == (
            403, "not-an-administrator",
        )  # fmt: skip
        appointed = await operator.put(f"/v1/organisations/{org}/administrators/{dev_member_id(ann)}")
        assert appointed.json()["administrators"] == [dev_member_id(ann)]
        assert (
            await a.post(f"/v1/organisations/{org}/domains", json={"name": "a.example"})
        ).status_code == 201


@asynccontextmanager
async def founded(app: FastAPI) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """An administrator, and their organisation's address."""
    org = f"org-{new_id()}"
    async with client(app, await person(app, org), org=org) as http:
        assert (await http.post("/v1/organisations", json={"name": "Acme"})).status_code == 201
        yield http, f"/v1/organisations/{org}"


async def test_a_domain_is_proven_once_and_for_one(app: FastAPI, zone: dict[str, list[str]]) -> None:
    async with founded(app) as (one, acme), founded(app) as (two, other):
        challenges = []
        for http, address in ((one, acme), (two, other)):
            claimed = await http.post(f"{address}/domains", json={"name": "Bücher.example"})
            [domain] = claimed.json()["domains"]
            assert (domain["name"], domain["verified_at"]) == ("xn--bcher-kva.example", None)
            challenges.append(domain["challenge"])
        path = "domains/xn--bcher-kva.example"
        assert refusal(await one.post(f"{acme}/{path}/verify")) == (409, "not-proven")
        zone[challenges[0]["record"]] = [each["value"] for each in challenges]
        answers = await asyncio.gather(one.post(f"{acme}/{path}/verify"), two.post(f"{other}/{path}/verify"))
        assert sorted(each.status_code for each in answers) == [200, 409]
        winner, loser = ((one, acme), (two, other))[:: 1 if answers[0].status_code == 200 else -1]
        assert refusal(await loser[0].post(f"{loser[1]}/{path}/verify")) == (409, "domain-taken")
        [proven] = (await winner[0].get(winner[1])).json()["domains"]
        assert proven["verified_at"]
        assert proven["challenge"] is None
        assert (await winner[0].delete(f"{winner[1]}/{path}")).json()["domains"] == []
        assert (await loser[0].post(f"{loser[1]}/{path}/verify")).status_code == 200
        assert refusal(await one.post(f"{acme}/domains/other.example/verify")) == (404, "no-such-domain")


async def test_claims_are_for_administrators_and_a_silent_dns_decides_nothing(app: FastAPI) -> None:
    async with founded(app) as (http, address):
        await http.post(f"{address}/domains", json={"name": "down.example"})
        assert refusal(await http.post(f"{address}/domains/down.example/verify")) == (503, "dns-unavailable")
        assert (await http.post(f"{address}/domains", json={"name": "localhost"})).status_code == 422
        org = address.rpartition("/")[2]
        async with client(app, await person(app, org), org=org) as colleague:
            assert (await colleague.get(address)).json()["domains"] == []
