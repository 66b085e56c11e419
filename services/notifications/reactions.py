"""What notifications does about the events of others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from services.notifications import commands, store
from services.notifications.domain.inbox import REDACTED
from services.notifications.domain.routing.draft import Draft, Known
from services.notifications.domain.routing.table import NOTIFYING, route
from services.notifications.settings import SETTINGS
from shared.contracts.base import Event
from shared.contracts.discussions import (
    ContentFlagged,
    ContentRedacted,
    ProblemPosted,
    ProblemUpdated,
    ProblemWithdrawn,
    ThreadEvent,
)
from shared.contracts.members import (
    CommunityCreated,
    CommunityUpdated,
    MemberErased,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MemberRemoved,
    MembershipApproved,
    MembershipDeclined,
    ProfileUpdated,
    RoleChanged,
    TrialEnded,
)
from shared.messaging.envelope import Received
from shared.messaging.reactions import Batch, Reactions
from shared.storage import UnitOfWork, personal

reactions = Reactions("notifications")

STALE_AFTER = timedelta(days=SETTINGS.stale_after_days)


@reactions.batch(MemberRegistered, ProfileUpdated)
async def project_people(batch: Batch[MemberRegistered | ProfileUpdated], uow: UnitOfWork) -> None:
    """Know what people are called, and of which organisation they are."""
    for received in batch:
        event = received.event
        store.project_person(uow, event.member_id, event.version, event.name, event.org_id)
    await uow.flush()  # what is delivered in this very batch goes by it


@reactions.batch(MemberJoined, MemberLeft, MemberRemoved, RoleChanged)
async def project_memberships(
    batch: Batch[MemberJoined | MemberLeft | MemberRemoved | RoleChanged], uow: UnitOfWork
) -> None:
    """Know who belongs to which community."""
    for received in batch:
        event = received.event
        active = not isinstance(event, MemberLeft | MemberRemoved)
        store.project_membership(uow, event.community_id, event.member_id, event.version, active=active)
    await uow.flush()  # what is delivered in this very batch goes by it


@reactions.batch(ProblemPosted, ProblemUpdated, ProblemWithdrawn, ContentRedacted)
async def project_threads(
    batch: Batch[ProblemPosted | ProblemUpdated | ProblemWithdrawn | ContentRedacted], uow: UnitOfWork
) -> None:
    """Know who posted which problem, and what threads are called."""
    for received in batch:
        match event := received.event:
            case ProblemWithdrawn():
                store.project_withdrawn(uow, event.thread_id)
            case ContentRedacted():
                if event.item_id == event.thread_id:
                    store.project_title(uow, event.thread_id, event.version, REDACTED)
            case ProblemPosted() | ProblemUpdated():
                store.project_thread(uow, event.thread_id, event.version, event.author_id, event.title)
                if isinstance(event, ProblemPosted) and event.anonymous:
                    store.project_anonymous(uow, event.thread_id)
    await uow.flush()


@reactions.batch(ContentFlagged)
async def project_hidden(batch: Batch[ContentFlagged], uow: UnitOfWork) -> None:
    """Know what moderators hid: nobody is told of it."""
    for received in batch:
        event = received.event
        if event.change in ("hidden", "shown"):
            store.project_hidden(uow, event.item_id, event.version, hidden=event.change == "hidden")
    await uow.flush()


@reactions.batch(CommunityCreated, CommunityUpdated)
async def project_communities(batch: Batch[CommunityCreated | CommunityUpdated], uow: UnitOfWork) -> None:
    """Know what communities are called."""
    for received in batch:
        event = received.event
        store.project_community(uow, event.community_id, event.version, event.name)
    await uow.flush()


_NAMING = (MembershipApproved, MembershipDeclined, MemberRemoved, RoleChanged, TrialEnded)
"""The events whose notifications name the community."""


@reactions.batch(*NOTIFYING)
async def notify(batch: Batch[Event], uow: UnitOfWork) -> None:
    """Deliver what the events of a batch tell to whom; the stale ones tell nobody."""
    since = uow.now - STALE_AFTER
    fresh = [received for received in batch if received.at >= since]
    named = {each.event.community_id for each in fresh if isinstance(each.event, _NAMING)}
    threads = {each.event.thread_id for each in fresh if isinstance(each.event, ThreadEvent)}
    known = Known(
        await store.load_threads(uow, threads) if threads else {},
        await store.load_names(uow, named) if named else {},
    )
    drafts = [(draft, received) for received in fresh for draft in route(received.event, known)]
    await _learn_titles(uow, drafts, known)
    await commands.deliver(uow, [(draft, received.cause) for draft, received in drafts])


async def _learn_titles(
    uow: UnitOfWork, drafts: Sequence[tuple[Draft, Received[Event]]], known: Known
) -> None:
    """Keep what the threads are called that the drafts tell of: they are read with the titles of then.

    An event of a thread says what it is called at its version; others only what it was called some time ago.
    """
    titles: dict[str, tuple[str, int | None]] = {}
    for draft, received in drafts:
        version = received.event.version if isinstance(received.event, ThreadEvent) else None
        for thread_id, title in draft.titles.items():
            if version is not None or thread_id not in titles:
                titles[thread_id] = (title, version)
    threads = {**known.threads, **await store.load_threads(uow, titles.keys() - known.threads.keys())}
    for thread_id, (title, version) in titles.items():
        present = threads[thread_id].title if thread_id in threads else ""
        if version is not None and title != present:
            store.project_title(uow, thread_id, version, title)
        elif not present:
            store.add_title(uow, thread_id, title)


@reactions.batch(ContentRedacted)
async def redact(batch: Batch[ContentRedacted], uow: UnitOfWork) -> None:
    """Take what was quoted of a redacted text out of the inboxes, what came in this very batch, too."""
    await uow.flush()
    store.redact(uow, {received.event.item_id: received.event.version for received in batch})


@reactions.on(MemberErased)
async def forget(received: Received[MemberErased], uow: UnitOfWork) -> None:
    """Erase what is held of a member, and let nothing about them in any more."""
    personal.begin(uow, received.event.member_id)
