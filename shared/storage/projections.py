"""Projections: what a service keeps of others' events."""

from __future__ import annotations

from typing import Any

from pymongo import UpdateOne


def apply_version(key: str, version: int, fields: dict[str, Any], *, named: str = "version") -> UpdateOne:
    """Put ``fields`` on the document ``key`` unless a later ``version`` was applied before.

    Order per key holds on the topic; the guard is for dead letters that are replayed later. ``named`` is the
    version's field, so that events of different aggregates can feed one document.
    """
    newer = {"$gt": [version, {"$ifNull": [f"${named}", 0]}]}
    values: dict[str, Any] = {name: {"$literal": value} for name, value in fields.items()} | {named: version}
    guarded = {name: {"$cond": [newer, value, f"${name}"]} for name, value in values.items()}
    return UpdateOne({"_id": key}, [{"$set": guarded}], upsert=True)
