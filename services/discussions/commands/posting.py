"""What everything has in common that a member writes for others."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.discussions import store
from services.discussions.domain import moderation
from services.discussions.domain.access import Participant
from shared.storage import UnitOfWork


async def admit(uow: UnitOfWork, author: Participant, *texts: str, at: datetime | None = None) -> None:
    """The author contributes ``texts``, unless they are new and it is too much; ``at`` is when, in an import,
    which is not held to that."""
    if at is None:
        community = await store.access.load_community(uow, author.community_id)
        moderation.admit(author, community, texts, uow.now)
        rules = community.rules
        if uow.now - author.joined_at < timedelta(days=rules.newcomer_days):
            store.access.note_post(uow, author, uow.now, rules.newcomer_posts_a_day)
    store.access.note_contribution(uow, author)
