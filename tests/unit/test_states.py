"""Every state machine of the domains: what holds of all tables alike."""

from __future__ import annotations

import pytest

from deploy.cli.states import Table, tables

MACHINES = {f"{service}.{name}": table for service, name, table in tables()}


@pytest.mark.parametrize("table", MACHINES.values(), ids=MACHINES.keys())
def test_every_state_is_declared_and_reachable(table: Table) -> None:
    targets = {target for steps in table.values() for target in steps.values()}
    assert targets <= table.keys(), "a step leads to a state that the table does not have"
    start = next(iter(table))
    reached, waiting = {start}, [start]
    while waiting:
        for target in table[waiting.pop()].values():
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    assert reached == table.keys(), f"never reached: {table.keys() - reached}"


def test_both_services_with_lives_have_machines() -> None:
    assert {name.split(".")[0] for name in MACHINES} >= {"members", "discussions"}
