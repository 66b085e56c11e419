"""Importing threads: the same commands, with the original authors, ids and times."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.discussions import commands, store
from services.discussions.domain.access import no_such_problem, no_such_solution
from services.discussions.domain.problem import Problem
from services.discussions.domain.solution import Solution
from services.discussions.imports import benchmarks, contents, gatherings
from services.discussions.imports.benchmarks import (
    ImportBenchmark,
    ImportBenchmarkAnswer,
    ImportBenchmarkClosing,
)
from services.discussions.imports.contents import ImportCaseStudy, ImportResource
from services.discussions.imports.gatherings import (
    ImportGathering,
    ImportGatheringNotes,
    ImportGatheringReply,
)
from services.discussions.imports.people import require_member
from shared.contracts.discussions import Basis, Context, ItemKind, LinkKind
from shared.errors import NotFound, OutOfOrder
from shared.storage import UnitOfWork
from shared.web import imports
from shared.web.auth import importing
from shared.web.imports import MAX_ITEMS, ImportReport
from shared.web.mutations import Answer, Mutating
from shared.web.problems import WRITE_PROBLEMS
from shared.web.texts import BodyText, Identifier, Moment, Note, Passage, Request, TagList, TitleText

router = APIRouter(tags=["imports"], responses=WRITE_PROBLEMS)

Score = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class ImportedContext(Request):
    """What sets the stage for those who work elsewhere."""

    size: Passage = Field(examples=["40 permits a week, 3 clerks"])
    constraints: Passage = Field(examples=["The law asks for a signature."])
    culture: Passage = Field(examples=["Nobody decides alone."])
    tried: Passage = Field(examples=["Scanning."])


class ImportProblem(Request):
    """A question of the source."""

    kind: Literal["problem"]
    id: Identifier
    community_id: Identifier
    author_id: Identifier
    at: Moment
    title: TitleText
    body: BodyText
    tags: TagList = Field(default_factory=list)
    context: ImportedContext | None = None
    score: Score | None = None


class ImportSolution(Request):
    """An answer of the source."""

    kind: Literal["solution"]
    id: Identifier
    problem_id: Identifier
    author_id: Identifier
    at: Moment
    body: BodyText
    score: Score | None = None


class ImportRevision(Request):
    """A later text of an answer; its ``id`` tells it from others, as does its ``number`` where it has one."""

    kind: Literal["revision"]
    id: Identifier
    solution_id: Identifier
    editor_id: Identifier
    at: Moment
    body: BodyText
    note: Note = ""
    major: bool = False
    number: int | None = Field(None, ge=2)


class ImportProblemEdit(Request):
    """A later text of a question; what is absent stays."""

    kind: Literal["problem-edit"]
    id: Identifier
    problem_id: Identifier
    editor_id: Identifier
    at: Moment
    title: TitleText | None = None
    body: BodyText | None = None
    tags: TagList | None = None


class ImportComment(Request):
    """A comment on a problem, a solution or another comment."""

    kind: Literal["comment"]
    id: Identifier
    item_id: Identifier
    author_id: Identifier
    at: Moment
    body: BodyText
    mentions: list[Identifier] = Field(default_factory=list, max_length=20)


class ImportLink(Request):
    """One question refers to another."""

    kind: Literal["link"]
    problem_id: Identifier
    target_problem_id: Identifier
    type: LinkKind
    at: Moment


class ImportAccept(Request):
    """The asker accepted an answer; without a time, when it was given."""

    kind: Literal["accept"]
    solution_id: Identifier
    at: Moment | None = None


class ImportResolution(Request):
    """The asker said that the question is resolved; without a time, when its text was last changed."""

    kind: Literal["resolution"]
    problem_id: Identifier
    at: Moment | None = None


class ImportEndorsement(Request):
    """A named endorsement. Anonymous votes are no endorsements: they are the item's score."""

    kind: Literal["endorsement"]
    solution_id: Identifier
    endorser_id: Identifier
    basis: Basis
    at: Moment


AnyItem = (
    ImportProblem
    | ImportSolution
    | ImportRevision
    | ImportProblemEdit
    | ImportComment
    | ImportLink
    | ImportAccept
    | ImportResolution
    | ImportEndorsement
    | ImportCaseStudy
    | ImportResource
    | ImportBenchmark
    | ImportBenchmarkAnswer
    | ImportBenchmarkClosing
    | ImportGathering
    | ImportGatheringReply
    | ImportGatheringNotes
)
Item = Annotated[AnyItem, Field(discriminator="kind")]


class ImportItems(Request):
    """A batch of an import, in an order in which each builds on the ones before."""

    items: list[Item] = Field(min_length=1, max_length=MAX_ITEMS)


@router.post(
    "/imports", response_model=ImportReport, summary="Import threads", dependencies=[Depends(importing)]
)
async def import_items(body: ImportItems, mutate: Mutating) -> Response:
    """Carries out a batch of commands with original ids and times. Needs the scope `guildhall:import`.

    What builds on an item of the batch that has to wait, waits with it.
    """

    async def work(uow: UnitOfWork) -> Answer:
        waiting: set[str] = set()

        async def in_order(uow: UnitOfWork, item: AnyItem) -> bool:
            try:
                if waiting & _builds_on(item):
                    raise OutOfOrder("builds-on-what-waits", "It builds on an item that has to wait.")
                return await _carry_out(uow, item)
            except OutOfOrder:
                waiting.update(_held_up_by(item))
                raise

        return await imports.run(uow, body.items, in_order)

    return await mutate(work)


def _builds_on(item: AnyItem) -> set[str]:
    """The ids of what has to be there before ``item``."""
    match item:
        case ImportProblem():
            return set()
        case ImportCaseStudy():
            return {each for each in (item.problem_id, item.solution_id) if each is not None}
        case ImportResource() | ImportBenchmark() | ImportGathering():
            return set()
        case ImportBenchmarkAnswer() | ImportBenchmarkClosing():
            return {item.benchmark_id}
        case ImportGatheringReply() | ImportGatheringNotes():
            return {item.gathering_id}
        case ImportSolution() | ImportProblemEdit() | ImportResolution():
            return {item.problem_id}
        case ImportComment():
            return {item.item_id}
        case ImportLink():
            return {item.problem_id, item.target_problem_id}
        case ImportRevision() | ImportAccept() | ImportEndorsement():
            return {item.solution_id}


def _held_up_by(item: AnyItem) -> set[str]:
    """The ids of what waits as long as ``item`` does: a later text must not overtake an earlier one."""
    match item:
        case ImportProblem() | ImportSolution() | ImportComment():
            return {item.id}
        case ImportCaseStudy() | ImportResource() | ImportBenchmark() | ImportGathering():
            return {item.id}
        case ImportRevision() | ImportProblemEdit():
            return _builds_on(item)
        case _:
            return set()


async def _carry_out(uow: UnitOfWork, item: AnyItem) -> bool:
    match item:
        case ImportProblem():
            if await store.threads.load_thread(uow, item.id):
                return False
            await require_member(uow, item.community_id, item.author_id)
            context = Context.model_validate(item.context.model_dump()) if item.context else None
            await commands.problems.post_problem(
                uow, item.author_id, item.id, item.community_id, title=item.title, body=item.body,
                tags=item.tags, context=context, imported_score=item.score, at=item.at,
            )  # fmt: skip
        case ImportSolution():
            if await store.solutions.load_solution(uow, item.id):
                return False
            await require_member(uow, (await _problem(uow, item.problem_id)).community_id, item.author_id)
            await commands.solutions.propose(
                uow,
                item.author_id,
                item.id,
                item.problem_id,
                item.body,
                imported_score=item.score,
                at=item.at,
            )
        case ImportRevision():
            if await store.imports.was_imported(uow, item.kind, item.id):
                return False
            solution = await _solution(uow, item.solution_id)
            if item.number is not None and item.number <= solution.revision:
                return False
            await require_member(uow, solution.community_id, item.editor_id)
            await commands.solutions.revise(
                uow, item.editor_id, item.solution_id, None, body=item.body, note=item.note,
                major=item.major, at=item.at,
            )  # fmt: skip
            store.imports.note_import(uow, item.kind, item.id)
        case ImportProblemEdit():
            if await store.imports.was_imported(uow, item.kind, item.id):
                return False
            thread = await _problem(uow, item.problem_id)
            await require_member(uow, thread.community_id, item.editor_id)
            await commands.problems.edit_problem(
                uow, item.editor_id, item.problem_id, None, title=item.title, body=item.body,
                tags=item.tags, at=item.at,
            )  # fmt: skip
            store.imports.note_import(uow, item.kind, item.id)
        case ImportComment():
            return await _comment(uow, item)
        case ImportLink():
            name = (item.kind, item.type, item.problem_id, item.target_problem_id)
            if await store.imports.was_imported(uow, *name):
                return False
            thread, target = await _problem(uow, item.problem_id), await _problem(uow, item.target_problem_id)
            if any((link.kind, link.target_id) == (item.type, target.thread_id) for link in thread.links):
                return False
            await commands.access.require_open(uow, thread.community_id)
            commands.problems.link_to(uow, thread, target, item.type, None, item.at)
            store.imports.note_import(uow, *name)
        case ImportAccept():
            if await store.imports.was_imported(uow, item.kind, item.solution_id):
                return False
            solution = await _solution(uow, item.solution_id)
            if solution.accepted:
                return False
            thread = await _problem(uow, solution.thread_id)
            at = item.at or solution.proposed_at
            await commands.solutions.accept(uow, thread.author_id, thread.thread_id, item.solution_id, at)
            store.imports.note_import(uow, item.kind, item.solution_id)
        case ImportResolution():
            if await store.imports.was_imported(uow, item.kind, item.problem_id):
                return False
            thread = await _problem(uow, item.problem_id)
            if thread.state == "resolved":
                return False
            at = item.at or thread.updated_at
            await commands.problems.resolve(uow, thread.author_id, thread.thread_id, at)
            store.imports.note_import(uow, item.kind, item.problem_id)
        case ImportEndorsement():
            if await store.solutions.load_endorsement(uow, item.solution_id, item.endorser_id) is not None:
                return False  # whatever became of it since
            solution = await _solution(uow, item.solution_id)
            await require_member(uow, solution.community_id, item.endorser_id)
            await commands.solutions.endorse(uow, item.endorser_id, item.solution_id, item.basis, item.at)
        case ImportCaseStudy() | ImportResource():
            await require_member(uow, item.community_id, item.author_id)
            return await contents.carry_out(uow, item)
        case ImportBenchmark() | ImportBenchmarkAnswer() | ImportBenchmarkClosing():
            return await benchmarks.carry_out(uow, item)
        case ImportGathering() | ImportGatheringReply() | ImportGatheringNotes():
            return await gatherings.carry_out(uow, item)
    return True


async def _comment(uow: UnitOfWork, item: ImportComment) -> bool:
    if await store.comments.load_comment(uow, item.id):
        return False
    kind: ItemKind
    if (thread := await store.threads.load_thread(uow, item.item_id)) is not None:
        kind, thread_id, community_id = thread.kind, thread.thread_id, thread.community_id
    elif (solution := await store.solutions.load_solution(uow, item.item_id)) is not None:
        kind, thread_id, community_id = "solution", solution.thread_id, solution.community_id
    elif (comment := await store.comments.load_comment(uow, item.item_id)) is not None:
        kind, thread_id, community_id = "comment", comment.thread_id, comment.community_id
    else:
        raise NotFound("no-such-item", "What this comments on was not imported.")
    await require_member(uow, community_id, item.author_id)
    members = await store.access.member_ids(uow, community_id, item.mentions)
    await commands.comments.comment(
        uow, item.author_id, item.id, thread_id, item_kind=kind, item_id=item.item_id, body=item.body,
        mentions=[each for each in item.mentions if each in members], at=item.at,
    )  # fmt: skip
    return True


async def _problem(uow: UnitOfWork, thread_id: str) -> Problem:
    problem = await store.problems.load_problem(uow, thread_id)
    if problem is None:
        raise no_such_problem()
    return problem


async def _solution(uow: UnitOfWork, solution_id: str) -> Solution:
    solution = await store.solutions.load_solution(uow, solution_id)
    if solution is None:
        raise no_such_solution()
    return solution
