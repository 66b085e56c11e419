"""The HTTP API of problems."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import (
    Author,
    CommunityPath,
    Hidden,
    ProblemPath,
    Reactions,
    milliseconds,
    moment,
)
from services.discussions.commands import problems as commands
from services.discussions.domain import diff
from services.discussions.domain.problem import Link, Problem, ProblemState, ProblemText
from services.discussions.queries import Names
from shared.contracts.discussions import Context, LinkKind
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Passage, Tag, TagList, TitleText, View

router = APIRouter(tags=["problems"])


class ContextText(texts.Request):
    """What sets the stage for those who work elsewhere."""

    size: Passage = Field(description="How many and how much.", examples=["40 permits a week, 3 clerks"])
    constraints: Passage = Field(
        description="What cannot be changed.", examples=["The law asks for a signature."]
    )
    culture: Passage = Field(description="How things are done there.", examples=["Nobody decides alone."])
    tried: Passage = Field(description="What was tried, and what came of it.", examples=["Scanning."])


class EditedProblem(texts.Request):
    """A problem's text, whole."""

    title: TitleText = Field(examples=["Permits wait for a signature"])
    body: BodyText = Field(examples=["Every permit waits **nine days** on paper."])
    tags: TagList = Field(default_factory=list, examples=[["permits", "digital-signature"]])
    context: ContextText | None = Field(
        None, description="Needed in external communities, where nothing is taken for granted."
    )

    def fields(self) -> dict[str, Any]:
        """The fields of a problem."""
        context = self.context and Context.model_validate(self.context.model_dump())
        return {**dict(self), "context": context}


class NewProblem(EditedProblem):
    """A problem to post."""

    anonymous: bool = Field(
        False, description="Do not name its author to anybody but stewards, where the community allows it."
    )


class NewLink(texts.Request):
    """A link to another problem."""

    kind: LinkKind
    target_id: Identifier


class LinkView(View):
    """A link to another problem."""

    kind: LinkKind
    target_id: str

    @staticmethod
    def of(link: Link) -> LinkView:
        """The view of ``link``."""
        return LinkView(kind=link.kind, target_id=link.target_id)


CONTEXT = ("context.size", "context.constraints", "context.culture", "context.tried")
"""Where a view with a context has it as Markdown."""


class ProblemView(MarkdownView):
    """A problem."""

    markdown = ("body", *CONTEXT)

    id: str
    community_id: str
    author: Author
    title: str
    body: str
    tags: list[str]
    context: Context | None
    state: ProblemState
    solutions: int
    accepted_id: str | None
    links: list[LinkView]
    imported_score: int | None
    reactions: Reactions
    locked: bool = Field(description="Nobody but facilitators and stewards adds to it.")
    hidden: Hidden
    posted_at: AwareDatetime
    updated_at: AwareDatetime
    revision: int

    @staticmethod
    def of(problem: Problem, names: Names) -> ProblemView:
        """The view of ``thread``'s problem."""
        return ProblemView(
            id=problem.thread_id,
            author=Author.of(problem.author_id, problem, names),
            hidden=bool(problem.hidden),
            links=[LinkView.of(link) for link in problem.links],
            **problem.model_dump(exclude={"thread_id", "author_id", "links", "version", "hidden"}),
        )


class ProblemRevisionView(View):
    """What a problem said from then on, and who made it say so."""

    number: int
    editor: Author
    at: AwareDatetime
    title: str

    @staticmethod
    def of(text: ProblemText, problem: Problem, names: Names) -> ProblemRevisionView:
        """The view of ``text`` of ``problem``."""
        editor = Author.of(text.editor_id, problem, names)
        return ProblemRevisionView(number=text.number, editor=editor, at=text.at, title=text.title)


class ProblemDiffView(MarkdownView, ProblemRevisionView):
    """A revision, whole, and what it changed."""

    markdown = ("body", *CONTEXT)

    body: str
    tags: list[str]
    context: Context | None
    changes: dict[str, list[str]] = Field(
        description="By field that changed: a unified diff's lines; the first revision changes everything.",
        examples=[{"body": ["@@ -1 +1 @@", "-Nine days.", "+Ten days."]}],
    )


@router.post(
    "/communities/{community_id}/problems",
    status_code=201,
    response_model=ProblemView,
    responses=WRITE_PROBLEMS,
)
async def post_problem(
    community_id: CommunityPath, body: NewProblem, mutate: Mutating, database: Db
) -> Response:
    """Post a problem."""
    thread_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.post_problem(
            uow, mutate.caller.member_id, thread_id, community_id, **body.fields()
        )
        return await _answer(database, mutate.caller, problem, 201, f"/v1/problems/{thread_id}")

    return await mutate(work)


@router.get(
    "/communities/{community_id}/problems",
    response_model=Page[ProblemView],
    responses=READ_PROBLEMS,
)
async def list_problems(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: ProblemState | None = None,
    tag: Annotated[Tag | None, Query(description="Only those with this tag.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[ProblemView]:
    """A community's problems, newest first."""
    before = moment(cursor) if cursor else None
    rows = await queries.problems(
        database, caller, community_id, state=state, tag=tag, before=before, limit=limit + 1
    )
    shown, following = page(rows, limit, lambda row: milliseconds(row.posted_at), lambda row: row.thread_id)
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return Page(items=await all_rendered([ProblemView.of(row, names) for row in shown], html), next=following)


@router.get("/problems/{problem_id}", response_model=ProblemView, responses=READ_PROBLEMS)
async def read_problem(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> ProblemView:
    """A problem."""
    problem, _ = await queries.problem(database, caller, problem_id)
    response.headers["ETag"] = etag(problem.revision)
    names = await queries.names(database, caller, [problem], [problem.author_id])
    return await rendered(ProblemView.of(problem, names), html)


@router.put("/problems/{problem_id}", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def edit_problem(
    problem_id: ProblemPath, body: EditedProblem, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit a problem. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.edit_problem(
            uow, mutate.caller.member_id, problem_id, version, **body.fields()
        )
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.post("/problems/{problem_id}/resolve", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def resolve(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Say that a problem is resolved. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.resolve(uow, mutate.caller.member_id, problem_id)
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.post("/problems/{problem_id}/reopen", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def reopen(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Say that a resolved problem turned out not to be."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.reopen(uow, mutate.caller.member_id, problem_id)
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.post("/problems/{problem_id}/withdraw", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def withdraw(problem_id: ProblemPath, mutate: Mutating, database: Db) -> Response:
    """Take a problem back for good. For its author while nobody answered; for facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        problem = await commands.withdraw(uow, mutate.caller.member_id, problem_id)
        return await _answer(database, mutate.caller, problem)

    return await mutate(work)


@router.get(
    "/problems/{problem_id}/revisions", response_model=Page[ProblemRevisionView], responses=READ_PROBLEMS
)
async def list_revisions(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[ProblemRevisionView]:
    """Who edited a problem and when, oldest first."""
    after = read_cursor(cursor, int)[0] if cursor else 0
    problem, rows = await queries.problem_texts(database, caller, problem_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.number)
    names = await queries.names(database, caller, [problem], (row.editor_id for row in shown))
    return Page(items=[ProblemRevisionView.of(row, problem, names) for row in shown], next=following)


@router.get(
    "/problems/{problem_id}/revisions/{number}", response_model=ProblemDiffView, responses=READ_PROBLEMS
)
async def read_revision(
    problem_id: ProblemPath,
    number: Annotated[int, Path(ge=1, le=1_000_000, description="The revision's number.")],
    caller: AuthenticatedCaller,
    database: Db,
    html: WantsHtml = False,
) -> ProblemDiffView:
    """What a problem said, and what that changed."""
    problem, text, before = await queries.problem_text(database, caller, problem_id, number)
    changes = await asyncio.to_thread(diff.changes, _fields(before), _fields(text))
    names = await queries.names(database, caller, [problem], [text.editor_id])
    revision = ProblemRevisionView.of(text, problem, names)
    view = ProblemDiffView(
        **dict(revision), body=text.body, tags=text.tags, context=text.context, changes=changes
    )
    return await rendered(view, html)


def _fields(text: ProblemText | None) -> dict[str, str]:
    if text is None:
        return {}
    fields = {"title": text.title, "body": text.body, "tags": "\n".join(text.tags)}
    return fields | (text.context.model_dump() if text.context else {})


@router.post("/problems/{problem_id}/links", response_model=ProblemView, responses=WRITE_PROBLEMS)
async def link(problem_id: ProblemPath, body: NewLink, mutate: Mutating, database: Db) -> Response:
    """Link a problem to another: as its duplicate, or as related."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _answer(
            database,
            mutate.caller,
            await commands.link(uow, mutate.caller.member_id, problem_id, body.kind, body.target_id),
        )

    return await mutate(work)


async def _answer(
    database: Database, caller: Caller, problem: Problem, status: int = 200, location: str | None = None
) -> Answer:
    names = await queries.names(database, caller, [problem], [problem.author_id])
    return Answer(ProblemView.of(problem, names), status, problem.revision, location)
