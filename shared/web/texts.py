"""The types of texts and moments in requests: trimmed, bounded, free of what no text contains."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

import idna
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from shared.settings import LIMITS

_INVISIBLE = {"Zs", "Zl", "Zp", "Cc", "Cf"}
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _clean(text: str) -> str:
    if _FORBIDDEN.search(text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line")
    return _clean(text)


def _visible(text: str) -> str:
    if all(unicodedata.category(character) in _INVISIBLE for character in text):
        raise ValueError("must not be blank")
    return text


def _text(limit: int, minimum: int = 1) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=minimum, max_length=limit)


Name = Annotated[str, _text(LIMITS.name), AfterValidator(_one_line), AfterValidator(_visible)]
Line = Annotated[str, _text(LIMITS.title, 0), AfterValidator(_one_line)]
TitleText = Annotated[str, _text(LIMITS.title), AfterValidator(_one_line), AfterValidator(_visible)]
BodyText = Annotated[str, _text(LIMITS.body), AfterValidator(_clean), AfterValidator(_visible)]
SectionText = Annotated[str, _text(LIMITS.body // 4, 0), AfterValidator(_clean)]
"""One of a few sections of a text; together they are no longer than any other."""
Note = Annotated[str, _text(LIMITS.note, 0), AfterValidator(_clean)]
Passage = Annotated[str, _text(LIMITS.note), AfterValidator(_clean), AfterValidator(_visible)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")]

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
"""A BCP 47 tag."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _bounded(at: datetime) -> datetime:
    if not _EARLIEST <= at < _LATEST:
        raise ValueError("must be a moment from 1970 on")
    return at.astimezone(UTC)


def _no_number(at: object) -> object:
    if isinstance(at, int | float):
        raise ValueError("must be a moment in RFC 3339, not a number of seconds")
    return at


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_bounded)]
"""What no calendar arithmetic here could overflow on."""


def _https(text: str) -> str:
    try:
        address = urlsplit(text)
        fit = address.scheme == "https" and address.hostname and address.port != 0
    except ValueError:
        fit = False
    if not fit or address.username is not None or re.search(r"[\s\x00-\x20\x7f]", text):
        raise ValueError("must be an https address without a user's name")
    return text


HttpsAddress = Annotated[str, _text(2_000), AfterValidator(_one_line), AfterValidator(_https)]


def _domain(text: str) -> str:
    try:
        name = idna.encode(text.removesuffix("."), uts46=True).decode()
    except idna.IDNAError:
        name = ""
    if "." not in name or len(name) > _LONGEST_DOMAIN or name.rpartition(".")[2].isdigit():
        raise ValueError("must be a domain name such as example.org")
    return name


_LONGEST_DOMAIN = 220
"""Characters; the DNS takes 253, and a prefix has to fit."""

DomainName = Annotated[str, _text(_LONGEST_DOMAIN), AfterValidator(_one_line), AfterValidator(_domain)]
"""As the DNS has it: lower case, ASCII."""


def _tag(text: str) -> str:
    tag = re.sub(r"\s+", "-", _one_line(text).casefold())
    if "," in tag:
        raise ValueError("must not contain a comma")
    return tag


Tag = Annotated[str, _text(LIMITS.tag), AfterValidator(_tag)]


def _each_once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


TagList = Annotated[list[Tag], Field(max_length=LIMITS.tags), AfterValidator(_each_once)]


class Request(BaseModel):
    """The body of a request: unknown fields are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class View(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(frozen=True)
