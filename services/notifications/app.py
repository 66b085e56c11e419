"""Notifications, put together."""

from __future__ import annotations

from services.notifications import api, store
from services.notifications.reactions import reactions
from services.notifications.stream import running_hub
from shared.service import Service

service = Service(
    name="notifications",
    about="What happened that concerns you: an inbox, and a live stream of it.",
    routers=[api.router],
    reactions=reactions,
    indexes=store.INDEXES,
    personal=store.PERSONAL,
    people=store.PEOPLE,
    background=[running_hub],
)
