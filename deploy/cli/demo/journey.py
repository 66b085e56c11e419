"""A problem's journey, played live through the HTTP APIs; each step is checked against what was seen."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx

from deploy.cli.demo.play import Adaptation, CannotGoOn, Play, Practice
from deploy.cli.demo.world import Person, Trouble
from shared.contracts.discussions import (
    CommentAdded,
    ProblemPosted,
    ProblemResolved,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.matching import ExpertAskAccepted, ExpertAsked
from shared.contracts.members import ConnectionMade, ConnectionRequested
from shared.contracts.mentorships import MentorshipAccepted, MentorshipRequested
from shared.contracts.practices import (
    AdaptationOutcomeReported,
    AdaptationStarted,
    AdaptationUpdated,
    BestPracticeProposed,
    BestPracticeRecognised,
    SolutionRecommended,
)

ENDORSERS = 3


async def perform(play: Play) -> list[str]:
    """Play from the problem to the best practice, and to the people who stay in touch over it.

    Answers what was expected and did not happen; what depends on that is left out.
    """
    play.timeline.begin()
    try:
        await _all(play)
    except CannotGoOn:
        pass
    except (httpx.HTTPError, Trouble) as error:
        play.missing.append(f"a request failed: {error}")
    return play.missing


async def _all(play: Play) -> None:
    thread_id, expert, asked = await ask(play)
    solution_id = await answer(play, thread_id, expert, asked)
    await solve(play, thread_id, solution_id, expert)
    if play.script.practice:
        await become_best_practice(play, play.script.practice, solution_id, expert)
    await stay_in_touch(play, thread_id, expert)


async def ask(play: Play) -> tuple[str, Person, list[Person]]:
    """A problem is posted, and experts are asked: the thread, who accepts, and the others asked."""
    script = play.script
    problem = await play.act(
        script.asker,
        "discussions",
        f"/v1/communities/{script.community_id}/problems",
        {"title": script.title, "body": script.body, "tags": script.tags, "context": script.context},
    )
    thread_id = str(problem["id"])
    await play.timeline.follow(thread_id)
    await play.expect("the problem is posted", ProblemPosted, lambda e: e.author_id == script.asker.id)

    await play.expect("experts are asked", ExpertAsked, lambda e: bool(e.reasons), essential=True)
    # A wave is asked in one transaction: its other asks are here, or are being delivered.
    seen = await play.timeline.until(lambda seen: isinstance(seen.event, ExpertAsked), count=3, within=2)
    asks = {each.event.expert_id: each.event for each in seen if isinstance(each.event, ExpertAsked)}
    if script.asker.id in asks:
        play.missing.append("nobody is asked about their own problem")
    able = [script.people[each] for each in asks if each in script.people]
    able.sort(key=lambda person: person not in script.listeners)
    if not able:
        raise play.stopped("somebody who can act is asked")
    expert = able[0]
    await play.notified("expert-ask", expert)
    await play.act(expert, "matching", f"/v1/asks/{asks[expert.id].ask_id}/accept")
    await play.expect("the expert accepts", ExpertAskAccepted, lambda e: e.expert_id == expert.id)
    await play.notified("ask-accepted", script.asker)
    return thread_id, expert, able[1:]


async def answer(play: Play, thread_id: str, expert: Person, asked: list[Person]) -> str:
    """The expert answers, and others who tried it vouch for it: the solution."""
    script = play.script
    solution = await play.act(
        expert, "discussions", f"/v1/problems/{thread_id}/solutions", {"body": script.solution}
    )
    solution_id = str(solution["id"])
    await play.expect(
        "the expert answers", SolutionProposed, lambda e: e.solution_id == solution_id, essential=True
    )
    await play.notified("reply", script.asker)

    rules = await play.rules()
    play.timeline.says(
        f"{ENDORSERS} members try it and vouch for it. {rules['recommended_endorsements']} endorsements that "
        "count make it recommended; in an external community at most "
        f"{rules['organisation_share']:.0%} of those are of one organisation."
    )
    others = [each for each in [*asked, *script.colleagues] if each not in (expert, script.asker)]
    endorsers = _spread(list(dict.fromkeys(others)))[:ENDORSERS]
    for number, endorser in enumerate(endorsers):
        basis = "reviewed" if number == ENDORSERS - 1 else "tried"
        await play.act(
            endorser, "discussions", f"/v1/solutions/{solution_id}/endorsement", {"basis": basis},
            method="PUT",
        )  # fmt: skip
        await play.expect(f"{endorser.name} endorses", SolutionEndorsed, partial(_by, endorser))
    if not endorsers:
        raise play.stopped("somebody can endorse the solution")
    await play.notified("endorsement", expert, count=len(endorsers))
    if len(endorsers) == ENDORSERS:  # a small dump has fewer
        await play.expect("it is recommended", SolutionRecommended, lambda e: e.solution_id == solution_id)

    await play.act(
        endorsers[0],
        "discussions",
        f"/v1/threads/{thread_id}/comments",
        {
            "item_kind": "solution",
            "item_id": solution_id,
            "body": script.comment.format(mention=f"@{expert.name}"),
            "mentions": [expert.id],
        },
    )
    await play.expect("somebody comments", CommentAdded, lambda e: expert.id in e.mentions)
    await play.notified("mention", expert)
    return solution_id


def _by(person: Person, event: SolutionEndorsed) -> bool:
    return event.endorser_id == person.id


def _spread(people: list[Person]) -> list[Person]:
    """One of each organisation before a second of any."""
    met: dict[Any, int] = {}
    places = []
    for person in people:
        met[person.org] = met.get(person.org, -1) + 1
        places.append(met[person.org])
    return [person for _, person in sorted(zip(places, people, strict=True), key=lambda each: each[0])]


async def solve(play: Play, thread_id: str, solution_id: str, expert: Person) -> None:
    """The asker accepts the solution, and the problem is resolved."""
    asker = play.script.asker
    await play.act(asker, "discussions", f"/v1/problems/{thread_id}/accept", {"solution_id": solution_id})
    await play.expect("the asker accepts the solution", SolutionAccepted, lambda e: e.accepted_by == asker.id)
    await play.notified("acceptance", expert)
    problem = await play.act(asker, "discussions", f"/v1/problems/{thread_id}", method="GET")
    if problem["state"] != "resolved":
        await play.act(asker, "discussions", f"/v1/problems/{thread_id}/resolve")
    await play.expect("the problem is resolved", ProblemResolved)


async def become_best_practice(play: Play, practice: Practice, solution_id: str, expert: Person) -> None:
    """Organisations adapt it, stewards recognise it, another one adapts it, and all learn that it changes."""
    rules = await play.rules()
    *first, last = practice.adaptations
    play.timeline.says(
        f"{len(first)} organisations adapt it to how things are done with them, and say what came of it. A "
        f"candidate takes {rules['candidate_adaptations']} that worked, each of another organisation, "
        f"{rules['candidate_at_least']} endorsements that count, and a score of "
        f"{rules['candidate_score']:.2f}."
    )
    for number, each in enumerate(first, start=1):
        await adapt(play, solution_id, expert, each, number)
    await play.expect("it is a candidate", BestPracticeProposed, lambda e: e.change == "proposed")
    for steward in practice.stewards:
        await play.notified("candidacy", steward)
    play.timeline.says(
        f"{rules['approvals']} stewards approve. {rules['objection_days']} days without an objection of "
        "theirs would make it a best practice, too."
    )
    for steward in practice.stewards:
        await play.act(steward, "discussions", f"/v1/solutions/{solution_id}/approve")
    await play.expect("it is a best practice", BestPracticeRecognised, essential=True)
    await play.notified("recognition", expert)

    play.timeline.says("Another organisation adapts the best practice.")
    await adapt(play, solution_id, expert, last, len(practice.adaptations))
    play.timeline.says("Its author improves it, and all who adapted it are told.")
    await play.act(
        expert, "discussions", f"/v1/solutions/{solution_id}", practice.revision, method="PUT", version=1
    )
    await play.expect("it is revised", SolutionRevised)
    await play.expect(
        "who adapted it is told",
        AdaptationUpdated,
        lambda e: e.change == "parent-changed",
        count=len(practice.adaptations),
    )
    for each in practice.adaptations:
        await play.notified("adapted-changed", each.adopter)


async def adapt(play: Play, solution_id: str, expert: Person, adaptation: Adaptation, number: int) -> None:
    """An organisation makes adaptation ``number``; where that is known, what came of it is told, too."""
    adopter = adaptation.adopter
    text = {**adaptation.text, "in_use": True}
    made = await play.act(adopter, "discussions", f"/v1/solutions/{solution_id}/adaptations", text)
    await play.expect(
        f"{adopter.name} adapts it",
        AdaptationStarted,
        lambda e: e.adaptation_id == made["id"],
        essential=True,
    )
    await play.notified("adaptation", expert, count=number)
    if adaptation.measure:
        outcome = {"outcome": "worked", "measures": [adaptation.measure]}
        await play.act(adopter, "discussions", f"/v1/adaptations/{made['id']}/outcome", outcome, method="PUT")
        await play.expect(
            f"{adopter.name} tells that it worked",
            AdaptationOutcomeReported,
            lambda e: (e.adaptation_id, e.outcome) == (made["id"], "worked"),
        )
        await play.notified("adaptation-outcome", expert, count=number)


async def stay_in_touch(play: Play, thread_id: str, expert: Person) -> None:
    """The asker connects with the expert, and somebody who learns the craft asks them to be their mentor."""
    script = play.script
    play.timeline.says("People stay in touch: a connection, and a mentorship of twelve weeks.")
    request = {"member_id": expert.id, "note": "May I ask you once more?", "thread_id": thread_id}
    connection = await play.act(script.asker, "members", "/v1/connections", request)
    await play.timeline.follow(connection["id"])
    await play.expect("a connection is asked for", ConnectionRequested)
    await play.notified("connection-request", expert)
    await play.act(expert, "members", f"/v1/connections/{connection['id']}/accept")
    await play.expect("it is made", ConnectionMade)
    await play.notified("connection-made", script.asker)

    profile = await play.act(expert, "members", "/v1/members/me", method="GET")
    offer = {"capacity": 1, "skills": script.tags, "languages": ["en"]}
    await play.act(
        expert, "members", "/v1/members/me/mentoring", offer, method="PUT", version=profile["version"]
    )
    wish = {"mentor_id": expert.id, "message": "I would like to learn how you got there."}
    mentorship = await play.act(script.apprentice, "members", "/v1/mentorships", wish)
    await play.timeline.follow(mentorship["id"])
    await play.expect("a mentor is asked", MentorshipRequested)
    await play.notified("mentorship-request", expert)
    await play.act(expert, "members", f"/v1/mentorships/{mentorship['id']}/accept")
    await play.expect("the mentor accepts", MentorshipAccepted)
    await play.notified("mentorship-accepted", script.apprentice)
