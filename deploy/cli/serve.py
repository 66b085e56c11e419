"""`guildhall serve` and `guildhall relay`: one service, or its relay alone, as a process.

Both answer `/health/live`, `/health/ready` and `/metrics`, and drain on SIGTERM: uvicorn lets the requests in
hand finish, then leaving the lifespan stops consuming, commits, finishes the relay's page and disconnects.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer
import uvicorn
import uvloop
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError

from shared import collector
from shared.contracts.topics import SERVICES
from shared.errors import GuildhallError
from shared.messaging.producer import Producer
from shared.messaging.relay import INDEXES, Relay
from shared.service import Service, build_app, database_of
from shared.settings import ServiceSettings
from shared.telemetry.setup import setup

GRACE_SECONDS = 20
"""Requests that are still open so long after SIGTERM are cut; an event stream resumes elsewhere."""

ServiceName = StrEnum("ServiceName", {name: name for name in SERVICES})  # type: ignore[misc]

Name = Annotated[ServiceName, typer.Argument(help="Which service.", metavar="SERVICE", show_default=False)]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
Host = Annotated[str, typer.Option(help="0.0.0.0 for every interface.")]


def serve(service: Name, port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """Run one service until SIGTERM or Ctrl-C; its settings come from the environment."""
    settings = _settings()
    setup(service)
    _run(lambda: build_app(service_called(service), settings), host, port)


def relay(service: Name, port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """Run the relay of one service alone, where that one has GUILDHALL_RELAY_IN_PROCESS=false.

    Run any number: they share the shards. The port answers the health checks and /metrics.
    """
    settings = _settings()
    setup(f"{service}-relay")
    _run(lambda: relay_app(service, settings), host, port)


def service_called(name: str) -> Service:
    """What the service ``name`` declares of itself."""
    service = import_module(f"services.{name}.app").service
    assert isinstance(service, Service)
    return service


def relay_app(service: str, settings: ServiceSettings) -> FastAPI:
    """The relay as an ASGI application: starting it connects, stopping it finishes the page in hand."""
    database = database_of(service, settings)
    producer = Producer(settings.kafka_bootstrap_servers, client_id=f"guildhall-{service}-relay")
    relay = Relay(database, producer)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await database.ensure_indexes(INDEXES)
            await producer.start()
            try:
                await relay.start()
                collector.settle()
                try:
                    yield
                finally:
                    await relay.stop()
            finally:
                await producer.stop()
        finally:
            await database.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get("/health/live")
    async def live() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/health/ready")
    async def ready() -> Response:
        try:
            await database.ping()
        except GuildhallError as error:
            return Response(error.code, 503, media_type="text/plain")
        return Response("ok", media_type="text/plain")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _run(build: Callable[[], FastAPI], host: str, port: int) -> None:
    # The clients want to be made where the loop runs, hence not `uvicorn.run`.
    async def run() -> bool:
        config = uvicorn.Config(
            build(),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        await server.serve()
        return server.started

    # uvicorn raises the signal again once it has drained: to end by it would lose the last spans.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = runner.run(run())
    if not started:
        sys.exit(3)


def _settings() -> ServiceSettings:
    """The settings of the environment; without them, one line for each that is missing or wrong."""
    try:
        return ServiceSettings()  # it reads the environment
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            name = "_".join(map(str, problem["loc"])).upper()
            typer.echo(f"{name}: {problem['msg']}" if name else problem["msg"], err=True)
        sys.exit(2)
