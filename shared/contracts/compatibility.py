"""Is a changed contract still the same contract? What is released is compared with what is generated.

Two promises are held against each other's models: consumers written against the *released* schema read
what *current* producers write, and current consumers read what was written under the released one, which
lies in topics for days and among dead letters for months. Both are one question asked twice: does a
reader's schema accept whatever a writer's schema allows? Where that cannot be told, the answer is
*unclassifiable*, which fails the check as a breaking change does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.contracts.base import EVENTS
from shared.contracts.generate import GENERATED, as_json, files_in

RELEASED = Path(__file__).parent / "released"
"""What is promised to consumers: schemas, topics, and every example that was ever released."""

Schema = Mapping[str, Any] | bool


class Verdict(StrEnum):
    """What a change means for those who rely on the contract."""

    COMPATIBLE = "compatible"
    BREAKING = "breaking"
    UNCLASSIFIABLE = "unclassifiable"


class Rollout(StrEnum):
    """In which order to deploy a change."""

    ANY = "any order"
    CONSUMERS_FIRST = "consumers first"
    PRODUCERS_FIRST = "producers first, consumers when nothing of the old form is left in topics"
    NEW_VERSION = "publish a new version beside this one, move the consumers, retire this one a release later"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the contract, and what follows from it."""

    verdict: Verdict
    subject: str
    """A topic's name, or an event's name and version, with a pointer into its data."""
    reason: str
    rollout: Rollout

    def __str__(self) -> str:
        return f"{self.verdict}: {self.subject}: {self.reason} [{self.rollout}]"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a writer may write and a reader does not accept, or perhaps does not."""

    path: str
    reason: str
    certain: bool = True


# -- schemas -------------------------------------------------------------------------------------------


def compare(name: str, released: Schema, current: Schema) -> list[Change]:
    """What changed between two schemas of the event ``name``; nothing if they are the same."""
    if _texts([released]) == _texts([current]):
        return []
    forward = {*gaps(released, current), *_lost(released, current)}
    backward = set(gaps(current, released))
    both = {gap.path for gap in forward} & {gap.path for gap in backward}
    changes = []
    for found, who, rollout in (
        (forward, "for released consumers", Rollout.CONSUMERS_FIRST),
        (backward, "for current consumers of what was written before", Rollout.PRODUCERS_FIRST),
    ):
        for gap in sorted(found, key=lambda gap: (gap.path, gap.reason)):
            verdict = Verdict.BREAKING if gap.certain else Verdict.UNCLASSIFIABLE
            order = Rollout.NEW_VERSION if gap.path in both else rollout
            changes.append(Change(verdict, f"{name}{gap.path}", f"{who}, {gap.reason}", order))
    if changes:
        return changes
    # What the released schema would have lost, were it the later one, is what the current one added.
    if added := sorted(gap.path for gap in _lost(current, released)):
        return [
            Change(
                Verdict.COMPATIBLE,
                f"{name}{path}",
                "added, and readers do without it; who needs it is deployed before it is first written",
                Rollout.CONSUMERS_FIRST,
            )
            for path in added
        ]
    return [Change(Verdict.COMPATIBLE, name, "says the same otherwise", Rollout.ANY)]


_ANNOTATIONS = {
    "$schema", "$id", "$comment", "title", "description", "examples", "deprecated", "readOnly", "writeOnly",
    "$defs", "default",
}  # fmt: skip
_COMPARED = {
    "$ref", "type", "anyOf", "enum", "const", "properties", "required", "additionalProperties", "items",
    "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
    "maxItems", "minProperties", "maxProperties", "pattern", "format", "uniqueItems", "multipleOf",
}  # fmt: skip
_SIZES = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def gaps(reader: Schema, writer: Schema) -> Iterator[Gap]:
    """What ``writer`` allows to be written and ``reader`` does not accept.

    Writers are closed: they write the properties that their schema names and no others, though the schema
    itself leaves them open for readers. No gap means that every value of ``writer`` is one of ``reader``.
    """
    yield from _Comparison(reader, writer).gaps(reader, writer, "", frozenset())


class _Comparison:
    def __init__(self, reader: Schema, writer: Schema) -> None:
        self._reader_root, self._writer_root = reader, writer

    def gaps(
        self, reader: Schema, writer: Schema, path: str, seen: frozenset[tuple[str, str]]
    ) -> Iterator[Gap]:
        if reader is True or reader == {} or writer is False:
            return
        pair = (_ref(reader), _ref(writer))
        if all(pair):
            if pair in seen:  # a recursive schema: this pair is being compared already
                return
            seen = seen | {pair}
        readers, writers = _branches(reader, self._reader_root), _branches(writer, self._writer_root)
        yield from _defaults(reader, writer, path)
        for branch in (single for each in writers for single in _singly(each)):
            candidates = [(each, list(self._branch(each, branch, path, seen))) for each in readers]
            if any(not found for _, found in candidates):
                continue
            alike = [found for each, found in candidates if _type(each) == _type(branch)]
            open_ones = [found for _, found in candidates if not any(gap.certain for gap in found)]
            if open_ones or alike:
                yield from min(open_ones or alike, key=len)
            else:
                read = " or ".join(sorted({str(_type(each)) for each in readers})) or "nothing"
                yield Gap(path, f"{_type(branch)} may be written, {read} is read")

    def _branch(
        self,
        reader: Mapping[str, Any],
        writer: Mapping[str, Any],
        path: str,
        seen: frozenset[tuple[str, str]],
    ) -> Iterator[Gap]:
        """The gaps between two schemas that are neither references nor alternatives."""
        unknown = sorted(
            keyword
            for keyword in (reader.keys() | writer.keys()) - _COMPARED - _ANNOTATIONS
            if reader.get(keyword) != writer.get(keyword) or self._refers(reader.get(keyword))
        )
        if unknown:
            names = ", ".join(f"`{keyword}`" for keyword in unknown)
            yield Gap(path, f"{names} changed, which this check does not understand", certain=False)
            return
        mine, theirs = _type(reader), _type(writer)
        if mine not in (None, theirs) and (mine, theirs) != ("number", "integer"):
            yield Gap(path, f"{theirs} may be written, {mine} is read")
            return
        read, written = _values(reader), _values(writer)
        if read is not None:
            if written is None:
                yield Gap(path, f"anything may be written, {', '.join(_texts(read))} alone is read")
            elif not {*_texts(written)} <= {*_texts(read)}:
                yield Gap(path, f"{', '.join(_texts(written))} may be written and is not read")
            return
        if written is not None:
            if reader.keys() - _ANNOTATIONS - {"type"}:
                yield Gap(path, f"{', '.join(_texts(written))} may be outside what is read", certain=False)
            return
        yield from _limits(reader, writer, path)
        if "items" in reader:
            yield from self.gaps(reader["items"], writer.get("items", True), f"{path}/*", seen)
        yield from self._object(reader, writer, path, seen)

    def _refers(self, part: object) -> bool:
        """Whether ``part`` refers to definitions, and those changed."""
        roots = (self._reader_root, self._writer_root)
        before, after = (None if isinstance(root, bool) else root.get("$defs") for root in roots)
        return before != after and '"$ref"' in json.dumps(part)

    def _object(
        self,
        reader: Mapping[str, Any],
        writer: Mapping[str, Any],
        path: str,
        seen: frozenset[tuple[str, str]],
    ) -> Iterator[Gap]:
        read, written = reader.get("properties", {}), writer.get("properties", {})
        others = reader.get("additionalProperties", True)
        for field in sorted(set(reader.get("required", ())) - set(writer.get("required", ()))):
            yield Gap(f"{path}/{field}", "required by readers and may be missing")
        for field in sorted(written):
            yield from self.gaps(read.get(field, others), written[field], f"{path}/{field}", seen)
        if others is not True and writer.get("additionalProperties", False) is not False:
            if others is False:
                yield Gap(path, "further fields may be written, and readers forbid them")
            else:
                yield from self.gaps(others, writer["additionalProperties"], f"{path}/*", seen)
        if writer.get("additionalProperties", False) is not False:
            # A map's writer may use any name, and so one that the reader has another type for.
            for field in sorted(set(read) - set(written)):
                yield from self.gaps(read[field], writer["additionalProperties"], f"{path}/{field}", seen)


def _lost(released: Schema, current: Schema) -> Iterator[Gap]:
    """What released consumers may rely on and current producers no longer write, if only sometimes."""
    yield from _lost_below(released, current, released, current, "", 0)


def _lost_below(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, depth: int
) -> Iterator[Gap]:
    if depth > 20:  # a recursive schema: what is lost was found further up
        return
    before, after = _properties(old, old_root), _properties(new, new_root)
    for field, schema in before.items():
        if field not in after:
            yield Gap(f"{path}/{field}", "removed")
        elif field in after:
            yield from _lost_below(schema, after[field], old_root, new_root, f"{path}/{field}", depth + 1)
    items_before, items_after = _items(old, old_root), _items(new, new_root)
    if items_before is not None and items_after is not None:
        yield from _lost_below(items_before, items_after, old_root, new_root, f"{path}/*", depth + 1)


def _properties(schema: Schema, root: Schema | None = None) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for branch in _branches(schema, schema if root is None else root):
        found.update(branch.get("properties", {}))
    return found


def _items(schema: Schema, root: Schema) -> Schema | None:
    for branch in _branches(schema, root):
        if "items" in branch:
            items: Schema = branch["items"]
            return items
    return None


def _ref(schema: Schema) -> str:
    return "" if isinstance(schema, bool) else schema.get("$ref", "")


def _branches(schema: Schema, root: Schema) -> list[Mapping[str, Any]]:
    """The alternatives of ``schema``, with references followed: each of one type at most."""
    if isinstance(schema, bool):
        return [{}] if schema else []
    if (ref := schema.get("$ref")) is not None:
        target: Any = root
        for step in ref.removeprefix("#/").split("/"):
            target = target[step]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _branches({**target, **beside}, root)
    if (alternatives := schema.get("anyOf")) is not None:
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        return [{**beside, **branch} for each in alternatives for branch in _branches(each, root)]
    if isinstance(types := schema.get("type"), list):
        return [{**schema, "type": each} for each in types]
    return [schema]


_TYPES = {
    bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array",
    dict: "object",
}  # fmt: skip


def _type(schema: Mapping[str, Any]) -> str | None:
    """The one type of ``schema``'s values, or nothing if there are several."""
    if "type" in schema:
        return str(schema["type"])
    types = {_TYPES[type(value)] for value in _values(schema) or ()}
    return types.pop() if len(types) == 1 else None


def _singly(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """``schema`` once for each of its values, if they are counted."""
    values = _values(schema)
    if values is None:
        return [schema]
    return [
        {**{key: each for key, each in schema.items() if key != "enum"}, "const": value} for value in values
    ]


def _texts(values: Iterable[Any]) -> list[str]:
    """Values as JSON: to Python, but not here, 1 and true are the same."""
    return [json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values]


def _values(schema: Mapping[str, Any]) -> list[Any] | None:
    """The only values that ``schema`` allows, or nothing if they are not counted."""
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    if values is None and schema.get("type") == "null":
        return [None]
    return values


def _defaults(reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
    missing = object()
    before, after = (
        missing if isinstance(each, bool) else each.get("default", missing) for each in (reader, writer)
    )
    if missing not in (before, after) and _texts([before]) != _texts([after]):
        yield Gap(path, "another default: its absence means something else", certain=False)


def _limits(reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[Gap]:
    if _lower(reader) > _lower(writer) or _upper(reader) > _upper(writer):
        yield Gap(path, "less is read than the range that may be written")
    for least, most in _SIZES:
        if reader.get(least, 0) > writer.get(least, 0):
            yield Gap(path, f"less may be written than readers' `{least}`")
        if reader.get(most, float("inf")) < writer.get(most, float("inf")):
            yield Gap(path, f"more may be written than readers' `{most}`")
    if "pattern" in reader and reader["pattern"] != writer.get("pattern"):
        # Whether one expression accepts all that another does is more than can be told here.
        yield Gap(path, "readers have another `pattern`", certain="pattern" not in writer)
    if "multipleOf" in reader and reader["multipleOf"] != writer.get("multipleOf"):
        yield Gap(path, "readers have another `multipleOf`", certain="multipleOf" not in writer)
    if "format" in reader and reader["format"] != writer.get("format"):
        yield Gap(path, "readers expect another `format`")
    if reader.get("uniqueItems") and not writer.get("uniqueItems"):
        yield Gap(path, "items may be repeated, and readers forbid it")


def _lower(schema: Mapping[str, Any]) -> tuple[float, bool]:
    """The lower bound, and whether it is excluded; the greater, the narrower."""
    bounds = [(schema[key], key != "minimum") for key in ("minimum", "exclusiveMinimum") if key in schema]
    return max(bounds, default=(float("-inf"), False))


def _upper(schema: Mapping[str, Any]) -> tuple[float, bool]:
    """The upper bound, mirrored: the greater, the narrower."""
    bounds = [(-schema[key], key != "maximum") for key in ("maximum", "exclusiveMaximum") if key in schema]
    return max(bounds, default=(float("-inf"), False))


# -- the whole of it -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contract:
    """Schemas by the event's name and version (``member-joined.v1``), and topics by name."""

    schemas: Mapping[str, Schema]
    topics: Mapping[str, Mapping[str, Any]]

    @staticmethod
    def of(folder: Path) -> Contract:
        """The contract whose files lie in ``folder``; an empty one if there are none."""
        topics = folder / "topics.json"
        return Contract(
            {path.stem: _read(path) for path in sorted((folder / "schemas").glob("*.json"))},
            _read(topics) if topics.exists() else {},
        )


def changes(released: Contract, current: Contract) -> list[Change]:
    """What changed between two contracts: topics first, then events, in their names' order."""
    found = [*_topic_changes(released.topics, current.topics)]
    for name in sorted(released.schemas.keys() | current.schemas.keys()):
        if name not in released.schemas:
            found.append(
                Change(
                    Verdict.COMPATIBLE,
                    name,
                    "new; a group commits past what it does not handle: deploy who reacts to it before",
                    Rollout.CONSUMERS_FIRST,
                )
            )
        elif name not in current.schemas:
            found.append(_removed(name, released.schemas))
        else:
            found += compare(name, released.schemas[name], current.schemas[name])
    return found


def _removed(name: str, released: Iterable[str]) -> Change:
    event, _, version = name.rpartition(".v")
    if f"{event}.v{int(version) + 1}" in released:
        reason = "retired: its successor was published beside it for a release"
        return Change(Verdict.COMPATIBLE, name, reason, Rollout.CONSUMERS_FIRST)
    return Change(Verdict.BREAKING, name, "no longer published", Rollout.NEW_VERSION)


def _topic_changes(
    released: Mapping[str, Mapping[str, Any]], current: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    homes = {event: name for name, topic in current.items() for event in topic["events"]}
    for name in sorted(released.keys() | current.keys()):
        if name not in released:
            reason = "new; operators create it before anybody is deployed"
            yield Change(Verdict.COMPATIBLE, name, reason, Rollout.CONSUMERS_FIRST)
            continue
        before = released[name]
        for event in before["events"]:
            if homes.get(event, name) != name:
                reason = f"{event} moved to {homes[event]}"
                yield Change(Verdict.BREAKING, name, reason, Rollout.NEW_VERSION)
        if name not in current:
            yield Change(Verdict.BREAKING, name, "the topic is gone", Rollout.NEW_VERSION)
            continue
        after = current[name]
        for field, reason in (
            ("key", "another key: what is ordered by the old one no longer is"),
            ("partitions", "another number of partitions: keys move, and their order is lost on the way"),
            ("owner", "another owner, and so another ce_source"),
        ):
            if before[field] != after[field]:
                told = f"{reason} ({before[field]} -> {after[field]})"
                yield Change(Verdict.BREAKING, name, told, Rollout.NEW_VERSION)
        if after["retention_ms"] < before["retention_ms"]:
            reason = (
                "kept for a shorter time: a consumer that was away as long as was promised misses records"
            )
            yield Change(Verdict.BREAKING, name, reason, Rollout.CONSUMERS_FIRST)
        elif after["retention_ms"] > before["retention_ms"]:
            yield Change(Verdict.COMPATIBLE, name, "kept for longer", Rollout.ANY)
        if unknown := sorted(field for field in before.keys() ^ after.keys()):
            told = f"{', '.join(unknown)} changed, which this check does not understand"
            yield Change(Verdict.UNCLASSIFIABLE, name, told, Rollout.NEW_VERSION)


def unreadable(folder: Path = RELEASED) -> list[Change]:
    """The released examples that the current consumers' models do not read."""
    found = []
    for path in sorted((folder / "examples").glob("*/*.json")):
        event = EVENTS.get(f"guildhall.{path.parent.name}")
        if event is None:
            continue  # retired or removed: ``changes`` says which
        try:
            event.read(path.read_bytes())
        except ValidationError as error:
            faults = "; ".join(
                f"/{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
            )
            subject = f"{path.parent.name} (released example {path.stem})"
            found.append(Change(Verdict.BREAKING, subject, faults, Rollout.PRODUCERS_FIRST))
    return found


def check(generated: Path = GENERATED, released: Path = RELEASED) -> list[Change]:
    """Every change since the release, and every released example that is no longer read."""
    return changes(Contract.of(released), Contract.of(generated)) + unreadable(released)


def passes(found: Iterable[Change]) -> bool:
    """Whether a contract with these changes may be released."""
    return all(change.verdict is Verdict.COMPATIBLE for change in found)


def release(generated: Path = GENERATED, released: Path = RELEASED) -> None:
    """Make what is generated the promise. Examples are only ever added: old records stay readable.

    Raises ``ValueError`` if a change forbids it.
    """
    found = check(generated, released)
    if not passes(found):
        raise ValueError("\n".join(str(each) for each in found if each.verdict is not Verdict.COMPATIBLE))
    promised = {name for name in files_in(generated) if re.match(r"topics\.json$|schemas/", name)}
    for name in {name for name in files_in(released) if not name.startswith("examples/")} - promised:
        (released / name).unlink()
    for name in sorted(promised):
        (released / name).parent.mkdir(parents=True, exist_ok=True)
        (released / name).write_bytes((generated / name).read_bytes())
    for path in sorted((generated / "examples").glob("*.json")):
        history = released / "examples" / path.stem
        history.mkdir(parents=True, exist_ok=True)
        kept = [_read(each) for each in history.glob("*.json")]
        if (example := _read(path)) not in kept:
            (history / f"{len(kept) + 1:03}.json").write_text(as_json(example), "utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
