"""Discussions: a community with one of everything, and what a valid request is for each endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.discussions.duties import DUTIES
from shared.clockwork import work_off
from shared.contracts import Event
from shared.contracts.members import (
    CommunityCreated,
    CommunityRules,
    MemberErased,
    MemberJoined,
    MemberRegistered,
    MemberRemoved,
)
from shared.testing.stack import Stack
from tests.component.access.place import UNKNOWN, Place, needs
from tests.component.access.table import KINDS
from tests.component.world import DAY, World, discussions

ROLES = {"facilitator": "facilitator", "steward": "steward", "second steward": "steward"}
MEMBERS = ("member", "author", "facilitator", "steward", "second steward", "peer", "removed", "erased")
EASY = CommunityRules(
    recommended_endorsements=1, candidate_at_least=1, candidate_tried=1,
    recommended_score=0.55, candidate_score=0.55, candidate_adaptations=0, organisation_share=1,
)  # fmt: skip
"""One endorsement makes a candidate."""

CONTEXT = {"size": "Forty.", "constraints": "The law.", "culture": "Slow.", "tried": "Paper."}
PROBLEM = {"title": "Permits wait", "body": "Nine days.", "context": CONTEXT}
STUDY = {"title": "Aarhus", "situation": "Slow.", "action": "Signed.", "outcome": "Fast.", "lessons": "Ask."}
RESOURCE = {"title": "A list", "body": "For offices.", "substance": {"form": "template", "text": "Dear"}}
BENCHMARK = {
    "title": "How long?", "body": "In days.",
    "measures": [{"kind": "number", "name": "Days", "unit": "days"}],
}  # fmt: skip
ANSWER = {"values": [{"measure": "Days", "value": 9, "unit": "days"}]}
FIRST, HELD = "2026-03-03T10:00", "2026-03-02T08:00"
"""When the gathering is for the first time, and when those began that are noted."""
GATHERING = {
    "title": "Clinic", "body": "Bring one.", "start": FIRST, "zone": "UTC", "minutes": 60,
    "place": "Town hall", "recurrence": "FREQ=DAILY;COUNT=3",
}  # fmt: skip
ON_PROBLEM = {"item_kind": "problem", "item_id": "{problem}"}
COMMENT = {**ON_PROBLEM, "body": "With us, too."}
REASON = {"reason": "Wait for the lawyers."}
REVISION = {"body": "Do that.", "major": True}
ADAPTATION = {"title": "Parramatta", "changes": "The state's ID.", "reasons": "No eID."}
IN_USE = {**ADAPTATION, "in_use": True}
PROPOSAL = {"base": 1, "body": "Do this, and well.", "note": "Clearer."}
LIFT = {
    "community_id": "{outside}", "title": "Permits wait", "problem_body": "Nine days.", "body": "Sign.",
    "context": CONTEXT, "note": "May we?",
}  # fmt: skip

RECIPES = {
    "POST /communities/{community_id}/problems": needs(PROBLEM),
    "GET /problems/{problem_id} of the removed": needs(problem_id="{left_behind}"),
    "PUT /problems/{problem_id}": needs(PROBLEM, version="1"),
    "PUT /problems/{problem_id} of the removed": needs(PROBLEM, version="1", problem_id="{left_behind}"),
    "POST /problems/{problem_id}/reopen": needs(problem_id="{resolved}"),
    "POST /problems/{problem_id}/links": needs({"kind": "related", "target_id": "{resolved}"}),
    "POST /problems/{problem_id}/links as duplicate": needs({"kind": "duplicate", "target_id": "{resolved}"}),
    "POST /problems/{problem_id}/withdraw unanswered": needs(problem_id="{unanswered}"),
    "GET /problems/{problem_id}/revisions/{number}": needs(number="1"),
    "POST /problems/{problem_id}/accept": needs({"solution_id": "{solution}"}),
    "POST /problems/{problem_id}/solutions": needs({"body": "Do this."}),
    "PUT /solutions/{solution_id}": needs(REVISION, version="1"),
    "PUT /solutions/{solution_id}/endorsement": needs({"basis": "tried"}),
    "DELETE /solutions/{solution_id}/endorsement": needs(solution_id="{endorsed}"),
    "POST /solutions/{solution_id}/endorsement/reaffirm": needs(solution_id="{stale}"),
    "PUT /solutions/{solution_id}/reuse": needs({"note": "Saved a week."}),
    "POST /solutions/{solution_id}/contests": needs({"kind": "outdated", "reason": "Abolished."}),
    "POST /solutions/{solution_id}/contests/{contest_id}/withdraw": needs(solution_id="{contested}"),
    "POST /solutions/{solution_id}/contests/{contest_id}/resolve": needs(
        {"word": "It holds."}, solution_id="{contested}"
    ),
    "POST /solutions/{solution_id}/approve": needs(solution_id="{candidate}"),
    "PUT /solutions/{solution_id}/objection": needs(REASON, solution_id="{candidate}"),
    "DELETE /solutions/{solution_id}/objection": needs(solution_id="{halted}"),
    "PUT /solutions/{solution_id}/pause": needs(REASON, solution_id="{candidate}"),
    "DELETE /solutions/{solution_id}/pause": needs(solution_id="{halted}"),
    "POST /solutions/{solution_id}/review": needs({"note": "It holds."}, solution_id="{practice}"),
    "POST /solutions/{solution_id}/supersede": needs(
        {"solution_id": "{candidate}", "reason": "Simpler."}, solution_id="{practice}"
    ),
    "POST /solutions/{solution_id}/adaptations": needs(ADAPTATION),
    "POST /adaptations/{adaptation_id}/start": needs(adaptation_id="{planned}"),
    "POST /adaptations/{adaptation_id}/notes": needs({"body": "So so."}),
    "PUT /adaptations/{adaptation_id}/outcome": needs({"outcome": "worked"}),
    "GET /solutions/{solution_id}/diff": needs(query={"before": "1", "after": "1"}),
    "POST /solutions/{solution_id}/proposals": needs(PROPOSAL),
    "GET /solutions/{solution_id}/proposals/{proposal_id}": needs(solution_id="{improved}"),
    "GET /solutions/{solution_id}/proposals/{proposal_id}/diff": needs(solution_id="{improved}"),
    "PUT /solutions/{solution_id}/proposals/{proposal_id}": needs(
        PROPOSAL, version="1", solution_id="{improved}"
    ),
    "POST /solutions/{solution_id}/proposals/{proposal_id}/merge": needs({}, solution_id="{improved}"),
    "POST /solutions/{solution_id}/proposals/{proposal_id}/decline": needs(
        REASON, solution_id="{improved}"
    ),
    "POST /solutions/{solution_id}/proposals/{proposal_id}/withdraw": needs(solution_id="{improved}"),
    "POST /solutions/{solution_id}/co-authors": needs({"member_id": "{peer}", "note": "Will you?"}),
    "POST /solutions/{solution_id}/co-authors/join": needs(solution_id="{improved}"),
    "POST /solutions/{solution_id}/lifts": needs(LIFT, solution_id="{practice}"),
    "POST /lifts/{lift_id}/decline": needs(REASON),
    "POST /threads/{thread_id}/comments": needs(COMMENT, thread_id="{problem}"),
    "PUT /comments/{comment_id}": needs({"body": "With us as well."}, version="1"),
    "DELETE /comments/{comment_id}": needs(version="1"),
    "GET /threads/{thread_id}/comments": needs(thread_id="{problem}"),
    "GET /threads/{thread_id}/timeline": needs(thread_id="{problem}"),
    "GET /threads/{thread_id}/timeline of a draft": needs(thread_id="{draft_case_study}"),
    "GET /threads/{thread_id}/reactions": needs(query={"item_id": "{problem}"}, thread_id="{problem}"),
    "PUT /threads/{thread_id}/reactions/{kind}": needs(
        ON_PROBLEM, thread_id="{problem}", kind="outdated"
    ),
    "DELETE /threads/{thread_id}/reactions/{kind}": needs(
        query=ON_PROBLEM, thread_id="{problem}", kind="outdated"
    ),
    "POST /communities/{community_id}/case-studies": needs(STUDY),
    "GET /case-studies/{case_study_id} of a draft": needs(case_study_id="{draft_case_study}"),
    "PUT /case-studies/{case_study_id}": needs(STUDY, version="1"),
    "DELETE /case-studies/{case_study_id}": needs(case_study_id="{draft_case_study}"),
    "POST /case-studies/{case_study_id}/publish": needs(case_study_id="{draft_case_study}"),
    "POST /case-studies/{case_study_id}/outdate": needs(REASON),
    "PUT /case-studies/{case_study_id}/reuse": needs({"note": "Saved a week."}),
    "POST /communities/{community_id}/resources": needs(RESOURCE),
    "GET /resources/{resource_id} of a draft": needs(resource_id="{draft_resource}"),
    "PUT /resources/{resource_id}": needs(RESOURCE, version="1"),
    "DELETE /resources/{resource_id}": needs(resource_id="{draft_resource}"),
    "POST /resources/{resource_id}/publish": needs(resource_id="{draft_resource}"),
    "POST /resources/{resource_id}/outdate": needs(REASON),
    "PUT /resources/{resource_id}/reuse": needs({"note": "Saved a week."}),
    "POST /communities/{community_id}/benchmarks": needs(BENCHMARK),
    "POST /benchmarks/{benchmark_id}/answer": needs(ANSWER),
    "GET /benchmarks/{benchmark_id}/answer": needs(benchmark_id="{answered}"),
    "PUT /benchmarks/{benchmark_id}/answer": needs(ANSWER, version="1", benchmark_id="{answered}"),
    "POST /communities/{community_id}/gatherings": needs(GATHERING),
    "PUT /gatherings/{gathering_id}": needs(GATHERING, version="1"),
    "POST /gatherings/{gathering_id}/cancel": needs(REASON),
    "PUT /gatherings/{gathering_id}/occurrences/{occurrence}": needs(
        {"start": FIRST, "minutes": 30, "place": "Elsewhere"}, version="1", occurrence=FIRST
    ),
    "DELETE /gatherings/{gathering_id}/occurrences/{occurrence}": needs(occurrence=FIRST),
    "PUT /gatherings/{gathering_id}/rsvp": needs({"reply": "yes"}),
    "GET /gatherings/{gathering_id}/notes": needs(gathering_id="{noted}"),
    "POST /gatherings/{gathering_id}/notes/{occurrence}": needs(
        {"text": "Three."}, gathering_id="{held}", occurrence=HELD
    ),
    "PUT /gatherings/{gathering_id}/notes/{occurrence}": needs(
        {"text": "Three."}, version="1", gathering_id="{noted}", occurrence=HELD
    ),
    "GET /problems/{problem_id} hidden": needs(problem_id="{hidden}"),
    "PUT /problems/{problem_id} hidden": needs(PROBLEM, version="1", problem_id="{hidden}"),
    "GET /threads/{thread_id}/comments of the hidden": needs(thread_id="{hidden}"),
    "POST /threads/{thread_id}/comments locked": needs(
        {**COMMENT, "item_id": "{locked}"}, thread_id="{locked}"
    ),
    "POST /threads/{thread_id}/flags": needs({**ON_PROBLEM, "reason": "spam"}, thread_id="{problem}"),
    "POST /threads/{thread_id}/moderation": needs({**ON_PROBLEM, "action": "hide"}, thread_id="{problem}"),
    "POST /threads/{thread_id}/redactions": needs({**ON_PROBLEM, "passage": "Nine"}, thread_id="{problem}"),
    "GET /search": needs(query={"q": "permits"}),
    "PUT /threads/{thread_id}/read": needs(thread_id="{problem}"),
    "GET /erasures/{member_id}": needs(member_id="{erased}"),
    "POST /imports": needs(
        {
            "items": [
                {
                    "kind": "problem", "id": "imported", "community_id": "{community}",
                    "author_id": "{author}", "at": "2020-01-01T00:00:00Z", "title": "Old", "body": "Old.",
                }
            ]
        }
    ),
}  # fmt: skip


@asynccontextmanager
async def places(stack: Stack) -> AsyncIterator[list[Place]]:
    """Discussions with an internal and an external community."""
    async with discussions(stack) as app:
        world = World(app, app.state.clock)
        found = [Place(app, kind) for kind in KINDS]
        for place in found:
            await _populate(world, place)
            await _write(place)
            await world.feed(
                event(world, place, MemberRemoved, "removed", removed_by=place.id("steward"), reason="Ads."),
                event(world, place, MemberErased, "erased"),
            )
        yield found


async def _populate(world: World, place: Place) -> None:
    place.things["community"] = f"{place.kind}-offices"
    home = place.org if place.kind == "internal" else None
    founded = {"kind": place.kind, "org_id": home, "rules": EASY}
    await world.feed(event(world, place, CommunityCreated, "founder", **founded))
    for who in (*MEMBERS, "trial", "stranger", "requested", "org admin"):
        place.things[who] = place.id(who)
        await world.feed(event(world, place, MemberRegistered, who, name=who.title(), org_id=place.org))
    for who in MEMBERS:
        joined_at, role = world.clock() - 60 * DAY, ROLES.get(who, "member")
        await world.feed(
            event(world, place, MemberJoined, who, role=role, standing="active", joined_at=joined_at)
        )
    place.things["outside"] = place.things["community"]
    if place.kind == "internal":  # to which author and steward belong, too
        place.things["outside"] = "outside"
        await world.feed(
            event(world, place, CommunityCreated, "founder", kind="external", community_id="outside"),
            event(world, place, MemberJoined, "author", community_id="outside"),
            event(world, place, MemberJoined, "steward", community_id="outside"),
        )
    joined_at = world.clock() - 3 * DAY
    await world.feed(
        event(world, place, MemberJoined, "trial", role="member", standing="trial", joined_at=joined_at)
    )


def event(world: World, place: Place, of: type[Event], who: str, **fields: Any) -> Event:
    """What happened to somebody in the place's community."""
    fields = {"community_id": place.things["community"], "org_id": place.org} | fields
    return world.event(of, f"{who} {place.kind}", **fields)


async def _write(place: Place) -> None:
    things = place.things
    at = f"/communities/{things['community']}"

    async def made(name: str, path: str, body: object, who: str = "author") -> None:
        things[name] = (await place.do(who, "POST", path, body))["id"]

    await made("problem", f"{at}/problems", PROBLEM)
    await made("unanswered", f"{at}/problems", PROBLEM)
    await made("resolved", f"{at}/problems", PROBLEM)
    await made("left_behind", f"{at}/problems", PROBLEM, "removed")
    await place.do("author", "POST", f"/problems/{things['resolved']}/resolve")
    for name, action in (("hidden", "hide"), ("locked", "lock")):
        await made(name, f"{at}/problems", PROBLEM)
        done = {"item_kind": "problem", "item_id": things[name], "action": action}
        await place.do("steward", "POST", f"/threads/{things[name]}/moderation", done)
    solutions = f"/problems/{things['problem']}/solutions"
    for name in ("solution", "endorsed", "stale", "contested", "candidate", "halted", "practice", "improved"):
        await made(name, solutions, {"body": name})
    on_problem = {**COMMENT, "item_id": things["problem"]}
    await made("comment", f"/threads/{things['problem']}/comments", on_problem)
    for who in ("member", "facilitator", "steward", "peer"):  # whoever contributed may endorse
        await place.do(who, "POST", f"/threads/{things['problem']}/comments", on_problem)
    for name, who in (
        ("endorsed", "member"), ("stale", "member"),
        ("candidate", "peer"), ("halted", "peer"), ("practice", "peer"),
    ):  # fmt: skip
        await place.do(who, "PUT", f"/solutions/{things[name]}/endorsement", {"basis": "tried"})
    await place.do("author", "PUT", f"/solutions/{things['stale']}", REVISION, If_Match='"1"')
    contest = {"kind": "outdated", "reason": "Abolished."}
    await made("contest", f"/solutions/{things['contested']}/contests", contest, "member")
    await place.do("steward", "PUT", f"/solutions/{things['halted']}/objection", REASON)
    await place.do("steward", "PUT", f"/solutions/{things['halted']}/pause", REASON)
    for who in ("steward", "second steward"):
        await place.do(who, "POST", f"/solutions/{things['practice']}/approve")
    await made("adaptation", f"/solutions/{things['solution']}/adaptations", IN_USE, "member")
    await made("planned", f"/solutions/{things['solution']}/adaptations", ADAPTATION, "member")
    await made("proposal", f"/solutions/{things['improved']}/proposals", PROPOSAL, "member")
    asking = {"member_id": things["member"], "note": "Will you?"}
    await place.do("author", "POST", f"/solutions/{things['improved']}/co-authors", asking)
    if place.kind == "internal":
        lift = {**LIFT, "community_id": things["outside"]}
        await made("lift", f"/solutions/{things['practice']}/lifts", lift)
    else:
        things["lift"] = UNKNOWN
    for name, path, body in (("case_study", "case-studies", STUDY), ("resource", "resources", RESOURCE)):
        await made(f"draft_{name}", f"{at}/{path}", body)
        await made(name, f"{at}/{path}", body)
        await place.do("author", "POST", f"/{path}/{things[name]}/publish")
    await made("benchmark", f"{at}/benchmarks", BENCHMARK)
    await made("gathering", f"{at}/gatherings", GATHERING)
    await place.do("removed", "PUT", f"/gatherings/{things['gathering']}/rsvp", {"reply": "yes"})
    place.app.state.clock.advance(-DAY)
    for name in ("held", "noted"):
        await made(name, f"{at}/gatherings", {**GATHERING, "start": HELD})
    place.app.state.clock.advance(DAY)
    await work_off(place.app.state.database, DUTIES)
    await place.do("author", "POST", f"/gatherings/{things['noted']}/notes/{HELD}", {"text": "Three."})
    things["secret"] = (await place.do("author", "POST", "/calendar"))["address"].split("/")[-1][:-4]
    await made("answered", f"{at}/benchmarks", BENCHMARK)
    await place.do("author", "POST", f"/benchmarks/{things['answered']}/answer", ANSWER)
