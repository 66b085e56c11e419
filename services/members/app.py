"""Members, put together."""

from __future__ import annotations

from services.members import api, imports, store
from services.members.duties import DUTIES
from services.members.gauges import running_gauges
from services.members.reactions import reactions
from shared.service import Service

service = Service(
    name="members",
    about="People and their skills, communities, and who belongs to them; mentorships and connections.",
    routers=[*api.ROUTERS, imports.router],
    reactions=reactions,
    indexes=store.INDEXES,
    personal=store.PERSONAL,
    duties=DUTIES,
    background=[running_gauges],
)
