"""What discussions does because time has passed."""

from __future__ import annotations

from services.discussions import commands, store
from shared.clockwork import Duty

DUTIES = (
    Duty("benchmarks", store.benchmarks.due, commands.benchmarks.close_in_time),
    # Candidates nobody objects to become best practices; these are reviewed, or lapse.
    Duty("practices", store.solutions.due, commands.practices.let_time_pass),
    # Evidence is collected, not chased: adopters are asked once, and told when what they adapted changes.
    Duty("ask-adopters", store.adaptations.due_to_ask, commands.adaptations.ask),
    Duty("tell-adopters", store.adaptations.due_to_tell, commands.adaptations.tell_adopters),
    Duty("gatherings", store.gatherings.due, commands.gatherings.pass_time),
)
