"""Routing: which event notifies whom, by which rule, and in which words. One table entry per event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.contracts.base import Event
from shared.contracts.discussions import (
    CommentAdded,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.matching import ExpertAskAccepted, ExpertAskDeclined, ExpertAsked
from shared.contracts.notifications import NotificationKind


class Thread(NamedTuple):
    """What is known of a problem beside the events of its thread."""

    author_id: str
    title: str


class Draft(NamedTuple):
    """A notification that somebody should get, unless a rule holds it back."""

    recipient_id: str
    kind: NotificationKind
    thread_id: str
    community_id: str
    actor_id: str
    title: str
    """The problem's."""
    subject_id: str
    """What it is about: the ask, the solution, the comment."""
    note: str | None = None
    """Words that came with the event: why this expert, why declined, what changed."""
    about: str | None = None
    """What the recipient wrote that was commented on: problem, solution or comment."""


class Rule(NamedTuple):
    """Why a kind of notification reaches somebody. The sentences take ``actor``, ``title`` and ``about``."""

    name: str
    reason: str
    text: str


RULES: Mapping[NotificationKind, Rule] = {
    "expert-ask": Rule(
        "asked-as-expert",
        "because your skills or earlier solutions fit this problem",
        "{actor} asks for your advice on “{title}”",
    ),
    "ask-accepted": Rule(
        "own-problem",
        "because you asked this problem",
        "{actor} will look at “{title}”",
    ),
    "ask-declined": Rule(
        "own-problem",
        "because you asked this problem",
        "{actor} cannot look at “{title}” now",
    ),
    "reply": Rule(
        "reply-to-own-work",
        "because you wrote the {about} that this answers",
        "{actor} answered on “{title}”",
    ),
    "comment": Rule(
        "comment-on-own-work",
        "because you wrote the {about} that this is about",
        "{actor} commented on your {about} in “{title}”",
    ),
    "mention": Rule(
        "mentioned",
        "because {actor} mentioned you",
        "{actor} mentioned you in a comment on “{title}”",
    ),
    "endorsement": Rule(
        "own-solution",
        "because you wrote this solution",
        "{actor} endorsed your solution to “{title}”",
    ),
    "acceptance": Rule(
        "own-solution",
        "because you wrote this solution",
        "{actor} accepted your solution to “{title}”",
    ),
    "revision": Rule(
        "own-problem",
        "because you asked this problem",
        "{actor} revised a solution to “{title}” in substance",
    ),
    "resolution": Rule(
        "own-solution",
        "because you proposed a solution",
        "{actor} resolved “{title}”",
    ),
}
"""The rule of each kind. Stored items name their kind alone; the words are put together when read."""


def route(event: Event, threads: Mapping[str, Thread] = MappingProxyType({})) -> list[Draft]:
    """Whom ``event`` notifies, and of what. Never the one who acted, and nobody twice.

    ``threads`` has what is known of the threads of events that do not say it themselves.
    """
    return [draft for draft in _ROUTES[type(event)](event, threads) if draft.recipient_id != draft.actor_id]


def _expert_asked(event: ExpertAsked, _: object) -> list[Draft]:
    return [
        Draft(
            event.expert_id, "expert-ask", event.thread_id, event.community_id, event.asker_id,
            event.problem_title, event.ask_id, "; ".join(event.reasons),
        )
    ]  # fmt: skip


def _ask_accepted(event: ExpertAskAccepted, _: object) -> list[Draft]:
    return [
        Draft(
            event.asker_id, "ask-accepted", event.thread_id, event.community_id, event.expert_id,
            event.problem_title, event.ask_id,
        )
    ]  # fmt: skip


def _ask_declined(event: ExpertAskDeclined, _: object) -> list[Draft]:
    return [
        Draft(
            event.asker_id, "ask-declined", event.thread_id, event.community_id, event.expert_id,
            event.problem_title, event.ask_id, event.reason or None,
        )
    ]  # fmt: skip


def _solution_proposed(event: SolutionProposed, _: object) -> list[Draft]:
    return [
        Draft(
            event.problem_author_id, "reply", event.thread_id, event.community_id, event.solution_author_id,
            event.problem_title, event.solution_id, about="problem",
        )
    ]  # fmt: skip


def _solution_revised(event: SolutionRevised, threads: Mapping[str, Thread]) -> list[Draft]:
    thread = threads.get(event.thread_id)
    if not event.major or thread is None:
        return []
    return [
        Draft(
            thread.author_id, "revision", event.thread_id, event.community_id, event.editor_id,
            thread.title, event.solution_id, event.note or None,
        )
    ]  # fmt: skip


def _solution_endorsed(event: SolutionEndorsed, _: object) -> list[Draft]:
    return [
        Draft(
            event.solution_author_id, "endorsement", event.thread_id, event.community_id, event.endorser_id,
            event.problem_title, event.solution_id,
        )
    ]  # fmt: skip


def _solution_accepted(event: SolutionAccepted, _: object) -> list[Draft]:
    return [
        Draft(
            event.solution_author_id, "acceptance", event.thread_id, event.community_id, event.accepted_by,
            event.problem_title, event.solution_id,
        )
    ]  # fmt: skip


def _comment_added(event: CommentAdded, _: object) -> list[Draft]:
    mentioned = dict.fromkeys(event.mentions)
    drafts = [
        Draft(
            member_id, "mention", event.thread_id, event.community_id, event.author_id,
            event.problem_title, event.comment_id,
        )
        for member_id in mentioned
    ]  # fmt: skip
    if event.item_author_id not in mentioned:
        drafts.append(
            Draft(
                event.item_author_id, "reply" if event.item_kind == "comment" else "comment",
                event.thread_id, event.community_id, event.author_id,
                event.problem_title, event.comment_id,
                about=(event.about_kind or event.item_kind).replace("-", " "),
            )
        )  # fmt: skip
    return drafts


_ROUTES: dict[type[Event], Callable[[Any, Mapping[str, Thread]], list[Draft]]] = {
    ExpertAsked: _expert_asked,
    ExpertAskAccepted: _ask_accepted,
    ExpertAskDeclined: _ask_declined,
    SolutionProposed: _solution_proposed,
    SolutionRevised: _solution_revised,
    SolutionEndorsed: _solution_endorsed,
    SolutionAccepted: _solution_accepted,
    CommentAdded: _comment_added,
}

NOTIFYING = tuple(_ROUTES)
"""The events that notify somebody."""
