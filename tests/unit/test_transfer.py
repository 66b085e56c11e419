"""An exported community as a queue of items: what becomes of whom and what, and what is no export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.importing import app
from deploy.cli.stackexchange.replay import ImportStopped
from deploy.cli.stackexchange.spool import Queued
from deploy.cli.transfer.arrival import Arrival

AT = "2026-03-02T09:30:00Z"
Record = dict[str, Any]

COMMUNITY: Record = {
    "kind": "community", "id": "c", "type": "external", "at": AT, "name": "C", "org_id": None,
    "join_policy": "open", "about": "…", "charter": "", "tags": [], "languages": [], "allow_anonymous": True,
    "links": [], "rules": {}, "stage": "active", "founder_id": "stew",
}  # fmt: skip


def person(who: str, role: str = "member") -> list[Record]:
    named = {"kind": "member", "id": who, "name": who.title(), "headline": None, "org_id": None, "at": AT}
    return [named, {"kind": "membership", "member_id": who, "role": role, "at": AT}]


def by(who: str | None) -> Record:
    return {"author": {"id": who, "name": who.title()} if who else {"anonymous": True}, "at": AT}


def problem(who: str | None = "ann") -> Record:
    text = {"title": "T", "body": "B", "tags": [], "context": None, "state": "open", "score": None}
    return {"kind": "problem", "id": "p", "thread_id": "p", **by(who), **text}


def solution(who: str | None = "bob") -> Record:
    return {"kind": "solution", "id": "s", "thread_id": "p", **by(who), "body": "B", "score": None}


def case_study(who: str | None = "ann", **more: Any) -> Record:
    text = {
        "title": "T", "tags": [], "state": "published", "reason": "", "situation": "S", "action": "A",
        "outcome": "O", "lessons": "L", "organisation": "", "problem_id": "p", "solution_id": "s",
    }  # fmt: skip
    return {"kind": "case-study", "id": "cs", "thread_id": "cs", **by(who), **text, **more}


def comment(number: str, about: str, **text: Any) -> Record:
    given = text or {**by("bob"), "body": "B", "mentions": []}
    return {"kind": "comment", "id": number, "thread_id": "p", "item_id": about, "at": AT} | given


PEOPLE = [*person("stew", "steward"), *person("ann"), *person("bob")]


@pytest.fixture
def arrival(tmp_path: Path) -> Callable[..., Arrival]:
    def write(*records: Record, new_id: str | None = None, **header: Any) -> Arrival:
        head = {"kind": "export", "format": 1, "community_id": "c", "exported_at": AT} | header
        lines = [head, COMMUNITY, *records, {"kind": "end", "records": len(records) + 1}]
        file = tmp_path / "c.jsonl"
        text = "".join(json.dumps(line) + "\n" for line in lines)
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
        return Arrival(file, tmp_path / "work", new_id)

    return write


def drained(arrival: Arrival, size: int = 100) -> list[Queued]:
    items: list[Queued] = []
    while window := arrival.window(size):
        items += window
        arrival.acknowledge([(item, "created", "") for item in window])
    return items


def payloads(items: list[Queued], kind: str) -> list[Record]:
    return [item.payload for item in items if item.kind == kind]


def test_people_come_before_the_community_and_it_before_what_is_in_it(arrival: Any) -> None:
    link = {"kind": "link", "problem_id": "p", "target_id": "q", "type": "related"}
    items = drained(arrival(*PEOPLE, problem(), solution(), link))
    kinds = [item.kind for item in items]
    assert kinds == [*["member"] * 3, "community", *["membership"] * 3, "problem", "solution", "link"]
    assert [item.seq for item in items] == list(range(1, len(items) + 1))
    assert payloads(items, "problem")[0]["author_id"] == "ann"
    assert payloads(items, "member")[0]["headline"] == ""


def test_what_builds_on_several_threads_is_sent_after_them(arrival: Any) -> None:
    given = {"kind": "endorsement", "thread_id": "p", "solution_id": "s", "basis": "tried", "at": AT}
    endorsed = given | {"endorser": {"id": "ann", "name": "Ann"}}
    queue = arrival(*PEOPLE, problem(), solution(), endorsed)
    windows = []
    while window := queue.window(100):
        windows.append({item.kind for item in window})
        queue.acknowledge([(item, "created", "") for item in window])
    assert windows == [{"member"}, {"community"}, {"membership"}, {"problem", "solution"}, {"endorsement"}]


def test_case_studies_come_when_what_they_refer_to_is_there(arrival: Any) -> None:
    said = {**by("bob"), "thread_id": "cs", "body": "B", "mentions": []}
    queue = arrival(*PEOPLE, problem(), solution(), case_study(), comment("c9", "cs", **said))
    windows = []
    while window := queue.window(100):
        windows.append([item.kind for item in window])
        queue.acknowledge([(item, "created", "") for item in window])
    assert windows[-2:] == [["problem", "solution"], ["case-study", "comment"]]


def test_a_case_study_refers_to_what_it_is_about_by_its_new_id(arrival: Any) -> None:
    items = drained(arrival(*PEOPLE, problem(), solution(), case_study(), new_id="d"))
    (study,) = payloads(items, "case-study")
    ids = [payloads(items, kind)[0]["id"] for kind in ("problem", "solution")]
    assert [study["problem_id"], study["solution_id"]] == ids
    assert (study["community_id"], study["state_at"]) == ("d", AT)


def benchmark(*, nameless: bool = False) -> Record:
    text = {"title": "T", "body": "B", "tags": [], "measures": [], "nameless": nameless, "closes_at": None}
    return {"kind": "benchmark", "id": "b", "thread_id": "b", **by("ann"), **text}


def given(number: int, **whose: Any) -> Record:
    values = [{"measure": "M", "value": 1}]
    return {
        "kind": "benchmark-answer",
        "thread_id": "b",
        "number": number,
        "values": values,
        "note": "",
    } | whose


def test_answers_are_known_by_whose_they_are_and_nameless_ones_by_their_number(arrival: Any) -> None:
    member = {"id": "gone", "name": "Gone"}
    named = [given(1, org_id="o", member=None), given(2, org_id=None, member=member)]
    items = drained(arrival(*PEOPLE, benchmark(), *named))
    of_org, of_member = payloads(items, "benchmark-answer")
    assert (of_org["org_id"], of_org["member_id"], of_member["org_id"]) == ("o", None, None)
    assert {"id": of_member["member_id"], "name": "Gone"}.items() <= payloads(items, "member")[-1].items()
    items = drained(arrival(*PEOPLE, benchmark(nameless=True), given(1), given(2)))
    assert len({each["id"] for each in payloads(items, "benchmark-answer")}) == 2
    assert not any(each["org_id"] or each["member_id"] for each in payloads(items, "benchmark-answer"))


def gathering(**more: Any) -> Record:
    text = {
        "title": "T", "body": "B", "tags": [], "start": "2026-03-02T10:00", "zone": "Europe/Paris",
        "minutes": 60, "recurrence": None, "place": "P", "address": None, "capacity": None, "exceptions": [],
        "sequence": 2, "going": 1, "state": "held", "cancelled_at": None,
    }  # fmt: skip
    return {"kind": "gathering", "id": "g", "thread_id": "g", **by("ann"), **text, **more}


def test_what_belongs_to_a_gathering_comes_to_where_it_went(arrival: Any) -> None:
    came = {"kind": "gathering-reply", "thread_id": "g", "member": {"id": "gone", "name": "Gone"}, "at": AT}
    noted = {"kind": "gathering-notes", "thread_id": "g", **by("bob"), "occurrence": "2026-03-02T10:00"}
    records = [gathering(), came | {"reply": "yes", "waiting": False}, noted | {"text": "N"}]
    items = drained(arrival(*PEOPLE, *records, new_id="d"))
    (met,), (reply,), (notes,) = (
        payloads(items, kind) for kind in ("gathering", "gathering-reply", "gathering-notes")
    )
    assert {met["id"]} == {reply["gathering_id"], notes["gathering_id"]}
    assert (met["community_id"], met["author_id"], notes["author_id"]) == ("d", "ann", "bob")
    assert "state" not in met  # it follows from the time
    assert {"id": reply["member_id"], "name": "Gone"}.items() <= payloads(items, "member")[-1].items()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"zone": None}, 'line 9 of .*gathering: "zone" must be a text. Correct it'),
        ({"author": "ann"}, 'line 9 of .*gathering: "author" must be an object'),
    ],
)
def test_a_wrong_line_of_a_gathering_is_told(arrival: Any, wrong: Record, why: str) -> None:
    with pytest.raises(ImportStopped, match=why):
        arrival(*PEOPLE, gathering(**wrong))


def test_removed_comments_that_refer_to_each_other_end(arrival: Any) -> None:
    circle = [comment("c1", "c2", removed=True), comment("c2", "c1", removed=True)]
    items = drained(arrival(*PEOPLE, problem(), *circle, comment("c3", "c1")))
    assert len(payloads(items, "comment")) == 1


def test_what_a_service_refuses_is_told_by_its_line(arrival: Any) -> None:
    queue = arrival(*PEOPLE, problem())
    while window := queue.window(100):
        queue.acknowledge(
            [(item, "refused" if item.kind == "problem" else "created", "no") for item in window]
        )
    assert [each["examples"] for each in queue.report()["skipped"]] == [["line 9: p"]]


def test_who_left_does_not_get_back_in(arrival: Any) -> None:
    items = drained(arrival(*PEOPLE, problem("gone"), solution()))
    author = payloads(items, "problem")[0]["author_id"]
    assert author not in ("gone", "ann")
    assert {"id": author, "name": "Gone"}.items() <= payloads(items, "member")[-1].items()
    assert "gone" not in {each["member_id"] for each in payloads(items, "membership")}


def test_nobody_is_unveiled_and_who_asked_can_still_accept(arrival: Any) -> None:
    accepted = {"kind": "acceptance", "thread_id": "p", "solution_id": "s"}
    reply = comment("c1", "s", **by(None), body="Thanks", mentions=[])
    items = drained(arrival(*PEOPLE, problem(None), solution(), reply, accepted))
    author = payloads(items, "problem")[0]["author_id"]
    assert payloads(items, "comment")[0]["author_id"] == author
    assert {"id": author, "name": "Anonymous"}.items() <= payloads(items, "member")[-1].items()


@pytest.mark.parametrize(
    ("people", "founder"),
    [
        (PEOPLE, "stew"),
        ([*person("stew"), *person("ann", "steward")], "ann"),
        ([*person("ann", "steward")], "ann"),
    ],
)
def test_only_a_steward_becomes_the_founder(arrival: Any, people: list[Record], founder: str) -> None:
    assert payloads(drained(arrival(*people)), "community")[0]["founder_id"] == founder


def test_without_a_steward_nobody_is_made_one(arrival: Any) -> None:
    items = drained(arrival(*person("stew"), *person("ann", "facilitator")))
    assert payloads(items, "community")[0]["founder_id"] not in ("stew", "ann")


def test_replies_to_what_was_removed_find_their_place(arrival: Any) -> None:
    removed = [comment("c1", "s", removed=True), comment("c2", "c1", removed=True)]
    queue = arrival(*PEOPLE, problem(), solution(), *removed, comment("c3", "c2"))
    assert [each["item_id"] for each in payloads(drained(queue), "comment")] == ["s"]
    assert [each["count"] for each in queue.report()["skipped"] if each["where"] == "comment"] == [2]


def test_another_id_gives_everything_other_ids_but_people(arrival: Any) -> None:
    records = [*PEOPLE, problem(), solution(), comment("c1", "s")]
    before, after = drained(arrival(*records)), drained(arrival(*records, new_id="d"))
    assert payloads(after, "community")[0]["id"] == "d"
    for kind, name in (
        ("problem", "id"),
        ("solution", "id"),
        ("solution", "problem_id"),
        ("comment", "item_id"),
    ):
        assert payloads(before, kind)[0][name] != payloads(after, kind)[0][name]
    assert payloads(after, "solution")[0]["problem_id"] == payloads(after, "problem")[0]["id"]
    assert payloads(after, "member") == payloads(before, "member")


@pytest.mark.parametrize("size", [1, 2, 100])
def test_it_goes_on_where_it_was_and_knows_what_was_refused(arrival: Any, size: int) -> None:
    records = [*PEOPLE, problem(), solution(), comment("c1", "s")]
    seen: list[str] = []
    lost: list[str] = []
    while window := (queue := arrival(*records)).window(size):  # each time as a new process
        seen += [item.key for item in window]
        lost += [item.key for item in window if item.lost]
        told = [(item, "refused" if item.key in {"p", "s", *lost} else "created", "no") for item in window]
        queue.acknowledge(told)
    assert (len(seen), len(set(seen))) == (queue.total, queue.total)
    assert lost == {1: ["s", "c1"], 2: ["c1"], 100: []}[size]  # within a window the replay finds out
    assert queue.report()["finished"]


def test_kinds_of_a_later_version_are_passed_over_and_told(arrival: Any) -> None:
    queue = arrival(*PEOPLE, problem(), {"kind": "song", "id": "g", "thread_id": "g", **by("ann")})
    assert [item.kind for item in drained(queue)][-1] == "problem"
    assert [(each["where"], each["count"]) for each in queue.report()["skipped"]] == [("song", 1)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not complete"),
        ('{"kind":"export","format":1,"exported_at":"x"}\n', "not complete"),
        ('{"kind":"export","format":2,"exported_at":"x"}\n', "format 2"),
        ('{"kind":"member"}\n', "no export"),
        ("[1]\n", "line 1"),
        ("\x00\n", "line 1"),
        ('{"kind":"export","format":1,"exported_at":"x"}\n{"kind":"end","records":7}\n', "not complete"),
        ('{"kind":"export","format":1,"exported_at":"x"}\n{"kind":"end","records":0}\n', "no community"),
        (
            '{"kind":"export","format":1,"exported_at":"x"}\n{"kind":"membership","member_id":"m"}\n',
            'line 2 of .*membership: "role" is missing. Add it',
        ),
        (
            '{"kind":"export","format":1,"exported_at":"x"}\n{"kind":"member","id":["m"]}\n',
            'line 2 of .*member: "id" must be a text. Correct it',
        ),
        ('{"kind":"export","format":1}\n', 'line 1 of .*"exported_at" must'),
        ('{"kind":"export","format":1,"exported_at":"x"}\n{"kind":\n', "line 2 of .*Correct it"),
    ],
)
def test_what_is_no_export(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text(text)
    with pytest.raises(ImportStopped, match=why):
        Arrival(file, tmp_path / "work")
    told = CliRunner().invoke(app, ["community", str(file), "--token", "t", "--work", str(tmp_path / "w")])
    assert (told.exit_code, "Stopped" in told.output) == (1, True)
