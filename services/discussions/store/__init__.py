"""The collections of discussions; the only modules of this service that speak to MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.discussions.store import access, comments, imports, problems, solutions, threads, timeline
from shared.storage import Index

__all__ = ["access", "comments", "imports", "problems", "solutions", "threads", "timeline"]

INDEXES: Mapping[str, Sequence[Index]] = {
    **access.INDEXES,
    **threads.INDEXES,
    **solutions.INDEXES,
    **comments.INDEXES,
    **imports.INDEXES,
    **timeline.INDEXES,
}
