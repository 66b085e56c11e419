"""What every kind of test may use."""

import os
from collections.abc import AsyncIterator

import pytest

from shared.testing.stack import Stack, start_stack


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """One running stack for the whole session.

    GUILDHALL_STACK names its kind (embedded), GUILDHALL_MONGO_NODES the size of its replica set (1).
    """
    kind, nodes = os.environ.get("GUILDHALL_STACK", "embedded"), os.environ.get("GUILDHALL_MONGO_NODES", "1")
    async with start_stack(kind, mongo_nodes=int(nodes)) as running:
        yield running
