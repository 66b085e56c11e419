"""W3C trace context at the places where it crosses the outbox, Kafka and the inbox."""

from __future__ import annotations

import re

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

tracer = trace.get_tracer("guildhall")

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def traceparent_of(span: Span) -> str | None:
    """The ``traceparent`` that names ``span``, or nothing outside any trace."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def current_traceparent() -> str | None:
    """The ``traceparent`` of the current span, or nothing outside any trace."""
    return traceparent_of(trace.get_current_span())


def span_context(traceparent: str | None) -> SpanContext | None:
    """The span context that ``traceparent`` names; nothing for none or a malformed one."""
    if traceparent is None or not (match := _TRACEPARENT.fullmatch(traceparent)):
        return None
    context = SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16))
    )
    return context if context.is_valid else None


def parent(context: SpanContext) -> Context:
    """A context whose current span is the remote ``context``."""
    return trace.set_span_in_context(NonRecordingSpan(context))
