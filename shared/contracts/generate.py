"""What is generated from the event models: JSON Schemas, examples, topics and AsyncAPI documents.

Everything here is a pure function of the models and of who takes part; ``guildhall contracts generate``
writes the result into ``generated/``, and a test fails when the tree and the models differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

from shared.contracts.base import EVENTS, Event
from shared.contracts.topics import EVENT_TOPICS, Topic

GENERATED = Path(__file__).parent / "generated"
"""Where the generated files lie in the tree."""

COMMAND = "guildhall contracts generate"
"""What regenerates all of them."""

Json = dict[str, Any]

_KAFKA_BINDING = "0.5.0"


@dataclass(frozen=True)
class Participant:
    """A service as the published language sees it: it sends the events of its topics, and takes some."""

    name: str
    about: str
    receives: frozenset[type[Event]]

    @property
    def sends(self) -> frozenset[type[Event]]:
        """The events that it publishes."""
        return frozenset(event for event in EVENTS.values() if event.topic.owner == self.name)


def short_name(event: type[Event]) -> str:
    """The event's name and version, as file and message names have it: ``member-joined.v1``."""
    return f"{event.event_name}.v{event.schema_version}"


def schema_of(event: type[Event]) -> Json:
    """The published JSON Schema 2020-12 of ``event``'s data."""
    schema = event.model_json_schema(mode="validation")
    # Producers forbid fields that they do not know, and the model says so. What is published is for
    # consumers, who ignore such fields: a schema that forbade them would make every added field a
    # breaking change for whoever validates with it.
    del schema["additionalProperties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{short_name(event)}.json",
        **schema,
    }


def example_of(event: type[Event]) -> Json:
    """An example of ``event``'s data, exactly as it is written."""
    data: Json = json.loads(event.example().write())
    return data


def topics() -> Json:
    """The topics of the published language, as a deployment declares them, by name."""
    return {
        topic.name: {
            "owner": topic.owner,
            "key": topic.key,
            "partitions": topic.partitions,
            "retention_ms": _retention(topic),
            "events": [event.type for event in _by_type(EVENTS.values()) if event.topic == topic],
        }
        for topic in EVENT_TOPICS
    }


def documents(participants: Sequence[Participant], openapi: Mapping[str, Json]) -> dict[str, str]:
    """Every generated file as text, by its path below ``generated/``.

    ``openapi`` has the OpenAPI document of each service by the service's name.
    """
    files = {"asyncapi.yaml": as_yaml(asyncapi(*participants)), "topics.json": as_json(topics())}
    for participant in participants:
        files[f"{participant.name}.asyncapi.yaml"] = as_yaml(asyncapi(participant))
    for service, document in openapi.items():
        files[f"openapi/{service}.json"] = as_json(document)
    for event in EVENTS.values():
        files[f"schemas/{short_name(event)}.json"] = as_json(schema_of(event))
        files[f"examples/{short_name(event)}.json"] = as_json(example_of(event))
    return dict(sorted(files.items()))


def drift(files: Mapping[str, str], folder: Path = GENERATED) -> list[str]:
    """How ``folder`` differs from ``files``, one line for each file; nothing if it does not."""
    present = files_in(folder)
    return sorted(
        [f"{name}: missing" for name in files.keys() - present]
        + [f"{name}: no longer generated" for name in present - files.keys()]
        + [
            f"{name}: differs"
            for name in files.keys() & present
            if (folder / name).read_text("utf-8") != files[name]
        ]
    )


def write(files: Mapping[str, str], folder: Path = GENERATED) -> None:
    """Make ``folder`` hold exactly ``files``."""
    for name in files_in(folder) - files.keys():
        (folder / name).unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def files_in(folder: Path) -> set[str]:
    """The paths of the files below ``folder``, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def as_json(document: Json) -> str:
    """``document`` as text that is the same on every run."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def as_yaml(document: Json) -> str:
    """``document`` as text that is the same on every run; keys stay in their order."""
    return yaml.dump(document, Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=110)


class _NoAliases(yaml.SafeDumper):
    """Writes what occurs twice twice: anchors would be references that readers need not resolve."""

    def ignore_aliases(self, data: object) -> bool:
        return True


# -- AsyncAPI ------------------------------------------------------------------------------------------


def asyncapi(*participants: Participant) -> Json:
    """The AsyncAPI 3.0 document of one service, or of several together.

    It has a channel for each topic that they send to or receive from, with the messages that they send or
    receive there; payload schemas are referenced relatively, which resolves both in the tree and where a
    service serves the document.
    """
    alone = participants[0] if len(participants) == 1 else None
    events = {event for each in participants for event in each.sends | each.receives}
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:guildhall:{alone.name}" if alone else "urn:guildhall",
        "info": {
            "title": f"Guildhall {alone.name}" if alone else "Guildhall",
            "version": "1",
            "description": (
                (alone.about if alone else "Everything that Guildhall's services tell each other.")
                + " CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is the data"
                " alone. Delivery is at least once: skip what has a `ce_id` that was handled before. Within a"
                " key, order is kept. Ignore fields and event types that you do not know."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Whichever cluster a deployment names.",
                "variables": {"bootstrap": {"description": "KAFKA_BOOTSTRAP_SERVERS of the deployment."}},
            }
        },
        "channels": {
            topic.name: _channel(topic, [event for event in _by_type(events) if event.topic == topic])
            for topic in _topics_of(events)
        },
        "operations": dict(
            sorted(operation for each in participants for operation in _operations(each).items())
        ),
        "components": {
            "messages": {short_name(event): _message(event) for event in _by_type(events)},
            "schemas": {"cloud-event-headers": _HEADERS},
        },
    }


def _channel(topic: Topic, events: Sequence[type[Event]]) -> Json:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.about} Published by {topic.owner}, ordered by `{topic.key}`.",
        "messages": {
            short_name(event): {"$ref": f"#/components/messages/{short_name(event)}"} for event in events
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": _retention(topic)},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operations(participant: Participant) -> dict[str, Json]:
    operations: dict[str, Json] = {}
    for action, verb, events in (
        ("send", "publishes", participant.sends),
        ("receive", "reacts to", participant.receives),
    ):
        for topic in _topics_of(events):
            channel = f"#/channels/{topic.name}"
            operation: Json = {
                "action": action,
                "channel": {"$ref": channel},
                "title": f"{participant.name} {verb} {topic.name}",
                "messages": [
                    {"$ref": f"{channel}/messages/{short_name(event)}"}
                    for event in _by_type(events)
                    if event.topic == topic
                ],
            }
            if action == "receive":
                group = {"type": "string", "enum": [participant.name]}
                operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _KAFKA_BINDING}}
            operations[f"{participant.name}.{action}.{topic.name}"] = operation
    return operations


def _message(event: type[Event]) -> Json:
    about = _one_line(event.__doc__)
    return {
        "name": event.type,
        "title": event.event_name,
        "summary": about,
        "contentType": "application/json",
        "correlationId": {
            "description": "The same for everything that follows from one request.",
            "location": "$message.header#/ce_correlationid",
        },
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/cloud-event-headers"},
                {
                    "type": "object",
                    "properties": {
                        "ce_type": {"const": event.type},
                        "ce_source": {"const": f"/guildhall/{event.topic.owner}"},
                        "ce_dataschema": {"const": f"/schemas/{short_name(event)}.json"},
                    },
                },
            ]
        },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./schemas/{short_name(event)}.json"},
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The data's `{event.topic.key}`."},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "examples": [{"name": short_name(event), "summary": about, "payload": example_of(event)}],
    }


def _header(about: str, **more: Any) -> Json:
    return {"type": "string", "description": about, **more}


_UUID = "0198c5a2-7b1e-7c3a-9a51-3f0a6f1c4a01"

_HEADERS: Json = {
    "title": "CloudEvents 1.0 headers",
    "type": "object",
    "required": [
        "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_partitionkey", "ce_dataschema",
        "ce_correlationid", "content-type",
    ],
    "properties": {
        "ce_specversion": _header("CloudEvents' version.", const="1.0"),
        "ce_id": _header("The event's id, a UUIDv7: what consumers drop duplicates by.", examples=[_UUID]),
        "ce_source": _header("The service that published it.", examples=["/guildhall/members"]),
        "ce_type": _header("The event's name and version.", examples=["guildhall.member-joined.v1"]),
        "ce_time": _header(
            "When it happened, RFC 3339.", format="date-time", examples=["2026-03-02T09:30:00+00:00"]
        ),
        "ce_partitionkey": _header("The record's key: the aggregate's id.", examples=[_UUID]),
        "ce_dataschema": _header(
            "The schema of the data; each service serves it.", examples=["/schemas/member-joined.v1.json"]
        ),
        "ce_correlationid": _header("The same for all that follows from one request.", examples=[_UUID]),
        "ce_causationid": _header("The id of the event that this one follows from.", examples=[_UUID]),
        "traceparent": _header(
            "W3C trace context.", examples=["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
        ),
        "content-type": _header("The data's format.", const="application/json"),
    },
}  # fmt: skip


def _by_type(events: Iterable[type[Event]]) -> list[type[Event]]:
    return sorted(events, key=lambda event: event.type)


def _topics_of(events: Iterable[type[Event]]) -> list[Topic]:
    return sorted({event.topic for event in events}, key=lambda topic: topic.name)


def _retention(topic: Topic) -> int:
    return int(topic.retention.total_seconds() * 1000)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


# -- for people ----------------------------------------------------------------------------------------


def page(document: Json) -> str:
    """An AsyncAPI ``document`` of ours as one HTML page that loads nothing from anywhere."""
    info, channels, operations = document["info"], document["channels"], document["operations"]
    parts = [f"<h1>{escape(info['title'])}</h1><p>{_said(info['description'])}</p>"]
    parts += ["<h2>Operations</h2><ul>"]
    parts += [f"<li>{escape(operation['title'])}</li>" for operation in operations.values()]
    parts += ["</ul>"]
    for name, channel in channels.items():
        kafka = channel["bindings"]["kafka"]
        days = kafka["topicConfiguration"]["retention.ms"] / 86_400_000
        parts.append(f"<h2>{escape(name)}</h2><p>{_said(channel['description'])}")
        parts.append(f" {kafka['partitions']} partitions, kept for {days:g} days.</p>")
        for message_name in channel["messages"]:
            message = document["components"]["messages"][message_name]
            schema = message["payload"]["schema"]["$ref"]
            example = as_json(message["examples"][0]["payload"])
            parts.append(
                f"<details><summary><code>{escape(message['name'])}</code> {_said(message['summary'])}"
                f"</summary><p>Key: {_said(message['bindings']['kafka']['key']['description'])}"
                f' <a href="{escape(schema)}">Schema</a></p><pre>{escape(example)}</pre></details>'
            )
    style = (
        ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;"
        "margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}summary{cursor:pointer;padding:.15rem 0}"
        "details>*:not(summary){margin-left:1.1rem}pre{overflow:auto;padding:.6rem;background:#8882}"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{style}</style></head><body>{''.join(parts)}"
        '<p>The same for programs: <a href="./asyncapi.yaml">AsyncAPI</a></p></body></html>\n'
    )


def _said(text: str) -> str:
    """A description of ours as HTML: names between backticks are code."""
    return re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", escape(text))
