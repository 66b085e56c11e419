"""Searching in all that a member may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from services.discussions import store
from services.discussions.domain import searching
from services.discussions.domain.access import no_such_community
from services.discussions.domain.limits import SEARCH_CANDIDATES
from services.discussions.domain.searching import Candidate, Count, Facet, Query
from services.discussions.store.items import Shown
from shared.storage import Database
from shared.web.auth import Caller

Order = Literal["relevance", "date"]

MOST_COMMUNITIES = 200
"""Of one's communities, so many are searched at once."""
Position = tuple[float, datetime, str]
"""Where a page ends: a score (0 by date), a moment, an id."""


class Found(NamedTuple):
    """A page of what was found."""

    items: list[tuple[float, Candidate]]
    next: Position | None
    counts: Mapping[Facet, Sequence[Count]]
    complete: bool
    """Whether all there is was looked at, not the newest alone."""


async def search(
    database: Database,
    caller: Caller,
    query: Query,
    *,
    community_id: str | None,
    order: Order,
    after: Position | None,
    limit: int,
) -> Found:
    """What the caller may see and ``query`` asks for."""
    belongs = await store.access.memberships(database, caller.member_id, MOST_COMMUNITIES)
    communities = [each.community_id for each in belongs]
    if community_id is not None:
        if community_id not in communities:
            raise no_such_community()
        communities = [community_id]
    if not communities:
        return Found([], None, searching.counts([], all_seen=True), True)
    # The rarest word finds the candidates; what they need beside it is looked for in these alone.
    words = query.words or (searching.EVERYTHING,)
    often = await store.search.often(database, communities, words, SEARCH_CANDIDATES + 1)
    by = words[often.index(min(often))]
    complete = min(often) <= SEARCH_CANDIDATES
    before = after[1:] if after and order == "date" else None
    found = await store.search.find(database, communities, by, query, before=before, most=SEARCH_CANDIDATES)
    counts = searching.counts(found, all_seen=complete)
    if order == "date":
        page = [(0.0, each) for each in found[:limit]]
        following: Position | None = None
        if len(found) > limit:
            following = (0.0, page[-1][1].at, page[-1][1].item_id)
        elif not complete:
            last = await store.search.last_looked_at(database, communities, by, before, SEARCH_CANDIDATES)
            following = (0.0, *last) if last else None
        return Found(page, following, counts, complete)
    rarities = [searching.rarity(each, SEARCH_CANDIDATES) for each in often] if query.words else []
    best = searching.ranked(found, rarities)
    if after is not None:
        best = [each for each in best if _key(*each) > _position(after)]
    page = best[:limit]
    more = (page[-1][0], page[-1][1].at, page[-1][1].item_id) if len(best) > limit else None
    return Found(page, more, counts, complete)


def _key(score: float, candidate: Candidate) -> tuple[float, float, str]:
    return _position((score, candidate.at, candidate.item_id))


def _position(position: Position) -> tuple[float, float, str]:
    score, at, item_id = position
    return (-score, -at.timestamp(), item_id)


async def shown(
    database: Database, found: Sequence[Candidate]
) -> tuple[Mapping[str, Shown], Mapping[str, str]]:
    """What is shown of what was found, by item id; and the titles of their threads, by thread id."""
    wanted = {(each.kind, each.item_id) for each in found}
    items = await store.items.find_shown(database, wanted)
    titles = await store.threads.titles(database, {each.thread_id for each in found})
    return items, titles


async def community_names(database: Database, counts: Sequence[Count]) -> Mapping[str, str]:
    """What the counted communities are called."""
    return await store.access.community_names(database, [each.value for each in counts])
