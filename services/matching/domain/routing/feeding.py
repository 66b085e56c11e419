"""The inner loops that take in what happened, compiled. See ``kernels``."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.matching.domain.routing.arrays import NONE
from services.matching.domain.routing.kernels import (
    ACCEPTED,
    BLOCK,
    ENDORSED,
    TIMES,
    append,
    compiled,
    mixed,
)


@compiled
def marks(words: Any, word_ends: Any, tags: Any, tag_ends: Any) -> Any:
    """What tells the words and tags of each problem from others; never 0."""
    found = np.empty(word_ends.size, np.uint32)
    word, tag = 0, 0
    for each in range(word_ends.size):
        mark = np.uint64(word_ends[each] - word)
        while word < word_ends[each]:
            mark = (mark ^ words[word]) * np.uint64(0x9E3779B97F4A7C15)
            mark ^= mark >> np.uint64(29)
            word += 1
        while tag < tag_ends[each]:
            mark = (mark ^ tags[tag]) * np.uint64(0xBF58476D1CE4E5B9)
            mark ^= mark >> np.uint64(29)
            tag += 1
        found[each] = np.uint32(mark >> np.uint64(32)) | np.uint32(1)
    return found


@compiled
def list_terms(
    keys: Any, heads: Any, counts: Any, pool: Any, top: Any,
    lengths: Any, problems: Any, length: Any, marks_of: Any, asker_of: Any, asked: Any,
    row: Any, numbers: Any, communities: Any, askers: Any, marks: Any,
    words: Any, word_ends: Any, tags: Any, tag_ends: Any,
) -> Any:  # fmt: skip
    """List problems under their terms, from ``row`` on, and fill their records; those that are known as
    they are, are left out. Answers at which row it stopped: there is no room for it, or its problem is
    listed with another text."""
    while row < numbers.size:
        number, community = numbers[row], communities[row]
        if marks_of[number] != marks[row]:
            if marks_of[number] != 0:
                return row
            word = word_ends[row - 1] if row else np.int64(0)
            tag = tag_ends[row - 1] if row else np.int64(0)
            terms = word_ends[row] - word + tag_ends[row] - tag
            if top[0] + terms * (BLOCK + 1) > pool.size or (top[1] + terms) * 4 > keys.size * 3:
                return row
            size = np.int64(0)
            for at in range(word, word_ends[row]):
                times = np.uint32(words[at] & np.uint64(TIMES))
                size += times
                listed = np.uint32(number << 4) | times
                append(keys, heads, counts, pool, top, mixed(words[at], community), listed)
            for at in range(tag, tag_ends[row]):
                listed = np.uint32(number << 4) | np.uint32(tags[at] & np.uint64(TIMES))
                append(keys, heads, counts, pool, top, mixed(tags[at], community), listed)
            size = max(size, np.int64(1))
            length[number] = size
            lengths[community] += size
            problems[community] += 1
            marks_of[number] = marks[row]
            asker_of[number] = askers[row]
            asked[askers[row]] += 1
        row += 1
    return row


@compiled
def count_answer(
    place_of: Any, position: Any, mark: Any,
    answers: Any, accepted: Any, endorsed: Any, first: Any, last: Any, answer: Any, times: Any,
) -> None:  # fmt: skip
    """Count an answer for its author, or take it off again."""
    place = place_of[answer]
    if times > 0:
        only = answers[place] == 0
        first[place] = position[answer] if only else min(position[answer], first[place])
        last[place] = position[answer] if only else max(position[answer], last[place])
    answers[place] += times
    if mark[answer] & ACCEPTED:
        accepted[place] += times
    if mark[answer] & ENDORSED:
        endorsed[place] += times


@compiled
def list_answers(
    newest: Any, seen: Any, latest: Any,
    place_of: Any, at_of: Any, position: Any, worth_of: Any, mark_of: Any, of_problem: Any, of_community: Any,
    answers: Any, accepted: Any, endorsed: Any, first: Any, last: Any, active_at: Any,
    size: Any, limit: Any, communities: Any, problems: Any, places: Any, at: Any, worth: Any, marks: Any,
) -> Any:  # fmt: skip
    """Take in answers in order; how many there are then. One that comes late gets the position of its time,
    if it is among the newest ``limit``."""
    for row in range(problems.size):
        problem, place, community = problems[row], places[row], communities[row]
        answer = newest[problem]
        while answer != NONE and mark_of[answer] >> np.uint32(2) != marks[row] >> np.uint32(2):
            answer = of_problem[answer]
        if answer == NONE:
            answer = size
            size += 1
            of_problem[answer] = newest[problem]
            newest[problem] = answer
            earlier = latest[community]
            place_in_time = seen[community]
            for _ in range(limit):
                if earlier == NONE or at_of[earlier] <= at[row]:
                    break
                place_in_time = position[earlier]
                earlier = of_community[earlier]
            position[answer] = place_in_time
            of_community[answer] = latest[community]
            latest[community] = answer
            seen[community] += 1
        elif worth_of[answer] > 0:
            count_answer(place_of, position, mark_of, answers, accepted, endorsed, first, last, answer, -1)
        place_of[answer] = place
        at_of[answer] = at[row]
        mark_of[answer] = marks[row]
        worth_of[answer] = worth[row]
        if worth[row] > 0:
            count_answer(place_of, position, mark_of, answers, accepted, endorsed, first, last, answer, 1)
            active_at[place] = max(active_at[place], at[row])
    return size


@compiled
def list_skills(
    keys: Any, heads: Any, counts: Any, pool: Any, top: Any,
    newest: Any, place_of: Any, key_of: Any, worth_of: Any, of_place: Any,
    size: Any, communities: Any, places: Any, names: Any, ends: Any, worth: Any,
) -> Any:  # fmt: skip
    """List what members state, and no more what they stated before, where it is not the same; how many stated
    skills there are then."""
    start = np.int64(0)
    for row in range(places.size):
        place, end = places[row], ends[row]
        before, same = 0, 0
        number = newest[place]
        while number != NONE:
            before += 1
            for at in range(start, end):
                same += key_of[number] == part(names[at]) and worth_of[number] == np.float32(worth[at])
            number = of_place[number]
        if before != end - start or same != before:
            number = newest[place]
            while number != NONE:
                worth_of[number] = 0
                number = of_place[number]
            newest[place] = NONE
            for at in range(start, end):
                place_of[size] = place
                key_of[size] = part(names[at])
                worth_of[size] = worth[at]
                of_place[size] = newest[place]
                newest[place] = size
                key = mixed(names[at], communities[row])
                append(keys, heads, counts, pool, top, key, np.uint32(size << 4))
                size += 1
        start = end
    return size


@compiled
def part(name: Any) -> Any:
    """What is kept of the hash of a skill's name."""
    return np.uint32((name >> np.uint64(4)) & np.uint64(0xFFFFFFFF))


@compiled
def note_activity(active_at: Any, places: Any, at: Any) -> None:
    """Something was heard of these."""
    for row in range(places.size):
        active_at[places[row]] = max(active_at[places[row]], at[row])
