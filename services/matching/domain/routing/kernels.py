"""The inner loops, compiled. They change arrays that are large enough already and keep nothing."""

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
    """One key for a term in a community; never 0, which marks what is free."""
    key = (key >> np.uint64(4)) ^ (np.uint64(community + 1) * np.uint64(0x9E3779B97F4A7C15))
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (key ^ (key >> np.uint64(31))) | np.uint64(1 << 63)


@compiled
def slot_of(keys: Any, key: Any) -> Any:
    """Where a key is, or would be."""
    mask = np.uint64(keys.size - 1)
    at = key & mask
    while keys[at] != 0 and keys[at] != key:
        at = (at + np.uint64(1)) & mask
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
def table_get(table: Any, key: Any) -> Any:
    slot = slot_of(table.keys, key)
    return table.values[slot] if table.keys[slot] == key else NONE


@compiled
def table_set(table: Any, key: Any, value: Any) -> None:
    slot = slot_of(table.keys, key)
    if table.keys[slot] == 0:
        table.keys[slot] = key
        table.used[0] += 1
    table.values[slot] = value


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
def append(postings: Any, key: Any, word: Any) -> None:
    slot = slot_of(postings.keys, key)
    if postings.keys[slot] == 0:
        postings.keys[slot] = key
        postings.top[1] += 1
    index = np.int64(postings.counts[slot])
    offset = offset_in_block(index)
    if offset == 0:
        block = postings.top[0]
        postings.pool[block] = postings.heads[slot]
        postings.heads[slot] = block
        postings.top[0] = block + 1 + min(index + 1, BLOCK)
    postings.pool[np.int64(postings.heads[slot]) + 1 + offset] = word
    postings.counts[slot] = index + 1


@compiled
def add_documents(postings: Any, communities: Any, numbers: Any, ends: Any, digests: Any) -> None:
    """List documents under their terms. ``ends``: where the digest of each ends."""
    start = 0
    for each in range(ends.size):
        for at in range(start, ends[each]):
            word = np.uint32(numbers[each] << 4) | np.uint32(digests[at] & np.uint64(TIMES))
            append(postings, mixed(digests[at], communities[each]), word)
        start = ends[each]


@compiled
def look_up(postings: Any, digest: Any, community: Any) -> Any:
    """The slots of a digest's terms in a community; ``NONE`` where a term is unknown."""
    slots = np.empty(digest.size, np.int64)
    for at in range(digest.size):
        key = mixed(digest[at], community)
        slot = slot_of(postings.keys, key)
        slots[at] = np.int64(slot) if postings.keys[slot] == key else NONE
    return slots


@compiled
def bm25(
    postings: Any, lengths: Any, slots: Any, weights: Any, limit: Any, k1: Any, b: Any, mean: Any,
    scores: Any, found: Any, skip: Any, wanted: Any,
) -> Any:  # fmt: skip
    """The ``wanted`` documents most like a query: (numbers, scores), best first, the newer of equals first.

    ``scores``: zeros by document, zeros again when done. ``limit``: of each list so many are read, the
    newest.
    """
    hits = 0
    for term in range(slots.size):
        slot = slots[term]
        index = np.int64(postings.counts[slot])
        last = max(np.int64(0), index - limit)
        block = np.int64(postings.heads[slot])
        offset = offset_in_block(index - 1)
        while index > last:
            word = postings.pool[block + 1 + offset]
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
                block = np.int64(postings.pool[block])
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


# What is gathered of each candidate, by column; sums fade with the half-life of their name.
SIMILAR, SIMILAR_SLOW, SIMILAR_EVER, SIMILAR_BEST, SIMILAR_COUNT, SIMILAR_GAP = range(6)
TAGS, TAGS_FAST, TAGS_COUNT, TAGS_GAP = range(6, 10)
ACTIVE, ACTIVE_FAST, ACTIVE_SLOW, ACTIVE_COUNT = range(10, 14)
SKILL, MET = range(14, 16)
COLUMNS = 16
HALF_LIVES = 7
NEVER = 10.0
"""The gap, in ages of the community, of who never did."""


@compiled
def candidate(place: Any, asker: Any, places: Any, rows: Any, found: Any, gathered: Any, size: Any) -> Any:
    """The row of a place, made if there is room; ``NONE`` if there is none, or the place is no candidate."""
    row = rows[place]
    if row != NONE:
        return row
    if size[0] == found.size or place == asker or places.community[place] == NONE:
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
def newest_of(postings: Any, slot: Any, limit: Any, words: Any) -> Any:
    """Copy what was listed last to ``words``, newest first, at most ``limit``; answer how many."""
    index = np.int64(postings.counts[slot])
    last = max(np.int64(0), index - limit)
    block = np.int64(postings.heads[slot])
    offset = offset_in_block(index - 1)
    copied = 0
    while index > last:
        words[copied] = postings.pool[block + 1 + offset] >> 4
        copied += 1
        index -= 1
        offset -= 1
        if offset < 0 and index > last:
            block = np.int64(postings.pool[block])
            offset = offset_in_block(index - 1)
    return copied


@compiled
def gather(
    postings: Any, problems: Any, answers: Any, places: Any, skills: Any, newest: Any, asker: Any, skip: Any,
    similar: Any, similarity: Any, tags: Any, tag_weights: Any, stated: Any,
    now: Any, age: Any, half_lives: Any, limits: Any, rows: Any, found: Any, gathered: Any,
) -> Any:  # fmt: skip
    """Fill ``found`` with places and ``gathered`` with what speaks for each; answer how many there are.

    ``rows``: -1 by place, -1 again when done. ``limits``: problems read of a tag, answers read of the
    community, places read of a skill, the newest of each.
    """
    size = np.zeros(1, np.int64)
    listed = np.empty(max(limits[0], limits[2]), np.int64)
    for rank in range(similar.size):
        weight = similarity[rank]
        met = asker != NONE and problems.asker[similar[rank]] == asker
        answer = problems.newest[similar[rank]]
        while answer != NONE:
            worth = answers.worth[answer]
            if worth > 0:
                row = candidate(answers.place[answer], asker, places, rows, found, gathered, size)
                if row != NONE:
                    gap = max(0.0, (now - answers.at[answer]) / age)
                    of = gathered[row]
                    of[SIMILAR] += weight * worth * 2.0 ** (-gap / half_lives[0])
                    of[SIMILAR_SLOW] += weight * worth * 2.0 ** (-gap / half_lives[1])
                    of[SIMILAR_EVER] += weight * worth
                    of[SIMILAR_BEST] = max(of[SIMILAR_BEST], weight)
                    of[SIMILAR_COUNT] += 1
                    of[SIMILAR_GAP] = min(of[SIMILAR_GAP], gap)
                    of[MET] += met
            answer = answers.of_problem[answer]
    for tag in range(tags.size):
        for at in range(newest_of(postings, tags[tag], limits[0], listed)):
            problem = listed[at]
            if problems.length[problem] < 0 or problem == skip:
                continue
            answer = problems.newest[problem]
            while answer != NONE:
                worth = answers.worth[answer] * tag_weights[tag]
                if worth > 0:
                    row = candidate(answers.place[answer], asker, places, rows, found, gathered, size)
                    if row != NONE:
                        gap = max(0.0, (now - answers.at[answer]) / age)
                        of = gathered[row]
                        of[TAGS] += worth * 2.0 ** (-gap / half_lives[2])
                        of[TAGS_FAST] += worth * 2.0 ** (-gap / half_lives[3])
                        of[TAGS_COUNT] += 1
                        of[TAGS_GAP] = min(of[TAGS_GAP], gap)
                answer = answers.of_problem[answer]
    for skill in range(stated.size):
        for at in range(newest_of(postings, stated[skill], limits[2], listed)):
            number = listed[at]
            if skills.worth[number] > 0:
                row = candidate(skills.place[number], asker, places, rows, found, gathered, size)
                if row != NONE:
                    gathered[row, SKILL] += skills.worth[number]
    answer = newest
    read = 0
    while answer != NONE and read < limits[1]:
        if answers.worth[answer] > 0:
            row = candidate(answers.place[answer], asker, places, rows, found, gathered, size)
            if row != NONE:
                gap = max(0.0, (now - answers.at[answer]) / age)
                of = gathered[row]
                of[ACTIVE] += 2.0 ** (-gap / half_lives[4])
                of[ACTIVE_FAST] += 2.0 ** (-gap / half_lives[5])
                of[ACTIVE_SLOW] += 2.0 ** (-gap / half_lives[6])
                of[ACTIVE_COUNT] += 1
        answer = answers.of_community[answer]
        read += 1
    for row in range(size[0]):
        rows[found[row]] = NONE
    return size[0]


@compiled
def answer_of(problems: Any, answers: Any, problem: Any, mark: Any) -> Any:
    """The answer of a problem whose id has this mark; ``NONE`` if there is none."""
    answer = problems.newest[problem]
    while answer != NONE and answers.mark[answer] >> np.uint32(2) != mark:
        answer = answers.of_problem[answer]
    return answer


@compiled
def solved(problems: Any, answers: Any, listed: Any, place: Any) -> Any:
    """Of the problems ``listed``, those that somebody answered: (their positions, the answers)."""
    positions = np.empty(listed.size, np.int64)
    found = np.empty(listed.size, np.int64)
    size = 0
    for at in range(listed.size):
        if problems.length[listed[at]] < 0:
            continue
        answer = problems.newest[listed[at]]
        while answer != NONE:
            if answers.place[answer] == place and answers.worth[answer] > 0:
                positions[size] = at
                found[size] = answer
                size += 1
                break
            answer = answers.of_problem[answer]
    return positions[:size], found[:size]
