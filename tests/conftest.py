"""What every kind of test may use."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import MongoClient

from shared.testing.stack import Stack, start_stack

os.environ.setdefault("GUILDHALL_EMBEDDINGS", "off")  # those tests that need the model start it themselves


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """One running stack for the whole session.

    GUILDHALL_STACK names its kind (embedded), GUILDHALL_MONGO_NODES the size of its replica set (1).
    MongoDB removes nothing by itself: a test's clock may stand where what it writes has long expired.
    """
    kind, nodes = os.environ.get("GUILDHALL_STACK", "embedded"), os.environ.get("GUILDHALL_MONGO_NODES", "1")
    async with start_stack(kind, mongo_nodes=int(nodes)) as running:
        with MongoClient[dict[str, Any]](running.mongodb) as mongo:
            mongo.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        yield running
