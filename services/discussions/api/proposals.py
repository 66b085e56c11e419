"""The HTTP API of improving others' solutions: differences, proposals, co-authors."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import Author, SolutionPath
from services.discussions.api.practices import Reason, Words
from services.discussions.api.solutions import SolutionView
from services.discussions.commands import proposals as commands
from services.discussions.domain.proposal import Proposal, ProposalState, difference
from services.discussions.domain.solution import Solution
from services.discussions.queries import Names
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, View

router = APIRouter(tags=["proposals"])

ProposalPath = Annotated[str, Path(max_length=100, description="A proposal's id.")]
RevisionNumber = Annotated[int, Field(ge=1, le=1_000_000, strict=True, examples=[1])]
RevisionQuery = Annotated[int, Query(ge=1, le=1_000_000, description="A revision's number.")]


class ProposedText(texts.Request):
    """A text for a solution."""

    base: RevisionNumber = Field(description="The revision that it changes.")
    body: BodyText
    note: Words = Field(description="What it changes and why.", examples=["Say which form to use."])


class Merging(texts.Request):
    """How a proposal becomes a revision."""

    major: bool = Field(False, description="Earlier endorsements become stale.")


class NewCoAuthor(texts.Request):
    """Whom to ask to be a co-author."""

    member_id: Identifier
    note: Words = Field(examples=["Your comment made this what it is. Will you write it with me?"])


class DifferenceView(View):
    """What changed between two texts."""

    before: int = Field(description="The revision before.", examples=[1])
    after: int = Field(description="The revision after.", examples=[2])
    diff: str = Field(
        description="A unified diff; empty where they are the same.",
        examples=["--- 1\n+++ 2\n@@ -1 +1 @@\n-Sign on paper.\n+Sign with the national eID.\n"],
    )


class ProposalView(MarkdownView):
    """A text that somebody proposes for a solution."""

    id: str
    solution_id: str
    proposer: Author
    base: int = Field(description="The revision that it changes.")
    body: str
    note: str
    revision: int = Field(description="Of the proposal itself.")
    state: ProposalState
    at: AwareDatetime
    decided_by: Author | None
    decided_at: AwareDatetime | None
    reason: str = Field(description="Why it was declined.")
    merged_as: int | None = Field(description="The solution's revision that it became.")

    @staticmethod
    def of(proposal: Proposal, names: Names) -> ProposalView:
        """The view of ``proposal``."""
        decided_by = proposal.decided_by
        return ProposalView(
            id=proposal.proposal_id,
            proposer=Author.of(proposal.proposer_id, proposal, names),
            decided_by=Author.of(decided_by, proposal, names) if decided_by else None,
            **proposal.model_dump(
                exclude={"proposal_id", "thread_id", "community_id", "proposer_id", "decided_by"}
            ),
        )


@router.get("/solutions/{solution_id}/diff", response_model=DifferenceView, responses=READ_PROBLEMS)
async def read_difference(
    solution_id: SolutionPath,
    before: RevisionQuery,
    after: RevisionQuery,
    caller: AuthenticatedCaller,
    database: Db,
) -> DifferenceView:
    """What changed between any two revisions."""
    solution = await queries.solution(database, caller, solution_id)
    one = await queries.revision(database, solution, before)
    other = await queries.revision(database, solution, after)
    named = (str(before), str(after))
    diff = await asyncio.to_thread(difference, one.body, other.body, named)
    return DifferenceView(before=before, after=after, diff=diff)


@router.post(
    "/solutions/{solution_id}/proposals", status_code=201, response_model=ProposalView,
    responses=WRITE_PROBLEMS,
)  # fmt: skip
async def propose_text(
    solution_id: SolutionPath, body: ProposedText, mutate: Mutating, database: Db
) -> Response:
    """Propose a text for somebody else's solution. Its authors are told by a comment with your note."""
    proposal_id, comment_id = new_id(), new_id()

    async def work(uow: UnitOfWork) -> Answer:
        made = await commands.propose(
            uow, mutate.caller.member_id, proposal_id, comment_id, solution_id, **body.model_dump()
        )
        location = f"/v1/solutions/{solution_id}/proposals/{proposal_id}"
        return await _answer(database, mutate.caller, made, 201, location)

    return await mutate(work)


@router.get("/solutions/{solution_id}/proposals", response_model=Page[ProposalView], responses=READ_PROBLEMS)
async def list_proposals(
    solution_id: SolutionPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: Annotated[ProposalState, Query(description="The state of those to list.")] = "open",
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[ProposalView]:
    """The proposals for a solution, newest first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    solution = await queries.solution(database, caller, solution_id)
    rows = await queries.proposals(database, solution, state, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.proposal_id)
    names = await _names(database, caller, shown)
    return Page(
        items=await all_rendered([ProposalView.of(row, names) for row in shown], html), next=following
    )


@router.get(
    "/solutions/{solution_id}/proposals/{proposal_id}", response_model=ProposalView, responses=READ_PROBLEMS
)
async def read_proposal(
    solution_id: SolutionPath,
    proposal_id: ProposalPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> ProposalView:
    """A proposal."""
    solution = await queries.solution(database, caller, solution_id)
    found = await queries.proposal(database, solution, proposal_id)
    response.headers["ETag"] = etag(found.revision)
    return await rendered(ProposalView.of(found, await _names(database, caller, [found])), html)


@router.get(
    "/solutions/{solution_id}/proposals/{proposal_id}/diff",
    response_model=DifferenceView,
    responses=READ_PROBLEMS,
)
async def read_proposed_difference(
    solution_id: SolutionPath, proposal_id: ProposalPath, caller: AuthenticatedCaller, database: Db
) -> DifferenceView:
    """What a proposal changes of the revision that it is based on."""
    solution = await queries.solution(database, caller, solution_id)
    found = await queries.proposal(database, solution, proposal_id)
    base = await queries.revision(database, solution, found.base)
    named = (str(found.base), "proposed")
    diff = await asyncio.to_thread(difference, base.body, found.body, named)
    return DifferenceView(before=found.base, after=found.base + 1, diff=diff)


@router.put(
    "/solutions/{solution_id}/proposals/{proposal_id}", response_model=ProposalView, responses=WRITE_PROBLEMS
)
async def rebase_proposal(
    solution_id: SolutionPath,
    proposal_id: ProposalPath,
    body: ProposedText,
    version: IfMatch,
    mutate: Mutating,
    database: Db,
) -> Response:
    """Change your proposal, or put it on top of a later revision."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.rebase(
            uow, mutate.caller.member_id, solution_id, proposal_id, version, **body.model_dump()
        )
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post(
    "/solutions/{solution_id}/proposals/{proposal_id}/merge",
    response_model=ProposalView,
    responses=WRITE_PROBLEMS,
)
async def merge_proposal(
    solution_id: SolutionPath, proposal_id: ProposalPath, body: Merging, mutate: Mutating, database: Db
) -> Response:
    """Make a proposal the next revision, whose author the proposer is. For authors and curators.

    Where the solution was revised since, both changes are merged by lines; where they change the same lines,
    the proposer has to put it on top of the present revision.
    """

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.merge(uow, mutate.caller.member_id, solution_id, proposal_id, major=body.major)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post(
    "/solutions/{solution_id}/proposals/{proposal_id}/decline",
    response_model=ProposalView,
    responses=WRITE_PROBLEMS,
)
async def decline_proposal(
    solution_id: SolutionPath, proposal_id: ProposalPath, body: Reason, mutate: Mutating, database: Db
) -> Response:
    """Decline a proposal; the reason is a comment that mentions the proposer. For authors and curators."""
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.decline(
            uow, mutate.caller.member_id, comment_id, solution_id, proposal_id, body.reason
        )
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post(
    "/solutions/{solution_id}/proposals/{proposal_id}/withdraw",
    response_model=ProposalView,
    responses=WRITE_PROBLEMS,
)
async def withdraw_proposal(
    solution_id: SolutionPath, proposal_id: ProposalPath, mutate: Mutating, database: Db
) -> Response:
    """Take your proposal back."""

    async def work(uow: UnitOfWork) -> Answer:
        after = await commands.withdraw(uow, mutate.caller.member_id, solution_id, proposal_id)
        return await _answer(database, mutate.caller, after)

    return await mutate(work)


@router.post("/solutions/{solution_id}/co-authors", response_model=SolutionView, responses=WRITE_PROBLEMS)
async def invite_co_author(
    solution_id: SolutionPath, body: NewCoAuthor, mutate: Mutating, database: Db
) -> Response:
    """Ask a member to be a co-author; your note is a comment that mentions them. For authors."""
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.invite(
            uow, mutate.caller.member_id, comment_id, solution_id, **body.model_dump()
        )
        return await _solution(database, mutate.caller, solution)

    return await mutate(work)


@router.post(
    "/solutions/{solution_id}/co-authors/join", response_model=SolutionView, responses=WRITE_PROBLEMS
)
async def join_as_co_author(solution_id: SolutionPath, mutate: Mutating, database: Db) -> Response:
    """Agree to be a co-author: you may revise it, and vouch for it no more. For whom an author asked."""

    async def work(uow: UnitOfWork) -> Answer:
        solution = await commands.join(uow, mutate.caller.member_id, solution_id)
        return await _solution(database, mutate.caller, solution)

    return await mutate(work)


async def _solution(database: Database, caller: Caller, solution: Solution) -> Answer:
    names = await queries.names(database, caller, [solution], solution.authors)
    return Answer(SolutionView.of(solution, names), version=solution.revision)


async def _answer(
    database: Database, caller: Caller, proposal: Proposal, status: int = 200, location: str | None = None
) -> Answer:
    view = ProposalView.of(proposal, await _names(database, caller, [proposal]))
    return Answer(view, status, proposal.revision, location)


async def _names(database: Database, caller: Caller, proposals: list[Proposal]) -> Names:
    people = [each.proposer_id for each in proposals] + [each.decided_by for each in proposals]
    return await queries.names(database, caller, proposals, people)
