"""The collections of organisations and of the domains that are proven to be theirs."""

from __future__ import annotations

from typing import Any

from pymongo import DeleteOne, ReplaceOne

from services.members.domain.member import Member
from services.members.domain.organisation import Organisation
from services.members.store.people import MEMBERS, member_in
from shared.storage import Database, Index, UnitOfWork
from shared.storage.personal import NOT_PERSONAL, Personal

ORGANISATIONS = "organisations"
DOMAINS = "verified_domains"
"""By name: a domain is proven for one organisation, however many prove it at the same moment."""

INDEXES = {
    ORGANISATIONS: [Index([("administrators", 1)])],
    DOMAINS: [],
}

PERSONAL = {ORGANISATIONS: Personal(by=["administrators"]), DOMAINS: NOT_PERSONAL}

Document = dict[str, Any]


def _organisation(document: Document) -> Organisation:
    return Organisation.model_validate({**document, "org_id": document["_id"]})


async def load_organisation(uow: UnitOfWork, org_id: str) -> Organisation | None:
    """The organisation, if there is one."""
    document = await uow.find_one(ORGANISATIONS, {"_id": org_id})
    return _organisation(document) if document else None


async def load_administered(uow: UnitOfWork, member_id: str) -> list[Organisation]:
    """The organisations that the member administers; hardly ever more than one."""
    return [_organisation(row) for row in await uow.find(ORGANISATIONS, {"administrators": member_id})]


def save_organisation(uow: UnitOfWork, organisation: Organisation) -> None:
    """Save a new or changed organisation."""
    fields = organisation.model_dump(exclude={"org_id"})
    uow.write(ORGANISATIONS, ReplaceOne({"_id": organisation.org_id}, fields, upsert=True))


async def load_owner(uow: UnitOfWork, domain: str) -> str | None:
    """The organisation that a domain is proven for."""
    document = await uow.find_one(DOMAINS, {"_id": domain})
    return document["org_id"] if document else None


def save_owner(uow: UnitOfWork, domain: str, org_id: str) -> None:
    """Save that a domain is proven for an organisation."""
    uow.write(DOMAINS, ReplaceOne({"_id": domain}, {"org_id": org_id}, upsert=True))


def delete_owner(uow: UnitOfWork, domain: str, org_id: str) -> None:
    """A domain is no longer proven for the organisation, if it was."""
    uow.write(DOMAINS, DeleteOne({"_id": domain, "org_id": org_id}))


async def find_organisation(database: Database, org_id: str) -> Organisation | None:
    """The organisation, if there is one."""
    document = await database[ORGANISATIONS].find_one({"_id": org_id})
    return _organisation(document) if document else None


async def people_of(database: Database, org_id: str, after: str | None, limit: int) -> list[Member]:
    """Who registered through an organisation, by member id, after ``after``."""
    query: Document = {"org_id": org_id}
    if after is not None:
        query["_id"] = {"$gt": after}
    rows = await database[MEMBERS].find(query).sort("_id", 1).limit(limit).to_list(length=None)
    return [member_in(row) for row in rows]
