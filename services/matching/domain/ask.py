"""An ask: one member asked about one problem, and what they made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.matching import AskedAs, DeclinedBecause
from shared.errors import Conflict, NotFound

State = Literal["sent", "accepted", "declined", "answered", "expired"]
Command = Literal["accept", "decline", "answer", "expire"]

TRANSITIONS: Mapping[State, Mapping[Command, State]] = {
    "sent": {"accept": "accepted", "decline": "declined", "answer": "answered", "expire": "expired"},
    "accepted": {"answer": "answered"},
    "declined": {"answer": "answered"},
    "expired": {"answer": "answered"},
    "answered": {},
}
"""What leads where. Whoever answers the problem has answered the ask, whatever they had said of it."""


class Ask(BaseModel):
    """One member asked about one problem."""

    model_config = ConfigDict(frozen=True)

    ask_id: str
    thread_id: str
    community_id: str
    expert_id: str
    expert_org_id: str | None = None
    """Where the expert worked when asked: load is told by organisation."""
    asker_id: str
    problem_title: str
    anonymous: bool = False
    """The expert is not told who asks."""
    asked_as: AskedAs = "expert"
    wave: int
    reasons: list[str]
    state: State = "sent"
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    """When it was accepted, declined or answered, or expired."""
    declined_because: DeclinedBecause | None = None
    decline_reason: str = ""
    ignored: bool = False
    """Its time was over without a word, while the problem was still waiting."""

    @property
    def reacted_at(self) -> datetime | None:
        """When the expert said or did something; nothing where it came to an end without them."""
        return None if self.state == "expired" else self.answered_at

    def state_at(self, now: datetime) -> State:
        """Its state at ``now``: an ask expires by itself, though that is noted a little later."""
        return "expired" if self.state == "sent" and self.expires_at <= now else self.state

    def allows(self, command: Command) -> bool:
        """Whether a command has any effect in its state."""
        return command in TRANSITIONS[self.state]

    def after(self, command: Command, now: datetime) -> Ask:
        """The ask after a command that its state allows."""
        return self.model_copy(update={"state": TRANSITIONS[self.state][command], "answered_at": now})

    def is_open(self, wanted: State, now: datetime) -> bool:
        """Whether ``wanted`` is still to be said by the expert, rather than said before. ``Conflict`` if
        neither."""
        state = self.state_at(now)
        if state == "expired":
            raise Conflict(
                "ask-expired",
                f"This ask expired at {self.expires_at:%Y-%m-%d %H:%M} UTC.",
                fix="You can still propose a solution to the problem itself.",
            )
        if state not in ("sent", wanted):
            raise Conflict("ask-answered", f"You have {state} this ask already.")
        return state == "sent"


def no_such_ask() -> NotFound:
    """What somebody gets whom an ask does not concern, and what everybody gets where there is none."""
    return NotFound("no-such-ask", "There is no such ask.", fix="Check its id.")
