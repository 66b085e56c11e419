"""What every record of an export must have, so that a line that was tampered with is told by its number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_THREAD = ("id", "thread_id", "author", "at")
_CONTENT = (*_OF_THREAD, "title", "tags", "state", "reason")

NEEDED: Mapping[str, tuple[str, ...]] = {
    "community": (
        "id", "type", "org_id", "name", "about", "charter", "tags", "languages", "join_policy",
        "allow_anonymous", "links", "rules", "founder_id", "at",
    ),
    "member": ("id", "name", "headline", "org_id", "at"),
    "membership": ("member_id", "role", "at"),
    "problem": (*_OF_THREAD, "title", "body", "tags", "context", "score"),
    "solution": (*_OF_THREAD, "body", "score"),
    "revision": ("thread_id", "solution_id", "number", "author", "at", "body", "note", "major"),
    "acceptance": ("thread_id", "solution_id"),
    "resolution": ("thread_id",),
    "comment": ("id", "thread_id", "item_id"),
    "case-study": (
        *_CONTENT, "situation", "action", "outcome", "lessons", "organisation", "problem_id", "solution_id",
    ),
    "resource": (*_CONTENT, "body", "substance"),
    "benchmark": (*_OF_THREAD, "title", "body", "tags", "measures", "nameless", "closes_at"),
    "benchmark-answer": ("thread_id", "number", "values", "note"),
    "benchmark-closing": ("thread_id", "at"),
    "gathering": (
        *_OF_THREAD, "title", "body", "tags", "start", "zone", "minutes", "recurrence", "place", "address",
        "capacity", "exceptions", "sequence", "going", "cancelled_at",
    ),
    "gathering-reply": ("thread_id", "member", "reply", "waiting", "at"),
    "gathering-notes": ("thread_id", "author", "at", "occurrence", "text"),
    "endorsement": ("thread_id", "solution_id", "endorser", "basis", "at"),
    "link": ("problem_id", "target_id", "type"),
}  # fmt: skip
"""Of each kind that can be imported, the fields without which it cannot."""

_SAID = ("author", "at", "body", "mentions")
"""What a comment has that was not removed."""
PEOPLE = ("author", "endorser", "member")
"""The fields that say who did something."""
_TEXTS = frozenset(
    {
        "id", "thread_id", "item_id", "solution_id", "target_id", "member_id", "founder_id", "at", "start",
        "zone", "occurrence", "reply",
    }
)  # fmt: skip


def fault(record: Mapping[str, Any]) -> str | None:
    """What is wrong with a record of a kind that can be imported, with its field and what to do."""
    kind = record["kind"]
    if not isinstance(kind, str) or kind not in NEEDED:
        return None  # of a later version
    said = _SAID if kind == "comment" and not record.get("removed") else ()
    named = [name for name in PEOPLE if record.get(name) is not None]
    for name in (*NEEDED[kind], *said, *named):
        if name not in record:
            return f'{kind}: "{name}" is missing. Add it, or export again.'
        if name in PEOPLE and not _is_person(record[name]):
            return f'{kind}: "{name}" must be an object with an "id" and a "name", or with "anonymous": true.'
        if name in _TEXTS and not (isinstance(record[name], str) and record[name]):
            return f'{kind}: "{name}" must be a text. Correct it, or export again.'
    return None


def _is_person(person: object) -> bool:
    if not isinstance(person, dict):
        return False
    named = isinstance(person.get("id"), str) and isinstance(person.get("name", ""), str | None)
    return person.get("anonymous") is True or named
