"""Routing: what the index makes of events in any order, who is ranked, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.routing.index import DAY, Index, Problem, Solution
from services.matching.domain.routing.names import Names, packed, unpacked
from services.matching.domain.routing.router import Query, Ranking, Router
from services.matching.domain.routing.text import digest, words

NOW = 1_800_000_000.0
ADA, BEN, CAT = "ada", "ben", "cat"


def problem(name: str, text: str, *tags: str, days: float = 10, asker: str = "zoe", at: str = "c") -> Problem:
    return Problem.of(at, name, asker, NOW - days * DAY, title=text, body="", tags=tags)


def solution(of: str, author: str, *, days: float = 9, at: str = "c", **more: object) -> Solution:
    return Solution(at, of, f"{of}-{author}", author, NOW - days * DAY, **more)  # type: ignore[arg-type]


def rank(
    router: Router, text: str, *tags: str, asker: str = "zoe", at: str = "c", now: float = NOW
) -> Ranking:
    return router.rank(Query.of(at, text, "", tags, now, asker_id=asker))


def names(ranking: Ranking) -> list[str]:
    return [each.member_id for each in ranking.ranked]


@pytest.fixture
def router() -> Router:
    router = Router(Index())
    router.index.put_problem(problem("p1", "Permit backlog at the counter", "permits"))
    router.index.put_problem(problem("p2", "Buses late in the snow", "winter"))
    router.index.put_solution(solution("p1", ADA))
    router.index.put_solution(solution("p2", BEN))
    return router


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Error_42 in C++ and c#!", ["error_42", "in", "c++", "and", "c#"]),
        ("Straße ÉCOLE ﬁne", ["strasse", "école", "fine"]),
        ("許可証の申請", ["許可", "可証", "証の", "の申", "申請"]),
        ("字", ["字"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("разрешения на строительство", ["разрешения", "на", "строительство"]),
        ("東京tokyo", ["東京", "tokyo"]),
        ("…!? \x00", []),
    ],
)
def test_words_of_any_script(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


def test_a_megabyte_is_read_as_far_as_it_says_something() -> None:
    assert digest(["permits " * 150_000]).size == 1
    assert digest([" ".join(f"w{number}" for number in range(100_000))]).size == 400


@given(st.one_of(st.text(), st.uuids().map(str)))
def test_a_packed_name_is_the_same_again(name: str) -> None:
    held = Names()
    data = packed(name) if name.isprintable() else packed(repr(name))
    number = held.add(data)
    assert held[number] == unpacked(data)


def test_who_answered_similar_problems_comes_first(router: Router) -> None:
    assert names(rank(router, "Backlog of permit requests", "permits")) == [ADA, BEN]
    assert names(rank(router, "Snow and buses", "winter")) == [BEN, ADA]


def test_an_event_counts_for_the_next_query(router: Router) -> None:
    router.index.put_solution(solution("p2", CAT, days=0))
    assert names(rank(router, "Snow and buses", "winter"))[0] == CAT


def test_a_solution_waits_for_its_problem() -> None:
    early, usual = Router(Index()), Router(Index())
    the_problem, the_solution = problem("p1", "Permit backlog", "permits"), solution("p1", ADA)
    early.index.put_solution(the_solution)
    early.index.put_problem(the_problem)
    usual.index.put_problem(the_problem)
    usual.index.put_solution(the_solution)
    for router in (early, usual):
        ranking = rank(router, "Permit backlog", "permits")
        assert router.reasons(ranking, ranking.ranked[0])[:2] == [
            "active this month",
            "answered a similar problem 1 week ago",
        ]
