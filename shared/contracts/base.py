"""What an event is: a frozen pydantic model with a name, a version and a topic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contracts.topics import Topic

MEMBER = "member"
"""Marks a field as holding a member's id: events are searched by it for those who are erased."""
MemberId = Annotated[
    str, Field(description="A member's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]), MEMBER
]
CommunityId = Annotated[
    str, Field(description="A community's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01"])
]
OrgId = Annotated[str, Field(description="An organisation's id.", examples=["city-of-aarhus"])]
ThreadId = Annotated[
    str,
    Field(
        description="The thread's id: the problem's id for everything that descends from a problem.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"],
    ),
]
SolutionId = Annotated[
    str, Field(description="A solution's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e01"])
]
CommentId = Annotated[
    str, Field(description="A comment's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2f01"])
]
AskId = Annotated[
    str, Field(description="An expert ask's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3a01"])
]
NotificationId = Annotated[
    str, Field(description="A notification's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3b01"])
]
Title = Annotated[str, Field(description="The problem's title.", examples=["Permits wait for a signature"])]
Body = Annotated[
    str, Field(description="The text, as Markdown.", examples=["Every permit waits **nine days** on paper."])
]
Tags = Annotated[
    list[str],
    Field(description="Tags, lower case, each once.", examples=[["permits", "digital-signature"]]),
]
Moment = Annotated[AwareDatetime, Field(description="A moment, RFC 3339.", examples=["2026-03-02T09:30:00Z"])]

_KEBAB = re.compile(r"(?<!^)(?=[A-Z])")
_VERSION = re.compile(r"V(\d+)$")


def _marked(annotation: Any) -> bool:
    """Whether ``MEMBER`` marks something within ``annotation``: an alternative, the items of a list."""
    return MEMBER in getattr(annotation, "__metadata__", ()) or any(map(_marked, get_args(annotation)))


EVENTS: dict[str, type[Event]] = {}
"""Every event type of the published language by its CloudEvents type."""


class Event(BaseModel):
    """A fact that a service publishes. The data alone; the envelope adds id, time and trace.

    ``version`` is the version of the aggregate that the topic's key names, after this event: it grows by
    one with each of them. Producers forbid unknown fields (here), consumers ignore them (``read``).
    A class name says the event's name; a suffix ``V2`` its version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: ClassVar[Topic]
    event_name: ClassVar[str]
    schema_version: ClassVar[int]
    type: ClassVar[str]
    member_fields: ClassVar[tuple[str, ...]]
    """The fields that hold a member's id, or several."""

    version: Annotated[
        int, Field(description="The version of the aggregate that the key names.", ge=1, examples=[7])
    ]

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        """``abstract`` marks a base of events that is not an event itself."""
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.member_fields = tuple(
            name
            for name, field in cls.model_fields.items()
            if MEMBER in field.metadata or _marked(field.annotation)
        )
        if not abstract:
            suffix = _VERSION.search(cls.__name__)
            cls.schema_version = int(suffix[1]) if suffix else 1
            cls.event_name = _KEBAB.sub("-", _VERSION.sub("", cls.__name__)).lower()
            cls.type = f"guildhall.{cls.event_name}.v{cls.schema_version}"
            EVENTS[cls.type] = cls

    @property
    def key(self) -> str:
        """The record's key: the id of the aggregate, which orders its events."""
        value: str = getattr(self, self.topic.key)
        return value

    def members(self) -> set[str]:
        """Everybody whom the event names."""
        named: set[str] = set()
        for name in self.member_fields:
            value = getattr(self, name)
            named.update(value if isinstance(value, list) else () if value is None else (value,))
        return named

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The event with some members called by other ids."""
        changes: dict[str, Any] = {}
        for name in self.member_fields:
            value = getattr(self, name)
            if isinstance(value, list):
                changes[name] = [names.get(each, each) for each in value]
            elif value in names:
                changes[name] = names[value]
        return self.model_copy(update=changes)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The event in ``data`` (JSON), with fields that this version does not know ignored.

        Raises ``pydantic.ValidationError`` if it is not one.
        """
        return cls.model_validate_json(data, extra="ignore")

    def write(self) -> bytes:
        """The event's data as JSON, UTF-8."""
        return self.__pydantic_serializer__.to_json(self)

    @classmethod
    def example(cls) -> Self:
        """An example, put together from the examples of the fields."""
        values = {
            name: (field.examples or [field.get_default(call_default_factory=True)])[0]
            for name, field in cls.model_fields.items()
        }
        return cls.model_validate(values)
