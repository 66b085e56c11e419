"""The HTTP API of communities: founding, setting up, finding them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, ConfigDict, Field

from services.members import queries
from services.members.commands import communities as commands
from services.members.commands import people
from services.members.domain.community import Community, Setup
from services.members.domain.directory import words_of
from services.members.store.communities import Wanted
from shared.contracts.members import (
    DEFAULT_RULES,
    CommunityKind,
    CommunityLink,
    CommunityRules,
    JoinPolicy,
    Stage,
)
from shared.ids import new_id
from shared.settings import LIMITS
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, HttpsAddress, Language, Name, Note, Tag, TagList, View

router = APIRouter(tags=["communities"])

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]
SearchQuery = Annotated[
    str | None,
    Query(
        max_length=LIMITS.title,
        description="Whole words of its name, tags, purpose and charter, all of them; case and accents "
        "do not matter.",
    ),
]
KindQuery = Annotated[CommunityKind | None, Query(description="Only those of this kind.")]
TagQuery = Annotated[Tag | None, Query(description="Only those with this tag.")]
LanguageQuery = Annotated[Language | None, Query(description="Only those in this language.")]

StageQuery = Annotated[Stage | None, Query(description="Only those in this stage of their life.")]


class LinkText(texts.Request):
    """Where a community lives, too."""

    name: Name = Field(examples=["Permits, on Matrix"])
    url: HttpsAddress = Field(examples=["https://permits.example.org/"])


class RulesText(CommunityRules):
    """A community's own rules; for what is absent the default holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CommunityText(texts.Request):
    """How a community is set up, whole."""

    name: Name = Field(examples=["Permit offices"])
    about: BodyText = Field(examples=["Faster, fairer permits."])
    charter: Note = Field("", examples=["We share what failed, too."])
    tags: TagList = Field(default_factory=list, examples=[["permits"]])
    languages: list[Language] = Field(default_factory=list, max_length=20, examples=[["en", "ar"]])
    join_policy: JoinPolicy = Field("open", description="How one comes in.", examples=["open"])
    allow_anonymous: bool = Field(False, description="Whether one may post without being named.")
    links: list[LinkText] = Field(default_factory=list, max_length=20)
    rules: RulesText = Field(default_factory=RulesText)

    def setup(self) -> Setup:
        """As the domain has it."""
        return Setup.model_validate(self.model_dump(include=set(Setup.model_fields)))


class NewCommunity(CommunityText):
    """A community to found."""

    kind: CommunityKind = Field(examples=["external"])


class CommunityView(View):
    """A community."""

    id: str
    name: str
    kind: CommunityKind
    org_id: str | None
    join_policy: JoinPolicy
    about: str
    charter: str = Field(examples=["We share what failed, too."])
    tags: list[str]
    languages: list[str]
    allow_anonymous: bool
    links: list[CommunityLink]
    rules: CommunityRules = Field(examples=[DEFAULT_RULES.model_dump()])
    founder_id: str
    created_at: AwareDatetime
    stage: Stage = Field(description="Of its life; what is archived is read-only.")
    posted_at: AwareDatetime | None = Field(
        description="When something was last posted, give or take an hour."
    )
    revision: int = Field(description="Of how it is set up: its ETag.")

    @staticmethod
    def of(community: Community) -> CommunityView:
        """The view of ``community``."""
        known = set(CommunityView.model_fields)
        return CommunityView(id=community.community_id, **community.model_dump(include=known))


@router.post("/communities", status_code=201, response_model=CommunityView, responses=WRITE_PROBLEMS)
async def found_community(body: NewCommunity, mutate: Mutating) -> Response:
    """Found a community. You become its first steward."""
    community_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        community = await people.found_community(
            uow, mutate.caller, community_id, kind=body.kind, setup=body.setup()
        )
        location = f"/v1/communities/{community_id}"
        return Answer(CommunityView.of(community), 201, community.revision, location)

    return await mutate(work)


@router.get("/communities", response_model=Page[CommunityView], responses=READ_PROBLEMS)
async def list_communities(
    caller: AuthenticatedCaller,
    database: Db,
    search: SearchQuery = None,
    kind: KindQuery = None,
    tag: TagQuery = None,
    language: LanguageQuery = None,
    stage: StageQuery = None,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[CommunityView]:
    """The directory: the communities that you may see."""
    after = read_cursor(cursor, str)[0] if cursor else None
    wanted = Wanted(tuple(words_of(search or "")), kind, tag, language, stage)
    rows = await queries.communities(database, caller, wanted, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.community_id)
    return Page(items=[CommunityView.of(row) for row in shown], next=following)


@router.get("/communities/{community_id}", response_model=CommunityView, responses=READ_PROBLEMS)
async def read_community(
    community_id: CommunityPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> CommunityView:
    """A community."""
    community = await queries.community(database, caller, community_id)
    response.headers["ETag"] = etag(community.revision)
    return CommunityView.of(community)


@router.put("/communities/{community_id}", response_model=CommunityView, responses=WRITE_PROBLEMS)
async def set_up_community(
    community_id: CommunityPath, body: CommunityText, version: IfMatch, mutate: Mutating
) -> Response:
    """Set a community up anew: its purpose, charter, tags, policy, links and rules, whole. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        community = await commands.set_up(uow, mutate.caller, community_id, version, body.setup())
        return Answer(CommunityView.of(community), version=community.revision)

    return await mutate(work)
