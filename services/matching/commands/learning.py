"""Learning who knows what from what happened."""

from __future__ import annotations

from collections.abc import Sequence

from services.matching import store
from services.matching.domain import expertise
from services.matching.domain.expertise import Evidence
from shared.messaging.envelope import Received
from shared.storage import UnitOfWork


async def learn(uow: UnitOfWork, evidence: Sequence[Received[Evidence]]) -> None:
    """Keep what was said of solutions. The index learns it when it is committed."""
    solutions = await store.load_solutions(uow, {expertise.subject(received.event) for received in evidence})
    for received in evidence:
        before = solutions.get(expertise.subject(received.event))
        after = expertise.with_evidence(before, received.event, min(received.at, uow.now))
        solutions[after.solution_id] = after
    for solution in solutions.values():
        store.save_solution(uow, solution)
