"""The HTTP API of reuses: who used which case study, resource or solution."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response

from services.discussions import queries
from services.discussions.api.common import Author, SolutionPath, milliseconds, moment
from services.discussions.api.content import CaseStudyPath, NewReuse, ResourcePath, ReuseView
from services.discussions.commands import reuses as commands
from services.discussions.domain.case_study import CaseStudy
from services.discussions.domain.content import Content
from services.discussions.domain.resource import Resource
from services.discussions.domain.reuse import Reuse
from services.discussions.queries import content as contents
from shared.storage import Database, UnitOfWork
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating, Mutation
from shared.web.paging import Cursor, Page, PageSize, page
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS

router = APIRouter(tags=["reuses"])


@router.put("/case-studies/{case_study_id}/reuse", response_model=ReuseView, responses=WRITE_PROBLEMS)
async def reuse_case_study(
    case_study_id: CaseStudyPath, body: NewReuse, mutate: Mutating, database: Db
) -> Response:
    """Say that you used a case study. You count once; saying it again changes your note."""
    return await _reuse(mutate, database, CaseStudy, case_study_id, body.note)


@router.get("/case-studies/{case_study_id}/reuses", response_model=Page[ReuseView], responses=READ_PROBLEMS)
async def list_case_study_reuses(
    case_study_id: CaseStudyPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ReuseView]:
    """Who used a case study, the latest first."""
    rows = await contents.reuses(database, caller, CaseStudy, case_study_id, _before(cursor), limit + 1)
    return await _page(database, caller, rows, limit)


@router.put("/resources/{resource_id}/reuse", response_model=ReuseView, responses=WRITE_PROBLEMS)
async def reuse_resource(
    resource_id: ResourcePath, body: NewReuse, mutate: Mutating, database: Db
) -> Response:
    """Say that you used a resource. You count once; saying it again changes your note."""
    return await _reuse(mutate, database, Resource, resource_id, body.note)


@router.get("/resources/{resource_id}/reuses", response_model=Page[ReuseView], responses=READ_PROBLEMS)
async def list_resource_reuses(
    resource_id: ResourcePath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ReuseView]:
    """Who used a resource, the latest first."""
    rows = await contents.reuses(database, caller, Resource, resource_id, _before(cursor), limit + 1)
    return await _page(database, caller, rows, limit)


@router.put("/solutions/{solution_id}/reuse", response_model=ReuseView, responses=WRITE_PROBLEMS)
async def reuse_solution(
    solution_id: SolutionPath, body: NewReuse, mutate: Mutating, database: Db
) -> Response:
    """Say that you used a solution. You count once; saying it again changes your note."""

    async def work(uow: UnitOfWork) -> Answer:
        reuse = await commands.reuse_solution(uow, mutate.caller.member_id, solution_id, body.note)
        return Answer((await _views(database, mutate.caller, [reuse]))[0])

    return await mutate(work)


@router.get("/solutions/{solution_id}/reuses", response_model=Page[ReuseView], responses=READ_PROBLEMS)
async def list_solution_reuses(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ReuseView]:
    """Who used a solution, the latest first."""
    rows = await contents.solution_reuses(database, caller, solution_id, _before(cursor), limit + 1)
    return await _page(database, caller, rows, limit)


async def _reuse(
    mutate: Mutation, database: Database, of: type[Content], thread_id: str, note: str
) -> Response:
    async def work(uow: UnitOfWork) -> Answer:
        reuse = await commands.reuse_content(uow, mutate.caller.member_id, of, thread_id, note)
        return Answer((await _views(database, mutate.caller, [reuse]))[0])

    return await mutate(work)


def _before(cursor: str | None) -> tuple[datetime, str] | None:
    return moment(cursor) if cursor else None


async def _page(database: Database, caller: Caller, rows: list[Reuse], limit: int) -> Page[ReuseView]:
    shown, following = page(rows, limit, lambda row: milliseconds(row.at), lambda row: row.member_id)
    return Page(items=await _views(database, caller, shown), next=following)


async def _views(database: Database, caller: Caller, reuses: list[Reuse]) -> list[ReuseView]:
    names = await queries.names(database, caller, reuses, (reuse.member_id for reuse in reuses))
    return [
        ReuseView(
            member=Author.of(reuse.member_id, reuse, names),
            **reuse.model_dump(exclude={"thread_id", "community_id", "member_id"}),
        )
        for reuse in reuses
    ]
