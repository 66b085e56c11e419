"""Importing people and communities: the same commands, with the original ids and times."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.members.commands import people as commands
from services.members.domain.community import Setup
from services.members.domain.member import Profile, StatedSkill
from services.members.store import people as store
from shared.contracts.members import DEFAULT_RULES, CommunityKind, CommunityRules, JoinPolicy, Role
from shared.errors import NotFound
from shared.storage import UnitOfWork
from shared.web import imports
from shared.web.auth import Caller, importing
from shared.web.imports import MAX_ITEMS, ImportReport
from shared.web.mutations import Mutating
from shared.web.problems import WRITE_PROBLEMS
from shared.web.texts import (
    BodyText,
    HttpsAddress,
    Identifier,
    Language,
    Line,
    Moment,
    Name,
    Note,
    Request,
    Tag,
    TagList,
)

router = APIRouter(tags=["imports"], responses=WRITE_PROBLEMS)


class ImportedSkill(Request):
    """A stated skill."""

    name: Tag
    level: Literal["learning", "practising", "proficient", "expert"] = "proficient"


class ImportMember(Request):
    """A person of the source."""

    kind: Literal["member"]
    id: Identifier
    at: Moment
    name: Name
    headline: Line = ""
    org_id: Identifier | None = None
    time_zone: str = Field("UTC", max_length=60)
    skills: list[ImportedSkill] = Field(default_factory=list, max_length=50)


class ImportedLink(Request):
    """Where a community lives, too."""

    name: Name
    url: HttpsAddress = Field(examples=["https://permits.example.org/"])


class ImportCommunity(Request):
    """A community of the source; its founder must have been imported."""

    kind: Literal["community"]
    id: Identifier
    at: Moment
    name: Name
    type: CommunityKind = "external"
    join_policy: JoinPolicy = "open"
    about: BodyText
    charter: Note = ""
    tags: TagList = Field(default_factory=list)
    languages: list[Language] = Field(default_factory=list, max_length=20)
    allow_anonymous: bool = False
    links: list[ImportedLink] = Field(default_factory=list, max_length=20)
    rules: CommunityRules = DEFAULT_RULES
    founder_id: Identifier

    def setup(self) -> Setup:
        """As the domain has it."""
        return Setup.model_validate(self.model_dump(include=set(Setup.model_fields)))


class ImportMembership(Request):
    """A person of the source belongs to a community."""

    kind: Literal["membership"]
    community_id: Identifier
    member_id: Identifier
    at: Moment
    role: Role = "member"


Item = Annotated[ImportMember | ImportCommunity | ImportMembership, Field(discriminator="kind")]


class ImportItems(Request):
    """A batch of an import, in an order in which each builds on the ones before."""

    items: list[Item] = Field(min_length=1, max_length=MAX_ITEMS)


@router.post(
    "/imports",
    response_model=ImportReport,
    summary="Import people and communities",
    dependencies=[Depends(importing)],
)
async def import_items(body: ImportItems, mutate: Mutating) -> Response:
    """Carries out a batch of commands with original ids and times. Needs the scope `guildhall:import`."""
    return await mutate(lambda uow: imports.run(uow, body.items, _carry_out))


async def _carry_out(uow: UnitOfWork, item: ImportMember | ImportCommunity | ImportMembership) -> bool:
    match item:
        case ImportMember():
            if await store.load_member(uow, item.id):
                return False
            caller = Caller(item.id, item.org_id)
            profile = Profile(name=item.name, headline=item.headline, time_zone=item.time_zone)
            member = await commands.register(uow, caller, profile, item.at)
            if item.skills:
                await uow.flush()
                skills = [StatedSkill(name=skill.name, level=skill.level) for skill in item.skills]
                await commands.state_skills(uow, caller, member.version, skills)
        case ImportCommunity():
            if await store.load_community(uow, item.id):
                return False
            await commands.found_community(
                uow,
                await _caller(uow, item.founder_id),
                item.id,
                kind=item.type,
                setup=item.setup(),
                at=item.at,
            )
        case ImportMembership():
            if await store.load_membership(uow, item.community_id, item.member_id):
                return False
            caller = await _caller(uow, item.member_id)
            await commands.join(uow, caller, item.community_id, item.at)
            if item.role != "member":
                await uow.flush()
                await commands.appoint(uow, item.community_id, item.member_id, item.role, item.at)
    return True


async def _caller(uow: UnitOfWork, member_id: str) -> Caller:
    member = await store.load_member(uow, member_id)
    if member is None:
        raise NotFound("no-such-member", f"There is no member {member_id}.", fix="Import the member first.")
    return Caller(member_id, member.org_id)
