"""Who is asked to help with a problem, and what its author hears of the asking."""

from __future__ import annotations

from services.notifications.domain.routing.draft import Draft, Named, Routes, Rule, Rules, about_problem
from shared.contracts.matching import (
    ExpertAskAccepted,
    ExpertAskDeclined,
    ExpertAsked,
    RoutingExhausted,
    SimilarProblemsFound,
)
from shared.contracts.notifications import NotificationKind

RULES: Rules = {
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
}


def _expert_asked(event: ExpertAsked, _: object) -> list[Draft]:
    kind: NotificationKind = "escalated-ask" if event.asked_as == "facilitator" else "expert-ask"
    why = "; ".join(event.reasons)
    return about_problem(event, kind, [event.expert_id], event.asker_id, event.ask_id, why)


def _ask_accepted(event: ExpertAskAccepted, _: object) -> list[Draft]:
    return about_problem(event, "ask-accepted", [event.asker_id], event.expert_id, event.ask_id)


def _ask_declined(event: ExpertAskDeclined, _: object) -> list[Draft]:
    return about_problem(event, "ask-declined", [event.asker_id], event.expert_id, event.ask_id, event.reason)


def _routing_exhausted(event: RoutingExhausted, _: object) -> list[Draft]:
    """The facilitators are told by the ask that each of them gets."""
    asked = "nobody found to ask"
    if event.experts:
        asked = f"{event.experts} asked in {event.waves} wave{'' if event.waves == 1 else 's'}"
    passed_on = "passed on to those who look after the community; " if event.facilitator_ids else ""
    advice = "more detail or other tags may help, or asking somebody you know"
    done = f"{asked}; {passed_on}{advice}"
    return about_problem(event, "nobody-answered", [event.asker_id], None, event.thread_id, done)


def _similar_problems_found(event: SimilarProblemsFound, _: object) -> list[Draft]:
    """Those of other communities are counted, not named."""
    here = tuple(
        Named(each.community_id, f" ({', '.join(each.reasons)})", each.thread_id, each.title)
        for each in event.similar
        if each.community_id == event.community_id
    )
    elsewhere = len(event.similar) - len(here)
    rest = f"{elsewhere} in other communities of yours" if elsewhere else None
    return about_problem(event, "similar-problems", [event.asker_id], None, event.thread_id, rest, names=here)


ROUTES: Routes = {
    ExpertAsked: _expert_asked,
    ExpertAskAccepted: _ask_accepted,
    ExpertAskDeclined: _ask_declined,
    RoutingExhausted: _routing_exhausted,
    SimilarProblemsFound: _similar_problems_found,
}
