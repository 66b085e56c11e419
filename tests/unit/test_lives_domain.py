"""Memberships and communities as time goes by, as rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain import budget, health, standing, succession
from services.members.domain import community as communities
from services.members.domain import stage as stages
from services.members.domain.budget import Budget
from services.members.domain.community import Community, Membership, Setup
from services.members.domain.health import Figures
from services.members.domain.rules import RULES
from services.members.domain.standing import Changed, Phase
from shared.contracts.members import (
    CommunityRules,
    CommunityStageChanged,
    MembershipDormant,
    Role,
    Stage,
    StewardNeeded,
    TrialEnded,
)
from shared.errors import Conflict, Forbidden

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def founded(**changes: Any) -> Community:
    setup = Setup(name="C", about="…")
    made, _ = communities.found("c", kind="external", setup=setup, founder_id="stew", org_id=None, now=NOW)
    return made.model_copy(update={"version": 2} | changes)


def joined(**changes: Any) -> Membership:
    _, membership, _ = communities.join(founded(), None, "bob", None, NOW)
    return membership.model_copy(update=changes)


def when(changed: Changed | None) -> Membership:
    assert changed is not None
    return changed[1]


# -- memberships ---------------------------------------------------------------------------------------


class Life:
    """One membership through the years, led through the domain as the commands do."""

    def __init__(self) -> None:
        self.community, self.membership, self.now = founded(), joined(), NOW
        self.events: list[TrialEnded | MembershipDormant] = []

    @property
    def phase(self) -> Phase:
        return standing.phase(self.membership)

    def _take(self, changed: Changed | None) -> None:
        if changed is not None:
            community, self.membership, event = changed
            assert (community.version - self.community.version == 1) == (event is not None)
            assert event is None or event.version == community.version
            self.community = community
            self.events += [event] if event else []

    def wait(self, days: float) -> None:
        """Let time pass; the duty looks as often as it finds something."""
        self.now += days * DAY
        while self.membership.due_at is not None and self.membership.due_at <= self.now:
            self._take(standing.passed(self.community, self.membership, RULES, self.now))

    def act(self, ago: float = 0, *, contributed: bool = False) -> None:
        at = self.now - ago * DAY
        self._take(
            standing.noted(
                self.community, self.membership, at, contributed=contributed, rules=RULES, now=self.now
            )
        )

    def keep(self) -> None:
        self._take(standing.keep(self.community, self.membership, self.now))


def test_a_trial_ends_with_one_question_and_keeping_is_the_answer() -> None:
    life = Life()
    life.wait(29.9)
    assert (life.phase, life.events) == ("trial", [])
    life.wait(0.1)
    assert life.phase == "asked"
    (event,) = life.events
    assert isinstance(event, TrialEnded)
    assert event.answer_by == standing.answer_by(life.membership) == life.now + 14 * DAY
    life.wait(13)
    life.keep()
    assert (life.phase, len(life.events), life.membership.due_at) == ("active", 1, life.now + 60 * DAY)
    with pytest.raises(Conflict, match="wrong-standing"):
        life.keep()


def test_no_answer_and_no_reading_is_dormant_and_never_thrown_out() -> None:
    life = Life()
    life.wait(30)
    life.wait(14)
    assert life.phase == "dormant"
    assert [type(event) for event in life.events] == [TrialEnded, MembershipDormant]
    life.wait(3_650)
    assert (life.phase, len(life.events)) == ("dormant", 2)
    life.keep()
    assert life.phase == "active"
    assert isinstance(life.events[-1], MembershipDormant)
    assert life.events[-1].standing == "active"


def test_no_answer_but_reading_is_an_answer() -> None:
    life = Life()
    life.wait(30)
    life.wait(10)
    life.act()
    assert life.phase == "asked"  # the question stays open
    life.wait(4)
    assert (life.phase, len(life.events)) == ("active", 1)
    life.wait(55.9)
    assert life.phase == "active"
    life.wait(0.1)
    assert life.phase == "dormant"


def test_keeping_during_the_trial_spares_the_question() -> None:
    life = Life()
    life.keep()
    assert [event.answer_by for event in life.events if isinstance(event, TrialEnded)] == [None]
    life.wait(59)
    assert (life.phase, len(life.events)) == ("active", 1)


@pytest.mark.parametrize("role", ["facilitator", "steward"])
def test_who_looks_after_it_is_not_asked(role: Role) -> None:
    changed = standing.passed(founded(), joined(role=role), RULES, NOW + 30 * DAY)
    assert changed is not None
    assert (standing.phase(changed[1]), changed[1].due_at) == ("active", NOW + 60 * DAY)
    assert isinstance(changed[2], TrialEnded)
    assert changed[2].answer_by is None


def test_nor_is_anybody_in_an_archived_community() -> None:
    settled = when(standing.passed(founded(stage="archived"), joined(), RULES, NOW + 30 * DAY))
    assert standing.phase(settled) == "active"


def test_sixty_days_without_reading_and_awake_at_once() -> None:
    life = Life()
    life.keep()
    life.wait(59)
    life.act()
    life.wait(59)
    assert life.phase == "active"
    life.wait(1)
    assert life.phase == "dormant"
    life.act(contributed=True)
    assert (life.phase, life.membership.contributed_at) == ("active", life.now)
    assert [getattr(event, "standing", None) for event in life.events] == [None, "dormant", "active"]


def test_a_community_sets_its_own_days() -> None:
    own = founded(rules=CommunityRules(trial_days=7, inactive_member_days=14))
    _, membership, _ = communities.join(own, None, "bob", None, NOW)
    assert standing.passed(own, membership, RULES, NOW + 6 * DAY) is None
    kept = when(standing.keep(own, membership, NOW))
    assert standing.passed(own, kept, RULES, NOW + 13 * DAY) is None
    assert when(standing.passed(own, kept, RULES, NOW + 14 * DAY)).standing == "dormant"


def test_what_is_late_twice_or_of_the_future_moves_nothing_wrongly() -> None:
    life = Life()
    life.keep()
    life.wait(40)
    life.act(contributed=True)
    seen = life.membership
    life.act(0, contributed=True)  # replayed
    life.act(20, contributed=True)  # late
    life.act(41)  # of before they joined
    assert life.membership == seen
    life.act(-3_650)  # a clock of the future
    assert life.membership.active_at == life.now
    life.wait(100)
    assert life.phase == "dormant"
    life.act(90)  # late: they have not been here since
    assert life.phase == "dormant"
    life.act(30)  # late, but not so long ago
    assert life.phase == "active"
    assert life.membership.due_at == life.now + 30 * DAY


def test_no_more_than_one_write_an_hour() -> None:
    life = Life()
    life.act()
    seen = life.membership
    life.wait(59 / 60 / 24)
    life.act()
    assert life.membership is seen
    life.wait(1 / 60 / 24)
    life.act()
    assert life.membership.active_at == life.now


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.floats(0, 100)),
            st.tuples(st.just("act"), st.floats(-10, 200)),
            st.tuples(st.just("keep"), st.just(0.0)),
        ),
        max_size=30,
    )
)
def test_whatever_happens_a_membership_stays_sound(steps: list[tuple[str, float]]) -> None:
    life = Life()
    for step, number in steps:
        before = life.membership
        match step:
            case "wait":
                life.wait(number)
            case "act":
                life.act(number)
            case "keep" if "keep" in standing.TRANSITIONS[life.phase]:
                life.keep()
        after = life.membership
        assert (after.due_at is None) == (life.phase == "dormant")
        assert (after.asked_at is None) == (life.phase != "asked")
        assert after.due_at is None or after.due_at > life.now
        assert after.active_at is None or before.active_at is None or after.active_at >= before.active_at
        assert after.active_at is None or after.active_at <= life.now
    assert sum(isinstance(event, TrialEnded) for event in life.events) <= 1
    naps = [event.standing for event in life.events if isinstance(event, MembershipDormant)]
    assert naps == ["dormant", "active"] * (len(naps) // 2) + ["dormant"] * (len(naps) % 2)


@pytest.mark.parametrize(
    ("table", "states", "first"),
    [
        (standing.TRANSITIONS, get_args(Phase), "trial"),
        (stages.TRANSITIONS, get_args(Stage), "forming"),
        (succession.NEXT, get_args(communities.Asked), "nobody"),
    ],
)
def test_every_state_can_be_reached(table: Any, states: tuple[str, ...], first: str) -> None:
    reached, ahead = set[str](), {first}
    while ahead:
        reached |= ahead
        following = [table.get(state, {}) for state in ahead]
        ahead = {
            after
            for each in following
            for after in ([each] if isinstance(each, str) else each.values())
            if after not in reached
        }
    assert reached == set(states)


# -- communities ---------------------------------------------------------------------------------------

STEWARD = joined(role="steward", member_id="stew")


def test_a_year_of_silence() -> None:
    community = founded(stage="active", quiet_since=NOW)
    assert stages.passed(community, NOW + 89 * DAY) is None
    changed = stages.passed(community, NOW + 90 * DAY)
    assert changed is not None
    community, event = changed
    assert (event.stage, event.previous_stage, event.changed_by) == ("dormant", "active", None)
    assert stages.passed(community, NOW + 364 * DAY) is None
    changed = stages.passed(community, NOW + 365 * DAY)
    assert changed is not None
    community, event = changed
    assert (community.stage, event.stage, stages.due(community)) == ("archived", "archived", None)


def posted(community: Community, at: datetime, now: datetime, members: int = 3) -> Any:
    return stages.posted(community, at, members=members, rules=RULES, now=now)


def test_enough_members_and_a_post_in_whichever_order() -> None:
    few, event = posted(founded(), NOW, NOW, members=2)
    assert (few.stage, event) == ("forming", None)
    grown, event = stages.grown(few, members=3, now=NOW)
    assert (grown.stage, event.stage) == ("active", "active")
    assert stages.grown(founded(), members=30, now=NOW)[1] is None
    assert posted(founded(), NOW, NOW)[0].stage == "active"


def test_a_post_wakes_a_late_one_does_not() -> None:
    dormant = founded(stage="dormant", posted_at=NOW, quiet_since=NOW)
    now = NOW + 200 * DAY
    late, event = posted(dormant, now - 91 * DAY, now)
    assert (late.stage, event, late.quiet_since) == ("dormant", None, now - 91 * DAY)
    awake, event = posted(dormant, now, now)
    assert (awake.stage, event.previous_stage) == ("active", "dormant")
    assert posted(awake, now, now) is None  # replayed
    assert posted(awake, NOW, now) is None  # late
    ahead, _ = posted(awake, now + 3_650 * DAY, now + DAY)
    assert ahead.quiet_since == now + DAY


def test_no_post_brings_back_what_is_archived() -> None:
    archived = founded(stage="archived", posted_at=NOW, quiet_since=NOW)
    after, event = posted(archived, NOW + DAY, NOW + DAY)
    assert (after.stage, after.posted_at, event) == ("archived", NOW + DAY, None)


def test_old_posts_of_an_import_are_no_silence() -> None:
    community = founded(created_at=NOW - 4_000 * DAY, quiet_since=NOW)
    active, event = posted(community, NOW - 3_000 * DAY, NOW)
    assert (active.stage, event.stage, stages.due(active)) == ("active", "active", NOW + 90 * DAY)


def test_a_steward_archives_and_reopens_within_a_year() -> None:
    archived, event = stages.archive(founded(), STEWARD, NOW)
    assert (event.stage, event.changed_by) == ("archived", "stew")
    with pytest.raises(Conflict, match="archived"):
        stages.archive(archived, STEWARD, NOW)
    reopened, event = stages.reopen(archived, STEWARD, RULES, NOW + 364 * DAY)
    assert (event.stage, stages.due(reopened)) == ("active", NOW + (364 + 90) * DAY)
    with pytest.raises(Conflict, match="archived-for-good"):
        stages.reopen(archived, STEWARD, RULES, NOW + 365 * DAY)
    with pytest.raises(Conflict, match="wrong-stage"):
        stages.reopen(reopened, STEWARD, RULES, NOW)
    for act in (stages.archive, lambda c, a, n: stages.reopen(c, a, RULES, n)):
        with pytest.raises(Forbidden, match="not-a-steward"):
            act(founded(), joined(), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: communities.set_up(c, STEWARD, Setup(name="x", about="y")),
        lambda c: communities.join(c, None, "new", None, NOW),
        lambda c: communities.change_role(c, STEWARD, joined(), "facilitator", stewards=1),
    ],
)
def test_an_archived_community_is_read_only(change: Callable[[Community], Any]) -> None:
    change(founded())
    with pytest.raises(Conflict, match="archived"):
        change(founded(stage="archived"))
    communities.leave(founded(stage="archived"), joined(), stewards=1, members=2)  # nobody is held


STEPS = st.tuples(st.sampled_from(["wait", "post", "archive", "reopen"]), st.floats(0, 400))


@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_a_community_stays_sound(steps: list[tuple[str, float]]) -> None:
    community, now = founded(quiet_since=NOW), NOW
    for step, number in steps:
        before, events = community, list[CommunityStageChanged | None]()
        now += DAY / 12
        match step:
            case "wait":
                now += number * DAY
                while changed := stages.passed(community, now):
                    community = changed[0]
                    events.append(changed[1])
            case "post":
                if (changed := posted(community, now - number * DAY, now)) is not None:
                    community = changed[0]
                    events.append(changed[1])
            case "archive" if before.stage != "archived":
                community, event = stages.archive(community, STEWARD, now)
                events.append(event)
            case "reopen" if before.stage == "archived" and now < before.stage_since + 365 * DAY:  # type: ignore[operator]
                community, event = stages.reopen(community, STEWARD, RULES, now)
                events.append(event)
        told = [event for event in events if event]
        assert community.version - before.version == len(told)
        assert (community.stage != before.stage) <= bool(told)
        for event in told:
            assert event.stage in stages.TRANSITIONS[event.previous_stage].values()
        while stages.passed(community, now):  # a late duty
            community = stages.passed(community, now)[0]  # type: ignore[index]


# -- succession ----------------------------------------------------------------------------------------


def test_each_step_of_the_search_comes_once() -> None:
    community = succession.noted(founded(), led=False, now=NOW)
    assert succession.noted(community, led=False, now=NOW + DAY) == community  # the days count on
    assert succession.ask(community, ["ann"], NOW + 29 * DAY) is None
    changed = succession.ask(community, ["ann", "bob"], NOW + 30 * DAY)
    assert changed is not None
    community, event = changed
    assert (event.audience, event.asked, event.since) == ("members", ["ann", "bob"], NOW)
    assert succession.ask(community, ["ann"], NOW + 59 * DAY) is None
    changed = succession.ask(community, ["cid", "ann"], NOW + 60 * DAY)
    assert changed is not None
    community, event = changed
    assert (event.audience, event.asked) == ("operators", ["cid", "ann"])
    assert community.candidates == ["ann", "bob", "cid"]
    assert succession.due(community) is None
    assert isinstance(event, StewardNeeded)


def test_whoever_comes_back_ends_the_search() -> None:
    searching = founded(leaderless_since=NOW, asked_for_steward="members", candidates=["bob"])
    ended = succession.noted(searching, led=True, now=NOW)
    assert succession.due(ended) is None
    with pytest.raises(Conflict, match="no-steward-needed"):
        succession.volunteer(ended, joined())


def test_one_of_the_asked_volunteers() -> None:
    searching = founded(leaderless_since=NOW, asked_for_steward="members", candidates=["bob"])
    _, steward, event = succession.volunteer(searching, joined())
    assert event is not None
    assert (steward.role, event.role, event.changed_by) == ("steward", "steward", "bob")
    with pytest.raises(Forbidden, match="not-asked"):
        succession.volunteer(searching, joined(member_id="eve"))
    back = joined(role="steward")
    assert succession.volunteer(searching, back) == (searching, back, None)  # was dormant, and comes back
    with pytest.raises(Conflict, match="archived"):
        succession.volunteer(searching.model_copy(update={"stage": "archived"}), joined())


# -- budget and health ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "used"), [(4, 3), (8, 0)])
def test_there_is_room(limit: int, used: int) -> None:
    budget.require_room(Budget(limit, used))


@pytest.mark.parametrize(("limit", "used"), [(4, 4), (1, 5)])
def test_over_budget_names_all_that_helps(limit: int, used: int) -> None:
    with pytest.raises(Conflict, match="over-budget") as refused:
        budget.require_room(Budget(limit, used))
    for way in ("Leave", "/availability", "instead_of", "beyond_budget"):
        assert way in str(refused.value.fix)


def test_everybody_is_counted_once() -> None:
    figures = Figures(members=10, dormant=2, core=1, contributors=3, readers=6)
    assert figures.core + figures.active + figures.peripheral + figures.dormant == figures.members
    assert figures.share_of_readers == 0.6
    assert Figures(0, 0, 0, 0, 0).share_of_readers == 0
    assert health.days_quiet(founded(), NOW) is None
    assert health.days_quiet(founded(posted_at=NOW), NOW + 2.9 * DAY) == 2
