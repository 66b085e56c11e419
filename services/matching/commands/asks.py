"""Asking experts: waves when their time has come, answers when they are given, an end when it is settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from services.matching import store
from services.matching.domain import asking as rules_of_asking
from services.matching.domain import rules
from services.matching.domain.ask import Ask, no_such_ask
from services.matching.domain.asking import Asking
from services.matching.domain.candidate import Candidate
from services.matching.domain.wave import choose_wave, may_be_called, told
from services.matching.domain.workload import Workload
from services.matching.index import live
from services.matching.index.ranking import found, rank
from services.matching.store import asking as asks
from shared.contracts.discussions import (
    ContentFlagged,
    ContentRedacted,
    ProblemLinked,
    ProblemPosted,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionProposed,
)
from shared.contracts.matching import DeclinedBecause, ThreadAsksEvent
from shared.contracts.members import Role
from shared.errors import Forbidden, OutOfOrder
from shared.messaging.envelope import Received
from shared.storage import Cause, UnitOfWork
from shared.web.auth import Caller

Course = (
    ProblemUpdated | SolutionProposed | ProblemResolved | ProblemWithdrawn | ProblemLinked | ProblemReopened
    | ContentFlagged | ContentRedacted
)  # fmt: skip
"""What becomes of a problem, as far as it matters to who is asked."""
CALLED: Final[Sequence[Role]] = ("facilitator", "steward")
"""Who is asked when the waves are over: stewards only where no facilitator can be."""


async def begin(uow: UnitOfWork, problems: Sequence[Received[ProblemPosted]]) -> None:
    """Ask about each of these problems, from now on, unless it is too old or was asked about before.

    Raises ``OutOfOrder`` for a problem of a community that is not known yet.
    """
    problems = [each for each in problems if rules_of_asking.is_worth_asking(each.at, uow.now)]
    if not problems:
        return
    known = await asks.load_askings(uow, {each.event.thread_id for each in problems})
    communities = await store.are_external(uow, {each.event.community_id for each in problems})
    for received in problems:
        problem, cause = received.event, received.cause
        if problem.community_id not in communities:
            raise OutOfOrder("community-unknown", "The problem's community is not known here yet.")
        if problem.thread_id in known:
            continue
        known[problem.thread_id] = begun = Asking(
            thread_id=problem.thread_id,
            community_id=problem.community_id,
            asker_id=problem.author_id,
            problem_title=problem.title,
            tags=problem.tags,
            text_version=problem.version,
            anonymous=problem.anonymous,
            next_at=uow.now,
            instance=live.of(uow.database).instance,
            origin={
                "traceparent": cause.traceparent,
                "correlation_id": cause.correlation_id,
                "causation_id": cause.causation_id,
            },
        )
        asks.save_asking(uow, begun)


async def follow(uow: UnitOfWork, course: Sequence[Received[Course]]) -> None:
    """Stop, go on or change whom to ask, by what became of the problems."""
    threads = {received.event.thread_id for received in course}
    askings = await asks.load_askings(uow, threads)
    authors = {
        rules_of_asking.ask_id(event.thread_id, event.solution_author_id)
        for received in course
        if isinstance(event := received.event, SolutionProposed)
    }
    sent = await asks.load_asks(uow, authors) if authors else {}
    workloads = await asks.load_workloads(uow, {ask.expert_id for ask in sent.values()}) if sent else {}
    changed: dict[str, Asking] = {}
    over: dict[str, Received[Course]] = {}
    """About what nobody is to be asked any more, or for now."""
    for received in course:
        event = received.event
        asking = changed.get(event.thread_id) or askings.get(event.thread_id)
        if asking is None:
            continue
        match event:
            case ProblemUpdated():
                asking = rules_of_asking.edit(asking, event)
            case SolutionProposed():
                asking = rules_of_asking.answer(asking, event.solution_author_id)
                ask = sent.get(rules_of_asking.ask_id(event.thread_id, event.solution_author_id))
                if ask is not None and ask.allows("answer"):
                    sent[ask.ask_id] = ask = ask.after("answer", uow.now)
                    asks.save_ask(uow, ask)
                    _reacted(uow, ask, workloads)
            case ProblemReopened():
                asking = rules_of_asking.reopen(asking, uow.now)
            case ProblemLinked(kind="related"):
                continue
            case ProblemResolved() | ProblemWithdrawn() | ProblemLinked():
                asking = rules_of_asking.close(asking)
                over[asking.thread_id] = received
            case ContentFlagged(item_kind="problem", hidden=True):
                asking = rules_of_asking.hide(asking)
                over[asking.thread_id] = received
            case ContentFlagged(item_kind="problem"):
                asking = rules_of_asking.show(asking, uow.now)
            case ContentRedacted(item_kind="problem"):
                asking = rules_of_asking.redact(asking, event)
            case _:
                continue
        changed[asking.thread_id] = asking
    if over:
        await uow.flush()  # who has answered in this batch is not waited for any more
        for ask in await asks.load_open_asks(uow, over.keys()):
            asking, ask, expired = rules_of_asking.expire(changed[ask.thread_id], ask, uow.now)
            changed[ask.thread_id] = asking
            asks.save_ask(uow, ask)
            uow.record(expired, cause=over[ask.thread_id].cause)
    for asking in changed.values():
        asks.save_asking(uow, asking)
        if asking.problem_title != askings[asking.thread_id].problem_title:
            asks.retitle(uow, asking.thread_id, asking.problem_title)


def _reacted(uow: UnitOfWork, ask: Ask, workloads: dict[str, Workload]) -> None:
    """Keep that an expert did not ignore an ask."""
    if ask.asked_as == "expert" and ask.expert_id in workloads:
        workloads[ask.expert_id] = workloads[ask.expert_id].after_reacting()
        asks.save_workload(uow, workloads[ask.expert_id])


async def proceed(uow: UnitOfWork, thread_ids: Collection[str]) -> None:
    """Do what is due about these problems: send the next wave, or end the waves."""
    askings = (await asks.load_askings(uow, thread_ids)).values()
    due = sorted(
        (each for each in askings if each.is_due(uow.now)), key=lambda each: (each.next_at, each.thread_id)
    )
    seeking = [each for each in due if each.waves < each.last_wave]
    external = await store.are_external(uow, {each.community_id for each in seeking})
    rankings = await rank(uow, seeking)
    known = await found(uow, rankings)
    workloads = known.workloads
    busier: set[str] = set()
    for asking in due:
        ranking = rankings.get(asking.thread_id)
        if ranking is not None:
            wave = choose_wave(
                known.candidates(ranking),
                asking,
                external=external.get(asking.community_id, False),
                now=uow.now,
            )
            if wave.invitations or wave.postponed:
                invited = [
                    (each.candidate, told(each, ranking.reasons(each.candidate.member_id)))
                    for each in wave.invitations
                ]
                sent, new, events = rules_of_asking.send(asking, invited, uow.now)
                for ask in new:
                    before = workloads.get(ask.expert_id) or Workload(expert_id=ask.expert_id)
                    workloads[ask.expert_id] = before.after_ask(uow.now)
                    busier.add(ask.expert_id)
                _save(uow, sent, new, events)
                continue
        await _exhaust(uow, asking)
    for expert_id in sorted(busier):
        asks.save_workload(uow, workloads[expert_id])


async def _exhaust(uow: UnitOfWork, asking: Asking) -> None:
    free: list[Candidate] = []
    for role in CALLED:
        there = await store.load_in_role(uow, asking.community_id, role, rules.LOOKED_AT)
        free = [
            each
            for (_, member_id), person in there.items()
            if may_be_called(
                each := Candidate(
                    member_id, 0.0, False, 0, person.org_id, "dormant" if person.dormant else "active",
                    person.away_until,
                ),
                asking,
                uow.now,
            )
        ]  # fmt: skip
        if free:
            break
    _save(uow, *rules_of_asking.exhaust(asking, free, uow.now))


def _save(uow: UnitOfWork, asking: Asking, new: Sequence[Ask], events: Iterable[ThreadAsksEvent]) -> None:
    asks.save_asking(uow, asking)
    for ask in new:
        asks.save_ask(uow, ask)
    for event in events:
        uow.record(event, cause=Cause(**asking.origin))


async def expire(uow: UnitOfWork, ask_id: str) -> None:
    """End an ask whose time is over; who ignored it, and the one before, rests."""
    ask = (await asks.load_asks(uow, [ask_id])).get(ask_id)
    if ask is None or ask.state != "sent" or ask.state_at(uow.now) != "expired":
        return
    asking = await asks.load_asking(uow, ask.thread_id)
    assert asking is not None, "an ask is saved together with its asking"
    asking, ask, event = rules_of_asking.expire(asking, ask, uow.now)
    _save(uow, asking, [ask], [event])
    if event.ignored and ask.asked_as == "expert":
        workloads = await asks.load_workloads(uow, [ask.expert_id])
        workload = workloads.get(ask.expert_id) or Workload(expert_id=ask.expert_id)
        asks.save_workload(uow, workload.after_ignoring(ask.expires_at))


async def accept(uow: UnitOfWork, caller: Caller, ask_id: str) -> Ask:
    """The caller, asked as an expert, will look at the problem."""
    present, ask = await _own_ask(uow, caller, ask_id)
    changed, ask, event = rules_of_asking.accept(present, ask, uow.now)
    if event is not None:
        _save(uow, changed, [ask], [])
        uow.record(event)
        store.note_activity(uow, (ask.community_id, ask.expert_id), uow.now)
        _reacted(uow, ask, await asks.load_workloads(uow, [ask.expert_id]))
    return ask


async def decline(uow: UnitOfWork, caller: Caller, ask_id: str, because: DeclinedBecause, reason: str) -> Ask:
    """The caller, asked as an expert, will not."""
    present, ask = await _own_ask(uow, caller, ask_id)
    changed, ask, event = rules_of_asking.decline(present, ask, because, reason, uow.now)
    if event is not None:
        _save(uow, changed, [ask], [])
        uow.record(event)
        if ask.asked_as == "expert":
            workloads = await asks.load_workloads(uow, [ask.expert_id])
            workload = workloads.get(ask.expert_id) or Workload(expert_id=ask.expert_id)
            asks.save_workload(uow, workload.after_declining(because, present.tags, uow.now))
    return ask


async def _own_ask(uow: UnitOfWork, caller: Caller, ask_id: str) -> tuple[Asking, Ask]:
    ask = (await asks.load_asks(uow, [ask_id])).get(ask_id)
    if (
        ask is None
        or caller.member_id not in (ask.expert_id, ask.asker_id)
        or not await store.sees(uow, (ask.community_id, caller.member_id), ask.thread_id, ask.asker_id)
    ):
        raise no_such_ask()
    if caller.member_id != ask.expert_id:
        raise Forbidden("not-the-expert", "Only the expert who was asked answers.")
    present = await asks.load_asking(uow, ask.thread_id)
    assert present is not None, "an ask is saved together with its asking"
    return present, ask
