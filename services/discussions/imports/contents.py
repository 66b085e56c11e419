"""Importing case studies and resources: drafted, published, and brought to the state in which they were."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from services.discussions import commands, store
from services.discussions.domain.case_study import CaseStudy
from services.discussions.domain.resource import FileReference, Link, Resource, Substance, Template
from shared.storage import UnitOfWork
from shared.web.texts import (
    BodyText,
    HttpsAddress,
    Identifier,
    Line,
    Moment,
    Note,
    Request,
    SectionText,
    TagList,
    TitleText,
)

Section = Annotated[SectionText, Field(min_length=1)]


class Imported(Request):
    """Whose it is, what it is called, and what became of it since."""

    id: Identifier
    community_id: Identifier
    author_id: Identifier
    at: Moment
    title: TitleText
    tags: TagList = Field(default_factory=list)
    state: Literal["published", "outdated", "archived"] = "published"
    reason: Note = Field("", description="Why it is outdated, or was before it was archived.")
    state_at: Moment | None = Field(None, description="Since when at the latest; else as long as it exists.")


class ImportCaseStudy(Imported):
    """A published case study. What it refers to is left out where it was not imported."""

    kind: Literal["case-study"]
    situation: Section = Field(examples=["Every permit waited nine days."])
    action: Section = Field(examples=["We signed with the national eID."])
    outcome: Section = Field(examples=["Two days on average."])
    lessons: Section = Field(examples=["Begin with the office that complains most."])
    organisation: Line = Field("", examples=["City of Aarhus"])
    problem_id: Identifier | None = None
    solution_id: Identifier | None = None


class ImportedLink(Request):
    """Something on the web."""

    form: Literal["link"]
    address: HttpsAddress = Field(examples=["https://permits.example.org/checklist"])


class ImportedFile(Request):
    """A file that is kept elsewhere."""

    form: Literal["file"]
    address: HttpsAddress = Field(examples=["https://files.example.org/checklist.xlsx"])
    media_type: str = Field(
        max_length=255,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$",
        examples=["application/pdf"],
    )
    size: int = Field(ge=0, le=2**50, examples=[48_128])
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["9f86d081" * 8])


class ImportedTemplate(Request):
    """A text to copy."""

    form: Literal["template"]
    text: BodyText = Field(examples=["Dear **{applicant}**, your permit …"])


class ImportResource(Imported):
    """A published resource."""

    kind: Literal["resource"]
    body: BodyText
    substance: Annotated[ImportedLink | ImportedFile | ImportedTemplate, Field(discriminator="form")]


ImportContent = ImportCaseStudy | ImportResource
_LIFE = {"kind", "id", "community_id", "author_id", "at", "state", "reason", "state_at"}
_SUBSTANCE: TypeAdapter[Link | FileReference | Template] = TypeAdapter(Substance)


async def carry_out(uow: UnitOfWork, item: ImportContent) -> bool:
    """Import it, unless it is there; whether it was not. Its author must be known."""
    if await store.threads.load_thread(uow, item.id):
        return False
    of: type[CaseStudy] | type[Resource]
    text = item.model_dump(exclude=_LIFE)
    if isinstance(item, ImportCaseStudy):
        of = CaseStudy
        text = await _known(uow, item.community_id, text)
        await commands.case_studies.draft(uow, item.author_id, item.id, item.community_id, text, item.at)
    else:
        of = Resource
        text["substance"] = _SUBSTANCE.validate_python(text["substance"])
        await commands.resources.draft(uow, item.author_id, item.id, item.community_id, text, item.at)
    await uow.flush()
    await commands.content.publish(uow, item.author_id, of, item.id, item.at)
    at: datetime = item.state_at or item.at
    if item.state == "outdated" or item.reason:
        await uow.flush()
        await commands.content.outdate(uow, item.author_id, of, item.id, item.reason, at)
    if item.state == "archived":
        await uow.flush()
        await commands.content.archive(uow, item.author_id, of, item.id, at)
    return True


async def _known(uow: UnitOfWork, community_id: str, text: dict[str, Any]) -> dict[str, Any]:
    """``text`` with what it refers to as far as that came along: what is hidden elsewhere does not."""
    problem_id, solution_id = text["problem_id"], text["solution_id"]
    problem = await store.problems.load_problem(uow, problem_id) if problem_id else None
    solution = await store.solutions.load_solution(uow, solution_id) if solution_id else None
    return text | {
        "problem_id": problem_id if problem and problem.community_id == community_id else None,
        "solution_id": solution_id if solution and solution.community_id == community_id else None,
    }
