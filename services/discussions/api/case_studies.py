"""The HTTP API of case studies."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from services.discussions import queries
from services.discussions.api.common import CommunityPath
from services.discussions.api.content import (
    CaseStudyPath,
    ContentView,
    Outdating,
    WantedOrder,
    WantedState,
    WantedTag,
    common,
    listed,
)
from services.discussions.commands import case_studies as commands
from services.discussions.commands import content as lives
from services.discussions.domain.case_study import CaseStudy
from services.discussions.queries import Names
from services.discussions.queries import content as contents
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, Line, SectionText, TagList, TitleText

router = APIRouter(tags=["case studies"])


class CaseStudyText(texts.Request):
    """A case study's text, whole. A draft's sections may be empty; all four are needed to publish it."""

    title: TitleText = Field(examples=["How Aarhus got rid of paper permits"])
    situation: SectionText = Field("", examples=["Every permit waited **nine days** for a signature."])
    action: SectionText = Field("", examples=["We signed with the national eID, office by office."])
    outcome: SectionText = Field("", examples=["Two days on average, after four months."])
    lessons: SectionText = Field("", examples=["Begin with the office that complains most."])
    organisation: Line = Field("", description="Where it happened.", examples=["City of Aarhus"])
    tags: TagList = Field(default_factory=list, examples=[["permits", "digital-signature"]])
    problem_id: Identifier | None = Field(
        None,
        description="The problem of this community that it is about.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"],
    )
    solution_id: Identifier | None = Field(
        None,
        description="The solution or practice of this community that it shows.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e01"],
    )


class CaseStudyView(ContentView):
    """A case study."""

    markdown = ("situation", "action", "outcome", "lessons")

    situation: str = Field(examples=["Every permit waited **nine days** for a signature."])
    action: str = Field(examples=["We signed with the national eID, office by office."])
    outcome: str = Field(examples=["Two days on average, after four months."])
    lessons: str = Field(examples=["Begin with the office that complains most."])
    organisation: str
    problem_id: str | None
    solution_id: str | None

    @staticmethod
    def of(study: CaseStudy, names: Names) -> CaseStudyView:
        """The view of ``study``."""
        return CaseStudyView(**common(study, names))


@router.post(
    "/communities/{community_id}/case-studies",
    status_code=201,
    response_model=CaseStudyView,
    responses=WRITE_PROBLEMS,
)
async def draft_case_study(
    community_id: CommunityPath, body: CaseStudyText, mutate: Mutating, database: Db
) -> Response:
    """Begin a case study: a draft that only you see until you publish it."""
    thread_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        study = await commands.draft(uow, mutate.caller.member_id, thread_id, community_id, body.model_dump())
        return await _answer(
            database, mutate.caller, study, status=201, location=f"/v1/case-studies/{thread_id}"
        )

    return await mutate(work)


@router.get(
    "/communities/{community_id}/case-studies",
    response_model=Page[CaseStudyView],
    responses=READ_PROBLEMS,
)
async def list_case_studies(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: WantedState = None,
    tag: WantedTag = None,
    order: WantedOrder = "newest",
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[CaseStudyView]:
    """A community's case studies: newest first, or what most members used first."""
    shown, names, following = await listed(
        database, caller, CaseStudy, community_id,
        state=state, tag=tag, order=order, cursor=cursor, limit=limit,
    )  # fmt: skip
    return Page(
        items=await all_rendered([CaseStudyView.of(row, names) for row in shown], html), next=following
    )


@router.get("/case-studies/{case_study_id}", response_model=CaseStudyView, responses=READ_PROBLEMS)
async def read_case_study(
    case_study_id: CaseStudyPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> CaseStudyView:
    """A case study."""
    study = await contents.content(database, caller, CaseStudy, case_study_id)
    response.headers["ETag"] = etag(study.revision)
    names = await queries.names(database, caller, [study], [study.author_id])
    return await rendered(CaseStudyView.of(study, names), html)


@router.put("/case-studies/{case_study_id}", response_model=CaseStudyView, responses=WRITE_PROBLEMS)
async def edit_case_study(
    case_study_id: CaseStudyPath, body: CaseStudyText, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit a case study. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        study = await commands.edit(uow, mutate.caller.member_id, case_study_id, version, body.model_dump())
        return await _answer(database, mutate.caller, study)

    return await mutate(work)


@router.delete("/case-studies/{case_study_id}", status_code=204, responses=WRITE_PROBLEMS)
async def discard_case_study(case_study_id: CaseStudyPath, mutate: Mutating) -> Response:
    """Throw a draft of yours away."""

    async def work(uow: UnitOfWork) -> Answer:
        await lives.discard(uow, mutate.caller.member_id, CaseStudy, case_study_id)
        return Answer()

    return await mutate(work)


@router.post("/case-studies/{case_study_id}/publish", response_model=CaseStudyView, responses=WRITE_PROBLEMS)
async def publish_case_study(case_study_id: CaseStudyPath, mutate: Mutating, database: Db) -> Response:
    """Show a draft to the community, or say that what was outdated is up to date again."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _answer(
            database,
            mutate.caller,
            await lives.publish(uow, mutate.caller.member_id, CaseStudy, case_study_id),
        )

    return await mutate(work)


@router.post("/case-studies/{case_study_id}/outdate", response_model=CaseStudyView, responses=WRITE_PROBLEMS)
async def outdate_case_study(
    case_study_id: CaseStudyPath, body: Outdating, mutate: Mutating, database: Db
) -> Response:
    """Say that a case study no longer holds. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        study = await lives.outdate(uow, mutate.caller.member_id, CaseStudy, case_study_id, body.reason)
        return await _answer(database, mutate.caller, study)

    return await mutate(work)


@router.post("/case-studies/{case_study_id}/archive", response_model=CaseStudyView, responses=WRITE_PROBLEMS)
async def archive_case_study(case_study_id: CaseStudyPath, mutate: Mutating, database: Db) -> Response:
    """Put a case study away; it can still be read. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _answer(
            database,
            mutate.caller,
            await lives.archive(uow, mutate.caller.member_id, CaseStudy, case_study_id),
        )

    return await mutate(work)


async def _answer(database: Database, caller: Caller, study: CaseStudy, **more: Any) -> Answer:
    names = await queries.names(database, caller, [study], [study.author_id])
    return Answer(CaseStudyView.of(study, names), version=study.revision, **more)
