"""Case studies and resources on a real database: drafts, states, lists, and what was of use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from shared.settings import LIMITS
from shared.storage.unit_of_work import OUTBOX
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id
from tests.component.world import COMMUNITY, DAY, World, discussions, fresh

STUDY = {
    "title": "How Århus got rid of paper 📄",
    "situation": "Nine **days**.",
    "action": "eID.",
    "outcome": "Two days.",
    "lessons": "Begin small.",
    "organisation": "City of Aarhus",
    "tags": ["Permits"],
}
LINK = {"form": "link", "address": "https://permits.example.org/checklist"}
FILE: dict[str, Any] = {
    "form": "file",
    "address": "https://files.example.org/checklist.pdf",
    "media_type": "application/pdf",
    "size": 48_128,
    "sha256": "ab" * 32,
}
TEMPLATE = {"form": "template", "text": "Dear **{applicant}**,\n\nyour permit …"}
RESOURCE = {"title": "Checklist", "body": "What to ask for.", "tags": ["Permits"], "substance": LINK}
RESOURCES = f"/communities/{COMMUNITY}/resources"
STUDIES = f"/communities/{COMMUNITY}/case-studies"


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


async def drafts(world: World, who: str = "ann", **fields: Any) -> str:
    return f"/case-studies/{(await world.ask(who, 'POST', STUDIES, STUDY | fields, 201))['id']}"


async def publishes(world: World, who: str = "ann", **fields: Any) -> str:
    study = await drafts(world, who, **fields)
    await world.ask(who, "POST", f"{study}/publish")
    world.clock.advance(DAY / 24)
    return study


async def pages(world: World, who: str, path: str, size: int = 2) -> list[Any]:
    """All items of a list, page by page; ``path`` has a query."""
    items: list[Any] = []
    cursor = ""
    while True:
        answer = await world.ask(who, "GET", f"{path}&limit={size}{cursor}")
        items += answer["items"]
        if not answer["next"]:
            return items
        cursor = f"&cursor={answer['next']}"


# -- case studies --------------------------------------------------------------------------------------


async def test_a_draft_exists_for_its_author_alone(world: World) -> None:
    study = await drafts(world, lessons="")
    assert (await world.ask("ann", "GET", study))["state"] == "draft"
    for who in ("bob", "fay", "eve"):
        for method, end, body in (
            ("GET", "", None), ("PUT", "", STUDY), ("DELETE", "", None), ("POST", "/publish", None),
            ("POST", "/outdate", {"reason": "x"}), ("POST", "/archive", None), ("PUT", "/reuse", {}),
            ("GET", "/reuses", None),
        ):  # fmt: skip
            refused = await world.ask(who, method, study + end, body, 404, If_Match='"1"')
            assert refused["code"] == "no-such-case-study", (who, method, end)
    assert [len(await pages(world, who, f"{STUDIES}?state=draft")) for who in ("ann", "bob")] == [1, 0]
    assert await pages(world, "ann", f"{STUDIES}?order=newest") == []
    refused = await world.ask("ann", "POST", f"{study}/publish", expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("incomplete", "/lessons")
    assert await world.database[OUTBOX].count_documents({}) == 0
    await world.ask("ann", "DELETE", study, expect=204)
    await world.ask("ann", "GET", study, expect=404)


async def test_from_draft_to_archive_every_event_in_order(world: World) -> None:
    study = await drafts(world)
    edited = await world.ask("ann", "PUT", study, STUDY | {"title": "Better"}, If_Match='"1"')
    assert (edited["title"], edited["revision"]) == ("Better", 2)
    stale = await world.ask("ann", "PUT", study, STUDY, 412, If_Match='"1"')
    assert stale["code"] == "stale-version"
    world.clock.advance(DAY)
    shown = await world.ask("ann", "POST", f"{study}/publish")
    assert (shown["state"], shown["posted_at"][:10]) == ("published", "2026-03-03")
    assert (await world.ask("bob", "GET", study))["author"]["id"] == dev_member_id("ann")
    assert (await world.ask("bob", "PUT", study, STUDY, 403, If_Match='"2"'))["code"] == "not-yours"
    await world.ask("eve", "GET", study, expect=404)
    await world.ask("fay", "PUT", study, STUDY, If_Match='"2"')
    await world.ask("bob", "POST", f"{study}/outdate", {"reason": "The law."}, 403)
    outdated = await world.ask("fay", "POST", f"{study}/outdate", {"reason": "The law."})
    assert (outdated["state"], outdated["reason"]) == ("outdated", "The law.")
    assert len(await pages(world, "bob", f"{STUDIES}?order=newest")) == 1
    await world.ask("ann", "POST", f"{study}/archive")
    assert (await world.ask("ann", "POST", f"{study}/publish", expect=409))["code"] == "wrong-content-state"
    assert await pages(world, "bob", f"{STUDIES}?order=newest") == []
    assert len(await pages(world, "bob", f"{STUDIES}?state=archived")) == 1
    assert await world.events(study.rpartition("/")[2]) == ["case-study-published"] * 4


async def test_it_refers_to_what_its_readers_may_read(world: World) -> None:
    problem = await world.posts("bob")
    solution = await world.proposes(problem)
    study = await drafts(world, problem_id=problem, solution_id=solution)
    assert (await world.ask("ann", "GET", study))["solution_id"] == solution
    await world.joins("ann", at="elsewhere")
    other = "/communities/elsewhere/case-studies"
    for field, code in (("problem_id", "no-such-problem"), ("solution_id", "no-such-solution")):
        for where, wanted in ((other, {"problem_id": problem, "solution_id": solution}), (STUDIES, {})):
            named = {field: wanted.get(field, "nothing")}
            assert (await world.ask("ann", "POST", where, STUDY | named, 404))["code"] == code
    assert (await world.ask("cid", "POST", other, STUDY, 404))["code"] == "no-such-community"


async def test_long_texts_and_none(world: World) -> None:
    long = "ü" * (LIMITS.body // 4)
    study = await publishes(world, situation=long, action=long, outcome=long, lessons=long)
    assert len((await world.ask("bob", "GET", study))["lessons"]) == LIMITS.body // 4
    await world.ask("ann", "POST", STUDIES, STUDY | {"lessons": long + "x"}, 422)
    await world.ask("ann", "POST", STUDIES, STUDY | {"title": " "}, 422)


async def test_published_by_many_at_once_is_published_once(world: World) -> None:
    study = await drafts(world)
    async with world.by("ann") as http:
        answers = await asyncio.gather(*(http.post(f"/v1{study}/publish") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await world.events(study.rpartition("/")[2]) == ["case-study-published"]


async def test_lists_by_tag_and_by_use_page_by_page(world: World) -> None:
    studies = [
        await publishes(world, title=f"S{n}", tags=["even" if n % 2 == 0 else "odd"]) for n in range(5)
    ]
    titles = [each["title"] for each in await pages(world, "bob", f"{STUDIES}?order=newest")]
    assert titles == ["S4", "S3", "S2", "S1", "S0"]
    assert [each["title"] for each in await pages(world, "bob", f"{STUDIES}?tag=even")] == ["S4", "S2", "S0"]
    for who, number in (("bob", 1), ("cid", 1), ("fay", 1), ("bob", 3), ("cid", 3), ("bob", 0)):
        await world.ask(who, "PUT", f"{studies[number]}/reuse", {})
    for size in (1, 2, 50):
        used = await pages(world, "bob", f"{STUDIES}?order=most-reused", size)
        assert [(each["title"], each["reused"]) for each in used] == [
            ("S1", 3), ("S3", 2), ("S0", 1), ("S4", 0), ("S2", 0),
        ]  # fmt: skip
    assert (await world.ask("eve", "GET", STUDIES, expect=404))["code"] == "no-such-community"
    assert (await world.ask("bob", "GET", f"{STUDIES}?cursor=x", expect=400))["code"] == "bad-cursor"


# -- resources -----------------------------------------------------------------------------------------


async def shares(world: World, who: str = "ann", publish: bool = True, **fields: Any) -> str:
    resource = f"/resources/{(await world.ask(who, 'POST', RESOURCES, RESOURCE | fields, 201))['id']}"
    if publish:
        await world.ask(who, "POST", f"{resource}/publish")
    world.clock.advance(DAY / 24)
    return resource


async def test_links_files_and_templates(world: World) -> None:
    for substance in (LINK, FILE, TEMPLATE):
        resource = await shares(world, substance=substance)
        assert (await world.ask("bob", "GET", resource))["substance"] == substance
        await world.ask("ann", "PUT", resource, RESOURCE | {"substance": LINK}, If_Match='"1"')
        assert (await world.ask("bob", "GET", resource))["substance"] == LINK
        await world.ask("fay", "POST", f"{resource}/outdate", {"reason": "Moved."})
        await world.ask("ann", "POST", f"{resource}/publish")
        await world.ask("bob", "PUT", f"{resource}/reuse", {"note": "Copied."})
        assert [each["note"] for each in await pages(world, "ann", f"{resource}/reuses?")] == ["Copied."]
        await world.ask("fay", "POST", f"{resource}/archive")
        events = await world.events(resource.rpartition("/")[2])
        assert events == ["resource-shared"] * 4 + ["content-reused"] + ["resource-shared"]


@pytest.mark.parametrize(
    "substance",
    [
        LINK | {"address": "http://example.org/"},
        LINK | {"address": "javascript:alert(1)"},
        LINK | {"address": "https://me:secret@example.org/"},
        LINK | {"text": "both"},
        FILE | {"size": -1},
        FILE | {"sha256": "abc"},
        FILE | {"media_type": "text"},
        {key: FILE[key] for key in FILE if key != "sha256"},
        TEMPLATE | {"text": " "},
        {"form": "secret"},
    ],
    ids=str,
)
async def test_what_is_no_resource(world: World, substance: dict[str, Any]) -> None:
    refused = await world.ask("ann", "POST", RESOURCES, RESOURCE | {"substance": substance}, 422)
    assert refused["errors"][0]["field"].startswith("/substance")


async def test_a_resource_in_the_making_is_its_authors_own(world: World) -> None:
    resource = await shares(world, publish=False)
    study = await drafts(world)
    for who in ("bob", "fay", "eve"):
        assert (await world.ask(who, "GET", resource, expect=404))["code"] == "no-such-resource"
    # One kind is not found as the other.
    await world.ask("ann", "GET", study.replace("case-studies", "resources"), expect=404)
    await world.ask("ann", "DELETE", resource, expect=204)
    await world.ask("ann", "GET", resource, expect=404)


async def test_resources_by_what_they_are(world: World) -> None:
    for number, substance in enumerate((LINK, FILE, TEMPLATE, LINK, TEMPLATE)):
        tags = ["even" if number % 2 == 0 else "odd"]
        resource = await shares(world, title=f"R{number}", substance=substance, tags=tags)
        if number in (1, 3):
            await world.ask("bob", "PUT", f"{resource}/reuse", {})
    await shares(world, title="R5", publish=False)
    await publishes(world)  # a case study is none

    async def titles(query: str, size: int = 2) -> list[str]:
        return [each["title"] for each in await pages(world, "ann", f"{RESOURCES}?{query}", size)]

    for size in (1, 2, 50):
        assert await titles("", size) == ["R4", "R3", "R2", "R1", "R0"]
        assert await titles("form=link", size) == ["R3", "R0"]
    assert await titles("form=template&tag=even") == ["R4", "R2"]
    assert await titles("order=most-reused") == ["R3", "R1", "R4", "R2", "R0"]
    assert await titles("order=most-reused&form=link") == ["R3", "R0"]
    assert await titles("state=draft") == ["R5"]
    assert await titles("state=draft&form=file") == []


# -- what was of use -----------------------------------------------------------------------------------


async def test_one_counts_once_and_may_say_more_later(world: World) -> None:
    study = await publishes(world)
    async with world.by("bob") as http:
        at_once = await asyncio.gather(*(http.put(f"/v1{study}/reuse", json={"note": "x"}) for _ in range(5)))
    assert {answer.status_code for answer in at_once} == {200}
    await world.ask("bob", "PUT", f"{study}/reuse", {"note": "Saved us a week."})
    world.clock.advance(DAY)
    await world.ask("cid", "PUT", f"{study}/reuse", {})
    assert (await world.ask("ann", "GET", study))["reused"] == 2
    told = [
        (each["member"]["name"], each["note"]) for each in await pages(world, "ann", f"{study}/reuses?", 1)
    ]
    assert told == [("Cid", ""), ("Bob", "Saved us a week.")]
    assert await world.events(study.rpartition("/")[2]) == ["case-study-published"] + ["content-reused"] * 2
    assert (await world.ask("ann", "PUT", f"{study}/reuse", {}, 403))["code"] == "own-work"


async def test_solutions_are_used_too(world: World) -> None:
    problem = await world.posts("bob")
    solution = f"/solutions/{await world.proposes(problem)}"
    await world.ask("cid", "PUT", f"{solution}/reuse", {"note": "Works."})
    await world.ask("cid", "PUT", f"{solution}/reuse", {"note": "Works well."})
    assert (await world.ask("bob", "GET", solution))["reused"] == 1
    assert [each["note"] for each in await pages(world, "bob", f"{solution}/reuses?")] == ["Works well."]
    assert await world.events(problem) == ["problem-posted", "solution-proposed", "content-reused"]
    for method, end in (("PUT", "/reuse"), ("GET", "/reuses")):
        body = {} if method == "PUT" else None
        assert (await world.ask("eve", method, solution + end, body, 404))["code"] == "no-such-solution"


async def test_a_first_publication_is_a_contribution(world: World) -> None:
    solution = await world.proposes(await world.posts("bob"), "cid")
    endorse = f"/solutions/{solution}/endorsement"
    await world.joins("dan")
    await world.ask("dan", "PUT", endorse, {"basis": "tried"}, 403)
    await drafts(world, "dan")
    await world.ask("dan", "PUT", endorse, {"basis": "tried"}, 403)
    await publishes(world, "dan")
    await world.ask("dan", "PUT", endorse, {"basis": "tried"}, 200)


async def test_the_lists_are_on_indexes(world: World) -> None:
    threads, newest = world.database["threads"], [("posted_at", -1), ("_id", -1)]
    shown = {"community_id": "c", "kind": "case-study", "state": {"$in": ["published", "outdated"]}}
    for query, order in (
        (shown, newest),
        (shown | {"tags": "x"}, newest),
        (shown | {"reused": {"$gte": 0}}, [("reused", -1), ("_id", -1)]),
        (shown | {"kind": "resource", "substance.form": "link"}, newest),
        ({"author_id": "a", "kind": "case-study", "draft": True, "community_id": "c"}, newest),
    ):
        plan = str((await threads.find(query).sort(order).explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "'SORT'" not in plan
    plan = str(
        (
            await world.database["reuses"]
            .find({"item_id": "x"})
            .sort([("at", -1), ("member_id", -1)])
            .explain()
        )["queryPlanner"]["winningPlan"]
    )
    assert "IXSCAN" in plan
    assert "'SORT'" not in plan
