"""What members makes of others' events: who reads and contributes where, and which communities are silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.members.commands import lives
from services.members.commands.lives import Deed
from shared.contracts.base import Event
from shared.contracts.discussions import (
    CommentAdded,
    ProblemPosted,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
    ThreadEvent,
)
from shared.contracts.notifications import NotificationRead
from shared.messaging.reactions import Batch, Reactions
from shared.storage import Cause, UnitOfWork

reactions = Reactions("members")

ACTORS: Mapping[type[ThreadEvent], str] = {
    ProblemPosted: "author_id",
    SolutionProposed: "solution_author_id",
    SolutionRevised: "editor_id",
    SolutionEndorsed: "endorser_id",
    SolutionAccepted: "accepted_by",
    CommentAdded: "author_id",
}
"""What counts as a contribution, and the field that says whose."""

POSTS = (ProblemPosted, SolutionProposed, CommentAdded)
"""What breaks a community's silence."""


@reactions.batch(*ACTORS, NotificationRead)
async def deeds(batch: Batch[Event], uow: UnitOfWork) -> None:
    """Know when members were active where, and when something was last posted in a community."""
    done: list[Deed] = []
    posts: dict[str, tuple[datetime, Cause]] = {}
    for received in batch:
        event = received.event
        if isinstance(event, ThreadEvent):
            who: str | None = getattr(event, ACTORS[type(event)])
            if who is not None:  # nobody is named where somebody posted anonymously
                done.append(Deed(event.community_id, who, received.at, True, received.cause))
        elif isinstance(event, NotificationRead) and event.community_id is not None:
            done.append(Deed(event.community_id, event.member_id, received.at, False, received.cause))
        if isinstance(event, POSTS):
            latest = posts.get(event.community_id)
            if latest is None or received.at > latest[0]:
                posts[event.community_id] = (received.at, received.cause)
    await lives.note_deeds(uow, done, posts)
