"""Mentoring: offering it, asking for it, and what becomes of a mentorship.

Every command about a mentorship changes its mentor, too, so that those of one mentor happen one after the
other: that keeps the capacity, and numbers the mentor's events without gap.
"""

from __future__ import annotations

from datetime import datetime

from services.members.commands.people import registered
from services.members.domain import mentoring
from services.members.domain import mentorship as mentorships
from services.members.domain.member import Member
from services.members.domain.mentoring import Mentor, Offer
from services.members.domain.mentorship import Going, Mentorship
from services.members.domain.rules import RULES
from services.members.store import mentorships as store
from services.members.store import people
from shared.contracts.mentorships import ExpiryReason, MentorshipEvent
from shared.storage import UnitOfWork
from shared.web.auth import Caller
from shared.web.mutations import require_version

Changed = tuple[Mentor, Mentorship, MentorshipEvent]


async def offer(uow: UnitOfWork, caller: Caller, version: int, offered: Offer) -> tuple[Member, Mentor]:
    """The caller offers to be a mentor, if ``version`` is still that of their profile."""
    member = await registered(uow, caller)
    require_version(member.version, version)
    read = await store.load_mentor(uow, caller.member_id)
    belongs_to = await store.load_shared(uow, offered.community_ids, caller.member_id, caller.member_id)
    mentor, member, event = mentoring.offer(read, member, offered, belongs_to, RULES)
    people.save_member(uow, member)
    uow.record(event)
    if mentor.open_places == 0:
        mentor = await _expire_waiting(uow, mentor, "capacity-reached")
    store.save_mentor(uow, mentor, read)
    return member, mentor


async def withdraw(uow: UnitOfWork, caller: Caller) -> None:
    """The caller offers it no longer; who waits for an answer is told so."""
    await _withdraw(uow, await registered(uow, caller))


async def request(
    uow: UnitOfWork, caller: Caller, mentorship_id: str, *, mentor_id: str, message: str, goals: list[str]
) -> Mentorship:
    """The caller asks a mentor whom they may ask."""
    await registered(uow, caller)
    read = await _askable(uow, caller, mentor_id)
    mentor, mentorship, event = mentorships.request(
        mentorship_id,
        read,
        caller.member_id,
        await store.load_latest(uow, mentor_id, caller.member_id),
        await store.load_slots(uow, caller.member_id),
        await store.count_waiting(uow, mentor_id),
        message=message,
        goals=goals,
        rules=RULES,
        now=uow.now,
    )
    return _save(uow, read, (mentor, mentorship, event))


async def accept(uow: UnitOfWork, caller: Caller, mentorship_id: str) -> Mentorship:
    """The mentor agrees. With the last place, those who still wait are told that there is none."""
    mentorship, read = await _load(uow, caller, mentorship_id)
    mentor, mentorship, event = mentorships.accept(read, mentorship, caller.member_id, uow.now)
    store.save_mentorship(uow, mentorship)
    uow.record(event)
    if mentor.open_places == 0:
        mentor = await _expire_waiting(uow, mentor, "capacity-reached", but=mentorship_id)
    store.save_mentor(uow, mentor, read)
    return mentorship


async def decline(uow: UnitOfWork, caller: Caller, mentorship_id: str, reason: str) -> Mentorship:
    """The mentor does not agree."""
    mentorship, read = await _load(uow, caller, mentorship_id)
    return _save(uow, read, mentorships.decline(read, mentorship, caller.member_id, reason, uow.now))


async def cancel(uow: UnitOfWork, caller: Caller, mentorship_id: str) -> Mentorship:
    """The mentee takes the request back."""
    mentorship, read = await _load(uow, caller, mentorship_id)
    return _save(uow, read, mentorships.cancel(read, mentorship, caller.member_id, uow.now))


async def check_in(
    uow: UnitOfWork, caller: Caller, mentorship_id: str, *, going: Going, note: str
) -> Mentorship:
    """Either side records how it goes."""
    mentorship, read = await _load(uow, caller, mentorship_id)
    changed = mentorships.check_in(
        read, mentorship, caller.member_id, going=going, note=note, rules=RULES, now=uow.now
    )
    return _save(uow, read, changed)


async def extend(uow: UnitOfWork, caller: Caller, mentorship_id: str) -> Mentorship:
    """Either side proposes to extend the mentorship, or agrees to it."""
    mentorship, _ = await _load(uow, caller, mentorship_id)
    mentorship = mentorships.extend(mentorship, caller.member_id, RULES)
    store.save_mentorship(uow, mentorship)
    return mentorship


async def complete(uow: UnitOfWork, caller: Caller, mentorship_id: str) -> Mentorship:
    """Either side says that the mentorship reached its end."""
    mentorship, read = await _load(uow, caller, mentorship_id)
    return _save(uow, read, mentorships.complete(read, mentorship, caller.member_id, uow.now))


async def end(uow: UnitOfWork, caller: Caller, mentorship_id: str, reason: str) -> Mentorship:
    """Either side ends the mentorship early."""
    mentorship, read = await _load(uow, caller, mentorship_id)
    return _save(uow, read, mentorships.end(read, mentorship, caller.member_id, uow.now, reason=reason))


async def give_feedback(
    uow: UnitOfWork, caller: Caller, mentorship_id: str, *, rating: int, text: str, shared: bool
) -> Mentorship:
    """Either side says afterwards how it was."""
    mentorship, _ = await _load(uow, caller, mentorship_id)
    mentorship = mentorships.give_feedback(
        mentorship, caller.member_id, rating=rating, text=text, shared=shared, now=uow.now
    )
    store.save_mentorship(uow, mentorship)
    return mentorship


async def proceed(uow: UnitOfWork, mentorship_id: str) -> None:
    """Do what time brought about, if it is still due."""
    mentorship = await store.load_mentorship(uow, mentorship_id)
    due = mentorships.next_due(mentorship, RULES) if mentorship else None
    if mentorship is None or due is None or due.at > uow.now:
        return
    read = await _mentor_of(uow, mentorship)
    match due.step:
        case "expire":
            changed: Changed = mentorships.expire(read, mentorship, "unanswered", uow.now)
        case "ask":
            changed = mentorships.ask(read, mentorship, RULES, uow.now)
        case "close":
            changed = mentorships.close(read, mentorship, RULES, uow.now)
    _save(uow, read, changed)


async def end_all(uow: UnitOfWork, member: Member) -> Member:
    """Everything ends that an erased member has to do with mentorships."""
    for asked in await store.load_live(uow, "mentee", member.member_id, ["requested", "accepted", "active"]):
        read = await _mentor_of(uow, asked)
        _save(uow, read, _ended(read, asked, member.member_id, uow.now))
    read_self = mentor = await store.load_mentor(uow, member.member_id)
    if mentor is None:
        return member
    if mentor.offer is not None:
        mentor, member, event = mentoring.withdraw(mentor, member)
        uow.record(event)
        mentor = await _expire_waiting(uow, mentor, "mentor-withdrawn")
    for running in await store.load_live(uow, "mentor", member.member_id, ["accepted", "active"]):
        mentor, ended, ending = _ended(mentor, running, member.member_id, uow.now)
        store.save_mentorship(uow, ended)
        uow.record(ending)
    store.save_mentor(uow, mentor, read_self)
    return member


def _ended(mentor: Mentor, mentorship: Mentorship, member_id: str, now: datetime) -> Changed:
    if mentorship.state == "requested":
        return mentorships.cancel(mentor, mentorship, member_id, now)
    return mentorships.end(mentor, mentorship, None, now, why="member-erased")


async def _withdraw(uow: UnitOfWork, member: Member) -> None:
    read = await store.load_mentor(uow, member.member_id)
    mentor, member, event = mentoring.withdraw(read, member)
    people.save_member(uow, member)
    uow.record(event)
    mentor = await _expire_waiting(uow, mentor, "mentor-withdrawn")
    store.save_mentor(uow, mentor, read)


async def _expire_waiting(
    uow: UnitOfWork, mentor: Mentor, why: ExpiryReason, but: str | None = None
) -> Mentor:
    """Let all requests expire that wait for the mentor; the caller saves the mentor."""
    for waiting in await store.load_live(uow, "mentor", mentor.mentor_id, ["requested"]):
        if waiting.mentorship_id != but:
            mentor, expired, event = mentorships.expire(mentor, waiting, why, uow.now)
            store.save_mentorship(uow, expired)
            uow.record(event)
    return mentor


async def _askable(uow: UnitOfWork, caller: Caller, mentor_id: str) -> Mentor:
    mentor = await store.load_mentor(uow, mentor_id)
    member = await people.load_member(uow, mentor_id)
    if mentor is None or mentor.offer is None or member is None:
        raise mentoring.no_such_mentor()
    shared = await store.load_shared(uow, mentor.offer.community_ids, mentor_id, caller.member_id)
    if not mentoring.may_ask(mentor.offer, member.org_id, caller.org_id, shared):
        raise mentoring.no_such_mentor()
    return mentor


async def _load(uow: UnitOfWork, caller: Caller, mentorship_id: str) -> tuple[Mentorship, Mentor]:
    """A mentorship of the caller, and its mentor. Raises ``NotFound`` where there is none."""
    mentorship = await store.load_mentorship(uow, mentorship_id)
    if mentorship is None:
        raise mentorships.no_such_mentorship()
    mentorship.side(caller.member_id)
    return mentorship, await _mentor_of(uow, mentorship)


async def _mentor_of(uow: UnitOfWork, mentorship: Mentorship) -> Mentor:
    mentor = await store.load_mentor(uow, mentorship.mentor_id)
    assert mentor is not None, "whoever was asked has offered it"
    return mentor


def _save(uow: UnitOfWork, read: Mentor, changed: Changed) -> Mentorship:
    mentor, mentorship, event = changed
    store.save_mentor(uow, mentor, read)
    store.save_mentorship(uow, mentorship)
    uow.record(event)
    return mentorship
