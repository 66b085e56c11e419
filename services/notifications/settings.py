"""The numbers of notifying, each a setting from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class NotificationSettings(BaseSettings):
    """How notifying works; prefix ``GUILDHALL_NOTIFICATIONS_``."""

    model_config = SettingsConfigDict(env_prefix="GUILDHALL_NOTIFICATIONS_", frozen=True)

    stale_after_days: float = Field(
        7, ge=0, description="What happened longer ago (in an import, say) notifies nobody."
    )
    muted_threads: int = Field(1_000, ge=1, description="How many threads one member can mute.")
    heartbeat_seconds: float = Field(15, gt=0, description="A comment is sent on a stream this often.")
    stream_seconds: float = Field(
        3_600, gt=0, description="A stream ends after so long; the client comes back with a valid token."
    )
    send_seconds: float = Field(
        30, gt=0, description="A client that takes nothing for so long is disconnected, and catches up later."
    )


SETTINGS = NotificationSettings()
