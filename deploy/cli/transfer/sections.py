"""What an export consists of, section by section: everything that the member may see, as records.

A kind of record is added by adding a section. Its records must come after what they build on; what builds on
things of several threads (a link, an endorsement) is ``late``: it comes after all sections.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import NamedTuple

from deploy.cli.transfer.source import ExportStopped, Item, Source, together


class Batch(NamedTuple):
    """Some records, and where the section goes on after them."""

    records: list[Item]
    late: list[Item]
    cursor: str | None


Section = Callable[[Source, str, str | None], AsyncIterator[Batch]]
"""(source, community id, cursor to go on from) -> batches of records."""


async def _community(source: Source, community_id: str, _cursor: str | None) -> AsyncIterator[Batch]:
    found = await source.find("members", f"/communities/{community_id}")
    if found is None:
        raise ExportStopped(f"there is no community {community_id} that this token's member may see")
    names = (
        "id", "name", "org_id", "join_policy", "about", "charter", "tags", "languages", "allow_anonymous",
        "links", "rules", "stage", "founder_id",
    )  # fmt: skip
    record = {"kind": "community", "type": found["kind"], "at": found["created_at"]}
    yield Batch([record | {name: found[name] for name in names}], [], None)


async def _people(source: Source, community_id: str, cursor: str | None) -> AsyncIterator[Batch]:
    async for page in source.pages("members", f"/communities/{community_id}/members", cursor):
        profiles = await together(
            source.find("members", f"/members/{each['member_id']}") for each in page.items
        )
        records: list[Item] = []
        for membership, profile in zip(page.items, profiles, strict=True):
            if profile is None:
                continue  # erased meanwhile
            names = ("id", "name", "headline", "org_id")
            records.append(
                {"kind": "member", "at": profile["registered_at"]}
                | {name: profile.get(name) for name in names}
            )
            records.append(
                {
                    "kind": "membership",
                    "member_id": membership["member_id"],
                    "role": membership["role"],
                    "at": membership["joined_at"],
                }
            )
        yield Batch(records, [], page.following)


async def _problems(source: Source, community_id: str, cursor: str | None) -> AsyncIterator[Batch]:
    async for page in source.pages("discussions", f"/communities/{community_id}/problems", cursor):
        threads = await together(_problem(source, each) for each in page.items if not _taken_back(each))
        yield Batch(
            [record for thread in threads for record in thread.records],
            [record for thread in threads for record in thread.late],
            page.following,
        )


async def _problem(source: Source, problem: Item) -> Batch:
    within = {"thread_id": problem["id"]}
    text = ("id", "title", "body", "tags", "context", "state")
    records: list[Item] = [
        {"kind": "problem", **within, "author": _author(problem["author"]), "at": problem["posted_at"],
         "score": problem["imported_score"], **{name: problem[name] for name in text}}
    ]  # fmt: skip
    late: list[Item] = [
        {"kind": "link", "problem_id": problem["id"], "target_id": link["target_id"], "type": link["kind"]}
        for link in problem["links"]
    ]
    for solution in await source.all("discussions", f"/problems/{problem['id']}/solutions"):
        if _taken_back(solution):
            continue
        first, *others = await source.all("discussions", f"/solutions/{solution['id']}/revisions")
        records.append(
            {"kind": "solution", **within, "id": solution["id"], "author": _author(solution["author"]),
             "at": solution["proposed_at"], "score": solution["imported_score"], "body": first["body"]}
        )  # fmt: skip
        for revision in others:
            names = ("number", "body", "note", "major", "at")
            records.append(
                {"kind": "revision", **within, "solution_id": solution["id"],
                 "author": _author(revision["author"]), **{name: revision[name] for name in names}}
            )  # fmt: skip
        if solution["endorsements"]:
            given = await source.all("discussions", f"/solutions/{solution['id']}/endorsements")
            late += [
                {"kind": "endorsement", **within, "solution_id": solution["id"],
                 "endorser": _author(each["endorser"]), "basis": each["basis"], "at": each["at"]}
                for each in given
            ]  # fmt: skip
        if solution["accepted"]:
            records.append({"kind": "acceptance", **within, "solution_id": solution["id"]})
    if problem["state"] == "resolved":
        records.append({"kind": "resolution", **within, "problem_id": problem["id"]})
    return Batch(records + await _comments(source, problem["id"]), late, None)


async def _contents(
    kind: str, path: str, query: Mapping[str, str], source: Source, community_id: str, cursor: str | None
) -> AsyncIterator[Batch]:
    listed = source.pages("discussions", f"/communities/{community_id}/{path}", cursor, **query)
    left_out = {"community_id", "author", "reused", "reactions", "hidden", "html", "updated_at", "revision"}
    async for page in listed:
        shown = [each for each in page.items if not _taken_back(each)]
        comments = await together(_comments(source, each["id"]) for each in shown)
        records: list[Item] = []
        for each, of_it in zip(shown, comments, strict=True):
            text = {name: value for name, value in each.items() if name not in left_out}
            at = text.pop("posted_at")
            records.append(
                {"kind": kind, "thread_id": each["id"], "author": _author(each["author"]), "at": at, **text}
            )
            records += of_it
        yield Batch(records, [], page.following)


async def _benchmarks(source: Source, community_id: str, cursor: str | None) -> AsyncIterator[Batch]:
    async for page in source.pages("discussions", f"/communities/{community_id}/benchmarks", cursor):
        found = await together(_benchmark(source, each) for each in page.items if not _taken_back(each))
        yield Batch([record for records in found for record in records], [], page.following)


async def _benchmark(source: Source, benchmark: Item) -> list[Item]:
    """A benchmark with the answers that its table shows: none where too few gave one without their names."""
    within = {"thread_id": benchmark["id"]}
    names = ("id", "title", "body", "tags", "measures", "nameless", "closes_at", "state")
    records: list[Item] = [
        {"kind": "benchmark", **within, "author": _author(benchmark["author"]), "at": benchmark["posted_at"],
         **{name: benchmark[name] for name in names}}
    ]  # fmt: skip
    table = await source.find("discussions", f"/benchmarks/{benchmark['id']}/table")
    if table is None:
        return []  # hidden meanwhile
    for number, row in enumerate(table["rows"], 1):
        # Nameless ones name nobody, not even whoever exports: whoever gets the file is not them.
        whose: Item = {"number": number}
        if not benchmark["nameless"]:
            member = _author(row["member"]) if row["member"] else None
            whose |= {"org_id": row["org_id"], "member": member}
        values = [
            {"measure": column["measure"]["name"], "value": cell}
            for column, cell in zip(table["columns"], row["cells"], strict=True)
            if cell is not None
        ]
        records.append({"kind": "benchmark-answer", **within, **whose, "values": values, "note": row["note"]})
    if benchmark["state"] == "closed":
        happened = await source.all("discussions", f"/threads/{benchmark['id']}/timeline")
        closed = [entry["at"] for entry in happened if entry["event"] == "benchmark-closed"]
        records.append({"kind": "benchmark-closing", **within, "at": closed[-1]})
    return records + await _comments(source, benchmark["id"])


async def _gatherings(
    state: str, source: Source, community_id: str, cursor: str | None
) -> AsyncIterator[Batch]:
    listed = source.pages("discussions", f"/communities/{community_id}/gatherings", cursor, state=state)
    async for page in listed:
        found = await together(_gathering(source, each) for each in page.items if not _taken_back(each))
        yield Batch([record for records in found for record in records], [], page.following)


async def _gathering(source: Source, gathering: Item) -> list[Item]:
    """A gathering with what is different with single occurrences, who comes or might, and what was noted."""
    path, within = f"/gatherings/{gathering['id']}", {"thread_id": gathering["id"]}
    names = (
        "id", "title", "body", "tags", "start", "zone", "minutes", "recurrence", "place", "address",
        "capacity", "sequence", "going", "state",
    )  # fmt: skip
    of_one = ("occurrence", "cancelled", "start", "minutes", "place", "address")
    occurrences = await source.all("discussions", f"{path}/occurrences")
    exceptions = [
        {name: each[name] for name in of_one} for each in occurrences if each["cancelled"] or each["moved"]
    ]
    cancelled_at = None
    if gathering["state"] == "cancelled":
        happened = await source.all("discussions", f"/threads/{gathering['id']}/timeline")
        cancelled_at = [entry["at"] for entry in happened if entry["event"] == "gathering-cancelled"][-1]
    records: list[Item] = [
        {"kind": "gathering", **within, "author": _author(gathering["author"]), "at": gathering["posted_at"],
         **{name: gathering[name] for name in names}, "exceptions": exceptions, "cancelled_at": cancelled_at}
    ]  # fmt: skip
    for reply, waiting in (("yes", False), ("yes", True), ("maybe", False)):
        asked = {"reply": reply, "waiting": "true" if waiting else "false"}
        records += [
            {"kind": "gathering-reply", **within, "member": _author(each["member"]), "reply": reply,
             "waiting": waiting, "at": each["at"]}
            for each in await source.all("discussions", f"{path}/attendees", **asked)
        ]  # fmt: skip
    records += [
        {"kind": "gathering-notes", **within, "occurrence": each["occurrence"],
         "author": _author(each["author"]), "at": each["at"], "text": each["text"]}
        for each in reversed(await source.all("discussions", f"{path}/notes"))
    ]  # fmt: skip
    return records + await _comments(source, gathering["id"])


async def _comments(source: Source, thread_id: str) -> list[Item]:
    """The comments of a thread. Of what was removed or hidden the place alone, for the replies to it."""
    records = []
    for comment in await source.all("discussions", f"/threads/{thread_id}/comments"):
        record = {
            "kind": "comment",
            "thread_id": thread_id,
            **{name: comment[name] for name in ("id", "item_id", "at")},
        }
        if comment["removed"] or comment["hidden"]:
            records.append(record | {"removed": True})
        else:
            text = {"body": comment["body"], "mentions": comment["mentions"]}
            records.append(record | {"author": _author(comment["author"]), **text})
    return records


def _taken_back(item: Item) -> bool:
    """Whether moderators hid it or its author withdrew it: it is nobody else's to keep."""
    return bool(item["hidden"]) or item["state"] == "withdrawn"


def _author(author: Item) -> Item:
    """Who it was. Whoever asked without being named is not named here either, whoever exports."""
    if author["anonymous"]:
        return {"anonymous": True}
    return {"id": author["id"], "name": author["name"]}


SECTIONS: Mapping[str, Section] = {
    "community": _community,
    "people": _people,
    "problems": _problems,
    "case studies": partial(_contents, "case-study", "case-studies", {}),
    "archived case studies": partial(_contents, "case-study", "case-studies", {"state": "archived"}),
    "resources": partial(_contents, "resource", "resources", {}),
    "archived resources": partial(_contents, "resource", "resources", {"state": "archived"}),
    "benchmarks": _benchmarks,
    "gatherings": partial(_gatherings, "scheduled"),
    "gatherings held": partial(_gatherings, "held"),
    "gatherings noted": partial(_gatherings, "notes-published"),
    "gatherings cancelled": partial(_gatherings, "cancelled"),
}
"""In the order of the file."""
