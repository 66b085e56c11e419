"""The collections of discussions; the only modules of this service that speak to MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.discussions.store import threads
from shared.storage import Index

INDEXES: Mapping[str, Sequence[Index]] = {**threads.INDEXES}
