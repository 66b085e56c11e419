"""A mutation: one request, one transaction, one answer — also when the request comes twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from shared.errors import BadInput, BadRequest, PreconditionRequired, StaleVersion
from shared.storage import Cause, Database, Index, UnitOfWork
from shared.telemetry.tracing import current_traceparent
from shared.web import causality
from shared.web.auth import AuthenticatedCaller, Caller

IDEMPOTENCY = "idempotency"
INDEXES = {IDEMPOTENCY: [Index([("at", 1)], expire_after_seconds=int(timedelta(days=1).total_seconds()))]}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mutation answers: a body, its version (sent as ETag), where it is."""

    body: BaseModel | None = None
    status: int = 200
    version: int | None = None
    location: str | None = None


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


class Mutation:
    """Runs a command in a transaction, with the answer stored in it under the idempotency key."""

    def __init__(self, request: Request, caller: Caller, key: str | None) -> None:
        self.caller = caller
        self._request = request
        self._key = key

    async def __call__(self, work: Callable[[UnitOfWork], Awaitable[Answer]]) -> Response:
        """The response to ``work``'s answer, with the causal token of its events.

        A request that repeats an idempotency key gets the first one's response, and changes nothing.
        Raises ``BadInput`` (``idempotency-key-reused``) if it is another request than the first.
        """
        database: Database = self._request.app.state.database
        uow = UnitOfWork(Cause(current_traceparent()))
        if self._key is None:
            answer = await database.transact(work, uow)
            return _response(_stored(answer, uow))
        key, fingerprint = await self._fingerprint()

        async def once(uow: UnitOfWork) -> dict[str, Any]:
            earlier = await uow.find_one(IDEMPOTENCY, {"_id": key})
            if earlier is not None:
                if earlier["fingerprint"] != fingerprint:
                    raise BadInput(
                        "idempotency-key-reused",
                        "This idempotency key came with another request before.",
                        field="Idempotency-Key",
                        fix="Use a new key for a new request.",
                    )
                return {**earlier["response"], "replayed": True}
            stored = _stored(await work(uow), uow)
            uow.insert(
                IDEMPOTENCY, [{"_id": key, "fingerprint": fingerprint, "response": stored, "at": uow.now}]
            )
            return stored

        return _response(await database.transact(once, uow))

    async def _fingerprint(self) -> tuple[str, str]:
        request = self._request
        whole = [
            request.method,
            request.url.path,
            request.url.query,
            request.headers.get("if-match", ""),
            hashlib.sha256(await request.body()).hexdigest(),
        ]
        key = hashlib.sha256(f"{self.caller.member_id}\x1f{self._key}".encode()).hexdigest()
        return key, hashlib.sha256("\x1f".join(whole).encode()).hexdigest()


def _stored(answer: Answer, uow: UnitOfWork) -> dict[str, Any]:
    headers = {}
    if answer.version is not None:
        headers["ETag"] = etag(answer.version)
    if answer.location is not None:
        headers["Location"] = answer.location
    if token := causality.token(uow.recorded):
        headers[causality.HEADER] = token
    body = answer.body.model_dump_json().encode() if answer.body is not None else b""
    return {"status": answer.status if answer.body is not None else 204, "headers": headers, "body": body}


def _response(stored: dict[str, Any]) -> Response:
    headers = dict(stored["headers"])
    if stored.get("replayed"):
        headers["Idempotency-Replayed"] = "true"
    return Response(
        stored["body"] or None,
        stored["status"],
        headers,
        media_type="application/json" if stored["body"] else None,
    )


_KEY = re.compile(r"[\x21-\x7e]{1,200}")


async def _mutation(
    request: Request,
    caller: AuthenticatedCaller,
    idempotency_key: Annotated[
        str | None,
        Header(description="Any unique text: the same request with the same key is carried out once."),
    ] = None,
) -> Mutation:
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise BadRequest(
            "bad-idempotency-key",
            "The idempotency key must be 1 to 200 visible ASCII characters.",
            field="Idempotency-Key",
            fix="Use a UUID.",
        )
    return Mutation(request, caller, idempotency_key)


Mutating = Annotated[Mutation, Depends(_mutation)]


async def _caught_up(
    request: Request,
    guildhall_causal_token: Annotated[
        str | None, Header(description="From an earlier answer: wait until its effects are known here.")
    ] = None,
) -> None:
    if guildhall_causal_token:
        state = request.app.state
        await causality.wait_for(
            guildhall_causal_token,
            state.database,
            state.runtime.reactions.events,
            state.settings.causal_wait_seconds,
        )


CaughtUp = Depends(_caught_up)
"""Router dependency: wait for what the causal token names."""


async def _if_match(
    if_match: Annotated[
        str | None, Header(description="The ETag of the version that is edited; required.")
    ] = None,
) -> int:
    if if_match is None:
        raise PreconditionRequired(
            "if-match-missing",
            "An edit must name the version that it edits.",
            field="If-Match",
            fix="Send the ETag of your last read.",
        )
    match = re.fullmatch(r'(?:W/)?"([0-9]{1,15})"', if_match)
    if match is None:
        raise StaleVersion(
            "etag-unknown",
            "This is no ETag of ours.",
            field="If-Match",
            fix="Send the ETag of your last read.",
        )
    return int(match[1])


IfMatch = Annotated[int, Depends(_if_match)]


def require_version(present: int, expected: int) -> None:
    """Refuse an edit of another version than the present one."""
    if present != expected:
        raise StaleVersion(
            "stale-version",
            f"It is at version {present} by now, and you edited version {expected}.",
            field="If-Match",
            fix="Read it again, apply your change to what it says now.",
        )
