"""CloudEvents 1.0 in Kafka's binary mode: the attributes are headers, the value is the data alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from shared.contracts import EVENTS, Event
from shared.errors import InvalidMessage
from shared.storage import Cause, Recorded

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

E = TypeVar("E", bound=Event, covariant=True)

Headers = list[tuple[str, bytes]]

MAX_ID_LENGTH = 256
"""A longer ``ce_id`` is no id of ours, and would bloat the inbox's index."""


class Received(NamedTuple, Generic[E]):
    """An event as a handler receives it."""

    id: str
    event: E
    at: datetime
    """When it happened, UTC."""
    traceparent: str | None
    correlation_id: str | None

    @property
    def cause(self) -> Cause:
        """What an event that follows from this one names as its cause."""
        return Cause(self.traceparent, self.correlation_id or self.id, self.id)


@cache
def _fixed_headers(event_type: str) -> Headers:
    event = EVENTS[event_type]
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type.encode()),
        ("ce_source", f"/guildhall/{event.topic.owner}".encode()),
        ("ce_dataschema", f"/schemas/{event_type.removeprefix('guildhall.')}.json".encode()),
        ("content-type", b"application/json"),
    ]


def headers_of(event: Recorded) -> Headers:
    """The headers of the record that an event of the outbox becomes."""
    headers = [
        *_fixed_headers(event["type"]),
        ("ce_id", event["_id"].encode()),
        ("ce_time", event["time"].encode()),
        ("ce_partitionkey", event["key"].encode()),
        ("ce_correlationid", event["correlation"].encode()),
    ]
    if event["causation"]:
        headers.append(("ce_causationid", event["causation"].encode()))
    if event["traceparent"]:
        headers.append(("traceparent", event["traceparent"].encode()))
    return headers


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def text_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers as text; what is null or not UTF-8 is made visible instead of failing."""
    return {name: _text(value) for name, value in headers}


def type_of(record: ConsumerRecord[Any, Any]) -> str:
    """The record's event type, or nothing if it names none."""
    return _text(dict(record.headers).get("ce_type"))


def decode(record: ConsumerRecord[Any, Any], event: type[E]) -> Received[E]:
    """The event in ``record``, which its type says is an ``event``.

    Raises ``InvalidMessage`` with one of the codes ``missing-id``, ``missing-time``, ``empty-value``,
    ``invalid-data``.
    """
    headers = dict(record.headers)
    event_id = _text(headers.get("ce_id"))
    if not event_id or len(event_id) > MAX_ID_LENGTH:
        raise InvalidMessage("missing-id", f"The header ce_id must have 1 to {MAX_ID_LENGTH} characters.")
    try:
        at = datetime.fromisoformat(_text(headers.get("ce_time")))
    except ValueError:
        raise InvalidMessage("missing-time", "The header ce_time must be a moment in RFC 3339.") from None
    if record.value is None:
        raise InvalidMessage("empty-value", "The record has no value; no topic here has tombstones.")
    try:
        data = event.read(record.value)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'data'}: {problem['type']}"
            for problem in error.errors(include_url=False, include_input=False)[:3]
        )
        raise InvalidMessage("invalid-data", f"The data is no valid {event.type}: {places}.") from None
    return Received(
        event_id,
        data,
        (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC),
        _text(headers["traceparent"]) if "traceparent" in headers else None,
        _text(headers["ce_correlationid"]) if "ce_correlationid" in headers else None,
    )
