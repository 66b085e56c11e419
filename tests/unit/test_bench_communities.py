"""The benchmark of recommending communities, on a community whose right answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.communities import measure


def test_what_goes_together_is_found_and_only_what_is_new_counts_as_new(tmp_path: Path) -> None:
    # Each asks of one subject of their pair, and long after of the other; the last one of the same again.
    questions = []
    for number in range(300):
        first, second = [("a", "b"), ("c", "d")][number % 2]
        for t, tag in ((number, first), (1_000 + number, second if number < 299 else first)):
            questions.append({"t": t, "tags": [tag], "asker": number, "answers": []})
    file = tmp_path / "small.jsonl"
    file.write_text("\n".join(json.dumps(each) for each in questions))
    found = measure(file)
    assert list(found) == ["popularity", "item-kNN", "EASE", "EASE decayed", "guildhall"]
    for method, figures in found.items():
        assert (figures["queries"], figures["all-tags"]["queries"]) == (119, 120), method
    assert found["guildhall"]["ndcg@10"] == pytest.approx(1)
    assert found["guildhall"]["gain-low"] > 0.2
    assert found["popularity"]["gain-low"] == found["popularity"]["gain-high"] == 0
