"""Redaction: what is blacked out, and which names are noticed."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain.lift import TRANSITIONS, LiftState
from services.discussions.domain.redaction import BLACK, names_left, redacted


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        ("Ann plans. ANN! planning", ["ann"], f"{BLACK} plans. {BLACK}! planning"),
        ("Amal  Haddad and\nAmal\nHaddad", ["Amal Haddad"], f"{BLACK} and\n{BLACK}"),
        ("Amal Haddad, Amal", ["Amal", "Amal Haddad"], f"{BLACK}, {BLACK}"),
        ("Jürgen Groß, JÜRGEN", ["jürgen"], f"{BLACK} Groß, {BLACK}"),
        ("a.b@c and (x)", ["a.b@c", "(x)"], f"{BLACK} and {BLACK}"),
        ("nothing", [], "nothing"),
        ("axb", ["a.b"], "axb"),
    ],
)
def test_terms_are_blacked_out_as_whole_words(text: str, terms: list[str], expected: str) -> None:
    assert redacted(text, terms) == expected


@pytest.mark.parametrize(
    ("text", "names", "whole", "parts"),
    [
        ("Amal Haddad signs.", ["Amal Haddad"], ["Amal Haddad"], []),
        ("amal   haddad signs.", ["Amal Haddad"], ["Amal Haddad"], []),
        ("Ask Haddad.", ["Amal Haddad"], [], ["haddad"]),
        ("We grant permits to Li.", ["Hugh Grant", "Li Na"], [], ["grant"]),
        ("Planning", ["Ann"], [], []),
        (f"{BLACK} signs", ["Amal Haddad"], [], []),
    ],
)
def test_names_left_are_noticed(text: str, names: list[str], whole: list[str], parts: list[str]) -> None:
    assert names_left([text], names) == (whole, parts)


@given(
    st.lists(st.sampled_from(["Amal", "Haddad", "permits", "Ann", "planning", "\n"]), max_size=12).map(
        " ".join
    )
)
def test_what_was_redacted_is_not_left(text: str) -> None:
    names = ["Amal Haddad", "Ann"]
    assert names_left([redacted(text, names)], names)[0] == []


def test_the_table_names_every_state() -> None:
    assert set(TRANSITIONS) == set(get_args(LiftState))
