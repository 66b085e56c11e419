"""The HTTP API of memberships and communities as time goes by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from services.members import queries
from services.members.api.admissions import Reason
from services.members.api.communities import CommunityView
from services.members.api.people import MemberPath, MembershipView, OwnMembershipView
from services.members.commands import lives as commands
from services.members.commands.people import appoint_steward
from services.members.domain.health import days_quiet
from shared.contracts.members import Stage
from shared.storage import UnitOfWork
from shared.web.auth import AuthenticatedCaller, operating
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import View

router = APIRouter(tags=["communities"])

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]


class HealthView(View):
    """How a community fares. Its members are of the core, active, peripheral or dormant."""

    community_id: str
    stage: Stage
    members: int
    core: int = Field(description="Who contributed within 30 days.")
    active: int = Field(description="Who contributed within 90 days, but not within 30.")
    peripheral: int = Field(description="Who follows it without contributing.")
    dormant: int = Field(description="Who has not read for long.")
    readers: int = Field(description="Who read or contributed within 30 days.")
    share_of_readers: float = Field(description="Readers among all members, from 0 to 1.", examples=[0.6])
    days_without_post: int | None = Field(
        description="Whole days since something was last posted; nothing if nothing ever was."
    )


@router.post(
    "/communities/{community_id}/membership/keep",
    response_model=OwnMembershipView,
    responses=WRITE_PROBLEMS,
    tags=["memberships"],
)
async def keep_membership(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Keep your membership: the answer when your trial is over, or before it is. To answer no, leave."""

    async def work(uow: UnitOfWork) -> Answer:
        return Answer(OwnMembershipView.of(await commands.keep(uow, mutate.caller, community_id)))

    return await mutate(work)


@router.post(
    "/communities/{community_id}/visits", status_code=204, responses=WRITE_PROBLEMS, tags=["memberships"]
)
async def visit_community(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Say that you read this community just now. Repeat it as you like: it is noted once an hour.

    A membership that is dormant is active again.
    """

    async def work(uow: UnitOfWork) -> Answer:
        await commands.visit(uow, mutate.caller, community_id)
        return Answer()

    return await mutate(work)


@router.post("/communities/{community_id}/archive", response_model=CommunityView, responses=WRITE_PROBLEMS)
async def archive_community(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Archive a community: it becomes read-only, everywhere. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        community = await commands.archive(uow, mutate.caller, community_id)
        return Answer(CommunityView.of(community), version=community.revision)

    return await mutate(work)


@router.post("/communities/{community_id}/reopen", response_model=CommunityView, responses=WRITE_PROBLEMS)
async def reopen_community(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Reopen an archived community, within a year. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        community = await commands.reopen(uow, mutate.caller, community_id)
        return Answer(CommunityView.of(community), version=community.revision)

    return await mutate(work)


@router.post(
    "/communities/{community_id}/steward/volunteer",
    response_model=MembershipView,
    responses=WRITE_PROBLEMS,
    tags=["memberships"],
)
async def volunteer_as_steward(community_id: CommunityPath, mutate: Mutating) -> Response:
    """Become the steward of a community that nobody looks after, if you were asked to."""

    async def work(uow: UnitOfWork) -> Answer:
        return Answer(MembershipView.of(await commands.volunteer(uow, mutate.caller, community_id)))

    return await mutate(work)


@router.put(
    "/communities/{community_id}/stewards/{member_id}",
    response_model=MembershipView,
    responses=WRITE_PROBLEMS,
    tags=["memberships"],
    dependencies=[Depends(operating)],
)
async def appoint_a_steward(
    community_id: CommunityPath, member_id: MemberPath, body: Reason, mutate: Mutating
) -> Response:
    """Make a member of a community its steward on an operator's word. Needs the scope `guildhall:operate`.

    One who is dormant looks after the community once they come back.
    """

    async def work(uow: UnitOfWork) -> Answer:
        membership = await appoint_steward(uow, mutate.caller, community_id, member_id, body.reason)
        return Answer(MembershipView.of(membership))

    return await mutate(work)


@router.get("/communities/{community_id}/health", response_model=HealthView, responses=READ_PROBLEMS)
async def read_health(community_id: CommunityPath, caller: AuthenticatedCaller, database: Db) -> HealthView:
    """How a community that you belong to fares. How quickly its problems are answered, discussions says."""
    community, figures = await queries.health(database, caller, community_id)
    return HealthView(
        community_id=community_id,
        stage=community.stage,
        members=figures.members,
        core=figures.core,
        active=figures.active,
        peripheral=figures.peripheral,
        dormant=figures.dormant,
        readers=figures.readers,
        share_of_readers=round(figures.share_of_readers, 3),
        days_without_post=days_quiet(community, database.clock()),
    )
