"""The rules of a community's door: every state, every policy, who decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain import admission as admissions
from services.members.domain import community as communities
from services.members.domain.admission import TRANSITIONS, Admission, Belonging, Command
from services.members.domain.community import Community, Membership, Setup
from services.members.domain.rules import RULES
from shared.contracts.members import JoinPolicy, Role
from shared.errors import BadInput, Conflict, Forbidden, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def community(policy: JoinPolicy = "by-request", **changes: Any) -> Community:
    setup = Setup(name="C", about="…", join_policy=policy)
    made, _ = communities.found("c", kind="external", setup=setup, founder_id="stew", org_id=None, now=NOW)
    return made.model_copy(update={"version": 2} | changes)


def belongs(member_id: str, role: Role = "member") -> Membership:
    return Membership(community_id="c", member_id=member_id, role=role, standing="active", joined_at=NOW)


STEWARD = belongs("stew", "steward")


class Door:
    """One person before one community, led through the domain as the commands do."""

    def __init__(self, policy: JoinPolicy) -> None:
        self.community = community(policy)
        self.membership: Membership | None = None
        self.admission: Admission | None = None
        self.now = NOW

    @property
    def state(self) -> Belonging:
        return admissions.belonging(self.membership, self.admission)

    def do(self, command: Command) -> int:
        """Carry it out; answer how many events it made."""
        c, m, a, now = self.community, self.membership, self.admission, self.now
        events: list[Any] = []
        match command:
            case "request":
                c, a, event = admissions.request(c, m, a, "bob", None, note="", rules=RULES, now=now)
                events.append(event)
            case "invite":
                a = admissions.invite(c, STEWARD, m, a, "bob", None, note="", now=now)
            case "join" | "approve":
                if command == "join":
                    if m is None:
                        admissions.may_join(c, a)
                elif a is None:
                    raise Conflict("nothing-asked", "The command answers 404.")
                else:
                    c, approved = admissions.approve(c, STEWARD, m, a)
                    events.append(approved)
                c, m, joined = communities.join(c, m, "bob", None, now)
                events.append(joined)
                a = None
            case "decline":
                if a is None:
                    raise Conflict("nothing-asked", "The command answers 404.")
                c, a, declined = admissions.decline(c, STEWARD, m, a, reason="", now=now)
                events.append(declined)
            case "leave" | "remove":
                if m is None:
                    raise Conflict("no-membership", "The command answers 404.")
                if command == "leave":
                    c, left = communities.leave(c, m, stewards=1, members=2)
                    events.append(left)
                else:
                    c, a, removed = admissions.remove(c, STEWARD, m, reason="", now=now)
                    events.append(removed)
                m = None
        assert [event.version for event in events] == [
            self.community.version + n for n in range(1, len(events) + 1)
        ]
        assert c.version == self.community.version + len(events)
        self.community, self.membership, self.admission = c, m, a
        return len(events)


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(Belonging))
    reached: set[Belonging] = set()
    todo: list[Belonging] = ["outside"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]
    assert reached == set(TRANSITIONS)
    assert {command for row in TRANSITIONS.values() for command in row} == set(get_args(Command))


def policy_allows(policy: JoinPolicy, state: Belonging, command: Command) -> bool:
    """What a policy takes away from the table."""
    if command == "join":
        return state == "invited" or policy == "open"
    if command == "request":
        return policy == "by-request" or (policy == "open" and state != "outside")
    return True


@given(st.sampled_from(get_args(JoinPolicy)), st.lists(st.sampled_from(get_args(Command)), max_size=30))
def test_any_sequence_keeps_to_the_table_and_the_policy(policy: JoinPolicy, steps: list[Command]) -> None:
    door = Door(policy)
    for command in steps:
        door.now += RULES.ask_again_after
        before = door.state
        allowed = command in TRANSITIONS[before] and policy_allows(policy, before, command)
        try:
            door.do(command)
        except Rejected:
            assert not allowed
            assert door.state == before
            continue
        assert allowed
        assert door.state == TRANSITIONS[before][command]


@pytest.mark.parametrize("policy", get_args(JoinPolicy))
def test_who_was_removed_comes_back_through_a_steward_alone(policy: JoinPolicy) -> None:
    door = Door(policy)
    for command in ("invite", "join", "remove"):
        door.do(command)
    with pytest.raises(Forbidden):
        door.do("join")
    with pytest.raises(Forbidden if policy == "by-invitation" else Conflict):
        door.do("request")  # not so soon
    door.do("invite")
    door.do("join")
    assert door.state == "member"


def test_asking_again_waits_to_the_second() -> None:
    door = Door("by-request")
    door.do("request")
    door.do("decline")
    door.now = NOW + RULES.ask_again_after - timedelta(seconds=1)
    with pytest.raises(Conflict, match="declined-lately"):
        door.do("request")
    door.now += timedelta(seconds=1)
    assert door.do("request") == 1


@pytest.mark.parametrize("role", ["member", "facilitator"])
def test_only_stewards_decide(role: Role) -> None:
    actor, c = belongs("ann", role), community()
    asked = Admission(
        community_id="c", member_id="bob", state="requested", note="", changed_by="bob", changed_at=NOW
    )
    for decide in (
        lambda: admissions.approve(c, actor, None, asked),
        lambda: admissions.decline(c, actor, None, asked, reason="", now=NOW),
        lambda: admissions.invite(c, actor, None, None, "bob", None, note="", now=NOW),
        lambda: admissions.remove(c, actor, belongs("bob"), reason="", now=NOW),
    ):
        with pytest.raises(Forbidden, match="not-a-steward"):
            decide()


def test_nobody_removes_themselves() -> None:
    with pytest.raises(Conflict, match="removing-oneself"):
        admissions.remove(community(), STEWARD, STEWARD, reason="", now=NOW)


def test_an_internal_community_invites_its_own() -> None:
    c = community(kind="internal", org_id="aarhus")
    with pytest.raises(BadInput, match="other-organisation"):
        admissions.invite(c, STEWARD, None, None, "bob", "sydney", note="", now=NOW)
    assert admissions.invite(c, STEWARD, None, None, "bob", "aarhus", note="", now=NOW).state == "invited"
