"""What discussions can be told to do: load, decide, save the state and its events."""

from services.discussions.commands import comments, problems, solutions

__all__ = ["comments", "problems", "solutions"]
