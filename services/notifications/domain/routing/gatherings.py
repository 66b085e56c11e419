"""What changes for those who come to a gathering."""

from __future__ import annotations

from collections.abc import Mapping

from services.notifications.domain.routing.draft import Draft, Routes, Rule, Rules, quotation
from shared.contracts.content import GatheringCancelled, GatheringChange, GatheringChanged
from shared.contracts.notifications import NotificationKind

RULES: Rules = {
    "gathering-changed": Rule(
        "own-gathering", "because you said that you come, or might", "{actor} changed “{title}”"
    ),
    "gathering-cancelled": Rule(
        "own-gathering", "because you said that you come, or might", "{actor} cancelled “{title}”"
    ),
    "gathering-place": Rule(
        "own-gathering", "because you waited for a place", "There is a place for you at “{title}” now"
    ),
    "gathering-notes": Rule(
        "own-gathering",
        "because you said that you come, or might",
        "{actor} published notes of “{title}”",
    ),
}

_CHANGES: Mapping[GatheringChange, NotificationKind] = {
    "moved-up": "gathering-place",
    "notes-published": "gathering-notes",
}
"""What is told of changes that are no changes of time or place."""


def _gathering_changed(event: GatheringChanged, _: object) -> list[Draft]:
    kind = _CHANGES.get(event.change, "gathering-changed")
    return _gathering(event, kind, event.changed_by)


def _gathering_cancelled(event: GatheringCancelled, _: object) -> list[Draft]:
    return _gathering(event, "gathering-cancelled", event.cancelled_by, event.reason)


def _gathering(
    event: GatheringChanged | GatheringCancelled,
    kind: NotificationKind,
    actor_id: str | None,
    words: str = "",
) -> list[Draft]:
    quoted = quotation(event, event.thread_id, words) if words else ()
    return [
        Draft(
            member_id, kind, event.thread_id, event.community_id, actor_id, event.title,
            event.thread_id, names=quoted,
        )
        for member_id in event.tell
    ]  # fmt: skip


ROUTES: Routes = {
    GatheringChanged: _gathering_changed,
    GatheringCancelled: _gathering_cancelled,
}
