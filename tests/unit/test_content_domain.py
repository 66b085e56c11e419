"""The rules of case studies and resources: the life of both, who may do what, and what was of use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discussions.domain import case_study as case_studies
from services.discussions.domain import reuse as reuses
from services.discussions.domain.access import Participant
from services.discussions.domain.case_study import SECTIONS, CaseStudy
from services.discussions.domain.content import TRANSITIONS, Command, Content, ContentState
from shared.contracts.content import CaseStudyPublished, ContentEvent
from shared.errors import BadInput, Conflict, Forbidden, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def person(name: str, role: Any = "member") -> Participant:
    return Participant(
        member_id=name, community_id="c", role=role, org_id="city", joined_at=NOW - timedelta(days=60)
    )


PEOPLE = {
    "ann": person("ann"),
    "bob": person("bob"),
    "fay": person("fay", "facilitator"),
    "sam": person("sam", "steward"),
}
ANN, BOB = PEOPLE["ann"], PEOPLE["bob"]


def study(**fields: Any) -> CaseStudy:
    sections = {section: f"The {section}." for section in SECTIONS}
    return case_studies.draft(
        "t", ANN, NOW,
        **{"title": "No paper", "tags": ["permits"], "organisation": "Aarhus"}
        | {"problem_id": None, "solution_id": None} | sections | fields,
    )  # fmt: skip


def published(**fields: Any) -> CaseStudy:
    return study(**fields).publish(ANN, NOW)[0]


def act(content: Content, command: Command, actor: Participant) -> tuple[Content, ContentEvent | None]:
    match command:
        case "edit":
            return content.edit(actor, NOW, title="Edited")
        case "publish":
            return content.publish(actor, NOW)
        case "outdate":
            return content.outdate(actor, "A new law.")
        case "archive":
            return content.archive(actor)


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(ContentState))
    reached: set[str] = set()
    todo: list[ContentState] = ["draft"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]
    assert reached == set(TRANSITIONS)
    assert {command for row in TRANSITIONS.values() for command in row} == set(get_args(Command))


@given(st.lists(st.tuples(st.sampled_from(get_args(Command)), st.sampled_from(sorted(PEOPLE)))))
def test_any_sequence_keeps_to_the_table(steps: list[tuple[Command, str]]) -> None:
    content: Content = study()
    told: list[ContentEvent] = []
    for command, who in steps:
        before, allowed = content, command in TRANSITIONS[content.state] and who != "bob"
        try:
            content, event = act(content, command, PEOPLE[who])
        except Rejected:
            assert not allowed
            continue
        assert allowed
        assert content.state == TRANSITIONS[before.state][command]
        assert content.revision == before.revision + (command == "edit")
        assert (event is None) == content.draft
        if event is not None:
            told.append(event)
            assert (event.state, event.editor_id, event.title) == (content.state, who, content.title)
    # A draft is seen by its author alone and leaves no trace; from then on no version is left out.
    assert content.draft == (content.state == "draft") == (not content.visible_to(BOB))
    assert content.visible_to(ANN)
    assert [event.version for event in told] == list(range(1, content.version + 1))
    assert bool(content.reason) <= (content.state in ("outdated", "archived"))


@pytest.mark.parametrize("section", SECTIONS)
def test_all_four_sections_are_needed_to_publish(section: str) -> None:
    with pytest.raises(BadInput, match="incomplete") as refused:
        study(**{section: ""}).publish(ANN, NOW)
    assert refused.value.field == f"/{section}"
    with pytest.raises(BadInput, match="incomplete"):
        published().edit(ANN, NOW, **{section: ""})
    assert study().edit(ANN, NOW, **{section: ""})[0].state == "draft"


def test_what_was_edited_as_a_draft_is_published_whole() -> None:
    later = NOW + timedelta(days=2)
    edited, nothing = study().edit(ANN, NOW, title="Titel 題", tags=["a"])
    assert nothing is None
    shown, event = edited.publish(ANN, later)
    assert isinstance(event, CaseStudyPublished)
    assert (shown.version, shown.revision, shown.posted_at) == (1, 2, later)
    assert (event.title, event.tags, event.organisation, event.revision) == ("Titel 題", ["a"], "Aarhus", 2)
    assert event.body.startswith("## Situation\n\nThe situation.\n\n## Action\n\nThe action.")


def test_what_is_outdated_can_be_brought_up_to_date() -> None:
    outdated, event = published().outdate(PEOPLE["fay"], "A new law.")
    assert event is not None
    assert (event.state, event.reason) == ("outdated", "A new law.")
    edited, _ = outdated.edit(ANN, NOW, title="By the new law")
    assert edited.state == "outdated"
    again, event = edited.publish(ANN, NOW + timedelta(days=1))
    assert event is not None
    assert (again.state, event.reason, again.posted_at) == ("published", "", NOW)


def test_only_a_draft_is_thrown_away() -> None:
    study().require_discardable()
    with pytest.raises(Conflict, match="not-a-draft"):
        published().require_discardable()


def test_using_counts_and_nobody_uses_their_own() -> None:
    used, reuse, event = reuses.reuse_content(published(), BOB, "Saved a week.", NOW)
    assert (used.reused, used.version) == (1, 2)
    assert (event.reused, event.version, event.item_kind) == (1, 2, "case-study")
    assert (event.reused_by, event.item_author_id) == ("bob", "ann")
    assert (reuses.again(reuse, "Two.").note, reuses.again(reuse, "Two.").at) == ("Two.", NOW)
    with pytest.raises(Forbidden, match="own-work"):
        reuses.reuse_content(published(), ANN, "", NOW)
    with pytest.raises(Conflict, match="still-a-draft"):
        reuses.reuse_content(study(), BOB, "", NOW)
