"""What a domain's DNS says: a port, so that tests need no network, and dnspython behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import dns.asyncresolver
import dns.exception
import dns.resolver
from fastapi import Depends

from shared.errors import DependencyDown

LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""(name) -> the texts of its TXT records, maybe none. Raises ``DependencyDown`` if nobody knows."""

SECONDS = 5.0
"""After which nobody knows."""


def look_up_with(resolver: Callable[[], dns.asyncresolver.Resolver]) -> LookUp:
    """A ``LookUp`` that asks as ``resolver`` is set up."""

    async def look_up(name: str) -> list[str]:
        try:
            found = await resolver().resolve(name, "TXT", lifetime=SECONDS)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise DependencyDown("dns-unavailable", f"The DNS does not answer about {name}.") from error
        return [b"".join(record.strings).decode(errors="replace") for record in found]

    return look_up


def looking_up() -> LookUp:
    """Dependency: as this machine is set up."""
    return look_up_with(dns.asyncresolver.Resolver)


Dns = Annotated[LookUp, Depends(looking_up)]
