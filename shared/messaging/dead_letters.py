"""Dead letters: the original record, and why it could not be handled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from shared.contracts.topics import dead_letters
from shared.messaging.producer import Outgoing

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

PREFIX = "guildhall_dead_"
"""Headers that are added to the original ones begin so; replaying takes exactly these away again."""

_SECRETS = re.compile(r"""\S+@\S+|["'][^"']{24,}["']|\b[A-Za-z0-9_\-]{40,}\b""")


def redact(message: str) -> str:
    """An error's text without what may be personal or secret: addresses, long quoted values, tokens."""
    return _SECRETS.sub("…", message)[:500]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a record is given up."""

    code: str
    message: str
    attempts: int
    first_failure: datetime


def bury(record: ConsumerRecord[Any, Any], group: str, verdict: Verdict) -> Outgoing:
    """The dead letter for ``record``: original bytes, key and headers, and where and why it failed."""
    notes = {
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(record.timestamp),
        "group": group,
        "code": verdict.code,
        "message": redact(verdict.message),
        "attempts": str(verdict.attempts),
        "first_failure": verdict.first_failure.isoformat(),
        "version": version("guildhall"),
    }
    return Outgoing(
        dead_letters(group).name,
        record.key,
        record.value,
        [*record.headers, *((PREFIX + name, value.encode()) for name, value in notes.items())],
    )


def exhume(record: ConsumerRecord[Any, Any], topic: str) -> Outgoing:
    """The original record again, from its dead letter, addressed to ``topic``."""
    original = [(name, value) for name, value in record.headers if not name.startswith(PREFIX)]
    return Outgoing(topic, record.key, record.value, original)
