"""What is said about one's problem or solution: answers, comments, mentions, endorsements."""

from __future__ import annotations

from services.notifications.domain.routing.draft import (
    Draft,
    Known,
    Routes,
    Rule,
    Rules,
    about_problem,
    quotation,
)
from shared.contracts.discussions import (
    CommentAdded,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.notifications import NotificationKind

RULES: Rules = {
    "reply": Rule(
        "reply-to-own-work",
        "because you wrote the {about} that this answers",
        "{actor} answered on “{title}”",
    ),
    "comment": Rule(
        "comment-on-own-work",
        "because you wrote the {about} that this is about",
        "{actor} commented on your {about} in “{title}”",
    ),
    "mention": Rule(
        "mentioned",
        "because {actor} mentioned you",
        "{actor} mentioned you in a comment on “{title}”",
    ),
    "endorsement": Rule(
        "own-solution",
        "because you wrote this solution",
        "{actor} endorsed your solution to “{title}”",
    ),
    "acceptance": Rule(
        "own-solution",
        "because you wrote this solution",
        "{actor} accepted your solution to “{title}”",
    ),
    "revision": Rule(
        "own-problem",
        "because you asked this problem",
        "{actor} revised a solution to “{title}” in substance",
    ),
    "resolution": Rule(
        "own-solution",
        "because you proposed a solution",
        "{actor} resolved “{title}”",
    ),
    "reaffirmation": Rule(
        "own-endorsement",
        "because you vouched for what this solution said before",
        "{actor} revised a solution to “{title}” in substance: does your endorsement still hold?",
    ),
    "improvement-merged": Rule(
        "own-proposal",
        "because you proposed this",
        "{actor} made what you proposed part of a solution to “{title}”",
    ),
}


def _solution_proposed(event: SolutionProposed, _: object) -> list[Draft]:
    return about_problem(
        event, "reply", [event.problem_author_id], event.solution_author_id, event.solution_id,
        about="problem",
    )  # fmt: skip


def _solution_revised(event: SolutionRevised, known: Known) -> list[Draft]:
    thread = known.threads.get(event.thread_id)
    if thread is None:
        return []
    told: dict[str, NotificationKind] = {}
    if event.major and thread.author_id is not None:
        told[thread.author_id] = "revision"
    told |= dict.fromkeys(event.asked, "reaffirmation")
    if event.merged_by is not None:
        told[event.editor_id] = "improvement-merged"
    quoted = quotation(event, event.solution_id, event.note) if event.note else ()
    return [
        Draft(
            member_id, kind, event.thread_id, event.community_id, event.merged_by or event.editor_id,
            thread.title, event.solution_id, names=quoted,
        )
        for member_id, kind in told.items()
    ]  # fmt: skip


def _solution_endorsed(event: SolutionEndorsed, _: object) -> list[Draft]:
    return about_problem(
        event, "endorsement", [event.solution_author_id], event.endorser_id, event.solution_id
    )


def _solution_accepted(event: SolutionAccepted, _: object) -> list[Draft]:
    return about_problem(
        event, "acceptance", [event.solution_author_id], event.accepted_by, event.solution_id
    )


def _comment_added(event: CommentAdded, _: object) -> list[Draft]:
    """Who is mentioned is told of that alone."""
    told = about_problem(event, "mention", event.mentions, event.author_id, event.comment_id)
    if event.item_author_id in event.mentions:
        return told
    kind: NotificationKind = "reply" if event.item_kind == "comment" else "comment"
    about = (event.about_kind or event.item_kind).replace("-", " ")
    return told + about_problem(
        event, kind, [event.item_author_id], event.author_id, event.comment_id, about=about
    )


ROUTES: Routes = {
    SolutionProposed: _solution_proposed,
    SolutionRevised: _solution_revised,
    SolutionEndorsed: _solution_endorsed,
    SolutionAccepted: _solution_accepted,
    CommentAdded: _comment_added,
}
