"""Who could be asked about problems, from what is known of everybody."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.matching import store
from services.matching.domain import expertise
from services.matching.domain.asking import Asking, Candidate
from services.matching.domain.expertise import Expertise, Term
from services.matching.domain.workload import Workload
from services.matching.store import Person, Place
from services.matching.store.asking import load_workloads
from shared.storage import UnitOfWork


class Ranked(NamedTuple):
    """Somebody who could be asked, from what they did and state alone."""

    member_id: str
    score: float
    knows: bool
    solutions: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Those who could be asked about one problem."""

    community_id: str
    ranked: Sequence[Ranked]
    terms: dict[str, list[Term]]

    def reasons(self, member_id: str) -> list[str]:
        """Why somebody, in words."""
        return expertise.reasons(self.terms.get(member_id, []))


async def rank(uow: UnitOfWork, askings: Sequence[Asking]) -> dict[str, Ranking]:
    """By problem, those who know something of its tags."""
    tags: defaultdict[str, set[str]] = defaultdict(set)
    for asking in askings:
        tags[asking.community_id].update(asking.tags)
    by_tag: defaultdict[tuple[str, str], list[Expertise]] = defaultdict(list)
    places: set[Place] = set()
    for community_id, best in (await store.load_candidates(uow, tags)).items():
        for each in best:
            by_tag[community_id, each.tag].append(each)
            places.add((community_id, each.member_id))
    activity = await store.load_activity(uow, places)
    found: dict[str, Ranking] = {}
    for asking in askings:
        await asyncio.sleep(0)  # scoring a thousand candidates is work: heartbeats go on in between
        known: defaultdict[str, list[Expertise]] = defaultdict(list)
        for tag in asking.tags:
            for each in by_tag.get((asking.community_id, tag), ()):
                known[each.member_id].append(each)
        found[asking.thread_id] = _rank(asking, known, activity, uow.now)
    return found


def _rank(
    asking: Asking,
    known: dict[str, list[Expertise]],
    activity: dict[Place, tuple[datetime, int]],
    now: datetime,
) -> Ranking:
    ranked: list[Ranked] = []
    terms: dict[str, list[Term]] = {}
    for member_id, of_tags in known.items():
        last_active, solutions = activity.get((asking.community_id, member_id), (None, 0))
        terms[member_id] = expertise.terms(of_tags, last_active, now)
        score = expertise.score(terms[member_id])
        ranked.append(Ranked(member_id, score, score > 0, solutions))
    return Ranking(asking.community_id, ranked, terms)


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of everybody in some rankings, beside what they know."""

    people: Mapping[Place, Person]
    workloads: dict[str, Workload]

    def candidate(self, community_id: str, ranked: Ranked) -> Candidate:
        """Somebody with all that says whether they may be asked."""
        person = self.people.get((community_id, ranked.member_id))
        return Candidate(
            member_id=ranked.member_id,
            score=ranked.score,
            knows=ranked.knows,
            solutions=ranked.solutions,
            org_id=person.org_id if person else None,
            standing="none" if person is None else "dormant" if person.dormant else "active",
            away_until=person.away_until if person else None,
            hours_a_week=person.hours_a_week if person else None,
            workload=self.workloads.get(ranked.member_id),
        )


async def candidates(uow: UnitOfWork, rankings: Mapping[str, Ranking], *others: Place) -> Found:
    """What is known of everybody in ``rankings`` and of these ``others``: in two queries, however many."""
    places = {
        (ranking.community_id, ranked.member_id) for ranking in rankings.values() for ranked in ranking.ranked
    } | set(others)
    people = await store.load_people(uow, places)
    return Found(people, await load_workloads(uow, {member_id for _, member_id in places}))
