"""The rules of threads: states, revisions, who endorses what and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import problem as problems
from services.discussions.domain import solution as solutions
from services.discussions.domain import timeline
from services.discussions.domain.access import Participant
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import RULES
from services.discussions.domain.solution import Endorsement, Solution
from shared.contracts import EVENTS
from shared.contracts.discussions import ThreadEvent
from shared.errors import Conflict, Forbidden, GuildhallError

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


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


def problem(thread_id: str = "t", author: str = "asker", **changes: Any) -> Problem:
    thread, _ = problems.post(thread_id, member(author), title="T", body="B", tags=["permits"], now=NOW)
    return thread.model_copy(update=changes)


def answered(author: str = "ann") -> tuple[Problem, Solution]:
    thread, solution, _, _ = solutions.propose(problem(), member(author), "s", "Do this.", NOW)
    return thread, solution


def endorse(
    thread: Problem,
    solution: Solution,
    who: Participant,
    present: Endorsement | None = None,
    basis: Any = "tried",
    now: datetime = NOW,
) -> tuple[Problem, Solution, Endorsement]:
    thread, solution, given_, event = solutions.endorse(
        thread, solution, who, present, basis, rules=RULES, now=now
    )
    assert event.version == thread.version
    assert event.endorsements == solution.endorsements
    return thread, solution, given_


# -- states --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("open", "answered"),
        ("answered", "answered"),
        ("resolved", "resolved"),
        ("reopened", "reopened"),
        ("duplicate", "duplicate"),
    ],
)
def test_only_an_open_problem_becomes_answered(before: str, after: str) -> None:
    thread, *_ = solutions.propose(problem(state=before), member(), "s", "x", NOW)
    assert (thread.state, thread.solutions, thread.version) == (after, 1, 2)


@pytest.mark.parametrize("state", ["open", "answered", "reopened"])
def test_an_unresolved_problem_is_resolved_and_can_be_reopened(state: str) -> None:
    resolved, event = problems.resolve(problem(state=state), member("asker"))
    assert (resolved.state, event.version, event.resolved_by) == ("resolved", 2, "asker")
    reopened, again = problems.reopen(resolved, member("eve", role="facilitator"))
    assert (reopened.state, again.version) == ("reopened", 3)


@pytest.mark.parametrize("state", ["resolved", "duplicate"])
def test_a_closed_problem_is_not_resolved_again(state: str) -> None:
    with pytest.raises(Conflict):
        problems.resolve(problem(state=state), member("asker"))


@pytest.mark.parametrize("state", ["open", "answered", "reopened"])
def test_what_is_not_closed_is_not_reopened(state: str) -> None:
    with pytest.raises(Conflict):
        problems.reopen(problem(state=state), member("asker"))


def test_others_neither_resolve_nor_reopen() -> None:
    with pytest.raises(Forbidden):
        problems.resolve(problem(), member("eve"))
    with pytest.raises(Forbidden):
        problems.reopen(problem(state="resolved"), member("eve"))


# -- links ---------------------------------------------------------------------------------------------


def test_a_duplicate_closes_and_reopening_takes_only_that_link_away() -> None:
    related, _ = problems.link(problem(), "asker", "related", problem("other"))
    closed, event = problems.link(related, "asker", "duplicate", problem("other"))
    assert (closed.state, event.version, event.target_thread_id) == ("duplicate", 3, "other")
    reopened, _ = problems.reopen(closed, member("asker"))
    assert [(link.kind, link.target_id) for link in reopened.links] == [("related", "other")]
    again, _ = problems.link(reopened, "asker", "duplicate", problem("other"))
    assert again.state == "duplicate"


@pytest.mark.parametrize(
    ("kind", "target", "code"),
    [
        ("related", problem("t"), "link-to-itself"),
        ("duplicate", problem("t"), "link-to-itself"),
        ("duplicate", problem("d", state="duplicate"), "target-is-a-duplicate"),
        ("related", problem("known"), "already-linked"),
    ],
)
def test_links_that_make_no_sense(kind: Any, target: Problem, code: str) -> None:
    thread, _ = problems.link(problem(), None, "related", problem("known"))
    with pytest.raises(GuildhallError) as refused:
        problems.link(thread, None, kind, target)
    assert refused.value.code == code


# -- who may endorse -----------------------------------------------------------------------------------


def refusal(who: Participant, solution: Solution | None = None, now: datetime = NOW) -> str | None:
    thread, proposed = answered()
    try:
        endorse(thread, solution or proposed, who, now=now)
    except GuildhallError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (member("bob"), None),
        (member("asker"), None),
        (member("ann"), "own-solution"),
        (member("ann", role="steward"), "own-solution"),
        (member("bob", joined_at=NOW - 7 * DAY + timedelta(milliseconds=1)), "too-new"),
        (member("bob", joined_at=NOW - 7 * DAY), None),
        (member("bob", joined_at=NOW + DAY), "too-new"),
        (member("bob", contributed=False), "no-contribution"),
        (member("bob", joined_at=NOW - 8 * DAY, endorsed_at=[NOW] * 4), None),
        (member("bob", joined_at=NOW - 8 * DAY, endorsed_at=[NOW] * 5), "daily-limit"),
        (member("bob", joined_at=NOW - 30 * DAY, endorsed_at=[NOW] * 5), None),
        (member("bob", joined_at=NOW - 31 * DAY, endorsed_at=[NOW] * 29), None),
        (member("bob", joined_at=NOW - 31 * DAY, endorsed_at=[NOW] * 30), "daily-limit"),
        (member("bob", joined_at=NOW - 8 * DAY, endorsed_at=[NOW - DAY] * 5), None),
        (member("bob", joined_at=NOW - 8 * DAY, endorsed_at=[NOW + DAY] * 5), None),
    ],
)
def test_who_may_endorse(who: Participant, code: str | None) -> None:
    assert refusal(who) == code


def test_the_author_of_any_revision_never_endorses_even_a_later_one() -> None:
    thread, solution = answered("ann")
    thread, solution, _, _ = solutions.revise(thread, solution, "sue", "x", "", major=False, now=NOW)
    thread, solution, _, _ = solutions.revise(thread, solution, "ann", "y", "", major=True, now=NOW)
    assert refusal(member("sue", role="steward"), solution) == "own-solution"


# -- what endorsements count ---------------------------------------------------------------------------


def test_a_major_revision_makes_endorsements_count_no_more_and_a_minor_one_keeps_them() -> None:
    thread, solution = answered()
    thread, solution, _ = endorse(thread, solution, member("bob"))
    thread, solution, _ = endorse(thread, solution, member("cid"), basis="reviewed")
    thread, solution, _, event = solutions.revise(thread, solution, "ann", "x", "", major=False, now=NOW)
    assert (solution.endorsements, solution.tried, event.endorsements) == (2, 1, 2)
    thread, solution, revision, event = solutions.revise(
        thread, solution, "ann", "y", "why", major=True, now=NOW
    )
    assert (solution.endorsements, solution.tried, event.endorsements, event.major) == (0, 0, 0, True)
    assert (revision.number, revision.note, solution.revision) == (3, "why", 3)


def test_withdrawing_takes_off_only_what_counted() -> None:
    thread, solution = answered()
    thread, solution, given_ = endorse(thread, solution, member("bob"))
    with pytest.raises(Conflict):
        endorse(thread, solution, member("bob"), given_)
    _, left, withdrawn, event = solutions.withdraw(thread, solution, given_)
    assert (left.endorsements, left.tried, event.endorsements) == (0, 0, 0)
    stale = given_.model_copy(update={"state": "stale"})
    _, left, _, _ = solutions.withdraw(thread, solution.model_copy(update={"endorsements": 0}), stale)
    assert left.endorsements == 0
    for none in (None, withdrawn):
        with pytest.raises(Conflict):
            solutions.withdraw(thread, solution, none)


# -- acceptance ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["member", "facilitator", "steward"])
def test_only_the_one_who_asked_accepts(role: str) -> None:
    thread, solution = answered()
    with pytest.raises(Forbidden):
        solutions.accept(thread, solution, member("eve", role=role))


def test_an_acceptance_does_not_outlive_the_major_revision_that_changed_what_was_accepted() -> None:
    thread, solution = answered()
    thread, solution, event = solutions.accept(thread, solution, member("asker"))
    assert (solution.accepted, thread.accepted_id, event.revision) == (True, "s", 1)
    with pytest.raises(Conflict):
        solutions.accept(thread, solution, member("asker"))
    thread, solution, _, _ = solutions.revise(thread, solution, "ann", "typo", "", major=False, now=NOW)
    assert (solution.accepted, thread.accepted_id) == (True, "s")
    thread, solution, _, _ = solutions.revise(thread, solution, "ann", "other", "", major=True, now=NOW)
    assert (solution.accepted, thread.accepted_id) == (False, None)
    thread, solution, event = solutions.accept(thread, solution, member("asker"))
    assert (solution.accepted, event.revision) == (True, 3)


def test_a_major_revision_of_one_solution_leaves_the_acceptance_of_another() -> None:
    thread, solution = answered()
    thread, _, _ = solutions.accept(thread, solution, member("asker"))
    thread, other, _, _ = solutions.propose(thread, member("bob"), "other", "x", NOW)
    thread, *_ = solutions.revise(thread, other, "bob", "y", "", major=True, now=NOW)
    assert thread.accepted_id == "s"


# -- all together --------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("endorse"), st.sampled_from(["bob", "cid", "dan"]), st.booleans()),
        st.tuples(st.just("withdraw"), st.sampled_from(["bob", "cid", "dan"]), st.just(False)),
        st.tuples(st.just("revise"), st.just("ann"), st.booleans()),
        st.tuples(st.just("accept"), st.just("asker"), st.just(False)),
    ),
    max_size=40,
)


@given(STEPS)
def test_counts_are_those_of_the_active_endorsements_and_versions_have_no_gap(
    steps: list[tuple[str, str, bool]],
) -> None:
    thread, solution = answered()
    given_: dict[str, Endorsement] = {}
    for what, who, flag in steps:
        before = thread.version
        try:
            if what == "endorse":
                basis = "tried" if flag else "reviewed"
                thread, solution, given_[who] = endorse(thread, solution, member(who), given_.get(who), basis)
            elif what == "withdraw":
                thread, solution, given_[who], _ = solutions.withdraw(thread, solution, given_.get(who))
            elif what == "accept":
                thread, solution, _ = solutions.accept(thread, solution, member(who))
            else:
                thread, solution, _, _ = solutions.revise(thread, solution, who, "x", "", major=flag, now=NOW)
                if flag:
                    given_ = {
                        name: each.model_copy(update={"state": "stale"}) if each.state == "active" else each
                        for name, each in given_.items()
                    }
        except Conflict:
            assert thread.version == before
        else:
            assert thread.version == before + 1
        active = [each for each in given_.values() if each.state == "active"]
        assert solution.endorsements == len(active)
        assert solution.tried == sum(each.basis == "tried" for each in active)
        assert solution.accepted == (thread.accepted_id == "s")


# -- the timeline --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [event for event in EVENTS.values() if issubclass(event, ThreadEvent)],
    ids=lambda event: event.event_name,
)
def test_every_event_of_a_thread_says_who_did_it_and_to_what(event: type[ThreadEvent]) -> None:
    assert hasattr(event, "actor"), "name the field of who did it in `actor`, or None if time did"
    made = timeline.entry(event.example(), NOW)
    assert made.event == event.event_name
    assert made.item_id == getattr(event.example(), event.item)
    assert made.actor_id == (None if event.actor is None else getattr(event.example(), event.actor))
