"""The routing benchmark: its protocol, on a small community made here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import routing, scale


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
        answer(1, 1, "new", 9, accepted=True),
        answer(2, 2, "voted", 5),
        answer(3, 3, "other", 1),
        answer(4, 4, "useless", 0),
        answer(5, 5, "low", -1, accepted=False),
    ]
    candidates = {"voted", "other", "useless", "low"}
    assert routing._relevant(answers, candidates) == ({"voted": 2, "other": 1}, "voted")
    assert routing._relevant(answers, {"useless"}) == ({}, "")


def test_only_what_was_known_is_used_and_questions_with_nobody_are_skipped(tmp_path: Path) -> None:
    asked = [question(n, answer(n, n * 10 + 1, ("ada", "ben")[n % 2])) for n in range(1, 41)]
    asked.append(question(41, answer(41, 411, "first-timer")))  # nobody relevant was known
    asked.append(question(42, answer(42, 421, "zoe")))  # the asker is no candidate
    file = tmp_path / "small.jsonl.gz"
    with gzip.open(file, "wt") as lines:
        lines.writelines(json.dumps(each) + "\n" for each in reversed(asked))
    figures = routing.run([file])["small"]
    assert set(figures) == {*routing.SIMPLER, "guildhall", "guildhall-asked"}
    assert figures["guildhall"]["queries"] == 7
    assert figures["similar-problems"]["hit@1"] == 1.0
    assert figures["popularity"]["hit@1"] < 1.0
    assert figures["guildhall"] == figures["by-hand"]  # one community: nothing to learn from
    assert figures["guildhall-asked"]["asks"] > 0


def test_the_router_at_scale_is_measured_beside_an_engine() -> None:
    """Small: what is tested is that the figures are there and that what comes in is found at once."""
    figures = scale.measure(300, 10, lambda _: None)
    assert figures.visible
    assert figures.query_p99_ms >= figures.query_p50_ms > 0
    assert scale.drawn([figures, figures._replace(members=3000)]).startswith("<svg")
