"""The HTTP API of comments."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import (
    Author,
    ProblemPath,
    milliseconds,
    moment,
)
from services.discussions.commands import comments as commands
from services.discussions.domain.comment import Comment
from services.discussions.queries import Names
from shared.contracts.discussions import ItemKind
from shared.ids import new_id
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, View

router = APIRouter(tags=["comments"])


class NewComment(texts.Request):
    """A perspective on the problem, one of its solutions, or one of its comments."""

    item_kind: ItemKind = Field(examples=["solution"])
    item_id: Identifier
    body: BodyText = Field(examples=["With us it took two weeks to get the eID contract."])
    mentions: list[Identifier] = Field(default_factory=list, max_length=20)


class CommentView(View):
    """A comment."""

    id: str
    problem_id: str
    author: Author
    item_kind: ItemKind
    item_id: str
    body: str
    mentions: list[str]
    at: AwareDatetime

    @staticmethod
    def of(comment: Comment, names: Names) -> CommentView:
        """The view of ``comment``."""
        return CommentView(
            id=comment.comment_id,
            problem_id=comment.thread_id,
            author=Author.of(comment.author_id, comment, names),
            **comment.model_dump(exclude={"comment_id", "thread_id", "community_id", "author_id"}),
        )


@router.post(
    "/problems/{problem_id}/comments",
    status_code=201,
    response_model=CommentView,
    responses=WRITE_PROBLEMS,
)
async def comment(problem_id: ProblemPath, body: NewComment, mutate: Mutating, database: Db) -> Response:
    """Add a perspective to the problem, one of its solutions, or one of its comments."""
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        added = await commands.comment(
            uow, mutate.caller.member_id, comment_id, problem_id, **body.model_dump()
        )
        return Answer(
            CommentView.of(added, await queries.names(database, mutate.caller, [added], [added.author_id])),
            201,
        )

    return await mutate(work)


@router.get(
    "/problems/{problem_id}/comments",
    response_model=Page[CommentView],
    responses=READ_PROBLEMS,
)
async def list_comments(
    problem_id: ProblemPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[CommentView]:
    """All comments of a thread, oldest first."""
    after = moment(cursor) if cursor else None
    rows = list(await queries.comments(database, caller, problem_id, after, limit + 1))
    shown, following = page(rows, limit, lambda row: milliseconds(row.at), lambda row: row.comment_id)
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return Page(items=[CommentView.of(row, names) for row in shown], next=following)
