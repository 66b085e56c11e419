"""The HTTP API of resources."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from services.discussions import queries
from services.discussions.api.common import CommunityPath
from services.discussions.api.content import (
    ContentView,
    Outdating,
    ResourcePath,
    WantedOrder,
    WantedState,
    WantedTag,
    common,
    listed,
)
from services.discussions.commands import content as lives
from services.discussions.commands import resources as commands
from services.discussions.domain.resource import FileReference, Link, Resource, Substance, Template
from services.discussions.queries import Names
from services.discussions.queries import content as contents
from shared.contracts.content import ResourceForm
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, HttpsAddress, TagList, TitleText

router = APIRouter(tags=["resources"])


class LinkContent(texts.Request):
    """Something on the web."""

    form: Literal["link"]
    address: HttpsAddress = Field(examples=["https://permits.example.org/checklist"])


class FileContent(texts.Request):
    """A file that is kept elsewhere: where, and how one knows that one got the right one."""

    form: Literal["file"]
    address: HttpsAddress = Field(examples=["https://files.example.org/permits/checklist.xlsx"])
    media_type: str = Field(
        max_length=255,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$",
        description="Without parameters.",
        examples=["application/pdf"],
    )
    size: int = Field(ge=0, le=2**50, description="In bytes.", examples=[48_128])
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="Its SHA-256, in hexadecimal.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class TemplateContent(texts.Request):
    """A text to copy."""

    form: Literal["template"]
    text: BodyText = Field(description="Markdown.", examples=["Dear **{applicant}**, your permit …"])


NewSubstance = Annotated[LinkContent | FileContent | TemplateContent, Field(discriminator="form")]


class ResourceText(texts.Request):
    """A resource, whole."""

    title: TitleText = Field(examples=["Checklist for signatures"])
    body: BodyText = Field(description="What it is good for.", examples=["What to ask the vendor for."])
    tags: TagList = Field(default_factory=list, examples=[["permits", "digital-signature"]])
    substance: NewSubstance

    def fields(self) -> dict[str, Any]:
        """The fields of a resource."""
        return {**dict(self), "substance": _SUBSTANCE.validate_python(self.substance.model_dump())}


_SUBSTANCE: TypeAdapter[Link | FileReference | Template] = TypeAdapter(Substance)


class ResourceView(ContentView):
    """A resource."""

    markdown = ("body", "substance.text")

    body: str = Field(examples=["What to ask the vendor for."])
    substance: NewSubstance

    @staticmethod
    def of(resource: Resource, names: Names) -> ResourceView:
        """The view of ``resource``."""
        return ResourceView(**common(resource, names))


@router.post(
    "/communities/{community_id}/resources",
    status_code=201,
    response_model=ResourceView,
    responses=WRITE_PROBLEMS,
)
async def draft_resource(
    community_id: CommunityPath, body: ResourceText, mutate: Mutating, database: Db
) -> Response:
    """Begin to share a resource: a draft that only you see until you publish it."""
    thread_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        resource = await commands.draft(uow, mutate.caller.member_id, thread_id, community_id, body.fields())
        return await _answer(
            database, mutate.caller, resource, status=201, location=f"/v1/resources/{thread_id}"
        )

    return await mutate(work)


@router.get(
    "/communities/{community_id}/resources",
    response_model=Page[ResourceView],
    responses=READ_PROBLEMS,
)
async def list_resources(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: WantedState = None,
    tag: WantedTag = None,
    form: Annotated[ResourceForm | None, Query(description="Only links, files or templates.")] = None,
    order: WantedOrder = "newest",
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[ResourceView]:
    """A community's resources: newest first, or what most members used first."""
    shown, names, following = await listed(
        database, caller, Resource, community_id,
        state=state, tag=tag, form=form, order=order, cursor=cursor, limit=limit,
    )  # fmt: skip
    return Page(
        items=await all_rendered([ResourceView.of(row, names) for row in shown], html), next=following
    )


@router.get("/resources/{resource_id}", response_model=ResourceView, responses=READ_PROBLEMS)
async def read_resource(
    resource_id: ResourcePath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> ResourceView:
    """A resource."""
    resource = await contents.content(database, caller, Resource, resource_id)
    response.headers["ETag"] = etag(resource.revision)
    names = await queries.names(database, caller, [resource], [resource.author_id])
    return await rendered(ResourceView.of(resource, names), html)


@router.put("/resources/{resource_id}", response_model=ResourceView, responses=WRITE_PROBLEMS)
async def edit_resource(
    resource_id: ResourcePath, body: ResourceText, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Edit a resource. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        resource = await lives.edit(
            uow, mutate.caller.member_id, Resource, resource_id, version, body.fields()
        )
        return await _answer(database, mutate.caller, resource)

    return await mutate(work)


@router.delete("/resources/{resource_id}", status_code=204, responses=WRITE_PROBLEMS)
async def discard_resource(resource_id: ResourcePath, mutate: Mutating) -> Response:
    """Throw a draft of yours away."""

    async def work(uow: UnitOfWork) -> Answer:
        await lives.discard(uow, mutate.caller.member_id, Resource, resource_id)
        return Answer()

    return await mutate(work)


@router.post("/resources/{resource_id}/publish", response_model=ResourceView, responses=WRITE_PROBLEMS)
async def publish_resource(resource_id: ResourcePath, mutate: Mutating, database: Db) -> Response:
    """Show a draft to the community, or say that what was outdated is up to date again."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _answer(
            database,
            mutate.caller,
            await lives.publish(uow, mutate.caller.member_id, Resource, resource_id),
        )

    return await mutate(work)


@router.post("/resources/{resource_id}/outdate", response_model=ResourceView, responses=WRITE_PROBLEMS)
async def outdate_resource(
    resource_id: ResourcePath, body: Outdating, mutate: Mutating, database: Db
) -> Response:
    """Say that a resource no longer holds. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        resource = await lives.outdate(uow, mutate.caller.member_id, Resource, resource_id, body.reason)
        return await _answer(database, mutate.caller, resource)

    return await mutate(work)


@router.post("/resources/{resource_id}/archive", response_model=ResourceView, responses=WRITE_PROBLEMS)
async def archive_resource(resource_id: ResourcePath, mutate: Mutating, database: Db) -> Response:
    """Put a resource away; it can still be read. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        return await _answer(
            database,
            mutate.caller,
            await lives.archive(uow, mutate.caller.member_id, Resource, resource_id),
        )

    return await mutate(work)


async def _answer(database: Database, caller: Caller, resource: Resource, **more: Any) -> Answer:
    names = await queries.names(database, caller, [resource], [resource.author_id])
    return Answer(ResourceView.of(resource, names), version=resource.revision, **more)
