"""The rules of connections: who may do what in which state, and when somebody may ask again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain import connection as connections
from services.members.domain.connection import TRANSITIONS, Command, Connection, ConnectionState
from services.members.domain.rules import RULES
from shared.errors import BadInput, Conflict, Forbidden, NotFound, Rejected

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
COMMANDS = {"accept": connections.accept, "decline": connections.decline, "end": connections.end}


def ask(
    latest: Connection | None = None, by: str = "ann", of: str = "bob", now: datetime = NOW
) -> Connection:
    connection, event = connections.request(
        "c2" if latest else "c1", latest, by, of, note="Hello", thread_id="t", rules=RULES, now=now
    )
    assert (event.version, event.note, event.thread_id) == (1, "Hello", "t")
    return connection


def test_the_table_names_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(get_args(ConnectionState))
    reached, todo = set(), ["requested"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [each for each in TRANSITIONS[state].values() if each not in reached]  # type: ignore[index]
    assert reached == set(TRANSITIONS)
    assert set(COMMANDS) == set(get_args(Command)) == {c for row in TRANSITIONS.values() for c in row}


@given(st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), st.sampled_from(["ann", "bob", "eve"]))))
def test_any_sequence_keeps_to_the_table(steps: list[tuple[Command, str]]) -> None:
    connection = ask()
    for number, (command, actor) in enumerate(steps, 1):
        now = NOW + timedelta(hours=number)
        may = {"accept": {"bob"}, "decline": {"bob"}, "end": {"ann"}}[command]
        if command == "end" and connection.state != "requested":
            may = {"ann", "bob"}
        allowed = actor in may and command in TRANSITIONS[connection.state]
        before = connection
        try:
            connection, event = COMMANDS[command](connection, actor, now)
        except Rejected as error:
            assert not allowed
            assert isinstance(error, NotFound) == (actor == "eve")
            continue
        assert allowed
        assert connection.state == TRANSITIONS[before.state][command]
        assert connection.version == event.version == before.version + 1
        assert connection.changed_at == now
        assert connection.live == (connection.state in ("requested", "connected"))


def test_only_the_addressee_answers_and_only_the_requester_takes_back() -> None:
    connection = ask()
    for command in (connections.accept, connections.decline):
        with pytest.raises(Forbidden, match="not-the-addressee"):
            command(connection, "ann", NOW)
    with pytest.raises(Forbidden, match="not-the-requester"):
        connections.end(connection, "bob", NOW)
    _, taken_back = connections.end(connection, "ann", NOW)
    assert (taken_back.ended_by, taken_back.was_connected) == ("ann", False)


@pytest.mark.parametrize("side", ["ann", "bob"])
def test_either_side_ends_it(side: str) -> None:
    connection, _ = connections.accept(ask(), "bob", NOW)
    ended, event = connections.end(connection, side, NOW)
    assert (ended.state, event.ended_by, event.was_connected) == ("ended", side, True)


def test_nobody_connects_with_themselves() -> None:
    with pytest.raises(BadInput, match="connection-with-oneself"):
        ask(of="ann")


@pytest.mark.parametrize(("by", "of"), [("ann", "bob"), ("bob", "ann")])
def test_one_live_connection_whoever_asks(by: str, of: str) -> None:
    requested = ask()
    with pytest.raises(Conflict, match="already-requested"):
        ask(requested, by, of)
    connected, _ = connections.accept(requested, "bob", NOW)
    with pytest.raises(Conflict, match="already-connected"):
        ask(connected, by, of)
    ended, _ = connections.end(connected, "bob", NOW)
    assert ask(ended, by, of).requester_id == by


def test_who_was_declined_waits_and_who_declined_does_not() -> None:
    declined, _ = connections.decline(ask(), "bob", NOW)
    again = NOW + RULES.ask_again_after
    with pytest.raises(Conflict, match="declined-lately"):
        ask(declined, now=again - timedelta(seconds=1))
    assert ask(declined, now=again).state == "requested"
    assert ask(declined, "bob", "ann").requester_id == "bob"
