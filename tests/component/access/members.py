"""Members: a community with one of everything, and what a valid request is for each endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.members.app import service
from services.members.store.people import COMMUNITIES
from shared.clock import FixedClock
from shared.testing.harness import create_topics, running, settings_for
from shared.testing.stack import Stack
from shared.web.dns import LookUp, looking_up
from tests.component.access.place import Place, needs
from tests.component.access.table import CALLERS, KINDS
from tests.component.world import NOW

BELONG = ("trial", "member", "author", "facilitator", "steward", "removed", "erased")
PEOPLE = (*(caller for caller in CALLERS if caller != "nobody"), "founder", "deputy", "somebody")

SETUP = {"name": "Offices", "about": "Permits.", "join_policy": "by-request"}
PROFILE = {"name": "Amal Haddad"}
OFFER = {"capacity": 5, "skills": ["permits"], "languages": ["en"]}
MINE = "{version}"
"""The version of one's own profile."""
WHY = {"reason": "For offices only."}
CHECK_IN = {"going": "well"}

RECIPES = {
    "POST /members": needs(PROFILE),
    "PUT /members/me": needs(PROFILE, version=MINE),
    "PUT /members/me/skills": needs({"skills": []}, version=MINE),
    "PUT /members/me/availability": needs({"hours_a_week": 2}, version=MINE),
    "PUT /members/me/visibility": needs({}, version=MINE),
    "DELETE /members/me": needs({"confirmation": "{me}"}),
    "GET /members/{member_id}/mutual-connections": needs(member_id="{somebody}"),
    "PUT /erasures/{member_id}": needs(member_id="{somebody}"),
    "GET /erasures/{member_id}": needs(member_id="{erased}"),
    "POST /imports": needs(
        {"items": [{"kind": "member", "id": "imported", "at": "2020-01-01T00:00:00Z", "name": "Old"}]}
    ),
    "POST /communities": needs(SETUP | {"kind": "external"}),
    "POST /communities internal": needs(SETUP | {"kind": "internal"}),
    "PUT /communities/{community_id}": needs(SETUP, version="1"),
    "POST /communities/{community_id}/reopen": needs(community_id="{archived}"),
    "POST /communities/{community_id}/steward/volunteer": needs(community_id="{leaderless}"),
    "PUT /communities/{community_id}/stewards/{member_id}": needs(WHY),
    "PUT /communities/{community_id}/members/me": needs({"beyond_budget": True}, community_id="{open}"),
    "PUT /communities/{community_id}/members/me by request": needs({"beyond_budget": True}),
    "POST /communities/{community_id}/requests": needs({"beyond_budget": True}),
    "POST /communities/{community_id}/requests/{member_id}/approve": needs(member_id="{requested}"),
    "POST /communities/{community_id}/requests/{member_id}/decline": needs(WHY, member_id="{requested}"),
    "POST /communities/{community_id}/invitations": needs({"member_id": "{stranger}"}),
    "POST /communities/{community_id}/members/{member_id}/remove": needs(WHY),
    "PUT /communities/{community_id}/members/{member_id}/role": needs({"role": "facilitator"}),
    "POST /connections": needs({"member_id": "{somebody}"}),
    "DELETE /connections/{connection_id} requested": needs(connection_id="{wish}"),
    "POST /connections/{connection_id}/accept": needs(connection_id="{wish}"),
    "POST /connections/{connection_id}/decline": needs(connection_id="{wish}"),
    "PUT /members/me/mentoring": needs(OFFER, version=MINE),
    "GET /mentors/{member_id}": needs(member_id="{author}"),
    "GET /mentors/{member_id} for the organisation": needs(member_id="{deputy}"),
    "GET /mentors/{member_id} for the community": needs(member_id="{steward}"),
    "POST /mentorships": needs({"mentor_id": "{somebody}", "message": "May I?"}),
    "POST /mentorships for the community": needs({"mentor_id": "{steward}", "message": "May I?"}),
    "POST /mentorships/{mentorship_id}/accept": needs(mentorship_id="{wanted}"),
    "POST /mentorships/{mentorship_id}/decline": needs(WHY, mentorship_id="{wanted}"),
    "POST /mentorships/{mentorship_id}/cancel": needs(mentorship_id="{wanted}"),
    "POST /mentorships/{mentorship_id}/check-ins": needs(CHECK_IN, mentorship_id="{begun}"),
    "POST /mentorships/{mentorship_id}/end": needs(WHY),
    "PUT /mentorships/{mentorship_id}/feedback": needs({"rating": 5}, mentorship_id="{over}"),
    "POST /organisations": needs({"name": "Another"}),
    "POST /organisations of others": needs({"name": "Another", "id": "another"}),
    "PUT /organisations/{org_id}": needs({"name": "City"}, version="{org_version}"),
    "POST /organisations/{org_id}/domains": needs({"name": "new.example"}),
    "DELETE /organisations/{org_id}/administrators/{member_id}": needs(member_id="{deputy}"),
}


@asynccontextmanager
async def places(stack: Stack) -> AsyncIterator[list[Place]]:
    """Members with an internal and an external community, each in an organisation of its own."""
    await create_topics(stack)
    async with running(service, stack, settings_for(stack, relay_in_process=False), FixedClock(NOW)) as app:
        records: list[str] = []

        def fake() -> LookUp:
            async def look_up(_: str) -> list[str]:
                return records

            return look_up

        app.dependency_overrides[looking_up] = fake
        found = [Place(app, kind) for kind in KINDS]
        records += [await _populate(place) for place in found]
        yield found


async def _populate(place: Place) -> str:
    """Fill the place; the answer proves its organisation's domain."""
    things = place.things
    for who in PEOPLE:
        things[who] = (await place.do(who, "POST", "/members", {"name": who.title()}))["id"]
    proof = await _organise(place)
    for name in ("community", "archived", "leaderless"):
        things[name] = await _found(place)
    await place.do("founder", "POST", f"/communities/{things['archived']}/archive")
    await _look_for_a_steward(place)
    things["open"] = await _set_up(place, "open")
    await place.do("removed", "PUT", f"/communities/{things['open']}/members/me", {"beyond_budget": True})
    await place.do(
        "founder", "POST", f"/communities/{things['open']}/members/{things['removed']}/remove", WHY
    )
    await _connect(place)
    await _mentor(place)
    await place.do("operator", "PUT", f"/erasures/{things['erased']}")
    things["version"] = "1"
    for who in PEOPLE:
        if who != "erased":
            version = (await place.do(who, "GET", "/members/me"))["version"]
            place.own[who] = {"version": str(version)}
    return proof


async def _organise(place: Place) -> str:
    organisation = f"/organisations/{place.org}"
    await place.do("org admin", "POST", "/organisations", {"name": "City"})
    await place.do("org admin", "PUT", f"{organisation}/administrators/{place.id('deputy')}")
    place.things["domain"] = f"{place.kind}.example"
    claimed = await place.do("org admin", "POST", f"{organisation}/domains", {"name": place.things["domain"]})
    place.things["org_version"] = str(claimed["revision"])
    return str(claimed["domains"][0]["challenge"]["value"])


async def _set_up(place: Place, join_policy: str) -> str:
    wanted = SETUP | {"kind": place.kind, "join_policy": join_policy}
    return str((await place.do("founder", "POST", "/communities", wanted))["id"])


async def _found(place: Place) -> str:
    """A community in which everybody is what they are called."""
    community = await _set_up(place, "by-request")
    at = f"/communities/{community}"
    for who in (*BELONG, "requested"):
        await place.do(who, "POST", f"{at}/requests", {})
    for who in BELONG:
        await place.do("founder", "POST", f"{at}/requests/{place.id(who)}/approve")
        if who != "trial":
            await place.do(who, "POST", f"{at}/membership/keep")
    for role in ("facilitator", "steward"):
        await place.do("founder", "PUT", f"{at}/members/{place.id(role)}/role", {"role": role})
    await place.do("founder", "POST", f"{at}/members/{place.id('removed')}/remove", WHY)
    return community


async def _look_for_a_steward(place: Place) -> None:
    """What a month of silence does: the author is among those who are asked to take the community over."""
    asked = {"asked_for_steward": "members", "candidates": [place.id("author")]}
    communities = place.app.state.database[COMMUNITIES]
    await communities.update_one({"_id": place.things["leaderless"]}, {"$set": asked})


async def _connect(place: Place) -> None:
    """The author and the member are connected, and the author wishes the facilitator were, too."""
    for name, who in (("connection", "member"), ("wish", "facilitator")):
        asked = await place.do("author", "POST", "/connections", {"member_id": place.id(who)})
        place.things[name] = asked["id"]
    await place.do("member", "POST", f"/connections/{place.things['connection']}/accept")


async def _mentor(place: Place) -> None:
    """The author mentors: the trial asked, the member's has begun, the facilitator's is under way, and
    somebody's is over. The steward and the deputy mentor only theirs."""
    for who, scope in (
        ("author", {}),
        ("somebody", {}),
        ("steward", {"scope": "communities", "community_ids": [place.things["community"]]}),
        ("deputy", {"scope": "organisation"}),
    ):
        version = (await place.do(who, "GET", "/members/me"))["version"]
        await place.do(who, "PUT", "/members/me/mentoring", OFFER | scope, If_Match=f'"{version}"')
    message = {"mentor_id": place.id("author"), "message": "May I?"}
    for name, who in (
        ("wanted", "trial"), ("begun", "member"), ("mentorship", "facilitator"), ("over", "somebody"),
    ):  # fmt: skip
        asked = await place.do(who, "POST", "/mentorships", message)
        place.things[name] = asked["id"]
        if name != "wanted":
            await place.do("author", "POST", f"/mentorships/{asked['id']}/accept")
        if name in ("mentorship", "over"):
            await place.do(who, "POST", f"/mentorships/{asked['id']}/check-ins", CHECK_IN)
    await place.do("author", "POST", f"/mentorships/{place.things['over']}/complete")
