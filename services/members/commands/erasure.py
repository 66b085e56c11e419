"""Erasing a member: what they have to do with others ends at once; what is held of them is swept."""

from __future__ import annotations

from services.members.commands import mentorships
from services.members.commands.people import end_memberships
from services.members.domain import connection as connections
from services.members.domain import member as people
from services.members.domain import organisation as organisations
from services.members.domain.member import Member
from services.members.store import connections as connection_store
from services.members.store import organisations as organisation_store
from services.members.store import people as store
from shared.errors import BadInput, NotFound
from shared.storage import UnitOfWork, personal
from shared.web.auth import Caller


async def erase_oneself(uow: UnitOfWork, caller: Caller, confirmation: str) -> None:
    """The caller is erased, having confirmed it with their id."""
    if confirmation != caller.member_id:
        raise BadInput(
            "not-confirmed",
            "This cannot be undone, and the confirmation is not your member id.",
            field="/confirmation",
            fix="Send the id that GET /v1/members/me answers.",
        )
    await erase(uow, caller.member_id)


async def erase(uow: UnitOfWork, member_id: str) -> None:
    """Erase a member, once and for all; erasing them again changes nothing.

    Their identity cannot register again: events from before could not be told from events of afterwards.
    """
    member = await store.load_member(uow, member_id)
    if member is None:
        if await personal.erased_among(uow, [member_id]):
            return
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    await end_memberships(uow, await store.load_memberships_of(uow, member_id))
    await _end_connections(uow, member_id)
    await _end_administration(uow, member_id)
    member = await mentorships.end_all(uow, member)
    _forget(uow, member)


async def _end_connections(uow: UnitOfWork, member_id: str) -> None:
    for connection in await connection_store.load_live(uow, member_id):
        asked = connection.state == "requested" and connection.addressee_id == member_id
        finish = connections.decline if asked else connections.end
        connection, event = finish(connection, member_id, uow.now)
        connection_store.save_connection(uow, connection)
        uow.record(event)


async def _end_administration(uow: UnitOfWork, member_id: str) -> None:
    for organisation in await organisation_store.load_administered(uow, member_id):
        organisation_store.save_organisation(uow, organisations.without(organisation, member_id))


def _forget(uow: UnitOfWork, member: Member) -> None:
    store.delete_member(uow, member)
    uow.record(people.erase(member))
    personal.begin(uow, member.member_id)
