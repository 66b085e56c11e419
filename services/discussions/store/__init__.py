"""The collections of discussions; the only modules of this service that speak to MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.discussions.store import (
    access,
    adaptations,
    benchmarks,
    calendars,
    comments,
    content,
    contests,
    gatherings,
    imports,
    items,
    lifts,
    moderation,
    names,
    problems,
    proposals,
    reactions,
    reuses,
    search,
    solutions,
    threads,
    timeline,
)
from shared.storage import Index
from shared.storage.personal import Personal

__all__ = [
    "access",
    "adaptations",
    "benchmarks",
    "calendars",
    "comments",
    "content",
    "contests",
    "gatherings",
    "imports",
    "items",
    "lifts",
    "moderation",
    "names",
    "problems",
    "proposals",
    "reactions",
    "reuses",
    "search",
    "solutions",
    "threads",
    "timeline",
]

INDEXES: Mapping[str, Sequence[Index]] = {
    **access.INDEXES,
    threads.THREADS: [
        *threads.INDEXES[threads.THREADS],
        *content.INDEXES[threads.THREADS],
        *benchmarks.INDEXES[threads.THREADS],
        *gatherings.INDEXES[threads.THREADS],
    ],
    benchmarks.ANSWERS: benchmarks.INDEXES[benchmarks.ANSWERS],
    gatherings.RSVPS: gatherings.INDEXES[gatherings.RSVPS],
    gatherings.NOTES: gatherings.INDEXES[gatherings.NOTES],
    **calendars.INDEXES,
    **solutions.INDEXES,
    **contests.INDEXES,
    **adaptations.INDEXES,
    **proposals.INDEXES,
    **lifts.INDEXES,
    **comments.INDEXES,
    **reuses.INDEXES,
    **imports.INDEXES,
    **problems.INDEXES,
    **search.INDEXES,
    **moderation.INDEXES,
    **timeline.INDEXES,
    **reactions.INDEXES,
}

PERSONAL: Mapping[str, Personal] = {
    **access.PERSONAL,
    **threads.PERSONAL,
    **benchmarks.PERSONAL,
    **gatherings.PERSONAL,
    **calendars.PERSONAL,
    **solutions.PERSONAL,
    **contests.PERSONAL,
    **adaptations.PERSONAL,
    **proposals.PERSONAL,
    **lifts.PERSONAL,
    **comments.PERSONAL,
    **reuses.PERSONAL,
    **imports.PERSONAL,
    **problems.PERSONAL,
    **timeline.PERSONAL,
    **reactions.PERSONAL,
    **search.PERSONAL,
    **moderation.PERSONAL,
}
