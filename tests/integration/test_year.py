"""A year of three communities, which takes seconds: what time makes of them, day by day and all at once.

The town hall thrives, the external permit offices get along, and nobody comes back to the fax machines.
Every chronicle is what Kafka has, read by hand against the numbers of DOMAIN.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.discussions.app import service as discussions
from services.members.app import service as members
from services.notifications.app import service as notifications
from shared.testing.stack import Stack
from tests.integration.simulation import Chronicle, Platform, platform

PEOPLE = {
    "lindholm": ["ada", "abe", "amy", "ali", "ann", "aki"],
    "harbour": ["bea", "bia", "cas"],
    "mercy": ["ben", "bel", "cai"],
    "valley": ["bo", "bud", "col"],
}
TOWN_HALL = ["ada", "abe", "amy", "ali", "ann", "aki"]
PERMITS = ["bea", "ben", "bia", "bo", "bud", "bel", "ada"]
FAXES = ["cas", "cai", "col"]
"""Who belongs to which community, its founder first."""
CONTEXT = {
    "size": "40 a week, 3 clerks", "constraints": "The law", "culture": "Four eyes", "tried": "Scanning",
}  # fmt: skip


@pytest.fixture(scope="module")
async def here(topics: Stack) -> AsyncIterator[Platform]:
    async with platform(topics, members, discussions, notifications) as running:
        yield running


class Year(Chronicle):
    """The story."""

    town_hall: str
    permits: str
    faxes: str
    counters: str
    """The town hall's problem, and its practice."""
    queues: str
    lifted_counters: str = ""
    lifted_queues: str
    """What of it the permit offices see."""
    signatures: str
    """The permit offices' problem; a practice, and a solution that turns out to be dangerous."""
    batches: str
    seals: str
    adaptations: dict[str, str]
    """The latest of each member."""
    mentorship: str
    never_begun: str
    first_doubt: str
    second_doubt: str

    # -- what they do ----------------------------------------------------------------------------------

    async def found(self, name: str, kind: str, people: list[str]) -> str:
        text = {"name": name, "about": "…", "kind": kind}
        made = await self.ask(people[0], "POST", "members/communities", text)
        self.names[made["id"]] = name
        for who in people[1:]:
            await self.ask(who, "PUT", f"members/communities/{made['id']}/members/me")
        return str(made["id"])

    async def post(self, who: str, community: str, title: str) -> str:
        text = {"title": title, "body": "How do you do it?", "context": CONTEXT}
        made = await self.ask(who, "POST", f"discussions/communities/{community}/problems", text)
        self.names[made["id"]] = title
        return str(made["id"])

    async def propose(self, who: str, problem: str, name: str) -> str:
        made = await self.ask(who, "POST", f"discussions/problems/{problem}/solutions", {"body": "So."})
        self.names[made["id"]] = name
        return str(made["id"])

    async def comment(self, problem: str, *people: str) -> None:
        body = {"item_kind": "problem", "item_id": problem, "body": "With us, too."}
        for who in people:
            await self.ask(who, "POST", f"discussions/threads/{problem}/comments", body)

    async def endorse(self, solution: str, **bases: str) -> None:
        for who, basis in bases.items():
            await self.ask(who, "PUT", f"discussions/solutions/{solution}/endorsement", {"basis": basis})

    async def contest(self, who: str, solution: str) -> str:
        body = {"kind": "dangerous", "reason": "The seal is not ours to give."}
        made = await self.ask(who, "POST", f"discussions/solutions/{solution}/contests", body)
        return str(made["id"])

    async def adapt(self, solution: str, *people: str) -> None:
        text = {"title": "With us", "changes": "At noon.", "reasons": "We close at three.", "in_use": True}
        for who in people:
            made = await self.ask(who, "POST", f"discussions/solutions/{solution}/adaptations", text)
            self.adaptations[who] = str(made["id"])

    async def tell(self, outcome: str, *people: str) -> None:
        for who in people:
            where = f"discussions/adaptations/{self.adaptations[who]}/outcome"
            await self.ask(who, "PUT", where, {"outcome": outcome})

    async def on(self, who: str, what: str, solution: str, **words: str) -> None:
        await self.ask(who, "POST", f"discussions/solutions/{solution}/{what}", words or None)

    async def in_(self, community: str, what: str, *people: str) -> None:
        for who in people:
            await self.ask(who, "POST", f"members/communities/{community}/{what}")

    async def offer(self, who: str, capacity: int) -> None:
        etag = f'"{(await self.ask(who, "GET", "members/members/me"))["version"]}"'
        text = {"capacity": capacity, "skills": ["permits"], "languages": ["en"]}
        await self.ask(who, "PUT", "members/members/me/mentoring", text, If_Match=etag)

    async def request(self, who: str, mentor: str) -> str:
        text = {"mentor_id": self.id(mentor), "message": "Would you?"}
        made = await self.ask(who, "POST", "members/mentorships", text)
        return str(made["id"])

    async def check_in(self, who: str) -> None:
        going = {"going": "well"}
        await self.ask(who, "POST", f"members/mentorships/{self.mentorship}/check-ins", going)

    # -- the first weeks -------------------------------------------------------------------------------

    async def first_weeks(self) -> None:
        """Until day 45: everybody is busy."""
        self.adaptations = {}
        for who in self._org:
            await self.ask(who, "POST", "members/members", {"name": who})
        self.town_hall = await self.found("Town hall", "internal", TOWN_HALL)
        self.permits = await self.found("Permit offices", "external", PERMITS)
        self.faxes = await self.found("Fax machines", "external", FAXES)
        role = f"members/communities/{self.town_hall}/members/{self.id('abe')}/role"
        await self.ask("ada", "PUT", role, {"role": "steward"})

        await self.reach(1)
        self.counters = await self.post("amy", self.town_hall, "Two counters")
        self.queues = await self.propose("aki", self.counters, "one queue")
        await self.comment(self.counters, "ali", "ann", "ada", "abe")
        self.signatures = await self.post("bia", self.permits, "Signatures")
        self.batches = await self.propose("ben", self.signatures, "batches")
        await self.comment(self.signatures, "bea", "bo", "bud", "bel", "ada")

        await self.reach(2)
        await self.post("cas", self.faxes, "Is anybody here?")
        for mentor in ("ali", "ben", "bo"):
            await self.offer(mentor, capacity=1)
        self.mentorship = await self.request("ann", "ali")
        await self.request("amy", "ali")
        await self.request("cai", "ben")
        self.never_begun = await self.request("col", "bo")
        await self.reach(4)
        await self.ask("ali", "POST", f"members/mentorships/{self.mentorship}/accept")
        await self.ask("bo", "POST", f"members/mentorships/{self.never_begun}/accept")

        await self.reach(8)
        await self.endorse(self.queues, amy="tried", ali="tried", ann="reviewed")
        await self.endorse(self.batches, bo="tried", ada="tried", bia="reviewed")
        await self.reach(9)
        await self.adapt(self.queues, "amy", "ali", "ann")
        await self.adapt(self.batches, "bo", "ada", "bia")
        await self.reach(12)
        await self.tell("worked", "bo", "ada", "bia")
        await self.reach(17)
        await self.tell("worked-with-changes", "amy", "ali")
        await self.check_in("ann")
        await self.reach(20)
        self.seals = await self.propose("bo", self.signatures, "seals")
        await self.endorse(self.seals, ada="tried", bia="reviewed", ben="reviewed")
        await self.reach(31)
        await self.in_(self.town_hall, "membership/keep", "amy", "ali", "ann", "aki")
        await self.in_(self.permits, "membership/keep", "ben", "bia", "bo", "bud", "bel", "ada")
        await self.in_(self.faxes, "visits", "col")
        await self.check_in("ali")
        await self.reach(40)
        await self.in_(self.town_hall, "visits", "ada", "abe")
        await self.tell("worked", "ann")  # who was asked the day before
        await self.reach(41)
        await self.on("ada", "approve", self.queues)
        await self.on("abe", "approve", self.queues)
        await self.reach(45)
        await self.check_in("ann")

    # -- the rest of the year --------------------------------------------------------------------------

    async def rest_of_the_year(self) -> None:
        """Until day 400: the town hall and the permit offices go on, more or less."""
        for day in range(50, 401, 5):
            await self.reach(day)
            if day % 40 == 0:
                await self.in_(self.town_hall, "visits", *TOWN_HALL)
                await self.in_(self.permits, "visits", *(who for who in PERMITS if who != "bea"))
            if day % 80 == 0:
                await self.comment(self.counters, "amy")
                await self.comment(self.signatures, "bud")
            match day:
                case 60:
                    await self.lift_the_queues()
                case 65:
                    await self.adapt(self.lifted_queues, "bia")
                case 80:
                    await self.in_(self.faxes, "visits", "col")
                case 95:  # bea has not been seen since day 1
                    await self.in_(self.permits, "steward/volunteer", "bo")
                case 100:
                    said = [await self.contest(who, self.seals) for who in ("bud", "bel")]
                    self.first_doubt, self.second_doubt = said
                case 110:
                    await self.revise_the_seals()
                case 200:
                    await self.the_clock_goes_wrong()
                case 210:
                    await self.on("abe", "review", self.queues, note="Still the way to do it.")
                case 250:
                    await self.adapt(self.queues, "abe")
                case 270:
                    await self.tell("failed", "abe")
                case 275:
                    await self.on("ali", "review", self.queues, note="Not with a single counter.")

    async def lift_the_queues(self) -> None:
        text = {
            "community_id": self.permits, "title": "Several counters", "problem_body": "Who is next?",
            "body": "One queue.", "context": CONTEXT, "note": "Others asked for this.",
        }  # fmt: skip
        made = await self.ask("ada", "POST", f"discussions/solutions/{self.queues}/lifts", text)
        lifted = await self.ask("abe", "POST", f"discussions/lifts/{made['id']}/approve")
        self.lifted_counters, self.lifted_queues = lifted["target_thread_id"], lifted["target_solution_id"]
        self.names[self.lifted_counters] = "Several counters"
        self.names[self.lifted_queues] = "one queue, lifted"

    async def revise_the_seals(self) -> None:
        text = {"body": "So, and ask first.", "note": "Ask whose seal it is.", "major": True}
        await self.ask("bo", "PUT", f"discussions/solutions/{self.seals}", text, If_Match='"1"')
        for doubt in (self.first_doubt, self.second_doubt):
            await self.on("bo", f"contests/{doubt}/resolve", self.seals, word="It is asked now.")
        for who in ("ada", "bia", "ben"):
            await self.on(who, "endorsement/reaffirm", self.seals)

    async def the_clock_goes_wrong(self) -> None:
        """It is put back by an hour, and is right again after a while: nothing comes of it."""
        await self.platform.settle()
        before = await self.states()
        self.clock.advance(-timedelta(hours=1))
        assert await self.platform.work_off() == 0
        await self.in_(self.town_hall, "visits", *TOWN_HALL)
        assert await self.states() == before
        self.clock.advance(timedelta(hours=1))
        assert await self.platform.work_off() == 0
        assert await self.states() == before

    # -- what came of it -------------------------------------------------------------------------------

    async def states(self) -> dict[str, Any]:
        """Everything that has a state, as those see it who are concerned."""
        found: dict[str, Any] = {}
        for name, community, people in (
            ("town hall", self.town_hall, TOWN_HALL),
            ("permits", self.permits, PERMITS),
            ("faxes", self.faxes, FAXES),
        ):
            found[name] = (await self.ask(people[0], "GET", f"members/communities/{community}"))["stage"]
            found[f"{name}, members"] = await self.standings(community, people)
        for name, solution, who in (
            ("queues", self.queues, "amy"), ("batches", self.batches, "ben"), ("seals", self.seals, "ben"),
        ):  # fmt: skip
            seen = await self.ask(who, "GET", f"discussions/solutions/{solution}/practice")
            found[name] = seen["state"]
        for name, side, mentorship in (
            ("ann's mentorship", "ann", self.mentorship), ("col's mentorship", "col", self.never_begun),
        ):  # fmt: skip
            seen = await self.ask(side, "GET", f"members/mentorships/{mentorship}")
            found[name] = seen["state"]
        return found

    async def inbox(self, who: str) -> list[str]:
        """The kinds of somebody's notifications, the oldest first."""
        listed = await self.ask(who, "GET", "notifications/inbox?limit=100")
        return [each["kind"] for each in reversed(listed["items"])]

    async def chronicle(self, since: int = 0) -> str:
        """What happened to the communities, in their threads and to the mentors."""
        threads = filter(None, (self.counters, self.signatures, self.lifted_counters))
        places = (self.town_hall, self.permits, self.faxes, *threads)
        return await self.told(*places, *map(self.id, ("ali", "ben", "bo")), since=since)

    async def standings(self, community: str, people: list[str]) -> dict[str, str]:
        """Who belongs to a community in which standing, as each sees it, and who are its stewards."""
        found: dict[str, list[str]] = defaultdict(list)
        for who in people:
            listed = (await self.ask(who, "GET", "members/members/me/memberships"))["items"]
            (own,) = [each for each in listed if each["community_id"] == community]
            found[own["standing"]].append(who)
            if own["role"] == "steward":
                found["stewards"].append(who)
        return {standing: " ".join(those) for standing, those in found.items()}


THE_YEAR = """\
-- Town hall
  0 community-created: internal
  0 member-joined: ada steward active; abe member trial; amy member trial; ali member trial; ann
      member trial; aki member trial
  0 role-changed: abe ada steward
  1 community-stage-changed: active
 30 trial-ended: abe; amy; ali; ann; aki
-- Permit offices
  0 community-created: external
  0 member-joined: bea steward active; ben member trial; bia member trial; bo member trial; bud
      member trial; bel member trial; ada member trial
  1 community-stage-changed: active
 30 trial-ended: ben; bia; bo; bud; bel; ada
 61 membership-dormant: bea dormant
 91 steward-needed: ada ben bia bo bud members
 95 role-changed: bo steward
-- Fax machines
  0 community-created: external
  0 member-joined: cas steward active; cai member trial; col member trial
  2 community-stage-changed: active
 30 trial-ended: cai; col
 44 membership-dormant: cai dormant
 62 membership-dormant: cas dormant
 92 community-stage-changed: dormant
 92 steward-needed: col members
122 steward-needed: col operators
140 membership-dormant: col dormant
367 community-stage-changed: archived
-- Two counters
  1 problem-posted: amy
  1 solution-proposed: one queue
  1 comment-added: ali; ann; ada; abe
  8 solution-endorsed: one queue amy tried proposed; one queue ali tried recommended
  8 solution-recommended: one queue
  8 solution-endorsed: one queue ann reviewed recommended
  9 adaptation-started: one queue amy in-use recommended; one queue ali in-use recommended; one
      queue ann in-use recommended
 17 adaptation-outcome-reported: one queue amy worked-with-changes recommended; one queue ali
      worked-with-changes recommended
 39 adaptation-updated: one queue ann asked in-use
 40 adaptation-outcome-reported: one queue ann worked candidate
 40 best-practice-proposed: one queue proposed
 41 best-practice-proposed: one queue ada approved; one queue abe approved
 41 best-practice-recognised: one queue abe ada
 60 comment-added: ada
 60 practice-lifted: one queue ada abe Permit offices
 80 comment-added: amy
160 comment-added: amy
207 practice-review-due: one queue
210 practice-reverified: one queue abe
240 comment-added: amy
250 adaptation-started: one queue abe in-use re-verified
270 adaptation-outcome-reported: one queue abe failed re-verified
270 practice-review-due: one queue
275 practice-reverified: one queue ali
320 comment-added: amy
400 comment-added: amy
-- Signatures
  1 problem-posted: bia
  1 solution-proposed: batches
  1 comment-added: bea; bo; bud; bel; ada
  8 solution-endorsed: batches bo tried proposed; batches ada tried proposed; batches bia reviewed
      recommended
  8 solution-recommended: batches
  9 adaptation-started: batches bo in-use recommended; batches ada in-use recommended; batches bia
      in-use recommended
 12 adaptation-outcome-reported: batches bo worked recommended; batches ada worked recommended;
      batches bia worked candidate
 12 best-practice-proposed: batches proposed
 19 best-practice-recognised: batches
 20 solution-proposed: seals
 20 solution-endorsed: seals ada tried proposed; seals bia reviewed proposed; seals ben reviewed
      recommended
 20 solution-recommended: seals
 80 comment-added: bud
100 solution-contested: seals bud dangerous proposed; seals bel dangerous contested
110 solution-revised: seals bo ada ben bia contested
110 contest-resolved: seals bud revised contested; seals bel revised proposed
110 solution-endorsed: seals ada tried proposed; seals bia reviewed proposed; seals ben reviewed
      recommended
110 solution-recommended: seals
160 comment-added: bud
185 practice-review-due: batches
229 practice-review-due: batches overdue
240 comment-added: bud
289 practice-lapsed: batches
289 adaptation-updated: batches bo parent-changed worked lapsed; batches ada parent-changed worked
      lapsed; batches bia parent-changed worked lapsed
320 comment-added: bud
400 comment-added: bud
-- Several counters
 60 problem-posted: ada
 60 solution-proposed: one queue, lifted
 65 adaptation-started: one queue, lifted bia in-use proposed
 95 adaptation-updated: one queue, lifted bia asked in-use
-- ali
  2 mentorship-requested: ann; amy
  4 mentorship-accepted: ann
  4 mentorship-expired: amy capacity-reached
 17 mentorship-checked-in: ann recorded
 31 mentorship-checked-in: ann recorded
 45 mentorship-checked-in: ann recorded
 60 mentorship-checked-in: ann due
 74 mentorship-checked-in: ann due
 88 mentorship-checked-in: ann due
102 mentorship-completed: ann
-- ben
  2 mentorship-requested: cai
  9 mentorship-expired: cai unanswered
-- bo
  2 mentorship-requested: col
  4 mentorship-accepted: col
 18 mentorship-checked-in: col due
 32 mentorship-ended: col never-started
"""
"""By day since the founding: what happened, and to whom."""

DAY_BY_DAY = """\
-- Town hall
 91 membership-dormant: amy dormant; ali dormant; ann dormant; aki dormant
 91 community-stage-changed: dormant
100 membership-dormant: ada dormant; abe dormant
130 steward-needed: abe ada ali amy ann members
160 steward-needed: abe ada ali amy ann operators
366 community-stage-changed: archived
-- Permit offices
 61 membership-dormant: bea dormant
 91 membership-dormant: ben dormant; bia dormant; bo dormant; bud dormant; bel dormant; ada dormant
 91 steward-needed: bel ben bia bo bud members
110 community-stage-changed: dormant
121 steward-needed: bel ben bia bo bud operators
385 community-stage-changed: archived
-- Fax machines
 62 membership-dormant: cas dormant
 91 membership-dormant: col dormant
 92 community-stage-changed: dormant
 92 steward-needed: cai cas col members
122 steward-needed: cai cas col operators
367 community-stage-changed: archived
-- Two counters
207 practice-review-due: one queue
251 practice-review-due: one queue overdue
311 practice-lapsed: one queue
311 adaptation-updated: one queue amy parent-changed worked-with-changes lapsed; one queue ali
      parent-changed worked-with-changes lapsed; one queue ann parent-changed worked lapsed
-- Signatures
185 practice-review-due: batches
229 practice-review-due: batches overdue
289 practice-lapsed: batches
289 adaptation-updated: batches bo parent-changed worked lapsed; batches ada parent-changed worked
      lapsed; batches bia parent-changed worked lapsed
-- ali
 60 mentorship-checked-in: ann due
 74 mentorship-checked-in: ann due
 88 mentorship-checked-in: ann due
102 mentorship-completed: ann
-- ben
-- bo
"""
"""From day 46 on, where nobody comes back and every day's duties are done."""

ALL_AT_ONCE = """\
-- Town hall
445 membership-dormant: amy dormant; ali dormant; ann dormant; aki dormant; ada dormant; abe dormant
445 community-stage-changed: dormant; archived
-- Permit offices
445 membership-dormant: bea dormant; ben dormant; bia dormant; bo dormant; bud dormant; bel dormant;
      ada dormant
445 community-stage-changed: dormant; archived
-- Fax machines
445 membership-dormant: cas dormant; col dormant
445 community-stage-changed: dormant; archived
-- Two counters
207 practice-review-due: one queue
251 practice-review-due: one queue overdue
311 practice-lapsed: one queue
445 adaptation-updated: one queue amy parent-changed worked-with-changes lapsed; one queue ali
      parent-changed worked-with-changes lapsed; one queue ann parent-changed worked lapsed
-- Signatures
185 practice-review-due: batches
229 practice-review-due: batches overdue
289 practice-lapsed: batches
445 adaptation-updated: batches bo parent-changed worked lapsed; batches ada parent-changed worked
      lapsed; batches bia parent-changed worked lapsed
-- ali
445 mentorship-checked-in: ann due
445 mentorship-completed: ann
-- ben
-- bo
"""
"""The same where nothing is done until day 445. What is dated by when it was due is dated the same. What
people are asked or told is so when the clockwork is back, once instead of three times, and no steward is
sought for what is archived in the same moment."""


async def test_a_year_day_by_day(here: Platform) -> None:
    year = Year(here, PEOPLE)
    await year.first_weeks()
    await year.rest_of_the_year()
    assert await year.chronicle() == THE_YEAR
    assert await year.states() == {
        "town hall": "active",
        "town hall, members": {"active": "ada abe amy ali ann aki", "stewards": "ada abe"},
        "permits": "active",
        "permits, members": {"dormant": "bea", "stewards": "bea bo", "active": "ben bia bo bud bel ada"},
        "faxes": "archived",
        "faxes, members": {"dormant": "cas cai col", "stewards": "cas"},
        "queues": "re-verified",
        "batches": "lapsed",
        "seals": "recommended",
        "ann's mentorship": "completed",
        "col's mentorship": "ended",
    }
    assert await year.inbox("aki") == [
        "endorsement", "endorsement", "recommendation", "endorsement", *["adaptation"] * 3,
        *["adaptation-outcome"] * 2, "trial-question", "adaptation-outcome", "candidacy", "recognition",
        "comment", "practice-lifted", "review-due", "adaptation", "adaptation-outcome", "review-due",
    ]  # fmt: skip
    assert await year.inbox("ben") == [
        "mentorship-request", *["endorsement"] * 3, "recommendation", *["adaptation"] * 3,
        *["adaptation-outcome"] * 3, "candidacy", "recognition", "trial-question", "steward-wanted",
        "reaffirmation", "review-due", "review-due", "practice-ended",
    ]  # fmt: skip
    assert await here.work_off() == 0
    late = {"title": "Toner?", "body": "Anybody?", "context": CONTEXT}
    refused = await year.ask("col", "POST", f"discussions/communities/{year.faxes}/problems", late, 409)
    assert refused["code"] == "archived"


async def test_an_outage_of_400_days_ends_as_if_there_had_been_none(here: Platform) -> None:
    """Nobody comes back after day 45: once with every day's duties done, once with none until day 445."""
    walked, jumped = Year(here, PEOPLE), Year(here, PEOPLE)
    await walked.first_weeks()
    await walked.reach(445)
    jumped.begin()
    await jumped.first_weeks()
    await jumped.reach(445, at_once=True, replicas=2)
    ends = await jumped.states()
    assert ends == await walked.states()
    assert ends == {
        "town hall": "archived",
        "town hall, members": {"dormant": "ada abe amy ali ann aki", "stewards": "ada abe"},
        "permits": "archived",
        "permits, members": {"dormant": "bea ben bia bo bud bel ada", "stewards": "bea"},
        "faxes": "archived",
        "faxes, members": {"dormant": "cas cai col", "stewards": "cas"},
        "queues": "lapsed",
        "batches": "lapsed",
        "seals": "recommended",
        "ann's mentorship": "completed",
        "col's mentorship": "ended",
    }
    assert await walked.chronicle(since=46) == DAY_BY_DAY
    assert await jumped.chronicle(since=46) == ALL_AT_ONCE
