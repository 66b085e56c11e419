"""Similar problems: the index, the ranking, the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain import rules
from services.matching.domain.routing.text import digest
from services.matching.domain.similar.index import Candidate, Entry, Precedents, Query, digest_of
from services.matching.domain.similar.meaning import REFERENCE_AT_LEAST, VectorIndex
from services.matching.domain.similar.ranking import (
    Precedent,
    Text,
    is_worth_showing,
    is_worth_telling,
    likeness,
    ranked,
    words_in_common,
    words_of,
)
from services.matching.domain.similar.vectors import DIMENSIONS, NO_MEANING, packed, unpacked
from services.matching.domain.similar.words import WordIndex

HERE, THERE = "here", "there"
PERMITS = ("Permits wait for a signature", "Every permit waits nine days on paper.")
BEER = ("Cloudy beer", "My beer stays cloudy whatever I do.")


def vector(*values: float) -> np.ndarray:
    whole = np.zeros(DIMENSIONS, np.float32)
    whole[: len(values)] = values
    return whole / np.linalg.norm(whole)


def entry(thread: str, text: tuple[str, str], community: str = HERE, codes: bytes = NO_MEANING) -> Entry:
    return Entry(thread, community, digest_of(*text), codes)


def found(index: Precedents, text: tuple[str, str], *communities: str, skip: str = "") -> Sequence[str]:
    """The ids of what is like ``text`` by its words, most like first."""
    candidates = index.search(Query(digest_of(*text)), communities or [HERE], skip)
    return [each.thread_id for each in sorted(candidates, key=lambda each: -each.words)]


def test_words_are_compared_by_how_telling_they_are() -> None:
    index = WordIndex()
    texts = ["the permit waits", "the beer is cloudy", "the the the", "a signature"]
    for number, text in enumerate(texts):
        index.add(number, digest([text]))
    index.settle()
    weights = {"the": log(6 / 4), "permit": log(6 / 2), "waits": log(6 / 2)}
    length = sum(value**2 for value in weights.values()) ** 0.5
    expected = [1.0, weights["the"] ** 2, weights["the"] * (1 + log(3)) * weights["the"], 0.0]
    cosines = index.cosines(digest([texts[0]]))
    assert cosines[0] == pytest.approx(expected[0], abs=1e-5)
    assert cosines[2] == pytest.approx(weights["the"] / length, abs=1e-5)  # nothing but "the"
    assert 0 < cosines[1] < cosines[2]
    assert cosines[3] == 0


def test_what_was_removed_is_not_found_and_its_number_is_free_after_settling() -> None:
    index = WordIndex()
    for number, text in enumerate(["permit", "permit beer"]):
        index.add(number, digest([text]))
    index.remove(0)
    assert index.cosines(digest(["permit"]))[0] == 0
    assert index.settle() == [0]
    index.add(0, digest(["hops"]))
    assert index.cosines(digest(["permit"]))[0] == 0
    assert index.cosines(digest(["hops"]))[0] == pytest.approx(1, abs=1e-5)


few_words = st.lists(
    st.sampled_from(["permit", "beer", "hops", "signature", "許可証", "разрешение"]), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), few_words, st.booleans()), max_size=150))
def test_an_index_that_changed_is_as_one_built_anew(steps: list[tuple[int, list[str], bool]]) -> None:
    """Whatever comes, changes and goes: after settling, the same cosines."""
    index, present = Precedents(), {}
    for thread, text, stays in steps:
        if stays:
            present[str(thread)] = " ".join(text)
            index.put([entry(str(thread), (present[str(thread)], ""))])
        else:
            present.pop(str(thread), None)
            index.remove([str(thread)])
    anew = Precedents()
    anew.put(entry(thread, (text, "")) for thread, text in present.items())
    for each in (index, anew):
        each.settle()
    query = Query(digest_of("permit beer 許可証", ""))
    ours, theirs = (
        {each.thread_id: each.words for each in one.search(query, [HERE])} for one in (index, anew)
    )
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert index.threads == present.keys()


def test_a_few_problems_that_were_changed_often_are_found_as_well_as_new_ones() -> None:
    """Without settling: nobody does that by hand."""
    index, anew = Precedents(), Precedents()
    last = [entry(thread, (f"Permits wait {thread}", "")) for thread in "abc"]
    for time in range(20):
        index.put(entry(thread, (f"Permits wait {thread} {time}", "")) for thread in "abcd")
    index.put(last)
    index.remove(["d"])
    anew.put(last)
    anew.settle()
    query = Query(digest_of("Permits wait for ages", ""))
    ours, theirs = (
        {each.thread_id: each.words for each in one.search(query, [HERE])} for one in (index, anew)
    )
    assert ours == pytest.approx(theirs, rel=0.1)


def test_the_same_words_are_as_like_whenever_they_were_posted() -> None:
    index = Precedents()
    index.put([entry(f"before {number}", (f"Word{number}", "permit")) for number in range(200)])
    index.settle()
    for number in range(5):  # too few for weighing anew
        index.put([entry(f"same {number}", PERMITS), entry(f"other {number}", ("Waits", "for a signature"))])
    candidates = index.search(Query(digest_of("Permit", "It waits for a signature.")), [HERE])
    likenesses = {each.thread_id: each.words for each in candidates}
    assert len({likenesses[f"same {number}"] for number in range(5)}) == 1


def test_the_same_words_are_exactly_as_like_before_and_after_weighing_anew() -> None:
    index = Precedents()
    words = [f"word{number}" for number in range(40)]
    index.put(
        [entry(f"before {number}", (" ".join(words[: number % 40]), "permit")) for number in range(200)]
    )
    same = [(f"permit {words[each]}", " ".join(words[each : each + 12] * 2)) for each in range(25)]
    index.put([entry(f"old {each}", text) for each, text in enumerate(same)])
    index.settle()
    index.put([entry(f"new {each}", text) for each, text in enumerate(same[:12])])
    query = Query(digest_of("permit", " ".join(words[:20])))
    likenesses = {each.thread_id: each.words for each in index.search(query, [HERE], first=300)}
    for each in range(12):
        assert likenesses[f"old {each}"] == likenesses[f"new {each}"]


def test_only_the_communities_asked_for_are_looked_into() -> None:
    index = Precedents()
    index.put([entry("a", PERMITS), entry("b", PERMITS, THERE), entry("c", BEER)])
    assert found(index, PERMITS) == ["a"]
    assert sorted(found(index, PERMITS, HERE, THERE)) == ["a", "b"]
    assert found(index, PERMITS, "unheard-of") == []
    assert found(index, PERMITS, HERE, skip="a") == []
    assert found(index, PERMITS, HERE) == ["a"], "skipping is for one search"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        pytest.param("Разрешения ждут подписи", "Пиво мутное", id="Cyrillic"),
        pytest.param("許可証の署名待ち", "ビールが濁る", id="Japanese"),
        pytest.param("ใบอนุญาตรอลายเซ็น", "เบียร์ขุ่น", id="Thai"),
        pytest.param("التصاريح تنتظر التوقيع", "بيرة عكرة", id="Arabic"),
        pytest.param("परमिट हस्ताक्षर", "बीयर", id="Devanagari"),
        pytest.param("permits", "beer", id="one word"),
        pytest.param("permit " * 150_000, "beer " * 150_000, id="a megabyte"),
    ],
)
def test_every_script_and_size_is_found(text: str, other: str) -> None:
    index = Precedents()
    index.put([entry("same", (text, "")), entry("other", (other, ""))])
    assert found(index, (text, "")) == ["same"]


@pytest.mark.parametrize("text", ["", "?!", "🙂🙂", "\u200b"])
def test_a_text_without_words_is_like_nothing(text: str) -> None:
    index = Precedents()
    index.put([entry("empty", (text, "")), entry("permits", PERMITS)])
    assert found(index, (text, "")) == []
    index.put([entry("empty", PERMITS)])  # and may become one with words
    assert sorted(found(index, PERMITS)) == ["empty", "permits"]


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3).filter(
        lambda each: max(map(abs, each)) > 0.1
    )
)
def test_a_packed_vector_points_the_same_way(values: list[float]) -> None:
    whole = vector(*values)
    assert float(unpacked(packed(whole)) @ whole) == pytest.approx(1, abs=2e-3)
    assert len(packed(whole)) == DIMENSIONS


def test_no_direction_is_no_meaning() -> None:
    assert packed(np.zeros(DIMENSIONS, np.float32)) == NO_MEANING


def test_meaning_finds_what_has_no_word_in_common() -> None:
    index = Precedents()
    index.put(
        [
            entry("alike", ("Licences take ages", ""), codes=packed(vector(1, 0.2))),
            entry("beer", BEER, codes=packed(vector(0, 0, 1))),
            entry("unread", PERMITS),  # its meaning is not known yet: its words are
        ]
    )
    query = Query(digest_of(*PERMITS), vector(1))
    candidates = {each.thread_id: each for each in index.search(query, [HERE])}
    assert candidates["alike"].meaning == pytest.approx(0.98, abs=0.01)
    assert candidates["alike"].words == 0
    assert candidates["unread"].meaning is None
    assert sorted(candidates, key=lambda each: -likeness(candidates[each])) == ["unread", "alike", "beer"]
    index.remove(["alike"])
    assert "alike" not in {each.thread_id for each in index.search(query, [HERE])}


def test_what_is_like_everything_comes_after_what_is_like_the_query_alone() -> None:
    index = VectorIndex()
    random = np.random.default_rng(7)
    crowd = vector(1)
    for number in range(REFERENCE_AT_LEAST + 20):  # a crowd, all much alike
        index.put(number, packed(crowd + 0.3 * vector(*random.normal(size=DIMENSIONS))))
    hub, lone = REFERENCE_AT_LEAST + 20, REFERENCE_AT_LEAST + 21
    index.put(hub, packed(crowd))
    index.put(lone, packed(vector(0, 1)))
    everything = np.arange(lone + 1)
    general = index.in_general(np.array([hub, lone]), everything)
    assert general[0] > 0.9
    assert general[1] < 0.3
    few = index.in_general(np.array([hub]), everything[:5])
    assert few.tolist() == [0], "of a few, nothing general can be said"


def precedent(thread: str = "t", **fields: object) -> Precedent:
    values = {"thread_id": thread, "community_id": HERE, "title": PERMITS[0], "body": PERMITS[1]}
    return Precedent.model_validate(values | fields)


def order(*both: tuple[Candidate, Precedent], tags: Sequence[str] = ()) -> list[str]:
    candidates, precedents = zip(*both, strict=True)
    similar = ranked(Text(*PERMITS, tags), candidates, precedents, 10, lambda _: 1.0)
    return [each.precedent.thread_id for each in similar]


def test_solved_ones_and_best_practices_come_first_among_equals_and_not_before_what_is_more_like() -> None:
    def candidate(thread: str, meaning: float) -> Candidate:
        return Candidate(thread, 0.1, meaning)

    plain = candidate("plain", 0.70), precedent("plain")
    solved = candidate("solved", 0.70), precedent("solved", state="resolved")
    accepted = candidate("accepted", 0.695), precedent("accepted", state="answered", accepted=True)
    practice = candidate("practice", 0.70), precedent("practice", practices=["s"])
    reopened = candidate("reopened", 0.69), precedent("reopened", state="reopened", accepted=True)
    same = candidate("same", 0.85), precedent("same")
    expected = ["same", "practice", "solved", "accepted", "plain", "reopened"]
    assert order(plain, solved, accepted, practice, reopened, same) == expected


def test_tags_count_by_the_share_that_is_the_same() -> None:
    both = [(Candidate(name, 0.1, 0.7), precedent(name, tags=tags)) for name, tags in
            [("none", []), ("one-of-three", ["Permits", "x", "y"]), ("all", ["permits"])]]  # fmt: skip
    assert order(*both, tags=["permits"]) == ["all", "one-of-three", "none"]


def test_reasons_are_the_terms_of_the_score_largest_first() -> None:
    [similar] = ranked(
        Text("Permit without signature", "", ["permits"]),
        [Candidate("t", 0.3, 0.7, 0.2), Candidate("gone", 1, 1)],
        [precedent(tags=["permits"], practices=["s"])],
        5,
        lambda word: 1.0 if word in ("permit", "signature") else 0.1,
    )
    assert similar.reasons == [
        "asks much the same",
        "words in common: permit, signature",
        "has a best practice",
        "same tags: permits",
    ]
    assert similar.score == pytest.approx(
        0.7 + rules.SIMILAR_WORDS * 0.3 - rules.SIMILAR_IN_GENERAL * 0.2
        + rules.SIMILAR_PRACTICE + rules.SIMILAR_TAGS
    )  # fmt: skip


def test_there_is_always_a_reason() -> None:
    """Also where no word is telling, as in a community of one."""
    [similar] = ranked(Text(*PERMITS), [Candidate("t", 0.9)], [precedent()], 5, lambda _: 0.0)
    assert similar.reasons == ["uses similar words"]


def test_common_words_are_named_the_most_telling_first() -> None:
    text = words_of("the permit of the clerk waits for a signature")
    telling = {"permit": 0.8, "signature": 0.9, "waits": 0.2, "clerk": 1.0}
    named = words_in_common(text, precedent(), lambda word: telling.get(word, 0.1))
    assert named == ["signature", "permit"]


@pytest.mark.parametrize(
    ("words", "meaning", "shown", "told"),
    [
        (0.02, None, False, False),
        (0.10, None, True, False),
        (0.50, None, True, True),
        (0.02, 0.30, False, False),
        (0.02, 0.50, True, False),
        (0.50, 0.50, True, False),
        (0.02, 0.70, True, True),
    ],
)
def test_little_likeness_is_neither_shown_nor_told(
    words: float, meaning: float | None, shown: bool, told: bool
) -> None:
    candidate = Candidate("t", words, meaning)
    assert (is_worth_showing(candidate), is_worth_telling(candidate)) == (shown, told)
