"""Matching: a community with one of everything, and what a valid request is for each endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from services.matching.domain.asking import ask_id
from services.matching.precedents import Library
from shared.contracts import Event
from shared.contracts.discussions import ContentFlagged, ProblemPosted, ProblemWithdrawn
from shared.contracts.members import (
    CommunityCreated,
    MemberErased,
    MemberJoined,
    MemberRegistered,
    MemberRemoved,
    ProfileUpdated,
    Skill,
    SkillsUpdated,
)
from shared.contracts.mentorships import MentorOffered
from shared.testing.stack import Stack
from tests.component.access.place import UNKNOWN, Place, needs
from tests.component.access.table import CALLERS, KINDS
from tests.component.matching import NOW, World, caught_up, following, matching

ROLES = {"facilitator": "facilitator", "steward": "steward"}
BELONG = ("trial", "member", "author", "facilitator", "steward", "removed", "erased")
SEEKS = {"author": ["clerks"]}
OFFERS = {"member": ["clerks"], "removed": ["clerks"]}
"""The author and those two are recommended to each other."""
MENTORS = {"facilitator": "communities", "steward": "organisation"}
"""Who mentors, and for whom: those of the community, those of the organisation."""

HOUR = timedelta(hours=1)
PROGRAMME = {
    "name": "Spring", "opens_at": NOW.isoformat(), "closes_at": (NOW + timedelta(days=7)).isoformat()
}  # fmt: skip
REGISTRATION = {"skills": ["permits"]}
DISMISSAL = {"reason": "not-now"}
DRAFT = {"title": "Permits wait for ages"}

RECIPES = {
    "GET /asks/{ask_id} as a facilitator": needs(ask_id="{escalated}"),
    "GET /asks/{ask_id} of the hidden": needs(ask_id="{hidden_ask}"),
    "POST /asks/{ask_id}/accept as a facilitator": needs(ask_id="{escalated}"),
    "POST /asks/{ask_id}/accept of the hidden": needs(ask_id="{hidden_ask}"),
    "POST /asks/{ask_id}/decline": needs({"because": "no-time"}),
    "POST /asks/{ask_id}/decline of the hidden": needs(ask_id="{hidden_ask}"),
    "GET /asks": needs(shows="{ask}"),
    "GET /asks of the hidden": needs(shows="{hidden_ask}"),
    "GET /problems/{thread_id}/asks": needs(thread_id="{problem}"),
    "GET /problems/{thread_id}/experts": needs(thread_id="{problem}"),
    "GET /problems/{thread_id}/experts hidden": needs(thread_id="{hidden}"),
    "GET /problems/{thread_id}/experts withdrawn": needs(thread_id="{withdrawn}"),
    "GET /problems/{thread_id}/experts/{member_id}": needs(thread_id="{problem}", member_id="{trial}"),
    "GET /problems/{thread_id}/experts/{member_id} hidden": needs(thread_id="{hidden}", member_id="{trial}"),
    "GET /problems/{thread_id}/experts/{member_id} withdrawn": needs(
        thread_id="{withdrawn}", member_id="{trial}"
    ),
    "POST /similar": needs(DRAFT, shows="{problem}"),
    "POST /similar in the community": needs(DRAFT | {"community_id": "{community}"}, shows="{problem}"),
    "GET /problems/{thread_id}/similar": needs(thread_id="{problem}"),
    "GET /problems/{thread_id}/similar hidden": needs(thread_id="{hidden}"),
    "GET /problems/{thread_id}/similar withdrawn": needs(thread_id="{withdrawn}"),
    "GET /recommendations/{recommendation_id} of one's own": needs(recommendation_id="{own}"),
    "POST /recommendations/{recommendation_id}/accept of one's own": needs(recommendation_id="{own}"),
    "POST /recommendations/{recommendation_id}/dismiss": needs(DISMISSAL),
    "POST /recommendations/{recommendation_id}/dismiss of one's own": needs(
        DISMISSAL, recommendation_id="{own}"
    ),
    "GET /recommendations/mentors": needs(query={"skill": "permits"}, shows="{facilitator}"),
    "GET /recommendations/mentors for the organisation": needs(query={"skill": "permits"}, shows="{steward}"),
    "POST /communities/{community_id}/programmes": needs(PROGRAMME),
    "PUT /programmes/{programme_id}/registration": needs(REGISTRATION),
    "POST /programmes/{programme_id}/confirm": needs(
        {"mode": "stable", "digest": "{digest}"}, programme_id="{closed}"
    ),
    "GET /erasures/{member_id}": needs(member_id="{erased}"),
}


@asynccontextmanager
async def places(stack: Stack) -> AsyncIterator[list[Place]]:
    """Matching with an internal and an external community."""
    async with matching(stack) as app, following(Library(app.state.database, None)) as library:
        app.state.library = library
        world = World(app, app.state.clock)
        found = [Place(app, kind) for kind in KINDS]
        for place in found:
            place.orgs["other org"] = place.org  # until it was recommended something there
            await _populate(world, place)
            await _ask(world, place)
            await _programme(place)
        world.clock.advance(HOUR)
        for place in found:
            closed = f"/programmes/{place.things['closed']}/preview"
            place.things["digest"] = (await place.do("steward", "GET", closed))["digest"]
            await _recommend(world, place)
            place.orgs["other org"] = "harbour"
            await world.feed(
                event(world, place, ProfileUpdated, "other org", name="Other Org", org_id="harbour"),
                event(world, place, MemberRemoved, "removed"),
                event(world, place, MemberErased, "erased"),
            )
        await caught_up(library, app.state.database)
        yield found


def event(world: World, place: Place, of: type[Event], who: str = "author", **fields: Any) -> Event:
    """What somebody of the place did, or what happened to them."""
    known = {"community_id": place.things["community"], "member_id": place.id(who), "org_id": place.org}
    made: Event = world.event(of, **known | {"author_id": place.id(who)} | fields)
    return made


async def _populate(world: World, place: Place) -> None:
    things = place.things
    things["community"] = f"{place.kind}-offices"
    home = place.org if place.kind == "internal" else None
    founded = {"kind": place.kind, "org_id": home, "tags": [place.kind], "languages": []}
    await world.feed(event(world, place, CommunityCreated, join_policy="by-request", **founded))
    for who in CALLERS:
        things[who] = place.id(who)
        known = {"interests": [place.kind], "seeks": SEEKS.get(who, []), "offers": OFFERS.get(who, [])}
        if who == "operator":
            known["org_id"] = None
        await world.feed(event(world, place, MemberRegistered, who, name=who.title(), **known))
    expert = [Skill(name="permits", level="expert")]
    await world.feed(event(world, place, SkillsUpdated, "member", skills=expert))
    for who in BELONG:
        standing = "trial" if who == "trial" else "active"
        await world.feed(
            event(world, place, MemberJoined, who, role=ROLES.get(who, "member"), standing=standing)
        )
    for who, scope in MENTORS.items():
        offer = {"scope": scope, "community_ids": [], "skills": ["permits"], "paused": False}
        if scope == "communities":
            offer["community_ids"] = [things["community"]]
        await world.feed(event(world, place, MentorOffered, who, **offer))


async def _ask(world: World, place: Place) -> None:
    """The member is asked about two problems of the author's, one of which is hidden then; about another
    one nobody but the facilitator; and one is withdrawn."""
    things = place.things
    for name, title, tags in (
        ("problem", "Permits wait", ["permits"]),
        ("hidden", "Permits wait too long", ["permits"]),
        ("nobodys", "Quokkas", ["quokkas"]),
        ("withdrawn", "Permits wait again", ["permits"]),
    ):
        things[name] = f"{place.kind}-{name}"
        posted = {"thread_id": things[name], "title": title, "body": "", "tags": tags, "anonymous": False}
        await world.feed(event(world, place, ProblemPosted, **posted))
    things["ask"] = ask_id(things["problem"], things["member"])
    things["hidden_ask"] = ask_id(things["hidden"], things["member"])
    things["escalated"] = ask_id(things["nobodys"], things["facilitator"])
    flagged = {"item_kind": "problem", "item_id": things["hidden"], "change": "hidden", "hidden": True}
    await world.feed(
        event(world, place, ContentFlagged, thread_id=things["hidden"], **flagged),
        event(world, place, ProblemWithdrawn, thread_id=things["withdrawn"]),
    )


async def _programme(place: Place) -> None:
    """The author takes part in a programme, and in one whose window is over."""
    at = f"/communities/{place.things['community']}/programmes"
    soon = {"closes_at": (NOW + HOUR).isoformat()}
    for name, window in (("programme", {}), ("closed", soon)):
        made = await place.do("steward", "POST", at, PROGRAMME | window)
        place.things[name] = made["id"]
        await place.do("author", "PUT", f"/programmes/{made['id']}/registration", REGISTRATION)


async def _recommend(world: World, place: Place) -> None:
    """Those who do not belong hear of the community, and three who do of each other."""
    await world.pass_time()
    place.things["own"] = UNKNOWN
    for who in CALLERS[1:]:
        offered = (await place.do(who, "GET", "/recommendations"))["items"]
        found = [
            each
            for each in offered
            if each["community_id"] == place.things["community"] and each["subject_id"] != place.id("removed")
        ]
        place.own[who] = {"own": found[0]["id"] if found else UNKNOWN}
        if who == "author":
            [of_member] = [each["id"] for each in found if each["subject_id"] == place.id("member")]
            place.things["recommendation"] = of_member
