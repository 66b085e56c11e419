"""A problem's journey, played live through the HTTP APIs; each step is checked against what was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from deploy.cli.demo.timeline import Seen, Timeline
from deploy.cli.demo.world import Person, Trouble, World
from shared.contracts.discussions import (
    CommentAdded,
    ProblemPosted,
    ProblemResolved,
    SolutionAccepted,
    SolutionEndorsed,
    SolutionProposed,
)
from shared.contracts.matching import ExpertAskAccepted, ExpertAsked
from shared.ids import new_id
from shared.web.causality import HEADER as CAUSAL_TOKEN

WITHIN = 30.0
"""Seconds in which each expected thing has to be seen."""


@dataclass(frozen=True)
class Script:
    """What is played."""

    community_id: str
    asker: Person
    people: dict[str, Person]
    """Everybody who may come to act, by id."""
    colleagues: Sequence[Person]
    """Who endorses, apart from the other experts that are asked."""
    listeners: list[Person]
    """Whose event streams are open."""
    title: str
    body: str
    tags: list[str]
    context: dict[str, str]
    """What sets the stage: `size`, `constraints`, `culture`, `tried`."""
    solution: str
    comment: str
    """With a place for the mention."""


@dataclass
class Journey:
    """One run of a script; ``missing`` names what was expected and not seen."""

    world: World
    script: Script
    timeline: Timeline
    missing: list[str] = field(default_factory=list)
    thread_id: str = ""
    _cause: str = ""

    async def play(self) -> None:
        """Play it to the end. What does not happen is noted in ``missing``, what depends on it left out."""
        async with httpx.AsyncClient(timeout=30) as self._client:
            try:
                await self._play()
            except _CannotGoOn:
                pass
            except (httpx.HTTPError, Trouble) as error:
                self.missing.append(f"a request failed: {error}")

    async def _play(self) -> None:
        script = self.script
        self.timeline.begin()
        problem = await self._act(
            script.asker,
            "discussions",
            f"/v1/communities/{script.community_id}/problems",
            {
                "title": script.title,
                "body": script.body,
                "tags": script.tags,
                "context": script.context,
            },
        )
        self.thread_id = problem["id"]
        await self.timeline.follow(self.thread_id)
        await self._event("the problem is posted", ProblemPosted, lambda e: e.author_id == script.asker.id)

        asked = await self._event("experts are asked", ExpertAsked, lambda e: bool(e.reasons), essential=True)
        # A wave is asked in one transaction: its other asks are here, or are being delivered.
        asked = await self.timeline.until(lambda seen: isinstance(seen.event, ExpertAsked), count=3, within=2)
        asks = {seen.event.expert_id: seen.event for seen in asked if isinstance(seen.event, ExpertAsked)}
        listening = {person.id for person in script.listeners}
        experts = sorted(asks, key=lambda expert: expert not in listening)
        experts = [expert for expert in experts if expert in script.people]
        if script.asker.id in asks:
            self.missing.append("nobody is asked about their own problem")
        if not experts:
            self.missing.append("somebody who can act is asked")
            return
        expert = script.people[experts[0]]
        await self._notified("expert-ask", expert)

        await self._act(expert, "matching", f"/v1/asks/{asks[expert.id].ask_id}/accept")
        await self._event("the expert accepts", ExpertAskAccepted, lambda e: e.expert_id == expert.id)
        await self._notified("ask-accepted", script.asker)

        solution = await self._act(
            expert, "discussions", f"/v1/problems/{self.thread_id}/solutions", {"body": script.solution}
        )
        await self._event(
            "the expert answers", SolutionProposed, lambda e: e.solution_id == solution["id"], essential=True
        )
        await self._notified("reply", script.asker)

        others = [script.people[each] for each in experts[1:]] + list(script.colleagues)
        endorsers = [each for each in dict.fromkeys(others) if each.id not in (expert.id, script.asker.id)][
            :2
        ]
        for number, endorser in enumerate(endorsers):
            await self._act(
                endorser,
                "discussions",
                f"/v1/solutions/{solution['id']}/endorsement",
                {"basis": ("tried", "reviewed")[number]},
                method="PUT",
            )
            await self._event(f"{endorser.name} endorses", SolutionEndorsed, partial(_endorsed_by, endorser))
        if not endorsers:
            self.missing.append("somebody can endorse the solution")
        await self._notified("endorsement", expert, count=len(endorsers))

        commenter = endorsers[0] if endorsers else script.asker
        await self._act(
            commenter,
            "discussions",
            f"/v1/threads/{self.thread_id}/comments",
            {
                "item_kind": "solution",
                "item_id": solution["id"],
                "body": script.comment.format(mention=f"@{expert.name}"),
                "mentions": [expert.id],
            },
        )
        await self._event("somebody comments", CommentAdded, lambda e: expert.id in e.mentions)
        await self._notified("mention", expert)

        await self._act(
            script.asker,
            "discussions",
            f"/v1/problems/{self.thread_id}/accept",
            {"solution_id": solution["id"]},
        )
        await self._event(
            "the asker accepts the solution", SolutionAccepted, lambda e: e.accepted_by == script.asker.id
        )
        await self._notified("acceptance", expert)

        problem = await self._act(script.asker, "discussions", f"/v1/problems/{self.thread_id}", method="GET")
        if problem["state"] != "resolved":
            await self._act(script.asker, "discussions", f"/v1/problems/{self.thread_id}/resolve")
        await self._event("the problem is resolved", ProblemResolved, lambda e: True)

    async def _act(
        self,
        person: Person,
        service: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        method: str = "POST",
    ) -> dict[str, Any]:
        """A request as ``person``, which waits for the effects of the one before, wherever it goes."""
        headers = {
            "Authorization": f"Bearer {self.world.token(person)}",
            "Idempotency-Key": new_id(),
        } | ({CAUSAL_TOKEN: self._cause} if self._cause else {})
        url = f"{self.world.urls[service]}{path}"
        response = await self._client.request(method, url, json=body, headers=headers)
        if response.status_code >= 300:
            raise Trouble(f"{person.name}: {method} {path}: {response.status_code} {response.text[:300]}")
        self._cause = response.headers.get(CAUSAL_TOKEN, self._cause)
        answered: dict[str, Any] = response.json() if response.content else {}
        return answered

    async def _event(
        self,
        what: str,
        kind: type[Any],
        condition: Callable[[Any], bool],
        *,
        essential: bool = False,
    ) -> list[Seen]:
        """Expect an event on its topic."""
        seen = await self.timeline.until(
            lambda seen: isinstance(seen.event, kind) and condition(seen.event), within=WITHIN
        )
        if not seen:
            self.missing.append(f"{what}: no {kind.event_name} on {kind.topic.name} within {WITHIN:g} s")
            if essential:
                raise _CannotGoOn
        return seen

    async def _notified(self, kind: str, person: Person, *, count: int = 1) -> None:
        """Expect that ``person`` is notified, on their open stream if they have one, else by the event."""
        listening = person in self.script.listeners

        def told(seen: Seen) -> bool:
            if listening:
                return seen.listener == person.id and seen.name == kind
            event: Any = seen.event
            return seen.name == "notification-delivered" and (event.member_id, event.kind) == (
                person.id,
                kind,
            )

        if len(await self.timeline.until(told, count=count, within=WITHIN)) < count:
            where = "stream" if listening else "topic"
            self.missing.append(f"{person.name} is notified ({kind}): not on the {where} within {WITHIN:g} s")


def _endorsed_by(person: Person, event: SolutionEndorsed) -> bool:
    return event.endorser_id == person.id


class _CannotGoOn(Exception):
    """What follows depends on what was not seen."""
