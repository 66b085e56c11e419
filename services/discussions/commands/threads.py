"""What discussions can be told to do: load, decide, save the state and its events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.discussions.domain import solution as solutions
from services.discussions.domain import thread as threads
from services.discussions.domain.access import (
    Participant,
    no_such_community,
    no_such_problem,
    no_such_solution,
    require_author_or_curator,
)
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Endorsement, Solution
from services.discussions.domain.thread import Comment, Thread
from services.discussions.store import threads as store
from shared.contracts.discussions import Basis, ItemKind, LinkKind
from shared.errors import BadInput, NotFound
from shared.storage import UnitOfWork
from shared.web.mutations import require_version


async def post_problem(
    uow: UnitOfWork,
    author_id: str,
    thread_id: str,
    community_id: str,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    imported_score: int | None = None,
    at: datetime | None = None,
) -> Thread:
    """Post a problem to a community; ``at`` is when, in an import."""
    author = await _participant(uow, community_id, author_id)
    thread, event = threads.post(
        thread_id, author, title=title, body=body, tags=tags, imported_score=imported_score, now=at or uow.now
    )
    store.save_thread(uow, thread)
    store.note_contribution(uow, author)
    uow.record(event, at)
    return thread


async def edit_problem(
    uow: UnitOfWork,
    actor_id: str,
    thread_id: str,
    version: int | None,
    *,
    title: str | None,
    body: str | None,
    tags: Sequence[str] | None,
    at: datetime | None = None,
) -> Thread:
    """Edit a problem; what is None stays. ``version`` is the revision edited.

    An import knows none: it repeats what was allowed where it comes from, so nobody's role is asked for.
    """
    thread, actor = await _thread(uow, actor_id, thread_id)
    if version is not None:
        require_author_or_curator(actor, thread.author_id, "edit this problem")
        require_version(thread.revision, version)
    thread, event = threads.edit(
        thread,
        actor_id,
        title=thread.title if title is None else title,
        body=thread.body if body is None else body,
        tags=thread.tags if tags is None else tags,
        now=at or uow.now,
    )
    store.save_thread(uow, thread)
    uow.record(event, at)
    return thread


async def resolve(uow: UnitOfWork, actor_id: str, thread_id: str) -> Thread:
    """Say that a problem is resolved."""
    thread, actor = await _thread(uow, actor_id, thread_id)
    thread, event = threads.resolve(thread, actor)
    store.save_thread(uow, thread)
    uow.record(event)
    return thread


async def reopen(uow: UnitOfWork, actor_id: str, thread_id: str) -> Thread:
    """Say that a resolved problem turned out not to be."""
    thread, actor = await _thread(uow, actor_id, thread_id)
    thread, event = threads.reopen(thread, actor)
    store.save_thread(uow, thread)
    uow.record(event)
    return thread


async def link(uow: UnitOfWork, actor_id: str, thread_id: str, kind: LinkKind, target_id: str) -> Thread:
    """Link a problem to another that the actor may see, too."""
    thread, actor = await _thread(uow, actor_id, thread_id)
    target, _ = await _thread(uow, actor_id, target_id)
    if kind == "duplicate":
        require_author_or_curator(actor, thread.author_id, "mark this problem as a duplicate")
    return link_to(uow, thread, target, kind, actor_id)


def link_to(
    uow: UnitOfWork,
    thread: Thread,
    target: Thread,
    kind: LinkKind,
    linked_by: str | None,
    at: datetime | None = None,
) -> Thread:
    """Link a problem to another, on whoever's word; ``at`` is when, in an import."""
    thread, event = threads.link(thread, linked_by, kind, target)
    store.save_thread(uow, thread)
    if kind == "duplicate":  # two that become each other's duplicate at once must not both succeed
        store.hold_thread(uow, target.thread_id)
    uow.record(event, at)
    return thread


async def propose(
    uow: UnitOfWork,
    author_id: str,
    solution_id: str,
    thread_id: str,
    body: str,
    *,
    imported_score: int | None = None,
    at: datetime | None = None,
) -> Solution:
    """Propose a solution to a problem."""
    thread, author = await _thread(uow, author_id, thread_id)
    thread, solution, revision, event = solutions.propose(
        thread, author, solution_id, body, at or uow.now, imported_score
    )
    store.save_thread(uow, thread)
    store.save_solution(uow, solution)
    store.save_revision(uow, revision)
    store.note_contribution(uow, author)
    uow.record(event, at)
    return solution


async def revise(
    uow: UnitOfWork,
    actor_id: str,
    solution_id: str,
    version: int | None,
    *,
    body: str,
    note: str,
    major: bool,
    at: datetime | None = None,
) -> Solution:
    """Give a solution a new revision. ``version`` is the revision that it builds on.

    An import knows none: it repeats what was allowed where it comes from, so nobody's role is asked for.
    """
    thread, solution, actor = await _solution(uow, actor_id, solution_id)
    if version is not None:
        require_author_or_curator(actor, solution.author_id, "revise this solution")
        require_version(solution.revision, version)
    thread, solution, revision, event = solutions.revise(
        thread, solution, actor_id, body, note, major=major, now=at or uow.now
    )
    store.save_thread(uow, thread)
    store.save_solution(uow, solution)
    store.save_revision(uow, revision)
    if major:
        store.make_stale(uow, solution_id)
    uow.record(event, at)
    return solution


async def endorse(
    uow: UnitOfWork, endorser_id: str, solution_id: str, basis: Basis, at: datetime | None = None
) -> tuple[Solution, Endorsement]:
    """Vouch for a solution's present revision."""
    thread, solution, endorser = await _solution(uow, endorser_id, solution_id)
    now = at or uow.now
    thread, solution, endorsement, event = solutions.endorse(
        thread,
        solution,
        endorser,
        await store.load_endorsement(uow, solution_id, endorser_id),
        basis,
        rules=Rules.of((await store.load_community(uow, solution.community_id)).rules),
        now=now,
    )
    store.save_thread(uow, thread)
    store.save_solution(uow, solution)
    store.save_endorsement(uow, endorsement)
    store.note_endorsement(uow, endorser, now)
    uow.record(event, at)
    return solution, endorsement


async def withdraw(uow: UnitOfWork, endorser_id: str, solution_id: str) -> Solution:
    """No longer vouch for a solution."""
    thread, solution, _ = await _solution(uow, endorser_id, solution_id)
    present = await store.load_endorsement(uow, solution_id, endorser_id)
    thread, solution, endorsement, event = solutions.withdraw(thread, solution, present)
    store.save_thread(uow, thread)
    store.save_solution(uow, solution)
    store.save_endorsement(uow, endorsement)
    uow.record(event)
    return solution


async def accept(
    uow: UnitOfWork, actor_id: str, thread_id: str, solution_id: str, at: datetime | None = None
) -> tuple[Thread, Solution]:
    """The one who asked accepts a solution."""
    thread, actor = await _thread(uow, actor_id, thread_id)
    solution = await store.load_solution(uow, solution_id)
    if solution is None or solution.thread_id != thread_id:
        raise no_such_solution()
    earlier = thread.accepted_id
    thread, solution, event = solutions.accept(thread, solution, actor)
    store.save_thread(uow, thread)
    store.save_solution(uow, solution)
    if earlier is not None:
        store.unaccept(uow, earlier)
    uow.record(event, at)
    return thread, solution


async def comment(
    uow: UnitOfWork,
    author_id: str,
    comment_id: str,
    thread_id: str,
    *,
    item_kind: ItemKind,
    item_id: str,
    body: str,
    mentions: Sequence[str],
    at: datetime | None = None,
) -> Comment:
    """Comment on the problem, one of its solutions, or one of its comments."""
    thread, author = await _thread(uow, author_id, thread_id)
    item_author = await _author_of(uow, thread, item_kind, item_id)
    if strangers := sorted(set(mentions) - await store.member_ids(uow, thread.community_id, mentions)):
        raise BadInput(
            "mention-unknown",
            f"No member of this community: {', '.join(strangers)[:200]}.",
            field="/mentions",
            fix="Mention members of this community.",
        )
    thread, added, event = threads.comment(
        thread,
        author,
        comment_id,
        item_kind=item_kind,
        item_id=item_id,
        item_author_id=item_author,
        body=body,
        mentions=list(dict.fromkeys(mentions)),
        now=at or uow.now,
    )
    store.save_thread(uow, thread)
    store.save_comment(uow, added)
    store.note_contribution(uow, author)
    uow.record(event, at)
    return added


async def _author_of(uow: UnitOfWork, thread: Thread, kind: ItemKind, item_id: str) -> str:
    if kind == "problem" and item_id == thread.thread_id:
        return thread.author_id
    if kind == "solution":
        solution = await store.load_solution(uow, item_id)
        if solution is not None and solution.thread_id == thread.thread_id:
            return solution.author_id
    if kind == "comment":
        commented = await store.load_comment(uow, item_id)
        if commented is not None and commented.thread_id == thread.thread_id:
            return commented.author_id
    raise NotFound(
        "no-such-item", f"There is no such {kind} in this thread.", field="/item_id", fix="Check its id."
    )


async def _participant(uow: UnitOfWork, community_id: str, member_id: str) -> Participant:
    participant = await store.load_participant(uow, community_id, member_id)
    if participant is None:
        raise no_such_community()
    return participant


async def _thread(uow: UnitOfWork, member_id: str, thread_id: str) -> tuple[Thread, Participant]:
    thread = await store.load_thread(uow, thread_id)
    participant = await store.load_participant(uow, thread.community_id, member_id) if thread else None
    if thread is None or participant is None:
        raise no_such_problem()
    return thread, participant


async def _solution(
    uow: UnitOfWork, member_id: str, solution_id: str
) -> tuple[Thread, Solution, Participant]:
    solution = await store.load_solution(uow, solution_id)
    if solution is None:
        raise no_such_solution()
    thread = await store.load_thread(uow, solution.thread_id)
    participant = await store.load_participant(uow, solution.community_id, member_id)
    if thread is None or participant is None:
        raise no_such_solution()
    return thread, solution, participant
