"""Adaptations: what leads where, who tells it, and of which text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import adaptation as adaptations
from services.discussions.domain import practice
from services.discussions.domain import solution as solutions
from services.discussions.domain.adaptation import COMMAND_OF, TRANSITIONS, Adaptation, Command
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import RULES
from services.discussions.domain.solution import Solution
from shared.contracts.practices import AdaptationOutcome, AdaptationState, ParentChange
from shared.errors import BadInput, Conflict, Forbidden, Rejected
from tests.unit.test_ladder_domain import DAY, NOW, answered, member


def adapted(
    *, in_use: bool = False, parent: Adaptation | None = None, by: str = "eve", **changes: Any
) -> tuple[Problem, Solution, Adaptation]:
    problem, solution = answered(**changes)
    problem, solution, made, event = adaptations.begin(
        problem, solution, parent, member(by), "a2" if parent else "a1", title="Parramatta", changes="C",
        reasons="R", in_use=in_use, source_org_id="org-of-ann", rules=RULES, now=NOW,
    )  # fmt: skip
    assert (event.version, event.adaptation_state, solution.adaptations) == (problem.version, made.state, 1)
    return problem, solution, made


def told(
    problem: Problem, solution: Solution, made: Adaptation, command: Command, by: str, now: Any
) -> tuple[Problem, Adaptation]:
    who = member(by)
    match command:
        case "start":
            problem, made, event = adaptations.start(problem, solution, made, who, RULES, now)
        case "note":
            problem, made, _, event = adaptations.tell(problem, solution, made, who, "n", "So so.", now)
        case _:
            outcome = next(each for each, meant in COMMAND_OF.items() if meant == command)
            problem, made, reported = adaptations.report(
                problem, solution, made, who, outcome=outcome, revision=None, measures=[], note="", now=now
            )
            assert (reported.version, reported.outcome) == (problem.version, made.state)
            return problem, made
    assert (event.version, event.adaptation_state) == (problem.version, made.state)
    return problem, made


def test_the_table_names_every_state_and_command_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(AdaptationState))
    assert {command for row in TRANSITIONS.values() for command in row} == set(get_args(Command))
    assert set(COMMAND_OF) == set(get_args(AdaptationOutcome))
    reached, todo = set(), ["planned"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]  # type: ignore[index]
    assert reached == set(TRANSITIONS)


@given(st.lists(st.tuples(st.sampled_from(get_args(Command)), st.sampled_from(["eve", "ann"])), max_size=12))
def test_any_sequence_keeps_to_the_table(steps: list[tuple[Command, str]]) -> None:
    problem, solution, made = adapted()
    for number, (command, by) in enumerate(steps, 1):
        before, version = made, problem.version
        allowed = by == "eve" and command in TRANSITIONS[made.state]
        try:
            problem, made = told(problem, solution, made, command, by, NOW + number * DAY)
        except Rejected as error:
            assert not allowed
            assert isinstance(error, Conflict if by == "eve" else Forbidden)
            continue
        assert allowed
        assert made.state == TRANSITIONS[before.state][command]
        assert problem.version == version + 1
        assert (made.ask_at is not None) == (made.state == "in-use")


def test_the_adopter_is_asked_thirty_days_after_the_start_and_not_after_the_outcome() -> None:
    problem, solution, made = adapted()
    assert made.ask_at is None
    problem, made = told(problem, solution, made, "start", "eve", NOW + DAY)
    assert made.ask_at == NOW + 31 * DAY
    assert adapted(in_use=True)[2].ask_at == NOW + 30 * DAY
    _, reported = told(problem, solution, made, "work", "eve", NOW + 2 * DAY)
    assert reported.ask_at is None
    problem, asked, event = adaptations.ask(problem, solution, made, NOW + 40 * DAY)
    assert (asked.ask_at, event.asked, event.changed_by, event.change) == (None, True, None, "asked")


def test_an_outcome_is_told_of_a_revision_from_the_adapted_one_to_the_present_one() -> None:
    problem, solution, made = adapted(in_use=True)
    problem, solution, _, _ = solutions.revise(problem, solution, "ann", "x", "", major=True, now=NOW)

    def report(of: Adaptation, revision: int | None) -> Adaptation:
        return adaptations.report(
            problem, solution, of, member("eve"), outcome="worked", revision=revision, measures=[],
            note="", now=NOW,
        )[1]  # fmt: skip

    assert report(made, None).revision == 1
    later = report(made, 2)
    assert later.revision == 2
    assert report(report(made, None), 2).revision == 2  # told anew of the later text
    for refused in (report,):
        for of, revision in ((made, 3), (later, 1)):
            with pytest.raises(BadInput, match="no-such-revision"):
                refused(of, revision)


def test_an_adaptation_of_an_adaptation_says_whose_it_adapts() -> None:
    _, _, first = adapted()
    assert (first.source_id, first.source_org_id, first.parent_id) == ("ann", "org-of-ann", None)
    _, _, second = adapted(parent=first, by="fay")
    assert (second.source_id, second.source_org_id, second.parent_id) == ("eve", "org-of-eve", "a1")
    with pytest.raises(Conflict, match="superseded"):
        adapted(state="superseded")


def test_what_those_who_adapted_it_are_told_of() -> None:
    problem, solution = answered()
    assert practice.changes([]) is None
    for major, change in ((False, "revised"), (True, "revised-in-substance")):
        *_, event = solutions.revise(problem, solution, "ann", "x", "", major=major, now=NOW)
        assert practice.changes([event]) == change
    for change in get_args(ParentChange):
        _, _, event = adaptations.tell_of_change(*adapted(), change)
        assert (event.parent_change, event.change, event.asked) == (change, "parent-changed", False)
    assert timedelta(days=30) == RULES.ask_adopters_after
