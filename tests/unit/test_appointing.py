"""`guildhall appoint steward`: what it asks, says and how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from typer.testing import CliRunner

from deploy.cli import appointing
from deploy.cli.main import app

Answer = Callable[[httpx.Request], httpx.Response]


def ran(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> tuple[int, str]:
    """The exit code and the output, where the members service answers so."""

    def put(url: str, **sent: object) -> httpx.Response:
        with httpx.Client(transport=httpx.MockTransport(answer)) as http:
            return http.put(url, **sent)  # type: ignore[arg-type]

    monkeypatch.setattr(appointing.httpx, "put", put)
    options = ["--token=t", "--members-url=http://members", "--reason=Nobody was left."]
    result = CliRunner().invoke(app, ["appoint", "steward", "offices", "ann", *options])
    return result.exit_code, result.output


@pytest.mark.parametrize(("standing", "lines"), [("active", 1), ("dormant", 2)])
def test_it_asks_the_members_service(monkeypatch: pytest.MonkeyPatch, standing: str, lines: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, str(request.url)) == (
            "PUT",
            "http://members/v1/communities/offices/stewards/ann",
        )
        assert request.headers["authorization"] == "Bearer t"
        assert json.loads(request.content) == {"reason": "Nobody was left."}
        return httpx.Response(200, json={"standing": standing})

    code, said = ran(monkeypatch, answer)
    assert (code, said.count("\n"), "ann is a steward of offices." in said) == (0, lines, True), said


def test_a_refusal_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = {"code": "archived", "detail": "This community is archived: it is read-only."}
    code, said = ran(monkeypatch, lambda _: httpx.Response(409, json=problem))
    assert (code, said) == (1, "members: 409 archived: This community is archived: it is read-only.\n")


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert ran(monkeypatch, answer) == (1, "ConnectError: refused\n")
