"""How a community is set up and found, as rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.discussions.domain import rules as discussions
from services.members.domain import community as communities
from services.members.domain.community import Community, Membership, Setup
from services.members.domain.directory import MOST_WORDS, audience, audiences, words_of
from shared.contracts.members import DEFAULT_RULES, CommunityRules, Role
from shared.errors import Conflict, Forbidden
from shared.words import fold

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def founded(kind: str = "external", **setup: object) -> Community:
    given = Setup.model_validate({"name": "Permit offices", "about": "…"} | setup)
    community, _ = communities.found("c", kind=kind, setup=given, founder_id="ann", org_id="aarhus", now=NOW)  # type: ignore[arg-type]
    return community


def belongs(role: Role) -> Membership:
    return Membership(community_id="c", member_id="ann", role=role, standing="active", joined_at=NOW)


def test_a_steward_sets_up_the_whole_and_the_event_says_it_all() -> None:
    before = founded(charter="Be kind.")
    setup = Setup(name="Permits", about="New", tags=["permits"], rules=CommunityRules(review_days=90))
    after, event = communities.set_up(before, belongs("steward"), setup)
    assert (after.revision, after.version) == (before.revision + 1, before.version + 1)
    assert Setup.model_validate(after.model_dump(include=set(Setup.model_fields))) == setup
    assert (event.version, event.charter, event.rules.review_days) == (after.version, "", 90)
    assert (event.kind, event.org_id) == ("external", None)


@pytest.mark.parametrize("role", ["member", "facilitator"])
def test_nobody_else_sets_it_up(role: Role) -> None:
    with pytest.raises(Forbidden, match="not-a-steward"):
        communities.set_up(founded(), belongs(role), Setup(name="x", about="y"))


def test_the_defaults_are_those_of_the_rules_that_they_override() -> None:
    assert discussions.Rules.of(DEFAULT_RULES) == discussions.RULES


@given(st.data())
def test_every_rule_is_bounded_and_its_default_within(data: st.DataObject) -> None:
    schema = CommunityRules.model_json_schema()["properties"]
    name = data.draw(st.sampled_from(sorted(schema)))
    low, high = schema[name]["minimum"], schema[name]["maximum"]
    assert low <= getattr(DEFAULT_RULES, name) <= high
    beyond = data.draw(st.sampled_from([low - 1, high + 1]))
    with pytest.raises(ValidationError):
        CommunityRules.model_validate({name: beyond})


@pytest.mark.parametrize(
    "crossed",
    [
        {"dormant_days": 120, "archive_days": 100},
        {"overdue_days": 60, "lapse_days": 30},
        {"contested_score": 0.8},
        {"candidate_at_least": 20},
    ],
)
def test_rules_that_contradict_each_other_are_refused(crossed: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="must not be more than"):
        CommunityRules.model_validate(crossed)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Électricité", "electricite"),
        ("ＰＥＲＭＩＴ", "permit"),
        ("STRASSE", fold("straße")),
        ("許可", "許可"),
    ],
)
def test_words_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_words_come_once_and_not_without_end() -> None:
    assert words_of("Fair, FAIR permits!", "faïr") == ["fair", "permits"]
    assert len(words_of(" ".join(map(str, range(MOST_WORDS * 2))))) == MOST_WORDS


def test_who_is_listed_what() -> None:
    assert audience(founded()) in audiences(None)
    own = audience(founded("internal"))
    assert own in audiences("aarhus")
    assert own not in audiences("sydney")
    assert own not in audiences(None)


def test_an_operator_gives_a_role_as_a_steward_does_and_says_why() -> None:
    before = founded()
    after, steward, event = communities.give_role(
        before, belongs("member"), "steward", by="op", reason="Nobody was left."
    )
    assert (after.version, steward.role) == (before.version + 1, "steward")
    assert (event.role, event.previous_role, event.changed_by) == ("steward", "member", "op")
    assert (event.version, event.reason) == (after.version, "Nobody was left.")
    with pytest.raises(Conflict, match="same-role"):
        communities.give_role(after, steward, "steward", by="op")
    with pytest.raises(Conflict, match="archived"):
        communities.give_role(
            before.model_copy(update={"stage": "archived"}), belongs("member"), "steward", by="op"
        )
