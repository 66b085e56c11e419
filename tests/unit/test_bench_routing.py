"""The routing benchmark: its protocol, on a small community made here."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from services.matching.domain.routing.index import Index
from services.matching.domain.routing.router import Router
from tests.bench import routing, scale
from tests.bench.cli import app as bench


def answer(number: int, t: int, user: str, score: int = 1, accepted: bool = False) -> dict[str, Any]:
    return {"aid": str(number), "t": t, "user": user, "score": score, "accepted": accepted, "text": "…"}


def question(number: int, *answers: dict[str, Any], asker: str = "zoe") -> dict[str, Any]:
    topic = ("permit backlog", "late buses")[number % 2]
    return {
        "site": "small", "qid": str(number), "t": number * 10, "title": f"About {topic}", "body": f"{topic}?",
        "tags": [topic.split()[0]], "asker": asker, "answers": list(answers),
    }  # fmt: skip


def test_measures() -> None:
    found = routing.measured(["a", "b", "c"], {"b": 2, "c": 1, "d": 1}, "b")
    assert found["hit@1"] == 0
    assert found["hit@5"] == 1
    assert found["mrr"] == found["mrr-best"] == 0.5
    assert found["recall@50"] == pytest.approx(2 / 3)
    assert found["ndcg@10"] == pytest.approx((2 / 1.584963 + 1 / 2) / (2 + 1 / 1.584963 + 1 / 2), abs=1e-5)
    assert routing.measured([], {"b": 2}, "b")["mrr"] == 0


def test_who_is_relevant() -> None:
    answers = [
        answer(11, 11, "voted"),
        answer(12, 12, "other"),
        answer(13, 13, "useless"),
        answer(14, 14, "low"),
        answer(15, 15, "zoe"),
    ]
    later = [
        answer(21, 21, "new", 9, accepted=True),
        answer(22, 22, "voted", 5),
        answer(23, 23, "other", 1),
        answer(24, 24, "useless", 0),
        answer(25, 25, "low", -1),
        answer(26, 26, "zoe", 7),  # who asked
    ]
    rows = [question(1, *answers, asker="ada"), question(2, *later), question(3, later[3])]
    community = routing.Community("c", [routing.Question.model_validate(row) for row in rows])
    moments = [moment for moment, _ in community.replay(Router(Index()), 0)]
    assert [moment.gains for moment in moments] == [{}, {"voted": 2, "other": 1}, {}]
    assert [moment.best for moment in moments] == ["", "voted", ""]


def written(file: Path, *questions: object) -> Path:
    with gzip.open(file, "wt") if file.suffix == ".gz" else file.open("w") as lines:
        lines.writelines((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in questions)
    return file


def test_only_what_was_known_is_used_and_questions_with_nobody_are_skipped(tmp_path: Path) -> None:
    asked = [question(n, answer(n, n * 10 + 1, ("ada", "ben")[n % 2])) for n in range(1, 41)]
    asked.append(question(41, answer(41, 411, "first-timer")))  # nobody relevant was known
    asked.append(question(42, answer(42, 421, "zoe")))  # the asker is no candidate
    asked.append(question(43))
    figures, loads = routing.run([written(tmp_path / "small.jsonl.gz", *reversed(asked))])
    found = figures["small"]
    assert set(found) == {*routing.SIMPLER, "guildhall", "guildhall-asked"}
    assert found["guildhall"]["queries"] == 6
    assert found["similar-problems"]["hit@1"] == 1.0
    assert found["popularity"]["hit@1"] < 1.0
    assert found["guildhall"] == found["by-hand"]  # one community: nothing to learn from
    assert [(load.community, load.answerers, load.pace) for load in loads] == [
        (community, 4, pace) for community in ("small", "small, 300 most active") for pace in routing.PACES
    ]
    assert all(load.asks > 6 and load.members >= 2 for load in loads)


def test_the_most_active_are_those_who_gave_most_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "ACTIVE", 2)
    rows = [
        question(1, answer(1, 1, "c"), answer(2, 2, "b")),
        question(2, answer(3, 21, "b"), answer(4, 22, "a")),
        question(3, answer(5, 31, "c") | {"user": None}, answer(6, 32, "c") | {"user": None}),
        question(4, answer(7, 41, "d")),
    ]
    left = routing.of_the_active([routing.Question.model_validate(row) for row in rows])
    assert [(each.qid, [answer.user for answer in each.answers]) for each in left] == [
        ("1", ["b"]), ("2", ["b", "a"]),
    ]  # fmt: skip


ODD: dict[str, list[object]] = {
    "empty": [],
    "a few lines": [question(n, answer(n, n * 10 + 1, "ada")) for n in range(5)],
    "no answers": [question(n) for n in range(10)],
    "no tags": [question(n, answer(n, n * 10 + 1, "ada")) | {"tags": []} for n in range(10)],
    "no accounts": [
        question(n, answer(n, n * 10 + 1, "") | ({"user": None} if n % 2 else {})) | {"asker": None}
        for n in range(10)
    ],
    "answers before questions": [question(n, answer(n, n * 10 - 500, "ada")) for n in range(20, 0, -1)],
    "nothing said": [question(n, answer(n, n * 10 + 1, "ada")) | {"title": "", "body": ""} for n in range(9)],
    "blank lines": ["", question(1, answer(1, 11, "ada")), "  "],
}
QUERIES = {"a few lines": 1, "no tags": 2, "answers before questions": 4, "nothing said": 2}


@pytest.mark.parametrize("kind", ODD)
def test_whatever_a_community_is_like_it_has_figures(kind: str, tmp_path: Path) -> None:
    file, out = written(tmp_path / "odd.jsonl", *ODD[kind]), tmp_path / "figures.json"
    run = CliRunner().invoke(bench, ["routing", str(file), "--json", str(out)])
    assert run.exit_code == 0, run.output
    figures = json.loads(out.read_text())
    assert set(figures) == {"odd"}
    assert {"guildhall", "popularity", "tags", "bm25-profile", "by-hand"} <= set(figures["odd"])
    for found in figures["odd"].values():
        assert list(found) == ["hit@1", "hit@5", "hit@10", "mrr", "ndcg@10", "recall@50", "queries"]
        assert found["queries"] == QUERIES.get(kind, 0)
        assert all(0 <= value <= 1 for measure, value in found.items() if measure != "queries")


GOOD = question(1, answer(1, 11, "ada"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2, the line: Invalid JSON"),
        ("[]", "line 2, the line: Input should be an object"),
        (GOOD | {"t": "later"}, "line 2, t: "),
        (GOOD | {"t": None}, "line 2, t: "),
        ({name: value for name, value in GOOD.items() if name != "qid"}, "line 2, qid: Field required"),
        (GOOD | {"answers": [answer(1, 11, "ada") | {"score": "many"}]}, "line 2, answers.0.score: "),
        (GOOD | {"tags": "permits"}, "line 2, tags: "),
    ],
)
def test_a_broken_line_is_named(line: object, said: str, tmp_path: Path) -> None:
    file = written(tmp_path / "broken.jsonl", GOOD, line)
    run = CliRunner().invoke(bench, ["routing", str(file)])
    assert (run.exit_code, f"{file}, {said}" in run.output) == (2, True), run.output


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    torn = written(tmp_path / "torn.jsonl.gz", GOOD)
    torn.write_bytes(torn.read_bytes()[:-12])
    plain = tmp_path / "plain.gz"
    plain.write_text("no archive")
    twin = written(tmp_path / "twin.jsonl", GOOD)
    for files in ([torn], [plain], [tmp_path / "missing.jsonl"], [tmp_path], [twin, twin]):
        run = CliRunner().invoke(bench, ["routing", *map(str, files)])
        assert (run.exit_code, str(files[-1]) in run.output) == (2, True), run.output


def test_the_router_at_scale_is_measured_beside_an_engine() -> None:
    """Small: what is tested is that the figures are there and that what comes in is found at once."""
    figures = scale.measure(300, 10, lambda _: None)
    assert figures.visible
    assert figures.query_p99_ms >= figures.query_p50_ms > 0
    drawn = ElementTree.fromstring(scale.drawn([figures, figures._replace(members=3000)]))
    texts = {each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"300", "3,000", "members"} <= texts
    for line in scale.COLOURS:
        assert any(text.startswith(line) and text.endswith(" ms") for text in texts), line
    assert len([text for text in texts if re.fullmatch(r"[0-9.]+ ms", text)]) >= 2  # whatever it costs
