"""The collections of members; the only modules of this service that speak to MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.members.store import admissions, communities, connections, mentorships, organisations, people
from shared.storage import Index

INDEXES: Mapping[str, Sequence[Index]] = {
    **people.INDEXES,
    **communities.INDEXES,
    **connections.INDEXES,
    **admissions.INDEXES,
    **organisations.INDEXES,
    **mentorships.INDEXES,
}
