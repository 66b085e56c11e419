"""Routing: which event notifies whom, by which rule, and in which words. One table entry per event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.contracts.base import Event
from shared.contracts.content import GatheringCancelled, GatheringChange, GatheringChanged
from shared.contracts.discussions import (
    CommentAdded,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.matching import (
    ExpertAskAccepted,
    ExpertAskDeclined,
    ExpertAsked,
    RoutingExhausted,
    SimilarProblemsFound,
)
from shared.contracts.members import (
    ConnectionMade,
    ConnectionRequested,
    MemberRemoved,
    MembershipApproved,
    MembershipDeclined,
    RoleChanged,
    StewardNeeded,
    TrialEnded,
)
from shared.contracts.mentorships import (
    MentorshipAccepted,
    MentorshipCancelled,
    MentorshipCheckedIn,
    MentorshipCompleted,
    MentorshipDeclined,
    MentorshipEnded,
    MentorshipEvent,
    MentorshipExpired,
    MentorshipRequested,
)
from shared.contracts.notifications import NotificationKind
from shared.contracts.practices import (
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
from shared.contracts.recommendations import CommunityRecommended, ConnectionSuggested, MentorSuggested
from shared.ids import is_former_member


class Thread(NamedTuple):
    """What is known of a problem beside the events of its thread."""

    author_id: str
    title: str
    anonymous: bool = False
    """Whether its author is not named."""


class Known(NamedTuple):
    """What is known beside the events: the threads, and what communities are called, each by its id."""

    threads: Mapping[str, Thread] = MappingProxyType({})
    communities: Mapping[str, str] = MappingProxyType({})


class Draft(NamedTuple):
    """A notification that somebody should get, unless a rule holds it back."""

    recipient_id: str
    kind: NotificationKind
    thread_id: str | None
    community_id: str | None
    """The community that one must belong to, to see it."""
    actor_id: str | None
    """Who did it, or who is suggested; nobody where they are not to be named, or time did it."""
    title: str
    """The problem's, or the community's name; empty where it is about neither."""
    subject_id: str
    """What it is about: the ask, the solution, the comment, the mentorship, the connection, the community."""
    note: str | None = None
    """Words that came with the event: why this expert, why declined, what changed."""
    about: str | None = None
    """What the recipient wrote that was commented on (problem, solution or comment), or the role given."""
    org_id: str | None = None
    """The organisation that one must be of, to see it: whose affair a community is that one is not in yet."""


class Rule(NamedTuple):
    """Why a kind of notification reaches somebody. The sentences take ``actor``, ``title`` and ``about``."""

    name: str
    reason: str
    text: str


RULES: Mapping[NotificationKind, Rule] = {
    "expert-ask": Rule(
        "asked-as-expert",
        "because your skills or earlier solutions fit this problem",
        "{actor} asks for your advice on “{title}”",
    ),
    "escalated-ask": Rule(
        "looks-after-community",
        "because you look after this community, and none of those asked could help",
        "“{title}”, asked by {actor}, finds nobody to answer it",
    ),
    "ask-accepted": Rule(
        "own-problem",
        "because you asked this problem",
        "{actor} will look at “{title}”",
    ),
    "ask-declined": Rule(
        "own-problem",
        "because you asked this problem",
        "{actor} cannot look at “{title}” now",
    ),
    "nobody-answered": Rule(
        "own-problem",
        "because you asked this problem",
        "Nobody has answered “{title}” yet",
    ),
    "similar-problems": Rule(
        "own-problem",
        "because you asked this problem",
        "There are problems like “{title}”: have you seen these?",
    ),
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
    "connection-request": Rule(
        "asked-to-connect", "because {actor} asked to connect with you", "{actor} would like to connect"
    ),
    "connection-made": Rule(
        "own-connection", "because you asked {actor} to connect", "{actor} is connected with you"
    ),
    "membership-approved": Rule(
        "own-access", "because you asked to join “{title}”", "{actor} let you into “{title}”"
    ),
    "membership-declined": Rule(
        "own-access", "because you asked to join “{title}”", "{actor} did not let you into “{title}”"
    ),
    "member-removed": Rule(
        "own-access", "because you belonged to “{title}”", "{actor} removed you from “{title}”"
    ),
    "role-changed": Rule(
        "own-access", "because you belong to “{title}”", "{actor} made you {about} of “{title}”"
    ),
    "trial-question": Rule(
        "own-membership",
        "because your trial in “{title}” is over",
        "Do you keep your membership of “{title}”, or do you leave?",
    ),
    "steward-wanted": Rule(
        "most-active",
        "because you are among the most active members of “{title}”",
        "Nobody looks after “{title}” any more: would you?",
    ),
    "mentorship-request": Rule(
        "asked-as-mentor", "because you offer to be a mentor", "{actor} asks you to be their mentor"
    ),
    "mentorship-accepted": Rule(
        "own-mentorship-request", "because you asked {actor} to be your mentor", "{actor} is your mentor now"
    ),
    "mentorship-declined": Rule(
        "own-mentorship-request",
        "because you asked {actor} to be your mentor",
        "{actor} cannot be your mentor now",
    ),
    "mentorship-expired": Rule(
        "own-mentorship-request",
        "because you asked {actor} to be your mentor",
        "Your request to {actor} has expired",
    ),
    "mentorship-cancelled": Rule(
        "asked-as-mentor", "because {actor} had asked you to be their mentor", "{actor} took the request back"
    ),
    "check-in-due": Rule(
        "own-mentorship", "because you are in a mentorship with {actor}", "A check-in with {actor} is due"
    ),
    "mentorship-completed": Rule(
        "own-mentorship",
        "because you were in a mentorship with {actor}",
        "Your mentorship with {actor} is completed: say how it was",
    ),
    "mentorship-ended": Rule(
        "own-mentorship",
        "because you were in a mentorship with {actor}",
        "Your mentorship with {actor} has ended",
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
    "gathering-changed": Rule(
        "own-gathering", "because you said that you come, or might", "{actor} changed “{title}”"
    ),
    "gathering-cancelled": Rule(
        "own-gathering", "because you said that you come, or might", "{actor} cancelled “{title}”"
    ),
    "gathering-place": Rule(
        "own-gathering", "because you waited for a place", "There is a place for you at “{title}” now"
    ),
    "gathering-notes": Rule(
        "own-gathering",
        "because you said that you come, or might",
        "{actor} published notes of “{title}”",
    ),
    "community-recommended": Rule(
        "recommended", "because of what you do and care about", "“{title}” may be a community for you"
    ),
    "mentor-suggested": Rule(
        "own-programme", "because you take part in “{title}”", "{actor} could be your mentor: “{title}”"
    ),
    "connection-suggested": Rule(
        "recommended", "because of what you do and care about", "You may want to connect with {actor}"
    ),
}
"""The rule of each kind. Stored items name their kind alone; the words are put together when read."""


def route(event: Event, known: Known = Known()) -> list[Draft]:  # noqa: B008 it cannot be changed
    """Whom ``event`` notifies, and of what. Never the one who acted, nobody twice, and no former member.

    ``known`` has what is known of the events' threads and communities. Whoever asked anonymously is not
    named, whatever they do in their thread.
    """
    drafts = [
        draft
        for draft in _ROUTES[type(event)](event, known)
        if draft.recipient_id != draft.actor_id and not is_former_member(draft.recipient_id)
    ]
    return [draft._replace(actor_id=None) if _unnamed(event, draft, known) else draft for draft in drafts]


def _unnamed(event: Event, draft: Draft, known: Known) -> bool:
    if isinstance(event, ExpertAsked):
        return event.anonymous
    thread = known.threads.get(draft.thread_id) if draft.thread_id else None
    return thread is not None and thread.anonymous and draft.actor_id == thread.author_id


def _expert_asked(event: ExpertAsked, _: object) -> list[Draft]:
    kind: NotificationKind = "escalated-ask" if event.asked_as == "facilitator" else "expert-ask"
    return [
        Draft(
            event.expert_id, kind, event.thread_id, event.community_id, event.asker_id,
            event.problem_title, event.ask_id, "; ".join(event.reasons),
        )
    ]  # fmt: skip


def _ask_accepted(event: ExpertAskAccepted, _: object) -> list[Draft]:
    return [
        Draft(
            event.asker_id, "ask-accepted", event.thread_id, event.community_id, event.expert_id,
            event.problem_title, event.ask_id,
        )
    ]  # fmt: skip


def _ask_declined(event: ExpertAskDeclined, _: object) -> list[Draft]:
    return [
        Draft(
            event.asker_id, "ask-declined", event.thread_id, event.community_id, event.expert_id,
            event.problem_title, event.ask_id, event.reason or None,
        )
    ]  # fmt: skip


def _routing_exhausted(event: RoutingExhausted, _: object) -> list[Draft]:
    """The facilitators are told by the ask that each of them gets."""
    asked = "nobody found to ask"
    if event.experts:
        asked = f"{event.experts} asked in {event.waves} wave{'' if event.waves == 1 else 's'}"
    passed_on = "passed on to those who look after the community; " if event.facilitator_ids else ""
    advice = "more detail or other tags may help, or asking somebody you know"
    return [
        Draft(
            event.asker_id, "nobody-answered", event.thread_id, event.community_id, None,
            event.problem_title, event.thread_id, f"{asked}; {passed_on}{advice}",
        )
    ]  # fmt: skip


def _similar_problems_found(event: SimilarProblemsFound, _: object) -> list[Draft]:
    """Titles of other communities are not written into what one keeps after leaving these."""
    here = [
        f"{each.title} ({', '.join(each.reasons)})"
        for each in event.similar
        if each.community_id == event.community_id
    ]
    if elsewhere := len(event.similar) - len(here):
        here.append(f"{elsewhere} in other communities of yours")
    return [
        Draft(
            event.asker_id, "similar-problems", event.thread_id, event.community_id, None,
            event.problem_title, event.thread_id, "; ".join(here),
        )
    ]  # fmt: skip


def _solution_proposed(event: SolutionProposed, _: object) -> list[Draft]:
    return [
        Draft(
            event.problem_author_id, "reply", event.thread_id, event.community_id, event.solution_author_id,
            event.problem_title, event.solution_id, about="problem",
        )
    ]  # fmt: skip


def _solution_revised(event: SolutionRevised, known: Known) -> list[Draft]:
    thread = known.threads.get(event.thread_id)
    if thread is None:
        return []
    told: dict[str, NotificationKind] = {thread.author_id: "revision"} if event.major else {}
    told |= dict.fromkeys(event.asked, "reaffirmation")
    if event.merged_by is not None:
        told[event.editor_id] = "improvement-merged"
    return [
        Draft(
            member_id, kind, event.thread_id, event.community_id, event.merged_by or event.editor_id,
            thread.title, event.solution_id, event.note or None,
        )
        for member_id, kind in told.items()
    ]  # fmt: skip


def _solution_endorsed(event: SolutionEndorsed, _: object) -> list[Draft]:
    return [
        Draft(
            event.solution_author_id, "endorsement", event.thread_id, event.community_id, event.endorser_id,
            event.problem_title, event.solution_id,
        )
    ]  # fmt: skip


def _solution_accepted(event: SolutionAccepted, _: object) -> list[Draft]:
    return [
        Draft(
            event.solution_author_id, "acceptance", event.thread_id, event.community_id, event.accepted_by,
            event.problem_title, event.solution_id,
        )
    ]  # fmt: skip


def _comment_added(event: CommentAdded, _: object) -> list[Draft]:
    mentioned = dict.fromkeys(event.mentions)
    drafts = [
        Draft(
            member_id, "mention", event.thread_id, event.community_id, event.author_id,
            event.problem_title, event.comment_id,
        )
        for member_id in mentioned
    ]  # fmt: skip
    if event.item_author_id not in mentioned:
        drafts.append(
            Draft(
                event.item_author_id, "reply" if event.item_kind == "comment" else "comment",
                event.thread_id, event.community_id, event.author_id,
                event.problem_title, event.comment_id,
                about=(event.about_kind or event.item_kind).replace("-", " "),
            )
        )  # fmt: skip
    return drafts


def _connection_requested(event: ConnectionRequested, _: object) -> list[Draft]:
    return [
        Draft(
            event.addressee_id, "connection-request", None, None, event.requester_id, "", event.connection_id,
            event.note or None,
        )
    ]  # fmt: skip


def _connection_made(event: ConnectionMade, _: object) -> list[Draft]:
    return [
        Draft(
            event.requester_id, "connection-made", None, None, event.addressee_id, "", event.connection_id
        )
    ]  # fmt: skip


def _access(
    event: MembershipApproved | MembershipDeclined | MemberRemoved | RoleChanged,
    known: Known,
    kind: NotificationKind,
    actor_id: str,
    *,
    note: str = "",
    about: str | None = None,
) -> list[Draft]:
    """A change of access is told whether or not the recipient belongs to the community by now."""
    title = known.communities.get(event.community_id, "a community")
    return [
        Draft(event.member_id, kind, None, None, actor_id, title, event.community_id, note or None, about)
    ]


def _membership_approved(event: MembershipApproved, known: Known) -> list[Draft]:
    return _access(event, known, "membership-approved", event.approved_by)


def _membership_declined(event: MembershipDeclined, known: Known) -> list[Draft]:
    return _access(event, known, "membership-declined", event.declined_by, note=event.reason)


def _member_removed(event: MemberRemoved, known: Known) -> list[Draft]:
    return _access(event, known, "member-removed", event.removed_by, note=event.reason)


def _role_changed(event: RoleChanged, known: Known) -> list[Draft]:
    return _access(event, known, "role-changed", event.changed_by, about=f"a {event.role}")


def _trial_ended(event: TrialEnded, known: Known) -> list[Draft]:
    if event.answer_by is None:
        return []
    title = known.communities.get(event.community_id, "a community")
    return [
        Draft(event.member_id, "trial-question", None, event.community_id, None, title, event.community_id)
    ]


def _steward_needed(event: StewardNeeded, _: object) -> list[Draft]:
    return [
        Draft(member_id, "steward-wanted", None, event.community_id, None, event.name, event.community_id)
        for member_id in event.asked
    ]


def _to_mentor(event: MentorshipEvent, kind: NotificationKind, note: str = "") -> Draft:
    return Draft(event.mentor_id, kind, None, None, event.mentee_id, "", event.mentorship_id, note or None)


def _to_mentee(event: MentorshipEvent, kind: NotificationKind, note: str = "") -> Draft:
    return Draft(event.mentee_id, kind, None, None, event.mentor_id, "", event.mentorship_id, note or None)


def _mentorship_requested(event: MentorshipRequested, _: object) -> list[Draft]:
    return [_to_mentor(event, "mentorship-request", event.message)]


def _mentorship_accepted(event: MentorshipAccepted, _: object) -> list[Draft]:
    return [_to_mentee(event, "mentorship-accepted")]


def _mentorship_declined(event: MentorshipDeclined, _: object) -> list[Draft]:
    return [_to_mentee(event, "mentorship-declined", event.reason)]


_EXPIRED = {
    "unanswered": "It was not answered in time.",
    "capacity-reached": "All places are taken.",
    "mentor-withdrawn": "The offer was withdrawn.",
}


def _mentorship_expired(event: MentorshipExpired, _: object) -> list[Draft]:
    return [_to_mentee(event, "mentorship-expired", _EXPIRED[event.why])]


def _mentorship_cancelled(event: MentorshipCancelled, _: object) -> list[Draft]:
    return [_to_mentor(event, "mentorship-cancelled")]


def _mentorship_checked_in(event: MentorshipCheckedIn, _: object) -> list[Draft]:
    if event.status != "due":
        return []
    return [_to_mentor(event, "check-in-due"), _to_mentee(event, "check-in-due")]


def _mentorship_completed(event: MentorshipCompleted, _: object) -> list[Draft]:
    both = [_to_mentor(event, "mentorship-completed"), _to_mentee(event, "mentorship-completed")]
    return [draft for draft in both if draft.recipient_id != event.completed_by]


_ENDED = {
    "never-started": "No check-in took place.",
    "faded-out": "Its time is over, and few check-ins took place.",
    "member-erased": "The other side left the platform.",
}


def _mentorship_ended(event: MentorshipEnded, _: object) -> list[Draft]:
    note = event.reason or _ENDED.get(event.why, "")
    both = [_to_mentor(event, "mentorship-ended", note), _to_mentee(event, "mentorship-ended", note)]
    return [draft for draft in both if draft.recipient_id != event.ended_by]


def _practice(
    event: PracticeEvent,
    kind: NotificationKind,
    recipients: Iterable[str],
    actor_id: str | None = None,
    note: str | None = None,
) -> list[Draft]:
    """Each of ``recipients`` once; nobody acted where time did."""
    return [
        Draft(
            member_id, kind, event.thread_id, event.community_id, actor_id, event.problem_title,
            event.solution_id, note or None,
        )
        for member_id in dict.fromkeys(recipients)
    ]  # fmt: skip


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


def _adaptation_started(event: AdaptationStarted, _: object) -> list[Draft]:
    return _practice(event, "adaptation", [*event.author_ids, event.source_id], event.adopter_id)


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
    return _practice(event, "adaptation-outcome", event.author_ids, event.adopter_id, event.note)


_CHANGES: Mapping[GatheringChange, NotificationKind] = {
    "moved-up": "gathering-place",
    "notes-published": "gathering-notes",
}
"""What is told of changes that are no changes of time or place."""


def _gathering_changed(event: GatheringChanged, _: object) -> list[Draft]:
    kind = _CHANGES.get(event.change, "gathering-changed")
    return _gathering(event, kind, event.changed_by)


def _gathering_cancelled(event: GatheringCancelled, _: object) -> list[Draft]:
    return _gathering(event, "gathering-cancelled", event.cancelled_by, event.reason)


def _gathering(
    event: GatheringChanged | GatheringCancelled,
    kind: NotificationKind,
    actor_id: str | None,
    note: str = "",
) -> list[Draft]:
    return [
        Draft(
            member_id, kind, event.thread_id, event.community_id, actor_id, event.title,
            event.thread_id, note or None,
        )
        for member_id in event.tell
    ]  # fmt: skip


def _community_recommended(event: CommunityRecommended, _: object) -> list[Draft]:
    why = [*event.reasons, f"about {event.items_a_week} items a week"]
    if event.leave_community_id is not None:
        why.append(f"in exchange for {event.leave_community_name}: {event.leave_reason}")
    return [
        Draft(
            event.member_id, "community-recommended", None, None, None, event.community_name,
            event.recommendation_id, "; ".join(why), org_id=event.org_id,
        )
    ]  # fmt: skip


def _mentor_suggested(event: MentorSuggested, _: object) -> list[Draft]:
    return [
        Draft(
            event.member_id, "mentor-suggested", None, event.community_id, event.mentor_id,
            event.programme_name, event.recommendation_id, "; ".join(event.reasons),
        )
    ]  # fmt: skip


def _connection_suggested(event: ConnectionSuggested, _: object) -> list[Draft]:
    return [
        Draft(
            event.member_id, "connection-suggested", None, event.community_id, event.other_id, "",
            event.recommendation_id, "; ".join(event.reasons),
        )
    ]  # fmt: skip


_ROUTES: dict[type[Event], Callable[[Any, Known], list[Draft]]] = {
    ExpertAsked: _expert_asked,
    ExpertAskAccepted: _ask_accepted,
    ExpertAskDeclined: _ask_declined,
    RoutingExhausted: _routing_exhausted,
    SimilarProblemsFound: _similar_problems_found,
    SolutionProposed: _solution_proposed,
    SolutionRevised: _solution_revised,
    SolutionEndorsed: _solution_endorsed,
    SolutionAccepted: _solution_accepted,
    CommentAdded: _comment_added,
    ConnectionRequested: _connection_requested,
    ConnectionMade: _connection_made,
    MembershipApproved: _membership_approved,
    MembershipDeclined: _membership_declined,
    MemberRemoved: _member_removed,
    RoleChanged: _role_changed,
    TrialEnded: _trial_ended,
    StewardNeeded: _steward_needed,
    MentorshipRequested: _mentorship_requested,
    MentorshipAccepted: _mentorship_accepted,
    MentorshipDeclined: _mentorship_declined,
    MentorshipExpired: _mentorship_expired,
    MentorshipCancelled: _mentorship_cancelled,
    MentorshipCheckedIn: _mentorship_checked_in,
    MentorshipCompleted: _mentorship_completed,
    MentorshipEnded: _mentorship_ended,
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
    GatheringChanged: _gathering_changed,
    GatheringCancelled: _gathering_cancelled,
    CommunityRecommended: _community_recommended,
    MentorSuggested: _mentor_suggested,
    ConnectionSuggested: _connection_suggested,
}

NOTIFYING = tuple(_ROUTES)
"""The events that notify somebody."""
