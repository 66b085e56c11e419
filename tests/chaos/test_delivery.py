"""Delivery under crashes: nothing acknowledged is lost, order per key kept, each effect once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from shared.testing.fleet import Fleet
from shared.testing.harness import create_topics, settings_for
from shared.testing.stack import Stack, start_stack
from tests.chaos.checker import Load, verdict


async def _under_fire(stack: Stack, logs: Path, seed: int, seconds: float, *, disasters: bool) -> None:
    chance = random.Random(seed)
    settings = settings_for(stack)
    # Three consumers of one group: every kill and every revival is a rebalance.
    fleet = Fleet(settings, logs, replicas={"notifications": 3})
    try:
        await fleet.start()
        load = Load(fleet, seed)
        community = await load.prepare()
        running = asyncio.create_task(load.run(community))
        victims = [*fleet.parts, *([] if not disasters else ["broker", "primary"])]
        chance.shuffle(victims)
        for victim in victims:  # every part dies once, at a random moment under load
            await asyncio.sleep(chance.uniform(0.2, 2 * seconds / len(victims)))
            assert not running.done(), running.exception()
            if victim == "broker":
                await stack.restart_broker()
            elif victim == "primary":
                await stack.step_down_primary()
            else:
                fleet.kill(victim)
                await asyncio.sleep(chance.uniform(0, 0.5))
                fleet.revive(victim)
        await fleet.ready()
        load.stop.set()
        await asyncio.wait_for(running, 90)
        figures = await verdict(load, settings)
        print(f"seed {seed}: {dict(figures)}")
        assert figures["acknowledged"] > 50, "hardly any load: this proved nothing"
    finally:
        fleet.stop()


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_process_killed_under_load(topics: Stack, tmp_path: Path, seed: int) -> None:
    await _under_fire(topics, tmp_path, seed, 16, disasters=False)


@pytest.mark.kafka
@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_processes_broker_and_primary_lost_under_load(tmp_path: Path, seed: int) -> None:
    async with start_stack("apache", mongo_nodes=3) as stack:
        await create_topics(stack)
        await _under_fire(stack, tmp_path, seed, 25, disasters=True)
