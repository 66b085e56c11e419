"""The published language: what is generated is fresh, sound, complete, and still what was released."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from deploy.cli import contracts as command
from shared.contracts import EVENT_TOPICS, EVENTS, Event, compatibility, generate
from shared.contracts.compatibility import Contract, Rollout, Verdict, compare, gaps
from shared.contracts.generate import GENERATED, asyncapi, example_of, schema_of, short_name
from shared.service import Service, build_app, participant
from shared.settings import ServiceSettings
from shared.web.openapi import described_by_example

COMPATIBLE, BREAKING, UNCLASSIFIABLE = Verdict.COMPATIBLE, Verdict.BREAKING, Verdict.UNCLASSIFIABLE

EVERY_EVENT = pytest.mark.parametrize("event", [pytest.param(each, id=name) for name, each in EVENTS.items()])
EVERY_SERVICE = pytest.mark.parametrize(
    "service", [pytest.param(each, id=each.name) for each in command.services()]
)

SETTINGS = ServiceSettings.model_validate(
    {
        "environment": "production",
        "erasure_key": "of-nothing-that-anybody-would-ever-erase",
        "issuer": "https://issuer.invalid",
        "kafka_bootstrap_servers": "kafka.invalid:9092",
        "mongodb_uri": "mongodb://mongo.invalid/",
    }
)


# -- the tree ------------------------------------------------------------------------------------------


def test_what_is_generated_is_in_the_tree() -> None:
    drifted = generate.drift(command.documents())
    assert not drifted, f"Run `{generate.COMMAND}`: {'; '.join(drifted)}"


def test_generating_twice_gives_the_same() -> None:
    files = command.documents()
    assert files == command.documents()
    assert list(files) == sorted(files)
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in files.values())


def test_drift_names_every_difference(tmp_path: Path) -> None:
    generate.write({"same.json": "1\n", "schemas/changed.json": "1\n", "gone.json": "1\n"}, tmp_path)
    files = {"same.json": "1\n", "schemas/changed.json": "2\n", "new.json": "1\n"}
    assert generate.drift(files, tmp_path) == [
        "gone.json: no longer generated",
        "new.json: missing",
        "schemas/changed.json: differs",
    ]
    generate.write(files, tmp_path)
    assert generate.drift(files, tmp_path) == []


def test_what_was_released_still_holds() -> None:
    found = compatibility.check()
    assert compatibility.passes(found), "\n".join(map(str, found))


def test_a_history_of_examples_is_kept() -> None:
    kept = {path.parent.name for path in (compatibility.RELEASED / "examples").glob("*/*.json")}
    assert kept == set(Contract.of(compatibility.RELEASED).schemas)


# -- events --------------------------------------------------------------------------------------------


@EVERY_EVENT
def test_an_example_is_valid_and_is_read(event: type[Event]) -> None:
    schema = schema_of(event)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(example_of(event))
    assert event.read(json.dumps(example_of(event)).encode()) == event.example()


@EVERY_EVENT
def test_consumers_may_meet_fields_that_they_do_not_know(event: type[Event]) -> None:
    later = {**example_of(event), "added_later": 1}
    Draft202012Validator(schema_of(event)).validate(later)
    assert event.read(json.dumps(later).encode()) == event.example()


@EVERY_EVENT
def test_an_event_explains_itself(event: type[Event]) -> None:
    schema = schema_of(event)
    assert schema["description"] != Event.__doc__
    for field, about in schema["properties"].items():
        told = "description" in about or any("description" in each for each in about.get("anyOf", ()))
        assert told, f"{event.type}: {field} has no description"
    # The key must be a field of the data, or the order that the topic promises is not there.
    assert event.topic.key in schema["required"]


@EVERY_EVENT
def test_the_schema_is_where_the_records_header_says(event: type[Event]) -> None:
    from shared.messaging.envelope import _fixed_headers

    headers = dict(_fixed_headers(event.type))
    assert headers["ce_dataschema"].decode() == schema_of(event)["$id"]
    assert (GENERATED / headers["ce_dataschema"].decode().removeprefix("/")).exists()


# -- AsyncAPI ------------------------------------------------------------------------------------------


def _refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(ref := part.get("$ref"), str):
            yield ref
        for each in part.values():
            yield from _refs(each)
    elif isinstance(part, list):
        for each in part:
            yield from _refs(each)


def _resolve(document: dict[str, Any], ref: str) -> Any:
    """What ``ref`` names. Raises if it names nothing."""
    if not ref.startswith("#/"):
        return json.loads((GENERATED / ref).read_text("utf-8"))
    target: Any = document
    for step in ref.removeprefix("#/").split("/"):
        target = target[step]
    return target


def _asyncapi_files() -> list[Path]:
    return sorted(GENERATED.glob("*asyncapi.yaml"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in _asyncapi_files()])
def test_an_asyncapi_document_is_sound(path: Path) -> None:
    document = yaml.safe_load(path.read_text("utf-8"))
    assert document["asyncapi"] == "3.0.0"
    for ref in _refs(document):
        _resolve(document, ref)
    used = set()
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            # AsyncAPI: an operation's messages are a subset of its channel's.
            assert message["$ref"].startswith(f"{channel}/messages/")
            used.add(message["$ref"])
    offered = {
        f"#/channels/{channel}/messages/{message}"
        for channel, each in document["channels"].items()
        for message in each["messages"]
    }
    assert used == offered


def test_the_whole_has_every_event_once_on_its_topic() -> None:
    document = yaml.safe_load((GENERATED / "asyncapi.yaml").read_text("utf-8"))
    found = [
        (_resolve(document, message["$ref"])["name"], channel["address"])
        for channel in document["channels"].values()
        for message in channel["messages"].values()
    ]
    assert sorted(found) == sorted((event.type, event.topic.name) for event in EVENTS.values())
    sent = [
        ref["$ref"]
        for operation in document["operations"].values()
        if operation["action"] == "send"
        for ref in operation["messages"]
    ]
    assert len(sent) == len(set(sent)) == len(EVENTS)
    for topic in EVENT_TOPICS:
        kafka = document["channels"][topic.name]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == topic.retention.total_seconds() * 1000


@EVERY_SERVICE
def test_a_service_documents_what_it_reacts_to(service: Service) -> None:
    operations = asyncapi(participant(service))["operations"].values()
    received = {
        ref["$ref"].rpartition("/")[2]
        for operation in operations
        if operation["action"] == "receive"
        for ref in operation["messages"]
    }
    assert received == {short_name(event) for event in service.reactions.events.values()}


# -- OpenAPI and what is served ------------------------------------------------------------------------


@EVERY_SERVICE
def test_every_operation_documents_its_refusals(service: Service) -> None:
    document = build_app(service, SETTINGS).openapi()
    assert str(document["openapi"]).startswith("3.1")
    for ref in _refs(document):
        _resolve(document, ref)
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {address}"
            assert operation["summary"], name
            assert operation["description"], name
            assert operation["security"], name
            for status in ("400", "401", "404", "422", "503"):
                content = operation["responses"][status]["content"]
                assert list(content) == ["application/problem+json"], f"{name}: {status}"
                assert content["application/problem+json"]["example"]["status"] == int(status)
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, about in schema.get("properties", {}).items()
        if not described_by_example(about)
    ]
    assert not bare, "give them examples"


@EVERY_SERVICE
async def test_a_service_serves_its_contracts(service: Service) -> None:
    transport = httpx.ASGITransport(build_app(service, SETTINGS))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        as_yaml = await client.get("/asyncapi")
        as_json = await client.get("/asyncapi", headers={"Accept": "application/json"})
        assert as_yaml.headers["content-type"].startswith("text/yaml")
        assert yaml.safe_load(as_yaml.text) == as_json.json() == asyncapi(participant(service))
        for ref in _refs(as_json.json()):
            if not ref.startswith("#"):
                schema = await client.get(str(as_json.url.join(ref)))
                assert schema.json()["$id"] == schema.url.path
        assert (await client.get("/asyncapi.yaml")).text == as_yaml.text
        # As a browser asks.
        people = await client.get(
            "/asyncapi", headers={"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"}
        )
        assert people.text == (await client.get("/asyncapi.html")).text
        assert "`" not in people.text.partition("<pre>")[0]
        for event in participant(service).sends:
            assert event.type in people.text
        assert "http://" not in people.text
        assert (await client.get("/docs")).status_code == 200
        missing = await client.get("/schemas/nothing.v1.json")
        assert missing.status_code == 404
        assert missing.json()["code"] == "no-such-schema"


# -- compatibility -------------------------------------------------------------------------------------


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
NULLABLE = {"anyOf": [TEXT, {"type": "null"}]}
TREE = {"$defs": {"Node": _object(below={"type": "array", "items": {"$ref": "#/$defs/Node"}})}}
case = pytest.param
FORWARD, BACKWARD, NEITHER = Rollout.CONSUMERS_FIRST, Rollout.PRODUCERS_FIRST, Rollout.NEW_VERSION


@pytest.mark.parametrize(
    ("released", "current", "verdict", "rollout"),
    [
        case(_object(a=TEXT), _object([], a=TEXT), BREAKING, FORWARD, id="may be missing now"),
        case(_object([], a=TEXT), _object(a=TEXT), BREAKING, BACKWARD, id="required now"),
        case(_object(a=TEXT), _object(), BREAKING, FORWARD, id="required one removed"),
        case(_object([], a=TEXT), _object(), BREAKING, FORWARD, id="optional one removed"),
        case(_object(a=TEXT), _object(["a"], a=TEXT, b=TEXT), COMPATIBLE, FORWARD, id="optional added"),
        case(_object(a=TEXT), _object(a=TEXT, b=TEXT), BREAKING, BACKWARD, id="required added"),
        case(_object(a=TEXT), _object(b=TEXT), BREAKING, None, id="renamed"),
        case(TEXT, {**TEXT, "description": "new"}, COMPATIBLE, Rollout.ANY, id="described"),
        case(TEXT, WHOLE, BREAKING, NEITHER, id="another type"),
        case({"type": "number"}, WHOLE, BREAKING, BACKWARD, id="whole numbers only"),
        case(WHOLE, {"type": "number"}, BREAKING, FORWARD, id="fractions too"),
        case(TEXT, NULLABLE, BREAKING, FORWARD, id="may be null now"),
        case(NULLABLE, TEXT, BREAKING, BACKWARD, id="never null now"),
        case(NULLABLE, {"type": ["null", "string"]}, COMPATIBLE, Rollout.ANY, id="said otherwise"),
        case({"enum": ["a"]}, {"enum": ["a", "b"]}, BREAKING, FORWARD, id="one more value"),
        case({"enum": ["a", "b"]}, {"enum": ["a"]}, BREAKING, BACKWARD, id="one value less"),
        case({"enum": ["a", "b"]}, {"enum": ["b", "a"]}, COMPATIBLE, Rollout.ANY, id="values reordered"),
        case({"enum": ["a"]}, {"const": "a"}, COMPATIBLE, Rollout.ANY, id="the same constant"),
        case({"const": 1}, {"const": True}, BREAKING, NEITHER, id="1 is not true"),
        case({"const": "a"}, {"const": "b"}, BREAKING, NEITHER, id="another constant"),
        case({"enum": ["a"]}, TEXT, BREAKING, FORWARD, id="any value now"),
        case(TEXT, {"type": "string", "enum": ["a"]}, BREAKING, BACKWARD, id="few values now"),
        case({**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 0}, BREAKING, FORWARD, id="lower minimum"),
        case({**WHOLE, "minimum": 0}, {**WHOLE, "minimum": 1}, BREAKING, BACKWARD, id="higher minimum"),
        case(
            {**WHOLE, "minimum": 0}, {**WHOLE, "exclusiveMinimum": 0}, BREAKING, BACKWARD, id="bound excluded"
        ),
        case({**WHOLE, "maximum": 9}, WHOLE, BREAKING, FORWARD, id="no maximum now"),
        case({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 10}, BREAKING, FORWARD, id="longer"),
        case({**TEXT, "minLength": 1}, {**TEXT, "minLength": 2}, BREAKING, BACKWARD, id="not as short"),
        case({**TEXT, "pattern": "a"}, {**TEXT, "pattern": "b"}, UNCLASSIFIABLE, NEITHER, id="pattern"),
        case({**TEXT, "pattern": "a"}, TEXT, BREAKING, FORWARD, id="no pattern now"),
        case({**TEXT, "format": "date"}, {**TEXT, "format": "time"}, BREAKING, NEITHER, id="format"),
        case(TEXT, {**TEXT, "format": "uuid"}, BREAKING, BACKWARD, id="a format now"),
        case(
            _object([], a={**WHOLE, "default": 1}), _object([], a={**WHOLE, "default": 2}),
            UNCLASSIFIABLE, NEITHER, id="another default",
        ),
        case(TEXT, {"allOf": [TEXT]}, UNCLASSIFIABLE, None, id="a keyword not understood"),
        case(
            {"oneOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": TEXT}},
            {"oneOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": WHOLE}},
            UNCLASSIFIABLE, NEITHER, id="behind a keyword not understood",
        ),
        case(
            {"type": "array", "items": {"enum": ["a"]}}, {"type": "array", "items": {"enum": ["a", "b"]}},
            BREAKING, FORWARD, id="items",
        ),
        case(
            {"$ref": "#/$defs/A", "$defs": {"A": _object(a=TEXT)}},
            {"$ref": "#/$defs/B", "$defs": {"B": _object(a=WHOLE)}},
            BREAKING, NEITHER, id="behind a reference",
        ),
        case(
            {"$ref": "#/$defs/A", "$defs": {"A": _object(a=TEXT)}}, _object(a=TEXT),
            COMPATIBLE, Rollout.ANY, id="a reference written out",
        ),
        case(
            {"$ref": "#/$defs/Node", **TREE}, {"$ref": "#/$defs/Node", **TREE, "title": "Tree"},
            COMPATIBLE, Rollout.ANY, id="recursive",
        ),
        case(
            {"type": "object", "additionalProperties": WHOLE},
            {"type": "object", "additionalProperties": TEXT},
            BREAKING, NEITHER, id="a map's values",
        ),
        case(
            {"type": "array", "items": _object([], x=TEXT)}, {"type": "array", "items": _object()},
            BREAKING, FORWARD, id="removed deep down",
        ),
    ],
)  # fmt: skip
def test_a_changed_schema_is_classified(
    released: dict[str, Any], current: dict[str, Any], verdict: Verdict, rollout: Rollout | None
) -> None:
    changes = compare("it.v1", released, current)
    assert changes
    assert {change.verdict for change in changes} == {verdict}
    if rollout is not None:
        assert {change.rollout for change in changes} == {rollout}


def _contract(*, topics: dict[str, Any] | None = None, schemas: dict[str, Any] | None = None) -> Contract:
    topic = {"owner": "x", "key": "a_id", "partitions": 6, "retention_ms": 10, "events": ["guildhall.a.v1"]}
    return Contract({"a.v1": _object(), **(schemas or {})}, {"t": topic, **(topics or {})})


def _topic(**changed: Any) -> Contract:
    return _contract(topics={"t": {**_contract().topics["t"], **changed}})


@pytest.mark.parametrize(
    ("current", "verdict"),
    [
        case(_contract(schemas={"b.v1": _object()}), COMPATIBLE, id="event added"),
        case(Contract({}, _contract().topics), BREAKING, id="event removed"),
        case(_contract(topics={"u": {"events": []}}), COMPATIBLE, id="topic added"),
        case(Contract(_contract().schemas, {}), BREAKING, id="topic removed"),
        case(_topic(key="b_id"), BREAKING, id="another key"),
        case(_topic(partitions=12), BREAKING, id="more partitions"),
        case(_topic(owner="y"), BREAKING, id="another owner"),
        case(_topic(retention_ms=5), BREAKING, id="kept shorter"),
        case(_topic(retention_ms=15), COMPATIBLE, id="kept longer"),
        case(_topic(compaction=True), UNCLASSIFIABLE, id="something new about a topic"),
        case(
            _contract(topics={"t": {**_contract().topics["t"], "events": []}, "u": _contract().topics["t"]}),
            BREAKING,
            id="event moved",
        ),
    ],
)  # fmt: skip
def test_a_changed_contract_is_classified(current: Contract, verdict: Verdict) -> None:
    changes = compatibility.changes(_contract(), current)
    assert verdict in {change.verdict for change in changes}
    assert compatibility.passes(changes) is (verdict is COMPATIBLE)


def test_a_version_retires_only_after_a_release_beside_its_successor() -> None:
    one, both, two = ({name: _object() for name in names} for names in (["a.v1"], ["a.v1", "a.v2"], ["a.v2"]))
    step = {True: [(one, both), (both, two)], False: [(one, two)]}
    for passes, pairs in step.items():
        for before, after in pairs:
            assert (
                compatibility.passes(compatibility.changes(Contract(before, {}), Contract(after, {})))
                is passes
            )


def test_the_same_contract_has_no_changes() -> None:
    contract = Contract.of(GENERATED)
    assert len(contract.schemas) == len(EVENTS)
    assert compatibility.changes(contract, contract) == []


def test_a_release_is_refused_unless_compatible_and_keeps_old_examples(tmp_path: Path) -> None:
    generated, released = tmp_path / "generated", tmp_path / "released"
    name = "member-left.v1"
    event = EVENTS[f"guildhall.{name}"]

    def publish(schema: dict[str, Any], example: dict[str, Any]) -> None:
        files = {"topics.json": {}, f"schemas/{name}.json": schema, f"examples/{name}.json": example}
        generate.write({path: generate.as_json(document) for path, document in files.items()}, generated)

    schema, example = schema_of(event), example_of(event)
    publish(schema, example)
    compatibility.release(generated, released)
    publish({**schema, "title": "Another"}, {**example, "version": 9})
    compatibility.release(generated, released)
    compatibility.release(generated, released)
    kept = sorted((released / "examples" / name).glob("*.json"))
    assert [json.loads(path.read_text("utf-8"))["version"] for path in kept] == [example["version"], 9]
    assert Contract.of(released).schemas[name] == {**schema, "title": "Another"}

    publish({**schema, "required": []}, example)
    with pytest.raises(ValueError, match="may be missing"):
        compatibility.release(generated, released)
    assert Contract.of(released).schemas[name] == {**schema, "title": "Another"}

    # A released example that the models no longer read fails, whatever the schemas say.
    publish(schema, example)
    kept[0].write_text("{}", "utf-8")
    assert [change.verdict for change in compatibility.unreadable(released)] == [BREAKING]
    assert not compatibility.passes(compatibility.check(generated, released))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_command_fails_on_what_is_not_compatible(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [compatibility.Change(verdict, "a.v1/b", "some reason", Rollout.CONSUMERS_FIRST)]
    monkeypatch.setattr(compatibility, "check", lambda: found)
    result = CliRunner().invoke(command.app, ["check"])
    assert result.exit_code == (0 if verdict is COMPATIBLE else 1)
    assert f"{verdict}: a.v1/b: some reason [consumers first]" in result.output


_NAMES = st.sampled_from("ab")
_LEAVES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("integer")},
        optional={"minimum": st.integers(0, 2), "exclusiveMaximum": st.integers(1, 3)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(1, 2)}
    ),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", "bb", 1, None]), min_size=1, unique=True)}),
    st.just({"type": "null"}),
    st.just({"type": ["number", "null"]}),
)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that allow nothing but their own properties, as writers do."""
    return st.dictionaries(_NAMES, inner, max_size=2).flatmap(
        lambda properties: st.builds(
            lambda required: {**_object(sorted(required), **properties), "additionalProperties": False},
            st.sets(st.sampled_from(sorted(properties))) if properties else st.just(set()),
        )
    )


_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        _objects(inner),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=5,
)


@st.composite
def _edited(draw: st.DrawFn, schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` with one change somewhere: two schemas that have nothing in common prove nothing."""
    if "items" in schema:
        return {**schema, "items": draw(_edited(schema["items"]))}
    if "anyOf" in schema:
        return {"anyOf": [draw(_edited(schema["anyOf"][0])), *schema["anyOf"][1:]]}
    if properties := schema.get("properties"):
        field = draw(st.sampled_from(sorted(properties)))
        changed = {field: draw(_edited(properties[field]))}
        rest = {name: each for name, each in properties.items() if name != field}
        properties = draw(st.sampled_from([{**properties, **changed}, properties, rest]))
        required = [name for name in sorted(properties) if draw(st.booleans())]
        return {**_object(required, **properties), "additionalProperties": False}
    limits = [key for key in schema if key.startswith(("m", "exclusive"))]
    return draw(st.one_of(st.just({**schema, **{key: draw(st.integers(0, 3)) for key in limits}}), _LEAVES))


def _written(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the shape that ``schema`` has, within its limits or just outside."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_written(each) for each in schema["anyOf"]])
    if "items" in schema:
        return st.lists(_written(schema["items"]), max_size=2)
    if "properties" in schema:
        fields = {name: _written(each) for name, each in schema["properties"].items()}
        optional = {name: each for name, each in fields.items() if name not in schema["required"]}
        required = {name: each for name, each in fields.items() if name in schema["required"]}
        return st.fixed_dictionaries(required, optional=optional)
    return {
        "integer": st.integers(-1, 4),
        "string": st.sampled_from(["", "a", "bb", "ccc", "dddd"]),
        "null": st.none(),
    }.get(str(schema["type"]), st.sampled_from([None, 0, 1.5]))


@given(_SCHEMAS)
def test_a_schema_is_compatible_with_itself(schema: dict[str, Any]) -> None:
    assert list(gaps(schema, schema)) == []
    changed = compare("it.v1", schema, {**schema, "description": "Told better."})
    assert [change.verdict for change in changed] == [COMPATIBLE]


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_without_a_gap_a_reader_accepts_what_a_writer_writes(data: st.DataObject) -> None:
    writer = data.draw(_SCHEMAS)
    reader = data.draw(_edited(writer))
    value = data.draw(_written(writer))
    if Draft202012Validator(writer).is_valid(value) and not Draft202012Validator(reader).is_valid(value):
        assert list(gaps(reader, writer))
