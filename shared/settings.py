"""Settings, from the environment alone (prefix ``GUILDHALL_``). Secrets have no defaults."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class TextLimits(BaseSettings):
    """How long texts may be, in characters. Changing them changes the generated OpenAPI."""

    model_config = SettingsConfigDict(env_prefix="GUILDHALL_LIMIT_", frozen=True)

    name: int = 120
    title: int = 300
    body: int = 40_000
    note: int = 2_000
    tag: int = 50
    tags: int = 10
    skills: int = 50


LIMITS = TextLimits()


class ServiceSettings(BaseSettings):
    """What every service needs to know of where it runs."""

    model_config = SettingsConfigDict(env_prefix="GUILDHALL_", frozen=True)

    environment: Literal["development", "production"] = "production"
    kafka_bootstrap_servers: str = Field(
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers")
    )
    mongodb_uri: SecretStr = Field(validation_alias=AliasChoices("MONGODB_URI", "mongodb_uri"))
    database_prefix: str = Field("guildhall-", description="Before the service's name; sets tests apart.")

    issuer: str = Field("", description="The OIDC issuer whose tokens are accepted.")
    audience: str = "guildhall"
    jwks_url: str = Field("", description="Where the issuer's keys are; found through discovery if empty.")
    dev_issuer_secret: SecretStr | None = Field(
        None, description="Accept tokens signed with this (HS256). Development only."
    )
    clock_skew_seconds: float = 30.0

    erasure_key: SecretStr | None = Field(
        None,
        description="Keys the hashes by which a service knows erased members again. Keep it for ever: with "
        "another one, events from before could bring back what was erased. 32 characters or more. In "
        "development the development issuer's secret takes its place.",
    )

    clockwork_seconds: float = Field(30.0, gt=0, description="Seconds between two looks for what is due.")
    relay_in_process: bool = Field(True, description="False where `guildhall relay` runs beside the service.")
    consumer_session_seconds: float = Field(
        10.0,
        ge=1,
        description="A consumer silent for so long loses its partitions. On the embedded stack a member also "
        "waits half of it when it joins.",
    )
    causal_wait_seconds: float = 5.0
    max_request_bytes: int = 1_048_576

    @model_validator(mode="after")
    def _deny_shortcuts(self) -> ServiceSettings:
        if self.dev_issuer_secret is not None:
            if self.environment != "development":
                raise ValueError(
                    "GUILDHALL_DEV_ISSUER_SECRET is set but GUILDHALL_ENVIRONMENT is not 'development': "
                    "unset it, and set GUILDHALL_ISSUER."
                )
            if len(self.dev_issuer_secret.get_secret_value()) < 32:
                raise ValueError("GUILDHALL_DEV_ISSUER_SECRET must have at least 32 characters.")
        elif not self.issuer:
            raise ValueError("GUILDHALL_ISSUER must name the OIDC issuer whose tokens are accepted.")
        if self.erasure_key is None and self.environment != "development":
            raise ValueError("GUILDHALL_ERASURE_KEY must be set: see its description in shared/settings.py.")
        if self.erasure_key is not None and len(self.erasure_key.get_secret_value()) < 32:
            raise ValueError("GUILDHALL_ERASURE_KEY must have at least 32 characters.")
        return self

    @property
    def erasure_secret(self) -> bytes:
        """The key for the hashes of erased members."""
        secret = self.erasure_key or self.dev_issuer_secret
        return secret.get_secret_value().encode() if secret else b""
