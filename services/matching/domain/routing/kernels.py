"""The inner loops, compiled. They change arrays that are large enough already and keep nothing.

Arrays are passed one by one: to recognise a tuple of them takes numba longer than most of these loops run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from services.matching.domain.routing.arrays import NONE

Function = TypeVar("Function", bound=Callable[..., Any])
compiled = cast(Callable[[Function], Function], njit(cache=True, nogil=True))

BLOCK = 128
"""Entries of the largest block of a list."""
DOUBLING = 2 * BLOCK - 1
"""A list so long has filled all blocks that are smaller."""
TIMES = 15
ACCEPTED = 1
ENDORSED = 2


@compiled
def mixed(key: Any, community: Any) -> Any:
    """One key for a term in a community; above 0, which marks what is free."""
    key = (key >> np.uint64(4)) ^ (np.uint64(community + 1) * np.uint64(0x9E3779B97F4A7C15))
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((key ^ (key >> np.uint64(31))) >> np.uint64(2)) | np.int64(1 << 61)


@compiled
def slot_of(keys: Any, key: Any) -> Any:
    """Where a key is, or would be."""
    mask = keys.size - 1
    at = key & mask
    while keys[at] != 0 and keys[at] != key:
        at = (at + 1) & mask
    return at


@compiled
def rehash(keys: Any, into: Any) -> Any:
    """Put keys into a larger table; where each slot went."""
    moved = np.zeros(keys.size, np.int64)
    for old in range(keys.size):
        if keys[old] != 0:
            new = slot_of(into, keys[old])
            into[new] = keys[old]
            moved[old] = new
    return moved


@compiled
def offset_in_block(index: Any) -> Any:
    """Where in its block the entry is that comes after ``index`` others."""
    if index >= DOUBLING:
        return (index - DOUBLING) % BLOCK
    size = 1
    while size * 2 <= index + 1:
        size *= 2
    return index + 1 - size


@compiled
def append(keys: Any, heads: Any, counts: Any, pool: Any, top: Any, key: Any, word: Any) -> None:
    slot = slot_of(keys, key)
    if keys[slot] == 0:
        keys[slot] = key
        top[1] += 1
    index = np.int64(counts[slot])
    offset = offset_in_block(index)
    if offset == 0:
        block = top[0]
        pool[block] = heads[slot]
        heads[slot] = block
        top[0] = block + 1 + min(index + 1, BLOCK)
    pool[np.int64(heads[slot]) + 1 + offset] = word
    counts[slot] = index + 1


@compiled
def look_up(keys: Any, digest: Any, community: Any) -> Any:
    """The slots of a digest's terms in a community; ``NONE`` where a term is unknown."""
    slots = np.empty(digest.size, np.int64)
    for at in range(digest.size):
        key = mixed(digest[at], community)
        slot = slot_of(keys, key)
        slots[at] = np.int64(slot) if keys[slot] == key else NONE
    return slots


@compiled
def bm25(
    heads: Any, counts: Any, pool: Any, lengths: Any, slots: Any, weights: Any, limit: Any,
    k1: Any, b: Any, mean: Any, scores: Any, found: Any, skip: Any, wanted: Any,
) -> Any:  # fmt: skip
    """The ``wanted`` documents most like a query: (numbers, scores), best first, the newer of equals first.

    ``scores``: zeros by document, zeros again when done. ``limit``: of each list so many are read, the
    newest.
    """
    hits = 0
    for term in range(slots.size):
        slot = slots[term]
        index = np.int64(counts[slot])
        last = max(np.int64(0), index - limit)
        block = np.int64(heads[slot])
        offset = offset_in_block(index - 1)
        while index > last:
            word = pool[block + 1 + offset]
            document = np.int64(word >> 4)
            length = lengths[document]
            if length > 0 and document != skip:
                times = np.float32(word & TIMES)
                if scores[document] == 0:
                    found[hits] = document
                    hits += 1
                scores[document] += (
                    weights[term] * times * (k1 + 1) / (times + k1 * (1 - b + b * length / mean))
                )
            index -= 1
            offset -= 1
            if offset < 0 and index > last:
                block = np.int64(pool[block])
                offset = offset_in_block(index - 1)
    # The best of them by a heap whose top is the worst that is still wanted.
    size = 0
    heap = np.empty(wanted, np.int64)
    for hit in range(hits):
        document = found[hit]
        score = scores[document]
        if size == wanted:
            worst = heap[0]
            if score < scores[worst] or (score == scores[worst] and document < worst):
                continue
            at = 0
            while True:
                child = 2 * at + 1
                if child >= size:
                    break
                if child + 1 < size and worse(scores, heap[child + 1], heap[child]):
                    child += 1
                if not worse(scores, heap[child], document):
                    break
                heap[at] = heap[child]
                at = child
            heap[at] = document
        else:
            at = size
            size += 1
            while at > 0 and worse(scores, document, heap[(at - 1) // 2]):
                heap[at] = heap[(at - 1) // 2]
                at = (at - 1) // 2
            heap[at] = document
    best = heap[:size]
    values = np.empty(size, np.float64)
    for at in range(size):
        values[at] = scores[best[at]]
    for hit in range(hits):
        scores[found[hit]] = 0
    order = np.argsort(-values, kind="mergesort")
    return best[order], values[order]


@compiled
def worse(scores: Any, one: Any, other: Any) -> Any:
    return scores[one] < scores[other] or (scores[one] == scores[other] and one < other)


# What is gathered of each candidate, by column. The first of each kind are sums that fade, with three
# half-lives for similar problems, three for tags and five for activity; then what does not fade, the best
# similarity, how many, and the smallest gap.
SIMILAR, SIMILAR_EVER, SIMILAR_BEST, SIMILAR_COUNT, SIMILAR_GAP = 0, 3, 4, 5, 6
TAGS, TAGS_EVER, TAGS_COUNT, TAGS_GAP = 7, 10, 11, 12
ACTIVE, SKILL, MET, COLUMNS = 13, 18, 19, 20
NEVER = 10.0
"""The gap, in answers of the community's, as a share of all, of who never did."""


@compiled
def candidate(
    place: Any, asker: Any, community_of: Any, rows: Any, found: Any, gathered: Any, size: Any
) -> Any:  # fmt: skip
    """A row for a place that has none; ``NONE`` if there is no room, or the place is no candidate."""
    if size[0] == found.size or place == asker or community_of[place] == NONE:
        return NONE
    row = size[0]
    size[0] += 1
    rows[place] = row
    found[row] = place
    gathered[row, :] = 0
    gathered[row, SIMILAR_GAP] = NEVER
    gathered[row, TAGS_GAP] = NEVER
    return row


@compiled
def newest_of(heads: Any, counts: Any, pool: Any, slot: Any, limit: Any, words: Any) -> Any:
    """Copy what was listed last to ``words``, newest first, at most ``limit``; answer how many."""
    index = np.int64(counts[slot])
    last = max(np.int64(0), index - limit)
    block = np.int64(heads[slot])
    offset = offset_in_block(index - 1)
    copied = 0
    while index > last:
        words[copied] = pool[block + 1 + offset] >> 4
        copied += 1
        index -= 1
        offset -= 1
        if offset < 0 and index > last:
            block = np.int64(pool[block])
            offset = offset_in_block(index - 1)
    return copied


@compiled
def gather(
    heads: Any, counts: Any, pool: Any, length: Any, asked_by: Any, newest: Any,
    place_of: Any, at: Any, position: Any, worth_of: Any, of_problem: Any, of_community: Any,
    community_of: Any, stated_by: Any, stated_worth: Any, latest: Any, answers: Any, asker: Any, skip: Any,
    similar: Any, similarity: Any, tags: Any, tag_weights: Any, stated: Any,
    now: Any, half_lives: Any, fades: Any, limits: Any, rows: Any, found: Any, gathered: Any,
) -> Any:  # fmt: skip
    """Fill ``found`` with places and ``gathered`` with what speaks for each; answer how many there are.

    ``half_lives``: in shares of the community's ``answers``, in the order of the columns. ``fades``:
    half-lives in time, of expertise and of activity. ``limits``: problems read of a tag, answers read of
    the community, people read of a skill, the newest of each. ``rows``: -1 by place, again when done.
    """
    # To multiply takes a fraction of what it takes to divide.
    each_answer = 1.0 / answers
    paces = 1.0 / half_lives
    rates = 1.0 / fades
    size = np.zeros(1, np.int64)
    listed = np.empty(max(limits[0], limits[2]), np.int64)
    for rank in range(similar.size):
        met = asker != NONE and asked_by[similar[rank]] == asker
        answer = newest[similar[rank]]
        while answer != NONE:
            worth = similarity[rank] * worth_of[answer]
            if worth > 0:
                place = place_of[answer]
                row = rows[place]
                if row == NONE:
                    row = candidate(place, asker, community_of, rows, found, gathered, size)
                if row != NONE:
                    gap = (answers - position[answer]) * each_answer
                    passed = max(0.0, now - at[answer]) * rates[0]
                    for each in range(3):
                        gathered[row, SIMILAR + each] += worth * 2.0 ** -(passed + gap * paces[each])
                    gathered[row, SIMILAR_EVER] += worth
                    gathered[row, SIMILAR_BEST] = max(gathered[row, SIMILAR_BEST], similarity[rank])
                    gathered[row, SIMILAR_COUNT] += 1
                    gathered[row, SIMILAR_GAP] = min(gathered[row, SIMILAR_GAP], gap)
                    gathered[row, MET] += met
            answer = of_problem[answer]
    for tag in range(tags.size):
        for entry in range(newest_of(heads, counts, pool, tags[tag], limits[0], listed)):
            problem = listed[entry]
            if length[problem] < 0 or problem == skip:
                continue
            answer = newest[problem]
            while answer != NONE:
                worth = worth_of[answer] * tag_weights[tag]
                if worth > 0:
                    place = place_of[answer]
                    row = rows[place]
                    if row == NONE:
                        row = candidate(place, asker, community_of, rows, found, gathered, size)
                    if row != NONE:
                        gap = (answers - position[answer]) * each_answer
                        passed = max(0.0, now - at[answer]) * rates[0]
                        for each in range(3):
                            gathered[row, TAGS + each] += worth * 2.0 ** -(passed + gap * paces[3 + each])
                        gathered[row, TAGS_EVER] += worth
                        gathered[row, TAGS_COUNT] += 1
                        gathered[row, TAGS_GAP] = min(gathered[row, TAGS_GAP], gap)
                answer = of_problem[answer]
    for skill in range(stated.size):
        for entry in range(newest_of(heads, counts, pool, stated[skill], limits[2], listed)):
            number = listed[entry]
            if stated_worth[number] > 0:
                place = stated_by[number]
                row = rows[place]
                if row == NONE:
                    row = candidate(place, asker, community_of, rows, found, gathered, size)
                if row != NONE:
                    gathered[row, SKILL] += stated_worth[number]
    answer = latest
    read = 0
    while answer != NONE and read < limits[1]:
        if worth_of[answer] > 0:
            place = place_of[answer]
            row = rows[place]
            if row == NONE:
                row = candidate(place, asker, community_of, rows, found, gathered, size)
            if row != NONE:
                gap = (answers - position[answer]) * each_answer
                passed = max(0.0, now - at[answer]) * rates[1]
                for each in range(5):
                    gathered[row, ACTIVE + each] += 2.0 ** -(passed + gap * paces[6 + each])
        answer = of_community[answer]
        read += 1
    for row in range(size[0]):
        rows[found[row]] = NONE
    return size[0]


@compiled
def history(
    answered: Any, accepted: Any, endorsed: Any, asked: Any, first: Any, last: Any, active_at: Any,
    declined: Any, declined_at: Any, at: Any, of_community: Any, latest: Any, limit: Any, answers: Any,
    now: Any, half_life: Any, found: Any, known: Any,
) -> None:  # fmt: skip
    """Fill ``known`` with what is known of the places ``found``, whatever the problem."""
    # When each of the community's newest answers was, and never later than the one after it.
    times = np.empty(limit)
    read = 0
    earliest = np.inf
    while latest != NONE and read < limit:
        earliest = min(earliest, at[latest])
        times[read] = earliest
        read += 1
        latest = of_community[latest]
    for row in range(found.size):
        place = found[row]
        known[row, 0] = answered[place]
        known[row, 1] = accepted[place]
        known[row, 2] = endorsed[place]
        known[row, 3] = asked[place]
        known[row, 4] = (answers - first[place]) / answers if answered[place] > 0 else NEVER
        known[row, 5] = (answers - last[place]) / answers if answered[place] > 0 else NEVER
        low, high = 0, read
        while low < high:
            middle = (low + high) // 2
            if times[middle] > active_at[place]:
                low = middle + 1
            else:
                high = middle
        told = active_at[place] > 0 and (low < read or latest == NONE)
        known[row, 6] = low / answers if told else known[row, 5]
        passed = max(0.0, now - declined_at[place]) / half_life
        known[row, 7] = declined[place] * 2.0**-passed


@compiled
def solved(
    length: Any, newest: Any, place_of: Any, worth: Any, of_problem: Any, listed: Any, place: Any
) -> Any:  # fmt: skip
    """Of the problems ``listed``, those that somebody answered: (their positions, the answers)."""
    positions = np.empty(listed.size, np.int64)
    found = np.empty(listed.size, np.int64)
    size = 0
    for at in range(listed.size):
        if length[listed[at]] < 0:
            continue
        answer = newest[listed[at]]
        while answer != NONE:
            if place_of[answer] == place and worth[answer] > 0:
                positions[size] = at
                found[size] = answer
                size += 1
                break
            answer = of_problem[answer]
    return positions[:size], found[:size]


@compiled
def predicted(
    feature: Any, threshold: Any, left: Any, right: Any, value: Any, roots: Any, features: Any
) -> Any:  # fmt: skip
    """The sum over all trees, for each row of ``features``."""
    sums = np.zeros(len(features))
    for row in range(len(features)):
        for root in roots:
            node = root
            while left[node] != NONE:
                node = left[node] if features[row, feature[node]] <= threshold[node] else right[node]
            sums[row] += value[node]
    return sums


@compiled
def attributed(
    feature: Any, threshold: Any, left: Any, right: Any, value: Any, roots: Any, row: Any, parts: Any
) -> None:  # fmt: skip
    """Add to ``parts`` what each feature of one row changed on the way down each tree."""
    for root in roots:
        node = root
        while left[node] != NONE:
            child = left[node] if row[feature[node]] <= threshold[node] else right[node]
            parts[feature[node]] += value[child] - value[node]
            node = child
