"""What becomes of a solution as a practice, and of those who adapt it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.notifications.domain.routing.draft import Draft, Routes, Rule, Rules, about_problem, quotation
from shared.contracts.notifications import NotificationKind
from shared.contracts.practices import (
    AdaptationEvent,
    AdaptationOutcomeReported,
    AdaptationStarted,
    AdaptationUpdated,
    BestPracticeProposed,
    BestPracticeRecognised,
    ContestResolved,
    ParentChange,
    PracticeEvent,
    PracticeLapsed,
    PracticeLifted,
    PracticeReviewDue,
    PracticeSuperseded,
    SolutionContested,
    SolutionRecommended,
)

RULES: Rules = {
    "contest": Rule(
        "own-solution",
        "because you wrote this solution",
        "Your solution to “{title}” is contested",
    ),
    "contest-resolved": Rule(
        "own-contest",
        "because you contested this solution",
        "{actor} answered what you said against a solution to “{title}”",
    ),
    "candidacy": Rule(
        "candidate-practice",
        "because you wrote this solution, or decide on it as a steward",
        "A solution to “{title}” is before the stewards as a best practice",
    ),
    "recommendation": Rule(
        "own-solution", "because you wrote this solution", "Your solution to “{title}” is recommended now"
    ),
    "recognition": Rule(
        "own-solution",
        "because you wrote this solution",
        "Your solution to “{title}” is a best practice now",
    ),
    "review-due": Rule(
        "practice-review",
        "because you wrote this practice, or look after it as a steward",
        "The best practice for “{title}” has to be reviewed",
    ),
    "practice-lifted": Rule(
        "own-solution",
        "because you wrote this solution, or asked that it be shown outside",
        "The best practice for “{title}” is shown to another community now",
    ),
    "practice-ended": Rule(
        "own-solution",
        "because you wrote this solution",
        "Your solution to “{title}” is no best practice any more",
    ),
    "adaptation": Rule(
        "own-solution",
        "because you wrote this solution",
        "{actor} adapts your solution to “{title}”",
    ),
    "adaptation-outcome": Rule(
        "own-solution",
        "because you wrote this solution",
        "{actor} told what came of adapting your solution to “{title}”",
    ),
    "adaptation-asked": Rule(
        "own-adaptation",
        "because you adapted this solution",
        "You adapted a solution to “{title}”: did it work?",
    ),
    "adapted-changed": Rule(
        "own-adaptation",
        "because you adapted this solution",
        "What you adapted for “{title}” has changed",
    ),
}


def _practice(
    event: PracticeEvent,
    kind: NotificationKind,
    recipients: Iterable[str],
    actor_id: str | None = None,
    note: str | None = None,
) -> list[Draft]:
    """What each of ``recipients`` gets about a solution; nobody acted where time did."""
    return about_problem(event, kind, recipients, actor_id, event.solution_id, note)


def _solution_contested(event: SolutionContested, _: object) -> list[Draft]:
    return _practice(event, "contest", event.author_ids, event.contester_id, event.reason)


def _contest_resolved(event: ContestResolved, _: object) -> list[Draft]:
    return _practice(event, "contest-resolved", [event.contester_id], event.resolved_by, event.word)


def _best_practice_proposed(event: BestPracticeProposed, _: object) -> list[Draft]:
    """Stewards when there is something to decide, authors also of what keeps it from being decided."""
    if event.change == "proposed":
        return _practice(event, "candidacy", [*event.steward_ids, *event.author_ids])
    if event.change in ("objected", "paused"):
        return _practice(event, "candidacy", event.author_ids, event.changed_by, event.reason)
    return []


def _solution_recommended(event: SolutionRecommended, _: object) -> list[Draft]:
    return _practice(event, "recommendation", event.author_ids)


def _best_practice_recognised(event: BestPracticeRecognised, _: object) -> list[Draft]:
    return _practice(event, "recognition", event.author_ids)


def _practice_review_due(event: PracticeReviewDue, _: object) -> list[Draft]:
    return _practice(event, "review-due", [*event.steward_ids, *event.author_ids])


def _practice_lapsed(event: PracticeLapsed, _: object) -> list[Draft]:
    return _practice(event, "practice-ended", event.author_ids)


def _practice_superseded(event: PracticeSuperseded, _: object) -> list[Draft]:
    return _practice(event, "practice-ended", event.author_ids, event.superseded_by, event.reason)


def _practice_lifted(event: PracticeLifted, _: object) -> list[Draft]:
    return _practice(event, "practice-lifted", [*event.author_ids, event.lifted_by], event.approved_by)


def _adaptation(
    event: AdaptationEvent, kind: NotificationKind, recipients: Iterable[str], words: str = ""
) -> list[Draft]:
    """What the adopter did, which is there as long as their adaptation may be seen."""
    quoted = quotation(event, event.adaptation_id, words)
    return about_problem(event, kind, recipients, event.adopter_id, event.solution_id, names=quoted)


def _adaptation_started(event: AdaptationStarted, _: object) -> list[Draft]:
    return _adaptation(event, "adaptation", [*event.author_ids, event.source_id])


_CHANGED: Mapping[ParentChange, str] = {
    "revised": "It was revised.",
    "revised-in-substance": "It was revised in substance.",
    "contested": "It is contested.",
    "lapsed": "Nobody reviewed it: it is no best practice any more.",
    "superseded": "Another solution took its place.",
}


def _adaptation_updated(event: AdaptationUpdated, _: object) -> list[Draft]:
    if event.asked:
        return _practice(event, "adaptation-asked", [event.adopter_id])
    if event.parent_change is not None:
        return _practice(event, "adapted-changed", [event.adopter_id], note=_CHANGED[event.parent_change])
    return []


def _adaptation_outcome(event: AdaptationOutcomeReported, _: object) -> list[Draft]:
    return _adaptation(event, "adaptation-outcome", event.author_ids, event.note)


ROUTES: Routes = {
    SolutionContested: _solution_contested,
    ContestResolved: _contest_resolved,
    BestPracticeProposed: _best_practice_proposed,
    SolutionRecommended: _solution_recommended,
    BestPracticeRecognised: _best_practice_recognised,
    PracticeReviewDue: _practice_review_due,
    PracticeLapsed: _practice_lapsed,
    PracticeSuperseded: _practice_superseded,
    PracticeLifted: _practice_lifted,
    AdaptationStarted: _adaptation_started,
    AdaptationUpdated: _adaptation_updated,
    AdaptationOutcomeReported: _adaptation_outcome,
}
