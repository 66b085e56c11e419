"""The rules of problems: their states, what they must say, and what changed in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import diff, figures
from services.discussions.domain import problem as problems
from services.discussions.domain import solution as solutions
from services.discussions.domain.access import Community, Participant
from services.discussions.domain.figures import Asked
from services.discussions.domain.problem import TRANSITIONS, Command, Problem, ProblemState
from shared.contracts.discussions import Context
from shared.errors import BadInput, Conflict, Forbidden, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CONTEXT = Context(size="1", constraints="-", culture="-", tried="-")


def person(name: str, role: Any = "member") -> Participant:
    return Participant(
        member_id=name, community_id="c", role=role, org_id="city", joined_at=NOW - timedelta(days=60)
    )


PEOPLE = {"asker": person("asker"), "bob": person("bob"), "fay": person("fay", "facilitator")}


def posted(thread_id: str = "t", **fields: Any) -> Problem:
    return problems.post(
        thread_id, PEOPLE["asker"], title="T", body="B", tags=["permits"], now=NOW, **fields
    )[0]


def act(problem: Problem, command: Command, actor: Participant, step: int) -> Problem:
    match command:
        case "answer":
            return solutions.propose(problem, actor, f"s{step}", "Do this.", NOW)[0]
        case "resolve":
            return problems.resolve(problem, actor)[0]
        case "reopen":
            return problems.reopen(problem, actor)[0]
        case "duplicate":
            return problems.link(problem, actor.member_id, "duplicate", posted(f"other-{step}"))[0]
        case "withdraw":
            return problems.withdraw(problem, actor)[0]


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(ProblemState))
    reached: set[ProblemState] = set()
    todo: list[ProblemState] = ["open"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]
    assert reached == set(TRANSITIONS)
    assert set(get_args(Command)) == {command for row in TRANSITIONS.values() for command in row}


@given(st.lists(st.tuples(st.sampled_from(get_args(Command)), st.sampled_from(sorted(PEOPLE))), max_size=12))
def test_any_sequence_keeps_to_the_table(steps: list[tuple[Command, str]]) -> None:
    problem = posted()
    for number, (command, name) in enumerate(steps):
        actor, before = PEOPLE[name], problem
        may = name != "bob" or command in ("answer", "duplicate")  # who links is asked by the command
        may &= command != "withdraw" or not before.solutions or actor.curates
        allowed = may and command in TRANSITIONS[before.state]
        try:
            problem = act(before, command, actor, number)
        except Rejected:
            assert not allowed
            continue
        assert allowed
        assert problem.state == TRANSITIONS[before.state][command]
        assert problem.version == before.version + 1
        duplicates = [link for link in problem.links if link.kind == "duplicate"]
        assert bool(duplicates) >= (problem.state == "duplicate")
        assert problem.state != "open" or problem.solutions == 0


def test_who_withdraws_when() -> None:
    with pytest.raises(Forbidden, match="not-yours"):
        problems.withdraw(posted(), PEOPLE["bob"])
    withdrawn, event = problems.withdraw(posted(), PEOPLE["asker"])
    assert (withdrawn.state, event.withdrawn_by, event.author_id) == ("withdrawn", "asker", "asker")
    answered = act(posted(), "answer", PEOPLE["bob"], 1)
    with pytest.raises(Conflict, match="answered-already"):
        problems.withdraw(answered, PEOPLE["asker"])
    assert problems.withdraw(answered, PEOPLE["fay"])[0].state == "withdrawn"
    with pytest.raises(Conflict, match="problem-withdrawn"):
        act(withdrawn, "answer", PEOPLE["bob"], 2)


@pytest.mark.parametrize(
    ("kind", "allow", "context", "anonymous", "refused"),
    [
        ("external", False, None, False, BadInput),
        ("external", False, CONTEXT, False, None),
        ("external", False, CONTEXT, True, Forbidden),
        ("external", True, CONTEXT, True, None),
        ("internal", False, None, False, None),
        ("internal", True, None, True, None),
        ("internal", False, None, True, Forbidden),
    ],
)
def test_what_a_community_wants_of_a_problem(
    kind: Any, allow: bool, context: Context | None, anonymous: bool, refused: type[Rejected] | None
) -> None:
    community = Community(community_id="c", kind=kind, allow_anonymous=allow)
    if refused is None:
        problems.require_fit(community, context, anonymous=anonymous)
    else:
        with pytest.raises(refused):
            problems.require_fit(community, context, anonymous=anonymous)


def test_a_diff_names_what_changed_alone() -> None:
    before = {"title": "T", "body": "one\ntwo\nthree", "tags": "a"}
    after = {"title": "T", "body": "one\n2\nthree", "tags": "a\nb", "size": "--- 4"}
    assert diff.changes(before, after) == {
        "body": ["@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"],
        "tags": ["@@ -1 +1,2 @@", " a", "+b"],
        "size": ["@@ -0,0 +1 @@", "+--- 4"],
    }
    assert diff.changes(before, before) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\n" * 20_000, "b\n" * 20_000),
        ("a\nb\n" * 10_000, "b\na\n" * 10_000),
        ("\n".join(map(str, range(7_000))), "\n".join(map(str, reversed(range(7_000))))),
    ],
)
def test_a_diff_of_the_longest_texts_takes_a_moment(before: str, after: str) -> None:
    began = process_time()
    changed = diff.changes({"body": before}, {"body": after})
    assert len(changed["body"]) <= diff.MOST_LINES
    assert process_time() - began < 5


def test_figures() -> None:
    hour = timedelta(hours=1)

    def asked(hours: float | None, state: Any = "answered") -> Asked:
        return Asked(NOW, None if hours is None else NOW + hours * hour, state)

    assert figures.of([]) == (0, 0, 0, None, None)
    assert figures.of([asked(None, "open")]) == (1, 0, 0, None, 0)
    assert figures.of(
        [
            asked(1),
            asked(3, "resolved"),
            asked(50),
            asked(None, "open"),
            asked(1, "withdrawn"),
            asked(1, "duplicate"),
        ]
    ) == (4, 3, 1, 3 * 3_600, 0.25)
    assert figures.of([asked(-5)]).median_seconds_to_answer == 0  # an import with a clock that went wrong
