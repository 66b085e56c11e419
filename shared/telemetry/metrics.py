"""Every metric's name, unit and meaning, in one place.

Instruments of the global meter: they cost next to nothing until ``telemetry.setup`` installs a provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
_asks = _meter.create_gauge("guildhall.asks.sent", "1", "Asks of the last 28 days.")
_accepted = _meter.create_gauge("guildhall.asks.accepted", "1", "Share of them accepted or answered.")
_answered = _meter.create_gauge("guildhall.asks.answered", "1", "Share of them answered.")
_decile = _meter.create_gauge(
    "guildhall.asks.decile", "1", "Share of them by tenth of the members, 1 the busiest."
)
_busiest = _meter.create_gauge("guildhall.asks.busiest", "1", "Share of them of the one asked most.")
_problems_answered = _meter.create_gauge(
    "guildhall.problems.answered", "1", "Share of the problems of the last 28 days that were answered."
)
_first_answer = _meter.create_gauge("guildhall.problems.first_answer", "s", "Median time to a first answer.")

_suggestions = _meter.create_gauge(
    "guildhall.suggestions.made", "1", "Communities, mentors and people recommended in the last 28 days."
)
_suggestions_accepted = _meter.create_gauge(
    "guildhall.suggestions.accepted", "1", "Share of them that was taken up."
)
_leaderless = _meter.create_gauge(
    "guildhall.communities.leaderless", "s", "For how long nobody has looked after one, by who was asked to."
)


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


class _Renewed(_Bound):
    """A gauge that knows what it was set for: what is not set any more falls to nothing."""

    def __init__(self, instrument: Any) -> None:
        super().__init__(instrument)
        self._before: list[dict[str, str]] = []
        self._set_for: list[dict[str, str]] = []

    def set(self, amount: float, **more: str) -> None:
        super().set(amount, **more)
        self._set_for.append(more)

    def renew(self) -> None:
        """Everything has been set anew."""
        for gone in self._before:
            if gone not in self._set_for:
                super().set(0.0, **gone)
        self._before, self._set_for = self._set_for, []


class _RenewedTogether:
    """Gauges that are all set anew at once."""

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """While this is open, everything is set anew."""
        yield
        for gauge in vars(self).values():
            gauge.renew()


class SuccessionMetrics(_RenewedTogether):
    """Which communities look for a steward."""

    def __init__(self) -> None:
        self.leaderless = _Renewed(_leaderless)


class LoadMetrics(_RenewedTogether):
    """Who is asked how much, by community and organisation."""

    def __init__(self) -> None:
        self.asks = _Renewed(_asks)
        self.accepted = _Renewed(_accepted)
        self.answered = _Renewed(_answered)
        self.decile = _Renewed(_decile)
        self.busiest = _Renewed(_busiest)
        self.problems_answered = _Renewed(_problems_answered)
        self.first_answer = _Renewed(_first_answer)
        self.suggestions = _Renewed(_suggestions)
        self.suggestions_accepted = _Renewed(_suggestions_accepted)
