"""Organisations: founding them, proving their domains, administering them."""

from __future__ import annotations

from collections.abc import Collection

from services.members.commands.people import registered
from services.members.domain import organisation as organisations
from services.members.domain.member import Member
from services.members.domain.organisation import Organisation
from services.members.domain.rules import RULES
from services.members.store import organisations as store
from services.members.store import people
from shared.errors import Conflict, Forbidden, NotFound
from shared.storage import UnitOfWork
from shared.web.auth import Caller
from shared.web.mutations import require_version


async def found(
    uow: UnitOfWork,
    caller: Caller,
    org_id: str | None,
    administrator_id: str | None,
    *,
    name: str,
    about: str,
) -> Organisation:
    """Found the caller's own organisation, administered by them; or any, on an operator's word."""
    administrator: Member | None
    if caller.operates:
        administrator = await _member(uow, administrator_id) if administrator_id else None
    else:
        administrator = await registered(uow, caller)
        if administrator_id not in (None, caller.member_id):
            raise Forbidden(
                "not-an-operator",
                "Whoever founds their organisation is its first administrator.",
                fix="Leave administrator_id out, and appoint others afterwards.",
            )
    org_id = org_id or caller.org_id
    if org_id is None or (not caller.operates and org_id != caller.org_id):
        raise Forbidden(
            "not-your-organisation",
            "Only somebody whose token names the organisation, or an operator, founds it.",
            fix="Sign in through your organisation.",
        )
    if await store.load_organisation(uow, org_id) is not None:
        raise Conflict(
            "already-founded", "There is this organisation already.", fix="Ask its administrators."
        )
    organisation = organisations.found(
        org_id, name=name, about=about, administrator=administrator, now=uow.now
    )
    store.save_organisation(uow, organisation)
    return organisation


async def edit(
    uow: UnitOfWork, caller: Caller, org_id: str, revision: int, *, name: str, about: str
) -> Organisation:
    """An administrator calls and describes it anew, if ``revision`` is still the present one."""
    organisation = await _administered(uow, caller, org_id)
    require_version(organisation.revision, revision)
    organisation = organisations.edit(organisation, name=name, about=about)
    store.save_organisation(uow, organisation)
    return organisation


async def claim(uow: UnitOfWork, caller: Caller, org_id: str, domain: str, token: str) -> Organisation:
    """An administrator says that a domain is the organisation's; proving it with ``token`` comes next."""
    organisation = await _administered(uow, caller, org_id)
    organisation = organisations.claim(organisation, domain, token, RULES)
    store.save_organisation(uow, organisation)
    return organisation


async def verify(
    uow: UnitOfWork, caller: Caller, org_id: str, domain: str, records: Collection[str]
) -> Organisation:
    """An administrator proves a domain by the TXT ``records`` that were found."""
    organisation = await _administered(uow, caller, org_id)
    owner = await store.load_owner(uow, domain)
    organisation = organisations.verify(organisation, domain, records, owner, uow.now)
    store.save_organisation(uow, organisation)
    store.save_owner(uow, domain, org_id)
    return organisation


async def give_up(uow: UnitOfWork, caller: Caller, org_id: str, domain: str) -> Organisation:
    """An administrator gives a domain up, proven or not."""
    organisation = organisations.give_up(await _administered(uow, caller, org_id), domain)
    store.save_organisation(uow, organisation)
    store.delete_owner(uow, domain, org_id)
    return organisation


async def appoint(uow: UnitOfWork, caller: Caller, org_id: str, member_id: str) -> Organisation:
    """An administrator makes somebody of the organisation another one."""
    organisation = await _administered(uow, caller, org_id)
    organisation = organisations.appoint(organisation, await _member(uow, member_id), RULES)
    store.save_organisation(uow, organisation)
    return organisation


async def dismiss(uow: UnitOfWork, caller: Caller, org_id: str, member_id: str) -> Organisation:
    """An administrator dismisses one, maybe themselves."""
    organisation = organisations.dismiss(await _administered(uow, caller, org_id), member_id)
    store.save_organisation(uow, organisation)
    return organisation


async def _administered(uow: UnitOfWork, caller: Caller, org_id: str) -> Organisation:
    return organisations.administered_by(
        await store.load_organisation(uow, org_id),
        caller.member_id,
        caller.org_id,
        operates=caller.operates,
    )


async def _member(uow: UnitOfWork, member_id: str) -> Member:
    member = await people.load_member(uow, member_id)
    if member is None:
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    return member
