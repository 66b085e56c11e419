"""OpenAPI, completed: what the framework derives has neither examples everywhere nor one of each refusal."""

from __future__ import annotations

from typing import Any

from shared.contracts import EVENTS
from shared.errors import (
    BadInput,
    BadRequest,
    Conflict,
    Forbidden,
    GuildhallError,
    NotFound,
    OutOfOrder,
    PreconditionRequired,
    StaleVersion,
    TooLarge,
    Unauthenticated,
)
from shared.web import problems

_MOMENT = "2026-03-02T09:30:00Z"
_ID = "0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"

_WORDS: dict[str, Any] = {
    **{
        name: field.examples[0]
        for event in EVENTS.values()
        for name, field in event.model_fields.items()
        if field.examples and field.examples[0] is not None
    },
    "name": "Amal Haddad",
    "about": "Twelve years at the counter, now in the back office.",
    "headline": "Permit clerk",
    "note": "Say which form to use.",
    "decline_reason": "On leave until May.",
    "field": "/title",
    "reason": "String should have at most 300 characters",
    "fix": "Shorten it.",
    "code": "not-a-member",
    "detail": "Only members may post here.",
    "next": "WyJwZXJtaXRzIl0",
}
"""A field's name means the same everywhere, so an event's examples are also those of a request or a view."""

_COMMUNITY = {"name": "Permit offices", "about": "Faster, fairer permits."}

_REFUSALS: tuple[GuildhallError, ...] = (
    BadRequest("bad-cursor", "The cursor is not one of this list.", field="cursor", fix="Start without one."),
    Unauthenticated("token-expired", "The token has expired.", field="Authorization", fix="Get a new one."),
    Forbidden("steward-only", "Only stewards may do this.", fix="Ask one of them."),
    NotFound("not-found", "There is none with this id.", fix="Check it."),
    Conflict("already-done", "This was done already."),
    StaleVersion(
        "stale-version",
        "It is at version 8 by now, and you edited version 7.",
        field="If-Match",
        fix="Read it again, apply your change to what it says now.",
    ),
    TooLarge("body-too-large", "A body has at most 1,048,576 bytes.", field="/", fix="Send less."),
    BadInput("invalid-input", "/title: it must not be empty.", field="/title", fix="Add it."),
    PreconditionRequired(
        "if-match-missing",
        "An edit must name the version that it edits.",
        field="If-Match",
        fix="Send the ETag of your last read.",
    ),
    OutOfOrder("not-caught-up", "What the causal token names is not known here yet.", fix="Try again."),
)


def complete(document: dict[str, Any]) -> None:
    """Add to ``document`` an example for each field and each refusal that has none."""
    for title, schema in document["components"]["schemas"].items():
        community = _COMMUNITY if "Community" in title else {}
        for name, field in schema.get("properties", {}).items():
            if not described_by_example(field) and (example := community.get(name, _example(name, field))):
                field["examples"] = [example]
    examples = {str(refusal.status): problems.body_of(refusal) for refusal in _REFUSALS}
    for operation in (each for methods in document["paths"].values() for each in methods.values()):
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/problem+json")
            if content is not None and status in examples:
                content.setdefault("example", examples[status])


def described_by_example(field: dict[str, Any]) -> bool:
    """Whether ``field`` shows what its values look like, by itself or by the schema that it refers to."""
    return bool(
        field.keys() & {"examples", "enum", "const", "$ref", "allOf", "oneOf"}
        or field.get("type") in ("boolean", "null")
        or (field.get("type") == "array" and described_by_example(field["items"]))
        or ("anyOf" in field and any(each.keys() & {"$ref", "enum", "examples"} for each in field["anyOf"]))
    )


def _example(name: str, field: dict[str, Any]) -> Any:
    kinds = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    kind = kinds[0] if kinds else {}
    if kind.get("format") == "date-time":
        return _MOMENT
    match kind.get("type"):
        case "integer":
            return kind.get("minimum", 1)
        case "string":
            known = _WORDS.get("name" if name.endswith("_name") else name)
            return known if isinstance(known, str) else _ID if name.endswith("id") else None
        case "array":
            known = _WORDS.get(name)
            return known if isinstance(known, list) else None
    return None
