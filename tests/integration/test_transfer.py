"""A community as a file: exported, imported elsewhere, and exported again with the same content."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.cli.stackexchange.replay import Replay
from deploy.cli.transfer.arrival import Arrival
from deploy.cli.transfer.export import export
from deploy.cli.transfer.source import ExportStopped, Source
from services.discussions.app import service as discussions
from services.discussions.duties import DUTIES
from services.members.app import service as members
from shared.clock import utc_now
from shared.clockwork import work_off
from shared.ids import new_id
from shared.testing.harness import SECRET, eventually, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_member_id, dev_token

TEXT = {"name": "Électricité ⚡", "about": "Faster\npermits.", "kind": "external", "charter": "Be kind."}
SETUP = {"tags": ["power"], "languages": ["fr"], "rules": {"endorse_after_days": 0, "review_days": 90},
         "links": [{"name": "Matrix", "url": "https://matrix.example.org/"}]}  # fmt: skip

Record = dict[str, Any]


class Installation:
    """Members and discussions, reachable by httpx as http://members and http://discussions."""

    def __init__(self, apps: list[FastAPI]) -> None:
        self.apps = apps

    async def ask(self, who: str, method: str, url: str, body: Any = None, **headers: str) -> Any:
        named = {"Authorization": f"Bearer {dev_token(SECRET, who)}"}
        named |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        async with httpx.AsyncClient(headers=named, timeout=30) as http:
            answer = await http.request(method, f"http://{url}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def export(self, who: str, community_id: str, out: Path) -> dict[str, int]:
        source = Source("http://members", "http://discussions", dev_token(SECRET, who), patience=1)
        try:
            return await export(source, community_id, out)
        finally:
            await source.close()

    async def take(self, file: Path, work: Path, new_id: str | None = None) -> Record:
        arrival = Arrival(file, work, new_id)
        token = dev_token(SECRET, "importer", scopes=[IMPORT_SCOPE])
        await Replay(arrival, "http://members", "http://discussions", token).run()
        return arrival.report()

    async def belongs(self, who: str, community_id: str) -> None:
        """Wait until discussions knows that somebody belongs to the community."""
        key = {"_id": f"{community_id}:{dev_member_id(who)}", "active": True}
        await eventually(lambda: self.apps[1].state.database["memberships"].find_one(key))


@asynccontextmanager
async def installed(stack: Stack, patch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    settings = settings_for(stack)
    async with running(members, stack, settings) as one, running(discussions, stack, settings) as other:
        real = httpx.AsyncClient
        mounts = {
            "http://members": httpx.ASGITransport(one),
            "http://discussions": httpx.ASGITransport(other),
        }
        with patch.context() as context:
            context.setattr(httpx, "AsyncClient", lambda **kwargs: real(mounts=mounts, **kwargs))
            yield Installation([one, other])


async def populated(at: Installation, mark: str) -> str:
    """A community in which something of everything has happened; its id."""
    people = [f"{name}-{mark}" for name in ("stew", "ann", "bob")]
    stew, ann, bob = people
    for who in people:
        await at.ask(who, "POST", "members/v1/members", {"name": who.title(), "headline": "¡Hi!"})
    c = (await at.ask(stew, "POST", "members/v1/communities", TEXT | SETUP))["id"]
    for who in (ann, bob):
        await at.ask(who, "PUT", f"members/v1/communities/{c}/members/me")
    role = {"role": "facilitator"}
    await at.ask(stew, "PUT", f"members/v1/communities/{c}/members/{dev_member_id(bob)}/role", role)
    for who in people:
        await at.belongs(who, c)
    problems = []
    for n, who in enumerate((ann, ann, bob)):
        text = {
            "title": f"Problem {n} ✍",
            "body": "Nine **days**.\n\n" * (n + 1),
            "tags": ["permits"],
            "context": {"size": "40 ✍", "constraints": "C", "culture": "D", "tried": "E"},
        }
        problems.append((await at.ask(who, "POST", f"discussions/v1/communities/{c}/problems", text))["id"])
    one, two, three = problems
    solutions = []
    for who in (bob, stew):
        body = {"body": f"Do this, says {who}."}
        solutions.append((await at.ask(who, "POST", f"discussions/v1/problems/{one}/solutions", body))["id"])
    for number, major in ((1, True), (2, False)):
        text = {"body": f"Do it in {number}.", "note": "Why not", "major": major}
        address = f"discussions/v1/solutions/{solutions[0]}"
        await at.ask(bob, "PUT", address, text, if_match=f'"{number}"')
    address = f"discussions/v1/solutions/{solutions[0]}/endorsement"
    await at.ask(ann, "PUT", address, {"basis": "tried"})
    await at.ask(stew, "PUT", address, {"basis": "reviewed"})
    said = {"item_kind": "solution", "item_id": solutions[0], "body": "Hm.", "mentions": [dev_member_id(ann)]}
    address = f"discussions/v1/threads/{one}/comments"
    comment = await at.ask(stew, "POST", address, said)
    await at.ask(ann, "POST", address, {"item_kind": "comment", "item_id": comment["id"], "body": "Ha."})
    await at.ask(ann, "POST", f"discussions/v1/problems/{one}/accept", {"solution_id": solutions[0]})
    await at.ask(ann, "POST", f"discussions/v1/problems/{one}/resolve")
    link = {"kind": "duplicate", "target_id": three}
    await at.ask(bob, "POST", f"discussions/v1/problems/{two}/links", link)
    await at.ask(ann, "POST", f"discussions/v1/problems/{one}/links", link | {"kind": "related"})
    await contents(at, ann, c, problem=one, solution=solutions[0])
    await benchmarks(at, people, c)
    await gatherings(at, people, c)
    return str(c)


async def contents(at: Installation, who: str, c: str, *, problem: str, solution: str) -> None:
    """A case study that is published, one outdated and archived, a draft, a resource of each form."""
    study = {
        "title": "How we did it ✍", "situation": "S\n\nS", "action": "A", "outcome": "O", "lessons": "L",
        "tags": ["permits"], "organisation": "City", "problem_id": problem, "solution_id": solution,
    }  # fmt: skip
    address = f"discussions/v1/communities/{c}"
    for life in ([], ["publish"], ["publish", "outdate", "archive"]):
        made = (await at.ask(who, "POST", f"{address}/case-studies", study))["id"]
        for step in life:
            reason = {"reason": "A new law."} if step == "outdate" else None
            await at.ask(who, "POST", f"discussions/v1/case-studies/{made}/{step}", reason)
    said = {"item_kind": "case-study", "item_id": made, "body": "Thanks.", "mentions": []}
    await at.ask(who, "POST", f"discussions/v1/threads/{made}/comments", said)
    file = {
        "form": "file",
        "address": "https://example.org/f",
        "media_type": "text/csv",
        "size": 1,
        "sha256": "0" * 64,
    }
    for substance in (
        {"form": "link", "address": "https://example.org/"},
        file,
        {"form": "template", "text": "Dear"},
    ):
        text = {"title": "Tool", "body": "Good for", "tags": ["permits"], "substance": substance}
        made = (await at.ask(who, "POST", f"{address}/resources", text))["id"]
        await at.ask(who, "POST", f"discussions/v1/resources/{made}/publish")


async def benchmarks(at: Installation, people: list[str], c: str) -> None:
    """One with names; a nameless one that all answered and that is closed; one with too few to show."""
    measures = [
        {"kind": "number", "name": "Days", "unit": "d", "lowest": 0},
        {"kind": "choice", "name": "Signed", "choices": ["yes", "no"]},
    ]
    for nameless, answering in ((False, people[:2]), (True, people), (True, people[:1])):
        text = {"title": "How long?", "body": "B", "measures": measures, "nameless": nameless}
        address = f"discussions/v1/communities/{c}/benchmarks"
        made = (await at.ask(people[0], "POST", address, text))["id"]
        for number, who in enumerate(answering):
            values = [{"measure": "Days", "value": number + 0.5, "unit": "d"}]
            values += [{"measure": "Signed", "value": "no"}] if number else []
            answer = {"values": values, "note": f"Note {number} ✍"}
            await at.ask(who, "POST", f"discussions/v1/benchmarks/{made}/answer", answer)
        if len(answering) == len(people):
            await at.ask(people[0], "POST", f"discussions/v1/benchmarks/{made}/close")


async def gatherings(at: Installation, people: list[str], c: str) -> None:
    """One that goes on, moved once and once left out; a cancelled one; one that was over before it came."""
    stew, ann, bob = people
    first = utc_now() - timedelta(days=15)
    names = [(first + timedelta(days=7 * number)).strftime("%Y-%m-%dT%H:%M") for number in range(5)]
    text = {
        "title": "Sprechstunde 📅", "body": "Bring one.", "tags": ["permits"], "start": names[0],
        "zone": "Europe/Copenhagen", "minutes": 60, "recurrence": "FREQ=WEEKLY;COUNT=5", "place": "Room 3",
        "capacity": 1,
    }  # fmt: skip
    address = f"discussions/v1/communities/{c}/gatherings"
    made = (await at.ask(stew, "POST", address, text))["id"]
    for who, reply in ((bob, "yes"), (ann, "maybe")):
        await at.ask(who, "PUT", f"discussions/v1/gatherings/{made}/rsvp", {"reply": reply})
    database = at.apps[1].state.database
    await work_off(database, DUTIES)
    kept = f"discussions/v1/gatherings/{made}"
    await at.ask(stew, "POST", f"{kept}/notes/{names[0]}", {"text": "We met ✍."})
    moved = {"start": f"{names[3][:10]}T23:05", "minutes": 30, "address": "https://meet.example.org/"}
    await at.ask(stew, "PUT", f"{kept}/occurrences/{names[3]}", moved, if_match='"1"')
    await at.ask(stew, "DELETE", f"{kept}/occurrences/{names[4]}")
    said = {"item_kind": "gathering", "item_id": made, "body": "See you.", "mentions": []}
    await at.ask(bob, "POST", f"discussions/v1/threads/{made}/comments", said)
    later = text | {"recurrence": None, "start": names[4]}
    made = (await at.ask(ann, "POST", address, later))["id"]
    await at.ask(ann, "POST", f"discussions/v1/gatherings/{made}/cancel", {"reason": "Flu."})
    whose = {"community_id": c, "author_id": dev_member_id(bob), "at": "2025-02-01T10:00:00Z"}
    over = {"kind": "gathering", "id": f"over-{c}", **whose, **text, "start": "2025-03-03T10:00"}
    notes = {"kind": "gathering-notes", "gathering_id": over["id"], "occurrence": "2025-03-10T10:00"}
    notes |= {"author_id": dev_member_id(bob), "at": "2025-03-11T10:00:00Z", "text": "Few came."}
    came = {"kind": "gathering-reply", "gathering_id": over["id"], "member_id": dev_member_id(ann)}
    came |= {"reply": "yes", "at": "2025-02-02T10:00:00Z"}
    token = dev_token(SECRET, "importer", scopes=[IMPORT_SCOPE])
    items = {"items": [over, notes, came]}
    told = await at.ask("importer", "POST", "discussions/v1/imports", items, authorization=f"Bearer {token}")
    assert [each["outcome"] for each in told["items"]] == ["created"] * 3


def read(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def content(path: Path) -> set[str]:
    """The records of a file, but for when it was written, the stage, which is of here and now, and in which
    order answers stand."""
    kept = [record for record in read(path) if record["kind"] not in ("export", "end")]
    for record in kept:
        record.pop("stage" if record["kind"] == "community" else "", None)
        record.pop("number" if record["kind"] == "benchmark-answer" else "", None)
    return {json.dumps(record, sort_keys=True) for record in kept}


KINDS = {
    "community": 1, "member": 3, "membership": 3, "problem": 3, "solution": 2, "revision": 2, "comment": 4,
    "case-study": 2, "resource": 3, "benchmark": 3, "benchmark-answer": 5, "benchmark-closing": 1,
    "gathering": 3, "gathering-reply": 5, "gathering-notes": 2,
    "acceptance": 1, "resolution": 1, "endorsement": 2, "link": 2,
}  # fmt: skip


async def stopped_and_gone_on(
    here: Installation, who: str, c: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Export in small pages with a process that dies again and again; how often it did."""
    real, calls, stops = Source.find, 0, 0

    async def mortal(self: Source, service: Any, path: str, **query: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 14:
            raise ExportStopped("killed")
        return await real(self, service, path, **query)

    with monkeypatch.context() as context:
        context.setattr("deploy.cli.transfer.source.PAGE", 1)
        context.setattr(Source, "find", mortal)
        while stops < 20:
            calls = 0
            try:
                await here.export(who, c, out)
            except ExportStopped:
                stops += 1
                tear(out.with_name(f"{out.name}.part"))
            else:
                break
    return stops


def tear(file: Path) -> None:
    """As if the process had died while it wrote."""
    with file.open("ab") as torn:
        torn.write(b"torn")


async def test_exported_and_imported_elsewhere_and_exported_again_is_the_same(
    topics: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = new_id()[-12:]
    stew = f"stew-{mark}"
    names = ("one", "two", "three", "parts", "little")
    one, two, three, parts, little = (tmp_path / f"{name}.jsonl" for name in names)
    async with installed(topics, monkeypatch) as here:
        c = await populated(here, mark)
        assert await here.export(stew, c, one) == KINDS
        assert 1 < await stopped_and_gone_on(here, stew, c, parts, monkeypatch) < 20
        assert content(parts) == content(one)
        assert sorted(os.listdir(tmp_path)) == ["one.jsonl", "parts.jsonl"]
        eve = f"eve-{mark}"
        await here.ask(eve, "POST", "members/v1/members", {"name": "Eve"})
        assert set(await here.export(eve, c, little)) == {"community", "member", "membership"}
        with pytest.raises(ExportStopped, match="no community"):
            await here.export(eve, new_id(), little)
        copy = await here.take(one, tmp_path / "copy", new_id=f"copy-of-{c}")
        assert {"refused"} & {name for told in copy["items"].values() for name in told} == set(), copy
        assert copy["finished"]
        assert await here.export(stew, copy["community_id"], three) == KINDS
        again = await here.take(one, tmp_path / "again")
        assert all(set(told) == {"existing"} for told in again["items"].values()), again
    async with installed(topics, monkeypatch) as there:
        report = await there.take(one, tmp_path / "work")
        assert report["finished"]
        assert report["skipped"] == []
        assert all(set(told) <= {"created", "existing"} for told in report["items"].values()), report
        assert await work_off(there.apps[1].state.database, DUTIES) == 0  # nothing of it is to be held here
        await there.export(stew, c, two)
    assert content(two) == content(one)
    answers = [record for record in read(one) if record["kind"] == "benchmark-answer"]
    assert [len(answer["values"]) for answer in answers if "org_id" not in answer] != []
    assert all("member" not in answer for answer in answers if "org_id" not in answer)
    assert {record["kind"]: 0 for record in read(three)} == {record["kind"]: 0 for record in read(one)}
    texts = [sorted(record.get("body", "") for record in read(file)) for file in (one, three)]
    assert texts[0] == texts[1]
