"""What members makes of others' events: who reads and contributes where, and which communities are silent."""

from __future__ import annotations

from datetime import datetime

from services.members.commands import lives
from services.members.commands.lives import Deed
from shared.contracts.base import Event
from shared.contracts.content import (
    BenchmarkAnswered,
    BenchmarkOpened,
    CaseStudyPublished,
    ContentReused,
    GatheringScheduled,
    ResourceShared,
)
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
from shared.contracts.practices import SolutionContested
from shared.messaging.reactions import Batch, Reactions
from shared.storage import Cause, UnitOfWork

reactions = Reactions("members")

POSTS = (
    ProblemPosted,
    SolutionProposed,
    CommentAdded,
    CaseStudyPublished,
    ResourceShared,
    BenchmarkOpened,
    BenchmarkAnswered,
    GatheringScheduled,
)
"""What breaks a community's silence."""

CONTRIBUTIONS = (
    *POSTS,
    SolutionRevised,
    SolutionEndorsed,
    SolutionAccepted,
    SolutionContested,
    ContentReused,
)
"""What counts as a contribution of its ``actor``."""


@reactions.batch(*CONTRIBUTIONS, NotificationRead)
async def deeds(batch: Batch[Event], uow: UnitOfWork) -> None:
    """Know when members were active where, and when something was last posted in a community."""
    done: list[Deed] = []
    posts: dict[str, tuple[datetime, Cause]] = {}
    for received in batch:
        event = received.event
        if isinstance(event, ThreadEvent):
            who = event.actor and getattr(event, event.actor)
            if who is not None:  # whoever answers a benchmark need not be named
                done.append(Deed(event.community_id, who, received.at, True, received.cause))
        elif isinstance(event, NotificationRead) and event.community_id is not None:
            done.append(Deed(event.community_id, event.member_id, received.at, False, received.cause))
        if isinstance(event, POSTS):
            latest = posts.get(event.community_id)
            if latest is None or received.at > latest[0]:
                posts[event.community_id] = (received.at, received.cause)
    await lives.note_deeds(uow, done, posts)
