"""Sharing tools and resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.discussions import store
from services.discussions.commands import access
from services.discussions.domain import resource as resources
from services.discussions.domain.resource import Resource
from shared.storage import UnitOfWork


async def draft(
    uow: UnitOfWork,
    author_id: str,
    thread_id: str,
    community_id: str,
    fields: Mapping[str, Any],
    at: datetime | None = None,
) -> Resource:
    """Begin to share a resource in a community; ``at`` is when, in an import."""
    author = await access.participant(uow, community_id, author_id)
    resource = resources.draft(thread_id, author, at or uow.now, **fields)
    store.threads.save_thread(uow, resource)
    return resource
