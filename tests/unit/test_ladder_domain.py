"""The ladder from proposed to best practice: every threshold, every state, and all of it in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.discussions.domain import contest as contests
from services.discussions.domain import ladder, practice
from services.discussions.domain import problem as problems
from services.discussions.domain import solution as solutions
from services.discussions.domain.access import Community, Participant
from services.discussions.domain.contest import Contest
from services.discussions.domain.ladder import RECOGNISED, TRANSITIONS, Evidence, Step, counted, next_step
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import RULES, Rules
from services.discussions.domain.solution import Endorsement, Solution
from shared.contracts import Event
from shared.contracts.discussions import SolutionState
from shared.contracts.members import CommunityRules
from shared.errors import BadInput, Conflict, Forbidden, GuildhallError, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
STATES = get_args(SolutionState)


def member(name: str = "ann", **fields: Any) -> Participant:
    values: dict[str, Any] = {
        "member_id": name,
        "community_id": "c",
        "role": "member",
        "org_id": f"org-of-{name}",
        "joined_at": NOW - 100 * DAY,
        "contributed": True,
    }
    return Participant.model_validate(values | fields)


def steward(name: str) -> Participant:
    return member(name, role="steward")


def answered(**changes: Any) -> tuple[Problem, Solution]:
    problem, _ = problems.post("t", member("asker"), title="T", body="B", tags=["permits"], now=NOW)
    problem, solution, _, _ = solutions.propose(problem, member("ann"), "s", "Do this.", NOW)
    return problem, solution.model_copy(update=changes)


def climbed(state: SolutionState, **changes: Any) -> tuple[Problem, Solution]:
    """A solution that came to ``state`` by its counts, and by two approvals where it takes them."""
    problem, solution = answered(endorsements=5, counted=5, tried=5, worked=3)
    if state == "proposed":
        return answered()
    if state == "recommended":
        solution = solution.model_copy(update={"worked": 0})
    problem, solution, _ = settled(problem, solution)
    if state not in ("recommended", "candidate"):
        for name in ("sue", "sam"):
            problem, solution, _ = practice.approve(problem, solution, steward(name), rules=RULES, now=NOW)
        days = {"review-due": 170, "lapsed": 300}.get(state, 0)
        problem, solution, _ = practice.let_time_pass(problem, solution, RULES, NOW + days * DAY)
    if state == "re-verified":
        problem, solution, _ = reviewed(problem, solution)
    if state == "contested":
        problem, solution, _ = settled(problem, solution.model_copy(update={"contesting": 2, "dangerous": 2}))
    if state == "superseded":
        _, other = answered()
        other = other.model_copy(update={"solution_id": "other"})
        problem, solution, _ = practice.supersede(problem, solution, steward("sue"), other, "Better.")
    assert solution.state == state
    return problem, solution.model_copy(update=changes)


def settled(
    problem: Problem, solution: Solution, now: datetime = NOW, active: int = 0, rules: Rules = RULES
) -> tuple[Problem, Solution, Sequence[Event]]:
    return practice.settle(problem, solution, rules=rules, active_members=active, now=now)


def reviewed(
    problem: Problem, solution: Solution, by: Participant | None = None, now: datetime = NOW
) -> tuple[Problem, Solution, Sequence[Event]]:
    return practice.reverify(
        problem, solution, by or steward("sue"), None, "Still holds.", rules=RULES, now=now
    )


def code(act: Any, *arguments: Any, **named: Any) -> str | None:
    try:
        act(*arguments, **named)
    except GuildhallError as error:
        return error.code
    return None


# -- the table -----------------------------------------------------------------------------------------


def test_the_table_names_every_state_and_step_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(STATES)
    assert {step for row in TRANSITIONS.values() for step in row} == set(get_args(Step))
    reached, todo = set(), ["proposed"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]  # type: ignore[index]
    assert reached == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_reached_by_what_people_do(state: SolutionState) -> None:
    assert climbed(state)[1].state == state


# -- the share of one organisation ---------------------------------------------------------------------


def most_that_count(organisations: Sequence[int], unaffiliated: int, share: Fraction) -> int:
    """By trying every choice of how many of each organisation count."""
    sums = (
        sum(choice) + unaffiliated
        for choice in product(*(range(each + 1) for each in organisations))
        if all(each <= share * (sum(choice) + unaffiliated) for each in choice)
    )
    return max(sums)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=4),
    st.integers(0, 4),
    st.sampled_from([Fraction(1, 10), Fraction(29, 100), Fraction(2, 5), Fraction(1, 2), Fraction(1)]),
)
def test_as_many_count_as_can_with_no_organisation_over_its_share(
    organisations: list[int], unaffiliated: int, share: Fraction
) -> None:
    assert counted(organisations, unaffiliated, share) == most_that_count(organisations, unaffiliated, share)


@pytest.mark.parametrize(
    ("organisations", "unaffiliated", "counts"),
    [
        ([], 0, 0),
        ([], 3, 3),
        ([1], 0, 0),  # the only one would be all of those counted
        ([1, 1], 0, 0),  # half of those counted each
        ([1, 1, 1], 0, 3),
        ([2, 2, 1], 0, 5),
        ([3, 1, 1], 0, 3),
        ([100, 3, 3], 0, 10),
        ([9], 6, 10),
        ([2, 2], 1, 5),
    ],
)
def test_what_counts_of_organisations_at_forty_percent(
    organisations: list[int], unaffiliated: int, counts: int
) -> None:
    assert counted(organisations, unaffiliated, RULES.organisation_share) == counts


def test_a_share_is_taken_as_it_is_written() -> None:
    rules = Rules.of(CommunityRules(organisation_share=0.29))
    assert counted([29, 29, 29, 29], 0, rules.organisation_share) == 116  # a quarter each
    assert counted([50], 71, rules.organisation_share) == 100  # and 29 of 100 are 29 %


@pytest.mark.parametrize(("kind", "counts"), [("external", 3), ("internal", 5)])
def test_the_share_is_limited_in_external_communities_alone(kind: Any, counts: int) -> None:
    _, solution = answered(endorsements=5, by_organisation={"a": 3, "b": 1, "c": 1})
    assert practice.count(solution, Community(community_id="c", kind=kind)).counted == counts


# -- thresholds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "takes"), [(0, 3), (60, 3), (61, 4), (80, 4), (81, 5), (200, 10), (201, 10), (10**6, 10)]
)
def test_the_endorsements_of_a_candidate_grow_with_the_community(active: int, takes: int) -> None:
    assert ladder.candidate_endorsements(active, RULES) == takes
    beyond = ladder.members_that_matter(RULES)
    assert ladder.candidate_endorsements(min(active, beyond), RULES) == takes


@pytest.mark.parametrize(
    ("state", "evidence", "step"),
    [
        # endorsements, tried, contesting, dangerous, worked, active members
        ("proposed", (0, 0, 0, 0, 0, 0), None),
        ("proposed", (1, 1, 0, 0, 0, 0), None),
        ("proposed", (2, 0, 0, 0, 0, 0), None),
        ("proposed", (2, 1, 0, 0, 0, 0), "recommend"),
        ("proposed", (2, 1, 1, 0, 0, 0), None),  # 4 of 7 are less than 0.65
        ("proposed", (3, 1, 1, 0, 0, 0), None),  # 5 of 8
        ("proposed", (4, 1, 1, 0, 0, 0), "recommend"),  # 6 of 9
        ("proposed", (1, 1, 1, 0, 0, 0), "contest"),  # 3 of 6
        ("proposed", (2, 1, 1, 1, 0, 0), None),  # one voice is not two
        ("proposed", (20, 9, 2, 2, 0, 0), "contest"),
        ("proposed", (20, 9, 2, 1, 9, 0), "recommend"),
        ("recommended", (3, 2, 0, 0, 3, 60), "nominate"),
        ("recommended", (3, 2, 0, 0, 3, 61), None),
        ("recommended", (4, 2, 0, 0, 3, 61), "nominate"),
        ("recommended", (3, 1, 0, 0, 3, 0), None),
        ("recommended", (3, 2, 0, 0, 2, 0), None),
        ("recommended", (4, 2, 1, 0, 3, 0), None),  # 6 of 9 are less than 0.7
        ("recommended", (5, 2, 1, 0, 3, 0), "nominate"),  # 7 of 10 are just that
        ("recommended", (9, 9, 1, 1, 9, 0), None),  # somebody says it is dangerous
        ("recommended", (1, 1, 0, 0, 0, 0), "demote"),
        ("candidate", (9, 9, 1, 1, 9, 0), "demote"),
        ("candidate", (3, 2, 0, 0, 3, 0), None),
        ("best-practice", (0, 0, 0, 0, 0, 0), None),
        ("review-due", (0, 0, 1, 0, 0, 0), "contest"),
        ("re-verified", (9, 9, 2, 2, 0, 0), "contest"),
        ("lapsed", (0, 0, 9, 9, 0, 0), None),
        ("superseded", (0, 0, 9, 9, 0, 0), None),
        ("contested", (9, 9, 2, 2, 0, 0), None),
        ("contested", (9, 9, 2, 1, 0, 0), "settle"),
        ("contested", (0, 0, 0, 0, 0, 0), "settle"),
    ],
)
def test_what_the_counts_call_for(state: SolutionState, evidence: tuple[int, ...], step: Step | None) -> None:
    assert next_step(state, Evidence(*evidence), RULES, recognised=False) == step


def test_a_community_that_sets_its_own_numbers_is_held_to_them() -> None:
    own = Rules.of(
        CommunityRules(
            recommended_endorsements=1, recommended_tried=0, recommended_score=0.5, contested_score=0.2,
            contested_dangerous=1, candidate_at_least=2, candidate_tried=0, candidate_score=0.5,
            candidate_adaptations=0,
        )
    )  # fmt: skip
    assert next_step("proposed", Evidence(1, 0, 0, 0, 0), own, recognised=False) == "recommend"
    assert next_step("recommended", Evidence(2, 0, 0, 0, 0), own, recognised=False) == "nominate"
    assert next_step("recommended", Evidence(2, 0, 1, 1, 0), own, recognised=False) == "contest"
    assert next_step("recommended", Evidence(2, 0, 1, 0, 0), own, recognised=False) == "nominate"


def test_it_climbs_rung_by_rung_and_says_so_and_falls_the_same_way() -> None:
    problem, solution = answered(endorsements=3, counted=3, tried=2, worked=3)
    problem, solution, events = settled(problem, solution)
    assert [event.event_name for event in events] == ["solution-recommended", "best-practice-proposed"]
    assert [event.version for event in events] == [3, 4]
    assert (problem.version, solution.state) == (4, "candidate")
    assert solution.candidacy is not None
    assert solution.candidacy.closes_at == NOW + 7 * DAY
    problem, solution, events = settled(problem, solution.model_copy(update={"counted": 1}))
    assert (solution.state, solution.candidacy, events, problem.version) == ("proposed", None, [], 4)


def test_an_open_dangerous_contest_ends_a_candidacy_with_all_that_was_said_in_it() -> None:
    problem, solution = climbed("candidate")
    problem, solution, _ = practice.approve(problem, solution, steward("sue"), rules=RULES, now=NOW)
    problem, solution, _ = settled(problem, solution.model_copy(update={"contesting": 1, "dangerous": 1}))
    assert (solution.state, solution.candidacy) == ("recommended", None)
    _, solution, _ = settled(problem, solution.model_copy(update={"contesting": 0, "dangerous": 0}))
    assert solution.candidacy is not None
    assert solution.candidacy.approvals == []


# -- becoming one --------------------------------------------------------------------------------------


def decide(name: str, problem: Problem, solution: Solution, who: Participant, now: datetime) -> Any:
    act = getattr(practice, name)
    words = {"reason": "Why"} if name in ("object_to", "pause") else {}
    return act(problem, solution, who, rules=RULES, now=now, **words)


def after(
    *steps: tuple[str, str, float], state: SolutionState = "candidate"
) -> tuple[Problem, Solution, list[str]]:
    """A candidate after stewards' decisions, each so many days after the nomination; with its events."""
    problem, solution = climbed(state)
    names = []
    for name, who, days in steps:
        now = NOW + days * DAY
        problem, solution, passed = practice.let_time_pass(problem, solution, RULES, now)
        names += [event.event_name for event, _ in passed]
        problem, solution, events = decide(name, problem, solution, steward(who), now)
        names += [event.event_name for event in events]
        assert [event.version for event in events][-1] == problem.version
    return problem, solution, names


@pytest.mark.parametrize(
    ("steps", "recognised_after"),
    [
        ([], 7),
        ([("approve", "sue", 1)], 7),
        ([("approve", "sue", 1), ("approve", "sam", 2)], 2),
        ([("object_to", "sue", 1)], None),
        ([("object_to", "sue", 1), ("withdraw_objection", "sue", 4)], 10),
        ([("object_to", "sue", 1), ("approve", "sue", 4)], 10),  # whoever approves objects no more
        ([("object_to", "sue", 1), ("approve", "sam", 2), ("approve", "sia", 3)], 3),
        ([("object_to", "sue", 1), ("object_to", "sam", 2), ("withdraw_objection", "sue", 3)], None),
        ([("approve", "sue", 1), ("object_to", "sue", 2), ("approve", "sam", 3)], None),
        ([("pause", "sue", 2), ("resume", "sam", 5)], 10),
        ([("pause", "sue", 2), ("approve", "sam", 3), ("approve", "sia", 4)], None),
        ([("pause", "sue", 2), ("approve", "sam", 3), ("approve", "sia", 4), ("resume", "sue", 6)], 6),
        ([("pause", "sue", 2), ("object_to", "sam", 3), ("resume", "sue", 5)], None),
        ([("pause", "sue", 2), ("resume", "sue", 1)], 7),  # a clock that went backwards adds nothing
    ],
)
def test_when_a_candidate_is_recognised(
    steps: list[tuple[str, str, float]], recognised_after: float | None
) -> None:
    problem, solution, _ = after(*steps)
    problem, solution, passed = practice.let_time_pass(problem, solution, RULES, NOW + 20 * DAY)
    recognition = solution.recognition
    if recognised_after is None:
        assert (solution.state, recognition, passed) == ("candidate", None, [])
        return
    assert recognition is not None
    assert recognition.recognised_at == NOW + recognised_after * DAY
    assert recognition.review_at == NOW + (recognised_after + 180) * DAY
    assert solution.candidacy is None


def test_who_decides_on_a_candidate() -> None:
    for name in ("approve", "object_to", "pause", "resume", "withdraw_objection"):
        candidate = climbed("candidate")
        assert code(decide, name, *candidate, member("bob", role="facilitator"), NOW) == "steward-only"
        assert code(decide, name, *candidate, steward("ann"), NOW) == "own-solution"
        assert code(decide, name, *climbed("recommended"), steward("sue"), NOW) == "not-a-candidate"
    twice = {
        "approve": "already-approved",
        "object_to": "already-objected",
        "pause": "already-paused",
    }
    for name, refused in twice.items():
        problem, solution, _ = after((name, "sue", 1))
        assert code(decide, name, problem, solution, steward("sue"), NOW) == refused
    assert code(decide, "resume", *climbed("candidate"), steward("sue"), NOW) == "not-paused"
    assert code(decide, "withdraw_objection", *climbed("candidate"), steward("sue"), NOW) == "no-objection"


def test_an_approval_of_whoever_becomes_an_author_does_not_count() -> None:
    problem, solution, _ = after(("approve", "sue", 1))
    problem, solution, _, _ = solutions.revise(problem, solution, "sue", "x", "", major=False, now=NOW)
    assert solution.candidacy is not None
    assert solution.candidacy.approvals == []


# -- staying one ---------------------------------------------------------------------------------------


def test_all_that_was_due_in_300_days_happens_in_order_and_at_its_time() -> None:
    problem, solution = climbed("candidate")
    before = problem.version
    problem, solution, passed = practice.let_time_pass(problem, solution, RULES, NOW + 300 * DAY)
    assert [(event.event_name, at - NOW) for event, at in passed] == [
        ("best-practice-recognised", 7 * DAY),
        ("practice-review-due", (7 + 180 - 14) * DAY),
        ("practice-review-due", (7 + 180 + 30) * DAY),
        ("practice-lapsed", (7 + 180 + 90) * DAY),
    ]
    assert [event.version for event, _ in passed] == list(range(before + 1, before + 5))
    assert [getattr(event, "overdue", None) for event, _ in passed] == [None, False, True, None]
    assert solution.state == "lapsed"
    assert practice.due_at(solution, RULES) is None
    assert practice.let_time_pass(problem, solution, RULES, NOW + 999 * DAY)[2] == []


@pytest.mark.parametrize("days", [0, 6.99, 7, 172.9, 173, 217, 277, 1000])
def test_time_that_passes_in_steps_or_at_once_does_the_same(days: float) -> None:
    at_once = practice.let_time_pass(*climbed("candidate"), RULES, NOW + days * DAY)
    problem, solution = climbed("candidate")
    for part in range(1, 11):
        problem, solution, _ = practice.let_time_pass(problem, solution, RULES, NOW + days * DAY * part / 10)
    assert (problem, solution) == at_once[:2]


@pytest.mark.parametrize("state", ["best-practice", "review-due", "re-verified", "lapsed"])
def test_a_review_gives_it_another_half_year(state: SolutionState) -> None:
    now = NOW + 310 * DAY
    _, solution, events = reviewed(*climbed(state), now=now)
    assert (solution.state, [event.event_name for event in events]) == (
        "re-verified", ["practice-reverified"],
    )  # fmt: skip
    assert solution.recognition is not None
    assert (solution.recognition.review_at, solution.recognition.overdue) == (now + 180 * DAY, False)
    assert practice.due_at(solution, RULES) == now + 166 * DAY


def test_who_reviews() -> None:
    due = climbed("review-due")
    vouches = Endorsement(solution_id="s", endorser_id="bob", org_id=None, revision=1, basis="tried", at=NOW)

    def refused(
        who: Participant, given: Endorsement | None, of: tuple[Problem, Solution] = due
    ) -> str | None:
        return code(practice.reverify, *of, who, given, "n", rules=RULES, now=NOW)

    assert refused(member("bob"), vouches) is None
    assert refused(member("bob", role="facilitator"), None) is None
    assert refused(member("bob"), None) == "not-a-reviewer"
    assert refused(member("bob"), vouches.model_copy(update={"state": "stale"})) == "not-a-reviewer"
    assert refused(member("bob"), vouches.model_copy(update={"basis": "reviewed"})) == "not-a-reviewer"
    assert refused(steward("ann"), None) == "own-solution"
    for state in ("proposed", "recommended", "candidate", "contested", "superseded"):
        assert refused(steward("sue"), None, climbed(state)) == "not-a-practice"
    doubted = climbed("lapsed", contesting=1, dangerous=1)
    assert refused(steward("sue"), None, doubted) == "contested"


def test_a_failure_pulls_the_review_forward_but_never_back() -> None:
    _, solution = climbed("best-practice")
    pulled = practice.pull_review(solution, RULES, NOW + 10 * DAY)
    assert pulled.recognition is not None
    assert pulled.recognition.review_at == NOW + 24 * DAY
    assert practice.due_at(pulled, RULES) == NOW + 10 * DAY  # announced at once
    assert practice.pull_review(pulled, RULES, NOW + 11 * DAY) == pulled
    assert practice.pull_review(answered()[1], RULES, NOW) == answered()[1]


@pytest.mark.parametrize("state", ["best-practice", "review-due", "re-verified", "lapsed"])
def test_a_practice_that_is_revised_in_substance_climbs_again(state: SolutionState) -> None:
    problem, solution = climbed(state)
    minor = solutions.revise(problem, solution, "ann", "typo", "", major=False, now=NOW)[1]
    assert (minor.state, minor.recognition) == (state, solution.recognition)
    major = solutions.revise(problem, solution, "ann", "other", "", major=True, now=NOW)[1]
    assert (major.state, major.recognition, major.worked, major.text_since) == ("proposed", None, 0, 2)


def test_withdrawn_endorsements_do_not_end_a_recognition() -> None:
    problem, solution = climbed("best-practice")
    assert (
        settled(problem, solution.model_copy(update={"counted": 0, "tried": 0}))[1].state == "best-practice"
    )


def test_a_practice_that_was_contested_for_nothing_is_one_again_and_has_time_for_its_review() -> None:
    problem, solution = climbed("review-due")
    problem, solution, _ = settled(problem, solution.model_copy(update={"contesting": 2, "dangerous": 2}))
    late = NOW + 400 * DAY
    assert practice.let_time_pass(problem, solution, RULES, late)[2] == []  # its clock stands meanwhile
    solution = solution.model_copy(update={"contesting": 0, "dangerous": 0})
    problem, solution, _ = settled(problem, solution, now=late)
    assert solution.state == "best-practice"
    assert solution.recognition is not None
    assert solution.recognition.review_at == late + 14 * DAY


def test_a_contested_practice_that_is_revised_in_substance_is_none_any_more() -> None:
    problem, solution = climbed("contested")
    problem, solution, _, _ = solutions.revise(problem, solution, "ann", "other", "", major=True, now=NOW)
    assert (solution.state, solution.recognition) == ("contested", None)
    assert (
        settled(problem, solution.model_copy(update={"contesting": 0, "dangerous": 0}))[1].state == "proposed"
    )


def test_superseding() -> None:
    problem, solution = climbed("best-practice")
    other = solution.model_copy(update={"solution_id": "other", "state": "proposed"})
    gone = other.model_copy(update={"state": "superseded"})
    who = steward("sue")
    assert code(practice.supersede, problem, solution, member("bob"), other, "r") == "steward-only"
    with pytest.raises(BadInput, match="supersedes-itself"):
        practice.supersede(problem, solution, who, solution, "r")
    with pytest.raises(Conflict, match="successor-superseded"):
        practice.supersede(problem, solution, who, gone, "r")
    with pytest.raises(Conflict, match="superseded"):
        practice.supersede(problem, gone.model_copy(update={"solution_id": "s"}), who, other, "r")
    problem, solution, (event,) = practice.supersede(problem, solution, who, other, "Better.")
    assert (solution.state, solution.superseded_by) == ("superseded", "other")
    assert event.version == problem.version
    assert practice.due_at(solution, RULES) is None
    with pytest.raises(Conflict, match="superseded"):
        solutions.endorse(problem, solution, member("bob"), None, "tried", rules=RULES, now=NOW)


# -- contests ------------------------------------------------------------------------------------------


def contest(
    problem: Problem, solution: Solution, by: str = "bob", kind: Any = "wrong", **there: Any
) -> tuple[Problem, Solution, Contest]:
    problem, solution, made, event = contests.contest(
        problem, solution, member(by), f"contest-of-{by}", kind=kind, reason="No.", now=NOW,
        **({"open_one": None, "endorsement": None} | there),
    )  # fmt: skip
    assert (event.version, event.contesting) == (problem.version, solution.contesting)
    return problem, solution, made


def test_the_contests_table_names_every_state_and_ends() -> None:
    assert set(contests.TRANSITIONS) == set(get_args(contests.ContestState))
    assert set(contests.TRANSITIONS["open"].values()) == set(contests.TRANSITIONS) - {"open"}


def test_who_contests() -> None:
    problem, solution, open_one = contest(*answered())
    vouched = Endorsement(solution_id="s", endorser_id="bob", org_id=None, revision=1, basis="tried", at=NOW)
    assert code(contest, problem, solution, "bob", open_one=open_one) == "already-contested"
    assert code(contest, problem, solution, "bob", endorsement=vouched) == "already-endorsed"
    assert code(contest, problem, solution, "ann") == "own-solution"
    assert code(contest, *climbed("superseded")) == "superseded"
    assert code(contests.not_contesting, open_one) == "you-contest-it"
    stale = vouched.model_copy(update={"state": "stale"})
    assert contest(problem, solution, "cid", endorsement=stale)[1].contesting == 2


@pytest.mark.parametrize(
    ("kind", "revised", "who", "refused"),
    [
        ("wrong", None, member("ann"), "not-revised"),
        ("wrong", "minor", member("ann"), None),
        ("dangerous", "minor", member("ann"), "not-revised"),
        ("dangerous", "major", member("ann"), None),
        ("dangerous", None, steward("ann"), "not-revised"),  # an author first
        ("dangerous", None, steward("sue"), None),
        ("wrong", None, member("cid", role="facilitator"), "not-yours"),
        ("wrong", None, member("bob"), "not-yours"),
        ("wrong", None, steward("bob"), "own-contest"),
    ],
)
def test_who_resolves_a_contest(
    kind: Any, revised: str | None, who: Participant, refused: str | None
) -> None:
    problem, solution, made = contest(*answered(), kind=kind)
    if revised:
        problem, solution, _, _ = solutions.revise(
            problem, solution, "ann", "x", "", major=revised == "major", now=NOW
        )
    assert code(contests.resolve, problem, solution, made, who, "Done.", NOW) == refused
    if refused is None:
        problem, solution, closed, event = contests.resolve(problem, solution, made, who, "Done.", NOW)
        assert (solution.contesting, solution.dangerous, event.contesting) == (0, 0, 0)
        assert closed.state == event.how == ("answered" if who.member_id == "sue" else "revised")
        with pytest.raises(Conflict, match="contest-closed"):
            contests.resolve(problem, solution, closed, who, "Again.", NOW)


def test_only_the_contester_withdraws() -> None:
    problem, solution, made = contest(*answered())
    with pytest.raises(Forbidden):
        contests.withdraw(problem, solution, made, member("cid"), NOW)
    _, solution, closed, _ = contests.withdraw(problem, solution, made, member("bob"), NOW)
    assert (solution.contesting, closed.state) == (0, "withdrawn")


# -- endorsing -----------------------------------------------------------------------------------------


def test_five_threads_read_stand_for_a_contribution() -> None:
    for read, refused in ((4, "no-contribution"), (5, None)):
        reader = member("bob", contributed=False, threads_read=read)
        problem, solution = answered()
        act = solutions.endorse
        assert code(act, problem, solution, reader, None, "tried", rules=RULES, now=NOW) == refused


def test_a_stale_endorsement_is_affirmed_once_and_on_its_basis() -> None:
    problem, solution = answered()
    bob = member("bob", endorsed_at=[NOW] * 30)  # whoever is asked needs no endorsement of the day left
    given_ = Endorsement(solution_id="s", endorser_id="bob", org_id="o", revision=1, basis="tried", at=NOW)
    stale = given_.model_copy(update={"state": "stale"})
    for present in (None, given_, given_.model_copy(update={"state": "withdrawn"})):
        with pytest.raises(Conflict, match="not-stale"):
            solutions.reaffirm(problem, solution, bob, present, NOW)
    with pytest.raises(Forbidden, match="own-solution"):
        solutions.reaffirm(problem, solution, member("ann"), stale, NOW)
    problem, solution, affirmed, event = solutions.reaffirm(problem, solution, bob, stale, NOW)
    assert (affirmed.basis, affirmed.state, event.endorsements, solution.tried) == ("tried", "active", 1, 1)


# -- all of it in any order ----------------------------------------------------------------------------

PEOPLE = [f"m{number}" for number in range(9)]
ORGANISATIONS = ["big", "big", "big", "big", "small", "other", None, None, None]
DOUBTERS = ["m0", "m4", "m8"]


class Ladder(RuleBasedStateMachine):
    """A solution and all that people and time may do to it, in an external community."""

    @initialize(endorsers=st.permutations(range(9)), how_many=st.integers(0, 9))
    def begin(self, endorsers: Sequence[int], how_many: int) -> None:
        self.now = NOW
        self.community = Community(community_id="c", kind="external")
        self.problem, self.solution = answered(worked=3)
        self.given: dict[str, Endorsement] = {}
        self.contests: dict[str, Contest] = {}
        self.seen: list[tuple[SolutionState, SolutionState]] = []
        self.nominated = self.recognised_once = False
        self.versions = [self.problem.version]
        for who in endorsers[:how_many]:
            self.endorse(who, "tried")

    def concluded(self, problem: Problem, solution: Solution, events: Sequence[Event]) -> None:
        problem, solution, following = practice.settle(
            problem, practice.count(solution, self.community), rules=RULES, active_members=20, now=self.now
        )
        self.took([*events, *following])
        self.problem, self.solution = problem, solution

    def took(self, events: Sequence[Event]) -> None:
        for event in events:
            self.versions.append(event.version)
            self.nominated |= event.event_name == "best-practice-proposed"
            assert event.event_name != "best-practice-recognised" or self.nominated
            self.recognised_once |= event.event_name == "best-practice-recognised"

    def attempt(self, act: Any, *arguments: Any, **named: Any) -> Any:
        """What ``act`` makes of the solution; nothing where it is refused, which then changed nothing."""
        self.pass_time(0)
        try:
            return act(self.problem, self.solution, *arguments, **named)
        except Rejected:
            return None

    @rule(days=st.sampled_from([1, 3, 8, 100]))
    def pass_time(self, days: int) -> None:
        self.now += days * DAY
        self.problem, self.solution, happened = practice.let_time_pass(
            self.problem, self.solution, RULES, self.now
        )
        assert [at for _, at in happened] == sorted(at for _, at in happened)
        self.took([event for event, _ in happened])

    @rule(who=st.sampled_from(range(9)), basis=st.sampled_from(["tried", "reviewed"]))
    def endorse(self, who: int, basis: Any) -> None:
        name = PEOPLE[who]
        if name in self.contests:
            return
        endorser = member(name, org_id=ORGANISATIONS[who])
        present = self.given.get(name)
        done = self.attempt(solutions.endorse, endorser, present, basis, rules=RULES, now=self.now)
        if done:
            problem, solution, self.given[name], event = done
            self.concluded(problem, solution, [event])

    @rule(who=st.sampled_from(PEOPLE))
    def withdraw(self, who: str) -> None:
        if done := self.attempt(solutions.withdraw, self.given.get(who)):
            problem, solution, self.given[who], event = done
            self.concluded(problem, solution, [event])

    @rule(major=st.sampled_from([False, False, False, True]))
    def revise(self, major: bool) -> None:
        done = self.attempt(solutions.revise, "ann", "x", "", major=major, now=self.now)
        problem, solution, _, event = done
        if major:
            self.given = {
                who: each.model_copy(update={"state": "stale"}) if each.state == "active" else each
                for who, each in self.given.items()
            }
        self.concluded(problem, solution, [event])

    @rule(who=st.sampled_from(DOUBTERS), kind=st.sampled_from(["wrong", "dangerous"]))
    def contest(self, who: str, kind: Any) -> None:
        done = self.attempt(
            contests.contest, member(who), f"of-{who}", open_one=self.contests.get(who),
            endorsement=self.given.get(who), kind=kind, reason="No.", now=self.now,
        )  # fmt: skip
        if done:
            problem, solution, self.contests[who], event = done
            self.concluded(problem, solution, [event])

    @rule(who=st.sampled_from(DOUBTERS), by=st.sampled_from(["ann", "sue"]))
    def resolve(self, who: str, by: str) -> None:
        actor = steward(by) if by == "sue" else member(by)
        if who in self.contests and (
            done := self.attempt(contests.resolve, self.contests[who], actor, "w", self.now)
        ):
            problem, solution, _, event = done
            del self.contests[who]
            self.concluded(problem, solution, [event])

    @rule(worked=st.integers(0, 4))
    def adapt(self, worked: int) -> None:
        self.pass_time(0)
        self.concluded(self.problem, self.solution.model_copy(update={"worked": worked}), [])

    @rule(
        name=st.sampled_from(["approve", "object_to", "withdraw_objection", "pause", "resume"]),
        who=st.sampled_from(["sue", "sam", "ann"]),
    )
    def decide(self, name: str, who: str) -> None:
        words = {"reason": "r"} if name in ("object_to", "pause") else {}
        done = self.attempt(getattr(practice, name), steward(who), rules=RULES, now=self.now, **words)
        if done:
            self.concluded(*done)

    @rule()
    def review(self) -> None:
        if done := self.attempt(practice.reverify, steward("sue"), None, "n", rules=RULES, now=self.now):
            self.concluded(*done)

    @invariant()
    def versions_have_no_gap(self) -> None:
        assert self.versions == list(range(self.versions[0], self.versions[0] + len(self.versions)))
        assert self.problem.version == self.versions[-1]

    @invariant()
    def nothing_is_recognised_that_was_no_candidate(self) -> None:
        if self.solution.state in RECOGNISED | {"lapsed"}:
            assert self.recognised_once
            assert self.solution.recognition is not None

    @invariant()
    def no_candidate_is_said_to_be_dangerous(self) -> None:
        assert (self.solution.state == "candidate") == (self.solution.candidacy is not None)
        if self.solution.state == "candidate":
            assert self.solution.dangerous == 0

    @invariant()
    def counts_are_those_of_what_is_there_and_no_organisation_has_too_many(self) -> None:
        active = {who: each for who, each in self.given.items() if each.state == "active"}
        shares = Counter(each.org_id for each in active.values() if each.org_id)
        solution = self.solution
        assert solution.endorsements == len(active)
        assert solution.tried == sum(each.basis == "tried" for each in active.values())
        assert solution.by_organisation == shares
        assert solution.contesting == len(self.contests)
        assert solution.dangerous == sum(each.kind == "dangerous" for each in self.contests.values())
        unaffiliated = len(active) - shares.total()
        assert solution.counted == most_that_count([*shares.values()], unaffiliated, Fraction(2, 5))

    @invariant()
    def it_is_where_its_counts_put_it_and_nothing_is_overdue(self) -> None:
        facts = practice.evidence(self.solution, 20)
        recognised = self.solution.recognition is not None
        assert next_step(self.solution.state, facts, RULES, recognised=recognised) is None
        due = practice.due_at(self.solution, RULES)
        assert due is None or self.solution.state in {"candidate", *RECOGNISED}


TestLadder = Ladder.TestCase
TestLadder.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
