"""Proposals of improvement: what merges, what does not, and who says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import proposal as proposals
from services.discussions.domain import solution as solutions
from services.discussions.domain.access import Participant
from services.discussions.domain.proposal import TRANSITIONS, Proposal, ProposalState, difference, merged_text
from services.discussions.domain.solution import INVITATIONS, Solution
from shared.errors import BadInput, Conflict, Forbidden, GuildhallError

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def member(name: str, role: Any = "member") -> Participant:
    return Participant(member_id=name, community_id="c", role=role, org_id=None, joined_at=NOW)


def solution(**changes: Any) -> Solution:
    values: dict[str, Any] = {
        "solution_id": "s", "thread_id": "t", "community_id": "c", "author_id": "ann",
        "authors": ["ann", "co"], "revision": 2,
        "body": "one\ntwo\nthree", "proposed_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Solution.model_validate(values | changes)


def proposal(body: str = "one\n2\nthree", by: str = "bob") -> Proposal:
    return proposals.propose(
        "p", solution(), member(by), base=2, base_body="one\ntwo\nthree", body=body, note="n", now=NOW
    )


# -- texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "present", "proposed", "merged"),
    [
        ("a\nb\nc", "a\nb\nc", "a\nB\nc", "a\nB\nc"),
        ("a\nb\nc", "A\nb\nc", "a\nb\nC", "A\nb\nC"),
        ("a\nb\nc", "a\nb\nc\nd", "A\nb\nc", "A\nb\nc\nd"),
        ("a\nb\nc", "a\nb\nc\nd", "a\nc", "a\nc\nd"),
        ("Ærø\n許可", "Ærø!\nx\n許可", "Ærø\nx\n許可 🏛", None),
        ("a\nb\nc", "a\nB\nc", "a\nbb\nc", None),
    ],
)
def test_changes_of_different_lines_merge_and_of_the_same_do_not(
    base: str, present: str, proposed: str, merged: str | None
) -> None:
    if merged is None:
        with pytest.raises(Conflict, match="merge-conflict"):
            merged_text(base, present, proposed)
    else:
        assert merged_text(base, present, proposed) == merged


def test_what_the_solution_says_already_is_not_merged() -> None:
    for present, proposed in (("a\nB", "a\nB"), ("a\nb\nc", "a\nb")):
        base = "a\nb"
        with pytest.raises(Conflict, match="nothing-to-merge"):
            merged_text(base, present, proposed)


TEXT = st.lists(st.sampled_from(["a", "b", "", "ü\u2028x"]), min_size=1, max_size=6).map("\n".join)


@given(TEXT, TEXT)
def test_a_proposal_for_the_present_text_merges_to_itself(base: str, proposed: str) -> None:
    base, proposed = base.strip(), proposed.strip()
    if base != proposed:
        assert merged_text(base, base, proposed) == proposed


@given(TEXT, TEXT)
def test_a_difference_is_empty_only_of_the_same_text_and_names_both(before: str, after: str) -> None:
    diff = difference(before, after, ("1", "2"))
    assert (diff == "") == (before == after)
    if diff:
        assert diff.startswith("--- 1\n+++ 2\n@@ ")


# -- who does what -------------------------------------------------------------------------------------


def test_the_table_names_every_state_and_all_but_open_end_it() -> None:
    assert set(TRANSITIONS) == set(get_args(ProposalState))
    assert {state for state, row in TRANSITIONS.items() if not row} == {"merged", "declined", "withdrawn"}
    assert set(TRANSITIONS["open"].values()) == set(TRANSITIONS)


def act(name: str, of: Proposal, who: Participant) -> Proposal:
    match name:
        case "rebase":
            return proposals.rebase(of, who, base=2, base_body="x", body="y", note="n")
        case "withdraw":
            return proposals.withdraw(of, who, NOW)
        case "decline":
            return proposals.decline(of, solution(), who, "No.", NOW)
        case _:
            return proposals.merge(of, solution(), who, NOW)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("rebase", {"bob"}),
        ("withdraw", {"bob"}),
        ("decline", {"ann", "co", "sue", "fay"}),
        ("merge", {"ann", "co", "sue", "fay"}),
    ],
)
def test_who_does_what(name: str, allowed: set[str]) -> None:
    roles: dict[str, Any] = {"sue": "steward", "fay": "facilitator"}
    for who in ("ann", "co", "bob", "eve", "sue", "fay"):
        actor = member(who, roles.get(who, "member"))
        if who not in allowed:
            with pytest.raises(Forbidden, match="not-yours"):
                act(name, proposal(), actor)
            continue
        after = act(name, proposal(), actor)
        assert after.state == TRANSITIONS["open"][name]  # type: ignore[index]
        assert after.merged_as == (3 if name == "merge" else None)
        if name != "rebase":
            with pytest.raises(Conflict, match="proposal-closed"):
                act(name, after, actor)


def test_what_is_proposed() -> None:
    with pytest.raises(Conflict, match="own-solution"):
        proposal(by="co")
    with pytest.raises(BadInput, match="no-change"):
        proposal("one\ntwo\nthree")
    with pytest.raises(BadInput, match="no-change"):
        proposals.rebase(proposal(), member("bob"), base=2, base_body="x", body="x", note="n")
    with pytest.raises(Conflict, match="superseded"):
        proposals.merge(proposal(), solution(state="superseded"), member("ann"), NOW)


def code(act: Any, *arguments: Any) -> str | None:
    try:
        act(*arguments)
    except GuildhallError as error:
        return error.code
    return None


def test_co_authors_are_asked_by_authors_and_agree_themselves() -> None:
    asked = solutions.invite(solution(), member("co"), "bob")
    assert code(solutions.invite, asked, member("ann"), "bob") == "already-asked"
    assert code(solutions.invite, asked, member("ann"), "co") == "already-asked"
    assert code(solutions.invite, asked, member("sue", "steward"), "eve") == "not-yours"
    assert code(solutions.join, asked, member("eve")) == "not-asked"
    full = solution(invited=[str(number) for number in range(INVITATIONS)])
    assert code(solutions.invite, full, member("ann"), "bob") == "too-many-asked"
    joined = solutions.join(asked, member("bob"))
    assert (joined.authors, joined.invited) == (["ann", "bob", "co"], [])
    assert code(solutions.join, joined, member("bob")) == "not-asked"
