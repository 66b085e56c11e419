"""The HTTP API of similar problems."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from services.matching.api.asks import ThreadPath
from services.matching.domain.similar.ranking import ProblemState, Similar, Text
from services.matching.precedents import Answer, TheLibrary
from services.matching.queries import similar as queries
from shared.settings import LIMITS
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.problems import READ_PROBLEMS, documented
from shared.web.texts import Identifier, Line, TagList, View

router = APIRouter(tags=["similar problems"])

DraftBody = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LIMITS.body)]


class Draft(texts.Request):
    """A problem as far as it is written: a few words are enough."""

    title: Line = Field("", examples=["Permits wait for a signature"])
    body: DraftBody = Field("", examples=["Every permit waits nine days on paper."])
    tags: TagList = Field(default_factory=list, examples=[["permits"]])
    community_id: Identifier | None = Field(None, description="Look into this community alone.")
    limit: int = Field(5, ge=1, le=20, description="So many at most.")


class SimilarView(View):
    """A problem that was posted before."""

    thread_id: str
    community_id: str
    title: str = Field(examples=["Signatures on paper take days"])
    tags: list[str]
    state: ProblemState
    solved: bool = Field(description="It is resolved, or whoever asked accepted a solution.")
    duplicate_of: str | None = Field(
        description="The problem whose duplicate it is.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d02"]
    )
    best_practice_ids: list[str] = Field(
        description="Its solutions that are best practices.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2e01"]],
    )
    score: float = Field(
        description="How like it is, with what speaks for it; to compare within one answer.",
        examples=[0.8125],
    )
    reasons: list[str] = Field(
        description="Why it is shown: the terms of its score, largest first.",
        examples=[["asks much the same", "has a best practice", "words in common: permit, signature"]],
    )

    @staticmethod
    def of(similar: Similar) -> SimilarView:
        """The view of it."""
        precedent = similar.precedent
        return SimilarView(
            best_practice_ids=precedent.practices,
            solved=precedent.solved,
            score=round(similar.score, 4),
            reasons=similar.reasons,
            **precedent.model_dump(include=set(SimilarView.model_fields)),
        )


class SimilarProblemsView(View):
    """What is like a problem; nothing is closed or decided by it."""

    items: list[SimilarView]
    by: Literal["words", "meaning"] = Field(
        description="Whether their meaning was compared or their words alone: where meanings are switched "
        "off, or the problem's could not be told in time."
    )

    @staticmethod
    def of(answer: Answer) -> SimilarProblemsView:
        """The view of it."""
        return SimilarProblemsView(items=[SimilarView.of(each) for each in answer.similar], by=answer.by)


@router.post("/similar", response_model=SimilarProblemsView, responses=READ_PROBLEMS | documented(413))
async def find_similar(draft: Draft, caller: AuthenticatedCaller, library: TheLibrary) -> SimilarProblemsView:
    """Have you seen these? Problems like the one that you are writing, in the communities you belong to.

    What is solved comes before what is not, and best practices first, among those that are about as like.
    """
    text = Text(draft.title, draft.body, draft.tags)
    answer = await library.like(text, caller.member_id, draft.community_id, draft.limit)
    return SimilarProblemsView.of(answer)


@router.get("/problems/{thread_id}/similar", response_model=SimilarProblemsView, responses=READ_PROBLEMS)
async def list_similar(
    thread_id: ThreadPath,
    caller: AuthenticatedCaller,
    database: Db,
    library: TheLibrary,
    community_id: Annotated[Identifier | None, Query(description="Look into this community alone.")] = None,
    limit: Annotated[int, Query(ge=1, le=20, description="So many at most.")] = 5,
) -> SimilarProblemsView:
    """Problems like one that is posted, for whoever may see it: in all the communities you belong to, in the
    order of those like a draft."""
    posted = await queries.posted(database, caller, thread_id)
    answer = await library.like_posted(thread_id, posted, caller.member_id, community_id, limit)
    return SimilarProblemsView.of(answer)
