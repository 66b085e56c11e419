"""What routing deals in: drafts of notifications, the rules that they go by, and what is known meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from shared.contracts.base import Event
from shared.contracts.discussions import ThreadEvent
from shared.contracts.notifications import NotificationKind


class Thread(NamedTuple):
    """What is known of a thread beside its events."""

    author_id: str | None
    """Who posted the problem; None where only the title was heard of."""
    title: str
    anonymous: bool = False
    """Whether its author is not named."""


class Known(NamedTuple):
    """What is known beside the events: the threads, and what communities are called, each by its id."""

    threads: Mapping[str, Thread] = MappingProxyType({})
    communities: Mapping[str, str] = MappingProxyType({})


class Named(NamedTuple):
    """Words of a notification that name, or quote, something else than what it is about.

    They are shown only as long as their reader may see that: it is looked at whenever they are read.
    """

    community_id: str
    """The community that one must belong to, to see it."""
    words: str
    item_id: str | None = None
    """What they name or quote: a problem, a solution, an adaptation. None where it is the community."""
    title: str | None = None
    """Of a thread that is named its title. It stands before the words, as it is when they are read."""
    version: int = 0
    """Of what is quoted: the version of the thread that it is from."""


class Draft(NamedTuple):
    """A notification that somebody should get, unless a rule holds it back."""

    recipient_id: str
    kind: NotificationKind
    thread_id: str | None
    community_id: str | None
    """The community that one must belong to, to see it."""
    actor_id: str | None
    """Who did it, or who is suggested; nobody where they are not to be named, or time did it."""
    title: str
    """The problem's, or the community's name; empty where it is about neither."""
    subject_id: str
    """What it is about: the ask, the solution, the comment, the mentorship, the connection, the community."""
    note: str | None = None
    """Words that came with the event, and name nothing else: why this expert, why declined, what helps."""
    about: str | None = None
    """What the recipient wrote that was commented on (problem, solution or comment), or the role given."""
    org_id: str | None = None
    """The organisation that one must be of, to see it: whose affair a community is that one is not in yet."""
    names: tuple[Named, ...] = ()
    """Further words, each with what it names or quotes; they stand before the note."""

    @property
    def tells_of(self) -> set[str]:
        """The ids of all that it is about, names or quotes: if one is hidden, that is not told."""
        ids = (self.thread_id, self.subject_id, *(each.item_id for each in self.names))
        return {each for each in ids if each}

    @property
    def titles(self) -> dict[str, str]:
        """What the threads are called that it tells of, each by its id."""
        named = {each.item_id: each.title for each in self.names if each.item_id and each.title}
        return {**named, self.thread_id: self.title} if self.thread_id and self.title else named


class Rule(NamedTuple):
    """Why a kind of notification reaches somebody. The sentences take ``actor``, ``title`` and ``about``."""

    name: str
    reason: str
    text: str


Rules = Mapping[NotificationKind, Rule]
Routes = Mapping[type[Event], Callable[[Any, Known], list[Draft]]]
"""Which function says whom an event notifies."""


class _OfProblem(Protocol):
    """An event in a problem's thread."""

    @property
    def thread_id(self) -> str: ...
    @property
    def community_id(self) -> str: ...
    @property
    def problem_title(self) -> str: ...


def about_problem(
    event: _OfProblem,
    kind: NotificationKind,
    recipients: Iterable[str],
    actor_id: str | None,
    subject_id: str,
    note: str | None = None,
    about: str | None = None,
    names: tuple[Named, ...] = (),
) -> list[Draft]:
    """What each of ``recipients`` gets, once, about something in a problem's thread."""
    return [
        Draft(
            member_id, kind, event.thread_id, event.community_id, actor_id, event.problem_title,
            subject_id, note or None, about, names=names,
        )
        for member_id in dict.fromkeys(recipients)
    ]  # fmt: skip


def quotation(event: ThreadEvent, item_id: str, words: str) -> tuple[Named, ...]:
    """``words`` that were taken from an item of the event's thread."""
    return (Named(event.community_id, words, item_id, version=event.version),)
