"""The settings of matching, from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MatchingSettings(BaseSettings):
    """How matching works; prefix ``GUILDHALL_``."""

    model_config = SettingsConfigDict(env_prefix="GUILDHALL_", frozen=True)

    retrain: bool = Field(
        True, description="Learn anew every week whom to ask; off where a job runs `guildhall train-router`."
    )
    embeddings: bool = Field(
        True, description="Find similar problems by their meaning, too; off: by their words alone."
    )
    embedding_workers: int = Field(
        1, ge=1, description="Processes that work out meanings: each takes a core at times, and 300 MB."
    )
    embedding_wait_seconds: float = Field(
        0.4, gt=0, description="An answer waits so long for the meaning of what is asked, then does without."
    )


SETTINGS = MatchingSettings()
