"""Reads of what is recommended, as far as the recipient may see it now."""

from __future__ import annotations

from collections.abc import Sequence

from services.matching.domain.programme import (
    Programme,
    Registration,
    no_such_community,
    no_such_programme,
    not_registered,
)
from services.matching.domain.recommendation import Recommendation, State, no_such_recommendation
from services.matching.store import programmes as programme_store
from services.matching.store import recommendations as store
from services.matching.store import tastes
from shared.contracts.recommendations import RecommendationKind
from shared.storage import Database, UnitOfWork
from shared.web.auth import Caller


async def recommended_to(
    database: Database,
    caller: Caller,
    kind: RecommendationKind | None,
    state: State,
    after: str | None,
    limit: int,
) -> list[Recommendation]:
    """What is or was recommended to the caller."""
    return await store.recommended_to(database, caller.member_id, kind, state, after, limit)


async def visible(
    database: Database, caller: Caller, recommended: Sequence[Recommendation]
) -> list[tuple[Recommendation, str | None]]:
    """Those that the caller may see now, with the names of the communities and members.

    A community must be external or of the caller's organisation, and not archived; whoever is recommended
    must be known still, and the two must both belong to the community that they share.
    """
    if not recommended:
        return []
    return await database.transact(lambda uow: _visible(uow, caller.member_id, recommended))


async def _visible(
    uow: UnitOfWork, member_id: str, recommended: Sequence[Recommendation]
) -> list[tuple[Recommendation, str | None]]:
    others = [each.subject_id for each in recommended if each.kind != "community"]
    people = await tastes.load_people(uow, [member_id, *others])
    belonging = await tastes.communities_of_all(uow, [member_id, *others])
    places = await tastes.load_places(uow, {each.community_id for each in recommended})
    org_id = people[member_id].org_id if member_id in people else None
    mine = belonging.get(member_id, [])
    shown: list[tuple[Recommendation, str | None]] = []
    for each in recommended:
        if each.kind == "community":
            place = places.get(each.subject_id)
            leaves = each.swap is None or each.swap.community_id in mine or each.state != "offered"
            if place is not None and place.visible_to(org_id) and place.stage != "archived" and leaves:
                shown.append((each, place.name))
        elif (
            each.subject_id in people
            and each.community_id in mine
            and each.community_id in belonging.get(each.subject_id, ())
        ):
            shown.append((each, people[each.subject_id].name))
    return shown


async def recommendation(
    database: Database, caller: Caller, recommendation_id: str
) -> tuple[Recommendation, str | None]:
    """One of the caller's, with the name. ``NotFound`` where they may not see it any more."""
    found = await store.find(database, recommendation_id)
    if found is None or found.member_id != caller.member_id:
        raise no_such_recommendation()
    shown = await visible(database, caller, [found])
    if not shown:
        raise no_such_recommendation()
    return shown[0]


# -- programmes ----------------------------------------------------------------------------------------


async def programme(database: Database, caller: Caller, programme_id: str) -> Programme:
    """A programme of a community that the caller belongs to."""
    found = await programme_store.find_programme(database, programme_id)
    if found is None or not await store.present_in(database, caller.member_id, [found.community_id]):
        raise no_such_programme()
    return found


async def programmes_of(
    database: Database, caller: Caller, community_id: str, before: str | None, limit: int
) -> list[Programme]:
    """A community's programmes, for who belongs to it."""
    if not await store.present_in(database, caller.member_id, [community_id]):
        raise no_such_community()
    return await programme_store.programmes_of(database, community_id, before, limit)


async def registration(database: Database, caller: Caller, programme_id: str) -> Registration:
    """The caller's own registration."""
    await programme(database, caller, programme_id)
    found = await programme_store.find_registration(database, programme_id, caller.member_id)
    if found is None:
        raise not_registered()
    return found
