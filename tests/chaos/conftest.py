"""Fixtures of the chaos tests."""

import pytest

from shared.testing.harness import create_topics
from shared.testing.stack import Stack


@pytest.fixture(scope="session")
async def topics(stack: Stack) -> Stack:
    """The stack with every declared topic."""
    await create_topics(stack)
    return stack
