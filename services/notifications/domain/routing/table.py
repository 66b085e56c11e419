"""The table: every event that notifies somebody, and every kind of notification. Put together here alone."""

from __future__ import annotations

from services.notifications.domain.routing import (
    asks,
    communities,
    gatherings,
    people,
    practices,
    recommendations,
    threads,
)
from services.notifications.domain.routing.draft import Draft, Known, Routes, Rules
from shared.contracts.base import Event
from shared.contracts.matching import ExpertAsked
from shared.ids import is_former_member

RULES: Rules = {
    **asks.RULES,
    **threads.RULES,
    **practices.RULES,
    **gatherings.RULES,
    **communities.RULES,
    **people.RULES,
    **recommendations.RULES,
}
"""The rule of each kind. Stored items name their kind alone; the words are put together when read."""

_ROUTES: Routes = {
    **asks.ROUTES,
    **threads.ROUTES,
    **practices.ROUTES,
    **gatherings.ROUTES,
    **communities.ROUTES,
    **people.ROUTES,
    **recommendations.ROUTES,
}

NOTIFYING = tuple(_ROUTES)
"""The events that notify somebody."""


def route(event: Event, known: Known = Known()) -> list[Draft]:  # noqa: B008 it cannot be changed
    """Whom ``event`` notifies, and of what. Never the one who acted, nobody twice, and no former member.

    ``known`` has what is known of the events' threads and communities. Whoever asked anonymously is not
    named, whatever they do in their thread.
    """
    drafts = [
        draft
        for draft in _ROUTES[type(event)](event, known)
        if draft.recipient_id != draft.actor_id and not is_former_member(draft.recipient_id)
    ]
    return [draft._replace(actor_id=None) if _unnamed(event, draft, known) else draft for draft in drafts]


def _unnamed(event: Event, draft: Draft, known: Known) -> bool:
    if isinstance(event, ExpertAsked):
        return event.anonymous
    thread = known.threads.get(draft.thread_id) if draft.thread_id else None
    return thread is not None and thread.anonymous and draft.actor_id == thread.author_id
