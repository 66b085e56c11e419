"""Which communities and which people are worth recommending to a member, and why; before any cap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import log2
from typing import NamedTuple

from services.matching.domain import rules, taste
from services.matching.domain.recommendation import Offer, Swap
from services.matching.domain.taste import COMMUNITY, TAG, Model, Tastes

Liking = Callable[[str], float]
"""What a tag is still worth to the member, 0 to 1, after what they dismissed."""


class Place(NamedTuple):
    """A community as it is recommended."""

    community_id: str
    name: str
    kind: str
    org_id: str | None
    join_policy: str
    tags: list[str]
    languages: list[str]
    stage: str

    def visible_to(self, org_id: str | None) -> bool:
        """Whether somebody of an organisation may know of it: internal ones are its own affair."""
        return self.kind == "external" or (self.org_id is not None and self.org_id == org_id)

    def open_to(self, org_id: str | None, languages: Collection[str]) -> bool:
        """Whether somebody can come in by themselves, or ask to, and would understand what is written."""
        common = _bare(self.languages) & _bare(languages)
        return (
            self.visible_to(org_id)
            and self.stage in ("forming", "active")
            and self.join_policy != "by-invitation"
            and (bool(common) or not self.languages or not languages)
        )


class Acquaintance(NamedTuple):
    """Somebody whom a member may want to connect with."""

    member_id: str
    community_id: str
    """One that both belong to."""
    met: int = 0
    """In how many threads."""
    gives: tuple[str, ...] = ()
    """What they offer that the member seeks."""
    takes: tuple[str, ...] = ()
    """What they seek that the member offers."""
    mutual: int = 0
    """Connections of both."""


def communities(
    model: Model, tastes: Tastes, places: Iterable[Place], names: Mapping[str, str], liking: Liking
) -> list[Offer]:
    """What suits somebody, best first; ``names`` has what their own communities are called.

    Of whom nothing is known, nothing is guessed: without a taste or an interest there is no offer.
    """
    if not tastes:
        return []
    found: list[tuple[float, Offer]] = []
    fits = taste.scores(model, tastes)
    strongest = max((taste.strength(each) for each in tastes.values()), default=0.0) or 1.0
    for place in places:
        item = COMMUNITY + place.community_id
        own = {
            tag: taste.strength(tastes[TAG + tag]) / strongest for tag in place.tags if TAG + tag in tastes
        }
        liked = {tag: share * liking(tag) for tag, share in own.items()}
        worth = sum((liking(tag) for tag in place.tags), 0.0) / len(place.tags) if place.tags else 1.0
        popular = rules.POPULARITY * model.popularity.get(item, 0.0)
        others, own_id = _others(taste.because(model, tastes, item), names)
        told = [
            (
                rules.OWN_TAGS * sum(liked.values()) / max(len(place.tags), 1),
                f"it is about {_listed(sorted(liked, key=lambda tag: (-liked[tag], tag))[:3])}",
            ),
            (
                worth * (fits.get(item, 0.0) - popular),
                others,
            ),
            (worth * popular, "many take part in it"),
        ]
        score = sum(value for value, _ in told)
        if score < rules.WORTH_RECOMMENDING:
            continue
        reasons = [
            words for value, words in sorted(told, key=lambda each: -each[0]) if value >= rules.NEGLIGIBLE
        ]
        offer = Offer(
            kind="community",
            subject_id=place.community_id,
            community_id=place.community_id,
            name=place.name,
            org_id=None if place.kind == "external" else place.org_id,
            tags=place.tags,
            reasons=reasons[: rules.REASONS],
            named_community_id=own_id if others in reasons[: rules.REASONS] else None,
        )
        found.append((score, offer))
    return [offer for _, offer in sorted(found, key=lambda each: (-each[0], each[1].subject_id))]


def swap(tastes: Tastes, names: Mapping[str, str], keeps: Collection[str]) -> Swap | None:
    """Which of somebody's communities to leave for another: the one they care about least.

    Never one that they look after (``keeps``).
    """
    left = {each: tastes.get(COMMUNITY + each, 0.0) for each in names if each not in keeps}
    if not left:
        return None
    least = min(left, key=lambda each: (left[each], each))
    silent = left[least] < rules.JOINED / 2
    reason = (
        "you have written nothing there for a while"
        if silent
        else "of your communities you write least there"
    )
    return Swap(community_id=least, name=names[least], reason=reason)


def connections(found: Iterable[Acquaintance], liking: Liking) -> list[Offer]:
    """Whom to connect with, best first."""
    offers: list[tuple[float, Offer]] = []
    for each in found:
        things = [(f"offers {tag}, which you seek", tag) for tag in each.gives]
        things += [(f"seeks {tag}, which you offer", tag) for tag in each.takes]
        terms = [
            (rules.MET * log2(1 + each.met), f"met you in {_counted(each.met, 'thread')}"),
            (rules.MUTUAL * log2(1 + each.mutual), _counted(each.mutual, "mutual connection")),
            *((rules.COMPLEMENTS * liking(tag), words) for words, tag in things[:2]),
        ]
        told = sorted((term for term in terms if term[0] >= rules.NEGLIGIBLE), key=lambda term: -term[0])
        if told:
            offer = Offer(
                kind="connection",
                subject_id=each.member_id,
                community_id=each.community_id,
                name="",
                tags=[*each.gives, *each.takes],
                reasons=[words for _, words in told][: rules.REASONS],
            )
            offers.append((sum(value for value, _ in told), offer))
    return [offer for _, offer in sorted(offers, key=lambda each: (-each[0], each[1].subject_id))]


def _others(items: Sequence[str], names: Mapping[str, str]) -> tuple[str, str | None]:
    """Who else takes part in it, in words; and the community that these name."""
    for item in items:
        if item.startswith(TAG):
            return f"who cares about {item.removeprefix(TAG)}, as you do, takes part in it", None
        if (own := item.removeprefix(COMMUNITY)) in names:
            return f"members of {names[own]} take part in it", own
    return "members with tastes like yours take part in it", None


def _bare(languages: Iterable[str]) -> set[str]:
    return {each.partition("-")[0].lower() for each in languages}


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(words: Sequence[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last
