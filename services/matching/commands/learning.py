"""Learning who knows what from what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from services.matching import store
from services.matching.domain import expertise
from services.matching.domain.expertise import Amount, Evidence, Kind
from services.matching.store import Place
from shared.messaging.envelope import Received
from shared.storage import UnitOfWork


async def learn(uow: UnitOfWork, evidence: Sequence[Received[Evidence]]) -> None:
    """Credit the authors of solutions with what was said of these."""
    solutions = await store.load_solutions(uow, {received.event.solution_id for received in evidence})
    changes: defaultdict[tuple[Place, str], dict[Kind, Amount]] = defaultdict(dict)
    for received in evidence:
        before = solutions.get(received.event.solution_id)
        after = expertise.with_evidence(before, received.event, min(received.at, uow.now))
        solutions[after.solution_id] = after
        place = (after.community_id, after.author_id)
        for (tag, kind), change in expertise.difference(before, after).items():
            count, weight = changes[place, tag].get(kind, Amount())
            changes[place, tag][kind] = Amount(count + change.solutions, weight + change.weight)
    for solution in solutions.values():
        store.save_solution(uow, solution)
    for (place, tag), amounts in changes.items():
        store.add_earned(uow, place, tag, amounts)
