"""Who is told what, and what is held back: rules alone, no database."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain import inbox
from services.notifications.domain.routing.draft import Draft, Known, Named, Thread
from services.notifications.domain.routing.table import NOTIFYING, RULES, route
from shared.contracts import Event
from shared.contracts.content import GatheringCancelled, GatheringChanged
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
    MentorshipExpired,
    MentorshipRequested,
)
from shared.contracts.notifications import (
    NotificationDelivered,
    NotificationDeliveredV2,
    NotificationKind,
    NotificationSuppressedV2,
    ThreadKind,
)
from shared.contracts.practices import (
    AdaptationOutcomeReported,
    AdaptationStarted,
    AdaptationUpdated,
    BestPracticeProposed,
    BestPracticeRecognised,
    ContestResolved,
    PracticeLapsed,
    PracticeLifted,
    PracticeReviewDue,
    PracticeSuperseded,
    SolutionContested,
    SolutionRecommended,
)
from shared.contracts.recommendations import CommunityRecommended, ConnectionSuggested, MentorSuggested

SIDES = {"mentor_id": "mira", "mentee_id": "ben"}
PASSED_ON = "passed on to those who look after the community; "
KNOWN = Known({"t": Thread("asker", "Permits wait")}, {"c": "Permit offices"})


def made(event: type[Event], **fields: Any) -> Any:
    """An event as in the examples, but for ``fields``."""
    values = event.example().model_dump() | {"thread_id": "t", "community_id": "c"} | fields
    return event.model_validate({name: value for name, value in values.items() if name in event.model_fields})


def told(event: Event) -> dict[str, str]:
    """Who is told, and of what kind."""
    return {draft.recipient_id: draft.kind for draft in route(event, KNOWN)}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (made(ExpertAsked, expert_id="expert", asker_id="asker"), {"expert": "expert-ask"}),
        (
            made(ExpertAsked, expert_id="fay", asker_id="asker", asked_as="facilitator"),
            {"fay": "escalated-ask"},
        ),
        (made(TrialEnded, member_id="new"), {"new": "trial-question"}),
        (made(TrialEnded, member_id="new", answer_by=None), {}),
        (made(StewardNeeded, asked=["a", "b"]), {"a": "steward-wanted", "b": "steward-wanted"}),
        (made(SolutionRecommended, author_ids=["solver"]), {"solver": "recommendation"}),
        (made(ExpertAskAccepted, expert_id="expert", asker_id="asker"), {"asker": "ask-accepted"}),
        (made(ExpertAskDeclined, expert_id="expert", asker_id="asker"), {"asker": "ask-declined"}),
        (made(RoutingExhausted, asker_id="asker"), {"asker": "nobody-answered"}),
        (made(SimilarProblemsFound, asker_id="asker"), {"asker": "similar-problems"}),
        (made(SolutionProposed, problem_author_id="asker", solution_author_id="solver"), {"asker": "reply"}),
        (made(SolutionProposed, problem_author_id="asker", solution_author_id="asker"), {}),
        (made(SolutionRevised, editor_id="solver", major=True, asked=[]), {"asker": "revision"}),
        (made(SolutionRevised, editor_id="solver", major=False, asked=[]), {}),
        (made(SolutionRevised, editor_id="asker", major=True, asked=[]), {}),
        (made(SolutionRevised, editor_id="solver", major=True, thread_id="unheard-of"), {}),
        (made(SolutionEndorsed, solution_author_id="solver", endorser_id="peer"), {"solver": "endorsement"}),
        (made(SolutionAccepted, solution_author_id="solver", accepted_by="asker"), {"solver": "acceptance"}),
        (made(SolutionAccepted, solution_author_id="asker", accepted_by="asker"), {}),
        (
            made(CommentAdded, author_id="peer", item_author_id="asker", item_kind="problem", mentions=[]),
            {"asker": "comment"},
        ),
        (
            made(CommentAdded, author_id="peer", item_author_id="asker", item_kind="comment", mentions=[]),
            {"asker": "reply"},
        ),
        (
            made(CommentAdded, author_id="peer", item_author_id="asker", mentions=["asker", "solver"]),
            {"asker": "mention", "solver": "mention"},
        ),
        (made(CommentAdded, author_id="peer", item_author_id="peer", mentions=["peer"]), {}),
        (made(ConnectionRequested, requester_id="a", addressee_id="b"), {"b": "connection-request"}),
        (made(ConnectionMade, requester_id="a", addressee_id="b"), {"a": "connection-made"}),
        (made(MembershipApproved, member_id="a", approved_by="s"), {"a": "membership-approved"}),
        (made(MembershipDeclined, member_id="a", declined_by="s"), {"a": "membership-declined"}),
        (made(MemberRemoved, member_id="a", removed_by="s"), {"a": "member-removed"}),
        (made(RoleChanged, member_id="a", changed_by="s"), {"a": "role-changed"}),
        (made(RoleChanged, member_id="s", changed_by="s"), {}),
        (made(MentorshipRequested, **SIDES), {"mira": "mentorship-request"}),
        (made(MentorshipAccepted, **SIDES), {"ben": "mentorship-accepted"}),
        (made(MentorshipDeclined, **SIDES), {"ben": "mentorship-declined"}),
        (made(MentorshipExpired, **SIDES), {"ben": "mentorship-expired"}),
        (made(MentorshipCancelled, **SIDES), {"mira": "mentorship-cancelled"}),
        (
            made(MentorshipCheckedIn, **SIDES, status="due", recorded_by=None),
            {"mira": "check-in-due", "ben": "check-in-due"},
        ),
        (made(MentorshipCheckedIn, **SIDES, status="recorded", recorded_by="ben"), {}),
        (made(MentorshipCompleted, **SIDES, completed_by="ben"), {"mira": "mentorship-completed"}),
        (
            made(MentorshipCompleted, **SIDES, completed_by=None),
            {"mira": "mentorship-completed", "ben": "mentorship-completed"},
        ),
        (made(MentorshipEnded, **SIDES, ended_by="mira"), {"ben": "mentorship-ended"}),
        (
            made(MentorshipEnded, **SIDES, ended_by=None, why="faded-out", reason=""),
            {"mira": "mentorship-ended", "ben": "mentorship-ended"},
        ),
        (
            made(SolutionRevised, editor_id="solver", major=True, asked=["peer", "solver", "asker"]),
            {"asker": "reaffirmation", "peer": "reaffirmation"},
        ),
        (
            made(SolutionRevised, editor_id="peer", merged_by="solver", major=False, asked=[]),
            {"peer": "improvement-merged"},
        ),
        (
            made(SolutionContested, author_ids=["solver", "second"], contester_id="peer"),
            {"solver": "contest", "second": "contest"},
        ),
        (made(ContestResolved, contester_id="peer", resolved_by="solver"), {"peer": "contest-resolved"}),
        (made(ContestResolved, contester_id="peer", resolved_by="peer"), {}),
        (
            made(BestPracticeProposed, author_ids=["solver"], steward_ids=["sue", "solver"]),
            {"sue": "candidacy", "solver": "candidacy"},
        ),
        (made(BestPracticeProposed, change="approved", author_ids=["solver"], changed_by="sue"), {}),
        (
            made(BestPracticeProposed, change="objected", author_ids=["solver"], changed_by="sue"),
            {"solver": "candidacy"},
        ),
        (made(BestPracticeRecognised, author_ids=["solver"]), {"solver": "recognition"}),
        (
            made(PracticeReviewDue, author_ids=["solver"], steward_ids=["sue"]),
            {"sue": "review-due", "solver": "review-due"},
        ),
        (
            made(AdaptationStarted, author_ids=["solver"], source_id="peer", adopter_id="eve"),
            {"solver": "adaptation", "peer": "adaptation"},
        ),
        (made(AdaptationUpdated, adopter_id="eve", change="asked", asked=True), {"eve": "adaptation-asked"}),
        (
            made(AdaptationUpdated, adopter_id="eve", asked=False, parent_change="lapsed"),
            {"eve": "adapted-changed"},
        ),
        (made(AdaptationUpdated, adopter_id="eve", asked=False, parent_change=None), {}),
        (
            made(AdaptationOutcomeReported, author_ids=["solver", "eve"], adopter_id="eve"),
            {"solver": "adaptation-outcome"},
        ),
        (
            made(PracticeLifted, author_ids=["solver", "sue"], lifted_by="eve", approved_by="sue"),
            {"solver": "practice-lifted", "eve": "practice-lifted"},
        ),
        (made(PracticeLapsed, author_ids=["solver"]), {"solver": "practice-ended"}),
        (
            made(GatheringChanged, change="whole", changed_by="host", tell=["bob", "host", "cid"]),
            {"bob": "gathering-changed", "cid": "gathering-changed"},
        ),
        (made(GatheringChanged, change="occurrence-cancelled", tell=["bob"]), {"bob": "gathering-changed"}),
        (
            made(GatheringChanged, change="moved-up", changed_by=None, tell=["bob"]),
            {"bob": "gathering-place"},
        ),
        (made(GatheringChanged, change="notes-published", tell=["bob"]), {"bob": "gathering-notes"}),
        (made(GatheringCancelled, tell=["bob"]), {"bob": "gathering-cancelled"}),
        (made(GatheringCancelled, tell=[]), {}),
        (made(CommunityRecommended, member_id="bob"), {"bob": "community-recommended"}),
        (made(MentorSuggested, member_id="bob"), {"bob": "mentor-suggested"}),
        (made(ConnectionSuggested, member_id="bob"), {"bob": "connection-suggested"}),
        (
            made(PracticeSuperseded, author_ids=["solver", "sue"], superseded_by="sue"),
            {"solver": "practice-ended"},
        ),
    ],
)
def test_who_is_told(event: Event, expected: dict[str, str]) -> None:
    assert told(event) == expected


@given(
    author=st.sampled_from("abc"), owner=st.sampled_from("abc"), mentions=st.lists(st.sampled_from("abcd"))
)
def test_a_comment_tells_each_once_and_never_its_author(author: str, owner: str, mentions: list[str]) -> None:
    drafts = route(made(CommentAdded, author_id=author, item_author_id=owner, mentions=mentions))
    recipients = [draft.recipient_id for draft in drafts]
    assert sorted(recipients) == sorted({*mentions, owner} - {author})
    assert all((draft.kind == "mention") == (draft.recipient_id in mentions) for draft in drafts)


def test_titles_of_other_communities_are_not_kept_with_a_notification() -> None:
    [one] = SimilarProblemsFound.example().similar
    both = [one.model_copy(update={"community_id": "c"}), one.model_copy(update={"title": "Secret"})]
    [draft] = route(made(SimilarProblemsFound, asker_id="asker", similar=both))
    assert draft.note == "1 in other communities of yours"
    assert draft.names == (Named("c", f" ({', '.join(one.reasons)})", one.thread_id, one.title),)
    assert inbox.note(draft.note, draft.names, draft.titles) == (
        f"{one.title} ({', '.join(one.reasons)}); 1 in other communities of yours"
    )
    assert (draft.actor_id, draft.community_id) == (None, "c")


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({}, f"9 asked in 3 waves; {PASSED_ON}"),
        ({"experts": 1, "waves": 1, "facilitator_ids": []}, "1 asked in 1 wave; "),
        ({"experts": 0, "waves": 0}, f"nobody found to ask; {PASSED_ON}"),
    ],
)
def test_whom_nobody_answered_is_told_what_was_done_and_what_helps(fields: Any, note: str) -> None:
    (draft,) = route(made(RoutingExhausted, asker_id="asker", **fields))
    assert draft.note == note + "more detail or other tags may help, or asking somebody you know"
    assert draft.actor_id is None


def test_who_is_suggested_is_named_and_nobody_where_time_or_no_one_did_it() -> None:
    [connection] = route(made(ConnectionSuggested, member_id="bob", other_id="sue"))
    [mentor] = route(made(MentorSuggested, member_id="bob", mentor_id="sue"))
    assert (connection.actor_id, mentor.actor_id) == ("sue", "sue")
    words = {"actor": "Sue", "title": mentor.title, "about": None}
    assert RULES[connection.kind].text.format_map(words) == "You may want to connect with Sue"
    assert RULES[mentor.kind].text.format_map(words) == f"Sue could be your mentor: “{mentor.title}”"
    for event in (made(CommunityRecommended, member_id="bob"), made(PracticeLapsed, author_ids=["bob"])):
        assert [draft.actor_id for draft in route(event)] == [None]


def test_an_ask_carries_its_reasons_and_a_decline_its_reason() -> None:
    (asked,) = route(made(ExpertAsked, expert_id="e", asker_id="a", reasons=["solved two", "knows permits"]))
    (declined,) = route(made(ExpertAskDeclined, expert_id="e", asker_id="a", reason="On leave."))
    assert (asked.note, declined.note) == ("solved two; knows permits", "On leave.")


def test_access_names_the_community_and_is_told_whoever_belongs_to_it_by_now() -> None:
    (removed,) = route(made(MemberRemoved, member_id="a", removed_by="s", reason="Ads."), KNOWN)
    assert (removed.title, removed.note, removed.community_id) == ("Permit offices", "Ads.", None)
    assert removed.subject_id == "c"
    (role,) = route(made(RoleChanged, member_id="a", changed_by="s", role="steward"))
    assert (role.title, role.about) == ("a community", "a steward")


def test_a_recommendation_says_why_how_much_it_is_and_what_to_leave() -> None:
    event = made(
        CommunityRecommended, reasons=["it is about permits"], items_a_week=6, leave_community_id="old",
        leave_community_name="Old", leave_reason="you have written nothing there for a while",
    )  # fmt: skip
    (draft,) = route(event)
    assert inbox.note(draft.note, draft.names, {}) == (
        "in exchange for Old, as you have written nothing there for a while; "
        "it is about permits; about 6 items a week"
    )
    assert [each.community_id for each in draft.names] == ["old"], "named to its members alone"
    (draft,) = route(event.model_copy(update={"named_community_id": "own"}))
    assert [each.community_id for each in draft.names] == ["own", "old"]
    assert (draft.names[0].words, draft.note) == ("it is about permits", "about 6 items a week")
    assert draft.community_id is None, "one need not belong to it to be told of it"


@pytest.mark.parametrize("why", get_args(MentorshipExpired.model_fields["why"].annotation))
def test_an_expired_request_says_why(why: str) -> None:
    (draft,) = route(made(MentorshipExpired, **SIDES, why=why))
    assert draft.note


@pytest.mark.parametrize("why", get_args(MentorshipEnded.model_fields["why"].annotation))
def test_an_ended_mentorship_says_why(why: str) -> None:
    by = "ben" if why == "by-a-side" else None
    event = made(MentorshipEnded, **SIDES, ended_by=by, why=why, reason="I change jobs." if by else "")
    assert all(draft.note for draft in route(event))


def test_what_is_about_no_thread_is_muted_by_its_subject() -> None:
    (draft,) = route(made(MentorshipAccepted, **SIDES, mentorship_id="m1"))
    assert inbox.held_back(draft, None, set()) is None
    assert inbox.held_back(draft, None, {"m1"}) == "muted-subject"


@pytest.mark.parametrize("kind", sorted(RULES))
def test_kinds_that_the_first_version_has_stay_in_it(kind: NotificationKind) -> None:
    draft = DRAFT._replace(kind=kind)
    first = kind in get_args(ThreadKind)
    event = inbox.delivered(draft, "n", 1, "r")
    assert isinstance(event, NotificationDelivered if first else NotificationDeliveredV2)
    assert isinstance(inbox.suppressed(draft, "n", 1, "r"), NotificationSuppressedV2) != first


def test_every_kind_has_a_rule_in_words() -> None:
    assert set(RULES) == set(get_args(NotificationKind))
    for rule in RULES.values():
        words = rule.reason.format_map({"actor": "Amal", "about": "problem", "title": "Permits"})
        assert words.startswith("because ")
        assert "{" not in words


def test_every_notifying_event_has_an_example_that_routes() -> None:
    for event in NOTIFYING:
        route(event.example())


DRAFT = Draft("asker", "reply", "t", "c", "solver", "Permits wait", "s")
MENTION = DRAFT._replace(kind="mention")


@pytest.mark.parametrize(
    ("draft", "member", "muted", "rule"),
    [
        (DRAFT, True, set(), None),
        (DRAFT, False, set(), "no-longer-a-member"),
        (DRAFT, None, set(), None),
        (MENTION, True, set(), None),
        (MENTION, None, set(), "not-a-member"),
        (MENTION, False, set(), "no-longer-a-member"),
        (DRAFT, True, {"t"}, "muted-thread"),
        (DRAFT, True, {"another"}, None),
        (DRAFT, False, {"t"}, "no-longer-a-member"),
    ],
)
def test_what_is_held_back(draft: Draft, member: bool | None, muted: set[str], rule: str | None) -> None:
    assert inbox.held_back(draft, member, muted) == rule


NAMED = Named("c", " (asks much the same)", "p", "Signatures on paper")
QUOTED = Named("c", "New form.", "s", version=4)


@pytest.mark.parametrize(
    ("words", "names", "titles", "expected"),
    [
        (None, [], {}, None),
        ("Hm.", [], {}, "Hm."),
        (None, [NAMED], {"p": "[redacted]"}, "[redacted] (asks much the same)"),
        ("1 elsewhere", [NAMED, QUOTED], {"p": "Permits", "s": "no title of it"},
         "Permits (asks much the same); New form.; 1 elsewhere"),
        (None, [NAMED], {}, "Signatures on paper (asks much the same)"),
        (None, [QUOTED._replace(words="")], {}, None),
    ],
)  # fmt: skip
def test_a_note_has_the_titles_of_now(
    words: str | None, names: list[Named], titles: dict[str, str], expected: str | None
) -> None:
    assert inbox.note(words, names, titles) == expected


@pytest.mark.parametrize(
    ("redacted", "expected"),
    [({}, "New form."), ({"s": 3}, "New form."), ({"s": 5}, "[redacted]"), ({"other": 5}, "New form.")],
)
def test_what_comes_late_quotes_nothing_that_was_redacted_since(
    redacted: dict[str, int], expected: str
) -> None:
    named, quoted = inbox.without_redacted(DRAFT._replace(names=(NAMED, QUOTED)), redacted).names
    assert (named, quoted.words) == (NAMED, expected)


@pytest.mark.parametrize(
    ("names", "note", "hidden", "rule"),
    [
        ((NAMED,), None, {"p"}, "hidden-content"),
        ((NAMED,), "1 in other communities of yours", {"p"}, None),
        ((NAMED, NAMED._replace(item_id="q")), None, {"p"}, None),
        ((NAMED, NAMED._replace(item_id="q")), None, {"p", "q"}, "hidden-content"),
        ((NAMED,), None, set(), None),
    ],
)
def test_what_tells_only_of_what_is_hidden_is_held_back(
    names: tuple[Named, ...], note: str | None, hidden: set[str], rule: str | None
) -> None:
    assert inbox.held_back(DRAFT._replace(names=names, note=note), True, set(), hidden) == rule


def test_who_posted_a_problem_of_which_only_the_title_was_heard_is_not_guessed() -> None:
    event = made(SolutionRevised, editor_id="solver", major=True, asked=["peer"])
    drafts = route(event, Known({"t": Thread(None, "Permits wait")}))
    assert [(each.recipient_id, each.title) for each in drafts] == [("peer", "Permits wait")]
