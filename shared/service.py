"""What makes four rooms of code a running service: built once here, the same for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import collector
from shared.clock import Clock, utc_now
from shared.clockwork import Duty, clockwork
from shared.contracts import EVENTS
from shared.contracts.generate import Participant, as_json, as_yaml, asyncapi, page, schema_of, short_name
from shared.errors import NotFound, TooLarge
from shared.health import Health
from shared.messaging.broker import make_broker, subscribe
from shared.messaging.inbox import INDEXES as INBOX_INDEXES
from shared.messaging.producer import Producer
from shared.messaging.reactions import Reactions
from shared.messaging.relay import INDEXES as RELAY_INDEXES
from shared.messaging.relay import Relay
from shared.messaging.runtime import Runtime
from shared.settings import ServiceSettings
from shared.storage import Database, Index
from shared.storage.personal import INDEXES as ERASURE_INDEXES
from shared.storage.personal import NOT_PERSONAL, PASSING, Personal, sweeper
from shared.storage.unit_of_work import OUTBOX
from shared.web import openapi, problems
from shared.web.auth import Tokens, authenticated, settled_in
from shared.web.mutations import IDEMPOTENCY, CaughtUp
from shared.web.mutations import INDEXES as IDEMPOTENCY_INDEXES
from shared.web.personal import personal_data

Indexes = Mapping[str, Iterable[Index]]
Background = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Service:
    """What a service declares of itself."""

    name: str
    about: str
    routers: Sequence[APIRouter]
    reactions: Reactions
    indexes: Indexes
    personal: Mapping[str, Personal] = field(default_factory=dict)
    """How its collections hold members' ids."""
    people: str | None = None
    """The collection in which it keeps by member id of which organisation they are, as members tells it
    (``org_id``)."""
    public: Sequence[APIRouter] = ()
    """Of endpoints whose addresses are secrets themselves: nobody need say who they are."""
    pages: Sequence[APIRouter] = ()
    """What people open in a browser: at the root, with nothing on them that is anybody's."""
    duties: Sequence[Duty] = ()
    """What is done because time has passed."""
    background: Sequence[Background] = field(default_factory=tuple)
    """What else runs while the service does: entered after the database is up, left before it closes."""

    @property
    def all_indexes(self) -> Indexes:
        """The service's own indexes and those of the messaging core."""
        return {
            **RELAY_INDEXES,
            **INBOX_INDEXES,
            **IDEMPOTENCY_INDEXES,
            **ERASURE_INDEXES,
            **self.indexes,
        }

    @property
    def all_personal(self) -> Mapping[str, Personal]:
        """How all collections hold members' ids."""
        core = dict.fromkeys((*RELAY_INDEXES, *INBOX_INDEXES, *ERASURE_INDEXES), NOT_PERSONAL)
        return {**core, OUTBOX: PASSING, IDEMPOTENCY: PASSING, **self.personal}


def database_of(service: str, settings: ServiceSettings, clock: Clock = utc_now) -> Database:
    """The database of ``service``."""
    return Database(
        settings.mongodb_uri.get_secret_value(),
        f"{settings.database_prefix}{service}",
        clock=clock,
        erasure_key=settings.erasure_secret,
    )


def build_app(service: Service, settings: ServiceSettings, *, clock: Clock = utc_now) -> FastAPI:
    """The service as an ASGI application. Starting it connects, stopping it drains.

    Stopping: readiness fails, consuming stops after the batch in hand is committed, the relay finishes its
    page, then the connections close.
    """
    database = database_of(service.name, settings, clock)
    kafka = settings.kafka_bootstrap_servers
    producer = Producer(kafka, client_id=f"guildhall-{service.name}")
    runtime = Runtime(service.reactions, database, producer, clock=clock)
    relay = Relay(database, producer, clock=clock)
    broker = make_broker(kafka, client_id=f"guildhall-{service.name}")
    subscriber = subscribe(broker, runtime, session=settings.consumer_session_seconds)
    health = Health(database, runtime, subscriber)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            await database.ensure_indexes(service.all_indexes)
            await producer.start()
            stack.push_async_callback(producer.stop)
            if settings.relay_in_process:
                await relay.start()
                stack.push_async_callback(relay.stop)
            for background in service.background:
                await stack.enter_async_context(background(app))
            every = settings.clockwork_seconds
            await stack.enter_async_context(clockwork(database, service.duties, every))
            await stack.enter_async_context(sweeper(database, service.all_personal, every))
            await broker.start()
            stack.push_async_callback(broker.stop)
            collector.settle()
            health.started = True
            yield
            health.stopping = True

    app = FastAPIOffline(  # FastAPI whose /docs brings its scripts along instead of loading them from a CDN
        docs_url="/docs",
        redoc_url=None,
        title=f"Guildhall {service.name}",
        description=service.about,
        version="1",
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.settings, app.state.database, app.state.clock = settings, database, clock
    app.state.tokens, app.state.runtime, app.state.relay = Tokens(settings), runtime, relay
    problems.install(app)
    admission = [Depends(authenticated), CaughtUp]
    if service.people is not None:
        admission.append(Depends(settled_in(service.people)))
    for router in [*service.routers, personal_data(service.name, service.all_personal)]:
        app.include_router(router, prefix="/v1", dependencies=admission)
    for router in service.public:
        app.include_router(router, prefix="/v1")
    for router in (*service.pages, _operations(health)):
        app.include_router(router)
    app.include_router(_contracts(participant(service)))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    app.add_middleware(_BodyLimit, limit=settings.max_request_bytes)
    # The address of a calendar is a secret, and a span would tell it.
    FastAPIInstrumentor.instrument_app(app, excluded_urls="/health/.*,/metrics,/v1/calendar/.*")
    return app


def _operations(health: Health) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> Response:
        return _verdict(await health.live())

    @router.get("/health/ready")
    async def ready() -> Response:
        return _verdict(await health.ready())

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


def participant(service: Service) -> Participant:
    """The service as its AsyncAPI document has it."""
    return Participant(service.name, service.about, frozenset(service.reactions.events.values()))


def _contracts(service: Participant) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    document = asyncapi(service)
    schemas = {f"{short_name(event)}.json": as_json(schema_of(event)) for event in EVENTS.values()}

    def as_page() -> Response:
        return Response(page(document), media_type="text/html")

    def for_programs() -> Response:
        return Response(as_yaml(document), media_type="text/yaml")

    @router.get("/asyncapi")
    async def events(request: Request) -> Response:
        accepted = request.headers.get("accept", "")
        if "json" in accepted:
            answer = Response(as_json(document), media_type="application/json")
        else:
            answer = as_page() if "text/html" in accepted else for_programs()
        answer.headers["Vary"] = "Accept"
        return answer

    router.add_api_route("/asyncapi.html", as_page)
    router.add_api_route("/asyncapi.yaml", for_programs)

    @router.get("/schemas/{name}")
    async def schema(name: str) -> Response:
        if name not in schemas:
            raise NotFound(
                "no-such-schema",
                "No event has this schema.",
                fix="The names of all of them are in /asyncapi.",
            )
        return Response(schemas[name], media_type="application/schema+json")

    return router


def _verdict(reasons: Sequence[str]) -> Response:
    return Response("\n".join(reasons) or "ok", 503 if reasons else 200, media_type="text/plain")


def _openapi(app: FastAPI) -> dict[str, object]:
    if not app.openapi_schema:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schemas["Problem"].pop("$defs", {}))
        openapi.complete(schema)
        app.openapi_schema = schema
    return app.openapi_schema


class _BodyLimit:
    """Refuses a body over the limit while it arrives, whatever its Content-Length claims."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        told = f"A body has at most {self._limit:,} bytes."
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._limit:
                refusal = problems.of_error(TooLarge("body-too-large", told, field="/", fix="Send less."))
                return await refusal(scope, receive, send)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                # The framework's own: of any other, while it reads a body, it makes one of its 400s.
                raise HTTPException(413, told)
            return message

        return await self._app(scope, counted, send)
