"""What matching makes of others' events: projections, expertise, asks."""

from __future__ import annotations

import asyncio
from datetime import datetime

from services.matching import store
from services.matching.commands import asks as commands
from services.matching.commands import recommendations
from services.matching.commands.asks import Course
from services.matching.commands.learning import learn
from services.matching.domain import rules
from services.matching.domain.asking import is_worth_asking
from services.matching.domain.expertise import Evidence
from services.matching.domain.routing.text import digest
from services.matching.domain.taste import COMMUNITY, TAG
from services.matching.store import Place, tastes, ties
from services.matching.store import mentors as mentor_store
from services.matching.store import precedents as precedent_store
from services.matching.store import recommendations as recommended
from shared.contracts.discussions import (
    CommentAdded,
    ContentFlagged,
    ContentRedacted,
    EndorsementWithdrawn,
    ProblemLinked,
    ProblemPosted,
    ProblemReopened,
    ProblemResolved,
    ProblemUpdated,
    ProblemWithdrawn,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.members import (
    AvailabilityChanged,
    CommunityCreated,
    CommunityStageChanged,
    CommunityUpdated,
    ConnectionDeclined,
    ConnectionEnded,
    ConnectionMade,
    ConnectionRequested,
    MemberErased,
    MemberJoined,
    MemberLeft,
    MemberRegistered,
    MemberRemoved,
    MembershipDormant,
    ProfileUpdated,
    RoleChanged,
    SkillsUpdated,
)
from shared.contracts.mentorships import (
    MentorOffered,
    MentorshipAccepted,
    MentorshipCancelled,
    MentorshipCheckedIn,
    MentorshipCompleted,
    MentorshipDeclined,
    MentorshipEnded,
    MentorshipExpired,
    MentorshipRequested,
    MentorWithdrawn,
)
from shared.contracts.practices import (
    AdaptationOutcomeReported,
    BestPracticeRecognised,
    ContestResolved,
    PracticeLapsed,
    PracticeReverified,
    PracticeSuperseded,
    SolutionContested,
)
from shared.messaging.envelope import Received
from shared.messaging.reactions import Batch, Reactions
from shared.storage import UnitOfWork, personal

reactions = Reactions("matching")

PRACTICE_STATES = frozenset({"best-practice", "review-due", "re-verified"})
"""Of solutions that are best practices."""

Belonging = (
    MemberRegistered | ProfileUpdated | SkillsUpdated | AvailabilityChanged
    | CommunityCreated | MemberJoined | MemberLeft | MemberRemoved | MembershipDormant | RoleChanged
)  # fmt: skip
Precedented = (
    ProblemPosted | ProblemUpdated | SolutionProposed | SolutionAccepted | ProblemResolved | ProblemReopened
    | ProblemLinked | ProblemWithdrawn | BestPracticeRecognised | PracticeReverified | PracticeLapsed
    | PracticeSuperseded | SolutionContested | ContestResolved | ContentFlagged | ContentRedacted
)  # fmt: skip
Deed = ProblemPosted | SolutionProposed | SolutionRevised | SolutionEndorsed | SolutionAccepted | CommentAdded


@reactions.batch(
    MemberRegistered,
    ProfileUpdated,
    SkillsUpdated,
    AvailabilityChanged,
    CommunityCreated,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MembershipDormant,
    RoleChanged,
)
async def who_belongs(batch: Batch[Belonging], uow: UnitOfWork) -> None:
    """Keep who is who, who belongs where, and what they state they can do."""
    for received in batch:
        match received.event:
            case MemberRegistered() | ProfileUpdated() as event:
                store.project_profile(
                    uow, event.member_id, event.version, name=event.name, org_id=event.org_id
                )
            case SkillsUpdated() as event:
                store.project_skills(uow, event.member_id, event.version, event.skills)
            case AvailabilityChanged() as event:
                store.project_availability(
                    uow,
                    event.member_id,
                    event.version,
                    hours_a_week=event.hours_a_week,
                    away_until=event.away_until,
                )
            case CommunityCreated() as event:
                external = event.kind == "external"
                store.project_community(uow, event.community_id, event.version, external=external)
            case MemberJoined() as event:
                store.project_joined(
                    uow,
                    (event.community_id, event.member_id),
                    event.version,
                    org_id=event.org_id,
                    role=event.role,
                    joined_at=event.joined_at,
                )
                place = (event.community_id, event.member_id)
                store.project_standing(uow, place, event.version, event.standing)
            case MembershipDormant() as event:
                place = (event.community_id, event.member_id)
                store.project_standing(uow, place, event.version, event.standing)
            case MemberLeft() | MemberRemoved() as event:
                store.project_left(uow, (event.community_id, event.member_id), event.version)
            case RoleChanged() as event:
                place = (event.community_id, event.member_id)
                store.project_role(uow, place, event.version, event.role)


@reactions.batch(ProblemPosted, ProblemUpdated, ProblemWithdrawn, ContentRedacted, SolutionProposed)
async def problems(
    batch: Batch[ProblemPosted | ProblemUpdated | ProblemWithdrawn | ContentRedacted | SolutionProposed],
    uow: UnitOfWork,
) -> None:
    """Keep whose each problem is, what it is about, and when it was first answered."""
    for received in batch:
        event, at = received.event, min(received.at, uow.now)
        match event:
            case ProblemWithdrawn():
                store.project_withdrawn(uow, event.thread_id)
            case ContentRedacted():
                if event.item_kind == "problem":
                    store.project_redacted(uow, event.thread_id)
            case SolutionProposed():
                if event.solution_author_id != event.problem_author_id:
                    store.note_answered(uow, event.thread_id, at)
            case ProblemPosted() | ProblemUpdated():
                store.project_thread(
                    uow,
                    event.thread_id,
                    event.version,
                    community_id=event.community_id,
                    author_id=event.author_id,
                    tags=event.tags,
                    words=digest((event.title, event.body)).tobytes(),
                )
                await asyncio.sleep(0)  # reading a thousand texts is work: heartbeats go on in between
                if isinstance(event, ProblemPosted):
                    store.note_posted(uow, event.thread_id, at, anonymous=event.anonymous)


@reactions.batch(
    ProblemPosted,
    ProblemUpdated,
    SolutionProposed,
    SolutionAccepted,
    ProblemResolved,
    ProblemReopened,
    ProblemLinked,
    ProblemWithdrawn,
    BestPracticeRecognised,
    PracticeReverified,
    PracticeLapsed,
    PracticeSuperseded,
    SolutionContested,
    ContestResolved,
    ContentFlagged,
    ContentRedacted,
)
async def precedents(batch: Batch[Precedented], uow: UnitOfWork) -> None:
    """Keep what each problem says and how it stands, for those who have one like it."""
    for received in batch:
        project_precedent(uow, received)
        await asyncio.sleep(0)  # counting the words of a thousand texts is work: heartbeats go on in between


def project_precedent(uow: UnitOfWork, received: Received[Precedented]) -> None:
    """Keep one event of a problem."""
    event = received.event
    thread_id, version = event.thread_id, event.version
    match event:
        case ProblemPosted() | ProblemUpdated():
            precedent_store.project_text(
                uow,
                thread_id,
                version,
                community_id=event.community_id,
                author_id=event.author_id,
                title=event.title,
                body=event.body,
                tags=event.tags,
                look=isinstance(event, ProblemPosted) and is_worth_asking(received.at, uow.now),
            )
        case SolutionProposed():
            precedent_store.project_answered(uow, thread_id)
        case SolutionAccepted():
            precedent_store.project_accepted(uow, thread_id, version)
        case ProblemResolved():
            precedent_store.project_state(uow, thread_id, version, "resolved")
        case ProblemReopened():
            precedent_store.project_state(uow, thread_id, version, "reopened")
        case ProblemWithdrawn():
            precedent_store.project_state(uow, thread_id, version, "withdrawn")
        case ProblemLinked():
            if event.kind == "duplicate":
                precedent_store.project_state(uow, thread_id, version, "duplicate", event.target_thread_id)
        case BestPracticeRecognised() | PracticeReverified():
            precedent_store.project_practice(uow, thread_id, version, event.solution_id, is_practice=True)
        case PracticeLapsed() | PracticeSuperseded():
            precedent_store.project_practice(uow, thread_id, version, event.solution_id, is_practice=False)
        case SolutionContested() | ContestResolved():
            holds = event.state in PRACTICE_STATES
            precedent_store.project_practice(uow, thread_id, version, event.solution_id, is_practice=holds)
        case ContentFlagged():
            if event.item_kind == "problem":
                precedent_store.project_hidden(uow, thread_id, version, hidden=event.hidden)
        case ContentRedacted():
            if event.item_kind == "problem":
                precedent_store.project_redacted(uow, thread_id, version)


@reactions.batch(
    ProblemPosted, SolutionProposed, SolutionRevised, SolutionEndorsed, SolutionAccepted, CommentAdded
)
async def activity(batch: Batch[Deed], uow: UnitOfWork) -> None:
    """Keep when each was last active."""
    last: dict[Place, datetime] = {}
    for received in batch:
        event = received.event
        place = (event.community_id, _actor(event))
        at = min(received.at, uow.now)
        last[place] = max(at, last.get(place, at))
    for place, at in last.items():
        store.note_activity(uow, place, at)


def _actor(event: Deed) -> str:
    match event:
        case ProblemPosted() | CommentAdded():
            return event.author_id
        case SolutionProposed():
            return event.solution_author_id
        case SolutionRevised():
            return event.editor_id
        case SolutionEndorsed():
            return event.endorser_id
        case SolutionAccepted():
            return event.accepted_by


# The last ones: what they read, the handlers above have written.


@reactions.batch(
    SolutionProposed,
    SolutionEndorsed,
    EndorsementWithdrawn,
    SolutionAccepted,
    AdaptationOutcomeReported,
    ContentFlagged,
)
async def evidence(batch: Batch[Evidence], uow: UnitOfWork) -> None:
    """Learn who knows what."""
    await learn(uow, [each for each in batch if _is_of_a_solution(each.event)])


def _is_of_a_solution(event: Evidence) -> bool:
    return not isinstance(event, ContentFlagged) or event.item_kind == "solution"


@reactions.batch(ProblemPosted)
async def new_problems(batch: Batch[ProblemPosted], uow: UnitOfWork) -> None:
    """Have experts asked."""
    await uow.flush()  # of this batch's communities, too
    await commands.begin(uow, batch)


@reactions.batch(
    ProblemUpdated,
    SolutionProposed,
    ProblemResolved,
    ProblemWithdrawn,
    ProblemLinked,
    ProblemReopened,
    ContentFlagged,
    ContentRedacted,
)
async def course_of_problems(batch: Batch[Course], uow: UnitOfWork) -> None:
    """Stop asking, go on, or ask for something else."""
    await uow.flush()  # of this batch's problems, too
    await commands.follow(uow, batch)


# -- recommending --------------------------------------------------------------------------------------

Profile = (
    MemberRegistered | ProfileUpdated | SkillsUpdated | AvailabilityChanged | MentorOffered | MentorWithdrawn
)
Setup = CommunityCreated | CommunityUpdated | CommunityStageChanged
Taste = MemberJoined | MemberLeft | MemberRemoved | ProblemPosted | SolutionProposed | CommentAdded
Connection = ConnectionRequested | ConnectionMade | ConnectionDeclined | ConnectionEnded
Mentorship = (
    MentorshipRequested | MentorshipAccepted | MentorshipDeclined | MentorshipExpired | MentorshipCancelled
    | MentorshipCheckedIn | MentorshipCompleted | MentorshipEnded
)  # fmt: skip


@reactions.batch(
    MemberRegistered, ProfileUpdated, SkillsUpdated, AvailabilityChanged, MentorOffered, MentorWithdrawn
)
async def profiles(batch: Batch[Profile], uow: UnitOfWork) -> None:
    """Keep what members show of themselves, and what mentors offer."""
    for received in batch:
        event = received.event
        match event:
            case MemberRegistered() | ProfileUpdated():
                shown = event.model_dump(
                    include={"name", "org_id", "languages", "time_zone", "interests", "seeks", "offers"}
                )
                tastes.project_profile(uow, event.member_id, event.version, shown)
                recommended.look_at(uow, event.member_id, uow.now, sooner=True)
            case SkillsUpdated():
                tastes.project_skills(uow, event.member_id, event.version, event.skills)
            case AvailabilityChanged():
                tastes.project_availability(
                    uow, event.member_id, event.version, event.away_until, event.community_budget
                )
            case MentorOffered():
                offer = event.model_dump(exclude={"member_id", "version"})
                mentor_store.project_mentor(uow, event.member_id, event.version, offer)
            case MentorWithdrawn():
                mentor_store.project_mentor(uow, event.member_id, event.version, None)


@reactions.batch(CommunityCreated, CommunityUpdated, CommunityStageChanged)
async def places(batch: Batch[Setup], uow: UnitOfWork) -> None:
    """Keep what each community is about, for whom it is, and how alive."""
    for received in batch:
        event = received.event
        if isinstance(event, CommunityStageChanged):
            tastes.project_stage(uow, event.community_id, event.version, event.stage)
            continue
        shown = event.model_dump(include={"name", "kind", "org_id", "join_policy", "tags", "languages"})
        tastes.project_place(uow, event.community_id, event.version, shown)
        if isinstance(event, CommunityCreated):
            tastes.project_stage(uow, event.community_id, event.version, "forming")


@reactions.batch(MemberJoined, MemberLeft, MemberRemoved, ProblemPosted, SolutionProposed, CommentAdded)
async def cares(batch: Batch[Taste], uow: UnitOfWork) -> None:
    """Learn what members care about, and who met whom in a thread."""
    joined: list[tuple[str, str]] = []
    for received in batch:
        event, at = received.event, min(received.at, uow.now)
        item = COMMUNITY + event.community_id
        match event:
            case MemberJoined():
                tastes.add_tastes(uow, event.member_id, {item: rules.JOINED}, at, wrote=False)
                recommended.look_at(uow, event.member_id, uow.now + rules.LOOK_AGAIN, sooner=True)
                joined.append((event.member_id, event.community_id))
            case MemberLeft() | MemberRemoved():
                tastes.drop_taste(uow, event.member_id, item)
            case ProblemPosted():
                items = [item, *(TAG + tag for tag in event.tags)]
                weights = dict.fromkeys(items, rules.CONTRIBUTED)
                tastes.add_tastes(uow, event.author_id, weights, at, wrote=True)
                ties.note_meeting(
                    uow, event.thread_id, event.author_id, event.community_id, at, named=not event.anonymous
                )
            case SolutionProposed():
                items = [item, *(TAG + tag for tag in event.tags)]
                weights = dict.fromkeys(items, rules.CONTRIBUTED)
                tastes.add_tastes(uow, event.solution_author_id, weights, at, wrote=True)
                ties.note_meeting(uow, event.thread_id, event.solution_author_id, event.community_id, at)
            case CommentAdded():
                tastes.add_tastes(uow, event.author_id, {item: rules.COMMENTED}, at, wrote=True)
                ties.note_meeting(uow, event.thread_id, event.author_id, event.community_id, at)
    if joined:
        await recommendations.taken_up(uow, "community", joined)


@reactions.batch(
    MentorshipRequested,
    MentorshipAccepted,
    MentorshipDeclined,
    MentorshipExpired,
    MentorshipCancelled,
    MentorshipCheckedIn,
    MentorshipCompleted,
    MentorshipEnded,
)
async def mentorships(batch: Batch[Mentorship], uow: UnitOfWork) -> None:
    """Keep which places of mentors are taken, and who has whom."""
    over = (
        MentorshipDeclined, MentorshipExpired, MentorshipCancelled, MentorshipCompleted, MentorshipEnded
    )  # fmt: skip
    asked: list[tuple[str, str]] = []
    for received in batch:
        event = received.event
        mentor_store.project_mentorship(
            uow,
            event.mentorship_id,
            (event.mentor_id, event.mentee_id),
            event.version,
            taken=event.places_taken,
            live=not isinstance(event, over),
        )
        if isinstance(event, MentorshipRequested):
            asked.append((event.mentee_id, event.mentor_id))
    if asked:
        await recommendations.taken_up(uow, "mentor", asked)


@reactions.batch(ConnectionRequested, ConnectionMade, ConnectionDeclined, ConnectionEnded)
async def connections(batch: Batch[Connection], uow: UnitOfWork) -> None:
    """Keep who is connected, who asked, and who did not want to."""
    states = {ConnectionRequested: "requested", ConnectionMade: "connected", ConnectionDeclined: "declined"}
    asked: list[tuple[str, str]] = []
    over: list[tuple[str, str]] = []
    for received in batch:
        event = received.event
        sides = (event.requester_id, event.addressee_id)
        state = states.get(type(event), "ended")
        ties.project_tie(uow, event.connection_id, event.version, sides, state)
        match state:
            case "requested":
                asked.append(sides)
            case "connected":
                asked.append((sides[1], sides[0]))
            case _:
                over += [sides, (sides[1], sides[0])]
    if asked:
        await recommendations.taken_up(uow, "connection", asked)
    if over:
        await recommendations.turned_down(uow, over)


@reactions.on(MemberErased)
async def forget(received: Received[MemberErased], uow: UnitOfWork) -> None:
    """Erase what is held of a member, and let nothing about them in any more."""
    personal.begin(uow, received.event.member_id)
