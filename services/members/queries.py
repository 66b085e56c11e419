"""Reads for the API: what one may see of people and communities."""

from __future__ import annotations

from services.members.domain import organisation as organisations
from services.members.domain.admission import Admission, Waiting, require_steward
from services.members.domain.budget import Budget
from services.members.domain.community import (
    Community,
    Membership,
    may_see,
    no_such_community,
    not_a_member,
)
from services.members.domain.connection import Connection, ConnectionState, no_such_connection
from services.members.domain.health import Figures
from services.members.domain.member import Audience, Member, seen_by
from services.members.domain.mentoring import Mentor, may_ask, no_such_mentor
from services.members.domain.mentorship import Mentorship, MentorshipState, Side, no_such_mentorship
from services.members.domain.organisation import Organisation
from services.members.domain.rules import RULES
from services.members.store import admissions as admission_store
from services.members.store import communities as community_store
from services.members.store import connections as connection_store
from services.members.store import lives
from services.members.store import mentorships as mentorship_store
from services.members.store import organisations as organisation_store
from services.members.store import people as store
from services.members.store.communities import Wanted
from services.members.store.mentorships import WantedMentor
from shared.errors import BadInput, NotFound
from shared.storage import Database
from shared.web.auth import Caller

MUTUAL_STEP = 200
"""How many of the caller's connections are compared at once when mutual ones are looked for."""

AUDIENCES = 95
"""So many of the caller's communities are looked through for mentors; the database merges no more of them."""


async def member(database: Database, member_id: str) -> Member:
    """A member's profile."""
    found = await store.find_member(database, member_id)
    if found is None:
        raise NotFound("no-such-member", "There is no such member.", fix="Check the id.")
    return found


async def profile(database: Database, caller: Caller, member_id: str) -> Member:
    """A member as the caller sees them; one's own profile whole."""
    found = await member(database, member_id)
    if member_id == caller.member_id:
        return found
    wanted = {audience for _, audience in found.visibility}
    audiences: set[Audience] = set()
    if "my-organisation" in wanted and found.org_id is not None and found.org_id == caller.org_id:
        audiences.add("my-organisation")
    if "my-communities" in wanted and await store.share_community(database, caller.member_id, member_id):
        audiences.add("my-communities")
    if "my-connections" in wanted and await connection_store.connected_among(
        database, caller.member_id, [member_id]
    ):
        audiences.add("my-connections")
    return seen_by(found, audiences)


async def community(database: Database, caller: Caller, community_id: str) -> Community:
    """A community that the caller may see."""
    found = await store.find_community(database, community_id)
    if found is None or not may_see(found, caller.org_id):
        raise no_such_community()
    return found


async def communities(
    database: Database, caller: Caller, wanted: Wanted, after: str | None, limit: int
) -> list[Community]:
    """The communities that the caller may see, by id."""
    return await community_store.directory(database, caller.org_id, wanted, after, limit)


async def members_of(
    database: Database, caller: Caller, community_id: str, after: str | None, limit: int
) -> list[Membership]:
    """Who belongs to a community that the caller may see, by member id."""
    await community(database, caller, community_id)
    return await store.members_of(database, community_id, after, limit)


async def memberships_of(
    database: Database, caller: Caller, after: str | None, limit: int
) -> list[Membership]:
    """The caller's own memberships, by community id."""
    return await store.memberships_of(database, caller.member_id, after, limit)


async def budget(database: Database, caller: Caller) -> Budget:
    """The caller's budget of communities."""
    member = await store.find_member(database, caller.member_id)
    limit = member.availability.community_budget if member else RULES.community_budget
    return Budget(limit, await lives.followed(database, caller.member_id))


async def health(database: Database, caller: Caller, community_id: str) -> tuple[Community, Figures]:
    """How a community that the caller belongs to fares."""
    found = await community(database, caller, community_id)
    if await store.find_membership(database, community_id, caller.member_id) is None:
        raise not_a_member()
    return found, await lives.figures(database, community_id, RULES, database.clock())


async def connection(database: Database, caller: Caller, connection_id: str) -> Connection:
    """A connection that the caller is a side of."""
    found = await connection_store.find_connection(database, connection_id)
    if found is None or caller.member_id not in (found.requester_id, found.addressee_id):
        raise no_such_connection()
    return found


async def connections_of(
    database: Database, caller: Caller, state: ConnectionState, before: str | None, limit: int
) -> list[Connection]:
    """The caller's connections in a state, the latest asked for first."""
    return await connection_store.connections_of(database, caller.member_id, state, before, limit)


async def mutual(
    database: Database, caller: Caller, member_id: str, before: str | None, limit: int
) -> list[Connection]:
    """The caller's connections with those whom the other member is connected with, too; the latest first."""
    if member_id == caller.member_id:
        raise BadInput(
            "mutual-with-oneself", "These are all your connections.", fix="List your connections instead."
        )
    await member(database, member_id)
    shared: list[Connection] = []
    while len(shared) < limit:
        mine = await connections_of(database, caller, "connected", before, MUTUAL_STEP)
        others = [each.other(caller.member_id) for each in mine]
        theirs = await connection_store.connected_among(database, member_id, others)
        shared += [each for each in mine if each.other(caller.member_id) in theirs]
        if len(mine) < MUTUAL_STEP:
            break
        before = mine[-1].connection_id
    return shared[:limit]


async def admissions_to(
    database: Database, caller: Caller, community_id: str, state: Waiting, after: str | None, limit: int
) -> list[Admission]:
    """Who stands at the door of a community that the caller is a steward of, by member id."""
    await community(database, caller, community_id)
    membership = await store.find_membership(database, community_id, caller.member_id)
    if membership is None:
        raise not_a_member()
    require_steward(membership)
    return await admission_store.admissions_to(database, community_id, state, after, limit)


async def admissions_of(database: Database, caller: Caller, after: str | None, limit: int) -> list[Admission]:
    """At which doors the caller stands, by community id."""
    return await admission_store.admissions_of(database, caller.member_id, after, limit)


async def organisation(database: Database, caller: Caller, org_id: str) -> Organisation:
    """The organisation, for its people and for operators."""
    found = await organisation_store.find_organisation(database, org_id)
    return organisations.seen_by(found, caller.org_id, operates=caller.operates)


async def administered(database: Database, caller: Caller, org_id: str) -> Organisation:
    """The organisation, for its administrators and for operators."""
    return organisations.administered_by(
        await organisation_store.find_organisation(database, org_id),
        caller.member_id,
        caller.org_id,
        operates=caller.operates,
    )


async def people_of(
    database: Database, caller: Caller, org_id: str, after: str | None, limit: int
) -> list[Member]:
    """Who registered through an organisation that the caller administers, by member id."""
    await administered(database, caller, org_id)
    return await organisation_store.people_of(database, org_id, after, limit)


async def internal_communities(
    database: Database, caller: Caller, org_id: str, after: str | None, limit: int
) -> list[Community]:
    """The internal communities of an organisation that the caller administers, by id."""
    await administered(database, caller, org_id)
    return await community_store.directory(database, org_id, Wanted(kind="internal"), after, limit)


async def mentor(database: Database, caller: Caller, member_id: str) -> tuple[Member, Mentor]:
    """A mentor whom the caller may ask, or the caller as one."""
    found = await mentorship_store.find_mentor(database, member_id)
    if found is None or found.offer is None:
        raise no_such_mentor()
    if member_id == caller.member_id:
        return await member(database, member_id), found
    communities = found.offer.community_ids
    pairs = [(each, who) for each in communities for who in (member_id, caller.member_id)]
    belong = await mentorship_store.belonging(database, pairs)
    shared = {each for each in communities if {(each, member_id), (each, caller.member_id)} <= belong}
    person = await store.find_member(database, member_id)
    if person is None or not may_ask(found.offer, person.org_id, caller.org_id, shared):
        raise no_such_mentor()
    return person, found


async def mentors(
    database: Database, caller: Caller, wanted: WantedMentor, after: str | None, limit: int
) -> list[tuple[Member, Mentor]]:
    """Mentors whom the caller may ask, by id."""
    mine = [
        each.community_id for each in await store.memberships_of(database, caller.member_id, None, AUDIENCES)
    ]
    audiences = ["everybody", *(f"community:{each}" for each in mine)]
    if caller.org_id is not None:
        audiences.append(f"org:{caller.org_id}")
    found: list[tuple[Member, Mentor]] = []
    while len(found) < limit:
        rows = await mentorship_store.mentors(database, audiences, wanted, after, limit)
        people = await store.find_members(database, [row.mentor_id for row in rows])
        pairs = [
            (community_id, row.mentor_id)
            for row in rows
            if row.offer is not None
            for community_id in row.offer.community_ids
            if community_id in mine
        ]
        belong = await mentorship_store.belonging(database, pairs) if pairs else set()
        for row in rows:  # who left a community or changed the organisation since is passed over
            person = people.get(row.mentor_id)
            shared = {community_id for community_id, who in belong if who == row.mentor_id}
            if row.offer is None or person is None or row.mentor_id == caller.member_id:
                continue
            if may_ask(row.offer, person.org_id, caller.org_id, shared):
                found.append((person, row))
        if len(rows) < limit:
            break
        after = rows[-1].mentor_id
    return found[:limit]


async def mentorship(database: Database, caller: Caller, mentorship_id: str) -> Mentorship:
    """A mentorship that the caller is a side of."""
    found = await mentorship_store.find_mentorship(database, mentorship_id)
    if found is None:
        raise no_such_mentorship()
    found.side(caller.member_id)
    return found


async def mentorships_of(
    database: Database, caller: Caller, side: Side, state: MentorshipState, before: str | None, limit: int
) -> list[Mentorship]:
    """The caller's mentorships on one side in a state, the latest asked for first."""
    return await mentorship_store.mentorships_of(database, side, caller.member_id, state, before, limit)
