"""A solution on the ladder: what its counts, its stewards and time make of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict

from services.discussions.domain import ladder
from services.discussions.domain.access import Community, Participant
from services.discussions.domain.ladder import TRANSITIONS, Candidacy, Evidence, Recognition, Step, Word
from services.discussions.domain.problem import Problem
from services.discussions.domain.rules import Rules
from services.discussions.domain.solution import Endorsement, Solution
from shared.contracts.discussions import SolutionRevised, ThreadEvent
from shared.contracts.practices import (
    BestPracticeProposed,
    BestPracticeRecognised,
    CandidacyChange,
    ParentChange,
    PracticeEvent,
    PracticeLapsed,
    PracticeReverified,
    PracticeReviewDue,
    PracticeSuperseded,
    SolutionRecommended,
)
from shared.errors import BadInput, Conflict, Forbidden

Changed = tuple[Problem, Solution, Sequence[PracticeEvent]]


class Named(TypedDict):
    """What every event about a solution on the ladder says."""

    thread_id: str
    version: int
    community_id: str
    solution_id: str
    solution_author_id: str
    revision: int
    author_ids: list[str]
    problem_title: str


def named(problem: Problem, solution: Solution) -> Named:
    """The common fields of an event that ``problem.version`` counts."""
    return Named(
        thread_id=problem.thread_id,
        version=problem.version,
        community_id=problem.community_id,
        solution_id=solution.solution_id,
        solution_author_id=solution.author_id,
        revision=solution.revision,
        author_ids=solution.authors,
        problem_title=problem.title,
    )


def evidence(solution: Solution, active_members: int) -> Evidence:
    """What speaks for and against the solution."""
    return Evidence(
        endorsements=solution.counted,
        tried=solution.tried,
        contesting=solution.contesting,
        dangerous=solution.dangerous,
        worked=solution.worked,
        active_members=active_members,
    )


def count(solution: Solution, community: Community) -> Solution:
    """The solution with its endorsements counted: in an external community, none over an organisation's
    share."""
    total = solution.endorsements
    if community.kind == "external":
        of_organisations = solution.by_organisation.values()
        share = Rules.of(community.rules).organisation_share
        total = ladder.counted(of_organisations, total - sum(of_organisations), share)
    return solution.model_copy(update={"counted": total})


def settle(
    problem: Problem, solution: Solution, *, rules: Rules, active_members: int, now: datetime
) -> Changed:
    """Move the counted solution to where its counts put it, with the events of the way there."""
    events: list[PracticeEvent] = []
    facts = evidence(solution, active_members)
    while step := ladder.next_step(solution.state, facts, rules, recognised=solution.recognition is not None):
        changes: dict[str, Any] = {}
        match step:
            case "nominate":
                changes["candidacy"] = Candidacy(closes_at=now + rules.objection_period)
            case "demote" | "contest":
                changes["candidacy"] = None
            case "uphold":
                changes["recognition"] = _upheld(solution, rules, now)
        solution = _moved(solution, step, **changes)
        if step == "recommend":
            problem = problem.then()
            events.append(
                SolutionRecommended(
                    **named(problem, solution),
                    tags=problem.tags,
                    endorsements=solution.counted,
                    score=facts.score,
                )
            )
        elif step == "nominate":
            problem = problem.then()
            events.append(_proposed(problem, solution, "proposed", None, ""))
    return problem, solution, events


def changes(events: Iterable[ThreadEvent]) -> ParentChange | None:
    """What of ``events`` those have to know who adapted the solution: the last such change."""
    change: ParentChange | None = None
    for event in events:
        match event:
            case SolutionRevised():
                change = "revised-in-substance" if event.major else "revised"
            case PracticeLapsed():
                change = "lapsed"
            case PracticeSuperseded():
                change = "superseded"
    return change


def _upheld(solution: Solution, rules: Rules, now: datetime) -> Recognition | None:
    """While it was contested nobody could review it: there is some time for that now."""
    assert solution.recognition is not None
    review_at = max(solution.recognition.review_at, now + rules.review_after_failure)
    return solution.recognition.model_copy(update={"review_at": review_at, "overdue": False})


def _moved(solution: Solution, step: Step, **changes: Any) -> Solution:
    """``step`` must be one that the table has."""
    following = TRANSITIONS[solution.state][step]
    return solution.model_copy(update={"state": following, **changes})


# -- what stewards decide on a candidate ---------------------------------------------------------------


def approve(
    problem: Problem, solution: Solution, steward: Participant, *, rules: Rules, now: datetime
) -> Changed:
    """A steward is for it; the last one needed makes it a best practice, unless it is paused."""
    candidacy = _before(solution, steward)
    who = steward.member_id
    if who in candidacy.approvals:
        raise Conflict("already-approved", "You approve this candidate already.")
    after = candidacy.model_copy(
        update={
            "approvals": [*candidacy.approvals, who],
            "objections": [each for each in candidacy.objections if each.steward_id != who],
        }
    )
    return _decided(problem, solution, after, "approved", who, "", rules, now)


def object_to(
    problem: Problem, solution: Solution, steward: Participant, *, reason: str, rules: Rules, now: datetime
) -> Changed:
    """A steward is against it: silence is no consent any more, though enough approvals are."""
    candidacy = _before(solution, steward)
    who = steward.member_id
    if any(each.steward_id == who for each in candidacy.objections):
        raise Conflict("already-objected", "You object to this candidate already.")
    after = candidacy.model_copy(
        update={
            "approvals": [each for each in candidacy.approvals if each != who],
            "objections": [*candidacy.objections, Word(steward_id=who, reason=reason, at=now)],
        }
    )
    return _decided(problem, solution, after, "objected", who, reason, rules, now)


def withdraw_objection(
    problem: Problem, solution: Solution, steward: Participant, *, rules: Rules, now: datetime
) -> Changed:
    """A steward takes their objection back: the clock goes on with what was left of it."""
    candidacy = _before(solution, steward)
    left = [each for each in candidacy.objections if each.steward_id != steward.member_id]
    if len(left) == len(candidacy.objections):
        raise Conflict("no-objection", "You do not object to this candidate.")
    after = candidacy.model_copy(update={"objections": left})
    return _decided(problem, solution, after, "resumed", steward.member_id, "", rules, now)


def pause(
    problem: Problem, solution: Solution, steward: Participant, *, reason: str, rules: Rules, now: datetime
) -> Changed:
    """A steward stops everything for a while: neither silence nor approvals decide until it is resumed."""
    candidacy = _before(solution, steward)
    if candidacy.pause is not None:
        raise Conflict("already-paused", "This candidate is paused already.")
    word = Word(steward_id=steward.member_id, reason=reason, at=now)
    after = candidacy.model_copy(update={"pause": word})
    return _decided(problem, solution, after, "paused", steward.member_id, reason, rules, now)


def resume(
    problem: Problem, solution: Solution, steward: Participant, *, rules: Rules, now: datetime
) -> Changed:
    """A steward, whichever, ends the pause; approvals given meanwhile count now."""
    candidacy = _before(solution, steward)
    if candidacy.pause is None:
        raise Conflict("not-paused", "This candidate is not paused.")
    after = candidacy.model_copy(update={"pause": None})
    return _decided(problem, solution, after, "resumed", steward.member_id, "", rules, now)


def _before(solution: Solution, steward: Participant) -> Candidacy:
    """The candidacy that the steward decides on. An author decides nothing about their own work."""
    require_steward(steward)
    if steward.member_id in solution.authors:
        raise Forbidden("own-solution", "Nobody decides on a solution that they wrote a revision of.")
    if solution.candidacy is None:
        raise Conflict("not-a-candidate", f"This solution is {solution.state}, not a candidate.")
    return solution.candidacy


def require_steward(actor: Participant) -> None:
    """Only stewards decide on practices."""
    if actor.role != "steward":
        raise Forbidden("steward-only", "Only the community's stewards do this.", fix="Ask one of them.")


def _decided(
    problem: Problem,
    solution: Solution,
    candidacy: Candidacy,
    change: CandidacyChange,
    steward_id: str,
    reason: str,
    rules: Rules,
    now: datetime,
) -> Changed:
    solution = solution.model_copy(update={"candidacy": _clocked(candidacy, now)})
    problem = problem.then()
    event = _proposed(problem, solution, change, steward_id, reason)
    if candidacy.pause is None and len(candidacy.approvals) >= rules.approvals:
        problem, solution, recognised = recognise(problem, solution, rules, now)
        return problem, solution, [event, recognised]
    return problem, solution, [event]


def _clocked(candidacy: Candidacy, now: datetime) -> Candidacy:
    """With its clock stopped or going on, as it has to be; what it stood is added to its end."""
    if candidacy.stopped and candidacy.stopped_at is None:
        return candidacy.model_copy(update={"stopped_at": now})
    if not candidacy.stopped and candidacy.stopped_at is not None:
        stood = max(now, candidacy.stopped_at) - candidacy.stopped_at
        closes_at = candidacy.closes_at + stood
        return candidacy.model_copy(update={"stopped_at": None, "closes_at": closes_at})
    return candidacy


def _proposed(
    problem: Problem, solution: Solution, change: CandidacyChange, steward_id: str | None, reason: str
) -> BestPracticeProposed:
    candidacy = solution.candidacy
    assert candidacy is not None
    return BestPracticeProposed(
        **named(problem, solution),
        tags=problem.tags,
        change=change,
        changed_by=steward_id,
        reason=reason,
        approvals=len(candidacy.approvals),
        closes_at=None if candidacy.stopped else candidacy.closes_at,
        steward_ids=[],
        endorsements=solution.counted,
        score=solution.score,
    )


def recognise(
    problem: Problem, solution: Solution, rules: Rules, now: datetime
) -> tuple[Problem, Solution, BestPracticeRecognised]:
    """The candidate is a best practice from ``now`` on."""
    assert solution.candidacy is not None
    approved_by = solution.candidacy.approvals
    review_at = now + rules.review_every
    problem = problem.then()
    recognition = Recognition(revision=solution.revision, recognised_at=now, review_at=review_at)
    solution = _moved(solution, "recognise", candidacy=None, recognition=recognition)
    return (
        problem,
        solution,
        BestPracticeRecognised(
            **named(problem, solution), tags=problem.tags, approved_by=approved_by, review_at=review_at
        ),
    )


# -- staying one ---------------------------------------------------------------------------------------


def due_at(solution: Solution, rules: Rules) -> datetime | None:
    """When time alone changes something about the solution next."""
    return ladder.due_at(solution.state, solution.candidacy, solution.recognition, rules)


def let_time_pass(
    problem: Problem, solution: Solution, rules: Rules, now: datetime
) -> tuple[Problem, Solution, Sequence[tuple[PracticeEvent, datetime]]]:
    """All that was due by ``now``, in order, each with the moment at which it was due."""
    happened: list[tuple[PracticeEvent, datetime]] = []
    while (due := due_at(solution, rules)) is not None and due <= now:
        event: PracticeEvent
        if solution.state == "candidate":
            problem, solution, event = recognise(problem, solution, rules, due)
        else:
            problem, solution, event = _neglected(problem, solution)
        happened.append((event, due))
    return problem, solution, happened


def _neglected(problem: Problem, solution: Solution) -> tuple[Problem, Solution, PracticeEvent]:
    """Nobody has reviewed the practice so far: the review is announced, then overdue, then it lapses."""
    recognition = solution.recognition
    assert recognition is not None
    problem = problem.then()
    if solution.state == "review-due" and recognition.overdue:
        solution = _moved(solution, "lapse")
        return problem, solution, PracticeLapsed(**named(problem, solution))
    overdue = solution.state == "review-due"
    if overdue:
        late = recognition.model_copy(update={"overdue": True})
        solution = solution.model_copy(update={"recognition": late})
    else:
        solution = _moved(solution, "announce")
    event = PracticeReviewDue(
        **named(problem, solution), steward_ids=[], review_at=recognition.review_at, overdue=overdue
    )
    return problem, solution, event


def reverify(
    problem: Problem,
    solution: Solution,
    reviewer: Participant,
    endorsement: Endorsement | None,
    note: str,
    *,
    rules: Rules,
    now: datetime,
) -> Changed:
    """Somebody reviewed the practice and found that it holds; a lapsed one is a practice again.

    For stewards and facilitators, and for whoever vouches for it having tried it; never for its authors.
    """
    vouches = endorsement is not None and (endorsement.state, endorsement.basis) == ("active", "tried")
    if reviewer.member_id in solution.authors:
        raise Forbidden("own-solution", "Nobody reviews a solution that they wrote a revision of.")
    if not reviewer.curates and not vouches:
        raise Forbidden(
            "not-a-reviewer",
            "Stewards, facilitators and those who endorse it having tried it review a practice.",
            fix="Try it and endorse it first.",
        )
    if "reverify" not in TRANSITIONS[solution.state] or solution.recognition is None:
        raise Conflict("not-a-practice", f"This solution is {solution.state}: there is nothing to review.")
    if solution.dangerous or ladder.contested(evidence(solution, 0), rules):
        raise Conflict(
            "contested", "Somebody contests this practice.", fix="Resolve what is said against it first."
        )
    review_at = now + rules.review_every
    recognition = solution.recognition.model_copy(update={"review_at": review_at, "overdue": False})
    problem = problem.then()
    solution = _moved(solution, "reverify", recognition=recognition)
    event = PracticeReverified(
        **named(problem, solution), reviewed_by=reviewer.member_id, note=note, review_at=review_at
    )
    return problem, solution, [event]


def pull_review(solution: Solution, rules: Rules, now: datetime) -> Solution:
    """Evidence against a practice came up: its review is not as far ahead as it may have been."""
    if solution.recognition is None:
        return solution
    review_at = min(solution.recognition.review_at, now + rules.review_after_failure)
    recognition = solution.recognition.model_copy(update={"review_at": review_at})
    return solution.model_copy(update={"recognition": recognition})


def supersede(
    problem: Problem, solution: Solution, steward: Participant, successor: Solution, reason: str
) -> Changed:
    """A steward says that another solution of the community took this one's place, for good."""
    require_steward(steward)
    if successor.solution_id == solution.solution_id:
        raise BadInput(
            "supersedes-itself",
            "A solution does not take its own place.",
            field="/solution_id",
            fix="Name the other one.",
        )
    if solution.state == "superseded":
        raise Conflict("superseded", "This solution is superseded already.")
    if successor.state == "superseded":
        raise Conflict(
            "successor-superseded",
            "The other solution is superseded itself.",
            fix="Name the one that took its place.",
        )
    problem = problem.then()
    solution = _moved(solution, "supersede", candidacy=None, superseded_by=successor.solution_id)
    event = PracticeSuperseded(
        **named(problem, solution),
        superseding_thread_id=successor.thread_id,
        superseding_solution_id=successor.solution_id,
        superseded_by=steward.member_id,
        reason=reason,
    )
    return problem, solution, [event]
