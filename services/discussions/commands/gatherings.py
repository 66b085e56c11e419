"""Planning gatherings, changing and cancelling them, coming to them, noting what was said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from services.discussions import store
from services.discussions.commands import access, posting
from services.discussions.commands.recording import record
from services.discussions.domain import attendance
from services.discussions.domain import gathering as gatherings
from services.discussions.domain.access import Participant
from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.gathering import Gathering, Notes
from shared.contracts.content import Reply
from shared.contracts.discussions import ThreadEvent
from shared.errors import Conflict, NotFound
from shared.storage import UnitOfWork
from shared.web.mutations import require_version


async def plan(
    uow: UnitOfWork, author_id: str, thread_id: str, community_id: str, **fields: Any
) -> tuple[Gathering, Rsvp]:
    """Invite a community; whoever does comes."""
    author = await access.participant(uow, community_id, author_id)
    gathering, event = gatherings.plan(thread_id, author, now=uow.now, **fields)
    gathering, rsvp = attendance.rsvp(gathering, community_id, author_id, None, "yes", uow.now)
    store.gatherings.save_gathering(uow, gathering)
    store.gatherings.save_rsvp(uow, rsvp)
    await posting.admit(uow, author, gathering.title, gathering.body)
    record(uow, event)
    return gathering, rsvp


async def change(uow: UnitOfWork, actor_id: str, thread_id: str, version: int, **fields: Any) -> Gathering:
    """Change a gathering as a whole; ``version`` is the revision changed."""
    before, actor, tell = await _concerned(uow, actor_id, thread_id)
    after, event = gatherings.change(before, actor, tell, now=uow.now, **fields)
    require_version(before.revision, version)
    record(uow, event)
    return await _moved_up(uow, before, after)


async def change_occurrence(
    uow: UnitOfWork, actor_id: str, thread_id: str, version: int, occurrence: datetime, **fields: Any
) -> Gathering:
    """Move one occurrence, or hold it elsewhere."""
    before, actor, tell = await _concerned(uow, actor_id, thread_id)
    after, event = gatherings.change_occurrence(before, actor, tell, occurrence, now=uow.now, **fields)
    require_version(before.revision, version)
    return _save(uow, before, after, event)


async def cancel_occurrence(
    uow: UnitOfWork, actor_id: str, thread_id: str, occurrence: datetime
) -> Gathering:
    """Let one occurrence be."""
    before, actor, tell = await _concerned(uow, actor_id, thread_id)
    after, event = gatherings.cancel_occurrence(before, actor, tell, occurrence, uow.now)
    return _save(uow, before, after, event)


async def cancel(uow: UnitOfWork, actor_id: str, thread_id: str, reason: str) -> Gathering:
    """Cancel a gathering, or what is left of it."""
    before, actor, tell = await _concerned(uow, actor_id, thread_id)
    after, event = gatherings.cancel(before, actor, tell, reason, uow.now)
    return _save(uow, before, after, event)


async def publish_notes(
    uow: UnitOfWork,
    actor_id: str,
    thread_id: str,
    version: int | None,
    occurrence: datetime,
    text: str,
) -> Notes:
    """Publish the notes of an occurrence, or edit them; ``version`` is the revision edited, None of none."""
    before, actor, tell = await _concerned(uow, actor_id, thread_id)
    earlier = await store.gatherings.load_notes(uow, thread_id, occurrence)
    after, notes, event = gatherings.publish_notes(before, actor, tell, earlier, occurrence, text, uow.now)
    if version is None and earlier is not None:
        raise Conflict("already-published", "These notes were published.", fix="Edit them.")
    if version is not None:
        if earlier is None:
            raise NotFound("no-such-notes", "There are no such notes.", fix="Publish them first.")
        require_version(earlier.revision, version)
    store.gatherings.save_notes(uow, notes)
    _save(uow, before, after, event)
    return notes


async def rsvp(uow: UnitOfWork, member_id: str, thread_id: str, reply: Reply) -> tuple[Gathering, Rsvp]:
    """Say whether one comes. All that do write the gathering, or one place would be given to two."""
    before, member = await _gathering(uow, member_id, thread_id)
    earlier = await store.gatherings.load_rsvp(uow, thread_id, member_id)
    after, given = attendance.rsvp(before, member.community_id, member_id, earlier, reply, uow.now)
    store.gatherings.save_rsvp(uow, given)
    return await _moved_up(uow, before, after, but=member_id), given


async def leave(uow: UnitOfWork, gone: Collection[tuple[str, str]]) -> None:
    """Whoever no longer belongs to a community, given as (community, member), does not come to what is to
    come there; but for those who have come back meanwhile."""
    for earlier in await store.gatherings.load_coming_rsvps(uow, {member_id for _, member_id in gone}):
        community_id, member_id = earlier.community_id, earlier.member_id
        back = await store.access.load_participant(uow, community_id, member_id)
        if back is None and (community_id, member_id) in gone:
            await _give_up(uow, earlier)


async def forget(uow: UnitOfWork, member_id: str) -> None:
    """Whoever is erased comes nowhere, whether or not it was heard yet that they left."""
    for earlier in await store.gatherings.load_coming_rsvps(uow, [member_id]):
        await _give_up(uow, earlier)


async def _give_up(uow: UnitOfWork, earlier: Rsvp) -> None:
    before = await store.gatherings.load_gathering(uow, earlier.thread_id)
    assert before is not None, "gatherings are never deleted"
    member_id = earlier.member_id
    after, given = attendance.answered(before, earlier.community_id, member_id, earlier, "no", uow.now)
    store.gatherings.save_rsvp(uow, given)
    await _moved_up(uow, before, after, but=member_id)
    await uow.flush()  # another who leaves in this unit must find it so


async def pass_time(uow: UnitOfWork, thread_id: str) -> None:
    """What is over was held."""
    before = await store.gatherings.load_gathering(uow, thread_id)
    if before is not None:
        after, events = gatherings.pass_time(before, uow.now)
        _save(uow, before, after, *events)


async def take_over(
    uow: UnitOfWork, author_id: str, thread_id: str, community_id: str, *, at: datetime, **fields: Any
) -> None:
    """Import a gathering as it is by now: no duty holds what is past, and nobody is told."""
    author = await access.participant(uow, community_id, author_id)
    gathering, events = gatherings.take_over(thread_id, author, at=at, now=uow.now, **fields)
    store.gatherings.save_gathering(uow, gathering)
    await posting.admit(uow, author, gathering.title, gathering.body, at=at)
    for when, event in events:
        record(uow, event, when)


async def imported(uow: UnitOfWork, thread_id: str) -> Gathering:
    """A gathering that an import goes on with, whoever may see it."""
    found = await store.gatherings.load_gathering(uow, thread_id)
    if found is None:
        raise gatherings.no_such_gathering()
    await access.require_open(uow, found.community_id)
    return found


async def take_over_reply(
    uow: UnitOfWork, before: Gathering, member_id: str, reply: Reply, *, waiting: bool, at: datetime
) -> bool:
    """Import what a member answered, unless they have answered here; whether they had not."""
    if await store.gatherings.load_rsvp(uow, before.thread_id, member_id):
        return False
    after, given = attendance.take_over(before, member_id, reply, waiting=waiting, at=at)
    store.gatherings.save_rsvp(uow, given)
    _save(uow, before, after)
    return True


async def take_over_notes(
    uow: UnitOfWork, before: Gathering, author_id: str, occurrence: datetime, text: str, at: datetime
) -> bool:
    """Import the notes of an occurrence, unless there are some; whether there were none."""
    if await store.gatherings.load_notes(uow, before.thread_id, occurrence):
        return False
    after, notes, event = gatherings.take_over_notes(before, author_id, occurrence, text, at)
    store.gatherings.save_notes(uow, notes)
    store.gatherings.save_gathering(uow, after, before)
    record(uow, event, at)
    return True


async def _moved_up(uow: UnitOfWork, before: Gathering, after: Gathering, but: str = "") -> Gathering:
    free = attendance.free_places(after)
    first = await store.gatherings.load_waiting(uow, after.thread_id, but, free) if free else []
    after, moved, event = attendance.move_up(after, first)
    for each in moved:
        store.gatherings.save_rsvp(uow, each)
    return _save(uow, before, after, *([event] if event else []))


def _save(uow: UnitOfWork, before: Gathering, after: Gathering, *events: ThreadEvent) -> Gathering:
    store.gatherings.save_gathering(uow, after, before)
    for event in events:
        record(uow, event)
    return after


async def _concerned(
    uow: UnitOfWork, member_id: str, thread_id: str
) -> tuple[Gathering, Participant, Sequence[str]]:
    """A gathering, the member in its community, and whom a change concerns."""
    found, actor = await _gathering(uow, member_id, thread_id)
    return found, actor, await store.gatherings.load_concerned(uow, thread_id)


async def _gathering(uow: UnitOfWork, member_id: str, thread_id: str) -> tuple[Gathering, Participant]:
    found = await store.gatherings.load_gathering(uow, thread_id)
    return await access.seen(uow, member_id, found, gatherings.no_such_gathering())
