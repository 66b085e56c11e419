"""The HTTP API of gatherings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from services.discussions import queries
from services.discussions.api import ical
from services.discussions.api.calendar import CALENDAR
from services.discussions.api.common import Author, CommunityPath, Hidden, Reactions, milliseconds, moment
from services.discussions.commands import gatherings as commands
from services.discussions.domain import schedule as schedules
from services.discussions.domain.attendance import Rsvp
from services.discussions.domain.gathering import Gathering, GatheringState, Notes, Occurrence
from services.discussions.domain.limits import ATTENDEES
from services.discussions.queries import Names, gatherings
from shared.contracts.content import Reply
from shared.errors import NotFound
from shared.ids import new_id
from shared.storage import Database, UnitOfWork
from shared.web import texts
from shared.web.auth import AuthenticatedCaller, Caller
from shared.web.database import Db
from shared.web.markdown import MarkdownView, WantsHtml, all_rendered, rendered
from shared.web.mutations import Answer, IfMatch, Mutating, etag
from shared.web.paging import Cursor, Page, PageSize, page, read_cursor
from shared.web.problems import READ_PROBLEMS, WRITE_PROBLEMS
from shared.web.texts import BodyText, HttpsAddress, Line, Note, TagList, TitleText, View

router = APIRouter(tags=["gatherings"])


def _real(text: str) -> str:
    datetime.fromisoformat(text)
    return text


LocalTime = Annotated[
    str,
    StringConstraints(pattern=r"^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"),
    AfterValidator(_real),
    Field(description="By the clocks of its zone.", examples=["2026-03-02T10:00"]),
]
Minutes = Annotated[
    int, Field(ge=5, le=23 * 60 + 59, description="How long it takes, in minutes.", examples=[60])
]
Zone = Annotated[str, Field(max_length=60, description="IANA time zone.", examples=["Europe/Copenhagen"])]
Place = Annotated[Line, Field(description="Where, in words.", examples=["Town hall, room 3"])]
Address = Annotated[
    HttpsAddress | None,
    Field(description="Where on the web.", examples=["https://meet.example.org/permit-clinic"]),
]
GatheringPath = Annotated[str, Path(max_length=100, description="A gathering's id.")]
OccurrencePath = Annotated[
    str,
    Path(max_length=16, description="An occurrence's local start by the rule, wherever it was moved to."),
]


class GatheringText(texts.Request):
    """A gathering, whole."""

    title: TitleText = Field(examples=["Permit clinic, every Monday"])
    body: BodyText = Field(description="The agenda.", examples=["Bring one permit that **waits**."])
    tags: TagList = Field(default_factory=list, examples=[["permits"]])
    start: LocalTime
    zone: Zone
    minutes: Minutes
    recurrence: str | None = Field(
        None,
        max_length=300,
        description="By which rule it comes again (RFC 5545: DAILY to YEARLY, with COUNT or UNTIL).",
        examples=["FREQ=WEEKLY;COUNT=10;BYDAY=MO"],
    )
    place: Place = ""
    address: Address = None
    capacity: int | None = Field(None, ge=1, le=ATTENDEES, description="How many can come.", examples=[20])

    def fields(self) -> dict[str, Any]:
        """The fields of a gathering. Raises ``BadInput`` for a schedule that makes no sense."""
        schedule = schedules.schedule(
            datetime.fromisoformat(self.start), self.zone, self.minutes, self.recurrence
        )
        whole = dict(self) | {"schedule": schedule}
        return {name: whole[name] for name in whole.keys() - {"start", "zone", "minutes", "recurrence"}}


class NewOccurrence(texts.Request):
    """What is different with one occurrence."""

    start: LocalTime
    minutes: Minutes
    place: Place = ""
    address: Address = None


class Cancellation(texts.Request):
    """Why it does not take place."""

    reason: Note = Field("", examples=["The host is ill."])


class NewReply(texts.Request):
    """Whether one comes."""

    reply: Reply = Field(examples=["yes"])


class NotesText(texts.Request):
    """What was noted."""

    text: BodyText = Field(examples=["We went through **three** permits."])


class GatheringView(MarkdownView):
    """A gathering."""

    id: str
    community_id: str
    author: Author
    title: str = Field(examples=["Permit clinic, every Monday"])
    body: str
    tags: list[str]
    state: GatheringState
    start: str
    zone: str
    minutes: int
    recurrence: str | None
    place: str
    address: str | None = Field(examples=["https://meet.example.org/permit-clinic"])
    capacity: int | None
    going: int
    waiting: int = Field(description="How many wait for a place.")
    maybe: int
    reply: Reply | None = Field(description="Yours.")
    on_waiting_list: bool = Field(description="You want to come, and there is no place yet.")
    next_at: AwareDatetime | None = Field(description="When it takes place next; nothing when it is over.")
    next_ends_at: AwareDatetime | None
    sequence: int = Field(description="How often calendars had to change.")
    reactions: Reactions
    hidden: Hidden
    posted_at: AwareDatetime
    updated_at: AwareDatetime
    revision: int

    @staticmethod
    def of(gathering: Gathering, rsvp: Rsvp | None, names: Names) -> GatheringView:
        """The view of ``gathering`` for whoever gave ``rsvp``."""
        return GatheringView(
            id=gathering.thread_id,
            author=Author.of(gathering.author_id, gathering, names),
            reply=rsvp.reply if rsvp else None,
            on_waiting_list=rsvp is not None and rsvp.waiting,
            hidden=bool(gathering.hidden),
            **gathering.schedule.model_dump(),
            **gathering.model_dump(include=set(GatheringView.model_fields) - {"author", "hidden"}),
        )


class OccurrenceView(View):
    """One time that a gathering takes place."""

    occurrence: str = Field(
        description="Its local start by the rule: what it is called.", examples=["2026-03-02T10:00"]
    )
    start: str = Field(description="By the clocks of its zone.")
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    minutes: int
    place: str
    address: str | None = Field(examples=["https://meet.example.org/permit-clinic"])
    cancelled: bool
    moved: bool

    @staticmethod
    def of(occurrence: Occurrence) -> OccurrenceView:
        """The view of ``occurrence``."""
        local = {
            "occurrence": occurrence.occurrence.isoformat(timespec="minutes"),
            "start": occurrence.start.isoformat(timespec="minutes"),
        }
        return OccurrenceView(**(occurrence._asdict() | local))


class AttendeeView(View):
    """Who answered."""

    member: Author
    reply: Reply
    waiting: bool
    at: AwareDatetime

    @staticmethod
    def of(rsvp: Rsvp, names: Names) -> AttendeeView:
        """The view of ``rsvp``."""
        return AttendeeView(
            member=Author.of(rsvp.member_id, rsvp, names),
            **rsvp.model_dump(include={"reply", "waiting", "at"}),
        )


class NotesView(MarkdownView):
    """What was noted of an occurrence."""

    markdown = ("text",)

    occurrence: str = Field(examples=["2026-03-02T10:00"])
    author: Author
    text: str = Field(examples=["We went through **three** permits."])
    revision: int
    at: AwareDatetime

    @staticmethod
    def of(notes: Notes, names: Names) -> NotesView:
        """The view of ``notes``."""
        return NotesView(
            author=Author.of(notes.author_id, notes, names),
            **notes.model_dump(include={"occurrence", "text", "revision", "at"}),
        )


@router.post(
    "/communities/{community_id}/gatherings",
    status_code=201,
    response_model=GatheringView,
    responses=WRITE_PROBLEMS,
)
async def plan_gathering(
    community_id: CommunityPath, body: GatheringText, mutate: Mutating, database: Db
) -> Response:
    """Invite a community to meet, once or again and again. You come yourself, until you say otherwise."""
    thread_id = new_id()
    fields = body.fields()

    async def work(uow: UnitOfWork) -> Answer:
        gathering, rsvp = await commands.plan(uow, mutate.caller.member_id, thread_id, community_id, **fields)
        view = await _view(database, mutate.caller, gathering, rsvp)
        return Answer(view, 201, gathering.revision, f"/v1/gatherings/{thread_id}")

    return await mutate(work)


@router.get(
    "/communities/{community_id}/gatherings",
    response_model=Page[GatheringView],
    responses=READ_PROBLEMS,
)
async def list_gatherings(
    community_id: CommunityPath,
    caller: AuthenticatedCaller,
    database: Db,
    state: Annotated[
        GatheringState, Query(description="Those to come, the next first; others the newest first.")
    ] = "scheduled",
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[GatheringView]:
    """A community's gatherings."""
    position = moment(cursor) if cursor else None
    if state == "scheduled":
        rows = await gatherings.coming(database, caller, community_id, position, limit + 1)
        shown, following = page(rows, limit, lambda row: milliseconds(row.next_at), lambda row: row.thread_id)
    else:
        rows = await gatherings.in_state(database, caller, community_id, state, position, limit + 1)
        shown, following = page(
            rows, limit, lambda row: milliseconds(row.posted_at), lambda row: row.thread_id
        )
    return Page(items=await all_rendered(await _views(database, caller, shown), html), next=following)


@router.get("/gatherings/mine", response_model=Page[GatheringView], responses=READ_PROBLEMS)
async def list_own_gatherings(
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[GatheringView]:
    """The gatherings to come that you come to, or might, in all communities; the next first."""
    after = moment(cursor) if cursor else None
    rows = await gatherings.own_rsvps(database, caller, after, limit + 1)
    shown, following = page(rows, limit, lambda row: milliseconds(row.next_at), lambda row: row.thread_id)
    visible = await gatherings.visible(database, caller.member_id, shown)
    return Page(items=await all_rendered(await _views(database, caller, visible), html), next=following)


@router.get("/gatherings/{gathering_id}", response_model=GatheringView, responses=READ_PROBLEMS)
async def read_gathering(
    gathering_id: GatheringPath,
    caller: AuthenticatedCaller,
    database: Db,
    response: Response,
    html: WantsHtml = False,
) -> GatheringView:
    """A gathering."""
    gathering = await gatherings.gathering(database, caller, gathering_id)
    response.headers["ETag"] = etag(gathering.revision)
    (view,) = await _views(database, caller, [gathering])
    return await rendered(view, html)


@router.put("/gatherings/{gathering_id}", response_model=GatheringView, responses=WRITE_PROBLEMS)
async def change_gathering(
    gathering_id: GatheringPath, body: GatheringText, version: IfMatch, mutate: Mutating, database: Db
) -> Response:
    """Change a gathering, whole. For its author, facilitators and stewards. Whoever comes is told."""
    fields = body.fields()

    async def work(uow: UnitOfWork) -> Answer:
        gathering = await commands.change(uow, mutate.caller.member_id, gathering_id, version, **fields)
        return await _answer(database, mutate.caller, gathering)

    return await mutate(work)


@router.post("/gatherings/{gathering_id}/cancel", response_model=GatheringView, responses=WRITE_PROBLEMS)
async def cancel_gathering(
    gathering_id: GatheringPath, body: Cancellation, mutate: Mutating, database: Db
) -> Response:
    """Cancel a gathering, or what is left of it. For its author, facilitators and stewards."""

    async def work(uow: UnitOfWork) -> Answer:
        gathering = await commands.cancel(uow, mutate.caller.member_id, gathering_id, body.reason)
        return await _answer(database, mutate.caller, gathering)

    return await mutate(work)


@router.get(
    "/gatherings/{gathering_id}/occurrences", response_model=Page[OccurrenceView], responses=READ_PROBLEMS
)
async def list_occurrences(
    gathering_id: GatheringPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[OccurrenceView]:
    """Each time that a gathering takes place, in the rule's order; those cancelled and moved are marked."""
    gathering = await gatherings.gathering(database, caller, gathering_id)
    after = read_cursor(cursor, str)[0] if cursor else ""
    rows = [view for each in gathering.occurrences() if (view := OccurrenceView.of(each)).occurrence > after]
    shown, following = page(rows, limit, lambda row: row.occurrence)
    return Page(items=shown, next=following)


@router.put(
    "/gatherings/{gathering_id}/occurrences/{occurrence}",
    response_model=GatheringView,
    responses=WRITE_PROBLEMS,
)
async def change_occurrence(
    gathering_id: GatheringPath,
    occurrence: OccurrencePath,
    body: NewOccurrence,
    version: IfMatch,
    mutate: Mutating,
    database: Db,
) -> Response:
    """Move one occurrence, or hold it elsewhere. For its author, facilitators and stewards."""
    named = _named(occurrence)
    fields = dict(body) | {"start": datetime.fromisoformat(body.start)}

    async def work(uow: UnitOfWork) -> Answer:
        gathering = await commands.change_occurrence(
            uow, mutate.caller.member_id, gathering_id, version, named, **fields
        )
        return await _answer(database, mutate.caller, gathering)

    return await mutate(work)


@router.delete(
    "/gatherings/{gathering_id}/occurrences/{occurrence}",
    response_model=GatheringView,
    responses=WRITE_PROBLEMS,
)
async def cancel_occurrence(
    gathering_id: GatheringPath, occurrence: OccurrencePath, mutate: Mutating, database: Db
) -> Response:
    """Let one occurrence be. For its author, facilitators and stewards."""
    named = _named(occurrence)

    async def work(uow: UnitOfWork) -> Answer:
        gathering = await commands.cancel_occurrence(uow, mutate.caller.member_id, gathering_id, named)
        return await _answer(database, mutate.caller, gathering)

    return await mutate(work)


@router.put("/gatherings/{gathering_id}/rsvp", response_model=GatheringView, responses=WRITE_PROBLEMS)
async def rsvp(gathering_id: GatheringPath, body: NewReply, mutate: Mutating, database: Db) -> Response:
    """Say whether you come. Where all places are taken you wait, and move up when somebody leaves."""

    async def work(uow: UnitOfWork) -> Answer:
        gathering, given = await commands.rsvp(uow, mutate.caller.member_id, gathering_id, body.reply)
        view = await _view(database, mutate.caller, gathering, given)
        return Answer(view, version=gathering.revision)

    return await mutate(work)


@router.get(
    "/gatherings/{gathering_id}/attendees", response_model=Page[AttendeeView], responses=READ_PROBLEMS
)
async def list_attendees(
    gathering_id: GatheringPath,
    caller: AuthenticatedCaller,
    database: Db,
    reply: Annotated[Reply, Query(description="Those who answered so.")] = "yes",
    waiting: Annotated[bool, Query(description="Those who wait for a place.")] = False,
    cursor: Cursor = None,
    limit: PageSize = 20,
) -> Page[AttendeeView]:
    """Who comes, might come, does not come, or waits; the first to answer first."""
    after = moment(cursor) if cursor else None
    rows = await gatherings.attendees(
        database, caller, gathering_id, reply, waiting=waiting, after=after, limit=limit + 1
    )
    shown, following = page(rows, limit, lambda row: milliseconds(row.at), lambda row: row.member_id)
    names = await queries.names(database, caller, shown, (row.member_id for row in shown))
    return Page(items=[AttendeeView.of(row, names) for row in shown], next=following)


@router.get("/gatherings/{gathering_id}/notes", response_model=Page[NotesView], responses=READ_PROBLEMS)
async def list_notes(
    gathering_id: GatheringPath,
    caller: AuthenticatedCaller,
    database: Db,
    cursor: Cursor = None,
    limit: PageSize = 20,
    html: WantsHtml = False,
) -> Page[NotesView]:
    """What was noted, the latest occurrence first."""
    before = read_cursor(cursor, str)[0] if cursor else None
    rows = await gatherings.notes(database, caller, gathering_id, before, limit + 1)
    shown, following = page(rows, limit, lambda row: row.occurrence.isoformat(timespec="minutes"))
    names = await queries.names(database, caller, shown, (row.author_id for row in shown))
    return Page(items=await all_rendered([NotesView.of(row, names) for row in shown], html), next=following)


@router.post(
    "/gatherings/{gathering_id}/notes/{occurrence}",
    status_code=201,
    response_model=NotesView,
    responses=WRITE_PROBLEMS,
)
async def publish_notes(
    gathering_id: GatheringPath,
    occurrence: OccurrencePath,
    body: NotesText,
    mutate: Mutating,
    database: Db,
) -> Response:
    """Publish what was noted of an occurrence that was held. For its author, facilitators and stewards."""
    named = _named(occurrence)

    async def work(uow: UnitOfWork) -> Answer:
        notes = await commands.publish_notes(
            uow, mutate.caller.member_id, gathering_id, None, named, body.text
        )
        return await _notes(database, mutate.caller, notes, 201)

    return await mutate(work)


@router.put(
    "/gatherings/{gathering_id}/notes/{occurrence}", response_model=NotesView, responses=WRITE_PROBLEMS
)
async def edit_notes(
    gathering_id: GatheringPath,
    occurrence: OccurrencePath,
    body: NotesText,
    version: IfMatch,
    mutate: Mutating,
    database: Db,
) -> Response:
    """Edit the notes of an occurrence. For the gathering's author, facilitators and stewards."""
    named = _named(occurrence)

    async def work(uow: UnitOfWork) -> Answer:
        notes = await commands.publish_notes(
            uow, mutate.caller.member_id, gathering_id, version, named, body.text
        )
        return await _notes(database, mutate.caller, notes, 200)

    return await mutate(work)


@router.get(
    "/gatherings/{gathering_id}/event.ics",
    response_class=Response,
    responses={**READ_PROBLEMS, **CALENDAR},
)
async def read_event(gathering_id: GatheringPath, caller: AuthenticatedCaller, database: Db) -> Response:
    """A gathering to put into your calendar; a cancelled one takes itself out of it."""
    gathering = await gatherings.gathering(database, caller, gathering_id)
    rsvp = (await gatherings.rsvps_of(database, caller, [gathering])).get(gathering_id)
    names = await queries.names(database, caller, [gathering], [gathering.author_id, caller.member_id])
    host, guest = (
        names.people.get(each, ("Guildhall", None))[0] for each in (gathering.author_id, caller.member_id)
    )
    content = ical.invitation(gathering, host, ical.Guest(caller.member_id, guest, rsvp))
    return Response(
        content,
        media_type=f"text/calendar; method={ical.method_of(gathering)}",
        headers={"Content-Disposition": 'attachment; filename="gathering.ics"'},
    )


def _named(occurrence: str) -> datetime:
    try:
        return datetime.strptime(occurrence, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 local by definition
    except ValueError:
        raise NotFound(
            "no-such-occurrence", "It does not take place then.", fix="Name it by its start in the rule."
        ) from None


async def _views(database: Database, caller: Caller, rows: list[Gathering]) -> list[GatheringView]:
    rsvps = await gatherings.rsvps_of(database, caller, rows)
    names = await queries.names(database, caller, rows, (row.author_id for row in rows))
    return [GatheringView.of(row, rsvps.get(row.thread_id), names) for row in rows]


async def _view(database: Database, caller: Caller, gathering: Gathering, rsvp: Rsvp | None) -> GatheringView:
    names = await queries.names(database, caller, [gathering], [gathering.author_id])
    return GatheringView.of(gathering, rsvp, names)


async def _answer(database: Database, caller: Caller, gathering: Gathering) -> Answer:
    (view,) = await _views(database, caller, [gathering])
    return Answer(view, version=gathering.revision)


async def _notes(database: Database, caller: Caller, notes: Notes, status: int) -> Answer:
    names = await queries.names(database, caller, [notes], [notes.author_id])
    return Answer(NotesView.of(notes, names), status, notes.revision)
