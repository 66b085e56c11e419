"""When a gathering takes place: by the clocks of its place, once or again and again.

A recurring gathering keeps its local time over a change of the clocks. A local time that the clocks leave out
is what it would have been had they not moved; one that comes twice is the first of the two (RFC 5545, 3.3.5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrulestr
from pydantic import BaseModel, ConfigDict, PlainSerializer

from services.discussions.domain.limits import GATHERING_AHEAD, GATHERING_OCCURRENCES
from shared.errors import BadInput

Local = Annotated[
    datetime, PlainSerializer(lambda local: local.isoformat(timespec="minutes"), return_type=str)
]
"""A time on a clock somewhere, to the minute; no moment before one knows where. Kept as text."""

_DAY = "(MO|TU|WE|TH|FR|SA|SU)"
_PARTS: Mapping[str, re.Pattern[str]] = {
    "FREQ": re.compile("DAILY|WEEKLY|MONTHLY|YEARLY"),
    "INTERVAL": re.compile(r"[1-9]\d?"),
    "COUNT": re.compile(r"[1-9]\d{0,3}"),
    "UNTIL": re.compile(r"\d{8}T\d{6}Z"),
    "BYDAY": re.compile(rf"([+-]?[1-5])?{_DAY}(,([+-]?[1-5])?{_DAY}){{0,6}}"),
    "BYMONTHDAY": re.compile(r"-?([1-9]|[12]\d|3[01])(,-?([1-9]|[12]\d|3[01])){0,30}"),
    "BYMONTH": re.compile(r"([1-9]|1[0-2])(,([1-9]|1[0-2])){0,11}"),
    "BYSETPOS": re.compile(r"-?[1-9](,-?[1-9]){0,4}"),
    "WKST": re.compile(_DAY),
}
"""The parts of a recurrence rule that are understood, in the order in which they are kept."""


class Schedule(BaseModel):
    """A local start in a time zone (IANA), how long it takes, and by which rule it comes again."""

    model_config = ConfigDict(frozen=True)

    start: Local
    zone: str
    minutes: int
    recurrence: str | None

    @property
    def starts(self) -> tuple[datetime, ...]:
        """The local starts of all occurrences, in order."""
        return _starts(self.start, self.zone, self.recurrence)


def schedule(start: datetime, zone: str, minutes: int, recurrence: str | None) -> Schedule:
    """A schedule that makes sense. Raises ``BadInput`` naming the field that does not."""
    if zone not in _zones():
        raise BadInput(
            "unknown-time-zone",
            f"There is no time zone called {zone}.",
            field="/zone",
            fix="Use an IANA name such as Europe/Copenhagen.",
        )
    made = Schedule(start=start, zone=zone, minutes=minutes, recurrence=_canonical(recurrence))
    count = int(_parts(made.recurrence).get("COUNT", 1)) if made.recurrence else 1
    starts = made.starts
    if not starts or starts[0] != start:
        raise _bad("Its first start must be one that the rule names.", field="/start")
    if len(starts) > GATHERING_OCCURRENCES or len(starts) < count or _goes_on_too_long(made):
        raise _bad(
            f"It ends after at most {GATHERING_OCCURRENCES} times, within {GATHERING_AHEAD.days} days."
        )
    return made


def _goes_on_too_long(made: Schedule) -> bool:
    until = _parts(made.recurrence).get("UNTIL") if made.recurrence else None
    return until is not None and _utc(until) > moment(made.start + GATHERING_AHEAD, made.zone)


def _utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def moment(local: datetime, zone: str) -> datetime:
    """When it is ``local`` in ``zone``, UTC."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def _canonical(recurrence: str | None) -> str | None:
    if recurrence is None:
        return None
    parts = _parts(recurrence.upper().removeprefix("RRULE:"))
    for name, value in parts.items():
        known = _PARTS.get(name)
        if known is None or not known.fullmatch(value):
            raise _bad(f"{name}={value} is not understood."[:300])
    if "FREQ" not in parts or ("COUNT" in parts) == ("UNTIL" in parts):
        raise _bad("It needs a FREQ, and either a COUNT or an UNTIL.")
    if parts["FREQ"] != "MONTHLY" and re.search(r"\d", parts.get("BYDAY", "")):
        raise _bad("Days of a certain week are for months: use FREQ=MONTHLY.")
    if parts["FREQ"] == "WEEKLY" and "BYMONTHDAY" in parts:
        raise _bad("Days of the month are not for weeks.")
    if "BYSETPOS" in parts and not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH"}:
        raise _bad("BYSETPOS chooses among days that another part names.")
    if "UNTIL" in parts:
        try:
            _utc(parts["UNTIL"])
        except ValueError:
            raise _bad("UNTIL must be a moment in UTC, such as 20261231T235959Z.") from None
    return ";".join(f"{name}={parts[name]}" for name in _PARTS if name in parts)


def _parts(recurrence: str) -> dict[str, str]:
    pairs = [part.partition("=")[::2] for part in recurrence.split(";")]
    parts = dict(pairs)
    if len(parts) < len(pairs):
        raise _bad("Each part can be there once.")
    return parts


@lru_cache(maxsize=1_000)
def _starts(start: datetime, zone: str, recurrence: str | None) -> tuple[datetime, ...]:
    """Bounded by the horizon and not by the rule: there are rules that no day ever fits."""
    if recurrence is None:
        return (start,)
    parts = _parts(recurrence)
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    horizon = start + GATHERING_AHEAD
    rule = ";".join(f"{name}={value}" for name, value in parts.items())
    found = rrulestr(f"{rule};UNTIL={horizon:%Y%m%dT%H%M%S}", dtstart=start)
    starts = tuple(islice(found, int(count) if count else GATHERING_OCCURRENCES + 1))
    if until is None:
        return starts
    last = _utc(until)
    return tuple(local for local in starts if moment(local, zone) <= last)


def ends(starts_at: datetime, minutes: int) -> datetime:
    """When it is over, UTC."""
    return starts_at + timedelta(minutes=minutes)


def _bad(detail: str, field: str = "/recurrence") -> BadInput:
    return BadInput(
        "bad-recurrence",
        detail,
        field=field,
        fix="Send a rule of RFC 5545 such as FREQ=WEEKLY;BYDAY=MO;COUNT=10.",
    )
