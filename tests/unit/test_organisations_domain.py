"""Organisations: who administers them, and how a domain is proven."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import dns.asyncresolver
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.members.domain import organisation as organisations
from services.members.domain.member import Member, Profile
from services.members.domain.organisation import Organisation
from services.members.domain.rules import RULES, Rules
from shared.errors import BadInput, Conflict, DependencyDown, Forbidden, NotFound, Rejected
from shared.web.dns import look_up_with
from shared.web.texts import DomainName

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def member(name: str, org_id: str | None = "o") -> Member:
    return Member(member_id=name, version=1, org_id=org_id, profile=Profile(name=name), registered_at=NOW)


def acme() -> Organisation:
    return organisations.found("o", name="Acme", about="", administrator=member("ann"), now=NOW)


def test_the_first_administrator_is_of_the_organisation() -> None:
    assert acme().administrators == ["ann"]
    with pytest.raises(BadInput, match="other-organisation"):
        organisations.found("o", name="Acme", about="", administrator=member("eve", "p"), now=NOW)
    with pytest.raises(BadInput, match="other-organisation"):
        organisations.appoint(acme(), member("eve", None), RULES)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["ann", "bob", "cyd"])), max_size=20))
def test_one_administrator_always_remains(steps: list[tuple[bool, str]]) -> None:
    organisation = acme()
    for appoint, who in steps:
        before = organisation
        try:
            if appoint:
                organisation = organisations.appoint(organisation, member(who), Rules(administrators=2))
            else:
                organisation = organisations.dismiss(organisation, who)
        except Rejected:
            assert organisation == before
        assert 1 <= len(set(organisation.administrators)) == len(organisation.administrators) <= 2


def test_an_erased_administrator_blocks_nothing() -> None:
    assert organisations.without(acme(), "ann").administrators == []


def test_a_domain_is_proven_by_its_own_token_alone() -> None:
    claimed = organisations.claim(acme(), "acme.example", "t1", RULES)
    domain = claimed.domain("acme.example")
    assert (domain.record, domain.proof) == (
        "_guildhall-challenge.acme.example", "guildhall-verification=t1",
    )  # fmt: skip
    for records in ([], ["guildhall-verification=t2"], ["guildhall-verification=t1 "], ["t1"]):
        with pytest.raises(Conflict, match="not-proven"):
            organisations.verify(claimed, "acme.example", records, None, NOW)
    with pytest.raises(Conflict, match="domain-taken"):
        organisations.verify(claimed, "acme.example", [domain.proof], "p", NOW)
    proven = organisations.verify(claimed, "acme.example", ["v=spf1", domain.proof], "o", NOW)
    assert proven.domain("acme.example").verified_at == NOW
    assert organisations.verify(proven, "acme.example", [], None, NOW) == proven
    with pytest.raises(Conflict, match="already-verified"):
        organisations.claim(proven, "acme.example", "t3", RULES)
    with pytest.raises(NotFound, match="no-such-domain"):
        organisations.give_up(organisations.give_up(proven, "acme.example"), "acme.example")


def test_claiming_anew_gives_a_new_token_and_not_a_second_domain() -> None:
    twice = organisations.claim(
        organisations.claim(acme(), "a.example", "t1", Rules(domains=1)), "a.example", "t2", Rules(domains=1)
    )
    assert [each.token for each in twice.domains] == ["t2"]
    with pytest.raises(Conflict, match="too-many-domains"):
        organisations.claim(twice, "b.example", "t", Rules(domains=1))


def test_strangers_do_not_learn_of_it() -> None:
    for stranger in (None, "p"):
        with pytest.raises(NotFound, match="no-such-organisation"):
            organisations.administered_by(acme(), "ann", stranger, operates=False)
    with pytest.raises(Forbidden, match="not-an-administrator"):
        organisations.administered_by(acme(), "bob", "o", operates=False)
    assert organisations.administered_by(acme(), "op", None, operates=True)
    with pytest.raises(NotFound):
        organisations.administered_by(None, "op", None, operates=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.ORG.", "example.org"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_domain_names(text: str, name: str) -> None:
    assert TypeAdapter(DomainName).validate_python(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "10.0.0.1",
        "a b.org",
        "a..org",
        "-a.org",
        "x" * 64 + ".org",
        "a." * 130 + "org",
        "a/b.org",
    ],
)
def test_what_is_no_domain_name(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(DomainName).validate_python(text)


class _Server(asyncio.DatagramProtocol):
    """A DNS server that knows two names."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query, recursion_available=True)
        name = str(query.question[0].name)
        if name == "known.example.":
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", '"one"', '"two " "halves"'))
        elif name == "broken.example.":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name != "empty.example.":
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), address)


async def test_what_the_dns_says() -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        _Server, local_addr=("127.0.0.1", 0)
    )

    def resolver() -> dns.asyncresolver.Resolver:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
        return made

    look_up = look_up_with(resolver)
    try:
        assert sorted(await look_up("known.example")) == ["one", "two halves"]
        assert await look_up("empty.example") == []
        assert await look_up("missing.example") == []
        with pytest.raises(DependencyDown, match="dns-unavailable"):
            await look_up("broken.example")
    finally:
        transport.close()
