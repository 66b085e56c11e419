"""The importer of Stack Exchange dumps up to its requests: reading, mapping, order, going on after a kill."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.cli.stackexchange.dump import rows
from deploy.cli.stackexchange.replay import ImportStopped, Replay
from deploy.cli.stackexchange.spool import Queued, Spool
from shared.ids import stable_id

WORKSHOP = Path(__file__).parents[1] / "data" / "workshop"
"""A small authored dump with every odd thing that occurs in dumps."""


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "work.sqlite", "workshop")
    spool.fill(WORKSHOP)
    yield spool
    spool.close()


def drained(spool: Spool) -> list[Queued]:
    items = []
    while window := spool.window(7):
        items += window
        spool.acknowledge([(item, "created", "") for item in window])
    return items


def of_kind(items: list[Queued], kind: str) -> list[dict[str, Any]]:
    return [item.payload for item in items if item.kind == kind]


def se(kind: str, number: int | str) -> str:
    return stable_id("stackexchange", "workshop", kind, str(number))


# -- reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("xml", "numbers", "broken"),
    [
        (b'<posts><row Id="1" /><row Id="2" /></posts>', ["1", "2"], 0),
        (b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n<posts>\n<row Id="1" />\n</posts>', ["1"], 0),
        (b'<posts>\n<row Id="1" />\n<row Id="2" T="<" />\n<row Id="3" />\n</posts>', ["1", "3"], 1),
        (b'<posts>\n<row Id="1" />\n<row Id="\xff" />\n<row Id="3" />\n</posts>', ["1", "3"], 1),
        (b'<posts>\n<row Id="1" />\n<row Id="2" T="cut of', ["1"], 1),
        (b'<posts>\n<row Id="1" />\n', ["1"], 1),
        (b"<posts>\n</posts>", [], 0),
        (b"", [], 1),
        (b"no xml at all", [], 1),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>\n<posts>\n<row Id="&b;" />\n</posts>', [], 1),
    ],
)
def test_rows_are_read_past_what_is_broken(
    tmp_path: Path, xml: bytes, numbers: list[str], broken: int
) -> None:
    path = tmp_path / "Posts.xml"
    path.write_bytes(xml)
    troubles: list[str] = []
    assert [row["Id"] for row in rows(path, broken=troubles.append)] == numbers
    assert len(troubles) == broken


# -- mapping ---------------------------------------------------------------------------------------------


def test_users_become_members_also_those_whom_users_xml_lacks(spool: Spool) -> None:
    names = {member["id"]: member["name"] for member in of_kind(drained(spool), "member")}
    assert names == {
        se("member", -1): "Community",
        se("member", 1): "Ada",
        se("member", 2): "Béla Bartók",
        se("member", 3): "x" * 120,
        se("member", 4): "user 4",
        se("member", 77): "Gone Rider",
        se("member-name", "drive-by"): "drive-by",
        se("member-name", ""): "Former member",
    }


def test_somebody_unknown_registered_when_first_seen(spool: Spool) -> None:
    (drive_by,) = (m for m in of_kind(drained(spool), "member") if m["name"] == "drive-by")
    assert drive_by["at"] == "2015-03-03T10:00:00.000Z"  # their first comment, before their answer


def test_the_community_is_founded_by_its_first_person_with_its_popular_tags(spool: Spool) -> None:
    (community,) = of_kind(drained(spool), "community")
    assert community["founder_id"] == se("member", 1)
    assert community["tags"] == ["wheels", "oil"]


def test_a_question_starts_with_its_first_text_and_is_edited_as_it_was(spool: Spool) -> None:
    items = drained(spool)
    problem = next(p for p in of_kind(items, "problem") if p["id"] == se("problem", 1))
    assert problem == {
        "id": se("problem", 1),
        "community_id": se("community", 1),
        "author_id": se("member", 1),
        "at": "2015-03-01T10:00:00.000Z",
        "title": "How to true a wheel",
        "body": "How do I **true** a wheel, at first?",
        "tags": ["wheels"],
        "score": 7,
    }
    assert of_kind(items, "problem-edit") == [
        {
            "id": se("problem-edit", 5),
            "problem_id": se("problem", 1),
            "editor_id": se("member", 2),
            "at": "2015-03-03T10:00:00.000Z",
            "title": "How do I true a wheel?",
            "body": "How do I **true** a wheel?",
            "tags": ["wheels", "tools"],
        }
    ]


def test_an_answer_is_revised_as_it_was(spool: Spool) -> None:
    items = drained(spool)
    solution = next(s for s in of_kind(items, "solution") if s["id"] == se("solution", 3))
    assert (solution["body"], solution["score"]) == ("With a key.", 9)
    revisions = [(r["editor_id"], r["body"], r["note"]) for r in of_kind(items, "revision")]
    assert revisions == [
        (se("member", 2), "With a spoke wrench.", "name the tool"),
        (se("member-name", "drive-by"), "With a spoke key.", "rolled back"),
    ]


def test_html_becomes_markdown_and_control_characters_go(tmp_path: Path) -> None:
    directory = tmp_path / "dump"
    directory.mkdir()
    (directory / "Posts.xml").write_bytes((WORKSHOP / "Posts.xml").read_bytes())
    spool = Spool(tmp_path / "work.sqlite", "workshop")
    spool.fill(directory)
    items = drained(spool)
    spool.close()
    bodies = {
        item.payload["id"]: item.payload["body"] for item in items if item.kind in ("problem", "solution")
    }
    assert bodies[se("problem", 1)] == "How do I **true** a wheel?\n\n```\nspin()\n```"
    assert bodies[se("solution", 18)] == "Answer first."
    assert {t for p in of_kind(items, "problem") for t in p["tags"]} == {"wheels", "tools", "oil", "chain"}
    names = {member["name"] for member in of_kind(items, "member")}
    assert names == {"user 1", "user 2", "user 3", "Gone Rider", "drive-by", "Former member"}


def test_an_acceptance_has_the_day_of_its_vote(spool: Spool) -> None:
    accepted = of_kind(drained(spool), "accept")
    assert accepted == [{"solution_id": se("solution", 3), "at": "2015-03-06T00:00:00.000Z"}]


def test_links_say_what_they_are(spool: Spool) -> None:
    links = [(link["target_problem_id"], link["type"]) for link in of_kind(drained(spool), "link")]
    assert links == [(se("problem", 4), "duplicate"), (se("problem", 1), "related")]


def test_votes_never_endorse(spool: Spool) -> None:
    assert {item.kind for item in drained(spool)} == {
        "member", "community", "membership", "problem", "problem-edit", "solution", "revision", "comment",
        "accept", "link",
    }  # fmt: skip


def test_what_is_skipped_is_reported_with_the_reason(spool: Spool) -> None:
    skipped = {(s["where"], s["reason"]): (s["count"], s["examples"]) for s in spool.report()["skipped"]}
    assert skipped == {
        ("Users", "no usable Id"): (1, ["row ?"]),
        ("Users", "no usable CreationDate"): (2, ["row 5", "row 6"]),
        ("Posts", "a tag wiki's excerpt"): (1, ["row 8"]),
        ("Posts", "a post of an unknown type (99)"): (1, ["row 9"]),
        ("Posts", "a post of an unknown type (none)"): (1, ["row 10"]),
        ("Posts", "an answer whose question is not imported"): (1, ["row 11"]),
        ("Posts", "no usable ParentId"): (1, ["row 12"]),
        ("Posts", "a text of more than 40,000 characters"): (1, ["row 13"]),
        ("Posts", "no text"): (1, ["row 14"]),
        ("Posts", "a question without a title"): (1, ["row 15"]),
        ("Posts", "XML that cannot be read"): (1, ["line 18, column 77: not well-formed (invalid token)"]),
        ("Posts", "a number that occurred before"): (1, ["row 3"]),
        ("Posts", "no author is named: attributed to “Former member”, not skipped"): (1, ["row 6"]),
        ("Posts", "an accepted answer that is none of the question's"): (1, ["row 7"]),
        ("PostHistory", "history that changes no text (closing, protecting, …)"): (1, ["row 10"]),
        ("PostHistory", "history of a post that is not imported"): (1, ["row 11"]),
        ("Votes", "up-votes: anonymous, in the imported score"): (1, ["row 2"]),
        ("Votes", "down-votes: anonymous, in the imported score"): (1, ["row 3"]),
        ("Votes", "an acceptance that was withdrawn, or of a post that is not imported"): (1, ["row 4"]),
        ("Votes", "votes on other matters (closing, flags, bounties, …)"): (1, ["row 5"]),
        ("Comments", "a comment on a post that is not imported"): (3, ["row 3", "row 4", "row 6"]),
        ("Comments", "no text"): (1, ["row 5"]),
        ("Comments", "XML that cannot be read"): (1, ["line 9, column 2: unclosed token"]),
        ("PostLinks", "a link from or to an answer"): (1, ["row 3"]),
        ("PostLinks", "a link with a post that is not imported"): (1, ["row 4"]),
        ("PostLinks", "a link to itself"): (1, ["row 5"]),
        ("PostLinks", "a link of an unknown type"): (1, ["row 6"]),
    }


# -- ordering --------------------------------------------------------------------------------------------


def test_everything_comes_after_what_it_builds_on(spool: Spool) -> None:
    items = drained(spool)
    seen: set[str | None] = {None}
    for item in items:
        assert item.parent in seen, item
        assert item.target in {*seen}, item
        seen.add(item.key)
    assert [item.phase for item in items] == sorted(item.phase for item in items)
    times = [p["at"] for p in of_kind(items, "problem")]
    assert times == sorted(times)


def test_an_answer_older_than_its_question_keeps_its_time(spool: Spool) -> None:
    (older,) = (s for s in of_kind(drained(spool), "solution") if s["id"] == se("solution", 2))
    assert older["at"] == "2015-02-01T00:00:00.000Z"


def test_a_limit_takes_the_first_questions_with_what_belongs_to_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "work.sqlite", "workshop")
    spool.fill(WORKSHOP, limit=1)
    items = drained(spool)
    spool.close()
    assert [p["id"] for p in of_kind(items, "problem")] == [se("problem", 1)]
    assert {s["id"] for s in of_kind(items, "solution")} == {se("solution", 2), se("solution", 3)}
    assert {m["name"] for m in of_kind(items, "member")} == {"Ada", "Béla Bartók", "drive-by"}
    assert not of_kind(items, "link")


def test_a_dump_can_be_moved_to_end_at_a_given_time(tmp_path: Path) -> None:
    until = datetime(2026, 3, 10, 10, tzinfo=UTC)
    spool = Spool(tmp_path / "work.sqlite", "workshop")
    spool.fill(WORKSHOP, until=until)
    items = drained(spool)
    spool.close()
    times = {item.key: datetime.fromisoformat(item.payload["at"]) for item in items}
    assert max(times.values()) == until
    assert times["p:3"] - times["p:1"] == timedelta(days=1)  # as far apart as they were
    assert times["m:u:1"] < times["p:1"]


# -- going on --------------------------------------------------------------------------------------------


def test_a_spool_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = Spool(tmp_path / "a.sqlite", "workshop")
    whole.fill(WORKSHOP)
    expected = [item.key for item in drained(whole)]
    whole.close()

    first = Spool(tmp_path / "b.sqlite", "workshop", "same")
    first.fill(WORKSHOP)
    done = first.window(10)
    first.acknowledge([(item, "created", "") for item in done])
    first.close()
    again = Spool(tmp_path / "b.sqlite", "workshop", "same")
    again.fill(WORKSHOP)
    assert [item.key for item in [*done, *drained(again)]] == expected
    again.close()


def test_a_file_that_was_read_half_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Spool(tmp_path / "a.sqlite", "workshop")
    whole.fill(WORKSHOP)
    expected, report = [item.key for item in drained(whole)], whole.report()
    whole.close()

    spool = Spool(tmp_path / "b.sqlite", "workshop")
    with monkeypatch.context() as patch:
        calls = 0

        def killed(row: dict[str, str]) -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt

        patch.setattr(spool, "_comment", killed)
        with pytest.raises(KeyboardInterrupt):
            spool.fill(WORKSHOP)
    spool.close()
    again = Spool(tmp_path / "b.sqlite", "workshop")
    again.fill(WORKSHOP)
    assert [item.key for item in drained(again)] == expected
    assert again.report() == report
    again.close()


def test_another_dump_under_the_same_name_is_read_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "work.sqlite", "workshop", "old")
    spool.fill(WORKSHOP)
    drained(spool)
    spool.close()
    again = Spool(tmp_path / "work.sqlite", "workshop", "new")
    assert (again.total, again.position, again.report()["skipped"]) == (0, 0, [])
    again.close()


# -- sending ---------------------------------------------------------------------------------------------

Answers = Callable[[str, list[dict[str, Any]]], httpx.Response]


def service(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> None:
    """Have requests answered by a function of the URL and the items."""
    real = httpx.AsyncClient

    def handle(request: httpx.Request) -> httpx.Response:
        return answers(str(request.url), json.loads(request.content)["items"])

    monkeypatch.setattr(
        httpx, "AsyncClient", lambda **kwargs: real(transport=httpx.MockTransport(handle), **kwargs)
    )


def outcomes(*told: str) -> httpx.Response:
    items = [{"outcome": outcome, "code": f"is-{outcome}", "detail": "Because."} for outcome in told]
    return httpx.Response(200, json={"items": items})


async def test_each_service_gets_what_is_its_own(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: dict[str, set[str]] = {}

    def answers(url: str, items: list[dict[str, Any]]) -> httpx.Response:
        kinds.setdefault(url, set()).update(item["kind"] for item in items)
        return outcomes(*["created"] * len(items))

    service(monkeypatch, answers)
    assert await Replay(spool, "http://m", "http://d/", "t").run() == spool.total == spool.position
    assert kinds["http://m/v1/imports"] == {"member", "community", "membership"}
    assert not kinds["http://d/v1/imports"] & kinds["http://m/v1/imports"]


async def test_what_has_to_wait_is_sent_again(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: set[str] = set()

    def answers(url: str, items: list[dict[str, Any]]) -> httpx.Response:
        keys = [json.dumps(item, sort_keys=True) for item in items]
        told = ["created" if "//m" in url or key in waited else "later" for key in keys]
        waited.update(keys)
        return outcomes(*told)

    service(monkeypatch, answers)
    await Replay(spool, "http://m", "http://d", "t").run()
    assert all(set(told) == {"created"} for told in spool.report()["items"].values())
    assert spool.report()["finished"]


async def test_a_service_that_never_catches_up_stops_the_import_where_it_is(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    service(monkeypatch, lambda url, items: outcomes(*["created" if "//m" in url else "later"] * len(items)))
    with pytest.raises(ImportStopped, match="'later'"):
        await Replay(spool, "http://m", "http://d", "t", patience=0).run()
    assert 0 < spool.position < spool.total
    assert {item.phase for item in spool.window(3)} == {3}


async def test_what_belongs_to_something_refused_is_refused_here(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(url: str, items: list[dict[str, Any]]) -> httpx.Response:
        def told(item: dict[str, Any]) -> str:
            if item.get("id") == se("problem", 1):
                return "refused"
            return "later" if item.get("problem_id") == se("problem", 1) else "created"

        return outcomes(*map(told, items))

    service(monkeypatch, answers)
    await Replay(spool, "http://m", "http://d", "t").run()
    report = spool.report()
    assert report["items"]["problem"] == {"created": 3, "refused": 1}
    assert report["items"]["solution"]["refused"] == 2
    reasons = {(s["where"], s["reason"]) for s in report["skipped"]}
    assert ("problem (by the service)", "is-refused: Because.") in reasons
    assert ("solution (by the service)", "what it belongs to was refused") in reasons


async def test_one_unreadable_item_costs_only_itself(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(url: str, items: list[dict[str, Any]]) -> httpx.Response:
        if any(item.get("name") == "Ada" for item in items):
            return httpx.Response(422, json={"code": "invalid-input", "detail": "No.", "field": "/name"})
        return outcomes(*["created"] * len(items))

    service(monkeypatch, answers)
    await Replay(spool, "http://m", "http://d", "t").run()
    assert spool.report()["items"]["member"] == {"created": 7, "refused": 1}


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_no_retry_mends_stops_at_once(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    service(monkeypatch, lambda url, items: httpx.Response(status, json={"code": "scope-missing"}))
    with pytest.raises(ImportStopped, match="scope-missing"):
        await Replay(spool, "http://m", "http://d", "t").run()
    assert spool.position == 0
