"""From a posted problem to two inboxes, through all four services: those who may know are asked and told why,
and whoever posted is told of problems like it, with what speaks for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.discussions.app import service as discussions
from services.matching import precedents
from services.matching.app import service as matching
from services.matching.precedents import Library
from services.matching.store.precedents import PRECEDENTS
from services.members.app import service as members
from services.notifications.app import service as notifications
from shared.contracts.matching import SimilarProblemsFound
from shared.testing.harness import eventually, recorded
from shared.testing.stack import Stack
from tests.integration.simulation import Chronicle, Platform, platform

PEOPLE = {"lindholm": ["liv", "lea"], "harbour": ["eli", "eva"], "mercy": ["sol", "ben"]}
EASY = {
    "endorse_after_days": 0, "recommended_endorsements": 1, "recommended_tried": 0, "recommended_score": 0.55,
    "candidate_at_least": 1, "candidate_tried": 0, "candidate_score": 0.55, "candidate_adaptations": 0,
    "approvals": 1, "organisation_share": 1,
}  # fmt: skip
"""One endorsement and one steward make a best practice."""
CONTEXT = {"size": "Forty.", "constraints": "The law.", "culture": "Slow.", "tried": "Paper."}
BEFORE = ("Permits wait for a signature", "Every permit waits nine days on paper until somebody signs it.")
BEER = ("How do I brew beer at home?", "The ale stays cloudy.")
NOW = {
    "words": ("Permits wait for a signature, too", "Every permit waits nine days until somebody signs it."),
    "meaning": ("Permit signing is slow", "Signing a single one takes us over a week."),
}
"""What is asked at last; by words alone the second would be too little like what was asked before."""


@pytest.fixture(scope="module")
async def here(topics: Stack) -> AsyncIterator[Platform]:
    chosen = precedents.SETTINGS.model_copy(update={"embeddings": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precedents, "SETTINGS", chosen)
        async with platform(topics, members, discussions, matching, notifications) as running:
            yield running


class Story(Chronicle):
    """Permit offices of three organisations, two of which have a community of their own, too."""

    async def found(self, name: str, kind: str, *people: str) -> str:
        text = {"name": name, "about": "…", "kind": kind, "rules": EASY}
        made = await self.ask(people[0], "POST", "members/communities", text)
        for who in people[1:]:
            await self.ask(who, "PUT", f"members/communities/{made['id']}/members/me")
        return str(made["id"])

    async def post(self, who: str, community: str, text: tuple[str, str]) -> str:
        body = {"title": text[0], "body": text[1], "tags": ["permits"], "context": CONTEXT}
        made = await self.ask(who, "POST", f"discussions/communities/{community}/problems", body)
        return str(made["id"])

    async def solve(self, problem: str, asker: str, solver: str) -> str:
        made = await self.ask(solver, "POST", f"discussions/problems/{problem}/solutions", {"body": "So."})
        await self.ask(asker, "POST", f"discussions/problems/{problem}/accept", {"solution_id": made["id"]})
        return str(made["id"])

    async def recognise(self, problem: str, solution: str, endorser: str, steward: str) -> None:
        comment = {"item_kind": "problem", "item_id": problem, "body": "With us, too."}
        await self.ask(endorser, "POST", f"discussions/threads/{problem}/comments", comment)
        at = f"discussions/solutions/{solution}"
        await self.ask(endorser, "PUT", f"{at}/endorsement", {"basis": "tried"})
        await self.ask(steward, "POST", f"{at}/approve")

    async def told(self, who: str, kind: str) -> list[dict[str, Any]]:  # type: ignore[override]
        items = (await self.ask(who, "GET", "notifications/inbox"))["items"]
        return [each for each in items if each["kind"] == kind]


@pytest.mark.parametrize("by", ["meaning", "words"])
async def test_from_a_problem_to_those_who_are_asked_and_to_precedents(
    here: Platform, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library: Library = here.ran["matching"].app.state.library
    if by == "words":
        monkeypatch.setattr(library, "_embedder", None)  # as where embeddings are switched off
    story = Story(here, PEOPLE)
    for who in story.names.values():
        await story.ask(who, "POST", "members/members", {"name": who.title()})
    offices = await story.found("Permit offices", "external", "liv", "ben", "sol", "eva", "eli")
    harbour = await story.found("Harbour", "internal", "eva", "eli")
    lindholm = await story.found("Lindholm", "internal", "liv", "lea")
    await here.settle()

    left_open = await story.post("eva", offices, BEFORE)
    practice = await story.post("eva", offices, BEFORE)
    await story.post("ben", offices, BEER)
    solved = await story.post("eva", harbour, BEFORE)
    secret = await story.post("lea", lindholm, NOW[by])
    await story.recognise(practice, await story.solve(practice, "eva", "sol"), "ben", "liv")
    await story.solve(solved, "eva", "eli")
    await here.settle()
    database = here.ran["matching"].app.state.database

    async def known() -> bool:
        """Whether matching has all of it, the meanings too, and how each stands."""
        due = {"meaning_due" if by == "meaning" else "look_due": {"$exists": True}}
        if await database[PRECEDENTS].count_documents(due):
            return False
        draft = {"title": NOW[by][0], "body": NOW[by][1]}
        shown = (await story.ask("eli", "POST", "matching/similar", draft))["items"]
        return [each["thread_id"] for each in shown[:3]] == [practice, solved, left_open]

    await eventually(known, within=60)

    posted = await story.post("eli", offices, NOW[by])

    async def published() -> list[Any]:
        return await recorded(database, type=SimilarProblemsFound.type, key=posted)

    [row] = await eventually(published, within=60)
    similar = SimilarProblemsFound.read(row["data"]).similar
    assert [each.thread_id for each in similar] == [practice, solved, left_open]
    assert [(each.solved, each.best_practice) for each in similar] == [
        (True, True), (True, False), (False, False)
    ]  # fmt: skip
    assert "has a best practice" in similar[0].reasons
    assert "is solved" in similar[1].reasons
    assert ("asks much the same" in similar[2].reasons) is (by == "meaning")
    await here.settle()

    [item] = await story.told("eli", "similar-problems")
    assert item["thread_id"] == posted
    assert item["text"] == f"There are problems like “{NOW[by][0]}”: have you seen these?"
    assert (item["reason"], item["rule"]) == ("because you asked this problem", "own-problem")
    first, second, rest = item["note"].split("; ")
    assert first == f"{BEFORE[0]} ({', '.join(similar[0].reasons)})"
    assert second == f"{BEFORE[0]} ({', '.join(similar[2].reasons)})"
    assert rest == "1 in other communities of yours"
    assert {each.thread_id for each in similar}.isdisjoint({posted, secret})

    def of_now(items: list[dict[str, Any]]) -> dict[str, Any]:
        [item] = [each for each in items if each["thread_id"] == posted]  # or was asked before, too
        return item

    asked = of_now(await story.told("sol", "expert-ask"))
    assert asked["text"] == f"Eli asks for your advice on “{NOW[by][0]}”"
    assert asked["note"]
    ask = of_now((await story.ask("sol", "GET", "matching/asks"))["items"])
    assert (ask["id"], "; ".join(ask["reasons"])) == (asked["subject_id"], asked["note"])
    await story.ask("sol", "POST", f"matching/asks/{ask['id']}/accept")
    await here.settle()
    [accepted] = await story.told("eli", "ask-accepted")
    assert accepted["text"] == f"Sol will look at “{NOW[by][0]}”"
    assert await story.told("lea", "similar-problems") == await story.told("lea", "expert-ask") == []
