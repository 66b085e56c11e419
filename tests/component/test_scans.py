"""No query of discussions, matching or members reads a whole collection, however it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.discussions.app import service as discussions_service
from services.matching.precedents import Library
from services.members.app import service as members_service
from shared.clockwork import work_off
from shared.contracts.discussions import ProblemPosted
from shared.ids import new_id
from shared.service import Service
from shared.storage import Database
from shared.testing.harness import client, create_topics, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component import matching
from tests.component.world import COMMUNITY, World, discussions, fresh

MESSAGING = ("outbox", "inbox", "shards", "leases", "erasures", "idempotency")
"""The collections of the messaging core: what polls them is no query of the service."""


@asynccontextmanager
async def profiled(database: Database) -> AsyncIterator[list[str]]:
    """The queries that scan a collection while the context is open, once it is left; the profile is bounded,
    and has to hold them all."""
    scans: list[str] = []
    native = database.client[database.name]
    await native.command({"profile": 0})
    await native.drop_collection("system.profile")
    await native.create_collection("system.profile", capped=True, size=64 * 2**20)
    await native.command({"profile": 2})
    try:
        yield scans
    finally:
        await native.command({"profile": 0})
    seen = 0
    async for each in native["system.profile"].find({}):
        collection = each["ns"].partition(".")[2]
        seen += 1
        if "COLLSCAN" in each.get("planSummary", "") and collection not in (*MESSAGING, "system.profile"):
            scans.append(f"{collection}: {each.get('command', {})}"[:600])
    assert seen, "nothing was profiled"


async def ask_everything(http: httpx.AsyncClient, app: FastAPI, ids: dict[str, str]) -> int:
    """Every GET of the API, with ids that there are where they are known, and with each filter and order;
    answers how many were answered well."""
    good = 0
    for path, methods in app.openapi()["paths"].items():
        operation = methods.get("get")
        if operation is None or not path.startswith("/v1/") or path.startswith("/v1/erasures"):
            continue
        filled = path
        for name in [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]:
            filled = filled.replace(f"{{{name}}}", ids.get(name, "none"))
        queries: list[dict[str, Any]] = [{}]
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                queries += [{parameter["name"]: value} for value in _values(parameter, ids)]
        needed = {
            each["name"]: next(iter(_values(each, ids)), "x")
            for each in operation.get("parameters", [])
            if each["in"] == "query" and each.get("required")
        }
        for query in queries:
            answer = await http.get(filled, params=needed | query)
            assert answer.status_code < 500, answer.text
            good += answer.status_code == 200
            if answer.status_code == 200 and answer.headers["content-type"] == "application/json":
                following = answer.json().get("next") if isinstance(answer.json(), dict) else None
                if following:
                    await http.get(filled, params=needed | query | {"cursor": following})
    return good


def _values(parameter: dict[str, Any], ids: dict[str, str]) -> list[Any]:
    """Values for a parameter of a query: all that it may have, else one that fits."""
    if parameter["name"] in ids:
        return [ids[parameter["name"]]]
    schemas = [parameter["schema"], *parameter["schema"].get("anyOf", [])]
    counted = [value for schema in schemas for value in schema.get("enum", [])]
    types = {schema.get("type") for schema in schemas}
    if counted:
        return counted
    if "boolean" in types:
        return [True]
    if "integer" in types:
        return [1]
    return ["permits"]


async def test_no_query_of_discussions_scans_a_collection(stack: Stack) -> None:
    async with discussions(stack) as app:
        world = await fresh(app)
        await world.joins("fay", role="steward")
        async with profiled(world.database) as scans:
            ids = await _everything(world)
            async with world.by("fay") as http:
                good = await ask_everything(http, app, ids)
            async with world.by("bob") as http:
                good += await ask_everything(http, app, ids)
            await work_off(world.database, discussions_service.duties)
        assert good > 60
        assert not scans, "\n".join(scans)


async def _everything(world: World) -> dict[str, str]:
    """One of everything, written through the API; and their ids by the names of paths' parameters."""
    problem, other = await world.posts(), await world.posts()
    solution = await world.proposes(problem)
    on = {"item_kind": "solution", "item_id": solution}
    comment = await world.ask("bob", "POST", f"/threads/{problem}/comments", on | {"body": "Hm."})
    flagged = {"item_kind": "comment", "item_id": comment["id"], "reason": "spam"}
    await world.ask("cid", "POST", f"/threads/{problem}/flags", flagged)
    await world.ask("cid", "PUT", f"/threads/{problem}/reactions/works-for-me", on)
    await world.ask("cid", "PUT", f"/threads/{problem}/read")
    await world.ask("ann", "PUT", f"/solutions/{solution}", {"body": "New."}, If_Match='"1"')
    await world.ask("bob", "PUT", f"/solutions/{solution}/endorsement", {"basis": "tried"})
    await world.ask("bob", "PUT", f"/solutions/{solution}/reuse", {"note": "x"})
    await world.ask("cid", "POST", f"/solutions/{solution}/contests", {"kind": "outdated", "reason": "Old."})
    await world.ask("asker", "POST", f"/problems/{problem}/accept", {"solution_id": solution})
    await world.ask("asker", "POST", f"/problems/{other}/links", {"kind": "duplicate", "target_id": problem})
    hidden = {"item_kind": "comment", "item_id": comment["id"], "action": "hide"}
    await world.ask("fay", "POST", f"/threads/{problem}/moderation", hidden)
    redacted = {"item_kind": "problem", "item_id": problem, "passage": "Nine"}
    await world.ask("fay", "POST", f"/threads/{problem}/redactions", redacted)
    study = {"title": "T", "situation": "s", "action": "a", "outcome": "o", "lessons": "l"}
    drafted = await world.ask("ann", "POST", f"/communities/{COMMUNITY}/case-studies", study)
    await world.ask("ann", "POST", f"/case-studies/{drafted['id']}/publish")
    return {
        "community_id": COMMUNITY, "problem_id": problem, "thread_id": problem, "solution_id": solution,
        "comment_id": comment["id"], "case_study_id": drafted["id"], "number": "1", "item_id": solution,
        "q": "permits wait",
    }  # fmt: skip


async def test_no_query_of_members_scans_a_collection(stack: Stack) -> None:
    await create_topics(stack)
    settings = settings_for(stack, relay_in_process=False)
    async with running(members_service, stack, settings) as app:
        ids = await _people(app)
        async with profiled(app.state.database) as scans:
            async with client(app, "founder", org="city") as http:
                good = await ask_everything(http, app, ids)
            await work_off(app.state.database, members_service.duties)
        assert good > 15
        assert not scans, "\n".join(scans)


async def _people(app: FastAPI) -> dict[str, str]:
    async with client(app, "founder", org="city") as http, client(app, "other", org="city") as other:
        for each in (http, other):
            assert (await each.post("/v1/members", json={"name": "N"})).status_code == 201
        text = {"name": "Permits", "about": "a", "kind": "external"}
        community = (await http.post("/v1/communities", json=text)).json()["id"]
        await other.put(f"/v1/communities/{community}/members/me")
        member = (await other.get("/v1/members/me")).json()["id"]
    return {"community_id": community, "member_id": member, "search": "permits", "connection_id": new_id()}


async def test_no_query_of_matching_scans_a_collection(stack: Stack) -> None:
    async with matching.matching(stack) as app:
        world = matching.World(app, app.state.clock)
        await world.community()
        await world.feed(*world.joins("ana", permits="expert"), *world.joins("asker"))
        mine = {"author_id": dev_member_id("asker"), "title": "Permits wait", "tags": ["permits"]}
        await world.feed(*(world.event(ProblemPosted, thread_id=each, **mine) for each in ("p", "q")))
        # It follows no more when it is asked: a change stream reads the oplog, and is profiled as a scan.
        async with matching.following(Library(world.database, None)) as library:
            await matching.caught_up(library, world.database)
        app.state.library = library
        ids = {
            "community_id": matching.COMMUNITY, "thread_id": "p", "member_id": dev_member_id("ana"),
            "skill": "permits",
        }  # fmt: skip
        good = 0
        async with profiled(world.database) as scans:
            for who in ("asker", "ana"):
                async with world.as_(who) as http:
                    good += await ask_everything(http, app, ids)
                    [like] = (await http.get("/v1/problems/p/similar")).json()["items"]
                    assert like["thread_id"] == "q"
        assert good > 15
        assert not scans, "\n".join(scans)


@pytest.mark.parametrize("service", [discussions_service, members_service], ids=lambda each: each.name)
async def test_a_scan_is_seen(stack: Stack, service: Service) -> None:
    """The test above can fail: a query without an index is found out."""
    async with running(service, stack, settings_for(stack, relay_in_process=False)) as app:
        async with profiled(app.state.database) as scans:
            await app.state.database["communities"].find_one({"no such field": 1})
        assert len(scans) == 1
