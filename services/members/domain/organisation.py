"""An organisation: what it is called, which domains are proven to be its own, and who administers it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.members.domain.member import Member
from services.members.domain.rules import Rules
from shared.errors import BadInput, Conflict, Forbidden, NotFound


class Domain(BaseModel):
    """A domain that an organisation says is its own; proven once ``verified_at`` is there."""

    model_config = ConfigDict(frozen=True)

    name: str
    """As it is in the DNS: lower case, ASCII."""
    token: str
    verified_at: datetime | None = None

    @property
    def record(self) -> str:
        """The name of the TXT record that proves it."""
        return f"_guildhall-challenge.{self.name}"

    @property
    def proof(self) -> str:
        """What the TXT record has to say."""
        return f"guildhall-verification={self.token}"


class Organisation(BaseModel):
    """``org_id`` is what tokens name it by; ``revision`` counts its changes."""

    model_config = ConfigDict(frozen=True)

    org_id: str
    revision: int
    name: str
    about: str
    domains: list[Domain] = []
    administrators: list[str]
    created_at: datetime

    def domain(self, name: str) -> Domain:
        """Its domain called ``name``. Raises ``NotFound`` if it does not claim it."""
        for each in self.domains:
            if each.name == name:
                return each
        raise NotFound("no-such-domain", "The organisation has no such domain.", fix="Claim it first.")


def no_such_organisation() -> NotFound:
    """What strangers get, and what everybody gets where there is none."""
    return NotFound("no-such-organisation", "There is no such organisation.", fix="Check its id.")


def found(org_id: str, *, name: str, about: str, administrator: Member | None, now: datetime) -> Organisation:
    """Found an organisation with its first administrator; an operator may leave that one for later."""
    organisation = Organisation(
        org_id=org_id, revision=1, name=name, about=about, administrators=[], created_at=now
    )
    if administrator is None:
        return organisation
    _require_theirs(organisation, administrator)
    return organisation.model_copy(update={"administrators": [administrator.member_id]})


def edit(organisation: Organisation, *, name: str, about: str) -> Organisation:
    """Call and describe it anew."""
    return _changed(organisation, name=name, about=about)


def claim(organisation: Organisation, name: str, token: str, rules: Rules) -> Organisation:
    """Say that a domain is the organisation's; ``token`` is what its DNS has to say to prove it.

    Claiming anew what is not proven yet gives a new token.
    """
    others = [each for each in organisation.domains if each.name != name]
    if any(each.name == name and each.verified_at is not None for each in organisation.domains):
        raise Conflict("already-verified", "This domain is proven to be the organisation's.")
    if len(others) >= rules.domains:
        raise Conflict("too-many-domains", f"At most {rules.domains} domains.", fix="Give up another first.")
    return _changed(organisation, domains=[*others, Domain(name=name, token=token)])


def verify(
    organisation: Organisation, name: str, records: Collection[str], owner: str | None, now: datetime
) -> Organisation:
    """Take a domain as proven if its TXT ``records`` say so and no other organisation proved it before.

    ``owner`` is the organisation that proved it, if any did.
    """
    domain = organisation.domain(name)
    if domain.verified_at is not None:
        return organisation
    if owner not in (None, organisation.org_id):
        raise Conflict(
            "domain-taken", "Another organisation has proven this domain.", fix="Ask an operator to free it."
        )
    if domain.proof not in records:
        raise Conflict(
            "not-proven",
            f"There is no TXT record {domain.record} that says {domain.proof}.",
            fix="Add it, wait until your DNS servers have it, and try again.",
        )
    verified = domain.model_copy(update={"verified_at": now})
    return _changed(
        organisation, domains=[verified if each.name == name else each for each in organisation.domains]
    )


def give_up(organisation: Organisation, name: str) -> Organisation:
    """The domain is no longer the organisation's."""
    organisation.domain(name)
    return _changed(organisation, domains=[each for each in organisation.domains if each.name != name])


def appoint(organisation: Organisation, member: Member, rules: Rules) -> Organisation:
    """Make somebody of the organisation an administrator; being one already changes nothing."""
    if member.member_id in organisation.administrators:
        return organisation
    _require_theirs(organisation, member)
    if len(organisation.administrators) >= rules.administrators:
        raise Conflict(
            "too-many-administrators",
            f"At most {rules.administrators} administrators.",
            fix="Dismiss another first.",
        )
    return _changed(organisation, administrators=[*organisation.administrators, member.member_id])


def dismiss(organisation: Organisation, member_id: str) -> Organisation:
    """Somebody is no administrator any more; one always remains."""
    if member_id not in organisation.administrators:
        raise NotFound("not-an-administrator", "This is no administrator of the organisation.")
    if len(organisation.administrators) == 1:
        raise Conflict(
            "last-administrator",
            "An organisation keeps at least one administrator.",
            fix="Appoint somebody else first.",
        )
    return without(organisation, member_id)


def without(organisation: Organisation, member_id: str) -> Organisation:
    """The organisation when an administrator is erased; should nobody remain, an operator appoints."""
    remaining = [each for each in organisation.administrators if each != member_id]
    return _changed(organisation, administrators=remaining)


def seen_by(organisation: Organisation | None, org_id: str | None, *, operates: bool) -> Organisation:
    """The organisation, for those whose token names it as ``org_id`` and for operators; it is hidden from
    strangers."""
    if organisation is None or not (operates or org_id == organisation.org_id):
        raise no_such_organisation()
    return organisation


def administered_by(
    organisation: Organisation | None, member_id: str, org_id: str | None, *, operates: bool
) -> Organisation:
    """The organisation, for its administrators and for operators."""
    organisation = seen_by(organisation, org_id, operates=operates)
    if not operates and member_id not in organisation.administrators:
        raise Forbidden(
            "not-an-administrator",
            "Only administrators of the organisation may do this.",
            fix="Ask one of them; the organisation names them.",
        )
    return organisation


def _require_theirs(organisation: Organisation, member: Member) -> None:
    if member.org_id != organisation.org_id:
        raise BadInput(
            "other-organisation",
            "An administrator is somebody of the organisation.",
            field="/administrator_id",
            fix="Name a member who signed in through the organisation.",
        )


def _changed(organisation: Organisation, **changes: object) -> Organisation:
    return organisation.model_copy(update={**changes, "revision": organisation.revision + 1})
