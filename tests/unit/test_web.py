"""Tokens, cursors, causal tokens, settings: bad input is named, never passed on."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from shared.errors import BadRequest, DependencyDown, OutOfOrder, Rejected, Transient, Unauthenticated
from shared.ids import member_id, minted_at, new_id, stable_id
from shared.settings import ServiceSettings
from shared.web.auth import DEV_ISSUER, Tokens, dev_member_id, dev_token
from shared.web.causality import read_token, token
from shared.web.paging import page, read_cursor, write_cursor
from shared.web.problems import of_error
from shared.web.texts import BodyText, TagList, TitleText

SECRET = "s" * 40


def settings(**more: Any) -> ServiceSettings:
    values: dict[str, Any] = {
        "kafka_bootstrap_servers": "k:1",
        "mongodb_uri": SecretStr("mongodb://m"),
        "environment": "development",
        "dev_issuer_secret": SecretStr(SECRET),
    }
    return ServiceSettings(**(values | more))


async def test_a_token_names_its_member_organisation_and_scopes() -> None:
    caller = await Tokens(settings()).caller(dev_token(SECRET, "amal", org="aarhus", scopes=["a", "b"]))
    assert caller.member_id == dev_member_id("amal") == member_id(DEV_ISSUER, "amal")
    assert (caller.org_id, caller.scopes) == ("aarhus", {"a", "b"})


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: dev_token("x" * 40, "amal"), "token-invalid"),
        (lambda: dev_token(SECRET, "amal", audience="somebody-else"), "token-invalid"),
        (lambda: dev_token(SECRET, "amal", lifetime=timedelta(hours=-1)), "token-expired"),
        (
            lambda: dev_token(SECRET, "amal", now=datetime.now(UTC) + timedelta(minutes=5)),
            "token-not-yet-valid",
        ),
        (lambda: jwt.encode({"sub": "amal"}, SECRET, "HS256"), "token-invalid"),
        (
            lambda: jwt.encode({"sub": "amal", "iss": DEV_ISSUER, "aud": "guildhall"}, None, "none"),
            "token-invalid",
        ),
        (lambda: dev_token(SECRET, "amal", member="a\r\nSet-Cookie: b"), "token-invalid"),
        (lambda: dev_token(SECRET, "amal", member="m" * 101), "token-invalid"),
        (lambda: dev_token(SECRET, "amal", org="a\x00b"), "token-invalid"),
        (lambda: "é.é.é", "token-invalid"),
        (lambda: "", "token-invalid"),
    ],
)
async def test_a_foreign_or_stale_token_is_refused(made: Any, code: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await Tokens(settings()).caller(made())
    assert refused.value.code == code


async def test_a_little_clock_skew_is_forgiven() -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=20)
    assert await Tokens(settings()).caller(dev_token(SECRET, "amal", now=ahead))


def test_development_shortcuts_refuse_to_run_outside_development() -> None:
    with pytest.raises(ValidationError, match="GUILDHALL_ENVIRONMENT"):
        settings(environment="production")
    with pytest.raises(ValidationError, match="GUILDHALL_ISSUER"):
        settings(environment="production", dev_issuer_secret=None)
    with pytest.raises(ValidationError, match="32 characters"):
        settings(dev_issuer_secret=SecretStr("short"))


def test_erasures_have_a_key_of_their_own_in_production() -> None:
    production = {"environment": "production", "dev_issuer_secret": None, "issuer": "https://issuer.invalid"}
    with pytest.raises(ValidationError, match="GUILDHALL_ERASURE_KEY"):
        settings(**production)
    with pytest.raises(ValidationError, match="32 characters"):
        settings(**production, erasure_key=SecretStr("short"))
    assert settings(**production, erasure_key=SecretStr("k" * 32)).erasure_secret == b"k" * 32
    assert settings().erasure_secret == SECRET.encode()


def test_a_cursor_comes_back_as_it_went() -> None:
    rows, following = page(list(range(11)), 10, lambda row: row, str)
    assert (rows, read_cursor(following or "", int, str)) == (list(range(10)), [9, "9"])
    assert page([1, 2], 10, lambda row: row) == ([1, 2], None)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_nonsense_is_a_bad_cursor_or_a_readable_one(text: str) -> None:
    try:
        values = read_cursor(text, str)
    except BadRequest as refused:
        assert (refused.code, refused.field) == ("bad-cursor", "cursor")
    else:
        assert read_cursor(write_cursor(*values), str) == values


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF)))
def test_any_nonsense_is_a_bad_causal_token_or_a_readable_one(text: str) -> None:
    try:
        assert isinstance(read_token(text), list)
    except BadRequest as refused:
        assert refused.code == "bad-causal-token"


def test_a_causal_token_names_the_last_events_and_fits_a_header() -> None:
    rows = [{"type": "guildhall.problem-posted.v1", "_id": new_id()} for _ in range(500)]
    text = token(rows)
    assert text is not None
    assert len(text) < 4_000
    assert read_token(text) == [("guildhall.problem-posted.v1", row["_id"]) for row in rows[-20:]]
    assert token([]) is None


def test_ids() -> None:
    assert abs(minted_at(new_id()) - datetime.now(UTC)) < timedelta(seconds=1)
    assert stable_id("a", "b") == stable_id("a", "b") != stable_id("ab", "")


class Texts(BaseModel):
    title: TitleText
    body: BodyText = "x"
    tags: TagList = []


def test_texts_are_trimmed_and_tags_folded_and_each_once() -> None:
    texts = Texts(title="  Ærø 漢字 👩🏽‍🔧 ", tags=["Permits ", "permits", "Digital  Signature", "ÆRØ"])
    assert texts.title == "Ærø 漢字 👩🏽‍🔧"
    assert texts.tags == ["permits", "digital-signature", "ærø"]


@pytest.mark.parametrize(
    "bad",
    ["", "   ", "x" * 301, "\N{ZERO WIDTH SPACE}\N{WORD JOINER}", "two\nlines", "nul\x00", "lone \ud800"],
)
def test_bad_titles(bad: str) -> None:
    with pytest.raises(ValidationError):
        Texts(title=bad)


def test_every_refusal_says_what_to_do_about_it() -> None:
    kinds = [Rejected, *Rejected.__subclasses__(), Transient, DependencyDown, OutOfOrder]
    assert len(kinds) > 10
    for kind in kinds:
        told = json.loads(bytes(of_error(kind("some-code", "It is so.")).body))
        assert (told["code"], told["detail"], told["errors"]) == ("some-code", "It is so.", [])
        assert told["fix"], kind
        told = json.loads(bytes(of_error(kind("c", "It is so.", field="/name", fix="Do this.")).body))
        fault = {"field": "/name", "reason": "It is so.", "fix": "Do this."}
        assert (told["fix"], told["detail"], told["errors"]) == ("Do this.", "It is so. Do this.", [fault])
