"""What is recommended to somebody: communities, mentors, people."""

from __future__ import annotations

from services.notifications.domain.routing.draft import Draft, Named, Routes, Rule, Rules
from shared.contracts.recommendations import CommunityRecommended, ConnectionSuggested, MentorSuggested

RULES: Rules = {
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


def _community_recommended(event: CommunityRecommended, _: object) -> list[Draft]:
    why, names = [f"about {event.items_a_week} items a week"], []
    if event.named_community_id is None:
        why = [*event.reasons, *why]
    else:
        names.append(Named(event.named_community_id, "; ".join(event.reasons)))
    if event.leave_community_id is not None:
        words = f"in exchange for {event.leave_community_name}, as {event.leave_reason}"
        names.append(Named(event.leave_community_id, words))
    return [
        Draft(
            event.member_id, "community-recommended", None, None, None, event.community_name,
            event.recommendation_id, "; ".join(why), org_id=event.org_id, names=tuple(names),
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


ROUTES: Routes = {
    CommunityRecommended: _community_recommended,
    MentorSuggested: _mentor_suggested,
    ConnectionSuggested: _connection_suggested,
}
