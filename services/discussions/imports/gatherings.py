"""Importing gatherings: as they are by now, who comes, and what was noted."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.discussions import commands, store
from services.discussions.api.gatherings import GatheringText, LocalTime, NewOccurrence
from services.discussions.domain.gathering import Exemption
from services.discussions.domain.limits import ATTENDEES, GATHERING_OCCURRENCES
from services.discussions.imports.people import require_member
from shared.storage import UnitOfWork
from shared.web.texts import BodyText, Identifier, Moment, Request


class ImportedException(NewOccurrence):
    """What is different with one occurrence: it was moved, or cancelled."""

    occurrence: LocalTime
    cancelled: bool = False


class ImportGathering(GatheringText):
    """An invitation to meet. What is over by now was held, and nobody is told."""

    kind: Literal["gathering"]
    id: Identifier
    community_id: Identifier
    author_id: Identifier
    at: Moment
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
        whole = super().fields()
        exemptions = [Exemption.model_validate(each.model_dump()) for each in self.exceptions]
        of_item = {"kind", "id", "community_id", "author_id", "at", "exceptions"}
        return {name: whole[name] for name in whole.keys() - of_item} | {"exemptions": exemptions}


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
