"""Writing case studies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.discussions import store
from services.discussions.commands import access, content
from services.discussions.domain import case_study as case_studies
from services.discussions.domain.access import no_such_problem, no_such_solution
from services.discussions.domain.case_study import SECTIONS, CaseStudy
from shared.storage import UnitOfWork


async def draft(
    uow: UnitOfWork,
    author_id: str,
    thread_id: str,
    community_id: str,
    fields: Mapping[str, Any],
    at: datetime | None = None,
) -> CaseStudy:
    """Begin a case study in a community; ``at`` is when, in an import."""
    author = await access.participant(uow, community_id, author_id)
    await _known(uow, community_id, fields)
    study = case_studies.draft(thread_id, author, at or uow.now, **fields)
    store.threads.save_thread(uow, study)
    return study


async def edit(
    uow: UnitOfWork, actor_id: str, thread_id: str, version: int, fields: Mapping[str, Any]
) -> CaseStudy:
    """Edit a case study, whole; ``version`` is the revision edited."""
    study, _ = await content.content(uow, actor_id, CaseStudy, thread_id)
    await _known(uow, study.community_id, fields)
    body = case_studies.whole(**{section: fields[section] for section in SECTIONS})
    return await content.edit(uow, actor_id, CaseStudy, thread_id, version, {**fields, "body": body})


async def _known(uow: UnitOfWork, community_id: str, fields: Mapping[str, Any]) -> None:
    """What a case study refers to is in its own community: whoever reads the one may read the other."""
    if problem_id := fields["problem_id"]:
        problem = await store.problems.load_problem(uow, problem_id)
        if problem is None or problem.community_id != community_id:
            raise no_such_problem()
    if solution_id := fields["solution_id"]:
        solution = await store.solutions.load_solution(uow, solution_id)
        if solution is None or solution.community_id != community_id:
            raise no_such_solution()
