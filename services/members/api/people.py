"""The HTTP API of members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from services.members import queries
from services.members.commands import people as commands
from services.members.domain.community import Membership
from services.members.domain.member import (
    Availability,
    Member,
    Profile,
    StatedSkill,
    Visibility,
)
from services.members.domain.rules import RULES
from services.members.domain.standing import answer_by
from shared.contracts.members import Level, MembershipStanding, Role
from shared.settings import LIMITS
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, IfMatch, Mutating, Mutation, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import HttpsAddress, Identifier, Language, Line, Moment, Name, Note, Tag, TagList, View

router = APIRouter()

MemberPath = Annotated[str, Path(max_length=100, description="A member's id.")]
CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]


class EvidenceText(texts.Request):
    """What shows a skill: a text, a link, or both."""

    text: Line = Field("", examples=["Rewrote the permit forms of three offices."])
    url: HttpsAddress | None = Field(None, examples=["https://example.org/forms"])

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.text and self.url is None:
            raise ValueError("must have a text or an address")
        return self


class SkillText(texts.Request):
    """A skill, how far it goes, and what shows it."""

    name: Tag = Field(examples=["permits"])
    level: Level = Field(examples=["expert"])
    evidence: EvidenceText | None = None

    def skill(self) -> StatedSkill:
        """As the domain has it."""
        return StatedSkill.model_validate(self.model_dump())


class ProfileText(texts.Request):
    """A member's profile, whole."""

    name: Name = Field(examples=["Amal Haddad"])
    headline: Line = Field("", examples=["Permit clerk, twelve years"])
    craft: Line = Field("", description="What you do.", examples=["Permit review"])
    about: Note = ""
    interests: TagList = Field(default_factory=list, examples=[["permits", "plain-language"]])
    seeks: TagList = Field(default_factory=list, description="What you look for.", examples=[["mentor"]])
    offers: TagList = Field(
        default_factory=list, description="What you have to give.", examples=[["reviewing-forms"]]
    )
    languages: list[Language] = Field(default_factory=list, max_length=20, examples=[["en", "ar"]])
    time_zone: str = Field("UTC", max_length=60, examples=["Europe/Copenhagen"])

    def profile(self) -> Profile:
        """As the domain has it."""
        return Profile.model_validate(self.model_dump())


class SkillList(texts.Request):
    """All skills of a member."""

    skills: list[SkillText] = Field(max_length=LIMITS.skills)


class AvailabilityText(texts.Request):
    """How much time you have, whole."""

    hours_a_week: int | None = Field(None, ge=0, le=168, examples=[4])
    away_until: Moment | None = Field(
        None,
        description="You are asked for nothing before; within two years.",
        examples=["2026-03-02T09:30:00Z"],
    )
    community_budget: int = Field(
        RULES.community_budget,
        ge=1,
        le=8,
        description="How many communities you can take part in: at it, only swaps are recommended.",
    )


class VisibilityText(Visibility):
    """Who sees which field, whole; for what is absent the default holds. Your name, your headline and your
    organisation are seen with everything that you write."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewRole(texts.Request):
    """A role to give."""

    role: Role


class EvidenceView(View):
    """What shows a skill."""

    text: str = Field(examples=["Rewrote the permit forms of three offices."])
    url: str | None = Field(examples=["https://example.org/forms"])


class SkillView(View):
    """A skill that a member states."""

    name: str
    level: Level
    evidence: EvidenceView | None


class MemberView(View):
    """A member as you see them: what they do not show you is empty or null, as if it had not been said."""

    id: str
    name: str
    headline: str
    craft: str
    about: str
    interests: list[str]
    seeks: list[str]
    offers: list[str]
    languages: list[str]
    time_zone: str | None
    org_id: str | None
    skills: list[SkillView]
    hours_a_week: int | None
    away_until: AwareDatetime | None
    registered_at: AwareDatetime
    version: int

    @staticmethod
    def of(member: Member) -> MemberView:
        """The view of ``member``, as the one who asks sees them."""
        return MemberView(**_fields(member))


class OwnView(MemberView):
    """Your own profile, with what is for you alone."""

    community_budget: int
    visibility: Visibility

    @staticmethod
    def of(member: Member) -> OwnView:
        """The view of ``member`` for themselves."""
        return OwnView(
            **_fields(member),
            community_budget=member.availability.community_budget,
            visibility=member.visibility,
        )


def _fields(member: Member) -> dict[str, Any]:
    profile = member.profile.model_dump() | {"time_zone": member.profile.time_zone or None}
    return {
        "id": member.member_id,
        "org_id": member.org_id,
        "skills": [skill.model_dump() for skill in member.skills],
        "hours_a_week": member.availability.hours_a_week,
        "away_until": member.availability.away_until,
        "registered_at": member.registered_at,
        "version": member.version,
        **profile,
    }


class MembershipView(View):
    """Somebody's belonging to a community."""

    community_id: str
    member_id: str
    role: Role
    standing: MembershipStanding
    joined_at: AwareDatetime

    @staticmethod
    def of(membership: Membership) -> MembershipView:
        """The view of ``membership``."""
        return MembershipView(**membership.model_dump())


class OwnMembershipView(MembershipView):
    """Your belonging to a community."""

    active_at: AwareDatetime | None = Field(
        description="When you last read or contributed here, give or take an hour."
    )
    answer_by: AwareDatetime | None = Field(
        description="Your trial is over: until when to say whether you keep the membership or leave."
    )

    @staticmethod
    def of(membership: Membership) -> OwnMembershipView:
        """The view of ``membership`` for its member."""
        return OwnMembershipView(**membership.model_dump(), answer_by=answer_by(membership))


class BudgetView(View):
    """How many communities you want to follow, and how many you do; dormant ones do not count."""

    limit: int
    used: int


class OwnMemberships(Page[OwnMembershipView]):
    """What you belong to, and how much more you want."""

    budget: BudgetView


class Joining(texts.Request):
    """What to do about the budget of communities, where it is used up."""

    instead_of: Identifier | None = Field(
        None,
        description="Leave this community in the same moment.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c02"],
    )
    beyond_budget: bool = Field(False, description="Join all the same.")


# -- people --------------------------------------------------------------------------------------------


@router.post("/members", status_code=201, response_model=OwnView, responses=WRITE_PROBLEMS, tags=["people"])
async def register(body: ProfileText, mutate: Mutating) -> Response:
    """Register yourself. Your id and organisation come from your token."""

    async def work(uow: UnitOfWork) -> Answer:
        member = await commands.register(uow, mutate.caller, body.profile())
        return Answer(OwnView.of(member), 201, member.version, f"/v1/members/{member.member_id}")

    return await mutate(work)


@router.get("/members/me", response_model=OwnView, responses=READ_PROBLEMS, tags=["people"])
async def read_own_profile(caller: AuthenticatedCaller, database: Db, response: Response) -> OwnView:
    """Your own profile."""
    member = await queries.profile(database, caller, caller.member_id)
    response.headers["ETag"] = etag(member.version)
    return OwnView.of(member)


@router.put("/members/me", response_model=OwnView, responses=WRITE_PROBLEMS, tags=["people"])
async def edit_profile(body: ProfileText, version: IfMatch, mutate: Mutating) -> Response:
    """Replace your profile."""
    return await _edit(mutate, lambda uow: commands.edit_profile(uow, mutate.caller, version, body.profile()))


@router.put("/members/me/skills", response_model=OwnView, responses=WRITE_PROBLEMS, tags=["people"])
async def state_skills(body: SkillList, version: IfMatch, mutate: Mutating) -> Response:
    """Replace your skills. The ETag is your profile's."""
    skills = [skill.skill() for skill in body.skills]
    return await _edit(mutate, lambda uow: commands.state_skills(uow, mutate.caller, version, skills))


@router.put("/members/me/availability", response_model=OwnView, responses=WRITE_PROBLEMS, tags=["people"])
async def set_availability(body: AvailabilityText, version: IfMatch, mutate: Mutating) -> Response:
    """Say how much time you have. The ETag is your profile's."""
    availability = Availability(**body.model_dump())
    return await _edit(
        mutate, lambda uow: commands.set_availability(uow, mutate.caller, version, availability)
    )


@router.put("/members/me/visibility", response_model=OwnView, responses=WRITE_PROBLEMS, tags=["people"])
async def set_visibility(body: VisibilityText, version: IfMatch, mutate: Mutating) -> Response:
    """Say who sees which part of your profile. The ETag is your profile's."""
    return await _edit(mutate, lambda uow: commands.set_visibility(uow, mutate.caller, version, body))


async def _edit(mutate: Mutation, command: Callable[[UnitOfWork], Awaitable[Member]]) -> Response:
    async def work(uow: UnitOfWork) -> Answer:
        member = await command(uow)
        return Answer(OwnView.of(member), version=member.version)

    return await mutate(work)


@router.get("/members/{member_id}", response_model=MemberView, responses=READ_PROBLEMS, tags=["people"])
async def read_profile(
    member_id: MemberPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> MemberView:
    """A member's profile, as far as they show it to you."""
    member = await queries.profile(database, caller, member_id)
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
    response_model=OwnMemberships,
    responses=READ_PROBLEMS,
    tags=["communities"],
)
async def list_memberships(
    caller: AuthenticatedCaller, database: Db, cursor: Cursor = None, limit: PageSize = 20
) -> OwnMemberships:
    """What you belong to, with your budget of communities."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.memberships_of(database, caller, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.community_id)
    budget = BudgetView(**(await queries.budget(database, caller))._asdict())
    return OwnMemberships(items=[OwnMembershipView.of(row) for row in shown], next=following, budget=budget)


@router.put(
    "/communities/{community_id}/members/me",
    status_code=201,
    response_model=MembershipView,
    responses=WRITE_PROBLEMS,
    tags=["communities"],
)
async def join(community_id: CommunityPath, mutate: Mutating, body: Joining | None = None) -> Response:
    """Join a community that is open or that you are invited to, on a trial of 30 days.

    Beyond your budget of communities only if you leave another one for it, or insist.
    """
    wish = body or Joining()

    async def work(uow: UnitOfWork) -> Answer:
        membership = await commands.join(
            uow,
            mutate.caller,
            community_id,
            instead_of=wish.instead_of,
            beyond_budget=wish.beyond_budget,
        )
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
