"""The local stack: Kafka and MongoDB for tests, the demo and development, from one of four providers.

    async with start_stack("embedded") as stack:
        ...  # stack.kafka, stack.mongodb

==========  =====================================  ===========================================
kind        what runs                              good for
==========  =====================================  ===========================================
embedded    mongod and Tansu, from PyPI wheels     everything that needs no broker restart
apache      Apache Kafka 4 on Java, and mongod     delivery, rebalance and crash tests
docker      the official images, testcontainers    the same, where a Docker engine answers
external    whatever the environment names         clusters somebody else runs
==========  =====================================  ===========================================
"""

from pathlib import Path

from .base import Stack, StackUnavailable

__all__ = ["KINDS", "Stack", "StackUnavailable", "start_stack"]

KINDS = ("embedded", "apache", "docker", "external")


def start_stack(kind: str, *, mongo_nodes: int = 1, data_dir: Path | None = None) -> Stack:
    """A stack of this kind, to be started by `async with start_stack(...)` or `await start_stack(...)`.

    `mongo_nodes` is the size of the replica set, 1 or 3. `data_dir` must be empty or absent; it receives
    the data and the logs and is left in place at stop, where a stack without one removes its files.
    Starting raises `StackUnavailable`; so does this function when there is no such kind.
    """
    # Imported here, so that nobody pays for (or needs) the parts of a provider he does not use.
    match kind:
        case "embedded":
            from .embedded import EmbeddedStack

            return EmbeddedStack(mongo_nodes=mongo_nodes, data_dir=data_dir)
        case "apache":
            from .apache import ApacheStack

            return ApacheStack(mongo_nodes=mongo_nodes, data_dir=data_dir)
        case "docker":
            from .docker import DockerStack

            return DockerStack(mongo_nodes=mongo_nodes)
        case "external":
            from .external import ExternalStack

            return ExternalStack()
    raise StackUnavailable(f"no stack is called {kind!r}; use one of {', '.join(KINDS)}")
