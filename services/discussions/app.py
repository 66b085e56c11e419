"""Discussions, put together."""

from __future__ import annotations

from services.discussions import api, imports, store
from services.discussions.duties import DUTIES
from services.discussions.reactions import reactions
from shared.service import Service

service = Service(
    name="discussions",
    about="Problems, solutions, practices, comments, case studies, resources, benchmarks, gatherings.",
    routers=[*api.ROUTERS, imports.router],
    public=[api.calendar.public],
    reactions=reactions,
    indexes=store.INDEXES,
    duties=DUTIES,
    personal=store.PERSONAL,
    people=store.access.PEOPLE,
)
