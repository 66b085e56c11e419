"""An export on its way into an installation: its records as items, in order, and how far they are."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.cli.stackexchange.replay import ImportStopped
from deploy.cli.stackexchange.spool import Queued
from deploy.cli.transfer import FORMAT
from deploy.cli.transfer.records import NEEDED, PEOPLE, fault
from shared.ids import stable_id
from shared.settings import LIMITS

MOST_BYTES = 4_000_000
"""Of one record; no text that a service takes comes near."""

_REFERRING = 4
"""The phase of what refers to any of the problems' threads."""
REFERRING = frozenset({"case-study", "resource", "benchmark", "endorsement", "link"})
"""From the first record of such a kind on, all problems are there to be referred to."""

EXAMPLES = 3
CASE_STUDY_SECTIONS = ("situation", "action", "outcome", "lessons")
GATHERING = (
    "title", "body", "tags", "start", "zone", "minutes", "recurrence", "place", "address", "capacity",
    "exceptions", "sequence", "going", "cancelled_at",
)  # fmt: skip

Record = dict[str, Any]
_Parts = tuple[str, str, str | None, str | None, str, Record]
"""Key, kind, parent, target, thread and payload of an item."""
_Located = tuple[int, _Parts]
"""An item and the line that it is from; 0 of none."""

_FORMER, _ANONYMOUS = "Former member", "Anonymous"


class Arrival:
    """The file at ``path`` as a queue of items; ``work`` is where its position is kept between runs.

    ``new_id`` makes another community of it: everything in it gets ids made from that id and its own. Raises
    ``ImportStopped`` for what is no complete export.
    """

    def __init__(self, path: Path, work: Path, new_id: str | None = None) -> None:
        self._path, self._state_file = path, work / "state.json"
        self._people: dict[str, str] = {}
        """Those who belong to the community, with their roles."""
        self._stand_ins: dict[str, tuple[str, str]] = {}
        """Who wrote something and does not belong to it: id -> name and earliest moment."""
        self._community: Record = {}
        self._exported_at: Any = None
        self.total = 0
        self._renamed = new_id
        self._instead: dict[str, str] = {}
        """What a removed comment was about, for the replies to it."""
        self._survey()
        stat = path.stat()
        known = f"{FORMAT} {new_id} {stat.st_size} {stat.st_mtime_ns}"
        self._state: dict[str, Any] = {
            "of": known, "position": 0, "refused": [], "outcomes": {}, "skipped": {}
        }  # fmt: skip
        if self._state_file.is_file():
            found = json.loads(self._state_file.read_bytes())
            if found["of"] == known:
                self._state = found
        self._refused = set(self._state["refused"])
        self._queue = self._items()
        self._ahead: Queued | None = None
        for _ in range(self.position):
            next(self._queue)

    # -- reading the file ----------------------------------------------------------------------------------

    def _records(self) -> Iterator[tuple[int, Record]]:
        """The records between the header and the end, each with its line.

        Raises ``ImportStopped`` where it is none of ours.
        """
        count = 0
        with self._path.open("rb") as file:
            number = 0
            while line := file.readline(MOST_BYTES + 1):
                number += 1
                try:
                    record = json.loads(line)
                    kind = record["kind"]
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise ImportStopped(
                        f"line {number} of {self._path} is no record of an export: each is a JSON object with"
                        ' a "kind". Correct it, or export again.'
                    ) from None
                if number == 1:
                    self._header(record)
                elif kind == "end":
                    if record.get("records") != count:
                        break
                    return
                else:
                    count += 1
                    yield number, record
        raise ImportStopped(
            f"{self._path} is not complete: it ends after {count:,} records. Export it again."
        )

    def _header(self, record: Record) -> None:
        if record["kind"] != "export":
            raise ImportStopped(f"{self._path} is no export of a community")
        if record.get("format") != FORMAT:
            raise ImportStopped(
                f"{self._path} has format {record.get('format')!r}, and this version reads {FORMAT}"
            )
        self._exported_at = record.get("exported_at")
        if not isinstance(self._exported_at, str):
            raise ImportStopped(
                f'line 1 of {self._path}: "exported_at" must say when it was. Export it again.'
            )

    def _survey(self) -> None:
        """Read it once: who belongs, who only wrote something, and how much there is."""
        wrote: dict[str, tuple[str, str]] = {}
        for number, record in self._records():
            if wrong := fault(record):
                raise ImportStopped(f"line {number} of {self._path}: {wrong}")
            match record["kind"]:
                case "community":
                    self._community = record
                case "membership":
                    self._people[record["member_id"]] = record["role"]
                case "comment" if record.get("removed"):
                    self._instead[record["id"]] = record["item_id"]
            for author in (record[name] for name in PEOPLE if record.get(name)):
                if record["kind"] in NEEDED:
                    name = author.get("name") or (_ANONYMOUS if author.get("anonymous") else _FORMER)
                    who = self._author(author, record["thread_id"])
                    at = record.get("at", self._exported_at)
                    wrote[who] = (name, min(at, wrote.get(who, ("", at))[1]))
        if not self._community:
            raise ImportStopped(f"{self._path} has no community in it")
        self._stand_ins = {who: shown for who, shown in wrote.items() if who not in self._people}
        if self._founder not in self._people:
            self._stand_ins[self._founder] = (_FORMER, self._community["at"])
        self.total = sum(1 for _ in self._items())

    @property
    def community_id(self) -> str:
        """The id of the community that it becomes."""
        return self._renamed or str(self._community["id"])

    @property
    def _founder(self) -> str:
        """Its founder if they are still a steward, since whoever founds becomes one; else another steward."""
        stewards = [who for who, role in self._people.items() if role == "steward"]
        founder = str(self._community["founder_id"])
        if founder in stewards:
            return founder
        return stewards[0] if stewards else stable_id("stand-in", str(self._community["id"]), "founder")

    def _id(self, given: str) -> str:
        return given if self._renamed is None else stable_id("copy", self._renamed, given)

    def _author(self, author: Mapping[str, Any], thread_id: str) -> str:
        """The member in whose name it comes: nobody gets back in who left, and nobody is unveiled."""
        if author.get("anonymous"):
            return stable_id("stand-in", thread_id, "anonymous")
        if author["id"] in self._people:
            return str(author["id"])
        return stable_id("stand-in", str(self._community["id"]), str(author["id"]))

    # -- as items ------------------------------------------------------------------------------------------

    def _items(self) -> Iterator[Queued]:
        """All items, phase by phase."""
        seq, referring = 0, False
        for phase, items in enumerate(
            (self._members(), self._founding(), self._memberships(), self._threads())
        ):
            for line, (key, kind, parent, target, thread, payload) in items:
                referring = referring or kind in REFERRING
                seq += 1
                turn = _REFERRING if referring else phase
                yield Queued(seq, key, kind, turn, parent, target, thread, payload, lost=False, line=line)

    def _members(self) -> Iterator[_Located]:
        org_id = self._community["org_id"]
        for line, record in self._of("member"):
            payload = {name: record[name] for name in ("id", "name", "at")}
            payload |= {"headline": record["headline"] or "", "org_id": org_id or record["org_id"]}
            yield line, _part(f"member {record['id']}", "member", payload)
        for who, (name, at) in self._stand_ins.items():
            payload = {"id": who, "name": name[: LIMITS.name], "org_id": org_id, "at": at}
            yield 0, _part(f"member {who}", "member", payload)

    def _founding(self) -> Iterator[_Located]:
        names = (
            "name", "type", "join_policy", "about", "charter", "tags", "languages", "allow_anonymous",
            "links", "rules", "at",
        )  # fmt: skip
        payload = {name: self._community[name] for name in names}
        payload |= {"id": self.community_id, "founder_id": self._founder}
        yield 0, _part("community", "community", payload, parent=f"member {self._founder}")

    def _memberships(self) -> Iterator[_Located]:
        for line, record in self._of("membership"):
            yield line, self._membership(record["member_id"], record["at"], record["role"])
        for who, (_, at) in self._stand_ins.items():
            yield 0, self._membership(who, at, "member")

    def _membership(self, who: str, at: str, role: str) -> _Parts:
        payload = {"community_id": self.community_id, "member_id": who, "at": at, "role": role}
        return _part(f"membership {who}", "membership", payload, "community", target=f"member {who}")

    def _of(self, kind: str) -> Iterator[tuple[int, Record]]:
        return ((line, record) for line, record in self._records() if record["kind"] == kind)

    def _threads(self) -> Iterator[_Located]:
        for line, record in self._records():
            part = self._thread_part(record)
            if part is not None:
                yield line, part

    def _thread_part(self, record: Record) -> _Parts | None:
        """What a record becomes; nothing where there is no such item, or where it came before."""
        kind, thread = record["kind"], record.get("thread_id", "")
        match kind:
            case "problem":
                payload = self._text(record, "title", "body", "tags", "context", "score", "at")
                payload |= {"id": self._id(record["id"]), "community_id": self.community_id}
                return _part(record["id"], kind, payload, thread=thread)
            case "solution":
                payload = self._text(record, "body", "score", "at")
                payload |= {"id": self._id(record["id"]), "problem_id": self._id(thread)}
                return _part(record["id"], kind, payload, thread, thread=thread)
            case "revision":
                solution, number = record["solution_id"], record["number"]
                payload = self._text(record, "number", "body", "note", "major", "at")
                payload["editor_id"] = payload.pop("author_id")
                payload |= {"solution_id": self._id(solution)}
                payload["id"] = stable_id("revision", payload["solution_id"], str(number))
                return _part(f"{solution} {number}", kind, payload, solution, thread=thread)
            case "comment" if not record.get("removed"):
                about = record["item_id"]
                for _ in self._instead:  # no more often, though they refer to each other in a circle
                    if about not in self._instead:
                        break
                    about = self._instead[about]
                payload = self._text(record, "body", "mentions", "at")
                payload |= {"id": self._id(record["id"]), "item_id": self._id(about)}
                return _part(record["id"], kind, payload, about, thread=thread)
            case "acceptance":
                solution = record["solution_id"]
                payload = {"solution_id": self._id(solution)}
                return _part(f"acceptance of {solution}", "accept", payload, solution, thread=thread)
            case "resolution":
                payload = {"problem_id": self._id(thread)}
                return _part(f"resolution of {thread}", kind, payload, thread, thread=thread)
            case "case-study":
                payload = self._content(record, "organisation", *CASE_STUDY_SECTIONS)
                for name in ("problem_id", "solution_id"):
                    payload[name] = self._id(record[name]) if record[name] else None
                return _part(record["id"], kind, payload, thread=thread)
            case "resource":
                payload = self._content(record, "body", "substance")
                return _part(record["id"], kind, payload, thread=thread)
            case "benchmark":
                names = ("title", "body", "tags", "measures", "nameless", "closes_at", "at")
                payload = self._text(record, *names)
                payload |= {"id": self._id(record["id"]), "community_id": self.community_id}
                return _part(record["id"], kind, payload, thread=thread)
            case "benchmark-answer":
                return self._answer(record, thread)
            case "benchmark-closing":
                payload = {"benchmark_id": self._id(thread), "at": record["at"]}
                return _part(f"closing of {thread}", kind, payload, thread, thread=thread)
            case "gathering":
                payload = self._text(record, *GATHERING, "at")
                payload |= {"id": self._id(record["id"]), "community_id": self.community_id}
                return _part(record["id"], kind, payload, thread=thread)
            case "gathering-reply":
                who = self._author(record["member"], thread)
                payload = {name: record[name] for name in ("reply", "waiting", "at")}
                payload |= {"gathering_id": self._id(thread), "member_id": who}
                return _part(f"reply of {who} to {thread}", kind, payload, thread, thread=thread)
            case "gathering-notes":
                payload = self._text(record, "occurrence", "text", "at") | {"gathering_id": self._id(thread)}
                name = f"notes of {record['occurrence']} of {thread}"
                return _part(name, kind, payload, thread, thread=thread)
            case "endorsement":
                solution, endorser = record["solution_id"], self._author(record["endorser"], thread)
                payload = {"solution_id": self._id(solution), "endorser_id": endorser}
                payload |= {"basis": record["basis"], "at": record["at"]}
                return _part(f"{solution} {endorser}", kind, payload, solution, thread=thread)
            case "link":
                one, other = record["problem_id"], record["target_id"]
                payload = {"problem_id": self._id(one), "target_problem_id": self._id(other)}
                payload |= {"type": record["type"], "at": self._exported_at}
                return _part(f"{one} {record['type']} {other}", kind, payload, one, target=other, thread=one)
        return None

    def _answer(self, record: Record, thread: str) -> _Parts:
        """Known by whose it is, and a nameless one by its number."""
        member = record.get("member")
        who = self._author(member, thread) if member else None
        org_id, benchmark = record.get("org_id"), self._id(thread)
        name = str(who or org_id or record["number"])
        payload = {"id": stable_id("answer", benchmark, name), "benchmark_id": benchmark, "org_id": org_id}
        payload |= {"member_id": who, "values": record["values"], "note": record["note"]}
        payload |= {"at": self._exported_at}
        return _part(f"answer of {name} to {thread}", "benchmark-answer", payload, thread, thread=thread)

    def _content(self, record: Record, *names: str) -> Record:
        payload = self._text(record, "title", "tags", "state", "reason", "at", *names)
        ids = {"id": self._id(record["id"]), "community_id": self.community_id}
        return payload | ids | {"state_at": self._exported_at}

    def _text(self, record: Record, *names: str) -> Record:
        author = self._author(record["author"], record["thread_id"])
        return {name: record[name] for name in names} | {"author_id": author}

    # -- replaying -----------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Up to which item all are acknowledged."""
        return int(self._state["position"])

    def window(self, size: int) -> list[Queued]:
        """The next items in their order, all of one phase."""
        found: list[Queued] = []
        while len(found) < size:
            item = self._ahead or next(self._queue, None)
            self._ahead = None
            if item is None:
                break
            if found and item.phase != found[0].phase:
                self._ahead = item
                break
            found.append(replace(item, lost=bool({item.parent, item.target} & self._refused)))
        return found

    def acknowledge(self, outcomes: Iterable[tuple[Queued, str, str]]) -> None:
        """Save what became of the items of a window (item, outcome, why) and that the next one follows."""
        for item, outcome, why in outcomes:
            self._state["position"] = max(self.position, item.seq)
            counts = Counter(self._state["outcomes"].get(item.kind, {}))
            counts[outcome] += 1
            self._state["outcomes"][item.kind] = dict(counts)
            if outcome == "refused":
                self._refused.add(item.key)
                where = f"line {item.line}: {item.key}" if item.line else item.key
                self._note(f"{item.kind} (by the service)", why, where)
        self._state["refused"] = sorted(self._refused)
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._state_file.with_name("state.json~")
        scratch.write_text(json.dumps(self._state))
        scratch.replace(self._state_file)

    def _note(self, where: str, why: str, example: str) -> None:
        noted = self._state["skipped"].setdefault(f"{where}\n{why}", [0, []])
        noted[0] += 1
        noted[1] = [*noted[1], example][:EXAMPLES]

    def report(self) -> Record:
        """What was read, what became of it, and what was skipped and why."""
        left_out: defaultdict[str, int] = defaultdict(int)
        known = {"community", "member", "membership"}
        for _, record in self._records():
            if record["kind"] not in known and self._thread_part(record) is None:
                left_out[record["kind"]] += 1
        skipped = [
            {"where": where, "reason": why, "count": count, "examples": examples}
            for (where, why), (count, examples) in (
                (tuple(name.split("\n", 1)), noted) for name, noted in self._state["skipped"].items()
            )
        ]
        skipped += [
            {"where": kind, "reason": "removed, or of a kind that this version cannot import", "count": count,
             "examples": []}
            for kind, count in left_out.items()
        ]  # fmt: skip
        return {
            "site": self._community["name"],
            "community_id": self.community_id,
            "finished": self.position >= self.total,
            "items": self._state["outcomes"],
            "skipped": skipped,
        }


def _part(
    key: str,
    kind: str,
    payload: dict[str, Any],
    parent: str | None = None,
    *,
    target: str | None = None,
    thread: str = "",
) -> _Parts:
    return key, kind, parent, target, thread or key, payload
