"""What members does because time has passed."""

from __future__ import annotations

from services.members.commands import lives as commands
from services.members.commands import mentorships
from services.members.store import lives as store
from services.members.store import mentorships as mentorship_store
from shared.clockwork import Duty

DUTIES = [
    Duty("memberships", store.memberships_due, commands.pass_time),
    Duty("stages", store.stages_due, commands.pass_silence),
    Duty("stewards", store.stewards_due, commands.ask_for_steward),
    Duty("mentorships", mentorship_store.due, mentorships.proceed),
]
