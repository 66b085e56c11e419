"""Importing threads: the same commands, with the original authors, ids and times."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, Field

from services.discussions import commands, store
from services.discussions.domain import thread as threads
from services.discussions.domain.access import no_such_problem, no_such_solution
from services.discussions.domain.thread import Thread
from shared.contracts.discussions import Basis, ItemKind, LinkKind
from shared.errors import NotFound, OutOfOrder
from shared.storage import UnitOfWork
from shared.web import imports
from shared.web.auth import importing
from shared.web.imports import MAX_ITEMS, ImportReport
from shared.web.mutations import Mutating
from shared.web.problems import WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Note, Request, TagList, TitleText

router = APIRouter(tags=["imports"], responses=WRITE_PROBLEMS)

Score = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class ImportProblem(Request):
    """A question of the source."""

    kind: Literal["problem"]
    id: Identifier
    community_id: Identifier
    author_id: Identifier
    at: AwareDatetime
    title: TitleText
    body: BodyText
    tags: TagList = Field(default_factory=list)
    score: Score | None = None


class ImportSolution(Request):
    """An answer of the source."""

    kind: Literal["solution"]
    id: Identifier
    problem_id: Identifier
    author_id: Identifier
    at: AwareDatetime
    body: BodyText
    score: Score | None = None


class ImportRevision(Request):
    """A later text of an answer; its ``id`` tells it from others."""

    kind: Literal["revision"]
    id: Identifier
    solution_id: Identifier
    editor_id: Identifier
    at: AwareDatetime
    body: BodyText
    note: Note = ""


class ImportProblemEdit(Request):
    """A later text of a question; what is absent stays."""

    kind: Literal["problem-edit"]
    id: Identifier
    problem_id: Identifier
    editor_id: Identifier
    at: AwareDatetime
    title: TitleText | None = None
    body: BodyText | None = None
    tags: TagList | None = None


class ImportComment(Request):
    """A comment on a problem, a solution or another comment."""

    kind: Literal["comment"]
    id: Identifier
    item_id: Identifier
    author_id: Identifier
    at: AwareDatetime
    body: BodyText


class ImportLink(Request):
    """One question refers to another."""

    kind: Literal["link"]
    problem_id: Identifier
    target_problem_id: Identifier
    type: LinkKind
    at: AwareDatetime


class ImportAccept(Request):
    """The asker accepted an answer; without a time, when it was given."""

    kind: Literal["accept"]
    solution_id: Identifier
    at: AwareDatetime | None = None


class ImportEndorsement(Request):
    """A named endorsement. Anonymous votes are no endorsements: they are the item's score."""

    kind: Literal["endorsement"]
    solution_id: Identifier
    endorser_id: Identifier
    basis: Basis
    at: AwareDatetime


AnyItem = (
    ImportProblem
    | ImportSolution
    | ImportRevision
    | ImportProblemEdit
    | ImportComment
    | ImportLink
    | ImportAccept
    | ImportEndorsement
)
Item = Annotated[AnyItem, Field(discriminator="kind")]


class ImportItems(Request):
    """A batch of an import, in an order in which each builds on the ones before."""

    items: list[Item] = Field(min_length=1, max_length=MAX_ITEMS)


@router.post(
    "/imports", response_model=ImportReport, summary="Import threads", dependencies=[Depends(importing)]
)
async def import_items(body: ImportItems, mutate: Mutating) -> Response:
    """Carries out a batch of commands with original ids and times. Needs the scope `guildhall:import`."""
    return await mutate(lambda uow: imports.run(uow, body.items, _carry_out))


async def _carry_out(uow: UnitOfWork, item: AnyItem) -> bool:
    match item:
        case ImportProblem():
            if await store.load_thread(uow, item.id):
                return False
            await _require_member(uow, item.community_id, item.author_id)
            await commands.post_problem(
                uow, item.author_id, item.id, item.community_id, title=item.title, body=item.body,
                tags=item.tags, imported_score=item.score, at=item.at,
            )  # fmt: skip
        case ImportSolution():
            if await store.load_solution(uow, item.id):
                return False
            await _require_member(uow, (await _thread(uow, item.problem_id)).community_id, item.author_id)
            await commands.propose(
                uow,
                item.author_id,
                item.id,
                item.problem_id,
                item.body,
                imported_score=item.score,
                at=item.at,
            )
        case ImportRevision():
            return await _revise(uow, item)
        case ImportProblemEdit():
            return await _edit(uow, item)
        case ImportComment():
            return await _comment(uow, item)
        case ImportLink():
            thread = await _thread(uow, item.problem_id)
            await _thread(uow, item.target_problem_id)
            if threads.Link(kind=item.type, target_id=item.target_problem_id) in thread.links:
                return False
            thread, event = threads.link(thread, None, item.type, item.target_problem_id)
            store.save_thread(uow, thread)
            uow.record(event, item.at)
        case ImportAccept():
            solution = await store.load_solution(uow, item.solution_id)
            if solution is None:
                raise no_such_solution()
            thread = await _thread(uow, solution.thread_id)
            if thread.accepted_id == solution.solution_id:
                return False
            at = item.at or solution.proposed_at
            await commands.accept(uow, thread.author_id, thread.thread_id, item.solution_id, at)
        case ImportEndorsement():
            present = await store.load_endorsement(uow, item.solution_id, item.endorser_id)
            if present is not None and present.state == "active":
                return False
            solution = await store.load_solution(uow, item.solution_id)
            if solution is None:
                raise no_such_solution()
            await _require_member(uow, solution.community_id, item.endorser_id)
            await commands.endorse(uow, item.endorser_id, item.solution_id, item.basis, item.at)
    return True


async def _revise(uow: UnitOfWork, item: ImportRevision) -> bool:
    if await store.has_revision(uow, item.id):
        return False
    solution = await store.load_solution(uow, item.solution_id)
    if solution is None:
        raise no_such_solution()
    await _require_member(uow, solution.community_id, item.editor_id)
    # Sources let many people edit; here they do so in the author's name, and stand as a co-author's note.
    await commands.revise(
        uow, solution.author_id, item.solution_id, None, body=item.body, note=item.note, major=False,
        revision_id=item.id, at=item.at,
    )  # fmt: skip
    return True


async def _edit(uow: UnitOfWork, item: ImportProblemEdit) -> bool:
    thread = await _thread(uow, item.problem_id)
    if item.at - thread.updated_at < timedelta(0) or thread.updated_at == item.at:
        return False  # this edit, or a later one, is in already
    await commands.edit_problem(
        uow,
        thread.author_id,
        item.problem_id,
        None,
        title=item.title,
        body=item.body,
        tags=item.tags,
        at=item.at,
    )
    return True


async def _comment(uow: UnitOfWork, item: ImportComment) -> bool:
    if await store.load_comment(uow, item.id):
        return False
    kind: ItemKind
    if (thread := await store.load_thread(uow, item.item_id)) is not None:
        kind, thread_id, community_id = "problem", thread.thread_id, thread.community_id
    elif (solution := await store.load_solution(uow, item.item_id)) is not None:
        kind, thread_id, community_id = "solution", solution.thread_id, solution.community_id
    elif (comment := await store.load_comment(uow, item.item_id)) is not None:
        kind, thread_id, community_id = "comment", comment.thread_id, comment.community_id
    else:
        raise NotFound("no-such-item", "What this comments on was not imported.")
    await _require_member(uow, community_id, item.author_id)
    await commands.comment(
        uow, item.author_id, item.id, thread_id, item_kind=kind, item_id=item.item_id, body=item.body,
        mentions=[], at=item.at,
    )  # fmt: skip
    return True


async def _thread(uow: UnitOfWork, thread_id: str) -> Thread:
    thread = await store.load_thread(uow, thread_id)
    if thread is None:
        raise no_such_problem()
    return thread


async def _require_member(uow: UnitOfWork, community_id: str, member_id: str) -> None:
    """An import sends people first: whoever is missing is still on the way from members."""
    if await store.load_participant(uow, community_id, member_id) is None:
        raise OutOfOrder("unknown-member", f"{member_id} is not known as a member of {community_id} yet.")
