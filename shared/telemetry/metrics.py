"""Every metric's name, unit and meaning, in one place.

Instruments of the global meter: they cost next to nothing until ``telemetry.setup`` installs a provider.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import Counter, Histogram

_meter = metrics.get_meter("guildhall")

_published = _meter.create_counter("guildhall.relay.published", "1", "Outbox rows acknowledged by Kafka.")
_relay_failures = _meter.create_counter("guildhall.relay.failures", "1", "Rows or rounds that failed.")
_oldest = _meter.create_gauge("guildhall.outbox.oldest_pending", "s", "Age of the oldest pending outbox row.")
_handled = _meter.create_counter("guildhall.consumer.handled", "1", "Records whose effects are committed.")
_skipped = _meter.create_counter(
    "guildhall.consumer.skipped", "1", "Records that this group has no handler for."
)
_duplicates = _meter.create_counter("guildhall.consumer.duplicates", "1", "Records handled before.")
_rejected = _meter.create_counter(
    "guildhall.consumer.rejected", "1", "Records that a rule of the domain refused."
)
_dead = _meter.create_counter("guildhall.consumer.dead_letters", "1", "Records put on the dead-letter topic.")
_retries = _meter.create_counter(
    "guildhall.consumer.retries", "1", "Attempts after the first, by error code."
)
_pauses = _meter.create_counter("guildhall.consumer.pauses", "1", "Pauses because a dependency was down.")
_batch_size = _meter.create_histogram("guildhall.consumer.batch.size", "1", "Records in a batch.")
_batch_seconds = _meter.create_histogram("guildhall.consumer.batch.duration", "s", "From fetch to commit.")
_lag = _meter.create_gauge("guildhall.consumer.lag", "1", "Records behind the end of a partition.")


class _Bound:
    """An instrument with its attributes bound."""

    def __init__(self, instrument: Any, **attributes: str) -> None:
        self._instrument, self._attributes = instrument, attributes

    def add(self, amount: float, **more: str) -> None:
        counter: Counter = self._instrument
        counter.add(amount, self._attributes | more)

    def record(self, amount: float) -> None:
        histogram: Histogram = self._instrument
        histogram.record(amount, self._attributes)

    def set(self, amount: float, **more: str) -> None:
        self._instrument.set(amount, self._attributes | more)


class RelayMetrics:
    """The relay's instruments for one service."""

    def __init__(self, service: str) -> None:
        bind = partial(_Bound, service=service)
        self.published = bind(_published)
        self.failures = bind(_relay_failures)
        self.oldest_pending = bind(_oldest)


class ConsumerMetrics:
    """The consumer runtime's instruments for one group."""

    def __init__(self, group: str) -> None:
        bind = partial(_Bound, group=group)
        self.handled = bind(_handled)
        self.skipped = bind(_skipped)
        self.duplicates = bind(_duplicates)
        self.rejected = bind(_rejected)
        self.dead_letters = bind(_dead)
        self.retries = bind(_retries)
        self.pauses = bind(_pauses)
        self.batch_size = bind(_batch_size)
        self.batch_duration = bind(_batch_seconds)
        self.lag = bind(_lag)
