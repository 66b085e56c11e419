"""What discussions can be told to do: load, decide, save the state and its events."""

from services.discussions.commands import (
    case_studies,
    comments,
    content,
    problems,
    reactions,
    resources,
    reuses,
    solutions,
)

__all__ = ["case_studies", "comments", "content", "problems", "reactions", "resources", "reuses", "solutions"]
