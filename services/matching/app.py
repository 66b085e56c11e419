"""Matching, put together."""

from __future__ import annotations

from services.matching import api, store
from services.matching.duties import DUTIES
from services.matching.follower import running_index
from services.matching.gauges import running_gauges
from services.matching.precedents import running_library
from services.matching.reactions import reactions
from services.matching.store import mentors, programmes, recommendations, tastes, ties
from services.matching.trainer import running_trainer
from shared.service import Service

service = Service(
    name="matching",
    about="Who is asked about a problem and why; which problems are like it; what is recommended to whom.",
    routers=api.ROUTERS,
    reactions=reactions,
    indexes={
        **store.INDEXES,
        **tastes.INDEXES,
        **ties.INDEXES,
        **mentors.INDEXES,
        **recommendations.INDEXES,
        **programmes.INDEXES,
    },
    personal={
        **store.PERSONAL,
        **tastes.PERSONAL,
        **ties.PERSONAL,
        **mentors.PERSONAL,
        **recommendations.PERSONAL,
        **programmes.PERSONAL,
    },
    people=store.PEOPLE,
    duties=DUTIES,
    pages=api.PAGES,
    background=[running_index, running_gauges, running_library, running_trainer],
)
