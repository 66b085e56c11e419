"""The address of a member's calendar: whoever knows the secret in it reads the calendar."""

from __future__ import annotations

import hashlib


def hash_of(secret: str) -> str:
    """What is kept of a secret: that is as long as it is random, so nobody finds it by trying."""
    return hashlib.sha256(secret.encode()).hexdigest()
