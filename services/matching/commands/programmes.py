"""Mentors: suggested to one mentee at any time, and assigned to many in a programme."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from services.matching.domain import mentors as fits
from services.matching.domain import programme as programmes
from services.matching.domain import recommendation as recommending
from services.matching.domain import rules
from services.matching.domain.mentors import Mentee, Mentor
from services.matching.domain.programme import Exclusion, Mode, Programme, Proposal, Registration
from services.matching.domain.recommendation import Offer
from services.matching.store import mentors as mentor_store
from services.matching.store import programmes as store
from services.matching.store import recommendations, tastes
from shared.errors import Conflict
from shared.storage import UnitOfWork
from shared.web.auth import Caller


class Suggestion(NamedTuple):
    """A mentor for somebody, and why."""

    mentor: Mentor
    score: float
    hours_in_common: float
    reasons: list[str]


async def suggest(
    uow: UnitOfWork, caller: Caller, skills: Sequence[str], at: datetime, limit: int
) -> list[Suggestion]:
    """Mentors for the caller, best first; ``skills`` or, without any, what they say they seek or learn."""
    person = (await tastes.load_people(uow, [caller.member_id])).get(caller.member_id)
    if person is None:
        return []
    learning = [each.name for each in person.skills if each.level == "learning"]
    sought = list(skills) or list(dict.fromkeys([*person.seeks, *learning]))
    mine = (await tastes.communities_of_all(uow, [person.member_id])).get(person.member_id, [])
    found = await mentor_store.mentors_in(uow, sought, rules.SUGGESTED_MENTORS)
    if not skills and len(found) < limit:
        nearby = [
            each
            for community in mine
            for each in await mentor_store.mentors_of(
                uow, community, rules.SUGGESTED_MENTORS // rules.COMMUNITY_BUDGET
            )
        ]
        seen = {each.member_id for each in found}
        found += await mentor_store.mentors_among(uow, set(nearby) - seen)
    taken = await mentor_store.mentored(uow, [person.member_id])
    found = [each for each in found if (person.member_id, each.member_id) not in taken]
    mentee = mentor_store.mentee_of(person, sought, mine)
    return await asyncio.to_thread(_best, mentee, found, at, limit)


def _best(mentee: Mentee, mentors: Sequence[Mentor], at: datetime, limit: int) -> list[Suggestion]:
    if not mentors:
        return []
    found = fits.fit([mentee], mentors, at)
    score = found.score[0]
    best = [int(each) for each in np.argsort(-score, kind="stable")[:limit] if score[each] >= 0]
    return [
        Suggestion(
            mentors[each],
            float(score[each]),
            float(found.in_common[0, each]),
            fits.reasons(found.terms(0, each), mentee, mentors[each]),
        )
        for each in best
    ]


async def create(
    uow: UnitOfWork,
    caller: Caller,
    programme_id: str,
    community_id: str,
    *,
    name: str,
    opens_at: datetime,
    closes_at: datetime,
    across_organisations: bool,
    exclusions: Sequence[Exclusion],
) -> Programme:
    """A steward announces a programme."""
    role = await tastes.role_of(uow, community_id, caller.member_id)
    if role is None:
        raise programmes.no_such_community()
    programmes.stewards_only(role)
    programme = programmes.create(
        programme_id,
        community_id,
        caller.member_id,
        name=name,
        opens_at=opens_at,
        closes_at=closes_at,
        across_organisations=across_organisations,
        exclusions=exclusions,
        now=uow.now,
    )
    store.save_programme(uow, programme)
    return programme


async def register(
    uow: UnitOfWork,
    caller: Caller,
    programme_id: str,
    *,
    skills: list[str],
    wishes: list[str],
    only_wishes: bool,
) -> Registration:
    """The caller takes part as a mentee."""
    programme, _ = await _programme(uow, caller, programme_id)
    known = await store.load_registration(uow, programme_id, caller.member_id)
    if known is None and await store.count_registrations(uow, programme_id) >= rules.MENTEES:
        raise Conflict("programme-full", f"A programme takes {rules.MENTEES:,} mentees.")
    registration = programmes.register(
        programme,
        known,
        caller.member_id,
        skills=skills,
        wishes=wishes,
        only_wishes=only_wishes,
        now=uow.now,
    )
    store.save_registration(uow, registration)
    store.touch_programme(uow, programme_id)
    return registration


async def leave(uow: UnitOfWork, caller: Caller, programme_id: str) -> None:
    """The caller takes their registration back."""
    programme, _ = await _programme(uow, caller, programme_id)
    if await store.load_registration(uow, programme_id, caller.member_id) is None:
        raise programmes.not_registered()
    programmes.may_leave(programme, uow.now)
    store.delete_registration(uow, programme_id, caller.member_id)
    store.touch_programme(uow, programme_id)


async def preview(uow: UnitOfWork, caller: Caller, programme_id: str) -> dict[Mode, Proposal]:
    """What either mode would give now; for stewards."""
    programme, role = await _programme(uow, caller, programme_id)
    programmes.stewards_only(role)
    return await _proposals(uow, programme)


async def _proposals(uow: UnitOfWork, programme: Programme) -> dict[Mode, Proposal]:
    registrations = await store.load_registrations(uow, programme.programme_id)
    ids = [each.mentee_id for each in registrations]
    people = await tastes.load_people(uow, ids)
    theirs = await tastes.communities_of_all(uow, ids)
    here = [
        each
        for each in registrations
        if each.mentee_id in people and programme.community_id in theirs.get(each.mentee_id, ())
    ]
    mentees = {
        each.mentee_id: mentor_store.mentee_of(people[each.mentee_id], each.skills, theirs[each.mentee_id])
        for each in here
    }
    offering = await mentor_store.mentors_of(uow, programme.community_id, rules.MENTORS)
    mentors = await mentor_store.mentors_among(uow, offering)
    apart = await mentor_store.mentored(uow, ids)
    return await asyncio.to_thread(programmes.propose, programme, here, mentees, mentors, apart, uow.now)


async def confirm(uow: UnitOfWork, caller: Caller, programme_id: str, mode: Mode, digest: str) -> Programme:
    """A steward confirms what the preview showed: everybody matched is told who could be their mentor."""
    programme, role = await _programme(uow, caller, programme_id)
    programmes.stewards_only(role)
    proposal = (await _proposals(uow, programme))[mode]
    programme = programmes.confirm(programmes.pass_time(programme, uow.now), proposal, digest)
    store.save_programme(uow, programme)
    recipients = await recommendations.load_recipients(uow, [each.mentee_id for each in proposal.matched])
    registered = {each.mentee_id: each for each in await store.load_registrations(uow, programme_id)}
    for each in proposal.matched:
        offer = Offer(
            kind="mentor",
            subject_id=each.mentor_id,
            community_id=programme.community_id,
            name=programme.name,
            reasons=each.reasons,
            programme_id=programme_id,
        )
        recipient, made, events = recommending.offer(
            recipients[each.mentee_id], [offer], uow.now, capped=False
        )
        recommendations.save_recipient(uow, recipient)
        recommendations.save(uow, made[0])
        uow.record(events[0])
        changed = registered[each.mentee_id].model_copy(update={"mentor_id": each.mentor_id})
        store.save_registration(uow, changed)
    return programme


async def cancel(uow: UnitOfWork, caller: Caller, programme_id: str) -> Programme:
    """A steward gives the programme up."""
    programme, role = await _programme(uow, caller, programme_id)
    programmes.stewards_only(role)
    programme = programmes.cancel(programme)
    store.save_programme(uow, programme)
    return programme


async def pass_time(uow: UnitOfWork, programme_id: str) -> None:
    """What time does to a programme."""
    programme = await store.load_programme(uow, programme_id)
    if programme is not None and (after := programmes.pass_time(programme, uow.now)) != programme:
        store.save_programme(uow, after)


async def _programme(uow: UnitOfWork, caller: Caller, programme_id: str) -> tuple[Programme, str]:
    """The programme and the caller's role in its community."""
    programme = await store.load_programme(uow, programme_id)
    role = await tastes.role_of(uow, programme.community_id, caller.member_id) if programme else None
    if programme is None or role is None:
        raise programmes.no_such_programme()
    return programme, role
