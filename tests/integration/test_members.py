"""Members through HTTP, on a real stack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from services.members.app import service
from shared.contracts.members import CommunityCreated, MemberJoined, MemberLeft, MemberRegistered
from shared.contracts.topics import COMMUNITIES, PEOPLE
from shared.ids import new_id
from shared.testing.harness import Tap, client, running
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_member_id


@pytest.fixture(scope="module")
async def app(topics: Stack) -> AsyncIterator[FastAPI]:
    async with running(service, topics) as app:
        yield app


def person() -> str:
    return f"person-{new_id()}"


async def register(app: FastAPI, subject: str, **claims: str) -> None:
    async with client(app, subject, **claims) as http:
        assert (await http.post("/v1/members", json={"name": subject})).status_code == 201


async def test_found_join_leave_and_the_events_in_order(app: FastAPI, topics: Stack) -> None:
    amal, ben = person(), person()
    async with Tap.open(topics, PEOPLE.name, COMMUNITIES.name) as tap:
        await register(app, amal)
        await register(app, ben)
        async with client(app, amal) as a, client(app, ben) as b:
            founded = await a.post(
                "/v1/communities", json={"name": "Permits", "kind": "external", "about": "…"}
            )
            community = founded.json()["id"]
            assert (await b.put(f"/v1/communities/{community}/members/me")).status_code == 201
            again = await b.put(f"/v1/communities/{community}/members/me")
            assert (again.status_code, again.json()["code"]) == (409, "already-a-member")
            last = await a.delete(f"/v1/communities/{community}/members/me")
            assert (last.status_code, last.json()["code"]) == (409, "last-steward")
            promoted = await a.put(
                f"/v1/communities/{community}/members/{dev_member_id(ben)}/role", json={"role": "steward"}
            )
            assert promoted.json()["role"] == "steward"
            assert (await a.delete(f"/v1/communities/{community}/members/me")).status_code == 204
        await tap.event(MemberRegistered, member_id=dev_member_id(amal))
        await tap.event(MemberLeft, community_id=community)
    seen = [r.event for r in tap.events() if r.event.key == community]
    assert [event.event_name for event in seen] == [
        "community-created", "member-joined", "member-joined", "role-changed", "member-left",
    ]  # fmt: skip
    assert [event.version for event in seen] == [1, 2, 3, 4, 5]
    assert isinstance(seen[0], CommunityCreated)
    assert isinstance(seen[1], MemberJoined)
    assert (seen[1].role, seen[1].standing, seen[2].standing) == ("steward", "active", "trial")


async def test_an_internal_community_does_not_exist_for_others(app: FastAPI) -> None:
    amal, stranger = person(), person()
    await register(app, amal, org="aarhus")
    await register(app, stranger, org="sydney")
    async with client(app, amal, org="aarhus") as a, client(app, stranger, org="sydney") as s:
        founded = await a.post("/v1/communities", json={"name": "Ours", "kind": "internal", "about": "…"})
        address = f"/v1/communities/{founded.json()['id']}"
        for answer in (
            await s.get(address),
            await s.get(f"{address}/members"),
            await s.put(f"{address}/members/me"),
            await s.delete(f"{address}/members/me"),
            await s.put(f"{address}/members/{dev_member_id(amal)}/role", json={"role": "member"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "no-such-community")
        seen: list[str] = []
        cursor = None
        while True:
            listed = (await s.get("/v1/communities", params={"cursor": cursor} if cursor else {})).json()
            seen += [item["id"] for item in listed["items"]]
            if not (cursor := listed["next"]):
                break
        assert founded.json()["id"] not in seen
        assert (await a.get(address)).status_code == 200


async def test_without_a_token_nothing(app: FastAPI) -> None:
    async with client(app) as nobody:
        for path, operations in app.openapi()["paths"].items():
            for method in operations:
                answer = await nobody.request(method, path.replace("{", "x").replace("}", "x"), json={})
                assert answer.status_code == 401, (method, path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"


async def test_the_documentation_loads_nothing_from_elsewhere(app: FastAPI) -> None:
    async with client(app) as http:
        for address in ("/docs", "/asyncapi.html"):
            page = (await http.get(address)).text
            loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)
            for each in loaded:
                assert not urlsplit(each).netloc, f"{address} loads {each}"
                assert (await http.get(each)).status_code == 200, each


async def test_two_edits_of_one_version(app: FastAPI) -> None:
    amal = person()
    await register(app, amal)
    async with client(app, amal) as a:
        edits = await asyncio.gather(
            *(a.put("/v1/members/me", json={"name": f"n{n}"}, headers={"If-Match": '"1"'}) for n in range(10))
        )
        assert sorted(edit.status_code for edit in edits) == [200] + [412] * 9
        missing = await a.put("/v1/members/me", json={"name": "x"})
        assert (missing.status_code, missing.json()["code"]) == (428, "if-match-missing")


async def test_the_same_request_twice_at_once_is_carried_out_once(app: FastAPI) -> None:
    amal = person()
    await register(app, amal)
    async with client(app, amal) as a:
        body = {"name": "Once", "kind": "external", "about": "…"}
        answers = await asyncio.gather(
            *(a.post("/v1/communities", json=body, headers={"Idempotency-Key": "k1"}) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert len({answer.headers["guildhall-causal-token"] for answer in answers}) == 1
        other = await a.post(
            "/v1/communities", json=body | {"name": "Other"}, headers={"Idempotency-Key": "k1"}
        )
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        assert len((await a.get("/v1/members/me/memberships")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "x", "surprise": 1}, "/surprise"),
        ({"name": 7}, "/name"),
        ({"name": "x", "time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"name": "x", "languages": ["not a language"]}, "/languages/0"),
        ([], "/"),
    ],
)
async def test_bad_input_names_the_field_and_the_fix(app: FastAPI, body: object, field: str) -> None:
    async with client(app, person()) as http:
        answer = await http.post("/v1/members", json=body)
        assert answer.status_code == 422
        fault = answer.json()["errors"][0]
        assert (fault["field"], bool(fault["reason"]), bool(fault["fix"])) == (field, True, True)


async def test_malformed_and_oversized_bodies(app: FastAPI) -> None:
    async with client(app, person()) as http:
        broken = await http.post(
            "/v1/members", content=b'{"name":', headers={"content-type": "application/json"}
        )
        assert (broken.status_code, broken.json()["code"]) == (400, "malformed-json")
        bytes_that_are_no_text = await http.post(
            "/v1/members", content=b'{"name":"\xff"}', headers={"content-type": "application/json"}
        )
        told = bytes_that_are_no_text.json()
        assert (told["status"], told["code"], told["errors"][0]["field"]) == (400, "malformed-body", "/")
        assert "UTF-8" in told["fix"]


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield b"x" * 100_000


@pytest.mark.parametrize("content", [b"x" * 2_000_000, _pieces()], ids=["announced", "in pieces"])
async def test_a_body_over_the_limit(app: FastAPI, content: bytes | AsyncIterator[bytes]) -> None:
    async with client(app, person()) as http:
        answer = await http.post("/v1/members", content=content)
        told = answer.json()
        assert (answer.status_code, told["code"], told["fix"]) == (413, "body-too-large", "Send less.")
        assert (await http.get("/v1/members/me")).status_code == 404


async def test_a_wrong_method_and_a_wrong_address_are_told_the_right_ones(app: FastAPI) -> None:
    async with client(app, person()) as http:
        method = await http.patch("/v1/communities")
        assert (method.status_code, method.headers["allow"]) == (405, "GET, POST")
        assert method.json()["fix"] == "This address takes GET, POST."
        address = await http.get("/v1/../../etc/passwd")
        assert (address.status_code, address.json()["code"]) == (404, "no-such-address")
        assert "/docs" in address.json()["fix"]


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-01-01T00:00:00", 7]
)
async def test_times_that_no_calendar_takes(app: FastAPI, at: object) -> None:
    async with client(app, person(), scopes=[IMPORT_SCOPE]) as http:
        body = {"items": [{"kind": "member", "id": new_id(), "at": at, "name": "Old"}]}
        answer = await http.post("/v1/imports", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


async def test_an_import_twice_doubles_nothing_and_needs_its_scope(app: FastAPI, topics: Stack) -> None:
    community, founder, joiner = new_id(), new_id(), new_id()
    at = "2019-05-01T12:00:00Z"
    items = [
        {"kind": "member", "id": founder, "at": at, "name": "Founder", "org_id": "o",
         "skills": [{"name": "permits", "level": "expert"}]},
        {"kind": "member", "id": joiner, "at": at, "name": "Joiner"},
        {"kind": "community", "id": community, "at": at, "name": "Old", "about": "…",
         "founder_id": founder},
        {"kind": "membership", "community_id": community, "member_id": joiner, "at": at,
         "role": "facilitator"},
        {"kind": "membership", "community_id": new_id(), "member_id": joiner, "at": at},
    ]  # fmt: skip
    async with client(app, person()) as anyone:
        refused = await anyone.post("/v1/imports", json={"items": items})
        assert (refused.status_code, refused.json()["code"]) == (403, "scope-missing")
    async with (
        Tap.open(topics, COMMUNITIES.name) as tap,
        client(app, person(), scopes=[IMPORT_SCOPE]) as http,
    ):
        first = (await http.post("/v1/imports", json={"items": items})).json()["items"]
        assert [item["outcome"] for item in first] == ["created"] * 4 + ["refused"]
        assert first[4]["code"] == "no-such-community"
        second = (await http.post("/v1/imports", json={"items": items})).json()["items"]
        assert [item["outcome"] for item in second] == ["existing"] * 4 + ["refused"]
        joined = await tap.event(MemberJoined, member_id=joiner)
        assert joined.at.isoformat() == "2019-05-01T12:00:00+00:00"
        shown = (await http.get(f"/v1/communities/{community}/members")).json()["items"]
        assert {(item["member_id"], item["role"]) for item in shown} == {
            (founder, "steward"), (joiner, "facilitator"),
        }  # fmt: skip
