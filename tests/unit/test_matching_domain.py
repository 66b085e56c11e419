"""The rules of evidence: what a solution says of its author."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import rules
from services.matching.domain.expertise import Evidence, Solution, adapted, endorsed, with_evidence
from shared.contracts.discussions import (
    ContentFlagged,
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.practices import AdaptationOutcomeReported

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def evidence(event: type[Evidence], version: int, **fields: object) -> Evidence:
    author = "item_author_id" if event is ContentFlagged else "solution_author_id"
    values = event.example().model_dump() | {author: "author", "version": version} | fields
    return event.model_validate(values)


def after(*events: Evidence) -> Solution:
    solution: Solution | None = None
    for event in events:
        solution = with_evidence(solution, event, NOW)
    assert solution is not None
    return solution


kinds = st.one_of(
    st.tuples(
        st.just(SolutionEndorsed),
        st.fixed_dictionaries(
            {"endorser_id": st.sampled_from("abc"), "basis": st.sampled_from(["tried", "reviewed"])}
        ),
    ),
    st.tuples(st.just(EndorsementWithdrawn), st.fixed_dictionaries({"endorser_id": st.sampled_from("abc")})),
    st.tuples(
        st.just(ContentFlagged),
        st.fixed_dictionaries({"change": st.sampled_from(["flagged", "hidden", "dismissed", "shown"])}),
    ),
    st.tuples(st.just(SolutionAccepted), st.fixed_dictionaries({"accepted_by": st.just("x")})),
    st.tuples(
        st.just(AdaptationOutcomeReported),
        st.fixed_dictionaries(
            {
                "adaptation_id": st.sampled_from("xy"),
                "adopter_id": st.just("d"),
                "outcome": st.sampled_from(["worked", "worked-with-changes", "failed", "abandoned"]),
            }
        ),
    ),
)


@given(st.lists(kinds, min_size=1, max_size=12))
def test_an_event_replayed_late_undoes_nothing(made: list[tuple[type[Evidence], dict[str, object]]]) -> None:
    sent = [evidence(event, version, **fields) for version, (event, fields) in enumerate(made, 1)]
    solution = after(*sent)
    for event in sent:
        assert with_evidence(solution, event, NOW) == solution


@given(st.lists(kinds, min_size=1, max_size=12))
def test_the_last_word_of_each_counts_once(made: list[tuple[type[Evidence], dict[str, object]]]) -> None:
    solution = after(*(evidence(event, version, **fields) for version, (event, fields) in enumerate(made, 1)))
    weights: dict[object, float] = {}
    worked: dict[object, bool] = {}
    for event, fields in made:
        if event is SolutionEndorsed:
            weights[fields["endorser_id"]] = rules.ENDORSED[fields["basis"]]  # type: ignore[index]
        elif event is EndorsementWithdrawn:
            weights[fields["endorser_id"]] = 0
        elif event is AdaptationOutcomeReported:
            worked[fields["adaptation_id"]] = str(fields["outcome"]).startswith("worked")
    assert endorsed(solution.model_dump()["endorsements"]) == sum(weights.values())
    assert adapted(solution.model_dump()["adaptations"]) == sum(worked.values())
    marks = [fields.get("change") for _, fields in made]
    assert solution.hidden == ([each for each in marks if each in ("hidden", "shown")][-1:] == ["hidden"])


@pytest.mark.parametrize(
    ("event", "fields"),
    [(SolutionAccepted, {"accepted_by": "author"}), (AdaptationOutcomeReported, {"adopter_id": "author"})],
)
def test_ones_own_word_is_no_evidence(event: type[Evidence], fields: dict[str, object]) -> None:
    solution = after(evidence(SolutionProposed, 1), evidence(event, 2, **fields))
    assert (solution.accepted, adapted(solution.model_dump()["adaptations"])) == (False, 0)
