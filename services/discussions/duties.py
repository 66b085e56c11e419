"""What discussions does because time has passed."""

from __future__ import annotations

from services.discussions import commands, store
from shared.clockwork import Duty

DUTIES = (Duty("benchmarks", store.benchmarks.due, commands.benchmarks.close_in_time),)
