"""What holds members' ids is declared, found by an index, and recognised in events."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deploy.cli.contracts import services
from shared.contracts import EVENTS, Event
from shared.ids import former_member, is_former_member
from shared.service import Service
from shared.storage.personal import Names

EVERY_SERVICE = pytest.mark.parametrize("service", [pytest.param(each, id=each.name) for each in services()])
EVERY_EVENT = pytest.mark.parametrize("event", [pytest.param(each, id=name) for name, each in EVENTS.items()])


@EVERY_SERVICE
def test_every_collection_is_declared(service: Service) -> None:
    undeclared = set(service.all_indexes) - set(service.all_personal)
    assert not undeclared, "say in PERSONAL whose they are: see shared/storage/personal.py"
    assert not set(service.all_personal) - set(service.all_indexes), "there is no such collection"


@EVERY_SERVICE
def test_what_is_a_members_is_found_by_an_index(service: Service) -> None:
    for collection, personal in service.all_personal.items():
        first = {"_id", "_id:"} | {
            index.keys[0][0] for index in service.all_indexes[collection] if index.partial is None
        }
        assert set(personal.fields) <= first, f"{collection}: give the field an index that begins with it"


def _member_ids(value: Any) -> bool:
    """Whether there is the id of a member in the examples."""
    match value:
        case str():
            return re.fullmatch(r"0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b\d\d", value) is not None
        case dict():
            return any(map(_member_ids, value.values()))
        case list():
            return any(map(_member_ids, value))
    return False


@EVERY_EVENT
def test_members_are_recognised_in_events(event: type[Event]) -> None:
    """By the example: a field with a member's id is a ``MemberId``, a list of them, or maybe one."""
    example = event.example()
    fields = {name for name, value in example.model_dump(mode="json").items() if _member_ids(value)}
    assert fields <= set(event.member_fields), "declare it with MemberId (shared/contracts/base.py)"
    erased = example.renamed(dict.fromkeys(example.members(), "nobody"))
    assert not any(map(_member_ids, erased.model_dump(mode="json").values()))
    assert example.renamed({}) == example


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", True), ("c1:ann", True), ("ann:000000000001", True), ("c|ann|tag", True), ("ask @ann.", True),
        ("“ann”", True), ('{"author_id":"ann"}', True), ("Ann", False), ("anna", False), ("ann-2", False),
        ("user.ann", False), ("ann.two", False), ("ann_", False), ("joann", False), ("", False),
    ],
)  # fmt: skip
def test_ids_are_found_as_whole_words(text: str, found: bool) -> None:
    names = Names({"ann": "x"})
    assert (names.replaced(text) != text) == found
    assert (names.replaced(text.encode()) != text.encode()) == found
    assert names.named(text.encode()) == ({"ann"} if found else set())


def test_ids_are_replaced_wherever_they_are() -> None:
    names = Names({"ann": "x", "ann.b": "y", "ü(+": "z"})
    before = {"_id": "c:ann", "ann": [{"by": "ann.b"}, 7, None, "ann bob"], "data": b'"ann"', "u": "ü(+"}
    after = {"_id": "c:x", "x": [{"by": "y"}, 7, None, "x bob"], "data": b'"x"', "u": "z"}
    assert names.replaced(before) == after


def test_a_pseudonym_says_what_it_is_and_nothing_else() -> None:
    one, other = former_member(), former_member()
    assert one != other
    assert is_former_member(one)
    assert not is_former_member("ann")
