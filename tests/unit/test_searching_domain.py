"""What is searched by which words, and in which order what is found comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import searching
from services.discussions.domain.item import Said
from services.discussions.domain.limits import COUNTED, SEARCH_WORDS, WORDS_INDEXED
from services.discussions.domain.searching import Candidate
from shared.words import fold, runs, wanted, words

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def said(text: str = "", **fields: Any) -> Said:
    values: dict[str, Any] = {
        "kind": "problem", "item_id": "t", "thread_id": "t", "community_id": "c", "author_id": "ann",
        "at": NOW, "title": "", "text": text, "tags": [], "state": "open",
    }  # fmt: skip
    return Said(**values | fields)


def found(item_id: str = "t", **fields: Any) -> Candidate:
    values: dict[str, Any] = {
        "item_id": item_id, "thread_id": item_id, "community_id": "c", "kind": "problem", "state": "open",
        "tags": [], "at": NOW, "author_id": "ann", "weights": [1.0],
    }  # fmt: skip
    return Candidate(**values | fields)


# -- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Fair, FAÏR permits!", ["fair", "fair", "permits"]),
        ("Straße 50 m²", ["strasse", "50", "m2"]),
        ("snake_case e-ID", ["snake_case", "e", "id"]),
        ("Ærø", ["ærø"]),
        ("किताब", [fold("किताब")]),  # vowel signs do not cut a word
        ("許可証", ["許", "可", "証", "許可", "可証"]),
        ("EUの許可", ["eu", "の", "許", "可", "の許", "許可"]),
        ("水", ["水"]),
        ("🏛 — !?", []),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert list(words(text)) == found


def test_thai_is_found_by_a_part_of_it() -> None:
    text, part = "ขออนุญาตก่อสร้าง", "อนุญาต"
    (run,) = runs(part)
    assert set(wanted(run)) <= set(words(text))


@given(st.text())
def test_what_is_asked_for_in_the_words_of_a_text_is_in_that_text(text: str) -> None:
    entry = searching.entry(said(text))
    asked = searching.query(text, {})
    assert set(asked.words) <= set(entry.words)
    assert all(phrase in entry.text for phrase in asked.phrases)
    assert len(asked.words) <= SEARCH_WORDS


@given(st.text(), st.text())
def test_two_texts_beside_each_other_have_the_words_of_both(one: str, other: str) -> None:
    assert list(words(f"{one} \n {other}")) == list(words(one)) + list(words(other))


def test_the_longest_text_is_kept_in_a_moment_and_bounded() -> None:
    began = process_time()
    entry = searching.entry(said(" ".join(f"word{number}" for number in range(5_000))))
    assert process_time() - began < 1
    assert len(entry.weights) == WORDS_INDEXED
    assert len(entry.words) < WORDS_INDEXED + 20


# -- queries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words_", "phrases"),
    [
        ("permits Permits fair", ("permits", "fair"), ()),
        ('"digital signature" permits', ("digital", "signature", "permits"), (" digital signature ",)),
        ("“digital signature”", ("digital", "signature"), (" digital signature ",)),
        ('"permits"', ("permits",), ()),
        ('"left open permits', ("left", "open", "permits"), (" left open permits ",)),
        ("許可証", ("許可", "可証"), ("許可証",)),
        ("水", ("水",), ()),
        ("", (), ()),
        ('""', (), ()),
    ],
)
def test_a_query(text: str, words_: tuple[str, ...], phrases: tuple[str, ...]) -> None:
    asked = searching.query(text, {})
    assert (asked.words, asked.phrases) == (words_, phrases)


def test_a_filter_is_a_word_that_no_text_has() -> None:
    text = "kind=problem state=open tag=permits author=ann * x"
    assert not {"kind=problem", "tag=permits", searching.EVERYTHING} & set(words(text))
    asked = searching.query("x", {"kind": "problem", "tag": None, "state": "open"})
    assert asked.words == ("x", "kind=problem", "state=open")
    kept = searching.entry(said("x", tags=["permits"]))
    assert set(kept.words) == {
        "x", "permits", "*", "kind=problem", "state=open", "tag=permits", "author=ann",
    }  # fmt: skip
    assert "author=ann" not in searching.entry(said("x", author_id=None)).words


def test_a_phrase_stands_in_a_text_and_not_across_its_signs_alone() -> None:
    kept = searching.entry(said("The digital, signature. One.", title="No digital"))
    assert " digital signature " in kept.text
    assert " signature digital " not in kept.text
    assert " digital sig" in kept.text
    assert " gital signature " not in kept.text


# -- order ---------------------------------------------------------------------------------------------


def weight(word: str, **fields: Any) -> float:
    kept = searching.entry(said(**fields))
    return kept.weights[kept.words.index(word)]


def test_a_word_counts_by_where_and_how_often_it_stands() -> None:
    title = weight("permits", title="permits", text="x")
    tag = weight("permits", tags=["permits"], text="x x")
    text = weight("permits", text="permits x x")
    twice = weight("permits", text="permits permits x")
    long = weight("permits", text="permits " + "x " * 500)
    assert title > tag > twice > text > long > 0


def test_the_rare_word_and_the_better_state_come_first() -> None:
    rare, common = searching.rarity(1, 2_000), searching.rarity(2_000, 2_000)
    assert rare > common > 0
    candidates = [
        found("both", weights=[1.0, 1.0]),
        found("rare", weights=[1.0, 0.1]),
        found("common", weights=[0.1, 1.0]),
    ]
    order = [each.item_id for _, each in searching.ranked(reversed(candidates), [rare, common])]
    assert order == ["both", "rare", "common"]
    states = ["best-practice", "recommended", "accepted", "resolved", "open", "lapsed", "superseded"]
    of_each = [found(state, state=state) for state in reversed(states)]
    assert [each.item_id for _, each in searching.ranked(of_each, [rare])] == states


def test_of_the_equal_the_newest_comes_first() -> None:
    older = found("a", at=NOW - timedelta(days=1))
    assert [each.item_id for _, each in searching.ranked([older, found("b"), found("c")], [1.0])] == [
        "b", "c", "a",
    ]  # fmt: skip


def test_counts_are_exact_up_to_a_bound() -> None:
    some = [found(str(number), tags=["odd"] if number % 2 else []) for number in range(COUNTED + 1)]
    counted = searching.counts(some, all_seen=True)
    assert [(each.value, each.count, each.more) for each in counted["kind"]] == [("problem", COUNTED, True)]
    assert [(each.value, each.count, each.more) for each in counted["tag"]] == [("odd", COUNTED // 2, False)]
    assert searching.counts(some[:1], all_seen=False)["kind"][0].more
    assert list(searching.counts([], all_seen=True).values()) == [[]] * 5


def test_the_author_is_the_last_word_kept_unless_nobody_may_know() -> None:
    for tags in ([], ["author=bob"]):
        entry, nobodys = (
            searching.entry(said("x", tags=tags)),
            searching.entry(said(author_id=None, tags=tags)),
        )
        assert searching.author_of(entry.words[-1]) == "ann"
        assert searching.author_of(nobodys.words[-1]) is None


def test_what_says_the_same_is_not_kept_anew() -> None:
    assert searching.digest(said("a")) == searching.digest(said("a")) != 0
    assert searching.digest(said("a")) != searching.digest(said("a", state="resolved"))
    assert searching.digest(None) == 0
