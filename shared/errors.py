"""The one taxonomy of errors, with a stable code each.

The same codes stand in problem+json, in dead-letter headers, in metrics and in logs. ``Failure`` says
what the messaging runtime does with an error; the class of a rejection says what HTTP answers.
This module is pure: the domain raises from it, and drivers' exceptions are translated where they occur.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Failure(StrEnum):
    """What kind of failure it is, and so what a consumer does with the record."""

    REJECTED = "rejected"
    """A rule said no: acknowledge and count."""
    INVALID = "invalid"
    """The message can never be handled: dead letter at once."""
    TRANSIENT = "transient"
    """It may work in a moment: bounded backoff with jitter, then dead letter."""
    DEPENDENCY_DOWN = "dependency-down"
    """Nothing would work now: pause, never dead-letter."""
    DUPLICATE = "duplicate"
    """Handled before: acknowledge."""
    OUT_OF_ORDER = "out-of-order"
    """Something it builds on has not arrived yet: defer its partition, bounded, then dead letter."""
    UNKNOWN = "unknown"
    """Nobody foresaw it: a few tries, then dead letter."""


class GuildhallError(Exception):
    """The root of every error that Guildhall raises on purpose.

    ``code`` is stable and kebab-case; ``detail`` is a sentence for a person; ``field`` names the input
    that is at fault (a JSON pointer or a header's name), ``fix`` what to do about it: ``usual_fix`` where
    nothing better can be said.
    """

    failure: ClassVar[Failure] = Failure.UNKNOWN
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Unexpected error"
    usual_fix: ClassVar[str | None] = None

    def __init__(self, code: str, detail: str, *, field: str | None = None, fix: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.fix = fix


class Rejected(GuildhallError):
    """A rule of the domain said no; nothing was changed."""

    failure = Failure.REJECTED
    status = 422
    title = "The rules do not allow this"
    usual_fix = "Change what the rule asks for."


class NotFound(Rejected):
    """It does not exist, or not for the one who asks: both look the same."""

    status = 404
    title = "Not found"
    usual_fix = "Check its id, and that you may see it."


class Forbidden(Rejected):
    """The caller may see it but not do this to it."""

    status = 403
    title = "Not allowed"
    usual_fix = "Leave it to somebody who may."


class Unauthenticated(Rejected):
    """No valid token came with the request."""

    status = 401
    title = "Authentication needed"
    usual_fix = "Send a valid bearer token."


class Conflict(Rejected):
    """The present state contradicts the request."""

    status = 409
    title = "Conflict with the present state"
    usual_fix = "Read how it is now, and decide anew."


class StaleVersion(Rejected):
    """The caller edits a version that is no longer the present one."""

    status = 412
    title = "Edited meanwhile"
    usual_fix = "Read it again, and apply your change to what it says now."


class PreconditionRequired(Rejected):
    """An edit must say which version it edits."""

    status = 428
    title = "If-Match needed"
    usual_fix = "Send the ETag of your last read."


class BadInput(Rejected):
    """The request itself is malformed."""

    status = 422
    title = "Invalid input"
    usual_fix = "Send what the API documentation asks for."


class BadRequest(Rejected):
    """A parameter or header cannot be read."""

    status = 400
    title = "Bad request"
    usual_fix = "Send what the API documentation asks for."


class TooLarge(Rejected):
    """The request's body is larger than any valid one."""

    status = 413
    title = "Too large"
    usual_fix = "Send less."


class InvalidMessage(GuildhallError):
    """A record that no retry can make valid."""

    failure = Failure.INVALID
    title = "Invalid message"


class Transient(GuildhallError):
    """It failed, and trying again is likely to help."""

    failure = Failure.TRANSIENT
    status = 503
    title = "Try again"
    usual_fix = "Try again in a moment."


class DependencyDown(GuildhallError):
    """MongoDB or Kafka does not answer."""

    failure = Failure.DEPENDENCY_DOWN
    status = 503
    title = "A dependency is unavailable"
    usual_fix = "Try again in a moment."


class OutOfOrder(GuildhallError):
    """The event builds on another that this service has not seen yet."""

    failure = Failure.OUT_OF_ORDER
    status = 503
    title = "Not caught up yet"
    usual_fix = "Try again in a moment."
