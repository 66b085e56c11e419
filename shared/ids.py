"""Identifiers: UUIDv7 where time-ordered, UUIDv5 where the same thing must get the same id again."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4, uuid5

import uuid_utils

_NAMESPACE = UUID("6f1b0c1e-3d53-5c1c-9f0e-7a2f5d4c8b11")


def new_id() -> str:
    """A new UUIDv7 in canonical text: unique, and sortable by the millisecond it was minted in."""
    return str(uuid_utils.uuid7())


def minted_at(uuid7: str) -> datetime:
    """When a UUIDv7 was minted, UTC, to the millisecond."""
    return datetime.fromtimestamp((UUID(uuid7).int >> 80) / 1000, UTC)


def stable_id(*parts: str) -> str:
    """The UUIDv5 of ``parts``: the same parts give the same id in every service and on every run.

    Used where two sides must agree on an id without asking each other: a member's id from the
    token's issuer and subject, an imported post's id from its source and number.
    """
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def member_id(issuer: str, subject: str) -> str:
    """The member id of whoever ``issuer`` calls ``subject``; every service derives the same one."""
    return stable_id("member", issuer, subject)


_FORMER = "former-member-"


def former_member() -> str:
    """A new pseudonym for somebody who was erased: random, so that nothing leads from one to the other."""
    return f"{_FORMER}{uuid4()}"


def is_former_member(member_id: str) -> bool:
    """Whether this is the pseudonym of somebody who was erased: nobody to be told or asked anything."""
    return member_id.startswith(_FORMER)


FORMER_MEMBER = "A former member"
"""What somebody who was erased is called."""
