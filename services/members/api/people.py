"""The HTTP API of members."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field

from services.members import queries
from services.members.commands import people as commands
from services.members.domain.community import Membership
from services.members.domain.member import Member, Profile
from shared.contracts.members import Level, Role, Skill, Standing
from shared.settings import LIMITS
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Language, Line, Name, Note, Tag, View

router = APIRouter()

MemberPath = Annotated[str, Path(max_length=100, description="A member's id.")]
CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]


class SkillText(texts.Request):
    """A skill and how far it goes."""

    name: Tag = Field(examples=["permits"])
    level: Level = Field(examples=["expert"])


class ProfileText(texts.Request):
    """A member's profile, whole."""

    name: Name = Field(examples=["Amal Haddad"])
    headline: Line = Field("", examples=["Permit clerk, twelve years"])
    about: Note = ""
    languages: list[Language] = Field(default_factory=list, max_length=20, examples=[["en", "ar"]])
    time_zone: str = Field("UTC", max_length=60, examples=["Europe/Copenhagen"])

    def profile(self) -> Profile:
        """As the domain has it."""
        return Profile.model_validate(self.model_dump())


class SkillList(texts.Request):
    """All skills of a member."""

    skills: list[SkillText] = Field(max_length=LIMITS.skills)


class NewRole(texts.Request):
    """A role to give."""

    role: Role


class MemberView(View):
    """A member, as others see them."""

    id: str
    name: str
    headline: str
    about: str
    languages: list[str]
    time_zone: str
    org_id: str | None
    skills: list[Skill]
    registered_at: AwareDatetime
    version: int

    @staticmethod
    def of(member: Member) -> MemberView:
        """The view of ``member``."""
        return MemberView(
            id=member.member_id,
            org_id=member.org_id,
            skills=member.skills,
            registered_at=member.registered_at,
            version=member.version,
            **member.profile.model_dump(),
        )


class MembershipView(View):
    """Somebody's belonging to a community."""

    community_id: str
    member_id: str
    role: Role
    standing: Standing
    joined_at: AwareDatetime

    @staticmethod
    def of(membership: Membership) -> MembershipView:
        """The view of ``membership``."""
        return MembershipView(**membership.model_dump())


# -- people --------------------------------------------------------------------------------------------


@router.post(
    "/members", status_code=201, response_model=MemberView, responses=WRITE_PROBLEMS, tags=["people"]
)
async def register(body: ProfileText, mutate: Mutating) -> Response:
    """Register yourself. Your id and organisation come from your token."""

    async def work(uow: UnitOfWork) -> Answer:
        member = await commands.register(uow, mutate.caller, body.profile())
        return Answer(MemberView.of(member), 201, member.version, f"/v1/members/{member.member_id}")

    return await mutate(work)


@router.get("/members/me", response_model=MemberView, responses=READ_PROBLEMS, tags=["people"])
async def read_own_profile(caller: AuthenticatedCaller, database: Db, response: Response) -> MemberView:
    """Your own profile."""
    return await read_profile(caller.member_id, caller, database, response)


@router.put("/members/me", response_model=MemberView, responses=WRITE_PROBLEMS, tags=["people"])
async def edit_profile(body: ProfileText, version: IfMatch, mutate: Mutating) -> Response:
    """Replace your profile."""

    async def work(uow: UnitOfWork) -> Answer:
        member = await commands.edit_profile(uow, mutate.caller, version, body.profile())
        return Answer(MemberView.of(member), version=member.version)

    return await mutate(work)


@router.put("/members/me/skills", response_model=MemberView, responses=WRITE_PROBLEMS, tags=["people"])
async def state_skills(body: SkillList, version: IfMatch, mutate: Mutating) -> Response:
    """Replace your skills. The ETag is your profile's."""
    skills = [Skill(name=skill.name, level=skill.level) for skill in body.skills]

    async def work(uow: UnitOfWork) -> Answer:
        member = await commands.state_skills(uow, mutate.caller, version, skills)
        return Answer(MemberView.of(member), version=member.version)

    return await mutate(work)


@router.get("/members/{member_id}", response_model=MemberView, responses=READ_PROBLEMS, tags=["people"])
async def read_profile(
    member_id: MemberPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> MemberView:
    """A member's profile."""
    member = await queries.member(database, member_id)
    response.headers["ETag"] = etag(member.version)
    return MemberView.of(member)


# -- memberships ---------------------------------------------------------------------------------------


@router.get(
    "/communities/{community_id}/members",
    response_model=Page[MembershipView],
    responses=READ_PROBLEMS,
    tags=["communities"],
)
async def list_members(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[MembershipView]:
    """Who belongs to a community."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.members_of(database, caller, community_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.member_id)
    return Page(items=[MembershipView.of(row) for row in shown], next=following)


@router.get(
    "/members/me/memberships",
    response_model=Page[MembershipView],
    responses=READ_PROBLEMS,
    tags=["communities"],
)
async def list_memberships(
    caller: AuthenticatedCaller, database: Db, cursor: Cursor = None, limit: PageSize = 20
) -> Page[MembershipView]:
    """What you belong to."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.memberships_of(database, caller, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.community_id)
    return Page(items=[MembershipView.of(row) for row in shown], next=following)


@router.put(
    "/communities/{community_id}/members/me",
    status_code=201,
    response_model=MembershipView,
    responses=WRITE_PROBLEMS,
    tags=["communities"],
)
async def join(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Join a community that is open or that you are invited to, on a trial of 30 days."""

    async def work(uow: UnitOfWork) -> Answer:
        membership = await commands.join(uow, mutate.caller, community_id)
        return Answer(MembershipView.of(membership), 201)

    return await mutate(work)


@router.delete(
    "/communities/{community_id}/members/me", status_code=204, responses=WRITE_PROBLEMS, tags=["communities"]
)
async def leave(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Leave a community."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.leave(uow, mutate.caller, community_id)
        return Answer()

    return await mutate(work)


@router.put(
    "/communities/{community_id}/members/{member_id}/role",
    response_model=MembershipView,
    responses=WRITE_PROBLEMS,
    tags=["communities"],
)
async def change_role(
    community_id: CommunityPath, member_id: MemberPath, body: NewRole, mutate: Mutating
) -> Response:
    """Give a member another role. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        membership = await commands.change_role(uow, mutate.caller, community_id, member_id, body.role)
        return Answer(MembershipView.of(membership))

    return await mutate(work)
