"""Errors as ``application/problem+json`` (RFC 9457), with the taxonomy's codes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared.errors import GuildhallError
from shared.storage.database import translate

log = logging.getLogger(__name__)


class Fault(BaseModel):
    """One thing that is wrong with the request."""

    field: str = Field(description="JSON pointer into the body, or a parameter's or header's name.")
    reason: str = Field(description="What is wrong with it.")
    fix: str = Field(description="What to do about it.")


class Problem(BaseModel):
    """Why a request was refused. Nothing was changed."""

    type: str = Field(examples=["urn:guildhall:problem:not-a-member"])
    title: str = Field(examples=["The rules do not allow this"])
    status: int = Field(examples=[422])
    code: str = Field(description="Stable; meant for programs.", examples=["not-a-member"])
    detail: str = Field(description="Meant for people.", examples=["Only members may post here."])
    fix: str | None = Field(
        default=None,
        description="What to do about it; null where the fault is ours.",
        examples=["Join the community first."],
    )
    errors: list[Fault] = Field(default_factory=list)


_ABOUT = {
    400: "A parameter or header cannot be read.",
    401: "No valid bearer token.",
    403: "The caller may see this but not do it.",
    404: "It does not exist, or not for this caller.",
    405: "The method is not one of this address.",
    409: "The present state contradicts the request.",
    412: "It was edited meanwhile: the ETag is stale.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The input is invalid, or a rule of the domain says no.",
    428: "An edit needs If-Match.",
    500: "Unexpected.",
    503: "Something this needs is unavailable or not caught up yet; try again.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses for refusals with ``statuses``."""
    return {
        status: {
            "description": _ABOUT[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


READ_PROBLEMS = documented(400, 401, 403, 404, 422, 503)
WRITE_PROBLEMS = documented(400, 401, 403, 404, 409, 412, 413, 422, 428, 503)


Body = dict[str, Any]


def body(
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    fix: str | None = None,
) -> Body:
    """The problem that says so, as JSON."""
    return {
        "type": f"urn:guildhall:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "fix": fix or (errors[0]["fix"] if errors else None),
        "errors": list(errors),
    }


def body_of(error: GuildhallError) -> Body:
    """The problem for an error of the taxonomy, as JSON."""
    fix = error.fix or error.usual_fix
    faults = [{"field": error.field, "reason": error.detail, "fix": fix or ""}] if error.field else []
    detail = error.detail if error.fix is None else f"{error.detail} {error.fix}"
    return body(error.status, error.code, error.title, detail, faults, fix)


def problem(told: Body, headers: Mapping[str, str] | None = None) -> Response:
    """The response with this problem."""
    # ASCII alone: what is echoed from a bad request may hold what UTF-8 cannot encode.
    content = json.dumps(told, ensure_ascii=True)
    return Response(content, told["status"], headers, media_type="application/problem+json")


def of_error(error: GuildhallError) -> Response:
    """The response for an error of the taxonomy."""
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 503:
        headers["Retry-After"] = "1"
    return problem(body_of(error), headers)


_FIXES = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it; the fields are in the API documentation.",
    "string_too_long": "Shorten it.",
    "string_too_short": "It must not be empty.",
    "json_invalid": "Send valid JSON.",
    "too_long": "Send fewer.",
}


def _faults(error: RequestValidationError) -> list[dict[str, str]]:
    faults = []
    for each in error.errors()[:50]:
        where, *path = each["loc"]
        field = "/" + "/".join(map(str, path)) if where == "body" else str(path[0] if path else where)
        reason = str(each["msg"]).removeprefix("Value error, ")
        faults.append(
            {
                "field": field[:300],
                "reason": reason,
                "fix": _FIXES.get(each["type"], "Send what it asks for."),
            }
        )
    return faults


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem, and put the schema into its OpenAPI."""

    @app.exception_handler(GuildhallError)
    async def _known(_: Request, error: GuildhallError) -> Response:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        faults = _faults(error)
        malformed = {each["type"] for each in error.errors()} & {"json_invalid"}
        status, code = (400, "malformed-json") if malformed else (422, "invalid-input")
        detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults[:3])
        return problem(body(status, code, "Invalid input", detail, faults))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        told = _ABOUT.get(error.status_code, phrase) if error.detail == phrase else str(error.detail)
        headers = dict(error.headers or {})
        faults: list[dict[str, str]] = []
        code, fix = "http-error", None
        match error.status_code:
            case 400:
                code, fix = "malformed-body", "Send JSON in UTF-8 that is not nested too deeply."
                faults = [{"field": "/", "reason": told, "fix": fix}]
            case 404:
                code, fix = "no-such-address", "The addresses are in /docs."
            case 405:
                headers["Allow"] = ", ".join(_methods(app, request))
                code, fix = "method-not-allowed", f"This address takes {headers['Allow']}."
            case 413:
                code, fix = "body-too-large", "Send less."
                faults = [{"field": "/", "reason": told, "fix": fix}]
        return problem(body(error.status_code, code, phrase.capitalize(), told, faults, fix), headers)

    @app.exception_handler(PyMongoError)
    async def _driver(_: Request, error: PyMongoError) -> Response:
        known = translate(error)
        if isinstance(known, GuildhallError):
            return of_error(known)
        return _unexpected(error)

    @app.exception_handler(Exception)
    async def _unknown(_: Request, error: Exception) -> Response:
        return _unexpected(error)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """The methods that the request's address takes; the framework names those of the first route alone."""

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in app.routes)

    return [method for method in ("DELETE", "GET", "PATCH", "POST", "PUT") if taken(method)]


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem(body(500, "unexpected", "Unexpected error", "This is a fault of ours, and it was logged."))
