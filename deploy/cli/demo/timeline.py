"""What is seen to happen: the Kafka topics and members' event streams, watched, printed and waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deploy.cli.demo.world import Person, Trouble, World
from shared.contracts import EVENTS, Event
from shared.contracts.discussions import (
    CommentAdded,
    ProblemPosted,
    ProblemResolved,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
    SolutionRevised,
)
from shared.contracts.matching import ExpertAskAccepted, ExpertAsked, ExpertAskExpired, SimilarProblemsFound
from shared.contracts.members import ConnectionMade, ConnectionRequested
from shared.contracts.mentorships import MentorshipAccepted, MentorshipRequested
from shared.contracts.notifications import NotificationDelivered, NotificationDeliveredV2
from shared.contracts.practices import (
    AdaptationOutcomeReported,
    AdaptationStarted,
    AdaptationUpdated,
    BestPracticeProposed,
    BestPracticeRecognised,
    SolutionRecommended,
)
from shared.contracts.topics import EVENT_TOPICS
from shared.errors import InvalidMessage
from shared.messaging.envelope import decode, type_of

COLOURS = {"members": "cyan", "discussions": "green", "matching": "magenta", "notifications": "yellow"}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something seen: an event on a topic, or a notification on a member's stream."""

    at: float
    service: str
    name: str
    about: frozenset[str]
    """The thread, the mentorship, the connection that it belongs to."""
    event: Event | None = None
    listener: str | None = None
    notification: Mapping[str, Any] | None = None


class Timeline:
    """Everything seen of what is followed. Prints each as it comes, with the time since the post."""

    def __init__(self, console: Console, names: Mapping[str, str], listening: Collection[str]) -> None:
        """``names`` of members by id; of those ``listening`` the stream shows what was delivered."""
        self._console = console
        self._names = names
        self._listening = listening
        self._who = min(max(map(cell_len, names.values()), default=0), 20)
        self._title = ""
        self._zero = 0.0
        self._followed: set[str] = set()
        self._early: list[Seen] = []
        self._seen: list[Seen] = []
        self._more = asyncio.Condition()

    def begin(self) -> None:
        """The post is being sent now: the time is zero."""
        self._zero = monotonic()
        self._print("ms", "service", "what happened", "who", style="bold")

    def says(self, what: str) -> None:
        """Say what comes next, and by which rule."""
        self._console.print()
        self._console.print(Padding(Text(what, "italic"), (0, 0, 0, 9)))

    async def follow(self, what: str) -> None:
        """Follow this thread, mentorship or connection, too; what was seen of it already is shown first."""
        self._followed.add(what)
        early, self._early = self._early, []
        for seen in early:
            await self.saw(seen)

    async def saw(self, seen: Seen) -> None:
        """Take note of something."""
        if not seen.about & self._followed:
            self._early.append(seen)
            return
        recipient = getattr(seen.event, "member_id", None) if seen.name == "notification-delivered" else None
        if recipient not in self._listening:
            what, who = self._words(seen)
            after = f"+{(seen.at - self._zero) * 1000:,.0f}"
            style = "bold" if seen.listener else ""
            self._print(after, seen.service, self._brief(what), who, style=style)
            if isinstance(seen.event, ProblemPosted):
                self._title = seen.event.title
        async with self._more:
            self._seen.append(seen)
            self._more.notify_all()

    async def until(self, condition: Callable[[Seen], bool], *, count: int = 1, within: float) -> list[Seen]:
        """What meets ``condition``, once that is ``count``; whatever there is after ``within`` seconds."""

        def met() -> list[Seen]:
            return [seen for seen in self._seen if condition(seen)]

        async with self._more:
            try:
                async with asyncio.timeout(within):
                    await self._more.wait_for(lambda: len(met()) >= count)
            except TimeoutError:
                pass
        return met()

    def _brief(self, what: str) -> str:
        """``what``, with the beginning of the title that was written out before."""
        beginning = self._title[:24].rpartition(" ")[0] or self._title[:24]
        return what.replace(self._title, f"{beginning}…") if len(self._title) > 30 else what

    def _print(self, after: str, service: str, what: str, who: str, *, style: str) -> None:
        line = Table.grid(padding=(0, 2, 0, 0), expand=True)
        line.add_column(width=7, justify="right")
        line.add_column(width=13)
        line.add_column(ratio=1)
        line.add_column(width=self._who)
        line.add_row(
            Text(after, "dim"), Text(service, COLOURS.get(service, "")), Text(what, style), Text(who, style)
        )
        self._console.print(line)

    def _name(self, member_id: str) -> str:
        return self._names.get(member_id, member_id[:8])

    def _words(self, seen: Seen) -> tuple[str, str]:
        if seen.notification is not None and seen.listener:
            told = seen.notification
            return f"on the stream: {told.get('text') or seen.name}", self._name(seen.listener)
        match seen.event:
            case ProblemPosted(title=title, author_id=author):
                return f"problem posted: “{title}”", self._name(author)
            case ExpertAsked(expert_id=expert, reasons=reasons, wave=wave):
                return f"expert asked (wave {wave}): {'; '.join(reasons)}", self._name(expert)
            case SimilarProblemsFound(similar=similar):
                titles = "; ".join(f"“{each.title}”, {'; '.join(each.reasons)}" for each in similar)
                return f"similar problems found: {titles}", ""
            case ExpertAskAccepted(expert_id=expert):
                return "expert accepted the ask", self._name(expert)
            case ExpertAskExpired(expert_id=expert, ignored=ignored):
                why = "there was no answer in time" if ignored else "the problem is settled"
                return f"expert ask over: {why}", self._name(expert)
            case SolutionProposed(solution_author_id=author):
                return "solution proposed", self._name(author)
            case SolutionEndorsed(endorser_id=endorser, endorser_org_id=org, basis=basis, endorsements=count):
                return f"solution endorsed ({basis}){_of(org)}, {count} by now", self._name(endorser)
            case SolutionAccepted(accepted_by=asker):
                return "solution accepted", self._name(asker)
            case ProblemResolved(resolved_by=member):
                return "problem resolved", self._name(member)
            case SolutionRecommended(endorsements=count, score=score):
                return f"solution recommended: {count} endorsements count, score {score:.2f}", ""
            case AdaptationStarted(adopter_id=adopter, adopter_org_id=org, title=title):
                return f"adaptation started{_of(org)}: “{title}”", self._name(adopter)
            case AdaptationOutcomeReported(adopter_id=adopter, outcome=outcome, measures=measures):
                figures = "".join(
                    f": {each.name} {each.before:g} → {each.after:g} {each.unit}" for each in measures
                )
                return f"adaptation {outcome.replace('-', ' ')}{figures}", self._name(adopter)
            case AdaptationUpdated(adopter_id=adopter, change="parent-changed", parent_revision=revision):
                return f"told that what they adapted changed: revision {revision}", self._name(adopter)
            case BestPracticeProposed(change="proposed", endorsements=count, score=score):
                return f"candidate for a best practice: {count} endorsements count, score {score:.2f}", ""
            case BestPracticeProposed(change=change, changed_by=steward, approvals=count):
                return f"candidate {change} by a steward; {count} approve by now", self._name(steward or "")
            case BestPracticeRecognised(review_at=review):
                return f"recognised as a best practice, to be reviewed on {review:%-d %B %Y}", ""
            case SolutionRevised(editor_id=editor, note=note):
                return f"solution revised: {note}", self._name(editor)
            case ConnectionRequested(requester_id=member):
                return "connection requested", self._name(member)
            case ConnectionMade(addressee_id=member):
                return "connection made", self._name(member)
            case MentorshipRequested(mentee_id=member):
                return "mentorship requested", self._name(member)
            case MentorshipAccepted(mentor_id=member, ends_at=end):
                return f"mentorship accepted, until {end:%-d %B %Y}", self._name(member)
            case CommentAdded(author_id=author, mentions=mentions):
                mentioned = f", mentioning {', '.join(map(self._name, mentions))}" if mentions else ""
                return f"comment added{mentioned}", self._name(author)
            case (
                NotificationDelivered(member_id=member, kind=kind, rule=rule)
                | NotificationDeliveredV2(member_id=member, kind=kind, rule=rule)
            ):
                return f"notification delivered: {kind} (rule {rule})", self._name(member)
            case _:
                return seen.name.replace("-", " "), ""


def _of(org: str | None) -> str:
    return f" by {org}" if org else ""


@asynccontextmanager
async def watching(world: World, timeline: Timeline, listeners: list[Person]) -> AsyncIterator[None]:
    """Watch every topic from now on, and the streams of ``listeners``, until left."""
    async with httpx.AsyncClient(timeout=httpx.Timeout(10, read=None)) as client:
        consumer = AIOKafkaConsumer(
            *(topic.name for topic in EVENT_TOPICS),
            bootstrap_servers=world.stack.kafka,
            auto_offset_reset="latest",
            enable_auto_commit=False,
            fetch_max_wait_ms=10,  # shown when it happens, not when a fetch has waited for more
        )
        await consumer.start()
        tasks: list[asyncio.Task[None]] = []
        try:
            for partition in consumer.assignment():
                await consumer.position(partition)  # "from now on" is settled here, not at the first fetch
            tasks.append(asyncio.create_task(_watch_topics(consumer, timeline)))
            opened = [asyncio.Event() for _ in listeners]
            for person, is_open in zip(listeners, opened, strict=True):
                tasks.append(asyncio.create_task(_watch_stream(world, client, timeline, person, is_open)))
            try:
                async with asyncio.timeout(20):
                    await asyncio.gather(*(is_open.wait() for is_open in opened))
            except TimeoutError:
                raise Trouble("an event stream did not open within 20 s") from None
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await consumer.stop()


_ABOUT = {"thread_id", "mentorship_id", "connection_id", "subject_id"}


def _about(fields: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(fields[name]) for name in _ABOUT if fields.get(name))


async def _watch_topics(consumer: AIOKafkaConsumer, timeline: Timeline) -> None:
    async for record in consumer:
        kind = EVENTS.get(type_of(record))
        if kind is None:
            continue
        try:
            event = decode(record, kind).event
        except InvalidMessage:
            continue
        about = _about(event.model_dump(include=_ABOUT))
        await timeline.saw(Seen(monotonic(), kind.topic.owner, kind.event_name, about, event))


async def _watch_stream(
    world: World, client: httpx.AsyncClient, timeline: Timeline, person: Person, is_open: asyncio.Event
) -> None:
    """Listen to a member's stream as a browser does: come back after a break with the last id."""
    url = f"{world.urls['notifications']}/v1/stream"
    last = ""
    while True:
        headers = {"Authorization": f"Bearer {world.token(person)}", "Accept": "text/event-stream"}
        try:
            async with client.stream(
                "GET", url, headers=headers | ({"Last-Event-ID": last} if last else {})
            ) as response:
                response.raise_for_status()
                data = ""
                async for line in response.aiter_lines():
                    is_open.set()
                    name, _, value = line.partition(":")
                    if name == "id":
                        last = value.strip()
                    elif name == "data":
                        data += value.strip()
                    elif not line and data:
                        told = json.loads(data)
                        data = ""
                        await timeline.saw(
                            Seen(
                                monotonic(), "notifications", told.get("kind", ""), _about(told),
                                listener=person.id, notification=told,
                            )
                        )  # fmt: skip
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.5)
