"""Every endpoint, against everybody who may call: as TABLE.md says.

An endpoint without a row, and a row without an endpoint, is a failure, too.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

import httpx
import pytest

from shared.testing.harness import client
from shared.testing.stack import Stack
from tests.component.access import discussions, matching, members, notifications
from tests.component.access.place import UNKNOWN, Place, Recipe, nothing_stays
from tests.component.access.table import CALLERS, Row, read

ROWS = {service: read(service) for service in ("members", "discussions", "matching", "notifications")}


@pytest.fixture(scope="module")
async def in_members(stack: Stack) -> AsyncIterator[list[Place]]:
    async with members.places(stack) as places, nothing_stays(places[0].app.state.database):
        yield places


@pytest.fixture(scope="module")
async def in_discussions(stack: Stack) -> AsyncIterator[list[Place]]:
    async with discussions.places(stack) as places, nothing_stays(places[0].app.state.database):
        yield places


@pytest.fixture(scope="module")
async def in_matching(stack: Stack) -> AsyncIterator[list[Place]]:
    async with matching.places(stack) as places, nothing_stays(places[0].app.state.database):
        yield places


@pytest.fixture(scope="module")
async def in_notifications(stack: Stack) -> AsyncIterator[list[Place]]:
    async with notifications.places(stack) as places, nothing_stays(places[0].app.state.database):
        yield places


@pytest.mark.parametrize("row", ROWS["members"], ids=lambda row: row.name)
async def test_members_lets_in_whom_the_table_lets_in(in_members: list[Place], row: Row) -> None:
    await check(in_members, row, members.RECIPES)


@pytest.mark.parametrize("row", ROWS["discussions"], ids=lambda row: row.name)
async def test_discussions_lets_in_whom_the_table_lets_in(in_discussions: list[Place], row: Row) -> None:
    await check(in_discussions, row, discussions.RECIPES)


@pytest.mark.parametrize("row", ROWS["matching"], ids=lambda row: row.name)
async def test_matching_lets_in_whom_the_table_lets_in(in_matching: list[Place], row: Row) -> None:
    await check(in_matching, row, matching.RECIPES)


@pytest.mark.parametrize("row", ROWS["notifications"], ids=lambda row: row.name)
async def test_notifications_lets_in_whom_the_table_lets_in(in_notifications: list[Place], row: Row) -> None:
    await check(in_notifications, row, notifications.RECIPES)


async def test_the_table_has_all_endpoints_of_members_and_no_others(in_members: list[Place]) -> None:
    complete("members", in_members[0], members.RECIPES)


async def test_the_table_has_all_endpoints_of_discussions_and_no_others(in_discussions: list[Place]) -> None:
    complete("discussions", in_discussions[0], discussions.RECIPES)


async def test_the_table_has_all_endpoints_of_matching_and_no_others(in_matching: list[Place]) -> None:
    complete("matching", in_matching[0], matching.RECIPES)


async def test_the_table_has_all_endpoints_of_notifications_and_no_others(
    in_notifications: list[Place],
) -> None:
    complete("notifications", in_notifications[0], notifications.RECIPES)


async def test_a_token_of_another_organisation_opens_nothing_until_the_profile_says_so(
    in_discussions: list[Place], in_matching: list[Place], in_notifications: list[Place]
) -> None:
    """Memberships within the one they left are there still: members ends them when it hears of it."""
    for service, places in (
        ("discussions", in_discussions), ("matching", in_matching), ("notifications", in_notifications)
    ):  # fmt: skip
        for place in places:
            await place.do("author", "GET", "/members/me/data")
            moved = client(place.app, f"author {place.kind}", org="harbour")
            for row in ROWS[service]:
                if row.cells["nobody", place.kind].status == 401:
                    path = row.path.format_map(defaultdict(lambda: UNKNOWN))
                    answer = await moved.request(row.method, f"/v1{path}")
                    assert (answer.status_code, _refusal(answer)[0]) == (403, "organisation-changed"), row


async def check(places: Sequence[Place], row: Row, recipes: Mapping[str, Recipe]) -> None:
    """Ask for the row in everybody's name everywhere, and compare."""
    recipe = recipes.get(row.name, Recipe())
    found = await asyncio.gather(*(_wrong(row, recipe, place) for place in places))
    wrong = [each for of_place in found for each in of_place]
    assert not wrong, f"{row.name}, where tests/component/access/TABLE.md says otherwise:\n" + "\n".join(
        wrong
    )


async def _wrong(row: Row, recipe: Recipe, place: Place) -> list[str]:
    """What is wrong with what the callers get in a place."""
    answers = await asyncio.gather(*(place.ask(caller, row, recipe) for caller in CALLERS))
    wrong: list[str] = []
    hidden: dict[tuple[str | None, str], str] = {}
    for caller, answer in zip(CALLERS, answers, strict=True):
        expected, (code, detail) = row.cells[caller, place.kind], _refusal(answer)
        if not expected.fits(answer.status_code, code):
            met = f"{answer.status_code} {code or ''}: {detail}"
            wrong.append(f"  {place.kind}, {caller}: {expected} expected, {met} met")
        elif answer.is_success and row.tells_apart and place.shows(recipe, answer) == expected.none:
            wrong.append(f"  {place.kind}, {caller}: {expected} expected, met {answer.text}")
        elif answer.status_code == 404 and expected.code is None:
            hidden.setdefault((code, detail), caller)
    for refusal, caller in hidden.items():
        missing = await place.ask(caller, row, recipe, unknown=True)
        if (missing.status_code, _refusal(missing)) != (404, refusal):
            told = f"404 {refusal} tells that it exists; what does not is {missing.status_code}"
            wrong.append(f"  {place.kind}, {caller}: {told} {_refusal(missing)}")
    return wrong


def _refusal(answer: httpx.Response) -> tuple[str | None, str]:
    """The code and the detail of a refusal."""
    if answer.is_success:
        return None, ""
    problem = answer.json()
    return problem["code"], problem["detail"]


def complete(service: str, place: Place, recipes: Mapping[str, Recipe]) -> None:
    """Fail where the service's OpenAPI document and the table do not have the same endpoints."""
    paths = place.app.openapi()["paths"]
    there = {f"{method.upper()} {path.removeprefix('/v1')}" for path in paths for method in paths[path]}
    listed = {row.endpoint for row in ROWS[service]}
    names = [row.name for row in ROWS[service]]
    assert len(names) == len(set(names)), f"a row is there twice: {sorted(names)}"
    blank = " | ".join("?" for _ in CALLERS)
    rows = "\n".join(f"| `{endpoint}` | {blank} | |" for endpoint in sorted(there - listed))
    assert not rows, (
        f"Nobody has said who may do this. Add to the part '# {service}' of tests/component/access/TABLE.md:"
        f"\n{rows}\nwith ok, none, 401, 403 or 404 for each ?, and where it takes a body, a version, or "
        f"something that is not what the path calls it, a recipe to RECIPES in tests/component/access/"
        f"{service}.py."
    )
    assert not listed - there, (
        f"{service} has no such endpoints; take their rows out: {sorted(listed - there)}"
    )
    assert not set(recipes) - set(names), f"recipes without a row: {sorted(set(recipes) - set(names))}"
