"""Traces, metrics and logs, through OpenTelemetry."""
