"""Recommending: caps, answers, what a dismissal does, and what is worth recommending; rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import recommendation as recommending
from services.matching.domain import rules, suggesting, taste
from services.matching.domain.recommendation import Offer, Recipient
from services.matching.domain.suggesting import Acquaintance, Place
from services.matching.domain.taste import Model
from shared.errors import Conflict

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANN = Recipient(member_id="ann")


def offer(subject: str = "c1", **more: Any) -> Offer:
    values = {"kind": "community", "subject_id": subject, "community_id": subject, "name": "Permits"}
    return Offer.model_validate(values | {"reasons": ["it is about permits"], "tags": ["permits"]} | more)


def place(name: str, *tags: str, **more: Any) -> Place:
    values: dict[str, Any] = {"kind": "external", "org_id": None, "join_policy": "open", "languages": []}
    values["stage"] = "active"
    return Place(community_id=name, name=name.title(), tags=list(tags), **(values | more))


@given(st.lists(st.sampled_from(["offer", "accept", "dismiss", "expire", "wait"]), max_size=40))
def test_whatever_happens_the_caps_hold_and_versions_have_no_gap(steps: list[str]) -> None:
    recipient, now, made, events = ANN, NOW, [], []
    for number, step in enumerate(steps):
        open_ones = [each for each in made if each.state_at(now) == "offered"]
        if step == "wait":
            now += timedelta(days=5)
        elif step == "offer":
            offers = [offer(f"c{number}"), offer(f"m{number}", kind="connection")]
            recipient, fresh, news = recommending.offer(recipient, offers, now)
            made += fresh
            events += news
        elif step == "expire" and open_ones:
            recipient, changed, news_ = recommending.expire(recipient, open_ones[0], now)
            made[made.index(open_ones[0])] = changed
            events.append(news_)
        elif open_ones:
            answer = recommending.accept if step == "accept" else _dismiss
            recipient, changed, given_ = answer(recipient, open_ones[0], now)
            made[made.index(open_ones[0])] = changed
            events.append(given_)
        for kind in ("community", "connection"):
            window = [e for e in made if e.kind == kind and now - e.offered_at < rules.RECOMMENDED_WINDOW]
            assert len(window) <= rules.RECOMMENDED
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert len({each.recommendation_id for each in made}) == len(made)


def _dismiss(recipient: Recipient, each: Any, now: datetime) -> Any:
    return recommending.dismiss(recipient, each, "not-this-one", now)


def made(**more: Any) -> tuple[Recipient, Any]:
    recipient, (each,), _ = recommending.offer(ANN, [offer(**more)], NOW)
    return recipient, each


def test_the_same_answer_again_changes_nothing_and_another_is_refused() -> None:
    recipient, each = made()
    recipient, each, event = recommending.accept(recipient, each, NOW)
    assert event is not None
    assert recommending.accept(recipient, each, NOW) == (recipient, each, None)
    with pytest.raises(Conflict):
        recommending.dismiss(recipient, each, "not-now", NOW)


def test_what_has_expired_cannot_be_accepted_even_if_the_clock_is_late() -> None:
    recipient, each = made()
    with pytest.raises(Conflict, match="expired already"):
        recommending.accept(recipient, each, NOW + rules.RECOMMENDATION_LIFETIME)


def test_a_dismissal_holds_for_half_a_year() -> None:
    recipient, each = made()
    _, each, _ = recommending.dismiss(recipient, each, "known-already", NOW)
    for days, held in ((0, True), (179, True), (180, False)):
        assert (recommending.held_back([each], NOW + timedelta(days=days)) == {"c1"}) == held


def test_not_my_subject_counts_less_for_a_while_and_nothing_else_does() -> None:
    recipient, each = made()
    disliked, _, _ = recommending.dismiss(recipient, each, "not-my-subject", NOW)
    assert disliked.liking("permits", NOW) == 0.5
    assert disliked.liking("permits", NOW + rules.EXPERTISE_HALF_LIFE) == 0.75
    assert disliked.liking("forms", NOW) == 1
    assert disliked.liking("permits", NOW - timedelta(days=9)) == 0.5, "the clock went backwards"
    for reason in ("known-already", "not-this-one", "not-now"):
        after, _, _ = recommending.dismiss(recipient, each, reason, NOW)  # type: ignore[arg-type]
        assert after.liking("permits", NOW) == 1


def test_not_now_keeps_the_kind_away_for_six_weeks() -> None:
    recipient, each = made()
    quiet, _, _ = recommending.dismiss(recipient, each, "not-now", NOW)
    later = NOW + rules.NOT_NOW_HOLDS
    assert quiet.room("community", later - timedelta(seconds=1)) == 0
    assert (quiet.room("community", later), quiet.room("connection", NOW)) == (3, 3)


# -- communities ---------------------------------------------------------------------------------------

NOTHING = Model({}, {})


def suggest(tastes: dict[str, float], *places: Place, model: Model = NOTHING, liking: Any = None) -> Any:
    return suggesting.communities(model, tastes, places, {"c0": "Clerks"}, liking or (lambda _: 1.0))


def test_of_whom_nothing_is_known_nothing_is_guessed() -> None:
    assert suggest({}, place("permits", "permits"), model=Model({}, {"community:permits": 1.0})) == []


def test_a_few_interests_are_enough_for_a_start_and_say_why() -> None:
    (found,) = suggest({"tag:permits": 2.0}, place("permits", "permits"), place("hiring", "hiring"))
    assert (found.subject_id, found.reasons) == ("permits", ["it is about permits"])


def test_what_others_of_the_same_tastes_do_counts_and_says_whose() -> None:
    members = [{"community:c0": 1.0, "community:c1": 1.0}] * 300 + [{"community:c2": 1.0}] * 400
    model = taste.learn(members)
    first, second = suggest({"community:c0": 1.0}, place("c1"), place("c2"), model=model)
    told = ["members of Clerks take part in it", "many take part in it"]
    assert (first.subject_id, first.reasons) == ("c1", told)
    assert (second.subject_id, second.reasons) == ("c2", ["many take part in it"])
    assert (first.named_community_id, second.named_community_id) == ("c0", None)


def test_what_was_called_not_my_subject_is_not_worth_recommending_any_more() -> None:
    tastes = {"tag:permits": 1.0, "tag:hiring": 4.0}
    places = place("permits", "permits"), place("hiring", "hiring")
    assert [each.subject_id for each in suggest(tastes, *places)] == ["hiring", "permits"]
    after = suggest(tastes, *places, liking=lambda tag: 0.1 if tag == "hiring" else 1.0)
    assert [each.subject_id for each in after] == ["permits"]


@pytest.mark.parametrize(
    ("found", "org", "languages", "expected"),
    [
        (place("c"), None, [], True),
        (place("c", kind="internal", org_id="city"), "city", [], True),
        (place("c", kind="internal", org_id="city"), "town", [], False),
        (place("c", kind="internal", org_id="city"), None, [], False),
        (place("c", kind="internal", org_id=None), None, [], False),
        (place("c", join_policy="by-invitation"), None, [], False),
        (place("c", stage="dormant"), None, [], False),
        (place("c", stage="archived"), None, [], False),
        (place("c", languages=["de"]), None, ["en", "ar"], False),
        (place("c", languages=["de-AT"]), None, ["de"], True),
        (place("c", languages=["de"]), None, [], True),
    ],
)
def test_who_a_community_is_recommended_to(
    found: Place, org: str | None, languages: list[str], expected: bool
) -> None:
    assert found.open_to(org, languages) == expected


def test_a_swap_names_the_one_that_one_cares_least_about_and_never_one_that_one_looks_after() -> None:
    tastes = {"community:a": 5.0, "community:b": 0.1}
    names = {"a": "A", "b": "B", "c": "C"}
    found = suggesting.swap(tastes, names, keeps={"c"})
    assert found is not None
    assert (found.community_id, found.reason) == ("b", "you have written nothing there for a while")
    assert suggesting.swap(tastes, names, keeps={"a", "b", "c"}) is None


def test_whoever_shows_little_gets_what_is_popular_and_whoever_shows_more_what_suits_them() -> None:
    members = [{"tag:a": 1.0, "tag:b": 1.0}] * 60 + [{"tag:popular": 1.0}] * 100
    model = taste.learn(members)

    def first(tastes: dict[str, float]) -> str:
        fits = taste.scores(model, tastes)
        return max(fits.keys() - tastes.keys(), key=lambda item: fits[item])

    assert [first({}), first({"tag:a": 0.01}), first({"tag:a": 1.0})] == [
        "tag:popular",
        "tag:popular",
        "tag:b",
    ]


def test_nothing_is_learned_from_nothing() -> None:
    assert taste.learn([]) == NOTHING
    assert taste.learn([{}]) == NOTHING
    assert taste.scores(NOTHING, {"tag:a": 1.0}) == {}


def test_weights_fade_by_half_in_a_half_life_whenever_they_were_earned() -> None:
    for year in (2008, 2026, 2099):
        at = datetime(year, 1, 1, tzinfo=UTC)
        assert taste.decayed(taste.grown(4.0, at), at) == pytest.approx(4)
        assert taste.decayed(taste.grown(4.0, at), at + rules.EXPERTISE_HALF_LIFE) == pytest.approx(2)


# -- people --------------------------------------------------------------------------------------------


def test_people_are_ranked_by_what_brings_them_together_and_told_why() -> None:
    found = suggesting.connections(
        [
            Acquaintance("met", "c", met=3),
            Acquaintance("gives", "c", gives=("permits",), takes=("hiring",), mutual=1),
            Acquaintance("nobody", "c"),
        ],
        lambda _: 1.0,
    )
    assert [(each.subject_id, each.reasons) for each in found] == [
        ("gives", ["offers permits, which you seek", "seeks hiring, which you offer", "1 mutual connection"]),
        ("met", ["met you in 3 threads"]),
    ]
