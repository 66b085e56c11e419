"""Notifications: everybody who belongs to a community was told of something, and what a valid request is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from services.notifications import api
from services.notifications.app import service
from services.notifications.reactions import reactions
from shared.clock import FixedClock
from shared.contracts import Event
from shared.contracts.discussions import CommentAdded, ContentFlagged
from shared.contracts.members import (
    CommunityCreated,
    MemberErased,
    MemberJoined,
    MemberRegistered,
    MemberRemoved,
)
from shared.ids import new_id
from shared.messaging.envelope import Received
from shared.testing.harness import create_topics, running, settings_for
from shared.testing.stack import Stack
from tests.component.access.place import UNKNOWN, Place, needs
from tests.component.access.table import CALLERS, KINDS
from tests.component.world import NOW

BELONG = ("trial", "member", "author", "facilitator", "steward", "removed", "erased")

RECIPES = {
    "GET /inbox": needs(shows="{problem}"),
    "GET /inbox of the hidden": needs(shows="{hidden}"),
    "POST /inbox/read": needs({"up_to_seq": 9}),
    "POST /inbox/{notification_id}/read of one's own": needs(notification_id="{own}"),
    "POST /inbox/{notification_id}/read of the hidden": needs(notification_id="{own_hidden}"),
    "POST /inbox/{notification_id}/archive of one's own": needs(notification_id="{own}"),
    "POST /inbox/{notification_id}/archive of the hidden": needs(notification_id="{own_hidden}"),
    "PUT /inbox/mutes/{thread_id}": needs(thread_id="{problem}"),
    "DELETE /inbox/mutes/{thread_id}": needs(thread_id="{problem}"),
    "GET /stream": needs(headers={"Last-Event-ID": "0"}, shows="{problem}"),
    "GET /erasures/{member_id}": needs(member_id="{erased}"),
}


@asynccontextmanager
async def places(stack: Stack) -> AsyncIterator[list[Place]]:
    """Notifications of an internal and an external community. A stream is over soon."""
    await create_topics(stack)
    settings = settings_for(stack, relay_in_process=False)
    async with running(service, stack, settings, FixedClock(NOW)) as app:
        found = [Place(app, kind) for kind in KINDS]
        for place in found:
            await _populate(place)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(api, "SETTINGS", api.SETTINGS.model_copy(update={"stream_seconds": 0.3}))
            yield found


_versions = count(1)


async def _feed(place: Place, of: type[Event], who: str = "author", **fields: Any) -> None:
    """What happened to somebody of the place, or to what they wrote."""
    values = of.example().model_dump() | {"community_id": place.things["community"], "org_id": place.org}
    values |= {"member_id": place.id(who), "version": next(_versions)} | fields
    event = of.model_validate({name: values[name] for name in of.model_fields})
    received: list[Received[Any]] = [Received(new_id(), event, NOW, None, None)]
    await place.app.state.database.transact(lambda uow: reactions.apply(received, uow))


async def _populate(place: Place) -> None:
    things = place.things
    things |= {"community": f"{place.kind}-offices", "problem": f"{place.kind}-problem"}
    things |= {"own": UNKNOWN, "own_hidden": UNKNOWN}
    await _feed(place, CommunityCreated, kind=place.kind)
    for who in CALLERS[1:]:
        things[who] = place.id(who)
        await _feed(place, MemberRegistered, who, name=who.title(), org_id=place.org_of(who))
    for who in BELONG:
        await _feed(place, MemberJoined, who)
    for name in ("comment", "hidden"):  # in which everybody is mentioned, strangers too
        things[name] = f"{place.kind}-{name}"
        said = {
            "author_id": place.id("peer"),
            "item_author_id": place.id("author"),
            "comment_id": things[name],
        }
        mentioned = [place.id(who) for who in CALLERS[1:]]
        await _feed(place, CommentAdded, thread_id=things["problem"], mentions=mentioned, **said)
    for who in CALLERS[1:]:
        found = (await place.do(who, "GET", "/inbox"))["items"]
        hidden, told = [each["id"] for each in found] if found else (UNKNOWN, UNKNOWN)
        place.own[who] = {"own": told, "own_hidden": hidden}
    things["notification"] = place.own["author"]["own"]
    flagged = {"item_kind": "comment", "item_id": things["hidden"], "change": "hidden", "hidden": True}
    await _feed(place, ContentFlagged, thread_id=things["problem"], **flagged)
    await _feed(place, MemberRemoved, "removed", removed_by=place.id("steward"))
    await _feed(place, MemberErased, "erased")
