"""Sharing tools and resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.discussions import store
from services.discussions.commands import access
from services.discussions.domain import resource as resources
from services.discussions.domain.resource import Resource
from shared.storage import UnitOfWork


async def draft(
    uow: UnitOfWork, author_id: str, thread_id: str, community_id: str, fields: Mapping[str, Any]
) -> Resource:
    """Begin to share a resource in a community."""
    author = await access.participant(uow, community_id, author_id)
    resource = resources.draft(thread_id, author, uow.now, **fields)
    store.threads.save_thread(uow, resource)
    return resource
