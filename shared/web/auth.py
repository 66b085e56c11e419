"""Bearer tokens: who is calling. Any OIDC issuer's (RS256/ES256 by JWKS), or the development issuer's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.errors import DependencyDown, Forbidden, Unauthenticated
from shared.ids import member_id
from shared.settings import ServiceSettings
from shared.storage.database import translated
from shared.storage.personal import is_erased

DEV_ISSUER = "https://dev.guildhall.invalid"
"""The issuer of development tokens; ``.invalid`` can never be a real one."""

IMPORT_SCOPE = "guildhall:import"
"""Allows loading a community with the original authors and times."""

OPERATE_SCOPE = "guildhall:operate"
"""Allows what is left to the platform's operators."""

LONGEST_ID = 100
"""How long a member's or an organisation's id may be, in characters."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the member's id (they need not have registered yet), organisation and scopes."""

    member_id: str
    org_id: str | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def operates(self) -> bool:
        """Whether this is one of the platform's operators."""
        return OPERATE_SCOPE in self.scopes


class Tokens:
    """Verifies tokens as ``settings`` say."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._jwks: jwt.PyJWKClient | None = None

    async def caller(self, token: str) -> Caller:
        """Whoever ``token`` names. Raises ``Unauthenticated`` with a code that says what is wrong."""
        try:
            claims = await self._claims(token)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(
                "token-expired", "The token has expired.", field="Authorization", fix="Get a new one."
            ) from None
        except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError):
            raise Unauthenticated(
                "token-not-yet-valid",
                "The token is not valid yet.",
                field="Authorization",
                fix="Check that the clocks of issuer and service agree.",
            ) from None
        except (jwt.PyJWTError, ValueError):
            raise Unauthenticated(
                "token-invalid",
                "The token is malformed, wrongly signed, or for somebody else.",
                field="Authorization",
                fix="Send a token of the configured issuer and audience.",
            ) from None
        # An issuer may know the member's id: it is trusted for both.
        own = _named(claims, "guildhall_member_id") or member_id(claims["iss"], claims["sub"])
        return Caller(own, _named(claims, "org"), frozenset(str(claims.get("scope", "")).split()))

    async def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        checks: dict[str, Any] = {
            "audience": settings.audience,
            "leeway": settings.clock_skew_seconds,
            "options": {"require": ["exp", "iat", "iss", "sub", "aud"]},
        }
        if settings.dev_issuer_secret is not None:
            secret = settings.dev_issuer_secret.get_secret_value()
            return jwt.decode(token, secret, algorithms=["HS256"], issuer=DEV_ISSUER, **checks)
        try:
            key = await asyncio.to_thread((await self._keys()).get_signing_key_from_jwt, token)
        except (jwt.PyJWKClientConnectionError, httpx.HTTPError) as error:
            raise DependencyDown(
                "issuer-unavailable", "The token issuer's keys cannot be fetched."
            ) from error
        algorithms = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
        return jwt.decode(token, key.key, algorithms=algorithms, issuer=settings.issuer, **checks)

    async def _keys(self) -> jwt.PyJWKClient:
        if self._jwks is None:
            url = self._settings.jwks_url
            if not url:
                discovery = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                async with httpx.AsyncClient(timeout=5) as client:
                    url = (await client.get(discovery)).raise_for_status().json()["jwks_uri"]
            self._jwks = jwt.PyJWKClient(url, cache_keys=True, lifespan=300, timeout=5)
        return self._jwks


def _named(claims: Mapping[str, Any], claim: str) -> str | None:
    """The id in a claim, if it has one. Raises ``Unauthenticated`` for what could be no address."""
    named = claims.get(claim)
    if not isinstance(named, str) or not named:
        return None
    if len(named) > LONGEST_ID or not named.isprintable():
        raise Unauthenticated(
            "token-invalid",
            f"The token's claim {claim} is no id.",
            field="Authorization",
            fix=f"An id has at most {LONGEST_ID} characters, all of them visible.",
        )
    return named


def dev_token(
    secret: str,
    subject: str,
    *,
    org: str | None = None,
    scopes: Sequence[str] = (),
    member: str | None = None,
    lifetime: timedelta = timedelta(hours=12),
    audience: str = "guildhall",
    now: datetime | None = None,
) -> str:
    """A token of the development issuer; services accept it only in development."""
    issued = now or datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": DEV_ISSUER,
        "aud": audience,
        "sub": subject,
        "iat": issued,
        "exp": issued + lifetime,
        "scope": " ".join(scopes),
    }
    if org:
        claims["org"] = org
    if member:
        claims["guildhall_member_id"] = member
    return jwt.encode(claims, secret, algorithm="HS256")


def dev_member_id(subject: str) -> str:
    """The member id of a development token's subject."""
    return member_id(DEV_ISSUER, subject)


_bearer = HTTPBearer(auto_error=False, description="A JWT of the configured OIDC issuer.")


async def authenticated(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Dependency: the caller; refuses whoever has no valid token."""
    if credentials is None:
        raise Unauthenticated(
            "token-missing",
            "This needs a bearer token.",
            field="Authorization",
            fix="Send 'Authorization: Bearer <token>'.",
        )
    tokens: Tokens = request.app.state.tokens
    caller = await tokens.caller(credentials.credentials)
    if await is_erased(request.app.state.database, caller.member_id):
        raise erased()
    return caller


def erased() -> Forbidden:
    """What somebody gets who was erased, for good: late events about them could not be told from new ones."""
    return Forbidden("erased", "Everything about you was erased.", fix="Sign in with another identity.")


AuthenticatedCaller = Annotated[Caller, Depends(authenticated)]


def settled_in(people: str) -> Callable[[Request, Caller], Awaitable[None]]:
    """Dependency: refuses whoever's token names another organisation than their profile, as far as the
    collection ``people`` knows of one (``org_id``, by member id).

    What somebody may see goes by their memberships, and those within an organisation end only when members
    hears that they left it. Until then nothing here is to be theirs by a token of the new one.
    """

    async def settled(request: Request, caller: AuthenticatedCaller) -> None:
        with translated():
            person = await request.app.state.database[people].find_one(
                {"_id": caller.member_id}, {"org_id": 1}
            )
        if person is not None and "org_id" in person and person["org_id"] != caller.org_id:
            raise Forbidden(
                "organisation-changed",
                "Your token names another organisation than your profile.",
                field="Authorization",
                fix="Save your profile with this token first: PUT /v1/members/me at members.",
            )

    return settled


async def importing(caller: AuthenticatedCaller) -> Caller:
    """Dependency: a caller who may import."""
    if IMPORT_SCOPE not in caller.scopes:
        raise Forbidden(
            "scope-missing", f"This needs the scope {IMPORT_SCOPE}.", fix="Ask an operator for a token."
        )
    return caller


async def operating(caller: AuthenticatedCaller) -> Caller:
    """Dependency: an operator."""
    if not caller.operates:
        raise Forbidden(
            "scope-missing", f"This needs the scope {OPERATE_SCOPE}.", fix="Ask an operator to do it."
        )
    return caller
