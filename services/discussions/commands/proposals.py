"""Improving others' solutions: proposals, and co-authors. What is said about either is a comment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.discussions import store
from services.discussions.commands import access, comments, settling, solutions
from services.discussions.domain import proposal as proposals
from services.discussions.domain import solution as domain
from services.discussions.domain.access import Participant
from services.discussions.domain.proposal import Proposal, no_such_proposal
from services.discussions.domain.solution import Solution
from shared.errors import BadInput, Conflict
from shared.settings import LIMITS
from shared.storage import UnitOfWork
from shared.web.mutations import require_version


async def propose(
    uow: UnitOfWork,
    actor_id: str,
    proposal_id: str,
    comment_id: str,
    solution_id: str,
    *,
    base: int,
    body: str,
    note: str,
) -> Proposal:
    """Propose a text for a solution; its authors find the note among the comments."""
    _, solution, actor = await access.solution(uow, actor_id, solution_id)
    made = proposals.propose(
        proposal_id,
        solution,
        actor,
        base=base,
        base_body=await _text(uow, solution_id, base),
        body=body,
        note=note,
        now=uow.now,
    )
    store.proposals.save_proposal(uow, made)
    await say(uow, actor, comment_id, solution, note, solution.authors)
    return made


async def rebase(
    uow: UnitOfWork,
    actor_id: str,
    solution_id: str,
    proposal_id: str,
    version: int,
    *,
    base: int,
    body: str,
    note: str,
) -> Proposal:
    """The proposer changes a proposal, whose revision is ``version``."""
    _, _, actor = await access.solution(uow, actor_id, solution_id)
    present = await _proposal(uow, solution_id, proposal_id)
    base_body = await _text(uow, solution_id, base)
    after = proposals.rebase(present, actor, base=base, base_body=base_body, body=body, note=note)
    require_version(present.revision, version)
    store.proposals.save_proposal(uow, after)
    return after


async def withdraw(uow: UnitOfWork, actor_id: str, solution_id: str, proposal_id: str) -> Proposal:
    """The proposer takes a proposal back."""
    _, _, actor = await access.solution(uow, actor_id, solution_id)
    after = proposals.withdraw(await _proposal(uow, solution_id, proposal_id), actor, uow.now)
    store.proposals.save_proposal(uow, after)
    return after


async def decline(
    uow: UnitOfWork, actor_id: str, comment_id: str, solution_id: str, proposal_id: str, reason: str
) -> Proposal:
    """An author or a curator does not want a proposal; the proposer finds the reason among the comments."""
    _, solution, actor = await access.solution(uow, actor_id, solution_id)
    present = await _proposal(uow, solution_id, proposal_id)
    after = proposals.decline(present, solution, actor, reason, uow.now)
    store.proposals.save_proposal(uow, after)
    await say(uow, actor, comment_id, solution, reason, [present.proposer_id])
    return after


async def merge(
    uow: UnitOfWork, actor_id: str, solution_id: str, proposal_id: str, *, major: bool
) -> Proposal:
    """An author or a curator makes a proposal the next revision; the proposer becomes an author."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    present = await _proposal(uow, solution_id, proposal_id)
    after = proposals.merge(present, solution, actor, uow.now)
    base = await _text(uow, solution_id, present.base)
    body = await asyncio.to_thread(proposals.merged_text, base, solution.body, present.body)
    if len(body) > LIMITS.body:
        raise Conflict("merged-too-long", "Merged, the text would be too long.", fix="Shorten it.")
    store.proposals.save_proposal(uow, after)
    await solutions.revise_loaded(
        uow, community, problem, solution, present.proposer_id, body=body, note=present.note, major=major,
        merged_by=actor_id,
    )  # fmt: skip
    return after


async def invite(
    uow: UnitOfWork, actor_id: str, comment_id: str, solution_id: str, *, member_id: str, note: str
) -> Solution:
    """An author asks a member to be a co-author; they find the note among the comments."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    if not await store.access.member_ids(uow, solution.community_id, [member_id]):
        raise BadInput(
            "no-such-member",
            "Nobody in this community has this id.",
            field="/member_id",
            fix="Name a member of this community.",
        )
    solution = domain.invite(solution, actor, member_id)
    _, solution = await settling.conclude(uow, community, problem, solution, [])
    await uow.flush()  # the comment builds on the thread as it is now
    await say(uow, actor, comment_id, solution, note, [member_id])
    return solution


async def join(uow: UnitOfWork, actor_id: str, solution_id: str) -> Solution:
    """Whoever was asked to be a co-author is one from now on, and vouches for it no more."""
    problem, solution, actor, community = await settling.load(uow, actor_id, solution_id)
    solution = domain.join(solution, actor)
    problem, solution, withdrawn = await solutions.withdraw_authors_own(uow, problem, solution, actor_id)
    _, solution = await settling.conclude(uow, community, problem, solution, withdrawn)
    return solution


async def say(
    uow: UnitOfWork,
    actor: Participant,
    comment_id: str,
    solution: Solution,
    words: str,
    to: Iterable[str],
) -> None:
    """Comment on a solution, mentioning those of ``to`` who are members."""
    mentions = await store.access.member_ids(uow, solution.community_id, to)
    await comments.comment(
        uow,
        actor.member_id,
        comment_id,
        solution.thread_id,
        item_kind="solution",
        item_id=solution.solution_id,
        body=words,
        mentions=sorted(mentions - {actor.member_id}),
    )


async def _proposal(uow: UnitOfWork, solution_id: str, proposal_id: str) -> Proposal:
    found = await store.proposals.load_proposal(uow, proposal_id)
    if found is None or found.solution_id != solution_id:
        raise no_such_proposal()
    return found


async def _text(uow: UnitOfWork, solution_id: str, number: int) -> str:
    revision = await store.solutions.load_revision(uow, solution_id, number)
    if revision is None:
        raise BadInput(
            "no-such-revision", "The solution has no such revision.", field="/base", fix="Name one it has."
        )
    return revision.body
