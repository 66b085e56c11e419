"""What matching does: learn from what happened, ask experts, take their answers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from services.matching import store
from services.matching.domain import asking, expertise
from services.matching.domain.asking import Ask, Asking, Candidate, Workload
from services.matching.domain.expertise import Amount, Evidence, Expertise, Kind
from services.matching.store import Place
from shared.contracts.discussions import ProblemPosted
from shared.errors import Forbidden, OutOfOrder
from shared.messaging.envelope import Received
from shared.storage import UnitOfWork
from shared.web.auth import Caller


async def learn(uow: UnitOfWork, evidence: Sequence[Received[Evidence]]) -> None:
    """Credit the authors of solutions with what was said of these."""
    solutions = await store.load_solutions(uow, {received.event.solution_id for received in evidence})
    changes: defaultdict[tuple[Place, str], dict[Kind, Amount]] = defaultdict(dict)
    for received in evidence:
        before = solutions.get(received.event.solution_id)
        after = expertise.with_evidence(before, received.event, min(received.at, uow.now))
        solutions[after.solution_id] = after
        place = (after.community_id, after.author_id)
        for (tag, kind), change in expertise.difference(before, after).items():
            count, weight = changes[place, tag].get(kind, Amount())
            changes[place, tag][kind] = Amount(count + change.solutions, weight + change.weight)
    for solution in solutions.values():
        store.save_solution(uow, solution)
    for (place, tag), amounts in changes.items():
        store.add_earned(uow, place, tag, amounts)


async def ask_experts(uow: UnitOfWork, problems: Sequence[Received[ProblemPosted]]) -> None:
    """Ask the first wave for each of these problems, unless it is too old or was asked about before.

    Raises ``OutOfOrder`` for a problem of a community that is not known yet.
    """
    problems = [each for each in problems if asking.is_worth_asking(each.at, uow.now)]
    if not problems:
        return
    await uow.flush()  # what this batch taught counts already
    known = await store.known_askings(uow, {each.event.thread_id for each in problems})
    external = await store.are_external(uow, {each.event.community_id for each in problems})
    tags: defaultdict[str, set[str]] = defaultdict(set)
    for received in problems:
        if received.event.community_id not in external:
            raise OutOfOrder("community-unknown", "The problem's community is not known here yet.")
        tags[received.event.community_id].update(received.event.tags)
    candidates = await _Candidates.load(uow, tags)
    for received in problems:
        problem = received.event
        if problem.thread_id in known:
            continue
        known.add(problem.thread_id)
        await asyncio.sleep(0)  # scoring a thousand candidates is work: heartbeats go on in between
        wave = asking.choose_wave(
            candidates.for_problem(problem, uow.now),
            asker_id=problem.author_id,
            external=external[problem.community_id],
            workloads=candidates.workloads,
            now=uow.now,
        )
        begun = Asking(
            thread_id=problem.thread_id,
            community_id=problem.community_id,
            asker_id=problem.author_id,
            problem_title=problem.title,
            anonymous=problem.anonymous,
        )
        sent, asks, events = asking.send(begun, wave, uow.now)
        store.save_asking(uow, sent)
        for ask, event in zip(asks, events, strict=True):
            candidates.asked(ask.expert_id, uow.now)
            store.save_ask(uow, ask)
            uow.record(event, cause=received.cause)
    candidates.save(uow)


class _Candidates:
    """Everybody who may be asked about a batch of problems, loaded at once."""

    def __init__(self, by_tag: dict[tuple[str, str], list[Expertise]]) -> None:
        self._by_tag = by_tag
        self._organisations: dict[Place, str | None] = {}
        self._activity: dict[Place, tuple[datetime, int]] = {}
        self._asked: set[str] = set()
        self.workloads: dict[str, Workload] = {}

    @classmethod
    async def load(cls, uow: UnitOfWork, tags: dict[str, set[str]]) -> _Candidates:
        by_tag: defaultdict[tuple[str, str], list[Expertise]] = defaultdict(list)
        places: set[Place] = set()
        for community_id, best in (await store.load_candidates(uow, tags)).items():
            for each in best:
                by_tag[community_id, each.tag].append(each)
                places.add((community_id, each.member_id))
        loaded = cls(by_tag)
        loaded._organisations = await store.load_organisations(uow, places)
        loaded._activity = await store.load_activity(uow, places)
        loaded.workloads = await store.load_workloads(uow, {member_id for _, member_id in places})
        return loaded

    def for_problem(self, problem: ProblemPosted, now: datetime) -> list[Candidate]:
        """Those who know something of the problem's tags, with scores and reasons."""
        known: defaultdict[str, list[Expertise]] = defaultdict(list)
        for tag in problem.tags:
            for each in self._by_tag.get((problem.community_id, tag), ()):
                known[each.member_id].append(each)
        candidates: list[Candidate] = []
        for member_id, of_tags in known.items():
            place = (problem.community_id, member_id)
            last_active, solutions = self._activity.get(place, (None, 0))
            terms = expertise.terms(of_tags, last_active, now)
            candidates.append(
                Candidate(
                    member_id=member_id,
                    org_id=self._organisations.get(place),
                    belongs=place in self._organisations,
                    solutions=solutions,
                    score=expertise.score(terms),
                    terms=terms,
                )
            )
        return candidates

    def asked(self, expert_id: str, now: datetime) -> None:
        """Count an ask, for the problems that follow."""
        self.workloads[expert_id] = self.workloads.get(expert_id, Workload(expert_id=expert_id)).with_ask(now)
        self._asked.add(expert_id)

    def save(self, uow: UnitOfWork) -> None:
        """Save the workloads that changed."""
        for expert_id in sorted(self._asked):
            store.save_workload(uow, self.workloads[expert_id])


async def accept(uow: UnitOfWork, caller: Caller, ask_id: str) -> Ask:
    """The caller, asked as an expert, will look at the problem."""
    present, ask = await _own_ask(uow, caller, ask_id)
    changed, ask, event = asking.accept(present, ask, uow.now)
    if event is not None:
        store.save_asking(uow, changed)
        store.save_ask(uow, ask)
        uow.record(event)
    return ask


async def decline(uow: UnitOfWork, caller: Caller, ask_id: str, reason: str) -> Ask:
    """The caller, asked as an expert, will not."""
    present, ask = await _own_ask(uow, caller, ask_id)
    changed, ask, event = asking.decline(present, ask, reason, uow.now)
    if event is not None:
        store.save_asking(uow, changed)
        store.save_ask(uow, ask)
        uow.record(event)
    return ask


async def _own_ask(uow: UnitOfWork, caller: Caller, ask_id: str) -> tuple[Asking, Ask]:
    ask = await store.load_ask(uow, ask_id)
    if (
        ask is None
        or caller.member_id not in (ask.expert_id, ask.asker_id)
        or not await store.belongs(uow, (ask.community_id, caller.member_id))
    ):
        raise asking.no_such_ask()
    if caller.member_id != ask.expert_id:
        raise Forbidden("not-the-expert", "Only the expert who was asked answers.")
    present = await store.load_asking(uow, ask.thread_id)
    assert present is not None, "an ask is saved together with its asking"
    return present, ask
