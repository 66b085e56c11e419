"""What discussions can be told to do: load, decide, save the state and its events."""

from services.discussions.commands import (
    access,
    benchmarks,
    calendars,
    case_studies,
    comments,
    content,
    gatherings,
    moderation,
    practices,
    problems,
    reactions,
    resources,
    reuses,
    solutions,
)

__all__ = [
    "access",
    "benchmarks",
    "calendars",
    "case_studies",
    "comments",
    "content",
    "gatherings",
    "moderation",
    "practices",
    "problems",
    "reactions",
    "resources",
    "reuses",
    "solutions",
]
