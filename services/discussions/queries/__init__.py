"""Reads for the API: what a member may see of threads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from services.discussions import store
from services.discussions.domain import figures
from services.discussions.domain.access import (
    Reader,
    no_such_comment,
    no_such_community,
    no_such_problem,
    no_such_solution,
    no_such_thread,
)
from services.discussions.domain.comment import Comment
from services.discussions.domain.contest import Contest
from services.discussions.domain.figures import Figures
from services.discussions.domain.item import InThread
from services.discussions.domain.lift import Lift
from services.discussions.domain.limits import FIGURES_OF
from services.discussions.domain.problem import Problem, ProblemText
from services.discussions.domain.proposal import Proposal, ProposalState, no_such_proposal
from services.discussions.domain.solution import Endorsement, Revision, Solution
from services.discussions.domain.thread import Thread
from services.discussions.domain.timeline import Entry
from shared.contracts.members import Role
from shared.errors import NotFound
from shared.storage import Database
from shared.web.auth import Caller

T = TypeVar("T", bound=Thread)


@dataclass(frozen=True, slots=True)
class Names:
    """What the reader may know of people."""

    reader_id: str
    people: Mapping[str, tuple[str, str | None]]
    """By member id: name and organisation."""
    roles: Mapping[tuple[str, str], Role]
    """By (community, member)."""
    anonymous: AbstractSet[tuple[str, str]]
    """(thread, member): who is not named in which thread."""

    def unveiled(self, item: InThread, member_id: str) -> bool:
        """Whether the reader may know who is anonymous there: themselves, and whom a steward looks at."""
        return member_id == self.reader_id or self.roles.get((item.community_id, self.reader_id)) == "steward"


async def reader(database: Database, caller: Caller, community_id: str) -> Reader:
    """The caller, in a community that they belong to."""
    found = await store.access.find_reader(database, community_id, caller.member_id)
    if found is None:
        raise no_such_community()
    return found


async def seen(database: Database, caller: Caller, found: T | None, none: NotFound) -> tuple[T, Reader]:
    """``found``, and the caller in its community. Raises ``none`` unless the caller may see it."""
    by = await store.access.find_reader(database, found.community_id, caller.member_id) if found else None
    if found is None or by is None or not found.visible_to(by):
        raise none
    return found, by


async def thread(database: Database, caller: Caller, thread_id: str) -> tuple[Thread, Reader]:
    """A thread of whatever kind that the caller may see, and the caller in its community."""
    found = await store.threads.find_thread(database, thread_id)
    return await seen(database, caller, found, no_such_thread())


async def timeline(database: Database, caller: Caller, thread_id: str, after: int, limit: int) -> list[Entry]:
    """What happened to a thread, in order, after a version."""
    _, by = await thread(database, caller, thread_id)
    hidden = () if by.curates else await store.items.hidden_in(database, thread_id, by.member_id)
    return await store.timeline.find_entries(database, by, thread_id, hidden, after, limit)


async def problem(database: Database, caller: Caller, thread_id: str) -> tuple[Problem, Reader]:
    """A problem that the caller may see, and the caller in its community."""
    found = await store.problems.find_problem(database, thread_id)
    return await seen(database, caller, found, no_such_problem())


async def problems(
    database: Database,
    caller: Caller,
    community_id: str,
    *,
    state: str | None,
    tag: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Problem]:
    """The problems of a community that the caller belongs to, newest first."""
    by = await reader(database, caller, community_id)
    return await store.problems.find_problems(database, by, state=state, tag=tag, before=before, limit=limit)


async def figures_of(database: Database, caller: Caller, community_id: str) -> Figures:
    """How a community that the caller belongs to does with its latest problems."""
    by = await reader(database, caller, community_id)
    return figures.of(await store.problems.latest_asked(database, by, FIGURES_OF))


async def problem_texts(
    database: Database, caller: Caller, thread_id: str, after: int, limit: int
) -> tuple[Problem, list[ProblemText]]:
    """A problem that the caller may see, and its texts, oldest first, after a number."""
    of, _ = await problem(database, caller, thread_id)
    return of, await store.problems.find_texts(database, thread_id, after, limit)


async def problem_text(
    database: Database, caller: Caller, thread_id: str, number: int
) -> tuple[Problem, ProblemText, ProblemText | None]:
    """A problem that the caller may see, its text of that number, and the one before, if there is one."""
    of, found = await problem_texts(database, caller, thread_id, number - 2, 2)
    texts = {text.number: text for text in found}
    if number not in texts:
        raise NotFound("no-such-revision", "The problem has no such revision.", fix="List its revisions.")
    return of, texts[number], texts.get(number - 1)


async def solution(database: Database, caller: Caller, solution_id: str) -> Solution:
    """A solution that the caller may see."""
    found = await store.solutions.find_solution(database, solution_id)
    if found is None:
        raise no_such_solution()
    try:
        _, by = await problem(database, caller, found.thread_id)
    except NotFound:
        raise no_such_solution() from None
    if not found.visible_to(by):
        raise no_such_solution()
    return found


async def solutions(
    database: Database, caller: Caller, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[Solution]:
    """A problem's solutions, in the order in which they were proposed."""
    _, by = await problem(database, caller, thread_id)
    return await store.solutions.find_solutions(database, by, thread_id, after, limit)


async def revisions(database: Database, of: Solution, after: int, limit: int) -> list[Revision]:
    """The revisions of a solution that the caller may see, oldest first."""
    return await store.solutions.find_revisions(database, of.solution_id, after, limit)


async def revision(database: Database, of: Solution, number: int) -> Revision:
    """A revision of a solution that the caller may see."""
    found = await store.solutions.find_revision(database, of.solution_id, number)
    if found is None:
        raise NotFound("no-such-revision", "The solution has no such revision.", fix="Check its number.")
    return found


async def proposal(database: Database, of: Solution, proposal_id: str) -> Proposal:
    """A proposal for a solution that the caller may see."""
    found = await store.proposals.find_proposal(database, proposal_id)
    if found is None or found.solution_id != of.solution_id:
        raise no_such_proposal()
    return found


async def proposals(
    database: Database, of: Solution, state: ProposalState, before: str | None, limit: int
) -> list[Proposal]:
    """The proposals for a solution that the caller may see, newest first."""
    return await store.proposals.find_proposals(database, of.solution_id, state, before, limit)


async def lifts(database: Database, of: Solution, before: str | None, limit: int) -> list[Lift]:
    """The lifts of a solution that the caller may see, newest first."""
    return await store.lifts.find_lifts(database, of.solution_id, before, limit)


async def contests(database: Database, of: Solution, before: str | None, limit: int) -> list[Contest]:
    """What is and was said against a solution that the caller may see, newest first."""
    return await store.contests.find_contests(database, of.solution_id, before, limit)


async def endorsements(database: Database, of: Solution, after: str | None, limit: int) -> list[Endorsement]:
    """Who vouches for a solution that the caller may see, by id."""
    return await store.solutions.find_endorsements(database, of.solution_id, after, limit)


async def comment(database: Database, caller: Caller, comment_id: str) -> Comment:
    """A comment that the caller may see."""
    found = await store.comments.find_comment(database, comment_id)
    if found is None:
        raise no_such_comment()
    try:
        _, by = await thread(database, caller, found.thread_id)
    except NotFound:
        raise no_such_comment() from None
    if not found.visible_to(by):
        raise no_such_comment()
    return found


async def comments(
    database: Database, caller: Caller, thread_id: str, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Comment]:
    """All comments of a thread, oldest first."""
    _, by = await thread(database, caller, thread_id)
    return await store.comments.find_comments(database, by, thread_id, after, limit)


async def own_reactions(database: Database, caller: Caller, thread_id: str, item_id: str) -> list[str]:
    """How the caller reacted to something in a thread that they may see."""
    await thread(database, caller, thread_id)
    return await store.reactions.own_reactions(database, item_id, caller.member_id)


async def names(
    database: Database, caller: Caller, items: Iterable[InThread], member_ids: Iterable[str | None]
) -> Names:
    """What the caller may know of ``member_ids``, in the threads of ``items``."""
    items = list(items)
    people, roles, anonymous = await store.names.find_known(
        database,
        caller.member_id,
        (member_id for member_id in member_ids if member_id is not None),
        {item.community_id for item in items},
        {item.thread_id for item in items},
    )
    # A thread that is being posted is not in the database yet.
    new = {(each.thread_id, each.author_id) for each in items if isinstance(each, Thread) and each.anonymous}
    return Names(caller.member_id, people, roles, anonymous | new)
