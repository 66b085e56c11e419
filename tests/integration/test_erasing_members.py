"""What a member has to do with others ends at once when they are erased; through HTTP, on a real stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from services.members.app import service
from shared.contracts.members import MemberErased, MemberLeft
from shared.contracts.mentorships import MentorshipEnded, MentorshipExpired
from shared.contracts.topics import COMMUNITIES, MENTORSHIPS, PEOPLE
from shared.ids import new_id
from shared.storage.unit_of_work import OUTBOX
from shared.testing.harness import Tap, client, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, OPERATE_SCOPE, dev_member_id

ORG = f"org-{new_id()}"
OFFER = {"capacity": 2, "skills": ["x"], "languages": ["en"], "hours_per_month": 1, "scope": "everybody"}


@pytest.fixture(scope="module")
async def app(topics: Stack) -> AsyncIterator[FastAPI]:
    settings = settings_for(topics, clockwork_seconds=600)  # a sweep takes away what a test looks at
    async with running(service, topics, settings) as app:
        yield app


async def ask(app: FastAPI, who: str, method: str, path: str, body: Any = None, **claims: Any) -> Any:
    async with client(app, who, org=ORG, **claims) as http:
        headers = {}
        if method == "PUT" and path == "/members/me/mentoring":
            headers["If-Match"] = (await http.get("/v1/members/me")).headers["ETag"]
        answer = await http.request(method, f"/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def refused(app: FastAPI, who: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
    async with client(app, who, org=ORG) as http:
        answer = await http.request(method, f"/v1{path}", json=body)
        return answer.status_code, answer.json()["code"]


async def erase(app: FastAPI, who: str) -> int:
    async with client(app, "operator", scopes=[OPERATE_SCOPE]) as http:
        return (await http.put(f"/v1/erasures/{dev_member_id(who)}")).status_code


async def person(app: FastAPI) -> str:
    subject = f"person-{new_id()}"
    await ask(app, subject, "POST", "/members", {"name": subject})
    return subject


async def test_the_last_steward_and_the_last_administrator_go_like_everybody(
    app: FastAPI, topics: Stack
) -> None:
    ann, bob = await person(app), await person(app)
    await ask(app, ann, "POST", "/organisations", {"name": "Acme"})
    new = {"name": "Ann's", "kind": "external", "about": "…"}
    community = (await ask(app, ann, "POST", "/communities", new))["id"]
    await ask(app, bob, "PUT", f"/communities/{community}/members/me")
    async with Tap.open(topics, PEOPLE.name, COMMUNITIES.name) as tap:
        assert await erase(app, ann) == 204
        erased = await tap.event(MemberErased, member_id=dev_member_id(ann))
        assert erased.event.version == 2
        await tap.event(MemberLeft, community_id=community, member_id=dev_member_id(ann), version=4)
    shown = await ask(app, bob, "GET", f"/organisations/{ORG}")
    assert shown["administrators"] == []
    assert len((await ask(app, bob, "GET", f"/communities/{community}/members"))["items"]) == 1


async def test_mentorships_of_both_sides_end_and_places_are_free_again(app: FastAPI, topics: Stack) -> None:
    ann, mentor, mentee, waiting = [await person(app) for _ in range(4)]
    for who in (ann, mentor):
        await ask(app, who, "PUT", "/members/me/mentoring", OFFER)

    async def asked(who: str, of: str, *, accepted: bool) -> None:
        wanted = {"mentor_id": dev_member_id(of), "message": "…", "goals": []}
        made = (await ask(app, who, "POST", "/mentorships", wanted))["id"]
        if accepted:
            await ask(app, of, "POST", f"/mentorships/{made}/accept")

    await asked(ann, mentor, accepted=True)
    await asked(mentee, ann, accepted=True)
    await asked(waiting, ann, accepted=False)
    async with Tap.open(topics, MENTORSHIPS.name) as tap:
        assert await erase(app, ann) == 204
        await tap.event(MentorshipEnded, mentor_id=dev_member_id(mentor), why="member-erased", places_taken=0)
        await tap.event(MentorshipEnded, mentor_id=dev_member_id(ann), why="member-erased", places_taken=0)
        await tap.event(MentorshipExpired, mentor_id=dev_member_id(ann), why="mentor-withdrawn")
    await asked(mentee, mentor, accepted=True)
    await asked(waiting, mentor, accepted=True)  # both places: the one that was taken is free


async def test_twice_at_once_is_once_and_for_good(app: FastAPI) -> None:
    ann, bob = await person(app), await person(app)
    who = dev_member_id(ann)
    assert set(await asyncio.gather(*(erase(app, ann) for _ in range(6)))) == {204}
    rows = await app.state.database[OUTBOX].find({"events.key": who}).to_list(length=None)
    events = [event["type"] for row in rows for event in row["events"] if event["key"] == who]
    assert events.count(MemberErased.type) == 1
    assert await refused(app, ann, "POST", "/members", {"name": "Ann"}) == (403, "erased")
    assert await refused(app, bob, "POST", "/connections", {"member_id": who}) == (404, "no-such-member")
    assert await refused(app, bob, "GET", f"/members/{who}") == (404, "no-such-member")
    item = {"kind": "member", "id": who, "at": "2019-05-01T12:00:00Z", "name": "Ann"}
    report = await ask(app, "importer", "POST", "/imports", {"items": [item]}, scopes=[IMPORT_SCOPE])
    assert [(each["outcome"], each["code"]) for each in report["items"]] == [("refused", "erased")]
