"""Who could be asked about problems: the index's ranking, and what is known of those in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.matching import store
from services.matching.domain.asking import Asking
from services.matching.domain.candidate import Candidate
from services.matching.domain.routing.router import Query, Ranked, Router
from services.matching.domain.routing.router import Ranking as Order
from services.matching.domain.workload import Workload
from services.matching.index import live
from services.matching.store import Person, Place
from services.matching.store.asking import load_workloads
from services.matching.store.evidence import load_words, seconds
from shared.storage import UnitOfWork


@dataclass(frozen=True, slots=True)
class Ranking:
    """Those who could be asked about one problem, best first."""

    router: Router
    order: Order

    @property
    def community_id(self) -> str:
        """The problem's."""
        return self.order.query.community_id

    @property
    def ranked(self) -> Sequence[Ranked]:
        """They themselves."""
        return self.order.ranked

    def reasons(self, member_id: str) -> list[str]:
        """Why somebody, in words; nothing for who is not among them."""
        mine = next((each for each in self.ranked if each.member_id == member_id), None)
        return self.router.reasons(self.order, mine) if mine else []


async def rank(uow: UnitOfWork, askings: Sequence[Asking]) -> dict[str, Ranking]:
    """By problem, the best of those who could be asked. Ranking is work: it is done off the event loop."""
    if not askings:
        return {}
    words = await load_words(uow, [asking.thread_id for asking in askings])
    now = seconds(uow.now)
    queries = [
        Query(
            asking.community_id, words[asking.thread_id], asking.tags, now, asking.asker_id, asking.thread_id
        )
        for asking in askings
    ]
    router = live.of(uow.database).router
    orders = await asyncio.to_thread(lambda: [router.rank(query) for query in queries])
    return {asking.thread_id: Ranking(router, order) for asking, order in zip(askings, orders, strict=True)}


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of everybody in some rankings, beside what they know."""

    people: Mapping[Place, Person]
    workloads: dict[str, Workload]

    def candidate(self, community_id: str, member_id: str, ranked: Ranked | None) -> Candidate:
        """Somebody with all that says whether they may be asked."""
        person = self.people.get((community_id, member_id))
        return Candidate(
            member_id=member_id,
            score=ranked.score if ranked else 0.0,
            knows=ranked.knows if ranked else False,
            solutions=ranked.solutions if ranked else 0,
            org_id=person.org_id if person else None,
            standing="none" if person is None else "dormant" if person.dormant else "active",
            away_until=person.away_until if person else None,
            hours_a_week=person.hours_a_week if person else None,
            workload=self.workloads.get(member_id),
        )

    def candidates(self, ranking: Ranking) -> list[Candidate]:
        """Everybody in a ranking."""
        return [self.candidate(ranking.community_id, each.member_id, each) for each in ranking.ranked]


async def found(uow: UnitOfWork, rankings: Mapping[str, Ranking], *others: Place) -> Found:
    """What is known of everybody in ``rankings`` and of these ``others``: in few queries, however many."""
    places = {
        (ranking.community_id, ranked.member_id) for ranking in rankings.values() for ranked in ranking.ranked
    } | set(others)
    people = await store.load_people(uow, places)
    return Found(people, await load_workloads(uow, {member_id for _, member_id in places}))
