"""The HTTP API of endorsements: who vouches for a solution."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, SolutionPath
from services.discussions.domain.solution import Endorsement, Solution
from services.discussions.queries import Names
from shared.contracts.discussions import Basis
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["solutions"])


class EndorsementView(View):
    """A member vouches for a solution."""

    endorser: Author
    basis: Basis
    revision: int = Field(description="The one that they vouched for; only minor ones came after it.")
    at: AwareDatetime

    @staticmethod
    def of(endorsement: Endorsement, solution: Solution, names: Names) -> EndorsementView:
        """The view of ``endorsement`` of ``solution``."""
        return EndorsementView(
            endorser=Author.of(endorsement.endorser_id, solution, names),
            basis=endorsement.basis,
            revision=endorsement.revision,
            at=endorsement.at,
        )


@router.get(
    "/solutions/{solution_id}/endorsements",
    response_model=Page[EndorsementView],
    responses=READ_PROBLEMS,
)
async def list_endorsements(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[EndorsementView]:
    """Who vouches for a solution as it is now, by member id; not those whose word is stale or withdrawn."""
    after = read_cursor(cursor, str)[0] if cursor else None
    solution = await queries.solution(database, caller, solution_id)
    rows = await queries.endorsements(database, solution, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.endorser_id)
    names = await queries.names(database, caller, [solution], (row.endorser_id for row in shown))
    return Page(items=[EndorsementView.of(row, solution, names) for row in shown], next=following)
