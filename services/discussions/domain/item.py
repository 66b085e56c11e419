"""An item: whatever can be commented on, reacted to and moderated. A thread, or something in one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Reader
from shared.contracts.discussions import ItemKind
from shared.errors import NotFound


class Said(NamedTuple):
    """What an item says, and what it can be searched by."""

    kind: ItemKind
    item_id: str
    thread_id: str
    community_id: str
    author_id: str | None
    """Nobody where they are anonymous."""
    at: datetime
    title: str
    text: str
    tags: Sequence[str]
    state: str
    """Empty where its kind has none."""


class Item(BaseModel):
    """What everything that a community writes has in common."""

    model_config = ConfigDict(frozen=True)

    author_id: str
    reactions: dict[str, int] = Field(default_factory=dict)
    """How many members reacted how."""
    hidden: list[str] = Field(default_factory=list)
    """Which hidden items it belongs to, itself included: it is shown to all where there is none."""
    anonymous: bool = False
    """Only stewards see whose it is."""
    indexed: int = 0
    """Tells what search has of it from what it says now."""

    def said(self) -> Said | None:
        """What search is to find it by; nothing where it is not to be found."""
        return None

    def visible_to(self, reader: Reader) -> bool:
        """Whether a member of its community may see it: what is hidden, its author and curators alone."""
        return not self.hidden or reader.curates or reader.member_id == self.author_id


class Target(NamedTuple):
    """An item that something is about."""

    kind: ItemKind
    item_id: str
    author_id: str
    depth: int = 0
    """How many comments it is down from what is no comment."""
    within: tuple[str, ...] = ()
    """The items of its thread that it hangs on, the outermost first."""
    hidden: tuple[str, ...] = ()
    """Which hidden items it belongs to, itself included."""
    gone: bool = False
    """Its author took it back."""


class InThread(Protocol):
    """Whatever is in a thread, or is one."""

    @property
    def thread_id(self) -> str: ...

    @property
    def community_id(self) -> str: ...


def no_such_item(kind: ItemKind) -> NotFound:
    """Also for one that exists, but elsewhere or not for the one who asks."""
    return NotFound(
        "no-such-item", f"There is no such {kind} in this thread.", field="/item_id", fix="Check its id."
    )
