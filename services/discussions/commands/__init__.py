"""What discussions can be told to do: load, decide, save the state and its events."""

from services.discussions.commands import (
    access,
    case_studies,
    comments,
    content,
    problems,
    reactions,
    resources,
    reuses,
    solutions,
)

__all__ = [
    "access",
    "case_studies",
    "comments",
    "content",
    "problems",
    "reactions",
    "resources",
    "reuses",
    "solutions",
]
