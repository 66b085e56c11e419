"""A case study: what the situation was, what was done, what came of it, and what was learnt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal

from services.discussions.domain.access import Participant
from services.discussions.domain.content import Content
from shared.contracts.content import CaseStudyPublished

SECTIONS = ("situation", "action", "outcome", "lessons")


class CaseStudy(Content):
    """A case study. ``body`` is its four sections as one text."""

    called: ClassVar[str] = "case study"

    kind: Literal["case-study"] = "case-study"
    situation: str
    action: str
    outcome: str
    lessons: str
    organisation: str
    """Where it happened, in the author's words."""
    problem_id: str | None
    solution_id: str | None

    def missing(self) -> str | None:
        """The first section that is empty."""
        return next((section for section in SECTIONS if not getattr(self, section)), None)

    def told(self, editor_id: str) -> CaseStudyPublished:
        """The event that tells what it is now."""
        assert self.state != "draft"
        return CaseStudyPublished(
            thread_id=self.thread_id,
            version=self.version,
            community_id=self.community_id,
            author_id=self.author_id,
            editor_id=editor_id,
            title=self.title,
            body=self.body,
            tags=self.tags,
            state=self.state,
            reason=self.reason,
            revision=self.revision,
            organisation=self.organisation,
            problem_id=self.problem_id,
            solution_id=self.solution_id,
        )


def draft(
    thread_id: str,
    author: Participant,
    now: datetime,
    *,
    title: str,
    tags: Sequence[str],
    organisation: str,
    problem_id: str | None,
    solution_id: str | None,
    **sections: str,
) -> CaseStudy:
    """Begin a case study, for its author's eyes alone; its sections may still be empty."""
    return CaseStudy(
        thread_id=thread_id,
        version=0,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=whole(**sections),
        tags=list(tags),
        posted_at=now,
        updated_at=now,
        organisation=organisation,
        problem_id=problem_id,
        solution_id=solution_id,
        **sections,
    )


def whole(**sections: str) -> str:
    """The sections as one Markdown text, for whoever shows or searches any kind of thread."""
    titled = (f"## {name.title()}\n\n{sections[name]}" for name in SECTIONS if sections[name])
    return "\n\n".join(titled)
