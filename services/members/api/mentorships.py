"""The HTTP API of mentoring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field, StringConstraints

from services.members import queries
from services.members.commands import mentorships as commands
from services.members.domain.member import Member
from services.members.domain.mentoring import Mentor, Offer
from services.members.domain.mentorship import Feedback, Going, Mentorship, MentorshipState, Side
from services.members.domain.rules import RULES
from services.members.store.mentorships import WantedMentor
from shared.contracts.mentorships import EndReason, ExpiryReason, MentoringScope
from shared.ids import new_id
from shared.storage import UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller
from shared.web.database import Db
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import Identifier, Language, Line, Note, Tag, TagList, View

router = APIRouter(tags=["mentorships"])

MentorshipPath = Annotated[str, Path(max_length=100, description="A mentorship's id.")]
MemberPath = Annotated[str, Path(max_length=100, description="A member's id.")]
WantedState = Annotated[MentorshipState, Query(description="The state of those to list.")]
WantedSide = Annotated[Side, Query(description="The side that you are.")]
Said = Annotated[Note, StringConstraints(min_length=1)]


class MentoringOffer(texts.Request):
    """What you offer as a mentor, whole."""

    capacity: int = Field(2, ge=1, le=RULES.mentor_places, description="Mentorships at the same time.")
    skills: TagList = Field(
        min_length=1,
        description="In what; any tags: what you teach need not be among the skills that you state.",
        examples=[["permits", "hiring"]],
    )
    languages: list[Language] = Field(min_length=1, max_length=20, examples=[["en", "ar"]])
    hours_per_month: int = Field(2, ge=1, le=100, description="For one mentee.")
    availability: Note = Field("", examples=["Tuesdays after four; by video."])
    scope: MentoringScope = Field("everybody", description="Who may find and ask you.")
    community_ids: list[Identifier] = Field(
        default_factory=list,
        max_length=10,
        description="The communities whose members may; with the scope `communities`.",
        examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2c01"]],
    )
    paused: bool = Field(False, description="Nobody can find or ask you for now.")

    def offer(self) -> Offer:
        """As the domain has it, with nothing named twice."""
        once = {
            "languages": list(dict.fromkeys(self.languages)),
            "community_ids": list(dict.fromkeys(self.community_ids)),
        }
        return Offer.model_validate(self.model_dump() | once)


class NewMentorship(texts.Request):
    """Whom to ask, and for what."""

    mentor_id: Identifier = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"])
    message: Said = Field(examples=["I take over our permit office in May."])
    goals: list[Annotated[Line, StringConstraints(min_length=1)]] = Field(
        default_factory=list, max_length=10, examples=[["Half the waiting time by autumn"]]
    )


class Declined(texts.Request):
    """Why not; the mentee reads it."""

    reason: Note = Field("", examples=["On leave until May."])


class Ended(texts.Request):
    """Why; the other side reads it."""

    reason: Said = Field(examples=["I change jobs."])


class NewCheckIn(texts.Request):
    """How it goes; both sides read it."""

    going: Going = Field(examples=["well"])
    note: Note = Field("", examples=["The first form is digital. Next: the counter signature."])


class NewFeedback(texts.Request):
    """How it was, afterwards."""

    rating: int = Field(ge=1, le=5, strict=True, description="From 1 to 5.", examples=[5])
    text: Note = Field("", examples=["Patient, and always prepared."])
    shared: bool = Field(False, description="Whether the other side reads it; otherwise you alone do.")


class MentorView(View):
    """A mentor whom you may ask."""

    member_id: str
    name: str
    headline: str
    org_id: str | None
    capacity: int
    open_places: int = Field(description="How many more mentees they take.", examples=[1])
    skills: list[str]
    languages: list[str]
    hours_per_month: int
    availability: str = Field(examples=["Tuesdays after four; by video."])
    scope: MentoringScope
    community_ids: list[str]
    paused: bool

    @staticmethod
    def of(member: Member, mentor: Mentor) -> MentorView:
        """The view of ``mentor``, who offers it."""
        assert mentor.offer is not None
        return MentorView(
            member_id=member.member_id,
            name=member.profile.name,
            headline=member.profile.headline,
            org_id=mentor.org_id,
            open_places=mentor.open_places,
            **mentor.offer.model_dump(),
        )


class CheckInView(View):
    """A recorded check-in."""

    number: int
    by: str = Field(examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"])
    going: Going
    note: str
    at: AwareDatetime


class FeedbackView(View):
    """What a side said afterwards."""

    rating: int
    text: str = Field(examples=["Patient, and always prepared."])
    shared: bool
    at: AwareDatetime

    @staticmethod
    def of(feedback: Feedback | None, own: bool) -> FeedbackView | None:
        """The view of ``feedback``, for the side that gave it or, if it is shared, the other."""
        if feedback is None or not (own or feedback.shared):
            return None
        return FeedbackView(**feedback.model_dump())


class MentorshipView(View):
    """A mentorship, or the request for one, as one of its two sides sees it."""

    id: str
    mentor_id: str
    mentee_id: str
    message: str
    goals: list[str] = Field(examples=[["Half the waiting time by autumn"]])
    state: MentorshipState
    requested_at: AwareDatetime
    changed_at: AwareDatetime
    changed_by: str | None = Field(
        description="The side that brought its state about; null where no side did.",
        examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"],
    )
    accepted_at: AwareDatetime | None
    ends_at: AwareDatetime | None = Field(
        description="When its time is over; null where it was not accepted."
    )
    check_ins: list[CheckInView]
    extension_proposed_by: str | None = Field(
        description="The side that proposed an extension.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]
    )
    outcome: ExpiryReason | EndReason | None = Field(description="What let it expire or end.")
    reason: str
    feedback: FeedbackView | None = Field(description="Yours.")
    others_feedback: FeedbackView | None = Field(description="The other side's, if it is shared.")

    @staticmethod
    def of(mentorship: Mentorship, member_id: str) -> MentorshipView:
        """The view of ``mentorship`` for one of its sides."""
        mine, theirs = mentorship.mentor_feedback, mentorship.mentee_feedback
        if mentorship.side(member_id) == "mentee":
            mine, theirs = theirs, mine
        hidden = {"mentorship_id", "mentor_feedback", "mentee_feedback", "slot", "weeks", "asked"}
        return MentorshipView(
            id=mentorship.mentorship_id,
            ends_at=mentorship.ends_at if mentorship.accepted_at is not None else None,
            feedback=FeedbackView.of(mine, own=True),
            others_feedback=FeedbackView.of(theirs, own=False),
            **mentorship.model_dump(exclude=hidden),
        )


# -- offering ------------------------------------------------------------------------------------------


@router.put("/members/me/mentoring", response_model=MentorView, responses=WRITE_PROBLEMS)
async def offer_mentoring(body: MentoringOffer, version: IfMatch, mutate: Mutating) -> Response:
    """Offer to be a mentor, or replace your offer. The ETag is your profile's."""

    async def work(uow: UnitOfWork) -> Answer:
        member, mentor = await commands.offer(uow, mutate.caller, version, body.offer())
        return Answer(MentorView.of(member, mentor), version=member.version)

    return await mutate(work)


@router.delete("/members/me/mentoring", status_code=204, responses=WRITE_PROBLEMS)
async def withdraw_mentoring(mutate: Mutating) -> Response:
    """Be no mentor any more. Requests that wait expire; mentorships under way go on."""

    async def work(uow: UnitOfWork) -> Answer:
        await commands.withdraw(uow, mutate.caller)
        return Answer()

    return await mutate(work)


@router.get("/members/me/mentoring", response_model=MentorView, responses=READ_PROBLEMS)
async def read_own_mentoring(caller: AuthenticatedCaller, database: Db, response: Response) -> MentorView:
    """Your own offer. The ETag is your profile's."""
    member, mentor = await queries.mentor(database, caller, caller.member_id)
    response.headers["ETag"] = etag(member.version)
    return MentorView.of(member, mentor)


@router.get("/mentors", response_model=Page[MentorView], responses=READ_PROBLEMS)
async def list_mentors(
    caller: AuthenticatedCaller,
    database: Db,
    skill: Annotated[Tag | None, Query(description="Only those who offer this skill.")] = None,
    language: Annotated[Language | None, Query(description="Only those who speak this language.")] = None,
    org_id: Annotated[Identifier | None, Query(description="Only those of this organisation.")] = None,
    open_only: Annotated[bool, Query(alias="open", description="Only those who have an open place.")] = False,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[MentorView]:
    """The mentors whom you may ask."""
    after = read_cursor(cursor, str)[0] if cursor else None
    wanted = WantedMentor(skill, language, org_id, open_only)
    rows = await queries.mentors(database, caller, wanted, after, limit + 1)
    shown, following = page(rows, limit, lambda row: row[0].member_id)
    return Page(items=[MentorView.of(*row) for row in shown], next=following)


@router.get("/mentors/{member_id}", response_model=MentorView, responses=READ_PROBLEMS)
async def read_mentor(member_id: MemberPath, caller: AuthenticatedCaller, database: Db) -> MentorView:
    """A mentor whom you may ask."""
    return MentorView.of(*await queries.mentor(database, caller, member_id))


# -- mentorships ---------------------------------------------------------------------------------------


@router.post("/mentorships", status_code=201, response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def request_mentorship(body: NewMentorship, mutate: Mutating) -> Response:
    """Ask a mentor. At most 3 of your requests wait at the same time; each expires after 7 days."""
    mentorship_id = new_id()

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.request(uow, mutate.caller, mentorship_id, **body.model_dump())
        view = MentorshipView.of(mentorship, mutate.caller.member_id)
        return Answer(view, 201, location=f"/v1/mentorships/{mentorship_id}")

    return await mutate(work)


@router.get("/members/me/mentorships", response_model=Page[MentorshipView], responses=READ_PROBLEMS)
async def list_mentorships(
    caller: AuthenticatedCaller,
    database: Db,
    side: WantedSide = "mentee",
    state: WantedState = "active",
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[MentorshipView]:
    """Your mentorships, or requests made and got; the latest asked for first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    rows = await queries.mentorships_of(database, caller, side, state, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.mentorship_id)
    return Page(items=[MentorshipView.of(row, caller.member_id) for row in shown], next=following)


@router.get("/mentorships/{mentorship_id}", response_model=MentorshipView, responses=READ_PROBLEMS)
async def read_mentorship(
    mentorship_id: MentorshipPath, caller: AuthenticatedCaller, database: Db
) -> MentorshipView:
    """A mentorship of yours, or a request that you made or got."""
    found = await queries.mentorship(database, caller, mentorship_id)
    return MentorshipView.of(found, caller.member_id)


@router.post("/mentorships/{mentorship_id}/accept", response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def accept_mentorship(mentorship_id: MentorshipPath, mutate: Mutating) -> Response:
    """Agree: a place of yours is taken, and the 12 weeks begin. For the mentor.

    It is active from the first check-in on; without any for 4 weeks it ends, and the place is free again.
    With your last place, the other requests that wait for you expire.
    """

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.accept(uow, mutate.caller, mentorship_id)
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)


@router.post("/mentorships/{mentorship_id}/decline", response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def decline_mentorship(mentorship_id: MentorshipPath, body: Declined, mutate: Mutating) -> Response:
    """Do not agree. For the mentor."""

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.decline(uow, mutate.caller, mentorship_id, body.reason)
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)


@router.post("/mentorships/{mentorship_id}/cancel", response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def cancel_mentorship(mentorship_id: MentorshipPath, mutate: Mutating) -> Response:
    """Take your request back. For the mentee."""

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.cancel(uow, mutate.caller, mentorship_id)
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)


@router.post(
    "/mentorships/{mentorship_id}/check-ins",
    status_code=201,
    response_model=MentorshipView,
    responses=WRITE_PROBLEMS,
)
async def check_in(mentorship_id: MentorshipPath, body: NewCheckIn, mutate: Mutating) -> Response:
    """Record how it goes; one side does it for both. One is due every 2 weeks, and both are asked then.

    What you record is the check-in whose time is nearest, a week before or after; each is recorded once.
    """

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.check_in(uow, mutate.caller, mentorship_id, **body.model_dump())
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id), 201)

    return await mutate(work)


@router.post(
    "/mentorships/{mentorship_id}/extension", response_model=MentorshipView, responses=WRITE_PROBLEMS
)
async def extend_mentorship(mentorship_id: MentorshipPath, mutate: Mutating) -> Response:
    """Propose to go on for 24 weeks in all, or agree to it: it needs both sides, and is done once."""

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.extend(uow, mutate.caller, mentorship_id)
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)


@router.post("/mentorships/{mentorship_id}/complete", response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def complete_mentorship(mentorship_id: MentorshipPath, mutate: Mutating) -> Response:
    """Say that an active mentorship reached its end.

    Two weeks after its time it is closed by itself: completed, if half of its check-ins took place.
    """

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.complete(uow, mutate.caller, mentorship_id)
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)


@router.post("/mentorships/{mentorship_id}/end", response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def end_mentorship(mentorship_id: MentorshipPath, body: Ended, mutate: Mutating) -> Response:
    """End a mentorship early, from either side."""

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.end(uow, mutate.caller, mentorship_id, body.reason)
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)


@router.put("/mentorships/{mentorship_id}/feedback", response_model=MentorshipView, responses=WRITE_PROBLEMS)
async def give_feedback(mentorship_id: MentorshipPath, body: NewFeedback, mutate: Mutating) -> Response:
    """Say how it was, once it is over, or say it anew. You alone read it unless you share it."""

    async def work(uow: UnitOfWork) -> Answer:
        mentorship = await commands.give_feedback(uow, mutate.caller, mentorship_id, **body.model_dump())
        return Answer(MentorshipView.of(mentorship, mutate.caller.member_id))

    return await mutate(work)
