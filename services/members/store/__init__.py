"""The collections of members; the only modules of this service that speak to MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.members.store import admissions, communities, connections, mentorships, organisations, people
from shared.storage import Index
from shared.storage.personal import Personal

INDEXES: Mapping[str, Sequence[Index]] = {
    **people.INDEXES,
    **communities.INDEXES,
    **connections.INDEXES,
    **admissions.INDEXES,
    **organisations.INDEXES,
    **mentorships.INDEXES,
}

PERSONAL: Mapping[str, Personal] = {
    **people.PERSONAL,
    **connections.PERSONAL,
    **admissions.PERSONAL,
    **organisations.PERSONAL,
    **mentorships.PERSONAL,
}
