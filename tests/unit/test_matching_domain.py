"""The rules of expertise and of asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isclose, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import asking, rules
from services.matching.domain.asking import Asking, Candidate, Workload
from services.matching.domain.expertise import (
    Amount,
    Evidence,
    Expertise,
    Kind,
    Solution,
    Term,
    difference,
    earned,
    faded,
    reasons,
    score,
    stored,
    terms,
    with_evidence,
)
from shared.contracts.discussions import (
    EndorsementWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.members import Level
from shared.errors import Conflict

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)

moments = st.datetimes(datetime(2008, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
weights = st.floats(0.01, 1000)


# -- weights -------------------------------------------------------------------------------------------


@given(weights, moments)
def test_after_a_half_life_a_weight_counts_half(weight: float, at: datetime) -> None:
    assert isclose(faded(stored(weight, at), at), weight, rel_tol=1e-9)
    assert isclose(faded(stored(weight, at), at + rules.EXPERTISE_HALF_LIFE), weight / 2, rel_tol=1e-9)


@given(st.lists(st.tuples(weights, moments), min_size=1, max_size=50), moments)
def test_stored_weights_add_up_to_the_sum_of_the_faded(
    earned: list[tuple[float, datetime]], now: datetime
) -> None:
    total = sum(stored(weight, at) for weight, at in earned)
    assert isfinite(total)
    assert isclose(faded(total, now), sum(faded(stored(w, at), now) for w, at in earned), rel_tol=1e-9)


@given(weights, moments, weights, moments, st.lists(moments, min_size=1, max_size=5))
def test_the_order_of_two_never_changes_by_time_alone(
    w1: float, at1: datetime, w2: float, at2: datetime, later: list[datetime]
) -> None:
    one, other = stored(w1, at1), stored(w2, at2)
    if not isclose(one, other):
        assert {faded(one, now) > faded(other, now) for now in later} == {one > other}


# -- evidence ------------------------------------------------------------------------------------------


def evidence(event: type[Evidence], version: int, **fields: object) -> Evidence:
    values = event.example().model_dump() | {"tags": ["permits"], "version": version} | fields
    return event.model_validate(values)


events = st.lists(
    st.one_of(
        st.tuples(st.just(SolutionProposed), st.fixed_dictionaries({"imported_score": st.integers(-5, 50)})),
        st.tuples(
            st.just(SolutionEndorsed),
            st.fixed_dictionaries(
                {"endorser_id": st.sampled_from("abc"), "basis": st.sampled_from(["tried", "reviewed"])}
            ),
        ),
        st.tuples(
            st.just(EndorsementWithdrawn), st.fixed_dictionaries({"endorser_id": st.sampled_from("abc")})
        ),
        st.tuples(st.just(SolutionAccepted), st.fixed_dictionaries({"accepted_by": st.just("x")})),
    ),
    max_size=12,
)
tag_sets = st.lists(st.sampled_from(["permits", "paper", "queues"]), min_size=12, max_size=12)


@given(events, tag_sets)
def test_the_differences_add_up_to_what_the_solution_earns(
    made: list[tuple[type[Evidence], dict[str, object]]], tags: list[str]
) -> None:
    solution: Solution | None = None
    counts: dict[tuple[str, Kind], int] = {}
    totals: dict[tuple[str, Kind], float] = {}
    for version, (event, fields) in enumerate(made, 1):
        at = NOW + version * DAY
        after = with_evidence(solution, evidence(event, version, **fields, tags=[tags[version - 1]]), at)
        for key, change in difference(solution, after).items():
            counts[key] = counts.get(key, 0) + change.solutions
            totals[key] = totals.get(key, 0.0) + change.weight
        solution = after
    for tag in ("permits", "paper", "queues"):
        expected = earned(solution) if solution and tag in solution.tags else {}
        for kind in ("proposed", "endorsed", "accepted", "imported"):
            amount = expected.get(kind, Amount())
            assert counts.get((tag, kind), 0) == amount.solutions
            assert isclose(totals.get((tag, kind), 0.0), amount.weight, abs_tol=1e-9)


@given(events)
def test_an_event_replayed_late_undoes_nothing(
    made: list[tuple[type[Evidence], dict[str, object]]],
) -> None:
    solution: Solution | None = None
    endorsing = [(event, fields) for event, fields in made if event is not SolutionProposed]
    sent = [evidence(event, version, **fields) for version, (event, fields) in enumerate(endorsing, 1)]
    for event in sent:
        solution = with_evidence(solution, event, NOW)
    for event in sent:
        assert earned(with_evidence(solution, event, NOW)) == earned(solution)


def test_nobody_endorses_a_solution_twice() -> None:
    first = with_evidence(None, evidence(SolutionEndorsed, 1, endorser_id="a", basis="tried"), NOW)
    again = with_evidence(first, evidence(SolutionEndorsed, 2, endorser_id="a", basis="tried"), NOW)
    assert earned(again) == earned(first)


def test_imported_votes_are_capped_and_never_negative() -> None:
    def imported(votes: int) -> float:
        solution = with_evidence(None, evidence(SolutionProposed, 1, imported_score=votes), NOW)
        return faded(earned(solution).get("imported", Amount()).weight, NOW)

    assert imported(-3) == 0
    assert imported(1) < imported(rules.IMPORTED_CAP)
    assert imported(10_000) == imported(rules.IMPORTED_CAP) <= rules.PROPOSED + 1e-9


# -- scores and reasons --------------------------------------------------------------------------------


def known(tag: str = "permits", level: Level | None = None, **of_kind: int) -> Expertise:
    made = {kind: Amount(solutions=n, weight=stored(n, NOW)) for kind, n in of_kind.items()}
    return Expertise("c", "m", tag, level, made)


@pytest.mark.parametrize(
    ("expertise", "last_active", "expected"),
    [
        (known(level="expert"), None, ["states the skill permits (expert)"]),
        (known(level="learning"), None, []),
        (known(endorsed=3), None, ["3 endorsed solutions on permits"]),
        (known(endorsed=1), None, ["1 endorsed solution on permits"]),
        (known(proposed=2), NOW, ["proposed 2 solutions on permits", "active this week"]),
        (known(accepted=1), NOW - 8 * DAY, ["1 accepted solution on permits", "active this month"]),
        (known(accepted=1), NOW - 31 * DAY, ["1 accepted solution on permits"]),
    ],
)
def test_reasons(expertise: Expertise, last_active: datetime | None, expected: list[str]) -> None:
    assert reasons(terms([expertise], last_active, NOW)) == expected


def test_being_active_alone_is_no_reason_to_be_asked() -> None:
    assert score(terms([], NOW, NOW)) == 0
    assert score(terms([known(endorsed=3)], None, NOW + 20 * 365 * DAY)) == 0


records = st.builds(
    known,
    tag=st.sampled_from(["permits", "paper"]),
    level=st.sampled_from([None, *rules.SKILL]),
    endorsed=st.integers(-1, 30),
    accepted=st.integers(0, 30),
    proposed=st.integers(0, 30),
)


@given(
    st.lists(records, max_size=3, unique_by=lambda each: each.tag),
    st.none() | st.datetimes(datetime(2025, 1, 1), datetime(2026, 3, 1)),
)
def test_the_reasons_are_the_largest_terms_of_the_score(
    expertise: list[Expertise], last_active: datetime | None
) -> None:
    found = terms(expertise, last_active and last_active.replace(tzinfo=UTC), NOW)
    told, words = reasons(found), {term.words: term.value for term in found}
    assert all(term.value >= rules.NEGLIGIBLE for term in found)
    assert len(told) == min(len(found), rules.REASONS)
    assert sorted((words[each] for each in told), reverse=True) == [words[each] for each in told]
    assert all(words[each] >= value for each in told for of, value in words.items() if of not in told)
    if score(found):
        assert isclose(score(found), sum(term.value for term in found))


# -- choosing a wave -----------------------------------------------------------------------------------


def candidate(
    member_id: str, score: float, *, org: str | None = "city", solutions: int = 99, belongs: bool = True
) -> Candidate:
    return Candidate(
        member_id=member_id,
        org_id=org,
        belongs=belongs,
        solutions=solutions,
        score=score,
        terms=[Term(score, "skill", "permits", "expert")],
    )


def choose(*candidates: Candidate, external: bool = False, **more: Workload) -> list[str]:
    wave = asking.choose_wave(candidates, asker_id="asker", external=external, workloads=dict(more), now=NOW)
    return [each.member_id for each in wave]


def test_the_best_three_are_asked_best_first() -> None:
    assert choose(*(candidate(f"m{n}", n) for n in range(1, 6))) == ["m5", "m4", "m3"]


def test_never_the_asker_nor_who_does_not_belong_nor_who_knows_nothing() -> None:
    assert choose(candidate("asker", 9), candidate("gone", 8, belongs=False), candidate("nil", 0)) == []


def test_one_seat_goes_to_somebody_with_little_history() -> None:
    old = [candidate(f"m{n}", 10 - n) for n in range(4)]
    assert choose(*old, candidate("new", 1, solutions=0)) == ["m0", "m1", "new"]
    assert choose(candidate("fresh", 99, solutions=0), *old, candidate("new", 1, solutions=0)) == [
        "fresh", "m0", "m1",
    ]  # fmt: skip


def test_an_external_wave_spans_two_organisations() -> None:
    same = [candidate(f"m{n}", 10 - n) for n in range(4)]
    assert choose(*same, candidate("far", 1, org="county")) == ["m0", "m1", "m2"]
    assert choose(*same, candidate("far", 1, org="county"), external=True) == ["m0", "m1", "far"]
    assert choose(*same, external=True) == ["m0", "m1", "m2"]


candidates = st.lists(
    st.builds(
        candidate,
        st.sampled_from([f"m{n}" for n in range(12)] + ["asker"]),
        st.floats(0, 10),
        org=st.sampled_from([None, "a", "b"]),
        solutions=st.integers(0, 6),
        belongs=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: each.member_id,
)


@given(candidates, st.booleans())
def test_a_wave_keeps_every_rule_that_its_candidates_allow(found: list[Candidate], external: bool) -> None:
    wave = asking.choose_wave(found, asker_id="asker", external=external, workloads={}, now=NOW)
    may = [each for each in found if each.belongs and each.member_id != "asker" and each.score > 0]
    assert all(each in may for each in wave)
    assert len({each.member_id for each in wave}) == len(wave) == min(rules.WAVE, len(may))
    if any(each.has_little_history for each in may):
        assert any(each.has_little_history for each in wave)
    if external and len({each.perspective for each in may}) > 1:
        assert len({each.perspective for each in wave}) > 1


@given(
    st.lists(st.tuples(st.integers(0, 40), candidates), max_size=40),
    st.booleans(),
)
def test_no_sequence_of_problems_exceeds_the_caps(
    problems: list[tuple[int, list[Candidate]]], external: bool
) -> None:
    workloads: dict[str, Workload] = {}
    asked: dict[str, list[datetime]] = {}
    now = NOW
    for hours, found in problems:
        now += timedelta(hours=hours)
        for each in asking.choose_wave(
            found, asker_id="asker", external=external, workloads=workloads, now=now
        ):
            present = workloads.get(each.member_id, Workload(expert_id=each.member_id))
            workloads[each.member_id] = present.with_ask(now)
            asked.setdefault(each.member_id, []).append(now)
    for times in asked.values():
        for at in times:
            assert sum(at - timedelta(days=1) < each <= at for each in times) <= rules.ASKS_A_DAY
            assert sum(at - timedelta(days=7) < each <= at for each in times) <= rules.ASKS_A_WEEK


def test_a_cap_frees_up_when_its_window_has_passed() -> None:
    busy = Workload(expert_id="m", asked=[NOW, NOW])
    assert not busy.has_room(NOW + timedelta(hours=23, minutes=59))
    assert busy.has_room(NOW + timedelta(hours=24))
    week = Workload(expert_id="m", asked=[NOW + n * DAY for n in range(5)])
    assert not week.has_room(NOW + 6 * DAY)
    assert week.has_room(NOW + 7 * DAY)


# -- the life of an ask --------------------------------------------------------------------------------


def test_versions_grow_by_one_with_every_event_of_a_thread() -> None:
    begun = Asking(thread_id="t", community_id="c", asker_id="asker", problem_title="Permits")
    sent, asks, events = asking.send(begun, [candidate("a", 2), candidate("b", 1)], NOW)
    assert [event.version for event in events] == [1, 2]
    assert asking.send(begun, [candidate("a", 2)], NOW)[1][0].ask_id == asks[0].ask_id != asks[1].ask_id
    after, accepted, event = asking.accept(sent, asks[0], NOW + DAY / 2)
    assert event is not None
    assert (accepted.state, event.version, after.version) == ("accepted", 3, 3)
    after, declined, refusal = asking.decline(after, asks[1], "busy", NOW)
    assert refusal is not None
    assert (declined.decline_reason, refusal.reason, refusal.version) == ("busy", "busy", 4)
    assert asking.accept(after, accepted, NOW + 9 * DAY) == (after, accepted, None)
    assert asking.decline(after, declined, "other words", NOW) == (after, declined, None)
    with pytest.raises(Conflict, match="ask-answered"):
        asking.decline(after, accepted, "", NOW)
    with pytest.raises(Conflict, match="ask-answered"):
        asking.accept(after, declined, NOW)


def test_an_ask_expires_by_itself() -> None:
    begun = Asking(thread_id="t", community_id="c", asker_id="asker", problem_title="Permits")
    sent, [ask], _ = asking.send(begun, [candidate("a", 2)], NOW)
    assert ask.state_at(NOW + rules.ASK_LIFETIME - timedelta(seconds=1)) == "sent"
    assert ask.state_at(NOW + rules.ASK_LIFETIME) == "expired"
    with pytest.raises(Conflict, match="ask-expired"):
        asking.accept(sent, ask, NOW + rules.ASK_LIFETIME)
    assert asking.is_worth_asking(NOW, NOW + rules.ASK_LIFETIME - timedelta(seconds=1))
    assert not asking.is_worth_asking(NOW, NOW + rules.ASK_LIFETIME)
