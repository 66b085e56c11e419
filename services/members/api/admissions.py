"""The HTTP API of a community's door: requests, invitations, removal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from services.members import queries
from services.members.api.people import MembershipView
from services.members.commands import admissions as commands
from services.members.domain.admission import Admission, Waiting
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, Mutating
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, Note, View

router = APIRouter(tags=["memberships"])

CommunityPath = Annotated[str, Path(max_length=100, description="A community's id.")]
MemberPath = Annotated[str, Path(max_length=100, description="A member's id.")]
WantedState = Annotated[Waiting, Query(description="The state of those to list.")]


class NewRequest(texts.Request):
    """What the stewards read when they decide."""

    note: Note = Field("", examples=["I approve permits in Aarhus."])
    beyond_budget: bool = Field(False, description="Ask also where your budget of communities is used up.")


class NewInvitation(texts.Request):
    """Whom to invite."""

    member_id: Identifier = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"])
    note: Note = Field("", examples=["We would like to hear how Aarhus does it."])


class Reason(texts.Request):
    """Why; the one whom it is about reads it."""

    reason: Note = Field("", examples=["For permit offices only."])


class AdmissionView(View):
    """How somebody who does not belong to a community stands at its door."""

    community_id: str
    member_id: str
    state: Waiting
    note: str = Field(description="What the one who asked, invited, declined or removed wrote.")
    changed_by: str
    changed_at: AwareDatetime

    @staticmethod
    def of(admission: Admission) -> AdmissionView:
        """The view of ``admission``."""
        return AdmissionView(**admission.model_dump())


@router.post(
    "/communities/{community_id}/requests",
    status_code=201,
    response_model=AdmissionView,
    responses=WRITE_PROBLEMS,
)
async def request_membership(community_id: CommunityPath, body: NewRequest, mutate: Mutating) -> Response:
    """Ask a community's stewards to let you in. Who was refused can ask again after 30 days."""

    async def work(uow: UnitOfWork) -> Answer:
        admission = await commands.request(
            uow, mutate.caller, community_id, body.note, beyond_budget=body.beyond_budget
        )
        return Answer(AdmissionView.of(admission), 201)

    return await mutate(work)


@router.post(
    "/communities/{community_id}/requests/{member_id}/approve",
    response_model=MembershipView,
    responses=WRITE_PROBLEMS,
)
async def approve_membership(
    community_id: CommunityPath, member_id: MemberPath, mutate: Mutating
) -> Response:
    """Let somebody in who asked, on a trial of 30 days. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        membership = await commands.approve(uow, mutate.caller, community_id, member_id)
        return Answer(MembershipView.of(membership))

    return await mutate(work)


@router.post(
    "/communities/{community_id}/requests/{member_id}/decline",
    response_model=AdmissionView,
    responses=WRITE_PROBLEMS,
)
async def decline_membership(
    community_id: CommunityPath, member_id: MemberPath, body: Reason, mutate: Mutating
) -> Response:
    """Do not let somebody in who asked. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        admission = await commands.decline(uow, mutate.caller, community_id, member_id, body.reason)
        return Answer(AdmissionView.of(admission))

    return await mutate(work)


@router.post(
    "/communities/{community_id}/invitations",
    status_code=201,
    response_model=AdmissionView,
    responses=WRITE_PROBLEMS,
)
async def invite_member(community_id: CommunityPath, body: NewInvitation, mutate: Mutating) -> Response:
    """Invite somebody, who may then join whatever the community's policy. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        admission = await commands.invite(uow, mutate.caller, community_id, body.member_id, body.note)
        return Answer(AdmissionView.of(admission), 201)

    return await mutate(work)


@router.post(
    "/communities/{community_id}/members/{member_id}/remove",
    response_model=AdmissionView,
    responses=WRITE_PROBLEMS,
)
async def remove_member(
    community_id: CommunityPath, member_id: MemberPath, body: Reason, mutate: Mutating
) -> Response:
    """Send a member away; they lose access everywhere, and come back only through a steward. For stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        admission = await commands.remove(uow, mutate.caller, community_id, member_id, body.reason)
        return Answer(AdmissionView.of(admission))

    return await mutate(work)


@router.get(
    "/communities/{community_id}/admissions",
    response_model=Page[AdmissionView],
    responses=READ_PROBLEMS,
)
async def list_admissions(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: WantedState = "requested",
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[AdmissionView]:
    """Who asked to join, was invited, declined or removed. For stewards."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.admissions_to(database, caller, community_id, state, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.member_id)
    return Page(items=[AdmissionView.of(row) for row in shown], next=following)


@router.get("/members/me/admissions", response_model=Page[AdmissionView], responses=READ_PROBLEMS)
async def list_own_admissions(
    caller: AuthenticatedCaller, database: Db, cursor: Cursor = None, limit: PageSize = 20
) -> Page[AdmissionView]:
    """Your invitations and requests, and what became of them where you do not belong."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.admissions_of(database, caller, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.community_id)
    return Page(items=[AdmissionView.of(row) for row in shown], next=following)
