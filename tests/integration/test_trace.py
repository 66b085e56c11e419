"""One trace spans the whole journey: HTTP, outbox, Kafka, inbox, and on to what follows."""

from __future__ import annotations

from contextlib import AsyncExitStack

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.discussions.app import service as discussions
from services.members.app import service as members
from services.notifications.app import service as notifications
from shared.contracts.notifications import NotificationDelivered
from shared.contracts.topics import DELIVERIES
from shared.ids import new_id
from shared.telemetry.tracing import span_context
from shared.testing.harness import Tap, client, eventually, running, settings_for
from shared.testing.stack import Stack
from shared.web.auth import dev_member_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_from_the_post_to_the_notification_in_one_trace(topics: Stack) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    asker, answerer = f"asker-{new_id()}", f"answerer-{new_id()}"
    settings = settings_for(topics)
    async with AsyncExitStack() as stack:
        m, d, _ = [
            await stack.enter_async_context(running(service, topics, settings))
            for service in (members, discussions, notifications)
        ]
        tap = await stack.enter_async_context(Tap.open(topics, DELIVERIES.name))
        async with client(m, asker) as ma, client(m, answerer) as mb:
            await ma.post("/v1/members", json={"name": "A"})
            await mb.post("/v1/members", json={"name": "B"})
            body = {"name": "C", "kind": "external", "about": "…"}
            community = (await ma.post("/v1/communities", json=body)).json()["id"]
            joined = await mb.put(f"/v1/communities/{community}/members/me")
        causal = {"Guildhall-Causal-Token": joined.headers["guildhall-causal-token"]}
        async with client(d, asker) as da, client(d, answerer) as db:
            context = {"size": "1", "constraints": "-", "culture": "-", "tried": "-"}
            problem = {"title": "Where?", "body": "…", "tags": [], "context": context}
            posted = await da.post(f"/v1/communities/{community}/problems", json=problem, headers=causal)
            assert posted.status_code == 201, posted.text
            parent = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
            proposed = await db.post(
                f"/v1/problems/{posted.json()['id']}/solutions", json={"body": "There."}, headers=parent
            )
            assert proposed.status_code == 201, proposed.text
        delivered = await tap.event(NotificationDelivered, member_id=dev_member_id(asker), kind="reply")

        def named(name: str) -> list[int]:
            return [
                span.context.trace_id
                for span in spans.get_finished_spans()
                if span.name == name and span.context is not None
            ]

        async def ended() -> bool:
            return int(TRACE, 16) in named("process solution-proposed")

        await eventually(ended)
    context = span_context(delivered.traceparent)
    assert context is not None
    assert f"{context.trace_id:032x}" == TRACE
    batches = [span for span in spans.get_finished_spans() if span.name == "process notifications"]
    linked = {f"{link.context.trace_id:032x}" for span in batches for link in span.links}
    assert TRACE in linked, "the batch that carried it is one link away"
