"""The published language: events, topics, and what is generated from them.

``EVENTS`` has every event type; the modules beside this one have the models by their publishing service.
"""

from shared.contracts import (
    content,
    discussions,
    matching,
    members,
    mentorships,
    notifications,
    practices,
    recommendations,
)
from shared.contracts.base import EVENTS, Event
from shared.contracts.topics import ALL_TOPICS, EVENT_TOPICS, Topic

__all__ = [
    "ALL_TOPICS",
    "EVENTS",
    "EVENT_TOPICS",
    "Event",
    "Topic",
    "content",
    "discussions",
    "matching",
    "members",
    "mentorships",
    "notifications",
    "practices",
    "recommendations",
]
