"""`guildhall erase`: a member is erased on an operator's word, and the proof that nothing of them is left."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import httpx
import typer

from shared.contracts.topics import SERVICES

PAUSE = 2.0
"""Seconds between two questions while waiting."""


def erase(
    member_id: Annotated[str, typer.Argument(help="The member's id.")],
    token: Annotated[
        str,
        typer.Option(envvar="GUILDHALL_TOKEN", help="A bearer token with the scope guildhall:operate."),
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Erase nothing; ask each service what still names them.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="With --verify: for so many seconds ask again until nothing is left.")
    ] = 0,
    members_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_MEMBERS_URL", help="Where the members service is.")
    ] = "http://127.0.0.1:8001",
    discussions_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_DISCUSSIONS_URL", help="Where the discussions service is.")
    ] = "http://127.0.0.1:8002",
    matching_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_MATCHING_URL", help="Where the matching service is.")
    ] = "http://127.0.0.1:8003",
    notifications_url: Annotated[
        str, typer.Option(envvar="GUILDHALL_NOTIFICATIONS_URL", help="Where the notifications service is.")
    ] = "http://127.0.0.1:8004",
) -> None:
    """Erase a member in every service, for good; with --verify, prove that nothing names them any more.

    Each service reads its whole database for the proof. The last trace, the order to erase them, goes about
    two minutes after the erasure. Kafka keeps what was published until the topics' retention: 14 days for
    events, 90 for dead letters. Exits with 1 if something is left or a service does not answer.
    """
    urls = dict(zip(SERVICES, (members_url, discussions_url, matching_url, notifications_url), strict=True))
    try:
        left = asyncio.run(_work(member_id, token, urls, verify=verify, wait=wait))
    except httpx.HTTPError as error:
        typer.echo(f"{error.__class__.__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    for line in left:
        typer.echo(line, err=True)
    if left:
        raise typer.Exit(1)


async def _work(member_id: str, token: str, urls: dict[str, str], *, verify: bool, wait: float) -> list[str]:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=600) as http:
        if not verify:
            answer = await http.put(f"{urls['members']}/v1/erasures/{member_id}")
            if answer.is_success:
                typer.echo(f"{member_id} is erased. Prove it in two minutes: guildhall erase --verify")
                return []
            return [f"members: {problem_in(answer)}"]
        deadline = time.monotonic() + wait
        while left := await remaining(http, member_id, urls):
            if time.monotonic() >= deadline:
                return left
            await asyncio.sleep(PAUSE)
    typer.echo(f"Nothing in {', '.join(urls)} names {member_id}.")
    return []


async def remaining(http: httpx.AsyncClient, member_id: str, urls: dict[str, str]) -> list[str]:
    """One line for each service in which something is left, or that does not know of the erasure."""
    left: list[str] = []
    for service, url in urls.items():
        answer = await http.get(f"{url}/v1/erasures/{member_id}")
        if not answer.is_success:
            left.append(f"{service}: {problem_in(answer)}")
            continue
        body = answer.json()
        if not body["erased"]:
            left.append(f"{service}: knows of no erasure of {member_id}")
        if mentions := body["mentions"]:
            counts = ", ".join(f"{count} in {collection}" for collection, count in mentions.items())
            left.append(f"{service}: {sum(mentions.values())} documents name them: {counts}")
    return left


def problem_in(answer: httpx.Response) -> str:
    """A refusal in one line."""
    try:
        return f"{answer.status_code} {answer.json()['code']}: {answer.json()['detail']}"
    except (ValueError, KeyError):
        return f"{answer.status_code} {answer.reason_phrase}"
