"""Matching, put together."""

from __future__ import annotations

from services.matching import api, store
from services.matching.duties import DUTIES
from services.matching.gauges import running_gauges
from services.matching.precedents import running_library
from services.matching.reactions import reactions
from shared.service import Service

service = Service(
    name="matching",
    about="Who is asked about a problem, why, and what they answer; which problems are like it.",
    routers=api.ROUTERS,
    reactions=reactions,
    indexes=store.INDEXES,
    personal=store.PERSONAL,
    duties=DUTIES,
    pages=api.PAGES,
    background=[running_gauges, running_library],
)
