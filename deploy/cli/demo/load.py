"""The authored community, loaded through the same endpoints as every import."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import yaml

from deploy.cli.demo.world import Person, Trouble, World
from shared.ids import stable_id
from shared.web.auth import dev_member_id
from shared.web.imports import MAX_ITEMS

Item = dict[str, Any]
Authored = dict[str, Any]
Progress = Callable[[str], None]

_THREAD_ORDER = ("problem", "solution", "comment", "endorsement", "revision", "accept")


def authored() -> Authored:
    """What `community.yaml` says."""
    loaded: Authored = yaml.safe_load((Path(__file__).parent / "community.yaml").read_text())
    return loaded


def people(community: Authored) -> dict[str, Person]:
    """Everybody in the authored community, by the subject of their tokens."""
    return {
        member["id"]: Person(dev_member_id(member["id"]), member["name"], member["id"], member["org"])
        for member in community["members"]
    }


def authored_id(kind: str, name: str) -> str:
    """The id of an authored thing."""
    return stable_id("demo", kind, name)


def member_items(community: Authored, now: datetime) -> Iterator[Item]:
    """Members, communities and memberships, in an order in which each builds on the ones before."""
    for member in community["members"]:
        yield {
            "kind": "member",
            "id": dev_member_id(member["id"]),
            "at": _ago(now, member["days"]),
            "name": member["name"],
            "headline": member["headline"],
            "org_id": member["org"],
            "time_zone": member["time_zone"],
            "skills": [{"name": name, "level": level} for name, level in member["skills"].items()],
        }
    for each in community["communities"]:
        community_id = authored_id("community", each["id"])
        about = {name: each[name] for name in ("name", "type", "about", "tags")}
        founder = {"founder_id": dev_member_id(each["founder"]), "at": _ago(now, each["days"])}
        yield {"kind": "community", "id": community_id} | about | founder
        for member, days in each["members"].items():
            yield {
                "kind": "membership",
                "community_id": community_id,
                "member_id": dev_member_id(member),
                "at": _ago(now, days),
                "role": each.get("roles", {}).get(member, "member"),
            }


def thread_items(community: Authored, now: datetime) -> list[Item]:
    """Problems and what hangs on them, in the order in which they happened."""
    items = [item for problem in community["problems"] for item in _thread(problem, now)]
    return sorted(items, key=lambda item: (item["at"], _THREAD_ORDER.index(item["kind"])))


def _thread(problem: Authored, now: datetime) -> Iterator[Item]:
    def post(kind: str, source: Authored, **more: Any) -> Item:
        return {
            "kind": kind,
            "id": authored_id(kind, source["id"]),
            "author_id": dev_member_id(source["author"]),
            "at": _ago(now, source["days"]),
            "body": source["body"],
        } | more

    yield post(
        "problem",
        problem,
        community_id=authored_id("community", problem["community"]),
        title=problem["title"],
        tags=problem["tags"],
    )
    for comment in problem.get("comments", []):
        yield post("comment", comment, item_id=authored_id("problem", problem["id"]))
    for solution in problem.get("solutions", []):
        solution_id = authored_id("solution", solution["id"])
        yield post("solution", solution, problem_id=authored_id("problem", problem["id"]))
        for comment in solution.get("comments", []):
            yield post("comment", comment, item_id=solution_id)
        for member, (basis, days) in solution.get("endorsements", {}).items():
            yield {
                "kind": "endorsement",
                "solution_id": solution_id,
                "endorser_id": dev_member_id(member),
                "basis": basis,
                "at": _ago(now, days),
            }
        if revision := solution.get("revision"):
            yield {
                "kind": "revision",
                "id": authored_id("revision", revision["id"]),
                "solution_id": solution_id,
                "editor_id": dev_member_id(revision["editor"]),
                "at": _ago(now, revision["days"]),
                "body": revision["body"],
                "note": revision["note"],
            }
    if accepted := problem.get("accepted"):
        solution_id = authored_id("solution", accepted["solution"])
        yield {"kind": "accept", "solution_id": solution_id, "at": _ago(now, accepted["days"])}


def _ago(now: datetime, days: float) -> str:
    return (now - timedelta(days=days)).isoformat()


async def load(world: World, community: Authored, progress: Progress) -> None:
    """Load ``community``. Raises ``Trouble`` if anything of it is refused."""
    now = datetime.now(UTC).replace(microsecond=0)
    headers = {"Authorization": f"Bearer {world.import_token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        people_first, threads = list(member_items(community, now)), thread_items(community, now)
        progress(f"Loading {len(people_first)} members, communities and memberships")
        await _send(client, f"{world.urls['members']}/v1/imports", people_first)
        progress(f"Loading {len(threads)} posts, endorsements and comments of the last months")
        await _send(client, f"{world.urls['discussions']}/v1/imports", threads)


async def _send(client: httpx.AsyncClient, url: str, items: Sequence[Item]) -> None:
    deadline = monotonic() + 60
    for start in range(0, len(items), MAX_ITEMS):
        waiting = list(items[start : start + MAX_ITEMS])
        while waiting:
            response = await client.post(url, json={"items": waiting})
            if response.status_code != 200:
                raise Trouble(f"{url} answered {response.status_code}: {response.text[:300]}")
            told = list(zip(waiting, response.json()["items"], strict=True))
            # What builds on something that has to wait is refused for now: it waits with it.
            waits = any(one["outcome"] == "later" for _, one in told)
            refused = [(item, one) for item, one in told if one["outcome"] == "refused"]
            if refused and not waits:
                item, one = refused[0]
                raise Trouble(f"the authored {item['kind']} {item.get('id')} was refused: {one['detail']}")
            waiting = [item for item, one in told if one["outcome"] in ("later", "refused")]
            if waiting:
                if monotonic() > deadline:
                    raise Trouble(f"{url} still answers 'later' after a minute: {told[0][1]['detail']}")
                await asyncio.sleep(0.2)
