"""Recommending communities and people to a member, and taking what they say to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from services.matching.domain import recommendation as recommending
from services.matching.domain import rules, suggesting, taste
from services.matching.domain.recommendation import Offer, Recipient, Recommendation
from services.matching.domain.suggesting import Acquaintance
from services.matching.domain.taste import COMMUNITY, TAG
from services.matching.store import recommendations as store
from services.matching.store import tastes, ties
from services.matching.store.tastes import Person
from shared.contracts.recommendations import DismissalReason, RecommendationKind
from shared.storage import UnitOfWork
from shared.web.auth import Caller


async def look(uow: UnitOfWork, member_id: str) -> None:
    """Recommend to a member what is worth it, within the caps, and look again in a while."""
    if not await store.is_due(uow, member_id):
        return
    store.look_at(uow, member_id, uow.now + rules.LOOK_AGAIN)
    person = (await tastes.load_people(uow, [member_id])).get(member_id)
    if person is None or (person.away_until is not None and person.away_until > uow.now):
        return
    recipient = (await store.load_recipients(uow, [member_id]))[member_id]
    mine = (await tastes.communities_of_all(uow, [member_id])).get(member_id, [])
    offers: list[Offer] = []
    if recipient.room("community", uow.now):
        offers += await _communities(uow, person, recipient, mine)
    if recipient.room("connection", uow.now):
        offers += await _connections(uow, person, recipient, mine)
    recipient, made, events = recommending.offer(recipient, offers, uow.now)
    if made:
        store.save_recipient(uow, recipient)
    for each, event in zip(made, events, strict=True):
        store.save(uow, each)
        uow.record(event)


async def _held_back(uow: UnitOfWork, member_id: str, kind: RecommendationKind) -> set[str]:
    known = await store.load_all(uow, member_id, kind, ("offered", "dismissed"))
    return recommending.held_back(known, uow.now)


async def _communities(
    uow: UnitOfWork, person: Person, recipient: Recipient, mine: Sequence[str]
) -> list[Offer]:
    cares = await tastes.tastes_of(uow, person.member_id)
    for item, weight in tastes.interests_of(person).items():
        cares[item] = cares.get(item, 0.0) + weight
    if not cares:
        return []
    tags = [item.removeprefix(TAG) for item in cares if item.startswith(TAG)]
    strongest = sorted(tags, key=lambda tag: -cares[TAG + tag])[: rules.CONSIDERED // 4]
    places = {each.community_id: each for each in await tastes.places_about(uow, strongest, rules.CONSIDERED)}
    popular = await tastes.popular_places(uow, rules.CONSIDERED)
    places |= await tastes.load_places(uow, [*popular, *mine])
    names = {each: places[each].name for each in mine if each in places}
    left = await tastes.left_by(uow, person.member_id)
    away = {*mine, *left, *await _held_back(uow, person.member_id, "community")}
    open_places = [
        each
        for each in places.values()
        if each.community_id not in away and each.open_to(person.org_id, person.languages)
    ]
    model = await tastes.model_for(uow, cares.keys(), {COMMUNITY + each.community_id for each in open_places})
    found = suggesting.communities(
        model, cares, open_places, names, lambda tag: recipient.liking(tag, uow.now)
    )
    chosen = found[: recipient.room("community", uow.now)]
    leave = None
    if len(mine) >= person.budget:
        keeps = await tastes.looked_after(uow, person.member_id)
        leave = suggesting.swap(cares, names, keeps)
        chosen = chosen[:1] if leave else []
    return [
        each.model_copy(
            update={"items_a_week": await tastes.items_a_week(uow, each.subject_id), "swap": leave}
        )
        for each in chosen
    ]


async def _connections(
    uow: UnitOfWork, person: Person, recipient: Recipient, mine: Sequence[str]
) -> list[Offer]:
    if not mine:
        return []
    me = person.member_id
    since = uow.now - rules.MEETINGS_WINDOW
    met = Counter(await ties.met_in(uow, await ties.threads_of(uow, me, since), me))
    known: set[str] = set()
    friends: set[str] = set()
    for one, other, state in await ties.ties_of(uow, [me]):
        known.update((one, other))
        if state == "connected":
            friends.update((one, other))
    friends.discard(me)
    mutual: Counter[str] = Counter()
    for one, other, state in await ties.ties_of(uow, friends):
        if state == "connected":
            mutual.update({(one, other)[one in friends]} - friends - {me})
    complementing = await tastes.complementing(uow, person, rules.CONSIDERED)
    away = {me, *known, *await _held_back(uow, me, "connection")}
    candidates = [
        each
        for each in dict.fromkeys(
            [
                *(each for each, _ in met.most_common(rules.CONSIDERED)),
                *(each for each, _ in mutual.most_common(rules.CONSIDERED)),
                *complementing,
            ]
        )
        if each not in away
    ]
    people = await tastes.load_people(uow, candidates)
    theirs = await tastes.communities_of_all(uow, candidates)
    found = []
    for each in candidates:
        shared = sorted(set(mine).intersection(theirs.get(each, ())))
        if each in people and shared:
            whose = people[each]
            offered = [*whose.offers, *(skill.name for skill in whose.skills if skill.level == "expert")]
            found.append(
                Acquaintance(
                    each,
                    shared[0],
                    met[each],
                    tuple(tag for tag in person.seeks if tag in offered),
                    tuple(tag for tag in person.offers if tag in whose.seeks),
                    mutual[each],
                )
            )
    offers = suggesting.connections(found, lambda tag: recipient.liking(tag, uow.now))
    return offers[: recipient.room("connection", uow.now)]


async def accept(uow: UnitOfWork, caller: Caller, recommendation_id: str) -> Recommendation:
    """The caller takes up what was recommended to them. Doing it is for them to do, where it is done."""
    recipient, recommended = await _own(uow, caller, recommendation_id)
    recipient, recommended, event = recommending.accept(recipient, recommended, uow.now)
    if event is not None:
        store.save_recipient(uow, recipient)
        store.save(uow, recommended)
        uow.record(event)
    return recommended


async def dismiss(
    uow: UnitOfWork, caller: Caller, recommendation_id: str, reason: DismissalReason
) -> Recommendation:
    """The caller does not want it, and says why."""
    recipient, recommended = await _own(uow, caller, recommendation_id)
    recipient, recommended, event = recommending.dismiss(recipient, recommended, reason, uow.now)
    if event is not None:
        store.save_recipient(uow, recipient)
        store.save(uow, recommended)
        uow.record(event)
    return recommended


async def expire(uow: UnitOfWork, recommendation_id: str) -> None:
    """Time is over for a recommendation."""
    recommended = await store.load(uow, recommendation_id)
    if recommended is not None and recommended.state == "offered" and recommended.expires_at <= uow.now:
        await _expire(uow, [recommended])


async def taken_up(uow: UnitOfWork, kind: RecommendationKind, pairs: Collection[tuple[str, str]]) -> None:
    """These members did what may have been recommended to them: (member, subject)."""
    for each in await store.load_open(uow, kind, pairs):
        recipient = (await store.load_recipients(uow, [each.member_id]))[each.member_id]
        if each.state_at(uow.now) == "offered":
            recipient, recommended, event = recommending.accept(recipient, each, uow.now)
            store.save_recipient(uow, recipient)
            store.save(uow, recommended)
            if event is not None:
                uow.record(event)
            await uow.flush()  # the next one may be the same member's


async def turned_down(uow: UnitOfWork, pairs: Collection[tuple[str, str]]) -> None:
    """Between these nothing is recommended any more: (member, other)."""
    await _expire(uow, await store.load_open(uow, "connection", pairs))


async def _expire(uow: UnitOfWork, recommended: Sequence[Recommendation]) -> None:
    for each in recommended:
        recipient = (await store.load_recipients(uow, [each.member_id]))[each.member_id]
        recipient, expired, event = recommending.expire(recipient, each, uow.now)
        store.save_recipient(uow, recipient)
        store.save(uow, expired)
        uow.record(event)
        await uow.flush()


async def _own(uow: UnitOfWork, caller: Caller, recommendation_id: str) -> tuple[Recipient, Recommendation]:
    recommended = await store.load(uow, recommendation_id)
    if recommended is None or recommended.member_id != caller.member_id:
        raise recommending.no_such_recommendation()
    return (await store.load_recipients(uow, [caller.member_id]))[caller.member_id], recommended


async def refit(uow: UnitOfWork, _: str) -> None:
    """Learn anew what leads to what; the work is done beside the event loop."""
    if not is_stale(await tastes.load_fitted_at(uow), uow.now):
        return
    members = await tastes.all_tastes(uow)
    model = await asyncio.to_thread(taste.learn, members)
    tastes.save_model(uow, model, uow.now)


def is_stale(fitted_at: datetime | None, now: datetime) -> bool:
    """Whether the model is so old that it is learned anew."""
    return fitted_at is None or fitted_at + rules.REFIT <= now
