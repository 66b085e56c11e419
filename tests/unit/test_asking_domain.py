"""The rules of asking: who is asked in a wave, what it costs them, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain import asking, rules
from services.matching.domain.ask import TRANSITIONS as ASK_TRANSITIONS
from services.matching.domain.ask import Ask
from services.matching.domain.asking import Asking
from services.matching.domain.candidate import Candidate
from services.matching.domain.wave import barrier, choose_wave, may_be_called, told
from services.matching.domain.workload import Workload
from shared.contracts.discussions import ContentRedacted, ProblemUpdated
from shared.contracts.matching import ExpertAsked, RoutingExhausted
from shared.errors import Conflict

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
BEGUN = Asking(
    thread_id="t", community_id="c", asker_id="asker", problem_title="Permits", tags=["permits"], next_at=NOW
)


def busy(**fields: Any) -> Workload:
    return Workload(expert_id="m", **fields)


def candidate(member_id: str, score: float = 1.0, **fields: Any) -> Candidate:
    values = {"org_id": "city", "standing": "active", "solutions": 99, "knows": True} | fields
    return Candidate(member_id, score, **values)


def choose(*candidates: Candidate, external: bool = False, about: Asking = BEGUN) -> list[str]:
    wave = choose_wave(candidates, about, external=external, now=NOW)
    return [each.candidate.member_id for each in wave.invitations]


# -- choosing a wave -----------------------------------------------------------------------------------


def test_the_best_three_are_asked_best_first() -> None:
    assert choose(*(candidate(f"m{n}", n) for n in range(1, 6))) == ["m5", "m4", "m3"]


BARRED: dict[str, Candidate] = {
    "asks": candidate("asker"),
    "asked-before": candidate("before"),
    "involved": candidate("co-author"),
    "not-a-member": candidate("m", standing="none"),
    "dormant": candidate("m", standing="dormant"),
    "nothing-known": candidate("m", 5, knows=False),
    "away": candidate("m", away_until=NOW + timedelta(seconds=1)),
    "no-hours": candidate("m", hours_a_week=0),
    "capped": candidate("m", workload=busy(asked=[NOW, NOW])),
    "resting": candidate("m", workload=busy(rests_until=NOW + timedelta(seconds=1))),
    "spared": candidate("m", workload=busy(spared_until=NOW + timedelta(seconds=1))),
    "not-their-field": candidate("m", workload=busy().after_declining("not-my-field", ["permits"], NOW)),
}


@pytest.mark.parametrize("why", BARRED)
def test_who_is_never_asked_and_why(why: str) -> None:
    about = BEGUN.model_copy(update={"asked": ["before"], "involved": ["co-author"]})
    assert barrier(BARRED[why], about, NOW) == why
    assert choose(BARRED[why], candidate("free"), about=about) == ["free"]


@pytest.mark.parametrize(
    "free",
    [
        candidate("m", away_until=NOW),
        candidate("m", hours_a_week=1),
        candidate("m", -1.0),
        candidate("m", workload=busy(rests_until=NOW, spared_until=NOW, asked=[NOW])),
        candidate("m", workload=busy().after_declining("answered-elsewhere", ["permits"], NOW)),
        candidate("m", workload=busy().after_declining("not-my-field", ["permits"], NOW - rules.DISCLAIMED)),
        candidate("m", workload=busy().after_declining("not-my-field", ["other"], NOW)),
    ],
)
def test_who_may_be_asked(free: Candidate) -> None:
    assert barrier(free, BEGUN, NOW) is None


def test_nobody_is_asked_more_often_than_they_have_hours() -> None:
    once = busy(asked=[NOW - 2 * DAY])
    assert barrier(candidate("m", hours_a_week=1, workload=once), BEGUN, NOW) == "capped"


def test_one_seat_goes_to_somebody_with_little_history() -> None:
    old = [candidate(f"m{n}", 10 - n) for n in range(4)]
    assert choose(*old, candidate("new", 1, solutions=0)) == ["m0", "m1", "new"]
    assert choose(candidate("fresh", 99, solutions=0), *old, candidate("new", 1, solutions=0)) == [
        "fresh", "m0", "m1",
    ]  # fmt: skip


def test_an_external_wave_spans_two_organisations() -> None:
    same = [candidate(f"m{n}", 10 - n) for n in range(4)]
    far = candidate("far", 1, org_id="county")
    assert choose(*same, far) == ["m0", "m1", "m2"]
    assert choose(*same, far, external=True) == ["m0", "m1", "far"]
    assert choose(*same, external=True) == ["m0", "m1", "m2"]
    wave = choose_wave([*same, far], BEGUN, external=True, now=NOW)
    assert [told(each, ["r"]) for each in wave.invitations] == [
        ["r"], ["r"], ["r", "brings the view of another organisation"],
    ]  # fmt: skip


def test_who_was_asked_much_lately_gives_way_and_comes_back() -> None:
    worn = busy(recent=rules.LOAD_SCALE, recent_at=NOW)
    assert choose(candidate("a", 3, workload=worn), candidate("b", 2)) == ["b", "a"]
    assert choose(candidate("a", -1, workload=worn), candidate("b", -1.5)) == ["b", "a"]
    later = NOW + 3 * rules.LOAD_HALF_LIFE
    wave = choose_wave(
        [candidate("a", 3, workload=worn), candidate("b", 2)], BEGUN, external=False, now=later
    )
    assert [each.candidate.member_id for each in wave.invitations] == ["a", "b"]


def test_a_cap_postpones_and_nothing_else_does() -> None:
    assert choose_wave([BARRED["capped"]], BEGUN, external=False, now=NOW).postponed
    others = [each for name, each in BARRED.items() if name != "capped"]
    assert not choose_wave(others, BEGUN, external=False, now=NOW).postponed


candidates = st.lists(
    st.builds(
        candidate,
        st.sampled_from([f"m{n}" for n in range(12)] + ["asker"]),
        st.floats(-1, 10),
        org_id=st.sampled_from([None, "a", "b"]),
        solutions=st.integers(0, 6),
        standing=st.sampled_from(["active", "active", "dormant", "none"]),
        knows=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: each.member_id,
)


@given(candidates, st.booleans())
def test_a_wave_keeps_every_rule_that_its_candidates_allow(found: list[Candidate], external: bool) -> None:
    invited = choose_wave(found, BEGUN, external=external, now=NOW).invitations
    wave = [each.candidate for each in invited]
    may = [each for each in found if barrier(each, BEGUN, NOW) is None]
    assert all(each in may for each in wave)
    assert len({each.member_id for each in wave}) == len(wave) == min(rules.WAVE, len(may))
    if any(each.has_little_history for each in may):
        assert any(each.has_little_history for each in wave)
    if external and len({each.perspective for each in may}) > 1 and len(may) > 1:
        assert len({each.perspective for each in wave}) > 1


@given(st.lists(st.tuples(st.integers(-30, 40), candidates), max_size=40), st.booleans())
def test_no_sequence_of_problems_exceeds_the_caps(
    problems: list[tuple[int, list[Candidate]]], external: bool
) -> None:
    """Not even when the clock goes back in between."""
    workloads: dict[str, Workload] = {}
    asked: dict[str, list[datetime]] = {}
    now = NOW
    for hours, found in problems:
        now += timedelta(hours=hours)
        there = [each._replace(workload=workloads.get(each.member_id)) for each in found]
        for each in choose_wave(there, BEGUN, external=external, now=now).invitations:
            name = each.candidate.member_id
            workloads[name] = workloads.get(name, Workload(expert_id=name)).after_ask(now)
            asked.setdefault(name, []).append(now)
    for times in asked.values():
        for at in times:
            assert sum(at - DAY < each <= at for each in times) <= rules.ASKS_A_DAY
            assert sum(at - 7 * DAY < each <= at for each in times) <= rules.ASKS_A_WEEK


# -- workloads -----------------------------------------------------------------------------------------


def test_a_cap_frees_up_when_its_window_has_passed() -> None:
    day = busy(asked=[NOW, NOW])
    assert day.excuse(NOW + timedelta(hours=23, minutes=59), None) == "capped"
    assert day.excuse(NOW + timedelta(hours=24), None) is None
    week = busy(asked=[NOW + n * DAY for n in range(5)])
    assert week.excuse(NOW + 6 * DAY, None) == "capped"
    assert week.excuse(NOW + 7 * DAY, None) is None


def test_two_ignored_in_a_row_rest_from_the_second_on() -> None:
    once = busy().after_ignoring(NOW)
    assert once.excuse(NOW, None) is None
    twice = once.after_ignoring(NOW + DAY)
    assert twice.excuse(NOW + DAY + rules.REST - timedelta(seconds=1), None) == "resting"
    assert twice.excuse(NOW + DAY + rules.REST, None) is None
    for reaction in (once.after_reacting(), once.after_declining("other", [], NOW)):
        assert reaction.after_ignoring(NOW).excuse(NOW, None) is None


@pytest.mark.parametrize("because", ["answered-elsewhere", "other", "no-time", "not-my-field"])
def test_declining_costs_nothing(because: Any) -> None:
    before = busy().after_ask(NOW)
    after = before.after_declining(because, ["permits"], NOW)
    later = NOW + rules.SPARED
    assert after.excuse(later, None) is None
    assert after.share(["paper"], later) == before.share(["paper"], later)


# -- the life of an ask --------------------------------------------------------------------------------


def send(about: Asking = BEGUN, *names: str, now: datetime = NOW) -> tuple[Asking, list[Ask], Any]:
    return asking.send(about, [(candidate(name), ["knows permits"]) for name in names], now)


def test_versions_grow_by_one_with_every_event_of_a_thread() -> None:
    sent, asks, events = send(BEGUN, "a", "b", "c")
    assert [event.version for event in events] == [1, 2, 3]
    assert send(BEGUN, "a")[1][0].ask_id == asks[0].ask_id != asks[1].ask_id
    after, accepted, event = asking.accept(sent, asks[0], NOW + DAY / 2)
    assert event is not None
    assert (accepted.state, event.version, after.version) == ("accepted", 4, 4)
    after, declined, refusal = asking.decline(after, asks[1], "no-time", "busy", NOW)
    assert refusal is not None
    assert (refusal.because, refusal.reason, refusal.version) == ("no-time", "busy", 5)
    after, expired, over = asking.expire(after, asks[2], NOW + DAY)
    assert (expired.state, over.version, over.ignored) == ("expired", 6, False)  # somebody had accepted
    _, facilitators, last = asking.exhaust(after, [candidate("f")], NOW + DAY)
    assert [event.version for event in last] == [7, 8]
    assert [ask.asked_as for ask in facilitators] == ["facilitator"]
    assert asking.accept(after, accepted, NOW + 9 * DAY) == (after, accepted, None)
    assert asking.decline(after, declined, "other", "other words", NOW) == (after, declined, None)
    for answer in (lambda: asking.decline(after, accepted, "other", "", NOW),
                   lambda: asking.accept(after, declined, NOW)):  # fmt: skip
        with pytest.raises(Conflict, match="ask-answered"):
            answer()


def test_an_ask_expires_by_itself() -> None:
    sent, [ask], _ = send(BEGUN, "a")
    assert ask.state_at(NOW + rules.ASK_LIFETIME - timedelta(seconds=1)) == "sent"
    assert ask.state_at(NOW + rules.ASK_LIFETIME) == "expired"
    with pytest.raises(Conflict, match="ask-expired"):
        asking.accept(sent, ask, NOW + rules.ASK_LIFETIME)
    assert asking.expire(sent, ask, NOW + rules.ASK_LIFETIME)[2].ignored
    assert not asking.expire(asking.close(sent), ask, NOW)[2].ignored
    assert asking.is_worth_asking(NOW, NOW + rules.ASK_LIFETIME - timedelta(seconds=1))
    assert not asking.is_worth_asking(NOW, NOW + rules.ASK_LIFETIME)


def test_facilitators_are_asked_once_and_never_the_asker() -> None:
    sent, _, _ = send(BEGUN, "a")
    everybody = [
        *(candidate(name) for name in ("a", "asker")),
        candidate("dormant", standing="dormant"),
        candidate("away", away_until=NOW + DAY),
        *(candidate(f"f{n:02}", workload=busy(asked=[NOW] * 5)) for n in range(20)),
    ]
    free = [each for each in everybody if may_be_called(each, sent, NOW)]
    ended, asks, events = asking.exhaust(sent, free, NOW)
    assert [ask.expert_id for ask in asks] == [f"f{n:02}" for n in range(rules.FACILITATORS)]
    assert isinstance(events[-1], RoutingExhausted)
    assert (events[-1].waves, events[-1].experts) == (1, 1)
    assert events[-1].facilitator_ids == [ask.expert_id for ask in asks]
    assert ended.next_at is None
    alone, asks, [event] = asking.exhaust(BEGUN, [], NOW)
    assert (asks, alone.state, event.version) == ([], "exhausted", 1)


def test_a_replayed_edit_undoes_nothing() -> None:
    def edited(version: int, title: str) -> ProblemUpdated:
        return ProblemUpdated.example().model_copy(update={"version": version, "title": title})

    after = asking.edit(asking.edit(BEGUN, edited(5, "New")), edited(4, "Old"))
    assert after.problem_title == "New"
    redaction = ContentRedacted.example().model_copy(update={"version": 6})
    gone = asking.redact(after, redaction)
    assert asking.edit(gone, edited(5, "New")).problem_title == asking.REDACTED
    assert asking.edit(gone, edited(7, "Newer")).problem_title == "Newer"


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["proceed", "accept", "decline", "answer", "close", "reopen", "expire", "hide", "show"]
        ),
        st.integers(0, 20),
        st.integers(-5, 60),
    ),
    max_size=30,
)


@given(steps)
@settings(max_examples=200)
def test_whatever_happens_versions_have_no_gap_nobody_is_asked_twice_and_waves_end(
    happened: list[tuple[str, int, int]],
) -> None:
    present, now = BEGUN, NOW
    asks: dict[str, Ask] = {}
    versions: list[int] = []
    reopened = 0

    def note(after: Asking, changed: list[Ask], events: list[Any]) -> None:
        nonlocal present
        present = after
        asks.update({ask.ask_id: ask for ask in changed})
        versions.extend(event.version for event in events)

    for step, which, hours in happened:
        now += timedelta(hours=hours)
        some = list(asks.values())[which % len(asks)] if asks else None
        match step:
            case "proceed" if present.is_due(now):
                if present.waves < present.last_wave:
                    fresh = [f"m{len(asks)}", f"m{len(asks) + 1}"]
                    new, sent, events = send(present, *fresh, now=now)
                    assert all(isinstance(event, ExpertAsked) for event in events)
                    note(new, sent, events)
                else:
                    called = [candidate(f"m{which}"), candidate("asker")]
                    free = [each for each in called if may_be_called(each, present, now)]
                    note(*asking.exhaust(present, free, now))
            case "accept" | "decline" if some is not None:
                try:
                    if step == "accept":
                        after, ask, event = asking.accept(present, some, now)
                    else:
                        after, ask, event = asking.decline(present, some, "other", "", now)
                except Conflict:
                    continue
                note(after, [ask], [event] if event else [])
            case "expire" if some is not None and some.state == "sent" and some.expires_at <= now:
                after, ask, over = asking.expire(present, some, now)
                note(after, [ask], [over])
            case "answer":
                present = asking.answer(present, "somebody")
                if some is not None and some.allows("answer"):
                    asks[some.ask_id] = some.after("answer", now)
            case "show":
                present = asking.show(present, now)
            case "close" | "hide":
                present = asking.close(present) if step == "close" else asking.hide(present)
                for each in [each for each in asks.values() if each.state == "sent"]:
                    after, ask, over = asking.expire(present, each, now)
                    note(after, [ask], [over])
            case "reopen":
                reopened += present.state == "closed"
                present = asking.reopen(present, now)
        assert versions == list(range(1, len(versions) + 1))
        assert present.version == len(versions)
        assert present.waves <= present.last_wave <= rules.WAVES * (1 + reopened)
        assert (present.next_at is None) or present.state in ("asking", "taken")
        assert len(present.asked) == len(set(present.asked)) == len(asks)
        assert all(each.state in ASK_TRANSITIONS for each in asks.values())
        if present.state in ("closed", "hidden"):
            assert not any(each.state == "sent" for each in asks.values())
