"""`guildhall erase`: what it says and how it exits, by what the services answer."""

from __future__ import annotations

import functools
import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from deploy.cli import erasing
from deploy.cli.main import app
from shared.contracts.topics import SERVICES

GONE: dict[str, Any] = {"erased": True, "mentions": {}}


class Services:
    """What the four services answer, each time that they are asked."""

    def __init__(self, **answers: list[dict[str, Any] | int]) -> None:
        self.answers = {**{name: [GONE] for name in SERVICES}, **answers}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer t"
        self.asked.append(f"{request.method} {request.url}")
        left = self.answers[request.url.host]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, int):
            return httpx.Response(answer, json={"code": "scope-missing", "detail": "No."} if answer else None)
        return httpx.Response(200, content=json.dumps(answer))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(erasing, "PAUSE", 0.0)
    real = httpx.AsyncClient

    def run(services: Services, *options: str) -> tuple[int, str]:
        transport = httpx.MockTransport(services)
        monkeypatch.setattr(erasing.httpx, "AsyncClient", functools.partial(real, transport=transport))
        urls = [f"--{name}-url=http://{name}" for name in SERVICES]
        ran = CliRunner().invoke(app, ["erase", "ann", "--token", "t", *urls, *options])
        return ran.exit_code, ran.output

    return run


def test_nothing_left_anywhere(run: Any) -> None:
    code, said = run(services := Services(), "--verify")
    assert (code, "Nothing in members, discussions, matching, notifications names ann" in said) == (0, True)
    assert services.asked == [f"GET http://{name}/v1/erasures/ann" for name in SERVICES]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            {"erased": True, "mentions": {"outbox": 2, "items": 1}},
            "matching: 3 documents name them: 2 in outbox",
        ),
        ({"erased": False, "mentions": {}}, "matching: knows of no erasure of ann"),
        (403, "matching: 403 scope-missing: No."),
    ],
)
def test_one_service_is_enough_to_fail(run: Any, answer: Any, line: str) -> None:
    code, said = run(Services(matching=[answer]), "--verify")
    assert (code, line in said) == (1, True), said


def test_waiting_for_the_last_trace(run: Any) -> None:
    late: list[Any] = [{"erased": True, "mentions": {"erasures": 1}}] * 3
    assert run(Services(members=[*late, GONE]), "--verify")[0] == 1
    assert run(Services(members=[*late, GONE]), "--verify", "--wait=30")[0] == 0


def test_erasing_is_for_the_members_service(run: Any) -> None:
    code, said = run(services := Services())
    assert (code, services.asked) == (0, ["PUT http://members/v1/erasures/ann"])
    assert "is erased" in said
    assert run(Services(members=[403]))[0] == 1
