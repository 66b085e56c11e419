"""A connection between two members: asked for by one, agreed to by the other, ended by either."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.members.domain.rules import Rules
from shared.contracts.members import (
    ConnectionDeclined,
    ConnectionEnded,
    ConnectionMade,
    ConnectionRequested,
)
from shared.errors import BadInput, Conflict, Forbidden, NotFound

ConnectionState = Literal["requested", "connected", "declined", "ended"]
Command = Literal["accept", "decline", "end"]

TRANSITIONS: Mapping[ConnectionState, Mapping[Command, ConnectionState]] = {
    "requested": {"accept": "connected", "decline": "declined", "end": "ended"},
    "connected": {"end": "ended"},
    "declined": {},
    "ended": {},
}
"""What leads where; whoever wants to connect after that asks anew, with a connection of its own."""


class Connection(BaseModel):
    """``version`` counts the events of ``members.connections`` about it."""

    model_config = ConfigDict(frozen=True)

    connection_id: str
    version: int
    requester_id: str
    addressee_id: str
    note: str
    thread_id: str | None
    state: ConnectionState
    requested_at: datetime
    changed_at: datetime

    @property
    def live(self) -> bool:
        """Whether something can still become of it; two members have at most one that is live."""
        return bool(TRANSITIONS[self.state])

    def other(self, member_id: str) -> str:
        """The side that ``member_id`` is not."""
        return self.addressee_id if member_id == self.requester_id else self.requester_id


def pair(one: str, other: str) -> str:
    """What names two members together, whoever of them asked."""
    return ":".join(sorted((one, other)))


def no_such_connection() -> NotFound:
    """What everybody gets who is not a side of it, and where there is none."""
    return NotFound("no-such-connection", "There is no such connection.", fix="Check its id.")


def request(
    connection_id: str,
    latest: Connection | None,
    requester_id: str,
    addressee_id: str,
    *,
    note: str,
    thread_id: str | None,
    rules: Rules,
    now: datetime,
) -> tuple[Connection, ConnectionRequested]:
    """Ask to connect; ``latest`` is the latest connection that the two had or have, whoever asked.

    Whoever declined may ask at any time; whoever was declined waits.
    """
    if requester_id == addressee_id:
        raise BadInput(
            "connection-with-oneself",
            "Nobody connects with themselves.",
            field="/member_id",
            fix="Name another member.",
        )
    if latest is not None and latest.state == "connected":
        raise Conflict("already-connected", "You are connected already.")
    if latest is not None and latest.state == "requested":
        mine = latest.requester_id == requester_id
        raise Conflict(
            "already-requested",
            "You have asked already." if mine else "This member has asked you already.",
            fix="Wait for the answer, or end the request." if mine else "Accept their request.",
        )
    if latest is not None and latest.state == "declined" and latest.requester_id == requester_id:
        again = latest.changed_at + rules.ask_again_after
        if now < again:
            raise Conflict(
                "declined-lately",
                "This member declined to connect not long ago.",
                fix=f"Ask again from {again:%Y-%m-%d} on.",
            )
    connection = Connection(
        connection_id=connection_id,
        version=1,
        requester_id=requester_id,
        addressee_id=addressee_id,
        note=note,
        thread_id=thread_id,
        state="requested",
        requested_at=now,
        changed_at=now,
    )
    return connection, ConnectionRequested(
        connection_id=connection_id,
        version=1,
        requester_id=requester_id,
        addressee_id=addressee_id,
        note=note,
        thread_id=thread_id,
    )


def accept(connection: Connection, actor_id: str, now: datetime) -> tuple[Connection, ConnectionMade]:
    """Agree to connect; for the one who was asked."""
    after = _asked(connection, actor_id, "accept", now)
    return after, ConnectionMade(
        connection_id=after.connection_id,
        version=after.version,
        requester_id=after.requester_id,
        addressee_id=after.addressee_id,
    )


def decline(connection: Connection, actor_id: str, now: datetime) -> tuple[Connection, ConnectionDeclined]:
    """Decline to connect; for the one who was asked."""
    after = _asked(connection, actor_id, "decline", now)
    return after, ConnectionDeclined(
        connection_id=after.connection_id,
        version=after.version,
        requester_id=after.requester_id,
        addressee_id=after.addressee_id,
    )


def end(connection: Connection, actor_id: str, now: datetime) -> tuple[Connection, ConnectionEnded]:
    """End a connection, for either side; take a request back, for the one who made it."""
    _a_side(connection, actor_id)
    if connection.state == "requested" and actor_id != connection.requester_id:
        raise Forbidden(
            "not-the-requester", "Only the one who asked takes a request back.", fix="Decline it instead."
        )
    after = _moved(connection, "end", now)
    return after, ConnectionEnded(
        connection_id=after.connection_id,
        version=after.version,
        requester_id=after.requester_id,
        addressee_id=after.addressee_id,
        ended_by=actor_id,
        was_connected=connection.state == "connected",
    )


def _asked(connection: Connection, actor_id: str, command: Command, now: datetime) -> Connection:
    _a_side(connection, actor_id)
    if actor_id != connection.addressee_id:
        raise Forbidden("not-the-addressee", "Only the one who was asked answers a request.")
    return _moved(connection, command, now)


def _a_side(connection: Connection, actor_id: str) -> None:
    if actor_id not in (connection.requester_id, connection.addressee_id):
        raise no_such_connection()


def _moved(connection: Connection, command: Command, now: datetime) -> Connection:
    following = TRANSITIONS[connection.state].get(command)
    if following is None:
        raise Conflict(
            "wrong-connection-state", f"What is {connection.state} cannot be told to {command} any more."
        )
    return connection.model_copy(
        update={"state": following, "version": connection.version + 1, "changed_at": now}
    )
