"""Importing gatherings: as they are by now, who comes, and what was noted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from services.discussions import commands, store
from services.discussions.domain.gathering import Exemption
from services.discussions.domain.limits import ATTENDEES, GATHERING_OCCURRENCES
from services.discussions.domain.schedule import schedule
from services.discussions.imports.people import require_member
from shared.storage import UnitOfWork
from shared.web.texts import BodyText, HttpsAddress, Identifier, Line, Moment, Request, TagList, TitleText


def _real(text: str) -> str:
    datetime.fromisoformat(text)
    return text


LocalTime = Annotated[
    str,
    StringConstraints(pattern=r"^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"),
    AfterValidator(_real),
    Field(description="By the clocks of the gathering's zone.", examples=["2026-03-02T10:00"]),
]
Minutes = Annotated[int, Field(strict=True, ge=5, le=23 * 60 + 59, examples=[60])]
Place = Annotated[Line, Field(examples=["Town hall, room 3"])]
Address = Annotated[HttpsAddress | None, Field(examples=["https://meet.example.org/permit-clinic"])]


class ImportedException(Request):
    """What is different with one occurrence: it was moved, or cancelled."""

    occurrence: LocalTime
    cancelled: bool = False
    start: LocalTime
    minutes: Minutes
    place: Place = ""
    address: Address = None


class ImportGathering(Request):
    """An invitation to meet. What is over by now was held, and nobody is told."""

    kind: Literal["gathering"]
    id: Identifier
    community_id: Identifier
    author_id: Identifier
    at: Moment
    title: TitleText
    body: BodyText
    tags: TagList = Field(default_factory=list)
    start: LocalTime
    zone: str = Field(max_length=60, description="IANA time zone.", examples=["Europe/Copenhagen"])
    minutes: Minutes
    recurrence: str | None = Field(None, max_length=300, examples=["FREQ=WEEKLY;COUNT=10;BYDAY=MO"])
    place: Place = ""
    address: Address = None
    capacity: int | None = Field(None, ge=1, le=ATTENDEES, examples=[20])
    exceptions: list[ImportedException] = Field(default_factory=list, max_length=GATHERING_OCCURRENCES)
    sequence: int = Field(
        0, ge=0, le=1_000_000, description="How often calendars had to change.", examples=[3]
    )
    going: int = Field(
        0, ge=0, le=ATTENDEES, description="How many came; who it was is imported apart.", examples=[12]
    )
    cancelled_at: Moment | None = Field(None, description="Since when what was left of it is cancelled.")

    def fields(self) -> dict[str, Any]:
        """The fields of a gathering. Raises ``BadInput`` for a schedule that makes no sense."""
        same = ("title", "body", "tags", "place", "address", "capacity", "sequence", "going", "cancelled_at")
        exemptions = [Exemption.model_validate(each.model_dump()) for each in self.exceptions]
        when = schedule(datetime.fromisoformat(self.start), self.zone, self.minutes, self.recurrence)
        return {name: getattr(self, name) for name in same} | {"schedule": when, "exemptions": exemptions}


class ImportGatheringReply(Request):
    """A member came to a gathering, or might, or waited for a place."""

    kind: Literal["gathering-reply"]
    gathering_id: Identifier
    member_id: Identifier
    reply: Literal["yes", "maybe"]
    waiting: bool = False
    at: Moment


class ImportGatheringNotes(Request):
    """What was noted of one occurrence."""

    kind: Literal["gathering-notes"]
    gathering_id: Identifier
    occurrence: LocalTime
    author_id: Identifier
    at: Moment
    text: BodyText = Field(examples=["We went through **three** permits."])


Item = ImportGathering | ImportGatheringReply | ImportGatheringNotes


async def carry_out(uow: UnitOfWork, item: Item) -> bool:
    """Import it, unless it is there; whether it was not."""
    match item:
        case ImportGathering():
            if await store.threads.load_thread(uow, item.id):
                return False
            await require_member(uow, item.community_id, item.author_id)
            await commands.gatherings.take_over(
                uow, item.author_id, item.id, item.community_id, at=item.at, **item.fields()
            )
            return True
        case ImportGatheringReply():
            gathering = await commands.gatherings.imported(uow, item.gathering_id)
            await require_member(uow, gathering.community_id, item.member_id)
            return await commands.gatherings.take_over_reply(
                uow, gathering, item.member_id, item.reply, waiting=item.waiting, at=item.at
            )
        case ImportGatheringNotes():
            gathering = await commands.gatherings.imported(uow, item.gathering_id)
            await require_member(uow, gathering.community_id, item.author_id)
            occurrence = datetime.fromisoformat(item.occurrence)
            return await commands.gatherings.take_over_notes(
                uow, gathering, item.author_id, occurrence, item.text, item.at
            )
