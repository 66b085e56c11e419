"""What members reacts to: nothing yet. Its group exists all the same, for what operators replay."""

from __future__ import annotations

from shared.messaging.reactions import Reactions

reactions = Reactions("members")
