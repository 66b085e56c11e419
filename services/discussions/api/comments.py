"""The HTTP API of comments."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from services.discussions import queries
from services.discussions.api.common import (
    Author,
    CommentPath,
    Hidden,
    Reactions,
    ThreadPath,
    milliseconds,
    moment,
)
from services.discussions.commands import comments as commands
from services.discussions.domain.comment import Comment
from services.discussions.queries import Names
from shared.contracts.discussions import ItemKind
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier

router = APIRouter(tags=["comments"])


class NewComment(texts.Request):
    """A perspective on the thread, or on anything in it: a solution, an adaptation, another comment."""

    item_kind: ItemKind = Field(examples=["solution"])
    item_id: Identifier
    body: BodyText = Field(examples=["With us it took two weeks to get the eID contract."])
    mentions: list[Identifier] = Field(default_factory=list, max_length=20)


class CommentText(texts.Request):
    """A comment's text, whole. Whom it mentions stays as it is."""

    body: BodyText = Field(examples=["With us it took three weeks to get the eID contract."])


class CommentView(MarkdownView):
    """A comment. A removed one has an empty body, so that the replies to it keep their place."""

    id: str
    thread_id: str
    author: Author
    item_kind: ItemKind
    item_id: str
    depth: int = Field(description="1 on anything but a comment, 2 for a reply to such a one, and so on.")
    body: str
    mentions: list[str]
    reactions: Reactions
    removed: bool
    hidden: Hidden
    at: AwareDatetime
    edited_at: AwareDatetime | None
    revision: int

    @staticmethod
    def of(comment: Comment, names: Names) -> CommentView:
        """The view of ``comment``."""
        return CommentView(
            id=comment.comment_id,
            author=Author.of(comment.author_id, comment, names),
            hidden=bool(comment.hidden),
            **comment.model_dump(exclude={"comment_id", "community_id", "author_id", "within", "hidden"}),
        )


@router.post(
    "/threads/{thread_id}/comments",
    status_code=201,
    response_model=CommentView,
    responses=WRITE_PROBLEMS,
)
async def comment(thread_id: ThreadPath, body: NewComment, mutate: Mutating, database: Db) -> Response:
    """Add a perspective to a thread of whatever kind, or to anything in it."""
    comment_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        added = await commands.comment(
            uow, mutate.caller.member_id, comment_id, thread_id, **body.model_dump()
        )
        return await _answer(database, mutate.caller, added, 201, f"/v1/comments/{comment_id}")

    return await mutate(work)


@router.get("/threads/{thread_id}/comments", response_model=Page[CommentView], responses=READ_PROBLEMS)
async def list_comments(
    thread_id: ThreadPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[CommentView]:
    """All comments of a thread, oldest first: a reply always comes after what it replies to."""
    after = moment(cursor) if cursor else None
    rows = list(await queries.comments(database, caller, thread_id, after, limit + 1))
    shown, following = page(rows, limit, lambda row: milliseconds(row.at), lambda row: row.comment_id)
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return Page(items=await all_rendered([CommentView.of(row, names) for row in shown], html), next=following)


@router.get("/comments/{comment_id}", response_model=CommentView, responses=READ_PROBLEMS)
async def read_comment(
    comment_id: CommentPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> CommentView:
    """A comment."""
    comment = await queries.comment(database, caller, comment_id)
    response.headers["ETag"] = etag(comment.revision)
    names = await queries.names(database, caller, [comment], [comment.author_id])
    return await rendered(CommentView.of(comment, names), html)


@router.put("/comments/{comment_id}", response_model=CommentView, responses=WRITE_PROBLEMS)
async def edit_comment(
    comment_id: CommentPath, body: CommentText, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit your comment."""

    async def work(uow: UnitOfWork) -> Answer:
        edited = await commands.edit(uow, mutate.caller.member_id, comment_id, version, body.body)
        return await _answer(database, mutate.caller, edited)

    return await mutate(work)


@router.delete("/comments/{comment_id}", response_model=CommentView, responses=WRITE_PROBLEMS)
async def remove_comment(
    comment_id: CommentPath, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Take your comment back. Its place stays, and so do the replies."""

    async def work(uow: UnitOfWork) -> Answer:
        removed = await commands.remove(uow, mutate.caller.member_id, comment_id, version)
        return await _answer(database, mutate.caller, removed)

    return await mutate(work)


async def _answer(
    database: Database, caller: Caller, comment: Comment, status: int = 200, location: str | None = None
) -> Answer:
    names = await queries.names(database, caller, [comment], [comment.author_id])
    return Answer(CommentView.of(comment, names), status, comment.revision, location)
