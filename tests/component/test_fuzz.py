"""A schema-driven fuzzer over all four APIs: no 5xx, and no answer outside the documented ones."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.cli.serve import service_called
from shared.contracts.topics import SERVICES
from shared.service import build_app
from shared.testing.harness import SECRET, create_topics, settings_for
from shared.testing.stack import Stack
from shared.web.auth import IMPORT_SCOPE, dev_token

STREAM = "/v1/stream"
"""Never ends, so it cannot be fuzzed; tests/component/test_notifications.py has its bad input."""


@asynccontextmanager
async def _served(service: str, stack: Stack) -> AsyncIterator[str]:
    """The service behind a real port, so that what is malformed on the wire is met, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = build_app(service_called(service), settings_for(stack))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done(), running.exception()
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize("service", SERVICES)
async def test_nothing_but_documented_answers(stack: Stack, service: str) -> None:
    await create_topics(stack)
    async with AsyncExitStack() as entered:
        url = await entered.enter_async_context(_served(service, stack))
        cancelled = threading.Event()
        try:
            await asyncio.to_thread(_fuzz, url, cancelled)
        finally:
            cancelled.set()


def _fuzz(url: str, cancelled: threading.Event) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path=STREAM)
    token = dev_token(SECRET, "fuzzer", org="o", scopes=[IMPORT_SCOPE])
    tried = 0
    for operation in (found.ok() for found in schema.get_all_operations()):
        # Valid by the schema, and broken on purpose.
        cases = operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(
            GenerationMode.NEGATIVE
        )

        @settings(
            max_examples=25,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def attempt(case: schemathesis.Case) -> None:
            nonlocal tried
            if cancelled.is_set():
                return
            tried += 1
            case.call_and_validate(
                headers={"Authorization": f"Bearer {token}"},
                checks=[
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_schema_conformance,
                ],
            )

        attempt()
    assert tried > 50, "hardly anything was tried"
