"""What can be done with problems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.discussions import store
from services.discussions.commands import access, posting
from services.discussions.commands.recording import record
from services.discussions.domain import problem as problems
from services.discussions.domain.access import (
    require_author_or_curator,
)
from services.discussions.domain.problem import Problem
from shared.contracts.discussions import Context, LinkKind
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
    context: Context | None = None,
    anonymous: bool = False,
    imported_score: int | None = None,
    at: datetime | None = None,
) -> Problem:
    """Post a problem to a community; ``at`` is when, in an import, whose source may know of no contexts."""
    author = await access.participant(uow, community_id, author_id)
    if at is None:
        community = await store.access.load_community(uow, community_id)
        problems.require_fit(community, context, anonymous=anonymous)
    now = at or uow.now
    problem, event = problems.post(
        thread_id,
        author,
        title=title,
        body=body,
        tags=tags,
        context=context,
        anonymous=anonymous,
        imported_score=imported_score,
        now=now,
    )
    store.threads.save_thread(uow, problem)
    store.problems.save_text(uow, problems.text_of(problem, author_id, now))
    await posting.admit(uow, author, title, body, at=at)
    record(uow, event, at)
    return problem


async def edit_problem(
    uow: UnitOfWork,
    actor_id: str,
    thread_id: str,
    version: int | None,
    *,
    title: str | None,
    body: str | None,
    tags: Sequence[str] | None,
    context: Context | None = None,
    at: datetime | None = None,
) -> Problem:
    """Edit a problem; of title, body and tags, what is None stays. ``version`` is the revision edited.

    An import knows none: it repeats what was allowed where it comes from, so nobody's role is asked for,
    and no context.
    """
    problem, actor = await access.problem(uow, actor_id, thread_id)
    if version is not None:
        require_author_or_curator(actor, problem.author_id, "edit this problem")
        require_version(problem.revision, version)
        if problem.context is not None:  # what was imported without one can be edited without one
            problems.require_fit(await store.access.load_community(uow, problem.community_id), context)
    now = at or uow.now
    problem, event = problems.edit(
        problem,
        actor_id,
        title=problem.title if title is None else title,
        body=problem.body if body is None else body,
        tags=problem.tags if tags is None else tags,
        context=problem.context if version is None else context,
        now=now,
    )
    store.threads.save_thread(uow, problem)
    store.problems.save_text(uow, problems.text_of(problem, actor_id, now))
    record(uow, event, at)
    return problem


async def resolve(uow: UnitOfWork, actor_id: str, thread_id: str, at: datetime | None = None) -> Problem:
    """Say that a problem is resolved; ``at`` is when, in an import."""
    problem, actor = await access.problem(uow, actor_id, thread_id)
    problem, event = problems.resolve(problem, actor)
    store.threads.save_thread(uow, problem)
    record(uow, event, at)
    return problem


async def reopen(uow: UnitOfWork, actor_id: str, thread_id: str) -> Problem:
    """Say that a resolved problem turned out not to be."""
    problem, actor = await access.problem(uow, actor_id, thread_id)
    problem, event = problems.reopen(problem, actor)
    store.threads.save_thread(uow, problem)
    record(uow, event)
    return problem


async def withdraw(uow: UnitOfWork, actor_id: str, thread_id: str) -> Problem:
    """Take a problem back."""
    problem, actor = await access.problem(uow, actor_id, thread_id)
    problem, event = problems.withdraw(problem, actor)
    store.threads.save_thread(uow, problem)
    record(uow, event)
    return problem


async def link(uow: UnitOfWork, actor_id: str, thread_id: str, kind: LinkKind, target_id: str) -> Problem:
    """Link a problem to another that the actor may see, too."""
    problem, actor = await access.problem(uow, actor_id, thread_id)
    target, _ = await access.problem(uow, actor_id, target_id)
    if kind == "duplicate":
        require_author_or_curator(actor, problem.author_id, "mark this problem as a duplicate")
    return link_to(uow, problem, target, kind, actor_id)


def link_to(
    uow: UnitOfWork,
    problem: Problem,
    target: Problem,
    kind: LinkKind,
    linked_by: str | None,
    at: datetime | None = None,
) -> Problem:
    """Link a problem to another, on whoever's word; ``at`` is when, in an import."""
    problem, event = problems.link(problem, linked_by, kind, target)
    store.threads.save_thread(uow, problem)
    if kind == "duplicate":  # two that become each other's duplicate at once must not both succeed
        store.threads.hold_thread(uow, target.thread_id)
    record(uow, event, at)
    return problem
