"""Joining by request and by invitation, and being removed, through HTTP on a real stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.members.app import service
from shared.contracts.members import MemberRemoved, MembershipDeclined
from shared.contracts.topics import COMMUNITIES
from shared.ids import new_id
from shared.testing.harness import Tap, client, running
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id


@pytest.fixture(scope="module")
async def app(topics: Stack) -> AsyncIterator[FastAPI]:
    async with running(service, topics) as app:
        yield app


async def person(app: FastAPI, **claims: str) -> str:
    """The subject of somebody who has just registered."""
    subject = f"person-{new_id()}"
    async with client(app, subject, **claims) as http:
        assert (await http.post("/v1/members", json={"name": subject})).status_code == 201
    return subject


async def founds(http: httpx.AsyncClient, policy: str, kind: str = "external") -> str:
    """The address of a community with that policy."""
    body = {"name": "C", "kind": kind, "about": "…", "join_policy": policy}
    answer = await http.post("/v1/communities", json=body)
    assert (answer.status_code, answer.json()["join_policy"]) == (201, policy)
    return f"/v1/communities/{answer.json()['id']}"


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("code")


async def test_by_request_and_the_events_in_order(app: FastAPI, topics: Stack) -> None:
    stew, bob, eve = [await person(app) for _ in range(3)]
    async with Tap.open(topics, COMMUNITIES.name) as tap:
        async with client(app, stew) as s, client(app, bob) as b, client(app, eve) as e:
            c = await founds(s, "by-request")
            assert told(await b.put(f"{c}/members/me")) == (403, "needs-approval")
            assert (await b.post(f"{c}/requests", json={"note": "Please"})).status_code == 201
            assert (await e.post(f"{c}/requests", json={})).status_code == 201
            assert told(await b.post(f"{c}/requests", json={})) == (409, "wrong-membership-state")
            assert told(await b.put(f"{c}/members/me")) == (409, "request-pending")
            assert told(await e.post(f"{c}/requests/{dev_member_id(bob)}/approve")) == (403, "not-a-member")
            waiting = (await s.get(f"{c}/admissions")).json()["items"]
            assert {each["member_id"]: each["note"] for each in waiting} == {
                dev_member_id(bob): "Please",
                dev_member_id(eve): "",
            }
            assert (await b.get(f"{c}/admissions")).status_code == 403
            approved = await s.post(f"{c}/requests/{dev_member_id(bob)}/approve")
            assert (approved.json()["role"], approved.json()["standing"]) == ("member", "trial")
            assert told(await b.get(f"{c}/admissions")) == (403, "not-a-steward")
            refused = await s.post(f"{c}/requests/{dev_member_id(eve)}/decline", json={"reason": "No"})
            assert (refused.json()["state"], refused.json()["note"]) == ("declined", "No")
            assert told(await e.post(f"{c}/requests", json={})) == (409, "declined-lately")
            (own,) = (await e.get("/v1/members/me/admissions")).json()["items"]
            assert own["state"] == "declined"
            assert (await b.get("/v1/members/me/admissions")).json()["items"] == []
        await tap.event(MembershipDeclined, member_id=dev_member_id(eve))
    seen = [each.event for each in tap.events() if each.event.key == c.rsplit("/", 1)[1]]
    assert [(event.event_name, event.version) for event in seen] == [
        ("community-created", 1), ("member-joined", 2),
        ("membership-requested", 3), ("membership-requested", 4),
        ("membership-approved", 5), ("member-joined", 6), ("membership-declined", 7),
    ]  # fmt: skip


async def test_by_invitation(app: FastAPI) -> None:
    stew, bob, eve = [await person(app) for _ in range(3)]
    async with client(app, stew) as s, client(app, bob) as b, client(app, eve) as e:
        c = await founds(s, "by-invitation")
        for refused in (await e.put(f"{c}/members/me"), await e.post(f"{c}/requests", json={})):
            assert told(refused) == (403, "by-invitation")
        invitation = {"member_id": dev_member_id(bob), "note": "Come"}
        assert told(await e.post(f"{c}/invitations", json=invitation)) == (403, "not-a-member")
        assert (await s.post(f"{c}/invitations", json=invitation)).status_code == 201
        assert told(await s.post(f"{c}/invitations", json={"member_id": "nobody"})) == (404, "no-such-member")
        (own,) = (await b.get("/v1/members/me/admissions")).json()["items"]
        assert (own["state"], own["note"], own["changed_by"]) == ("invited", "Come", dev_member_id(stew))
        assert (await b.put(f"{c}/members/me")).status_code == 201
        assert told(await b.post(f"{c}/invitations", json={"member_id": dev_member_id(eve)})) == (
            403, "not-a-steward",
        )  # fmt: skip
        # An invitation is used up: leaving gives it back to nobody.
        assert (await b.delete(f"{c}/members/me")).status_code == 204
        assert told(await b.put(f"{c}/members/me")) == (403, "by-invitation")


async def test_who_was_removed_does_not_walk_back_in(app: FastAPI, topics: Stack) -> None:
    stew, bob = await person(app), await person(app)
    async with Tap.open(topics, COMMUNITIES.name) as tap:
        async with client(app, stew) as s, client(app, bob) as b:
            c = await founds(s, "open")
            assert told(await b.post(f"{c}/requests", json={})) == (409, "open-community")
            assert (await b.put(f"{c}/members/me")).status_code == 201
            me = f"{c}/members/{dev_member_id(stew)}/remove"
            assert told(await b.post(me, json={})) == (403, "not-a-steward")
            assert told(await s.post(me, json={})) == (409, "removing-oneself")
            gone = await s.post(f"{c}/members/{dev_member_id(bob)}/remove", json={"reason": "Spam"})
            assert gone.json()["state"] == "removed"
            assert told(await s.post(f"{c}/members/{dev_member_id(bob)}/remove", json={})) == (
                404, "no-such-membership",
            )  # fmt: skip
            assert (await b.get("/v1/members/me/memberships")).json()["items"] == []
            assert told(await b.put(f"{c}/members/me")) == (403, "needs-approval")
            await s.post(f"{c}/invitations", json={"member_id": dev_member_id(bob)})
            assert (await b.put(f"{c}/members/me")).status_code == 201
        removed = await tap.event(MemberRemoved, member_id=dev_member_id(bob))
        assert (removed.event.reason, removed.event.removed_by) == ("Spam", dev_member_id(stew))


async def test_decided_by_many_at_once_is_decided_once(app: FastAPI) -> None:
    stew, bob = await person(app), await person(app)
    async with client(app, stew) as s, client(app, bob) as b:
        c = await founds(s, "by-request")
        await b.post(f"{c}/requests", json={})
        to = f"{c}/requests/{dev_member_id(bob)}"
        answers = await asyncio.gather(
            *(s.post(f"{to}/approve") if n % 2 else s.post(f"{to}/decline", json={}) for n in range(8))
        )
        assert [answer.status_code for answer in answers].count(200) == 1


async def test_two_stewards_who_remove_each_other_leave_one(app: FastAPI) -> None:
    ann, bob = await person(app), await person(app)
    async with client(app, ann) as a, client(app, bob) as b:
        c = await founds(a, "open")
        await b.put(f"{c}/members/me")
        await a.put(f"{c}/members/{dev_member_id(bob)}/role", json={"role": "steward"})
        answers = await asyncio.gather(
            a.post(f"{c}/members/{dev_member_id(bob)}/remove", json={}),
            b.post(f"{c}/members/{dev_member_id(ann)}/remove", json={}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 403]
        (left,) = (await a.get(f"{c}/members")).json()["items"]
        assert left["role"] == "steward"


async def test_an_internal_community_has_no_door_for_others(app: FastAPI) -> None:
    stew, eve = await person(app, org="aarhus"), await person(app, org="sydney")
    async with client(app, stew, org="aarhus") as s, client(app, eve, org="sydney") as e:
        c = await founds(s, "by-request", "internal")
        for answer in (
            await e.post(f"{c}/requests", json={}),
            await e.get(f"{c}/admissions"),
            await e.post(f"{c}/invitations", json={"member_id": "x"}),
            await e.post(f"{c}/requests/x/approve"),
            await e.post(f"{c}/requests/x/decline", json={}),
            await e.post(f"{c}/members/x/remove", json={}),
        ):
            assert told(answer) == (404, "no-such-community")
        refused = await s.post(f"{c}/invitations", json={"member_id": dev_member_id(eve)})
        assert told(refused) == (422, "other-organisation")
