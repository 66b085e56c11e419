"""The HTTP API of organisations."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field

from services.members import queries
from services.members.api.communities import CommunityView
from services.members.api.people import MemberPath
from services.members.commands import organisations as commands
from services.members.domain.member import Member
from services.members.domain.organisation import Domain, Organisation
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.dns import Dns
from shared.web.mutations import Answer, IfMatch, Mutating, Mutation, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import DomainName, Identifier, Name, Note, View

router = APIRouter(tags=["organisations"])

OrgPath = Annotated[str, Path(max_length=100, description="An organisation's id, as tokens name it.")]
DomainPath = Annotated[DomainName, Path(description="One of its domains.")]


class OrganisationText(texts.Request):
    """What an organisation is called, and what it is."""

    name: Name = Field(examples=["City of Aarhus"])
    about: Note = Field("", examples=["The permit offices of the city."])


class NewOrganisation(OrganisationText):
    """An organisation to found: your own, or any for operators."""

    id: Identifier | None = Field(
        None, description="As tokens name it; by default as yours does.", examples=["city-of-aarhus"]
    )
    administrator_id: Identifier | None = Field(
        None,
        description="The first administrator, for operators; you, otherwise.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )


class NewDomain(texts.Request):
    """A domain that is the organisation's."""

    name: DomainName = Field(examples=["aarhus.example"])


class ChallengeView(View):
    """The TXT record that proves a domain."""

    record: str = Field(examples=["_guildhall-challenge.aarhus.example"])
    value: str = Field(examples=["guildhall-verification=4f1c0a9be2d7"])


class DomainView(View):
    """A domain of an organisation."""

    name: str = Field(examples=["aarhus.example"])
    verified_at: AwareDatetime | None = Field(description="Absent until it is proven.")
    challenge: ChallengeView | None = Field(description="How to prove it; for administrators.")

    @staticmethod
    def of(domain: Domain) -> DomainView:
        """The view of ``domain`` for administrators."""
        challenge = ChallengeView(record=domain.record, value=domain.proof)
        return DomainView(
            name=domain.name,
            verified_at=domain.verified_at,
            challenge=None if domain.verified_at else challenge,
        )


class OrganisationView(View):
    """An organisation. Domains that are not proven yet are for its administrators."""

    id: str
    name: str = Field(examples=["City of Aarhus"])
    about: str = Field(examples=["The permit offices of the city."])
    domains: list[DomainView]
    administrators: list[str] = Field(examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]])
    created_at: AwareDatetime
    revision: int

    @staticmethod
    def of(organisation: Organisation, *, whole: bool = True) -> OrganisationView:
        """The view of ``organisation``; not ``whole`` for those who do not administer it."""
        return OrganisationView(
            id=organisation.org_id,
            domains=[DomainView.of(each) for each in organisation.domains if whole or each.verified_at],
            **organisation.model_dump(exclude={"org_id", "domains"}),
        )


class ColleagueView(View):
    """Somebody of an organisation."""

    id: str
    name: str
    headline: str
    registered_at: AwareDatetime

    @staticmethod
    def of(member: Member) -> ColleagueView:
        """The view of ``member``."""
        return ColleagueView(
            id=member.member_id,
            name=member.profile.name,
            headline=member.profile.headline,
            registered_at=member.registered_at,
        )


@router.post("/organisations", status_code=201, response_model=OrganisationView, responses=WRITE_PROBLEMS)
async def found_organisation(body: NewOrganisation, mutate: Mutating) -> Response:
    """Found your organisation, as its first administrator; operators found any."""

    async def work(uow: UnitOfWork) -> Answer:
        organisation = await commands.found(
            uow, mutate.caller, body.id, body.administrator_id, name=body.name, about=body.about
        )
        address = f"/v1/organisations/{organisation.org_id}"
        return Answer(OrganisationView.of(organisation), 201, organisation.revision, address)

    return await mutate(work)


@router.get("/organisations/{org_id}", response_model=OrganisationView, responses=READ_PROBLEMS)
async def read_organisation(
    org_id: OrgPath, caller: AuthenticatedCaller, database: Db, response: Response
) -> OrganisationView:
    """Your organisation."""
    organisation = await queries.organisation(database, caller, org_id)
    response.headers["ETag"] = etag(organisation.revision)
    administers = caller.operates or caller.member_id in organisation.administrators
    return OrganisationView.of(organisation, whole=administers)


@router.put("/organisations/{org_id}", response_model=OrganisationView, responses=WRITE_PROBLEMS)
async def edit_organisation(
    org_id: OrgPath, body: OrganisationText, version: IfMatch, mutate: Mutating
) -> Response:
    """Call and describe it anew. For administrators."""
    return await _change(
        mutate, lambda uow: commands.edit(uow, mutate.caller, org_id, version, **body.model_dump())
    )


@router.post(
    "/organisations/{org_id}/domains",
    status_code=201,
    response_model=OrganisationView,
    responses=WRITE_PROBLEMS,
)
async def claim_domain(org_id: OrgPath, body: NewDomain, mutate: Mutating) -> Response:
    """Say that a domain is the organisation's; the answer has the TXT record that proves it.

    For administrators. Claiming it again gives a new record to add.
    """
    token = secrets.token_hex(16)
    return await _change(
        mutate, lambda uow: commands.claim(uow, mutate.caller, org_id, body.name, token), status=201
    )


@router.post(
    "/organisations/{org_id}/domains/{domain}/verify",
    response_model=OrganisationView,
    responses=WRITE_PROBLEMS,
)
async def verify_domain(
    org_id: OrgPath, domain: DomainPath, mutate: Mutating, database: Db, look_up: Dns
) -> Response:
    """Look whether the domain's DNS proves it. For administrators."""
    claimed = (await queries.administered(database, mutate.caller, org_id)).domain(domain)
    records = await look_up(claimed.record)
    return await _change(mutate, lambda uow: commands.verify(uow, mutate.caller, org_id, domain, records))


@router.delete(
    "/organisations/{org_id}/domains/{domain}", response_model=OrganisationView, responses=WRITE_PROBLEMS
)
async def give_up_domain(org_id: OrgPath, domain: DomainPath, mutate: Mutating) -> Response:
    """The domain is no longer the organisation's. For administrators."""
    return await _change(mutate, lambda uow: commands.give_up(uow, mutate.caller, org_id, domain))


@router.put(
    "/organisations/{org_id}/administrators/{member_id}",
    response_model=OrganisationView,
    responses=WRITE_PROBLEMS,
)
async def appoint_administrator(org_id: OrgPath, member_id: MemberPath, mutate: Mutating) -> Response:
    """Make somebody of the organisation an administrator. For administrators."""
    return await _change(mutate, lambda uow: commands.appoint(uow, mutate.caller, org_id, member_id))


@router.delete(
    "/organisations/{org_id}/administrators/{member_id}",
    response_model=OrganisationView,
    responses=WRITE_PROBLEMS,
)
async def dismiss_administrator(org_id: OrgPath, member_id: MemberPath, mutate: Mutating) -> Response:
    """Somebody is no administrator any more; one always remains. For administrators."""
    return await _change(mutate, lambda uow: commands.dismiss(uow, mutate.caller, org_id, member_id))


async def _change(
    mutate: Mutation, command: Callable[[UnitOfWork], Awaitable[Organisation]], status: int = 200
) -> Response:
    async def work(uow: UnitOfWork) -> Answer:
        organisation = await command(uow)
        return Answer(OrganisationView.of(organisation), status, organisation.revision)

    return await mutate(work)


@router.get("/organisations/{org_id}/members", response_model=Page[ColleagueView], responses=READ_PROBLEMS)
async def list_colleagues(
    org_id: OrgPath, caller: AuthenticatedCaller, database: Db, cursor: Cursor = None, limit: PageSize = 20
) -> Page[ColleagueView]:
    """Who registered through the organisation. For administrators."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.people_of(database, caller, org_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.member_id)
    return Page(items=[ColleagueView.of(row) for row in shown], next=following)


@router.get(
    "/organisations/{org_id}/communities", response_model=Page[CommunityView], responses=READ_PROBLEMS
)
async def list_internal_communities(
    org_id: OrgPath, caller: AuthenticatedCaller, database: Db, cursor: Cursor = None, limit: PageSize = 20
) -> Page[CommunityView]:
    """The organisation's internal communities. For administrators."""
    after = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.internal_communities(database, caller, org_id, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row.community_id)
    return Page(items=[CommunityView.of(row) for row in shown], next=following)
