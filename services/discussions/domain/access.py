"""Who may see and do what, by what this service knows of memberships."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.members import DEFAULT_RULES, CommunityKind, CommunityRules, Role, Stage
from shared.errors import Conflict, Forbidden, NotFound


class Community(BaseModel):
    """What this service knows of a community."""

    model_config = ConfigDict(frozen=True)

    community_id: str
    kind: CommunityKind = "external"
    """The stricter one, as long as nothing is known of it."""
    org_id: str | None = None
    rules: CommunityRules = DEFAULT_RULES
    allow_anonymous: bool = False
    stage: Stage = "forming"


class Reader(BaseModel):
    """A member of a community who reads in it."""

    model_config = ConfigDict(frozen=True)

    member_id: str
    community_id: str
    role: Role

    @property
    def curates(self) -> bool:
        """Facilitators and stewards look after what others wrote."""
        return self.role in ("facilitator", "steward")


class Participant(Reader):
    """A member of the community that a command is about."""

    org_id: str | None
    joined_at: datetime
    contributed: bool = False
    """Whether they posted, answered or commented in this community."""
    threads_read: int = 0
    """How many of its threads they have read."""
    endorsed_at: list[datetime] = []
    """When they endorsed something here lately, withdrawn or not."""
    posted_at: list[datetime] = []
    """When they posted here lately, as far as they were new then."""


def require_open(community: Community) -> None:
    """Raise ``Conflict`` where the community is archived: it is read-only."""
    if community.stage == "archived":
        raise Conflict(
            "archived", "This community is archived: it is read-only.", fix="Ask a steward to reopen it."
        )


def no_such_community() -> NotFound:
    """Also for a community that exists, but not for the one who asks."""
    return NotFound(
        "no-such-community", "There is no such community.", fix="Check its id, and join it first."
    )


def no_such_thread() -> NotFound:
    """Also for a thread that exists, but not for the one who asks."""
    return NotFound("no-such-thread", "There is no such thread.", fix="Check its id.")


def no_such_problem() -> NotFound:
    """Also for a problem that exists, but not for the one who asks."""
    return NotFound("no-such-problem", "There is no such problem.", fix="Check its id.")


def no_such_comment() -> NotFound:
    """Also for a comment that exists, but not for the one who asks."""
    return NotFound("no-such-comment", "There is no such comment.", fix="Check its id.")


def no_such_solution() -> NotFound:
    """Also for a solution that exists, but not for the one who asks."""
    return NotFound("no-such-solution", "There is no such solution.", fix="Check its id.")


def require_author_or_curator(actor: Participant, author_id: str, what: str) -> None:
    """Only its author, a facilitator or a steward may change ``what``."""
    if actor.member_id != author_id and not actor.curates:
        raise Forbidden(
            "not-yours",
            f"Only its author, a facilitator or a steward may {what}.",
            fix="Comment on it instead.",
        )
