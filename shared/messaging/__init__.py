"""The messaging core: outbox relay, consumer runtime, dead letters. See each module."""
