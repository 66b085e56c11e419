"""What a member may see of gatherings, and what their calendar has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.discussions import queries, store
from services.discussions.domain.access import Reader
from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.calendar import hash_of
from services.discussions.domain.gathering import Gathering, GatheringState, Notes, no_such_gathering
from shared.contracts.content import Reply
from shared.errors import NotFound
from shared.storage import Database
from shared.web.auth import Caller

CALENDAR_SIZE = 200
"""How many gatherings a calendar has at most: the next ones."""
After = tuple[datetime, str] | None


async def gathering(database: Database, caller: Caller, thread_id: str) -> Gathering:
    """A gathering that the caller may see."""
    found = await store.gatherings.find_gathering(database, thread_id)
    return (await queries.seen(database, caller, found, no_such_gathering()))[0]


async def coming(
    database: Database, caller: Caller, community_id: str, after: After, limit: int
) -> list[Gathering]:
    """What is to come in a community that the caller belongs to, the next first."""
    by = await queries.reader(database, caller, community_id)
    return await store.gatherings.find_coming(database, by, after, limit)


async def in_state(
    database: Database,
    caller: Caller,
    community_id: str,
    state: GatheringState,
    before: After,
    limit: int,
) -> list[Gathering]:
    """The gatherings in a state in a community that the caller belongs to, newest first."""
    by = await queries.reader(database, caller, community_id)
    return await store.gatherings.find_gatherings(database, by, state, before, limit)


async def own_rsvps(database: Database, caller: Caller, after: After, limit: int) -> list[Rsvp]:
    """To what the caller comes, or might, in whichever community; the next first."""
    return await store.gatherings.find_own_rsvps(database, caller.member_id, after, limit)


async def visible(database: Database, member_id: str, rsvps: list[Rsvp]) -> list[Gathering]:
    """The gatherings of ``rsvps`` that the member may still see, in their order."""
    found = await store.gatherings.find_some(database, (rsvp.thread_id for rsvp in rsvps))
    roles = await store.access.roles(database, {rsvp.community_id for rsvp in rsvps}, [member_id])
    shown = []
    for rsvp in rsvps:
        each = found.get(rsvp.thread_id)
        role = roles.get((rsvp.community_id, member_id))
        if each is not None and role is not None:
            by = Reader(member_id=member_id, community_id=rsvp.community_id, role=role)
            if each.visible_to(by):
                shown.append(each)
    return shown


async def rsvps_of(database: Database, caller: Caller, rows: list[Gathering]) -> Mapping[str, Rsvp]:
    """What the caller answered to each of ``rows``, by its id."""
    return await store.gatherings.find_rsvps_of(database, caller.member_id, (row.thread_id for row in rows))


async def attendees(
    database: Database,
    caller: Caller,
    thread_id: str,
    reply: Reply,
    *,
    waiting: bool,
    after: After,
    limit: int,
) -> list[Rsvp]:
    """Who answered so to a gathering that the caller may see."""
    await gathering(database, caller, thread_id)
    return await store.gatherings.find_attendees(
        database, thread_id, reply, waiting=waiting, after=after, limit=limit
    )


async def notes(
    database: Database, caller: Caller, thread_id: str, before: str | None, limit: int
) -> list[Notes]:
    """What was noted of a gathering that the caller may see."""
    await gathering(database, caller, thread_id)
    return await store.gatherings.find_notes(database, thread_id, before, limit)


async def calendar(database: Database, secret: str) -> list[tuple[Gathering, Rsvp]]:
    """What is in the calendar with the secret: to what its owner comes, or might, and may still see."""
    owner = await store.calendars.find_owner(database, hash_of(secret))
    if owner is None:
        raise NotFound("no-such-calendar", "There is no such calendar.", fix="Ask for a new address.")
    rsvps = await store.gatherings.find_own_rsvps(database, owner, None, CALENDAR_SIZE)
    answers = {rsvp.thread_id: rsvp for rsvp in rsvps}
    return [(each, answers[each.thread_id]) for each in await visible(database, owner, rsvps)]
