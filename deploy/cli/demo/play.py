"""Acting in the demo: a request in somebody's name, and what it has to bring about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.cli.demo.timeline import Seen, Timeline
from deploy.cli.demo.world import Person, Trouble, World
from shared.ids import new_id
from shared.web.causality import HEADER as CAUSAL_TOKEN

WITHIN = 30.0
"""Seconds in which each expected thing has to be seen."""


@dataclass(frozen=True)
class Practice:
    """What makes a solution a best practice that others adapt."""

    adaptations: Sequence[Adaptation]
    """Of organisations that each try it in their own way: enough for a candidate, but for the last."""
    stewards: Sequence[Person]
    """Who approve."""
    revision: dict[str, str]
    """What the author changes afterwards: `body`, and a `note` of what and why."""


@dataclass(frozen=True)
class Adaptation:
    """What somebody's organisation changes, and why."""

    adopter: Person
    text: dict[str, str]
    """`title`, `changes` and `reasons`."""
    measure: dict[str, Any] | None = None
    """What came of it: `name`, `unit`, `before`, `after`."""


@dataclass(frozen=True)
class Script:
    """What is played."""

    community_id: str
    asker: Person
    people: dict[str, Person]
    """Everybody who may come to act, by id."""
    colleagues: Sequence[Person]
    """Who tries it and vouches for it, apart from the other experts that are asked."""
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
    apprentice: Person
    """Who looks for a mentor."""
    practice: Practice | None = None
    """What becomes of the solution; nothing more where nobody is there to say."""


class CannotGoOn(Exception):
    """What follows depends on what was not seen."""


@dataclass
class Play:
    """One run of a script; ``missing`` names what was expected and not seen."""

    world: World
    script: Script
    timeline: Timeline
    client: httpx.AsyncClient
    missing: list[str] = field(default_factory=list)
    _cause: str = ""

    async def act(
        self,
        person: Person,
        service: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        method: str = "POST",
        version: int | None = None,
    ) -> dict[str, Any]:
        """A request as ``person``, which waits for the effects of the one before, wherever it goes.

        ``version`` is the one that it edits.
        """
        headers = {
            "Authorization": f"Bearer {self.world.token(person)}",
            "Idempotency-Key": new_id(),
        } | ({CAUSAL_TOKEN: self._cause} if self._cause else {})
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        url = f"{self.world.urls[service]}{path}"
        response = await self.client.request(method, url, json=body, headers=headers)
        if response.status_code >= 300:
            raise Trouble(f"{person.name}: {method} {path}: {response.status_code} {response.text[:300]}")
        self._cause = response.headers.get(CAUSAL_TOKEN, self._cause)
        answered: dict[str, Any] = response.json() if response.content else {}
        return answered

    async def expect(
        self,
        what: str,
        kind: type[Any],
        condition: Callable[[Any], bool] = lambda _: True,
        *,
        count: int = 1,
        essential: bool = False,
    ) -> None:
        """Expect an event on its topic."""
        seen = await self.timeline.until(
            lambda seen: isinstance(seen.event, kind) and condition(seen.event), count=count, within=WITHIN
        )
        if len(seen) < count:
            self.missing.append(f"{what}: no {kind.event_name} on {kind.topic.name} within {WITHIN:g} s")
            if essential:
                raise CannotGoOn

    def stopped(self, what: str) -> CannotGoOn:
        """``what`` was expected; nothing can follow without it."""
        self.missing.append(what)
        return CannotGoOn()

    async def rules(self) -> dict[str, Any]:
        """The numbers that hold in the community."""
        path = f"/v1/communities/{self.script.community_id}"
        found: dict[str, Any] = (await self.act(self.script.asker, "members", path, method="GET"))["rules"]
        return found

    async def notified(self, kind: str, person: Person, *, count: int = 1) -> None:
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
