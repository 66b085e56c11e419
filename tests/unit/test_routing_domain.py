"""Routing: what the index makes of events in any order, who is ranked, and why."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain.routing.events import Problem, Problems, Skills, Solution, Solutions
from services.matching.domain.routing.found import HISTORY
from services.matching.domain.routing.index import Index
from services.matching.domain.routing.learning import Example, learn
from services.matching.domain.routing.names import Names
from services.matching.domain.routing.ranking import FEATURES
from services.matching.domain.routing.router import Query, Ranking, Router
from services.matching.domain.routing.settings import DAY
from services.matching.domain.routing.text import digest, labels, words

NOW = 1_800_000_000.0
TEXT = ["fax", "form", "desk", "sign", "wait", "paper", "queue", "permit"]
_UUIDS = st.uuids().map(str)
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
        ("…!? \x00 🏗️", []),
    ],
)
def test_words_of_any_script(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


def test_a_megabyte_is_read_as_far_as_it_says_something() -> None:
    assert digest(["permits " * 150_000]).size == 1
    assert digest([" ".join(f"w{number}" for number in range(100_000))]).size == 400


@settings(deadline=None)  # the first is compiled
@given(st.lists(st.one_of(st.text(st.characters(codec="utf-8")), _UUIDS, _UUIDS.map(str.upper))))
def test_names_are_the_same_again(names: list[str]) -> None:
    held = Names()
    community = np.arange(len(names)) % 2
    numbers = held.numbers(community, names)
    assert [held[number] for number in numbers] == names
    assert numbers.tolist() == held.numbers(community, names).tolist()
    assert len(held) == len(set(zip(community.tolist(), names, strict=True)))
    assert held.find(2, "known nowhere") == -1


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


def test_the_same_again_changes_nothing(router: Router) -> None:
    before = rank(router, "Backlog of permit requests", "permits").ranked
    for _ in range(3):
        router.index.put_problem(problem("p1", "Permit backlog at the counter", "permits"))
        router.index.put_solution(solution("p1", ADA))
    assert rank(router, "Backlog of permit requests", "permits").ranked == before


def test_a_changed_problem_is_found_by_its_new_text_alone(router: Router) -> None:
    router.index.put_problem(problem("p1", "Playgrounds without shade", "parks"))
    assert rank(router, "Shade for playgrounds", "parks").ranked[0].terms["similar"] > 0
    ranking = rank(router, "Permit backlog", "permits")
    assert all(each.terms["similar"] == each.terms["tags"] == 0 for each in ranking.ranked)


def test_endorsements_and_acceptances_tell_in_the_reasons_and_can_be_taken_back(router: Router) -> None:
    def reasons() -> list[str]:
        ranking = rank(router, "Permit backlog", "permits")
        return router.reasons(ranking, next(each for each in ranking.ranked if each.member_id == ADA))

    assert "1 solution on permits" in reasons()
    router.index.put_solution(solution("p1", ADA, endorsed=3.0))
    assert "1 endorsed solution on permits" in reasons()
    router.index.put_solution(solution("p1", ADA, accepted=True))
    assert "1 accepted solution on permits" in reasons()
    router.index.put_solution(solution("p1", ADA))
    assert "1 solution on permits" in reasons()


def test_a_solution_or_problem_that_counts_no_more_speaks_for_nobody(router: Router) -> None:
    router.index.put_solution(solution("p1", ADA, counts=False))
    assert names(rank(router, "Permit backlog", "permits")) == [BEN]
    router.index.remove_problem("c", "p2")
    router.index.remove_problem("c", "never-heard-of")
    assert names(rank(router, "Snow and buses", "winter")) == []


def test_stated_skills_serve_those_without_history(router: Router) -> None:
    router.index.put_skills(Skills.of([("c", CAT, {"Bridges": 2.0, "permits": 0.5})]))
    ranking = rank(router, "Inspecting an old one", "bridges")
    first = next(each for each in ranking.ranked if each.member_id == CAT)
    assert first.knows
    assert first.terms["skill"] > 0
    assert router.reasons(ranking, first) == ["states the skill bridges (expert)"]
    before = router.index.nbytes
    for _ in range(100):  # being told again changes nothing
        router.index.put_skills(Skills.of([("c", CAT, {"bridges": 2.0, "permits": 0.5})]))
    assert router.index.nbytes == before
    router.index.put_skills(Skills.of([("c", CAT, {"permits": 0.5})]))
    assert CAT not in names(rank(router, "Inspecting an old one", "bridges"))


def test_activity_alone_is_told_apart(router: Router) -> None:
    ranking = rank(router, "Something else entirely", "unheard-of")
    assert {each.member_id: each.knows for each in ranking.ranked} == {ADA: False, BEN: False}
    assert "nothing they did" in router.why_not(ranking, ADA)


def test_declined_asks_count_against_somebody_and_are_forgotten(router: Router) -> None:
    def taken_off(now: float = NOW) -> float:
        ranking = router.rank(Query.of("c", "Permit backlog", "", ["permits"], now))
        [ada] = [each for each in ranking.ranked if each.member_id == ADA]
        assert ada.score == pytest.approx(sum(ada.terms.values()))
        return -ada.terms["declined"] / (ada.score - ada.terms["declined"])

    assert taken_off() == 0
    declined, taken_up = (NOW, False), (NOW, True)
    for _ in range(2):  # being told again changes nothing
        router.index.put_asks("c", ADA, [declined])
        assert taken_off() == pytest.approx(1 / 4)
    assert taken_off(NOW + 14 * DAY) == pytest.approx(1 / 6)
    router.index.put_asks("c", ADA, [taken_up, (NOW - 14 * DAY, False)])
    assert taken_off() == pytest.approx(1 / 10)
    router.index.put_asks("c", ADA, [declined] * 1000)
    assert 0.49 < taken_off() < 0.5
    router.index.put_asks("c", ADA, [])
    assert taken_off() == 0


def test_expertise_fades_and_a_clock_going_backwards_breaks_nothing(router: Router) -> None:
    def terms(now: float) -> dict[str, float]:
        ranking = router.rank(Query.of("c", "Permit backlog or late buses", "", ["permits"], now))
        return {each.member_id: each.score for each in ranking.ranked}

    router.index.put_solution(solution("p2", CAT, days=1000))  # comes late: is as old as it says
    now = terms(NOW)
    assert now[CAT] < now[BEN]
    assert set(terms(NOW - 3000 * DAY)) == {ADA, BEN, CAT}


@pytest.mark.parametrize("text", ["permit", "", "!", "permit " * 200_000, "許可証", "\x00\ud800"[:1]])
def test_any_problem_has_an_answer(router: Router, text: str) -> None:
    assert set(names(rank(router, text))) == {ADA, BEN}


def test_nobody_is_found_where_nobody_is(router: Router) -> None:
    assert names(rank(router, "Permit backlog", "permits", at="elsewhere")) == []
    router.index.put_problem(problem("x", "Alone here", "solitude", asker=ADA, at="mine"))
    router.index.put_solution(solution("x", ADA, at="mine"))
    assert names(rank(router, "Alone here", "solitude", asker=ADA, at="mine")) == []


def test_communities_do_not_see_each_other(router: Router) -> None:
    router.index.put_solution(solution("p9", CAT, at="other"))
    router.index.put_problem(problem("p9", "Permit backlog at the counter", "permits", at="other"))
    assert CAT not in names(rank(router, "Permit backlog", "permits"))
    assert names(rank(router, "Permit backlog", "permits", at="other")) == [CAT]


def test_the_asker_is_nobody_to_ask_and_the_problem_itself_is_no_precedent(router: Router) -> None:
    assert ADA not in names(rank(router, "Permit backlog", "permits", asker=ADA))
    query = Query.of("c", "Permit backlog at the counter", "", ["permits"], NOW, problem_id="p1")
    assert next(each for each in router.rank(query).ranked if each.member_id == ADA).terms["similar"] == 0


def test_whoever_is_forgotten_is_found_no_more_by_no_name(router: Router) -> None:
    router.index.forget("c", ADA)
    router.index.forget("nowhere", ADA)
    assert names(rank(router, "Permit backlog", "permits")) == [BEN]


def test_why_not(router: Router) -> None:
    ranking = rank(router, "Permit backlog", "permits", asker=CAT)
    assert router.why_not(ranking, CAT) == "asks the question"
    assert router.why_not(ranking, "stranger").startswith("has done nothing in this community")
    assert router.why_not(ranking, BEN).startswith("is active, but")
    assert router.why_not(ranking, ADA) == "ranks number 1 for this problem"


def test_tables_and_lists_grow() -> None:
    """As many as make every table larger several times, and lists longer than their largest block."""
    router = Router(Index())
    many = [problem(f"p{n}", f"permit word{n}", "permits", days=n / 100) for n in range(3000, 0, -1)]
    router.index.put_problems(Problems.of(many))
    router.index.put_solutions(
        Solutions.of([solution(f"p{n}", f"m{n}", days=n / 100) for n in range(3000, 0, -1)])
    )
    for number in (1, 1500, 3000):
        ranking = rank(router, f"word{number}")
        best = max(ranking.ranked, key=lambda each: each.terms["similar"])
        assert best.member_id == f"m{number}"


@given(st.permutations(range(6)))
def test_any_order_of_events_ends_in_the_same_similarity(order: list[int]) -> None:
    router = Router(Index())
    steps = [
        lambda: router.index.put_problem(problem("p1", "Permit backlog", "permits")),
        lambda: router.index.put_problem(problem("p2", "Late buses", "winter", days=8)),
        lambda: router.index.put_solution(solution("p1", ADA)),
        lambda: router.index.put_solution(solution("p2", BEN, days=7)),
        lambda: router.index.put_solution(solution("p1", ADA)),
        lambda: router.index.put_skills(Skills.of([("c", CAT, {"permits": 1.0})])),
    ]
    for number in order:
        steps[number]()
    ranking = rank(router, "Permit backlog", "permits")
    terms = {each.member_id: each.terms for each in ranking.ranked}
    assert terms[ADA]["similar"] > 0
    assert terms[ADA]["tags"] > 0
    assert terms[BEN]["similar"] == 0
    assert terms[CAT]["skill"] > 0


def test_a_learned_ranker_corrects_the_order_and_its_terms_add_up(router: Router) -> None:
    """It sees that those answer who were heard of longest ago: made up, and so it must have been learned."""
    random = np.random.default_rng(1)
    examples = []
    for _ in range(250):
        seen = random.random((20, FEATURES))
        gains = np.zeros(20, np.int64)
        gains[seen[:, 0].argmin()] = 2
        examples.append(Example(seen, gains))
    assert learn(examples[:50], "few") is None
    learned = learn(examples, "1")
    assert learned is not None
    router.learned = learned
    assert names(rank(router, "Backlog of permit requests", "permits")) == [BEN, ADA]
    for each in rank(router, "Backlog of permit requests", "permits").ranked:
        assert sum(each.terms.values()) == pytest.approx(each.score)


def test_many_at_once_are_as_one_by_one_even_the_same_again() -> None:
    chance = random.Random(3)
    problems = [
        problem(f"p{chance.randrange(40)}", " ".join(chance.choices(TEXT, k=5)), asker=f"a{number % 7}")
        for number in range(120)
    ]
    solutions = [
        solution(f"p{chance.randrange(45)}", f"m{chance.randrange(9)}", days=chance.random() * 9,
                 accepted=chance.random() < 0.3, endorsed=chance.choice([0.0, 2.0]),
                 counts=chance.random() < 0.9)
        for _ in range(200)
    ]  # fmt: skip
    one_by_one, at_once = Index(), Index()
    for each in problems:
        one_by_one.put_problem(each)
    for every in solutions:
        one_by_one.put_solution(every)
    at_once.put_problems(Problems.of(problems))
    at_once.put_solutions(Solutions.of(solutions))
    assert Problems.of(problems).rows()[5].words.tolist() == problems[5].words.tolist()
    assert Solutions.of(solutions).rows() == solutions
    one, other = (figures(Router(index)) for index in (one_by_one, at_once))
    assert len(one) == 9
    assert one == other


def figures(router: Router) -> dict[str, list[float]]:
    """Everything that is known of everybody."""
    found = rank(router, " ".join(TEXT)).found
    assert found is not None
    rows = np.column_stack([found.gathered, found.history]).round(9).tolist()
    return dict(zip(map(router.index.member, found.places.tolist()), rows, strict=True))


def test_the_gap_since_somebody_was_heard_of_does_not_depend_on_when_one_was_told() -> None:
    index = Index()
    index.note_activity(["c", "c"], ["early", "late"], np.array([NOW - 8.5 * DAY, NOW - 2.5 * DAY]))
    index.put_problem(problem("p1", "Permit backlog", "permits"))
    for days in range(9, -1, -1):
        author = {9: "early", 8: "late"}.get(days, "other")
        index.put_solution(Solution("c", "p1", f"s{days}", author, NOW - days * DAY))
    found = index.find("c", digest(["permit"]), labels("tag", []), labels("skill", []), now=NOW)
    assert found is not None
    heard = found.history[:, HISTORY.index("heard_gap")]
    gaps = dict(zip(map(index.member, found.places.tolist()), heard.tolist(), strict=True))
    assert gaps == pytest.approx({"early": 0.9, "late": 0.3, "other": 0.0})


def test_a_problem_that_is_edited_was_asked_once(router: Router) -> None:
    router.index.put_problem(problem("p2", "Buses late in the snow", "winter", asker=ADA))
    for text in ("Trams late in the snow", "Trams late", "Buses late"):
        router.index.put_problem(problem("p3", text, "winter", asker=ADA))
    router.index.put_problem(problem("p4", "Trams", asker=ADA))
    router.index.remove_problem("c", "p4")
    ranking = rank(router, "Permit backlog", "permits")
    assert ranking.found is not None
    [row] = [each.row for each in ranking.ranked if each.member_id == ADA]
    assert ranking.found.history[row, HISTORY.index("asked")] == 1
